"""A baseline of earlier years: Farrington's algorithm as made flexible by Noufaily et al. 2013, for daily shares.

Quasi-Poisson regression with log link of the counts (share × posts, log posts as offset) of up to five years that end
26 weeks before the tested week, on the season (the seven weeks round the same time of year, the rest of the year in
nine parts), weekdays, and a straight line where there are three years. Days with Anscombe residuals above 2.58 are
down-weighted and it is fitted again. A day is tested on the scale of share^(2/3), which takes off the skew (Farrington,
Andrews, Beale & Catchpole 1996). Days in place of weeks are ours, and so is a day's variance, which is that of the
process plus its own measurement error where that is known.

One fit serves seven days, as 26 weeks lie between. values, error: as in `ears`.
"""

import numpy as np
import numpy.typing as npt

from barograph.detect.baseline import TWO_THIRDS, Baseline, Floats, process_variance

EXCLUDED = 26 * 7
YEARS = 5
HALF_WINDOW = 24
SEASONS = 9
TREND_YEARS = 3
FEWEST = 28
"""Known days of the season that a baseline needs: those of one year."""
OUTLIER = 2.58
POWER = 2 / 3
_YEAR = 365.25
_STEPS = 8
Days = npt.NDArray[np.int64]


def farrington(values: Floats, posts: Floats, error: Floats | None = None, *, first: int = 0) -> Baseline:
    """posts: how many each share rests on (lines, days). first: the column of the first day tested.

    Without `error` a day varies as φ · share / posts, as published, φ at least 1. Centre and spread are of
    share^(2/3); NaN where fewer than 28 days of the same season of earlier years are known.
    """
    centre, spread = np.full((2, *values.shape), np.nan)
    for start in range(first, values.shape[1], 7):
        past = np.arange(max(start - int(YEARS * _YEAR) - HALF_WINDOW, 0), start - EXCLUDED)
        week = np.arange(start, min(start + 7, values.shape[1]))
        n = np.where(np.isnan(values[:, past]), 0, np.nan_to_num(posts[:, past]))
        rows = np.flatnonzero((n[:, _season(start - past) == 0] > 0).sum(axis=1) >= FEWEST)
        if not len(rows):
            continue
        n = n[rows]
        count = n * np.nan_to_num(values[np.ix_(rows, past)])
        x, ahead = _design(start - past, start - week, n > 0)
        share, own, dispersion = _fitted(count, n, x, ahead, least=0 if error is not None else 1)
        of_a_day = dispersion * share / np.nan_to_num(posts[np.ix_(rows, week)], nan=1).clip(1)
        if error is not None:
            usual = (n > 0).sum(axis=1) / np.divide(1, n, out=np.zeros_like(n), where=n > 0).sum(axis=1)
            noise = np.where(n > 0, np.nan_to_num(error[np.ix_(rows, past)]) ** 2, 0).sum(axis=1) / (n > 0).sum(axis=1)
            process = process_variance(dispersion * share / usual[:, None], noise[:, None])
            of_a_day = process + np.nan_to_num(error[np.ix_(rows, week)]) ** 2
        centre[np.ix_(rows, week)], spread[np.ix_(rows, week)] = scaled(share, of_a_day + own)
    return Baseline(centre, spread, np.full_like(centre, np.inf), TWO_THIRDS)


def scaled(expected: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Centre and spread of value^(2/3) for a value of this expectation and variance (delta method)."""
    return expected**POWER, POWER * expected ** (POWER - 1) * np.sqrt(variance)


def _season(lag: Days) -> Days:
    """0 for days of the same time of year as the tested week, else 1 to 9 by how far round the year they lie."""
    middle = lag + 3  # of the week
    through = middle % _YEAR
    near = np.minimum(through, _YEAR - through) <= HALF_WINDOW
    part = 1 + ((through - HALF_WINDOW) / (_YEAR - 2 * HALF_WINDOW) * SEASONS).astype(np.int64).clip(0, SEASONS - 1)
    return np.where(near, 0, part)


def _design(past: Days, week: Days, known: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Rows of the design for past days and the days tested, by their lags; what no line knows has no column."""

    def rows(lag: Days) -> Floats:
        columns = [np.ones(len(lag)), *(_season(lag) == k for k in range(1, SEASONS + 1))]
        columns += [lag % 7 == k for k in range(1, 7)]
        if past.max() >= TREND_YEARS * _YEAR:
            columns.append(-lag / _YEAR)
        return np.column_stack(columns).astype(float)

    ahead = rows(week)
    ahead[:, 1 : SEASONS + 1] = 0  # the tested week is of its own season, whatever the rounding
    x = rows(past)
    there = (x[known.any(axis=0)] != 0).any(axis=0)
    return x[:, there], ahead[:, there]


def _fitted(count: Floats, n: Floats, x: Floats, ahead: Floats, least: float) -> tuple[Floats, Floats, Floats]:
    """Expected share of the days ahead (lines, days), the variance of that expectation, and φ (lines, 1)."""
    known = (n > 0).astype(float)
    weight, outer = known, (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    coefficients = np.zeros((len(count), x.shape[1]))
    coefficients[:, 0] = np.log(count.sum(axis=1).clip(0.5) / n.sum(axis=1))
    for again in (False, True):
        for _ in range(_STEPS):
            mean = n * np.exp(coefficients @ x.T)
            inverse = _inverse((weight * mean) @ outer)
            step = np.einsum("lij,lj->li", inverse, (weight * (count - mean)) @ x)
            coefficients = coefficients + step.clip(-1, 1)
        mean = n * np.exp(coefficients @ x.T)
        inverse = _inverse((weight * mean) @ outer)
        free = known.sum(axis=1) - x.shape[1]
        pearson = np.divide((count - mean) ** 2, mean, out=np.zeros_like(mean), where=mean > 0)
        dispersion = np.maximum((weight * pearson).sum(axis=1) / free.clip(1), least)[:, None]
        if not again:
            weight = known * _weights(
                count, mean, weight * mean * (inverse.reshape(len(count), -1) @ outer.T), dispersion
            )
            weight *= (known.sum(axis=1) / weight.sum(axis=1))[:, None]
    share = np.exp(coefficients @ ahead.T)
    own = dispersion * np.einsum("di,lij,dj->ld", ahead, inverse, ahead) * share**2
    return share, own, dispersion


def _weights(count: Floats, mean: Floats, leverage: Floats, dispersion: Floats) -> Floats:
    """1, or 1/s² of days whose Anscombe residual s is above 2.58."""
    with np.errstate(divide="ignore", invalid="ignore"):
        s = 1.5 * (count**POWER - mean**POWER) / mean ** (1 / 6) / np.sqrt(dispersion * (1 - leverage).clip(1e-6))
        return np.where(s > OUTLIER, s**-2, 1.0)


def _inverse(flat: Floats) -> Floats:
    """Inverses of (lines, p²) symmetric matrices; what a line cannot tell apart is held by a millionth of its size."""
    size = int(np.sqrt(flat.shape[1]))
    matrices = flat.reshape(-1, size, size)
    ridge = 1e-9 * np.trace(matrices, axis1=1, axis2=2)[:, None, None] / size + 1e-12
    return np.linalg.inv(matrices + ridge * np.eye(size))
