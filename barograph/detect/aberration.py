"""Days that depart from a statistical baseline, or from what had been forecast for them → rows of `exceedances`.

All lines of a closed day with one unit and method are one family of tests: a rule's percentile of 95 holds the share of
false alarms among a day's alarms to 5 % (Benjamini & Hochberg 1995), however many lines it watches.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from barograph.detect import discovery, ladder
from barograph.detect.baseline import Floats
from barograph.detect.thresholds import measured
from barograph.rules import watched
from barograph.settings import Rule
from barograph.tables import EXCEEDANCES, LINE

RED = 0.01
_Z = stats.norm.ppf(0.975)
_ERROR = pl.when(pl.col("stderr") > 0).then("stderr").otherwise((pl.col("hi") - pl.col("lo")) / (2 * _Z))
_AT_ONCE = 64
"""Lines tested together: what their windows take is some hundred MB."""
USUAL_DAYS = 28
_NONE = pl.DataFrame(schema={**dict.fromkeys((*LINE, "detector"), pl.String), "through": pl.Date})


class Panel(NamedTuple):
    """Lines as arrays (lines, days)."""

    lines: pl.DataFrame
    days: pl.Series
    """From a Monday on."""
    values: Floats
    posts: Floats
    error: Floats
    left_out: npt.NDArray[np.bool_]
    """Days of which no baseline is made."""


def panel(series: pl.DataFrame) -> Panel:
    """Closed days as arrays. error: `stderr`, or where that is 0 or unknown what half the interval makes of it."""
    seen = series["time_value"].unique().sort()
    first: date = seen[0] - timedelta(days=seen[0].weekday())
    days = pl.date_range(first, seen[-1], eager=True).alias("time_value")
    lines = series.select(LINE).unique().sort(LINE)
    placed = series.join(lines.with_row_index("line"), on=LINE).with_columns(
        _ERROR.alias("error"),
        measured(series).alias("measured"),
        (pl.col("time_value") - first).dt.total_days().alias("day"),
    )
    at = placed["line"].to_numpy(), placed["day"].to_numpy()

    def spread_out(column: str) -> Floats:
        values = np.full((lines.height, len(days)), np.nan)
        values[at] = placed[column].cast(pl.Float64).to_numpy()
        return values

    values, posts, error = (spread_out(column) for column in ("prevalence", "n_posts", "error"))
    left_out = np.isfinite(values) & ~np.isfinite(spread_out("measured"))
    return Panel(lines, days, values, posts, error, left_out)


def aberrations(
    series: pl.DataFrame, tested: pl.DataFrame, rules: Sequence[Rule], *, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Closed days that are higher than their baseline lets expect, for the rules with `when = "aberration"`.

    series, tested: as for `observed`. `p` is one-sided, `q` the false discovery rate at which the day is found among
    all lines of its unit and method, `threshold` the value above which it would have been, `rung` the baseline,
    `expected_false_alarms` those a year of one such line at that threshold. Level red where q is at most .01.
    Returns rows of `exceedances` with `issue` = now, and the rows of `tested` that hold from now on.
    """
    found, through = [EXCEEDANCES.empty()], [_NONE]
    for rule in rules:
        family = series.filter(unit=rule.unit, method=rule.method, value_kind="share")
        if rule.when != "aberration" or not (due := _due(watched(family, rule), tested, rule.name)).height:
            continue
        whole = panel(family)
        first = whole.days.index_of(due["time_value"].unique().sort()[0]) or 0
        found.append(_issued(_tests(whole, rule, first).join(due, on=[*LINE, "time_value"]), rule, now))
        through.append(_through(due, rule.name))
    return pl.concat(found).sort(EXCEEDANCES.key), pl.concat(through)


def _tests(whole: Panel, rule: Rule, first: int) -> pl.DataFrame:
    """Every discovery among the lines of a panel from column `first` on."""
    alpha = 1 - rule.percentile / 100
    at_once = (slice(i, i + _AT_ONCE) for i in range(0, whole.lines.height, _AT_ONCE))
    parts = [
        (rows, ladder.run(
            rule.detector, whole.values[rows], whole.posts[rows], whole.error[rows], first, whole.left_out[rows]
        )) for rows in at_once
    ]  # fmt: skip
    p = np.concatenate([tests.p(whole.values[rows, first:]) for rows, tests in parts])
    q = discovery.rates(p)
    limit = discovery.limits(q, alpha)
    line, day = np.nonzero(q <= alpha)
    threshold = np.concatenate([tests.limit(limit) for _, tests in parts])[line, day]
    rungs = np.concatenate([np.array([*tests.names, ""])[tests.rung] for _, tests in parts])
    return whole.lines[line].with_columns(
        whole.days[first + day], pl.Series("value", whole.values[line, first + day]), pl.Series("p", p[line, day]),
        pl.Series("q", q[line, day]), pl.Series("threshold", threshold), pl.Series("rung", rungs[line, day]),
        pl.Series("expected_false_alarms", 365 * limit[day]),
    )  # fmt: skip


