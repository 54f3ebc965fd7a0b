"""Posts per author and day → prevalence per population and day, with its uncertainty."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from scipy import stats

from barograph import calibration
from barograph.populations import Where, inside
from barograph.readings import Readings
from barograph.tables import SERIES

_CELL = ("population", "time_value")
_PLACE = ("source", "community", "lang", "geo")
_AUTHOR = ("time_value", "cluster", "known")
_COVERED = 0.95
_UNCOVERED = "under 95 % of posts in a language with a calibration"


def aggregate(
    activity: pl.DataFrame,
    expressions: pl.DataFrame,
    days: pl.DataFrame,
    populations: Mapping[str, Where],
    markers: Sequence[str],
    *,
    now: datetime,
    minimum_authors: int,
    closing_hours: float,
) -> pl.DataFrame:
    """Prevalence of each marker, by posts and by authors, for the days in `activity` and for every empty day.

    activity, expressions: as `Warehouse.activity` returns them. days: `source, community, lang, geo,
    time_value` of every day with a measured post; a population has one row a calendar day between its first and last.
    Returns rows of `series` with `issue` = now.

    Unit posts: p = Σx / Σn. Unit authors: the mean of each author's own share x/n, posts of unknown authors
    left out. stderr: linearised, clustered by author (Cochran 1977, ch. 9). lo/hi: 95 % Wilson interval at
    the effective sample size n / design effect, with the t-quantile of the clusters' degrees of freedom
    (Korn & Graubard 1998; Franco et al. 2019).
    """
    totals, sums, calendar = [], [], []
    for name, where in populations.items():
        posts, marked, seen = (_members(frame, where) for frame in (activity, expressions, days))
        if seen.select(_PLACE).n_unique() > 1:  # of one place only, rows are authors already
            posts, marked = _by_author(posts), _by_author(marked, "marker")
        totals.append(_day_totals(posts).with_columns(population=pl.lit(name)))
        sums.append(_sums(marked, posts).with_columns(population=pl.lit(name)))
        calendar.append(_calendar(seen["time_value"]).with_columns(population=pl.lit(name)))
    cells = (
        pl.concat(totals)
        .join(pl.DataFrame({"marker": markers}, schema={"marker": pl.String}), how="cross")
        .join(pl.concat(sums), on=[*_CELL, "marker"], how="left")
        .with_columns(pl.col("x", "xx", "xn", "s", "ss").fill_null(0))
    )
    cells = cells.with_columns(label_source=pl.lit(None, pl.String))
    rows = pl.concat([_posts(cells), _authors(cells)])
    rows = pl.concat([_censored(rows, minimum_authors), _empty_days(pl.concat(calendar), markers)], how="diagonal")
    return _issued(rows, "lexicon", now, closing_hours)


def _censored(rows: pl.DataFrame, minimum_authors: int) -> pl.DataFrame:
    """`rows` without the values that too few authors are behind, and with the reason; one given before stays."""
    few = pl.col("n_authors") < minimum_authors
    missing = (
        pl.when((pl.col("n_authors") == 0) & (minimum_authors > 0)).then(pl.lit("authors unknown"))
        .when(few).then(pl.lit(f"fewer than {minimum_authors} authors"))
        .when(pl.col("prevalence").is_null()).then(pl.lit("authors unknown"))
    )  # fmt: skip
    given = [pl.col("missing_reason")] if "missing_reason" in rows.columns else []
    return rows.with_columns(pl.coalesce(*given, missing).alias("missing_reason")).with_columns(
        # Rounded, so that the order of a sum is not mistaken for a change that deserves a new issue.
        pl.when(pl.col("missing_reason").is_null()).then(pl.col(c).round(12)).alias(c)
        for c in ("prevalence", "stderr", "lo", "hi")
    )


def _issued(rows: pl.DataFrame, method: str, now: datetime, closing_hours: float) -> pl.DataFrame:
    """Rows of `series`."""
    closes = pl.col("time_value").cast(pl.Datetime("us")) + timedelta(days=1, hours=closing_hours)
    return rows.with_columns(
        method=pl.lit(method), value_kind=pl.lit("share"), provisional=closes > now, issue=pl.lit(now)
    ).select(*SERIES.columns)


def _members(frame: pl.DataFrame, where: Where) -> pl.DataFrame:
    """The rows of `frame` that a population's filter lets through."""
    return frame.filter(inside(where))


def _by_author(frame: pl.DataFrame, *also: str) -> pl.DataFrame:
    """`n` summed over places: a row for each author, day and value of `also`."""
    # To group by one number is twice as fast as by what it is the hash of.
    one = pl.struct(*_AUTHOR, *also).hash()
    return frame.group_by(one.alias("one")).agg(pl.col("n").sum(), pl.col(*_AUTHOR, *also).first())


