"""Why a marker moved between two periods: which terms, who posts, and what they express. Pure functions.

**Attribution.** A post expresses a marker where at least one of the marker's terms counts in it. Where k distinct
terms do, each is given 1/k of the post. So the parts of the terms add up to the share of posts that express the
marker, and the change of that share falls into one contribution a term. With n posts of the population, x of them
(in parts) given to a term, and the periods 1 (explained) and 0 (reference):

    contribution = x₁/n₁ − x₀/n₀

This is the weighted-average shift of Gallagher et al. 2021 (EPJ Data Science 10:4) with score 1 for a term, 0 for
posts without any, and the reference value 0. In unit `authors` every known author weighs the same: x is the
author's own share of posts in parts, n is 1.

**Mix and rate.** With author g's weight w = n_g/n in a period and own share r = x_g/n_g there
(Kitagawa 1955; Blinder and Oaxaca 1973 for the same idea in regression):

    rate = Σ ½(w₁ + w₀)(r₁ − r₀)  over authors who post in both periods: the same people express more or less
    mix  = change − rate = Σ ½(r₁ + r₀)(w₁ − w₀) over them, plus w₁r₁ of who came, minus w₀r₀ of who left

**Intervals** are percentiles of a bootstrap over authors, who carry their posts of both periods with them, expanded
for few authors (Hesterberg 2015, The American Statistician 69:371). Beyond `GROUPS` authors, random groups of them
are drawn in place of single ones (Wolter 2007, ch. 2), which costs less precision (1/√(2·2000) = 1.6 % of a standard
error) than stopping after 300 replicates (4 %).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from barograph.tables import OTHER

Days = tuple[date, date]
"""First and last UTC day of a period."""
Numbers = np.ndarray[Any, np.dtype[np.float64]]

REPLICATES = 300
GROUPS = 2000
_SEED = 20_24
_WHERE = ("time_value", "source", "community", "lang", "geo", "cluster", "known")
_SCHEMA = {
    "marker": pl.String, "term": pl.String, "contribution": pl.Float64, "lo": pl.Float64, "hi": pl.Float64,
    "n_authors": pl.Int64, "top_account_share": pl.Float64,
    **{f"{part}{end}": pl.Float64 for part in ("change", "mix", "rate") for end in ("", "_lo", "_hi")},
    "change_top_account_share": pl.Float64,
    "period_posts": pl.Int64, "reference_posts": pl.Int64,
    "period_authors": pl.Int64, "reference_authors": pl.Int64, "both_authors": pl.Int64,
}  # fmt: skip


def count_terms(
    posts: pl.DataFrame, occurrences: pl.DataFrame, dimensions: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Posts in parts by author, day and term: what `word_shift` reads.

    posts: `post_id, time_value, source, community, lang, geo, cluster, known` of every post read (cluster: the
    author, or the post where the author is not known). occurrences: as `lexicons.occurrences` returns them.
    dimensions: name → its markers; a term in several of them is one term of `dimension:NAME`.

    Returns the columns of posts but `post_id`, with `marker`, `term` and `share`: one row for each term of
    a post with its part 1/k, and one without marker, term and share for the post itself.
    """
    posts = posts.with_row_index("post")
    found = occurrences.select(pl.col("post_id").cast(pl.String), pl.col("marker", "term").cast(pl.Categorical))
    found = found.join(posts.select("post_id", "post"), on="post_id").drop("post_id")
    members = pl.DataFrame(
        [(marker, f"dimension:{name}") for name, markers in dimensions.items() for marker in markers],
        schema={"marker": pl.Categorical, "dimension": pl.Categorical}, orient="row",
    )  # fmt: skip
    of_dimensions = found.join(members, on="marker").select(pl.col("dimension").alias("marker"), "term", "post")
    every = pl.concat([found, of_dimensions.unique()])
    every = every.join(every.group_by("post", "marker").len("k"), on=["post", "marker"])
    parts = posts.drop("post_id").join(every, on="post").with_columns(share=1 / pl.col("k"))
    return pl.concat([posts, parts], how="diagonal").select(*_WHERE, "marker", "term", "share")