def surprises(
    series: pl.DataFrame, forecasts: pl.DataFrame, tested: pl.DataFrame, rules: Sequence[Rule], *, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Closed days that lie outside what was forecast for them, to either side, for rules with `when = "surprise"`.

    forecasts: one row a line and day of `forecasts`, with `above`, P(share > the day's value). `p` is two-sided;
    `threshold` the bound of the forecast's 95 % interval on that side. Where a day is measured worse than the 28 days
    before it on the median, the forecast, which knows only those, is widened by the difference of the variances.
    Returns as `aberrations`.
    """
    found, through = [EXCEEDANCES.empty()], [_NONE]
    for rule in rules:
        family = series.filter(unit=rule.unit, method=rule.method, value_kind="share")
        if rule.when != "surprise" or not (due := _due(watched(family, rule), tested, rule.name)).height:
            continue
        alpha = 1 - rule.percentile / 100
        q = pl.col("p").map_batches(_rates, return_dtype=pl.Float64).over("time_value")
        days = _with_p(family, forecasts).with_columns(q.alias("q"))
        discovered = pl.col("q") <= alpha
        limit = alpha * discovered.sum().over("time_value") / pl.len().over("time_value")
        bound = pl.when(pl.col("above") < 0.5).then("q975").otherwise("q025")
        rows = days.with_columns(
            bound.alias("threshold"), (365 * limit).alias("expected_false_alarms"), rung=pl.lit("forecast")
        ).filter(discovered)
        columns = ("p", "q", "threshold", "rung", "expected_false_alarms")
        rows = rows.select(*LINE, "time_value", pl.col("prevalence").alias("value"), *columns)
        found.append(_issued(rows.join(due, on=[*LINE, "time_value"]), rule, now))
        through.append(_through(due, rule.name))
    return pl.concat(found).sort(EXCEEDANCES.key), pl.concat(through)


def _rates(p: pl.Series) -> pl.Series:
    return pl.Series(discovery.rates(p.to_numpy()[:, None])[:, 0])


def _with_p(family: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Days that were forecast, with the probability `p` to be so far out."""
    noise = pl.when(pl.col("stderr") > 0).then("stderr").otherwise((pl.col("hi") - pl.col("lo")) / (2 * _Z)) ** 2
    usual = pl.col("noise").rolling_median_by("time_value", f"{USUAL_DAYS}d", closed="left").over(LINE)
    days = family.with_columns(noise.alias("noise")).with_columns(
        (pl.col("noise") - usual).clip(0).fill_null(0).alias("more")
    )
    days = days.join(forecasts.drop("issue", "threshold"), left_on=[*LINE, "time_value"], right_on=[*LINE, "target"])
    days = days.filter(pl.col("above").is_not_null())
    spread = (days["q80"] - days["q20"]).to_numpy() / (stats.norm.ppf(0.8) - stats.norm.ppf(0.2))
    with np.errstate(invalid="ignore", divide="ignore"):
        shrunk = np.where(spread > 0, spread / np.sqrt(spread**2 + days["more"].to_numpy()), 1.0)
    z = np.abs(stats.norm.isf(days["above"].to_numpy())) * shrunk
    return days.with_columns(pl.Series("p", 2 * stats.norm.sf(z)))


def _due(lines: pl.DataFrame, tested: pl.DataFrame, detector: str) -> pl.DataFrame:
    """`LINE, time_value` of what a detector has not tested yet."""
    before = tested.filter(detector=detector).select(*LINE, "through")
    new = pl.col("through").is_null() | (pl.col("time_value") > pl.col("through"))
    return lines.join(before, on=LINE, how="left").filter(new).select(*LINE, "time_value")


def _through(due: pl.DataFrame, detector: str) -> pl.DataFrame:
    last = due.group_by(LINE).agg(pl.col("time_value").max().alias("through"))
    return last.select(*LINE, pl.lit(detector).alias("detector"), "through")


def _issued(found: pl.DataFrame, rule: Rule, now: datetime) -> pl.DataFrame:
    """Rows of `exceedances`."""
    red = pl.when(pl.col("q") <= RED).then(pl.lit("red")).otherwise(pl.lit("yellow"))
    return EXCEEDANCES.validate(
        found.rename({"time_value": "target"}).with_columns(
            red.alias("level"), horizon=0, kind=pl.lit(rule.when), detector=pl.lit(rule.name),
            percentile=pl.lit(float(rule.percentile)), issue=pl.lit(now),
        )
    )  # fmt: skip
