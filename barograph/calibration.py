"""Counts of posts by calibrated probability → prevalence at the population's own base rate, with its variance.

A calibration holds at the base rate it was fitted at. Where a population expresses a marker more or less often,
the probability of a post is read again at the population's own base rate, by Bayes' rule. That is the rate which
equals the mean of the new probabilities over the trailing 28 days: the fixed point of Saerens, Latinne &
Decaestecker (2002), the maximum of the likelihood of a mixture. It assumes that posts which express the marker
look as they did where the calibration was fitted, and those which do not too: only their numbers differ.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW_DAYS = 28
FEWEST_POSTS = 1000
"""Posts of the window from which on its base rate is estimated."""
LEAST_POWER = 0.2
"""Least TPR − FPR: below it, a small misfit of the calibration moves the base rate by five times as much and more."""
GROUPS = 100
"""Authors are counted in so many groups, by a hash; a group is what the variance is taken over."""
ROUNDING = 1e-24
"""A variance up to this is what is left of 0 after rounding."""

_EDGE = 1e-4  # a base rate of 0 or 1 could not be left again, whatever a post says
_HALVINGS, _STEPS = 20, 2
_TINY = 1e-300
Floats = NDArray[np.float64]


def likelihoods(probabilities: Floats, base_rate: float) -> tuple[Floats, Floats]:
    """Likelihood of each level where the marker is expressed and where it is not, over that of the level at all."""
    return probabilities / base_rate, (1 - probabilities) / (1 - base_rate)


def base_rates(counts: Floats, expressed: Floats, absent: Floats) -> Floats:
    """The most likely base rate, in [.0001, .9999], of each column of `counts`.

    counts: posts (or their weights) by level and column, (n_levels, n_columns). expressed, absent: likelihoods
    of the levels, (n_levels,). The slope of the log-likelihood falls in π: halving, then Newton's steps.
    """
    low, high = (np.full(counts.shape[1], edge) for edge in (_EDGE, 1 - _EDGE))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = (counts * _score(expressed, absent, middle)).sum(axis=0) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    found = (low + high) / 2
    for _ in range(_STEPS):
        score = _score(expressed, absent, found)
        step = (counts * score).sum(axis=0) / np.maximum((counts * score**2).sum(axis=0), _TINY)
        found = np.clip(found + step, low, high)
    return found


def shifted(expressed: Floats, absent: Floats, base_rate: Floats) -> tuple[Floats, Floats]:
    """Probability of each level at each base rate, (n_levels, n_columns), and its derivative by the base rate."""
    r, s = expressed[:, None], absent[:, None]
    mixture = np.maximum(base_rate * r + (1 - base_rate) * s, _TINY)
    return base_rate * r / mixture, r * s / mixture**2


def _score(expressed: Floats, absent: Floats, base_rate: Floats) -> Floats:
    """Derivative by the base rate of a post's log-likelihood; its square is what the derivative of this falls by."""
    r, s = expressed[:, None], absent[:, None]
    return (r - s) / np.maximum(base_rate * r + (1 - base_rate) * s, _TINY)


def window(days: Sequence[date]) -> list[date]:
    """These days and the 27 before each: what their prevalence is computed from. Never a later one."""
    return sorted({day - timedelta(days=before) for day in days for before in range(WINDOW_DAYS)})


class Part(NamedTuple):
    """Posts of one marker that are read with one calibration."""

    counts: Floats
    """What they count, by level of probability, day and group of authors; days without a gap."""
    probabilities: Floats
    """Of each level, at the base rate it was fitted at."""
    fitted_at: float
    """That base rate."""
    adjusted: NDArray[np.bool_]
    """By day, whether they are read at the base rate of the 28 days that end with it."""


class Mean(NamedTuple):
    """Mean calibrated probability by day."""

    prevalence: Floats
    variance: Floats
    """Linearised, over groups of authors, the estimated base rates included."""
    spread: Floats
    """Variance of the day alone, base rates taken for known; 0 where all its posts have one probability."""
    groups: NDArray[np.int64]
    """Groups of authors with a post that day: one more than the variance has degrees of freedom."""


def mean_probability(parts: Sequence[Part]) -> Mean:
    """The mean over the posts of all parts, each read at its base rate. NaN on a day without posts.

    The variance is that of the infinitesimal jackknife (Efron 1982), which resampling authors tends to: each group
    moves the mean by its own posts of the day, and by what its posts of the 28 days move the base rate.
    """
    _, n_days, _ = parts[0].counts.shape
    size, total, pulled = np.zeros((3, n_days, GROUPS))
    for counts, probabilities, fitted_at, adjusted in parts:
        expressed, absent = likelihoods(probabilities, fitted_at)
        window_counts = trailing(counts)
        by_level = window_counts.sum(axis=-1)
        rate = np.where(adjusted, base_rates(by_level, expressed, absent), fitted_at)
        probability, slope = shifted(expressed, absent, rate)
        size += counts.sum(axis=0)
        total += np.einsum("ld,ldg->dg", probability, counts)
        score = _score(expressed, absent, rate)
        information = np.maximum((by_level * score**2).sum(axis=0), _TINY)
        pull = np.where(adjusted, (slope * counts.sum(axis=-1)).sum(axis=0) / information, 0)
        pulled += pull[:, None] * np.einsum("ld,ldg->dg", score, window_counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        n, groups = size.sum(axis=1)[:, None], (size > 0).sum(axis=1)
        mean = total.sum(axis=1)[:, None] / n
        alone = (total - mean * size) / n
        variance, spread = (groups / (groups - 1) * (moves**2).sum(axis=1) for moves in (alone + pulled / n, alone))
    return Mean(mean[:, 0], variance, np.where(spread > ROUNDING, spread, 0), groups)


def trailing(counts: Floats) -> Floats:
    """Sums over each day (the second axis) and the 27 before it.

    Exact, as all weights are multiples of 2⁻³⁰: the same in every run, whatever days come before.
    """
    sums = counts.cumsum(axis=1)
    sums[:, WINDOW_DAYS:] -= sums[:, :-WINDOW_DAYS].copy()
    return sums
