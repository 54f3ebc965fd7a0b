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
for few authors (Hesterberg 2015, The American Statistician 69:371). Authors are put into `GROUPS` random groups by a
hash of their posts, which are drawn in place of single ones (Wolter 2007, ch. 2): that costs 1/√(2·500) = 3 % of
a standard error, less than stopping after 200 replicates does (5 %).
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

REPLICATES = 200
GROUPS = 500
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
    author, or the post where the author is not known). occurrences: as `lexicons.occurrences` returns them; a post
    that was read with the lexicons of two languages may have a term twice.
    dimensions: name → its markers; a term in several of them is one term of `dimension:NAME`.

    Returns the columns of posts but `post_id`, with `marker`, `term` and `share`: one row for each term of
    a post with its part 1/k, and one without these for the post itself, with its `mark`, a hash of its id: what is
    drawn by it is the same in every home, whatever its key of authors.
    """
    posts = posts.with_columns(mark=pl.col("post_id").hash(_SEED)).with_row_index("post")
    found = occurrences.select(pl.col("post_id").cast(pl.String), pl.col("marker", "term").cast(pl.Categorical))
    found = found.join(posts.select("post_id", "post"), on="post_id").select("marker", "term", "post").unique()
    members = pl.DataFrame(
        [(marker, f"dimension:{name}") for name, markers in dimensions.items() for marker in markers],
        schema={"marker": pl.Categorical, "dimension": pl.Categorical}, orient="row",
    )  # fmt: skip
    of_dimensions = found.join(members, on="marker").select(pl.col("dimension").alias("marker"), "term", "post")
    every = pl.concat([found, of_dimensions.unique()])
    every = every.join(every.group_by("post", "marker").len("k"), on=["post", "marker"])
    parts = posts.drop("post_id", "mark").join(every, on="post").with_columns(share=1 / pl.col("k"))
    return pl.concat([posts, parts], how="diagonal").select(*_WHERE, "marker", "term", "share", "mark")


def word_shift(
    term_counts: pl.DataFrame,
    period: Days,
    reference: Days,
    *,
    unit: str = "posts",
    minimum_authors: int = 0,
    largest_account: float = 1,
    terms: int | None = None,
    replicates: int = REPLICATES,
) -> pl.DataFrame:
    """What moved each marker of a population from `reference` to `period`.

    term_counts: `time_value, cluster, known, marker, term, share, mark` of the population, as `count_terms`
    returns them. unit: `posts` or `authors`. A term is named where at least `minimum_authors` known authors used
    it in each period and no account's `top_account_share` is over `largest_account`, and at most the `terms` largest
    are; what is left is `OTHER`, with the smallest of them where
    fewer used the rest in either period.

    Returns one row a marker and term, the largest contribution first and `OTHER` last: `contribution` (shares, so
    −1 to 1; they sum to `change`) with its 95 % bounds `lo, hi`, `n_authors` (known ones, in either period) and
    `top_account_share` (max |d| / Σ|d| over accounts' own contributions). On every row of
    a marker the same: `change`, `mix`, `rate` with bounds, `change_top_account_share`, and posts and known authors
    of the population in the periods and, `both_authors`, in both. No rows where a period has no posts, fewer known
    authors than the minimum, or fewer who use the marker; mix, rate and `both_authors` are NULL where fewer are in
    both.
    """
    asked = [(period, reference, term_counts["marker"].drop_nulls().unique().to_list())]
    found = word_shifts(
        term_counts, asked, unit=unit, minimum_authors=minimum_authors, largest_account=largest_account,
        terms=terms, replicates=replicates,
    )  # fmt: skip
    return found.drop("shift")


def word_shifts(
    term_counts: pl.DataFrame,
    asked: Sequence[tuple[Days, Days, Sequence[str]]],
    *,
    unit: str = "posts",
    minimum_authors: int = 0,
    largest_account: float = 1,
    terms: int | None = None,
    replicates: int = REPLICATES,
) -> pl.DataFrame:
    """Many a `word_shift` at once, each of period, reference and markers; `shift` of a row is its place in `asked`."""
    authors, uses = _periods(term_counts, asked, unit)
    known, in_1, in_0 = pl.col("known"), pl.col("n_1") > 0, pl.col("n_0") > 0
    people = {"period_authors": in_1, "reference_authors": in_0, "both_authors": in_1 & in_0}
    totals = authors.group_by("shift").agg(
        *(pl.col(f"n_{i}").sum().alias(f"all_{i}") for i in (1, 0)),
        *(pl.col(f"posts_{i}").sum().alias(f"{name}_posts") for i, name in ((1, "period"), (0, "reference"))),
        *((known & there).sum().alias(name) for name, there in people.items()),
    )
    enough = pl.min_horizontal("period_authors", "reference_authors") >= minimum_authors
    totals = totals.filter(pl.min_horizontal("all_1", "all_0") > 0, enough).sort("shift")
    uses = uses.join(totals.select("shift", "all_1", "all_0"), on="shift")
    if uses.is_empty():
        return pl.DataFrame(schema={"shift": pl.Int64, **_SCHEMA})
    named = _named(uses, minimum_authors, largest_account, terms)
    one, author = ["shift", "marker", "cluster"], ["shift", "cluster"]
    whole = uses.group_by(one).agg(_SUMS, *_FIRST).join(authors.select(*author, "n_1", "n_0"), on=author)
    rest = uses.join(named, on=["shift", "marker", "term"], how="anti").group_by(one).agg(_SUMS, *_FIRST)
    rest = rest.with_columns(pl.lit(OTHER, uses["term"].dtype).alias("term")).select(uses.columns)
    uses = pl.concat([uses.join(named, on=["shift", "marker", "term"], how="semi"), rest])
    of_shift = pl.col("all_1", "all_0").first()
    rows = (
        uses.group_by("shift", "marker", "term")
        .agg(*_USERS, _SUMS, of_shift, _TOP.alias("top_account_share"), n_authors=known.sum())
        .with_columns(contribution=_PART)
        .sort("shift", "marker", pl.col("term") == OTHER, -pl.col("contribution").abs(), "term")
    )
    wholes = whole.group_by("shift", "marker").agg(_SUMS, of_shift, _TOP.alias("change_top_account_share"))
    wholes = wholes.with_columns(change=_PART).sort("shift", "marker")
    rows, wholes = _bounded(authors, totals, uses, whole, rows, wholes, replicates)
    told = wholes.drop("x_1", "x_0", "all_1", "all_0").join(totals.drop("all_1", "all_0"), on="shift")
    hidden = pl.col("both_authors") < minimum_authors
    told = told.with_columns(
        pl.when(~hidden).then(name).alias(name) for name in told.columns if name.startswith(("mix", "rate", "both"))
    )
    return (
        rows.filter(_used_by(minimum_authors))
        .join(told, on=["shift", "marker"], maintain_order="left")
        .select(pl.col("shift").cast(pl.Int64), *(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()))
    )


_PART = pl.col("x_1") / pl.col("all_1") - pl.col("x_0") / pl.col("all_0")
_TOP = (_PART.abs().max() / _PART.abs().sum()).fill_nan(None)
_SUMS = pl.col("x_1", "x_0").sum()
_USERS = [(pl.col("known") & (pl.col(f"x_{i}") > 0)).sum().alias(f"users_{i}") for i in (1, 0)]
_FIRST = (pl.col("known").first(), pl.col("group").first(), pl.col("all_1", "all_0").first())


def _used_by(authors: int) -> pl.Expr:
    """Whether at least so many known authors used it in each period."""
    return pl.min_horizontal("users_1", "users_0") >= authors


def _exact(value: pl.Expr) -> pl.Expr:
    """`value` in whole steps of 2⁻³², of which sums (below 2²¹) are the same in any order."""
    return (value * 2.0**32).round() / 2.0**32


def _periods(
    term_counts: pl.DataFrame, asked: Sequence[tuple[Days, Days, Sequence[str]]], unit: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """By shift every author with n_1, n_0, and every use with x_1, x_0: how much in period and in reference."""
    days = [
        (shift, side, first, last, [*markers, None])
        for shift, (period, reference, markers) in enumerate(asked)
        for side, (first, last) in ((1, period), (0, reference))
    ]
    schema: dict[str, Any] = {
        "shift": pl.UInt32,
        "side": pl.UInt8,
        "first": pl.Date,
        "last": pl.Date,
        "marker": pl.List(pl.String),
    }
    plan = pl.DataFrame(days, schema=schema, orient="row")
    plan = plan.with_columns(time_value=pl.date_ranges("first", "last")).explode("time_value").explode("marker")
    plan = plan.select("shift", "side", "time_value", pl.col("marker").cast(term_counts["marker"].dtype))
    rows = term_counts.select("time_value", "cluster", "known", "marker", "term", "share", "mark")
    if unit == "authors":
        rows = rows.filter("known")
    # Posts apart from uses: to join by a day is faster than by a day and a marker that may be NULL.
    posts = rows.filter(pl.col("marker").is_null()).select("time_value", "cluster", "known", "mark")
    posts = posts.join(plan.filter(pl.col("marker").is_null()).drop("marker"), on="time_value")
    rows = rows.filter(pl.col("marker").is_not_null()).drop("mark")
    rows = rows.join(plan, on=["time_value", "marker"])

    def sides(value: pl.Expr, name: str) -> list[pl.Expr]:
        return [pl.when(pl.col("side") == i).then(value).otherwise(0).alias(f"{name}_{i}") for i in (1, 0)]

    # To group and join by one number is faster than by what it is the hash of.
    one = pl.struct("shift", "cluster").hash().alias("one")
    authors = (
        posts.select("shift", "cluster", "known", "mark", one, *sides(pl.lit(1.0), "n"))
        .group_by("one")
        .agg(pl.col("shift", "cluster", "known").first(), pl.col("mark").min(), pl.col("n_1", "n_0").sum())
        .with_columns((pl.col("mark") % GROUPS).cast(pl.Int64).alias("group"), posts_1="n_1", posts_0="n_0")
    )
    uses = (
        rows.select("shift", "marker", "term", "cluster", "known", one, *sides(_exact(pl.col("share")), "x"))
        .group_by("shift", "marker", "term", "cluster")
        .agg(pl.col("known", "one").first(), _SUMS)
        .join(authors.select("one", "group", "n_1", "n_0"), on="one")
        .drop("one")
    )
    authors = authors.drop("one")
    if unit == "authors":
        own = [_exact(pl.col(f"x_{i}") / pl.col(f"n_{i}")).fill_nan(0).alias(f"x_{i}") for i in (1, 0)]
        uses = uses.with_columns(own)
        authors = authors.with_columns((pl.col(f"n_{i}") > 0).cast(pl.Float64).alias(f"n_{i}") for i in (1, 0))
    return authors, uses.drop("n_1", "n_0")


def _named(uses: pl.DataFrame, minimum_authors: int, largest_account: float, terms: int | None) -> pl.DataFrame:
    """`shift, marker, term` of the terms that may be named, at most `terms` a marker."""
    of, term = ["shift", "marker"], ["shift", "marker", "term"]
    each = [pl.col(f"x_{i}").sum() / pl.col(f"all_{i}").first() for i in (1, 0)]
    named = (
        uses.group_by(term)
        .agg(*_USERS, size=(each[0] - each[1]).abs(), top=_TOP)
        .filter(_used_by(minimum_authors), pl.col("top").fill_null(0) <= largest_account)
        .sort(*of, "size", "term", descending=[False, False, True, False])
    )
    if terms is not None:
        named = named.group_by(of, maintain_order=True).head(terms)
    # A rest of few authors would give them away: change less all that is named is the rest. One term more is enough.
    rest = uses.join(named, on=term, how="anti").group_by(*of, "cluster").agg(pl.col("known").first(), _SUMS)
    thin = rest.group_by(of).agg(_USERS).filter(~_used_by(minimum_authors))
    least = named.join(thin, on=of, how="semi", maintain_order="left").group_by(of).last()
    return named.join(least, on=term, how="anti").select(term)


def _bounded(
    authors: pl.DataFrame, totals: pl.DataFrame, uses: pl.DataFrame, whole: pl.DataFrame, rows: pl.DataFrame,
    wholes: pl.DataFrame, replicates: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """`rows` with lo and hi; `wholes` with mix and rate, and the bounds of these and of change."""
    gap = pl.col("x_1") / pl.col("n_1") - pl.col("x_0") / pl.col("n_0")
    both = whole.filter((pl.col("n_1") > 0) & (pl.col("n_0") > 0))
    both = both.with_columns(_exact(pl.col(f"n_{i}") * gap / 2).alias(f"r_{i}") for i in (1, 0))
    columns = {
        tuple(key): frame.select(key).with_row_index("column")
        for key, frame in ((("shift",), totals), (("shift", "marker"), wholes), (("shift", "marker", "term"), rows))
    }
    numbered = {key: of.rename({"column": "place"}) for key, of in columns.items()}
    at = {
        len(key): frame.join(numbered["shift",], on="shift", maintain_order="left")["place"].to_numpy()
        for key, frame in ((("shift", "marker"), wholes), (("shift", "marker", "term"), rows))
    }
    # The last replicate is the data itself: its rate is the value, not a draw.
    drawn = np.vstack([_draws(GROUPS, replicates), np.ones(GROUPS)])

    def draw(frame: pl.DataFrame, values: str, *key: str) -> Numbers:
        return drawn @ _dense(frame.join(columns[key], on=key), values, columns[key].height)

    sizes = {i: draw(authors, f"n_{i}", "shift") for i in (1, 0)}
    with np.errstate(divide="ignore", invalid="ignore"):  # a replicate may draw nobody who posted in a period
        x, y = ([draw(frame, f"x_{i}", *key) / sizes[i][:, at[len(key)]] for i in (1, 0)] for frame, key in (
            (uses, ("shift", "marker", "term")), (whole, ("shift", "marker"))
        ))  # fmt: skip
        r = [draw(both, f"r_{i}", "shift", "marker") / sizes[i][:, at[2]] for i in (1, 0)]
    change, rate = y[0] - y[1], r[0] + r[1]
    groups = authors.group_by("shift").agg(pl.col("group").n_unique())
    n_groups = totals.join(groups, on="shift", maintain_order="left")["group"].to_numpy()
    value = pl.Series(rate[-1])
    rows = rows.with_columns(_bounds("", (x[0] - x[1])[:-1], n_groups[at[3]]))
    wholes = wholes.with_columns(
        *(value.alias("rate"), (pl.col("change") - value).alias("mix")),
        *_bounds("change_", change[:-1], n_groups[at[2]]),
        *_bounds("mix_", (change - rate)[:-1], n_groups[at[2]]),
        *_bounds("rate_", rate[:-1], n_groups[at[2]]),
    )
    return rows, wholes


def _bounds(name: str, drawn: Numbers, n: Numbers) -> list[pl.Series]:
    """The 95 % bounds of each column, over the replicates with posts in both periods; n: its groups of authors."""
    with np.errstate(divide="ignore", invalid="ignore"):
        below = stats.norm.cdf(stats.t.ppf(0.025, n - 1) * np.sqrt(n / (n - 1)))
    drawn = np.sort(drawn, axis=0)  # NaN last
    count = np.isfinite(drawn).sum(axis=0)
    ends = []
    for level in (below, 1 - below):
        place = np.nan_to_num(level * (count - 1)).clip(0)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        column = np.arange(drawn.shape[1])
        ends.append(drawn[low, column] + (place - low) * (drawn[high, column] - drawn[low, column]))
    known = [np.where(np.isnan(below) | (count == 0), np.nan, end) for end in ends]
    return [pl.Series(f"{name}{end}", bound).fill_nan(None) for end, bound in zip(("lo", "hi"), known, strict=True)]


def _dense(rows: pl.DataFrame, values: str, columns: int) -> Numbers:
    """Sums of `values` by group of authors and column."""
    cell = (rows["group"] * columns + rows["column"].cast(pl.Int64)).to_numpy()
    sums: Numbers = np.bincount(cell, rows[values].to_numpy(), GROUPS * columns).astype(np.float64)
    return sums.reshape(GROUPS, columns)


@lru_cache(maxsize=4)
def _draws(groups: int, replicates: int) -> Numbers:
    """How often each replicate draws each group of authors. Shape: (replicates, groups)."""
    drawn = np.random.default_rng(_SEED).integers(0, groups, (replicates, groups))
    drawn += groups * np.arange(replicates)[:, None]
    times: Numbers = np.bincount(drawn.ravel(), minlength=replicates * groups).astype(np.float64)
    return times.reshape(replicates, groups)