def word_shift(
    term_counts: pl.DataFrame,
    period: Days,
    reference: Days,
    *,
    unit: str = "posts",
    minimum_authors: int = 0,
    terms: int | None = None,
    replicates: int = REPLICATES,
) -> pl.DataFrame:
    """What moved each marker of a population from `reference` to `period`.

    term_counts: `time_value, cluster, known, marker, term, share` of the population, as `count_terms`
    returns them. unit: `posts` or `authors`. A term is named where at least `minimum_authors` known authors used
    it in each period, and at most the `terms` largest are; what is left is `OTHER`, with the smallest of them where it
    would else rest on too few.

    Returns one row a marker and term, the largest contribution first and `OTHER` last: `contribution` (shares, so
    −1 to 1; they sum to `change`) with its 95 % bounds `lo, hi`, `n_authors` (known ones, in either period) and
    `top_account_share` (the largest single account's part of Σ|an account's contribution|). On every row of
    a marker the same: `change`, `mix`, `rate` with bounds, `change_top_account_share`, and posts and known authors
    of the population in the periods and, `both_authors`, in both. No rows where a period has no posts, fewer known
    authors than the minimum, or fewer use the marker; mix and rate are NULL where fewer are in both.
    """
    authors, uses = _periods(term_counts, period, reference, unit)
    known = authors.filter("known")
    in_1, in_0 = pl.col("n_1") > 0, pl.col("n_0") > 0
    people = [known.filter(where).height for where in (in_1, in_0, in_1 & in_0)]
    totals = {f"n_{i}": float(authors[f"n_{i}"].sum()) for i in (1, 0)}
    if min(totals.values()) == 0 or min(people[:2]) < minimum_authors or uses.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    part = pl.col("x_1") / totals["n_1"] - pl.col("x_0") / totals["n_0"]
    named = _named(uses, part, minimum_authors, terms)
    key, amounts = ["marker", "author"], ["x_1", "x_0"]
    whole = uses.group_by(key).agg(pl.col(amounts).sum()).join(authors, on="author").with_columns(part=part)
    rest = uses.join(named, on=["marker", "term"], how="anti").group_by(key).agg(pl.col(amounts).sum())
    rest = rest.join(authors, on="author").with_columns(pl.lit(OTHER, uses["term"].dtype).alias("term"), part=part)
    uses = uses.join(named, on=["marker", "term"], how="semi").with_columns(part=part)
    uses = pl.concat([uses, rest.select(uses.columns)])
    top = pl.col("part").abs().max() / pl.col("part").abs().sum()
    rows = (
        uses.group_by("marker", "term")
        .agg(pl.col(amounts).sum(), n_authors=pl.col("known").sum().cast(pl.Int64), top_account_share=top)
        .with_columns(contribution=part)
        .sort("marker", pl.col("term") == OTHER, -pl.col("contribution").abs(), "term")
    )
    wholes = whole.group_by("marker").agg(pl.col(amounts).sum(), change_top_account_share=top)
    wholes = wholes.with_columns(change=part).sort("marker")
    rows, wholes = _bounded(authors, uses, whole, rows, wholes, replicates)
    if people[2] < minimum_authors:
        hidden = [name for name in wholes.columns if name.startswith(("mix", "rate"))]
        wholes = wholes.with_columns(pl.lit(None, pl.Float64).alias(name) for name in hidden)
    posts = authors.select(pl.col("posts_1", "posts_0").sum()).row(0)
    counted = dict(zip(list(_SCHEMA)[-5:], (*posts, *people), strict=True))
    return (
        rows.filter(pl.col("n_authors") >= minimum_authors)
        .join(wholes, on="marker", maintain_order="left")
        .with_columns(pl.lit(n).alias(name) for name, n in counted.items())
        .with_columns(pl.col("top_account_share", "change_top_account_share").fill_nan(None))
        .select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
    )  # fmt: skip


def _exact(value: pl.Expr) -> pl.Expr:
    """`value` in whole steps of 2⁻³², of which sums (below 2²¹) are the same in any order."""
    return (value * 2.0**32).round() / 2.0**32


