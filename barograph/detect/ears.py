"""Baselines of seven days: EARS C1 to C3, and eEARS. For the first weeks of a line.

values: (lines, days), NaN where unknown. error: standard errors of the same shape; where they are given the variance
of a day is that of the process, which is what the seven days vary beyond their own mean measurement error, plus the
day's own. Without them the formulas are those published. A baseline needs five known days of the seven.
"""

import numpy as np
from scipy import stats

from barograph.detect.baseline import Baseline, Floats, known_error, process_variance, trailing

DAYS = 7
FEWEST = 5
GAP = 2
OUTLIER = 0.05
"""eEARS: a past day beyond this tail of its studentised residual is down-weighted …"""
DECAY = 4
"""… by (limit / residual) to this power."""


def c1(values: Floats, error: Floats | None = None) -> Baseline:
    """Mean and standard deviation of the seven days before (Hutwagner et al. 2003). Alarm at 3 sd: p < .00135."""
    return _shewhart(values, error, gap=0)


def c2(values: Floats, error: Floats | None = None) -> Baseline:
    """As C1, two days further back, so that a slow start does not enter its own baseline. Alarm at 3 sd."""
    return _shewhart(values, error, gap=GAP)


def c3(values: Floats, error: Floats | None = None) -> Baseline:
    """C3 = Σ max(0, C2 − 1) over the day and the two before it. Alarm at 2: p < .0228.

    Where the day adds nothing (C2 ≤ 1) only the two before it count, and its limit lies as far above its value as the
    sum lies below its own limit.
    """
    plain = _shewhart(values, error, gap=GAP)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.maximum(0, (values - plain.centre) / plain.spread - 1)
    before = trailing(excess, 1, 2).sum(axis=2)
    centre = np.where(excess > 0, plain.centre + plain.spread * (1 - before), values - plain.spread * before)
    return Baseline(centre, plain.spread, plain.df)


def eears(values: Floats, error: Floats | None = None) -> Baseline:
    """The European peer's: U0 = ȳ + t(1 − α, n − 1) · s · √(1 + 1/n), past outliers down-weighted, α = .025 there.

    A past day whose externally studentised residual r exceeds L = t(.95, n − 2) has weight (L/r)⁴, others 1; weights
    are scaled to sum to n; ȳ and s² = Σ w (y − ȳ)² / (n − 1) are weighted.
    """
    past, noise = trailing(values, 1, DAYS), trailing(known_error(values, error), 1, DAYS)
    n = _known(past)
    with np.errstate(divide="ignore", invalid="ignore"):
        m = n[..., None]
        residual = past - np.nansum(past, axis=2, keepdims=True) / m
        squares = np.nansum(residual**2, axis=2, keepdims=True)
        others = (squares - residual**2 * m / (m - 1)) / (m - 2)  # variance of the days but this one
        studentised = residual / np.sqrt(np.maximum(others, 0) * (1 - 1 / m))
        limit = stats.t.isf(OUTLIER, m - 2)
        weight = np.where(studentised > limit, (limit / studentised) ** DECAY, 1.0)
        weight = np.where(np.isnan(past), 0, weight)
        weight *= m / weight.sum(axis=2, keepdims=True)
        centre = np.nansum(weight * past, axis=2) / n
        variance = np.nansum(weight * (past - centre[..., None]) ** 2, axis=2) / (n - 1)
        measured = np.nansum(weight * noise, axis=2) / n
        process = process_variance(variance, measured)
        spread = np.sqrt(process + known_error(values, error) + (process + measured) / n)
    return Baseline(centre, spread, n - 1)


def _shewhart(values: Floats, error: Floats | None, *, gap: int) -> Baseline:
    past, noise = (trailing(v, gap + 1, gap + DAYS) for v in (values, known_error(values, error)))
    n = _known(past)
    with np.errstate(invalid="ignore"):
        centre = np.nansum(past, axis=2) / n
        variance = np.nansum((past - centre[..., None]) ** 2, axis=2) / (n - 1)
        measured = np.nansum(np.where(np.isnan(past), 0, noise), axis=2) / n
        spread = np.sqrt(process_variance(variance, measured) + known_error(values, error))
    return Baseline(centre, spread, np.full_like(centre, np.inf))


def _known(past: Floats) -> Floats:
    """How many days of a window are known; NaN where too few."""
    n = (~np.isnan(past)).sum(axis=2).astype(float)
    return np.where(n >= FEWEST, n, np.nan)
