"""Which posts annotators are asked of: Poisson sampling with permanent random numbers (Ohlsson 1995). Pure functions.

Each post has one number u in [0, 1) for ever, a keyed hash, and is drawn where u is below its inclusion probability.
So a post that comes late is drawn as the others were, whoever draws again draws the same, and a post of several
populations is asked once: its probability is the largest of theirs.
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from barograph.populations import Where, inside
from barograph.privacy import Keyed
from barograph.settings import Annotation
from barograph.tables import DRAWS

_DIGEST = 6
"""Bytes of a hash that make u: steps of 2⁻⁴⁸."""
_DECIDED = ("population", "time_value")


def decide(
    counts: pl.DataFrame, annotation: Annotation, *, now: datetime, decided: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rows of `draws` for the days that have none yet.

    counts: `population, time_value, hit` (whether the posts have a hit of a marker that the task measures), `n`; of
    closed days. decided: rows of `draws`; what they decided stays. Of N posts min(N, `posts`) are expected to be
    drawn. With strata half of them have a hit and half have none; where one stratum has fewer than that, the other
    gives the rest. A stratum of no posts has the probability of the whole day, for posts that come late.
    """
    n = pl.col("n")
    days = counts.group_by(_DECIDED).agg(
        n.filter("hit").sum().alias("hit"), n.filter(~pl.col("hit")).sum().alias("none"), n.sum().alias("all")
    ).filter(pl.col("all") > 0)  # fmt: skip
    if decided is not None:
        days = days.join(decided.filter(pl.col("task") == annotation.name), on=_DECIDED, how="anti")
    kinds = ("hit", "none") if annotation.strata == "lexicon" else ("all",)
    rows = days.unpivot(kinds, index=[*_DECIDED, "all"], variable_name="stratum", value_name="n_posts")
    whole, half, size = float(annotation.posts), annotation.posts / 2, pl.col("n_posts")
    if annotation.strata == "lexicon":
        # What is over where the other stratum has fewer than its half.
        wanted = pl.max_horizontal(half, whole - (pl.col("all") - size))
    else:
        wanted = pl.lit(whole)
    share = pl.when(size > 0).then(wanted / size).otherwise(whole / pl.col("all")).clip(0, 1)
    rows = rows.with_columns(
        task=pl.lit(annotation.name), probability=share, drawn_at=pl.lit(now), n_posts=size.cast(pl.Int64)
    )
    return DRAWS.validate(rows.drop("all")).sort(DRAWS.key)


def with_inclusion(
    task: str, posts: pl.DataFrame, draws: pl.DataFrame, populations: Mapping[str, Where]
) -> pl.DataFrame:
    """`posts` with `inclusion_probability`: the largest over the populations a post is in, 0 where none was drawn from.

    posts: `time_value, hit` and the columns that `populations` filter by (source, community, lang, geo); any others
    stay. draws: rows of `draws`, of any tasks.
    """
    mine = draws.filter(pl.col("task") == task)
    applies = pl.DataFrame({"hit": [True, False, True, False], "stratum": ["hit", "none", "all", "all"]})
    each = mine.join(applies, on="stratum").group_by("population", "time_value", "hit").agg(pl.col("probability").max())
    rows = posts.with_columns(inclusion_probability=pl.lit(0.0))
    for (name,), of_days in each.group_by("population", maintain_order=True):
        if (where := populations.get(str(name))) is None:
            continue
        own = pl.when(inside(where)).then("probability")
        rows = (
            rows.join(of_days.drop("population"), on=["time_value", "hit"], how="left", maintain_order="left")
            .with_columns(pl.max_horizontal("inclusion_probability", own))
            .drop("probability")
        )
    return rows


def drawn(
    task: str, posts: pl.DataFrame, draws: pl.DataFrame, populations: Mapping[str, Where], keyed: Keyed
) -> pl.DataFrame:
    """`post_id, inclusion_probability` of the posts that are in the sample, asked or not.

    posts: `post_id` and what `with_inclusion` takes; each post once. All tasks of one topic have the same u, so that
    an interaction is drawn whole.

    In ascending order of u / probability: however far a budget reaches down the list, what is above is a sample with
    probabilities in the same proportions, and weighting by their inverse stays right.
    """
    rows = with_inclusion(task, posts, draws, populations).filter(pl.col("inclusion_probability") > 0)
    rows = rows.with_columns(permanent(task, rows["post_id"], keyed).alias("u"))
    order = (pl.col("u") / pl.col("inclusion_probability")).alias("order")
    sample = rows.filter(pl.col("u") < pl.col("inclusion_probability")).sort(order, "post_id")
    return sample.select("post_id", "inclusion_probability")


def permanent(task: str, post_ids: pl.Series, keyed: Keyed) -> pl.Series:
    """u of each post: uniform in [0, 1), the same for ever in one home; for `TASK:TOPIC` that of the topic."""
    _, colon, topic = task.partition(":")
    named = (pl.lit(f"{colon}{topic}" if topic else task) + "\x1f" + pl.col("post_id")).alias("named")
    hashes = keyed.column(post_ids.alias("post_id").to_frame().select(named).to_series(), _DIGEST)
    whole = hashes.str.to_integer(base=16, dtype=pl.Int64)
    return (whole.cast(pl.Float64) / float(1 << (8 * _DIGEST))).alias("u")
