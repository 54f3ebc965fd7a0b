"""Which lines of a population move together, and whether more than chance lets them. Pure functions.

**What is correlated.** Two series that trend, or that both have weekends, correlate whatever they measure (Yule
1926, JRSS 89:1). So there are three ways: `levels`, the daily values; `changes`, from one day to the next; `adjusted`,
what is left of the values after weekdays and a trend, linear between knots four weeks apart, fitted by least squares.

**How.** Spearman's r of the days that are known of all. An interval by Fisher's z, with variance 1.06 / (m − 3)
(Fieller, Hartley & Pearson 1957, Biometrika 44:470). Days in a row are no independent draws: m is the effective
number of days of Pyper & Peterman 1998 (CJFAS 55:2127), with r_x(j) and r_y(j) the autocorrelations of the ranks,

    1/m = 1/n + 2/n · Σ_j (n − j)/n · r_x(j) r_y(j)    over j = 1 … min(28, n/4), and m ≤ n less the terms fitted

**Many looks.** Of many pairs some correlate by chance: `q` is the false discovery rate of Benjamini & Hochberg 1995
over all pairs. What stays: lines that are read in the same posts share these posts' errors.
"""

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

WAYS = ("adjusted", "changes", "levels")
LEAST_DAYS = 28
"""Days known of all lines, below which nothing is correlated."""
_LAGS = 28
_KNOTS_EVERY = 28
_SPEARMAN = 1.06
_ENOUGH = 0.5

Numbers = np.ndarray[Any, np.dtype[np.float64]]
_SCHEMA = {
    "a": pl.String, "b": pl.String, "r": pl.Float64, "lo": pl.Float64, "hi": pl.Float64, "n_days": pl.Int64,
    "n_effective": pl.Float64, "p": pl.Float64, "q": pl.Float64,
}  # fmt: skip


def correlations(series: pl.DataFrame, by: str, way: str = "adjusted") -> pl.DataFrame:
    """Spearman's r of every two lines of `series`, each pair once, in order of name.

    series: latest rows of lines that differ in `by` alone (`marker` or `population`); provisional days are left out,
    and lines that are known on fewer than half of the days. way: one of WAYS.
    Returns `a, b` (names), `r` with its 95 % bounds `lo, hi`, `n_days` (known of all lines; of changes with the day
    before), `n_effective`, `p` (two-sided, that there is none) and `q`. No rows with fewer than 28 such days.
    """
    names, days, values = _together(series, by)
    values, days, fitted = _prepared(values, days, way)
    n, known = len(values), values.std(axis=0) > 0 if len(values) else np.zeros(len(names), dtype=bool)
    names, values = [name for name, moves in zip(names, known, strict=True) if moves], values[:, known]
    if n < LEAST_DAYS or len(names) < 2:
        return pl.DataFrame(schema=_SCHEMA)
    ranks = stats.rankdata(values, axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    r = ranks.T @ ranks / n
    lags = min(_LAGS, n // 4)
    # A lag is of so many days apart, and days may be missing: pairs that are not so far apart do not count.
    own = np.array([_autocorrelation(ranks, days, lag) for lag in range(1, lags + 1)])
    weight = (1 - np.arange(1, lags + 1) / n)[:, None]
    more = 1 + 2 * (own * weight).T @ own
    effective = np.minimum((n - fitted) / np.maximum(more, 1e-9), n - fitted)
    effective = np.where(more <= 0, n - fitted, effective)
    first, second = np.array(list(combinations(range(len(names)), 2))).T
    r, m = np.clip(r[first, second], -1, 1), np.maximum(effective[first, second], 3.1)
    error = np.sqrt(_SPEARMAN / (m - 3))
    with np.errstate(divide="ignore"):  # two lines that rank alike
        z = np.arctanh(r)
    p = 2 * stats.norm.sf(np.abs(z) / error)
    limit = stats.norm.ppf(0.975) * error
    found = {
        "a": [names[i] for i in first], "b": [names[i] for i in second], "r": r, "lo": np.tanh(z - limit),
        "hi": np.tanh(z + limit), "n_days": [n] * len(r), "n_effective": m, "p": p,
        "q": stats.false_discovery_control(p),
    }  # fmt: skip
    return pl.DataFrame(found, schema=_SCHEMA)


def _together(series: pl.DataFrame, by: str) -> tuple[list[str], Numbers, Numbers]:
    """Names of the lines, days (as numbers) known of all, and values. Shape: (days, lines)."""
    known = series.filter(~pl.col("provisional"), pl.col("prevalence").is_not_null())
    days = known["time_value"].n_unique()
    often = known.group_by(by).len().filter(pl.col("len") >= _ENOUGH * days)
    names = sorted(often[by].to_list())
    wide = known.filter(pl.col(by).is_in(names)).pivot(by, index="time_value", values="prevalence")
    if not names:
        return [], np.empty(0), np.empty((0, 0))
    wide = wide.drop_nulls().sort("time_value")
    at = wide["time_value"].to_physical().to_numpy().astype(np.float64)
    return names, at, wide.select(names).to_numpy()


def _prepared(values: Numbers, days: Numbers, way: str) -> tuple[Numbers, Numbers, int]:
    """Values as they are correlated, their days, and how many terms were fitted to each line."""
    if way == "levels" or len(values) < 2:
        return values, days, 0
    if way == "changes":
        next_to = np.diff(days) == 1
        return np.diff(values, axis=0)[next_to], days[1:][next_to], 0
    design = _weekdays_and_trend(days)
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    left = values - design @ fitted
    # What least squares leaves of a line that they explain wholly is noise of the arithmetic.
    left[:, left.std(axis=0) < 1e-9 * np.maximum(values.std(axis=0), 1e-12)] = 0
    return left, days, int(rank) - 1


def _weekdays_and_trend(days: Numbers) -> Numbers:
    """Columns: one a weekday; the day; from each knot on the days since it."""
    weekday = np.equal.outer(days % 7, np.arange(7.0)).astype(np.float64)
    knots = np.arange(days[0] + _KNOTS_EVERY, days[-1] - _KNOTS_EVERY / 2, _KNOTS_EVERY)
    since = np.maximum(np.subtract.outer(days, np.concatenate([days[:1], knots])), 0)
    return np.hstack([weekday, since / _KNOTS_EVERY])


def _autocorrelation(ranks: Numbers, days: Numbers, lag: int) -> Numbers:
    """Of standardized ranks at so many days apart, one a line; 0 where no two days are."""
    place = np.searchsorted(days, days + lag)
    there = place < len(days)
    there[there] = days[place[there]] == days[there] + lag
    if not there.any():
        return np.zeros(ranks.shape[1])
    return (ranks[there] * ranks[place[there]]).sum(axis=0) / len(ranks) * (len(days) - lag) / max(there.sum(), 1)