def _periods(term_counts: pl.DataFrame, period: Days, reference: Days, unit: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every author with n_1, n_0, and every use with x_1, x_0: how much in period and in reference."""
    within = {1: pl.col("time_value").is_between(*period), 0: pl.col("time_value").is_between(*reference)}
    rows = term_counts.filter(within[1] | within[0])
    if unit == "authors":
        rows = rows.filter("known")
    every, uses = rows.filter(pl.col("marker").is_null()), rows.filter(pl.col("marker").is_not_null())
    authors = (
        every.select("cluster", "known", *(within[i].alias(f"posts_{i}") for i in (1, 0)))
        .group_by("cluster")
        .agg(pl.col("known").first(), pl.col("posts_1", "posts_0").sum().cast(pl.Float64))
        .sort("cluster")
        .with_row_index("author")
        .with_columns(n_1="posts_1", n_0="posts_0")
    )
    groups = np.random.default_rng(_SEED).permutation(authors.height) % GROUPS
    if authors.height <= GROUPS:
        groups = np.arange(authors.height)
    authors = authors.with_columns(group=pl.Series(groups, dtype=pl.Int64))
    uses = (
        uses.select(
            "marker",
            "term",
            "cluster",
            *(pl.when(within[i]).then(_exact(pl.col("share"))).otherwise(0).alias(f"x_{i}") for i in (1, 0)),
        )
        .group_by("marker", "term", "cluster")
        .agg(pl.col("x_1", "x_0").sum())
        .join(authors, on="cluster")
    )
    if unit == "authors":
        own = [_exact(pl.col(f"x_{i}") / pl.col(f"n_{i}")).fill_nan(0).alias(f"x_{i}") for i in (1, 0)]
        one = [(pl.col(f"n_{i}") > 0).cast(pl.Float64).alias(f"n_{i}") for i in (1, 0)]
        authors, uses = authors.with_columns(one), uses.with_columns(own).with_columns(one)
    return authors, uses


def _named(uses: pl.DataFrame, part: pl.Expr, minimum_authors: int, terms: int | None) -> pl.DataFrame:
    """`marker, term` of the terms that may be named, at most `terms` a marker; part: x_1, x_0 → contribution."""
    users = [(pl.col("known") & (pl.col(x) > 0)).sum().alias(x) for x in ("x_1", "x_0")]
    named = (
        uses.group_by("marker", "term")
        .agg(pl.col("x_1", "x_0").sum(), fewest=pl.min_horizontal(users))
        .filter(pl.col("fewest") >= minimum_authors)
        .sort("marker", part.abs(), "term", descending=[False, True, False])
    )
    if terms is not None:
        named = named.group_by("marker", maintain_order=True).head(terms)
    # A rest of few authors would give them away: change less all that is named is the rest. One term more is enough.
    rest = uses.join(named, on=["marker", "term"], how="anti").group_by("marker")
    thin = rest.agg(n=pl.col("cluster").filter("known").n_unique()).filter(pl.col("n") < minimum_authors)
    least = named.join(thin, on="marker", how="semi", maintain_order="left").group_by("marker").last()
    return named.join(least, on=["marker", "term"], how="anti").select("marker", "term")


def _bounded(
    authors: pl.DataFrame, uses: pl.DataFrame, whole: pl.DataFrame, rows: pl.DataFrame, wholes: pl.DataFrame,
    replicates: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """`rows` with lo and hi; `wholes` with mix and rate, and the bounds of these and of change."""
    gap = pl.col("x_1") / pl.col("n_1") - pl.col("x_0") / pl.col("n_0")
    both = whole.filter((pl.col("n_1") > 0) & (pl.col("n_0") > 0))
    both = both.with_columns(_exact(pl.col(f"n_{i}") * gap / 2).alias(f"r_{i}") for i in (1, 0))
    of_row = rows.select("marker", "term").with_row_index("column")
    of_marker = wholes.select("marker").with_row_index("column")
    uses, both = uses.join(of_row, on=["marker", "term"]), both.join(of_marker, on="marker")
    n_groups = min(authors.height, GROUPS)
    # The last replicate is the data itself: its rate is the value, not a draw.
    drawn = np.vstack([_draws(n_groups, replicates), np.ones(n_groups)])
    shares, rates = {}, {}
    for i in (1, 0):
        total = drawn @ np.bincount(authors["group"], authors[f"n_{i}"], n_groups)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):  # a replicate may draw nobody who posted in a period
            shares[i] = drawn @ _dense(uses, f"x_{i}", n_groups, rows.height) / total
            rates[i] = drawn @ _dense(both, f"r_{i}", n_groups, wholes.height) / total
    parts, rate = shares[1] - shares[0], rates[1] + rates[0]
    member = rows.select("marker").join(of_marker, on="marker", maintain_order="left")["column"]
    change = parts @ np.eye(wholes.height)[member]
    rows = rows.with_columns(_bounds("", parts[:-1], n_groups))
    value = pl.Series(rate[-1])
    wholes = wholes.with_columns(
        *(value.alias("rate"), (pl.col("change") - value).alias("mix")),
        *_bounds("change_", change[:-1], n_groups),
        *_bounds("mix_", (change - rate)[:-1], n_groups),
        *_bounds("rate_", rate[:-1], n_groups),
    )  # fmt: skip
    return rows, wholes


def _bounds(name: str, drawn: Numbers, n: int) -> list[pl.Series]:
    """The 95 % bounds of each column, over the replicates (of n groups of authors) with posts in both periods."""
    whole = drawn[np.isfinite(drawn).all(axis=1)]
    ends = np.full((2, drawn.shape[1]), np.nan)
    if n > 1 and len(whole):
        below = stats.norm.cdf(stats.t.ppf(0.025, n - 1) * np.sqrt(n / (n - 1)))
        ends = np.quantile(whole, (below, 1 - below), axis=0)
    return [pl.Series(f"{name}{end}", bound).fill_nan(None) for end, bound in zip(("lo", "hi"), ends, strict=True)]


def _dense(rows: pl.DataFrame, values: str, groups: int, columns: int) -> Numbers:
    """Sums of `values` by group of authors and column."""
    cell = (rows["group"] * columns + rows["column"].cast(pl.Int64)).to_numpy()
    sums: Numbers = np.bincount(cell, rows[values].to_numpy(), groups * columns).astype(np.float64)
    return sums.reshape(groups, columns)


@lru_cache(maxsize=8)
def _draws(groups: int, replicates: int) -> Numbers:
    """How often each replicate draws each of so many groups of authors. Shape: (replicates, groups)."""
    drawn = np.random.default_rng(_SEED).integers(0, groups, (replicates, groups))
    drawn += groups * np.arange(replicates)[:, None]
    times: Numbers = np.bincount(drawn.ravel(), minlength=replicates * groups).astype(np.float64)
    return times.reshape(replicates, groups)