def _day_totals(authors: pl.DataFrame) -> pl.DataFrame:
    """Per day: n posts, clusters and Σn² of all clusters; the same (k…) of those whose author is known."""
    n, known = pl.col("n"), pl.col("n").filter(pl.col("known"))
    return authors.group_by("time_value").agg(
        n.sum().alias("n_posts"), pl.len().cast(pl.Int64).alias("clusters"), (n**2).sum().alias("nn"),
        known.sum().alias("known_posts"), known.len().cast(pl.Int64).alias("n_authors"),
        (known**2).sum().alias("known_nn"),
    )  # fmt: skip


def _sums(expressions: pl.DataFrame, authors: pl.DataFrame) -> pl.DataFrame:
    """Per day and marker, over clusters: Σx, Σx², Σxn, and of known authors also Σs, Σs² of s = x/n."""
    one, known = pl.struct(_AUTHOR).hash().alias("one"), pl.col("known")
    x = expressions.select("time_value", "known", "marker", pl.col("n").alias("x"), one)
    x = x.join(authors.select("n", one), on="one").with_columns(s=pl.col("x") / pl.col("n"))
    return x.group_by("time_value", "marker").agg(
        pl.col("x").sum(), (pl.col("x") ** 2).sum().alias("xx"), (pl.col("x") * pl.col("n")).sum().alias("xn"),
        pl.col("s").filter(known).sum(), (pl.col("s").filter(known) ** 2).sum().alias("ss"),
    )  # fmt: skip


def _posts(cells: pl.DataFrame) -> pl.DataFrame:
    n, m, p = pl.col("n_posts"), pl.col("clusters"), pl.col("x") / pl.col("n_posts")
    # Σ (x − p n)² over clusters, expanded so that clusters without the marker need no rows.
    squares = pl.col("xx") - 2 * p * pl.col("xn") + p**2 * pl.col("nn")
    variance = (m / (m - 1)) * squares.clip(0) / n**2
    return _intervals(
        cells.with_columns(prevalence=p, variance=variance, size=n.cast(pl.Float64), df=m - 1), "posts", "nn"
    )


def _authors(cells: pl.DataFrame) -> pl.DataFrame:
    m = pl.col("n_authors")
    p = pl.when(m > 0).then(pl.col("s") / m)
    variance = (pl.col("ss") - m * p**2).clip(0) / (m - 1) / m
    return _intervals(
        cells.with_columns(
            prevalence=p, variance=variance, size=pl.col("known_posts").cast(pl.Float64), df=m - 1,
            n_posts=pl.col("known_posts"),
        ), "authors", "known_nn",
    )  # fmt: skip


def _intervals(
    cells: pl.DataFrame, unit: str, squared_sizes: str, *, spread: str = "variance", least_effect: float = 1
) -> pl.DataFrame:
    """Cells with their bounds. spread: the column that is 0 where the sample says nothing of clustering."""
    cells = cells.with_columns(pl.col("prevalence").fill_nan(None), pl.col("variance").fill_nan(None))
    p, variance, size = (cells[c].to_numpy() for c in ("prevalence", "variance", "size"))
    df = cells["df"].to_numpy().astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.maximum(variance * size / (p * (1 - p)), least_effect)
        # Where no post or every post expresses the marker, the sample says nothing of clustering: the worst
        # case counts, authors who always post alike, which is Kish's effective size (Σn)² / Σn².
        effective = np.where(cells[spread].to_numpy() > 0, size / effect, size**2 / cells[squared_sizes].to_numpy())
        z = stats.norm.ppf(0.975)
        effective *= (z / stats.t.ppf(0.975, np.maximum(df, 1))) ** 2
        middle = (p + z**2 / (2 * effective)) / (1 + z**2 / effective)
        half = z / (1 + z**2 / effective) * np.sqrt(p * (1 - p) / effective + z**2 / (4 * effective**2))
    return cells.with_columns(
        pl.lit(unit).alias("unit"),
        pl.Series("stderr", np.sqrt(variance)),
        pl.Series("lo", np.clip(middle - half, 0, p)),
        pl.Series("hi", np.clip(middle + half, p, 1)),
    ).with_columns(pl.col("stderr", "lo", "hi").fill_nan(None)).select(
        *_CELL, "marker", "unit", "prevalence", "stderr", "lo", "hi", "n_posts", "n_authors", "label_source"
    )  # fmt: skip


def _calendar(days: pl.Series) -> pl.DataFrame:
    """The days without a post between the first and the last with one."""
    first, last = days.min(), days.max()
    if not isinstance(first, date) or not isinstance(last, date):
        return pl.DataFrame(schema={"time_value": pl.Date})
    whole = pl.date_range(first, last, eager=True).alias("time_value")
    return whole.filter(~whole.is_in(days.unique().to_list())).to_frame()


def _empty_days(calendar: pl.DataFrame, markers: Sequence[str]) -> pl.DataFrame:
    """A row of no posts for each of these days, marker and unit."""
    every = pl.DataFrame({"marker": markers}, schema={"marker": pl.String}).join(
        pl.DataFrame({"unit": ["posts", "authors"]}), how="cross"
    )
    return calendar.join(every, how="cross").with_columns(
        n_posts=pl.lit(0, pl.Int64), n_authors=pl.lit(0, pl.Int64), missing_reason=pl.lit("no posts")
    )


