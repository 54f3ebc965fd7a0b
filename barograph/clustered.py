"""Ratios of sums with intervals that do not take forecasts of the same weeks for independent of one another."""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, betaincinv, stdtrit

_TAIL = 0.025


class Interval(NamedTuple):
    """A value with its 95 % bounds; the bounds are None where one week alone is there to tell."""

    value: float
    lo: float | None = None
    hi: float | None = None


def ratio(part: np.ndarray, whole: np.ndarray) -> Interval | None:
    """Σ part / Σ whole over weeks (n,), with bounds from how the weeks differ; None where Σ whole is 0.

    The variance is linearised (Cochran 1977, ch. 6): n/(n−1) · Σ (part − r·whole)² / (Σ whole)², with Student's t of
    n − 1 degrees of freedom. What lines and days ahead share within a week is in it; what weeks share is not.
    """
    total = float(whole.sum())
    if not total:
        return None
    value = float(part.sum()) / total
    if (weeks := int((whole > 0).sum())) < 2:
        return Interval(value)
    reach = float(stdtrit(weeks - 1, 1 - _TAIL)) * _variance(part, whole, value, weeks) ** 0.5
    return Interval(value, value - reach, value + reach)


def proportion(part: np.ndarray, whole: np.ndarray) -> Interval | None:
    """`ratio` of counts, its bounds between 0 and 1: Clopper and Pearson's for as many forecasts as these are worth.

    They are worth p(1−p) over the variance of `ratio`, never more than there are, less what so few weeks leave unknown
    (Korn & Graubard 1998, Survey Methodology 24). Where all or none came, each week is worth one.
    """
    total = float(whole.sum())
    if not total:
        return None
    value = float(part.sum()) / total
    if (weeks := int((whole > 0).sum())) < 2:
        return Interval(value)
    variance = _variance(part, whole, value, weeks)
    worth = float(weeks)
    if variance > 0:
        few = stdtrit(total - 1, 1 - _TAIL) / stdtrit(weeks - 1, 1 - _TAIL)
        worth = min(total, value * (1 - value) / variance) * float(few) ** 2
    came = value * worth
    low = float(betaincinv(came, worth - came + 1, _TAIL)) if came > 0 else 0.0
    high = float(betaincinv(came + 1, worth - came, 1 - _TAIL)) if came < worth else 1.0
    return Interval(value, low, high)


def chance_band(n: int, probability: float) -> tuple[float, float]:
    """Shares of `n` independent draws that chance leaves in at least 19 of 20 times: quantiles of the binomial."""
    reached = bdtr(np.arange(n + 1), n, probability)
    low, high = (int(np.searchsorted(reached, tail)) for tail in (_TAIL, 1 - _TAIL))
    return low / n, high / n


def _variance(part: np.ndarray, whole: np.ndarray, value: float, weeks: int) -> float:
    return float(((part - value * whole) ** 2).sum() / whole.sum() ** 2) * weeks / (weeks - 1)