def aggregate_calibrated(
    readings: Readings,
    days: pl.DataFrame,
    populations: Mapping[str, Where],
    calibrations: pl.DataFrame,
    issued: Sequence[date],
    *,
    now: datetime,
    minimum_authors: int,
    closing_hours: float,
) -> pl.DataFrame:
    """Prevalence as the mean calibrated probability, for the days `issued` and for every empty day.

    readings: of all `calibration.window(issued)`. days: as for `aggregate`, and how many posts each has, `n`.
    calibrations: `marker, lang, probability` (of a post without evidence), `base_rate, power` (TPR − FPR), `fitted_on`,
    one row a marker and language that has a calibration.

    Only posts in these languages count. A cell needs 95 % of its population's posts of the trailing 28 days to be in
    them, else the rest would be passed over in silence; a line of which no cell has that has no rows.
    Returns rows of `series` with `issue` = now. Interval: as in `aggregate`, at the effective sample size
    p(1 − p) / variance, which may be more than there are posts, as a mean of probabilities varies less than a share.
    """
    rows, calendar = [SERIES.empty()], []
    languages = calibrations.group_by("marker", maintain_order=True).agg(pl.col("lang").sort())
    for name, where in populations.items():
        mine = _members(days, where)
        for langs, markers in languages.group_by("lang", maintain_order=True).agg("marker").iter_rows():
            covered = _covered(mine, langs)
            if not covered["covered"].any():
                continue
            here = readings.places.with_columns(pl.col("lang").is_in(langs).alias("mine"))
            chosen = _members(here.filter("mine"), where)["place"]
            members = here["place"].is_in(chosen.implode()).to_numpy()
            found = readings.cells(members, calibrations.filter(pl.col("marker").is_in(markers)))
            found = found.with_columns(df=pl.col("groups") - 1, population=pl.lit(name))
            bounded = [
                _intervals(found.filter(unit=unit), unit, "squared_sizes", spread="spread", least_effect=0)
                for unit in readings.units
            ]
            asked = covered.filter(pl.col("time_value").is_in(list(issued)))
            cells = asked.join(pl.concat(bounded), on="time_value")
            reason = pl.when(~pl.col("covered")).then(pl.lit(_UNCOVERED))
            rows.append(cells.drop("covered").with_columns(cells.select(reason.alias("missing_reason"))))
            calendar.append(_empty_days(_calendar(mine["time_value"]), markers).with_columns(population=pl.lit(name)))
    censored = _censored(pl.concat(rows, how="diagonal"), minimum_authors)
    return _issued(pl.concat([censored, *calendar], how="diagonal"), "calibrated", now, closing_hours)


def _covered(days: pl.DataFrame, langs: list[str]) -> pl.DataFrame:
    """`time_value` of every day with posts, and whether enough of those of the trailing 28 days are in `langs`."""
    n, within = pl.col("n").sum(), pl.col("n").filter(pl.col("lang").is_in(langs)).sum().alias("within")
    daily = days.group_by("time_value").agg(n, within).sort("time_value")
    window = f"{calibration.WINDOW_DAYS}d"
    share = pl.col("within").rolling_sum_by("time_value", window) / pl.col("n").rolling_sum_by("time_value", window)
    return daily.select("time_value", (share >= _COVERED).alias("covered"))


def emptied(
    known: pl.DataFrame, days: pl.DataFrame, populations: Mapping[str, Where], issued: Sequence[date], *,
    now: datetime, closing_hours: float,
) -> pl.DataFrame:  # fmt: skip
    """Rows that say that there are no posts: of cells of `known` on a day `issued` that has lost all of them.

    days: as for `aggregate`. Returns rows of `series` with `issue` = now.
    """
    gone = [known.clear()]
    for name, where in populations.items():
        there = _members(days, where)["time_value"].unique()
        mine = known.filter(pl.col("population") == name, pl.col("time_value").is_in(issued), pl.col("n_posts") > 0)
        gone.append(mine.filter(pl.col("unit") != "interactions", ~pl.col("time_value").is_in(there.implode())))
    closes = pl.col("time_value").cast(pl.Datetime("us")) + timedelta(days=1, hours=closing_hours)
    values = ("prevalence", "stderr", "lo", "hi")
    return pl.concat(gone).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in values
    ).with_columns(
        n_posts=pl.lit(0, pl.Int64), n_authors=pl.lit(0, pl.Int64), missing_reason=pl.lit("no posts"),
        provisional=closes > now, issue=pl.lit(now),
    )  # fmt: skip


def changed(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows that say something else than the latest known issue of the same cell."""
    names = [name for name in SERIES.columns if name != "issue"]
    return rows.join(known.select(names), on=names, how="anti", nulls_equal=True).select(rows.columns)


def day_end(day: date) -> datetime:
    """The last second of a UTC day."""
    return datetime.combine(day, time(23, 59, 59))
