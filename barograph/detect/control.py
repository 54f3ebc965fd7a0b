"""Baselines of 28 days that end three days before the tested one: a moving average, and a regression on weekdays.

As the switch of the R package Rnssp: where a straight line and weekdays explain the 28 days (adjusted R² ≥ .60) the
regression is taken, else the moving average. values, error: as in `ears`. A baseline needs 21 known days of the 28,
and one on their first or the 28 before.

Both compare a weighted sum of days, Σ a y, with 0. Its variance is Σ a² (process + error²) over its days.
"""

import numpy as np

from barograph.detect.baseline import Baseline, Floats, known_error, process_variance, trailing

DAYS = 28
GUARD = 2
FEWEST = 21
WEIGHT = 0.4
"""Of the newest day in the moving average."""
EXPLAINED = 0.6
_PAST = slice(GUARD + 1, None)


def ewma(values: Floats, error: Floats | None = None, weight: float = WEIGHT) -> Baseline:
    """Moving average of the tested day and the 30 before, of weights w(1 − w)^k, against the mean of the 28 days.

    The limit is on the day's own value, given the days before. t with n − 1 degrees of freedom. The days between that
    are unknown hand their weight on to the others.
    """
    window, noise, n = _windows(values, error)
    known = ~np.isnan(window)
    decay = np.where(known, weight * (1 - weight) ** np.arange(window.shape[2]), 0.0)
    decay[~known[..., 0]] = np.nan  # there is nothing to test
    decay = _scaled(decay)
    base = np.where(known, 1.0, 0.0)
    base[..., : GUARD + 1] = 0
    base = base / n[..., None]
    day = np.nan_to_num(window)
    mean = (base * day).sum(axis=2)
    variance = (np.where(base > 0, (day - mean[..., None]) ** 2, 0)).sum(axis=2) / (n - 1)
    process = process_variance(variance, (base * noise).sum(axis=2))
    own = decay[..., 0]
    a = decay - base
    spread = np.sqrt((a**2 * (process[..., None] + noise)).sum(axis=2)) / own
    centre = -(a[..., 1:] * day[..., 1:]).sum(axis=2) / own
    return Baseline(centre, spread, n - 1)


def regression(values: Floats, error: Floats | None = None) -> tuple[Baseline, Floats]:
    """A straight line and weekdays by least squares, and the adjusted R² of the 28 days.

    t with n − 8 degrees of freedom; NaN where a weekday is known less than twice.
    """
    window, noise, n = _windows(values, error)
    lags = np.arange(window.shape[2])
    design = np.column_stack([-lags, *(lags % 7 == k for k in range(7))]).astype(float)
    past, noisy = window[..., _PAST], noise[..., _PAST]
    shape = window.shape[:2]
    centre, spread, explained, df = (np.full(shape, np.nan) for _ in range(4))
    usable = np.isfinite(n)
    patterns, which = np.unique(~np.isnan(past[usable]), axis=0, return_inverse=True)
    where = np.flatnonzero(usable)
    for number, known in enumerate(patterns):
        x = design[_PAST][known]
        if min(x[:, 1:].sum(axis=0)) < 2:
            continue
        rows = np.unravel_index(where[which.reshape(-1) == number], shape)
        y, e = past[rows][:, known], noisy[rows][:, known]
        to_coefficients = np.linalg.pinv(x)
        a = design[0] @ to_coefficients
        residual = y - y @ (x @ to_coefficients).T
        free = len(x) - design.shape[1]
        variance = (residual**2).sum(axis=1) / free
        total = y.var(axis=1, ddof=1)
        process = process_variance(variance, e.mean(axis=1))
        centre[rows] = y @ a
        spread[rows] = np.sqrt(process + noise[rows][:, 0] + (a**2 * (process[:, None] + e)).sum(axis=1))
        explained[rows] = 1 - np.divide(variance, total, out=np.ones_like(total), where=total > 0)
        df[rows] = free
    return Baseline(centre, spread, df), explained


def _windows(values: Floats, error: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Each day with the 30 before (newest first), their variances of measurement, the known days of the 28 or NaN."""
    window = trailing(values, 0, GUARD + DAYS)
    noise = np.where(np.isnan(window), 0, trailing(known_error(values, error), 0, GUARD + DAYS))
    n = (~np.isnan(window[..., _PAST])).sum(axis=2).astype(float)
    begun = ~np.isnan(trailing(values, GUARD + DAYS, GUARD + 2 * DAYS)).all(axis=2)
    return window, noise, np.where(begun & (n >= FEWEST), n, np.nan)


def _scaled(weights: Floats) -> Floats:
    """Weights that sum to 1 over the last axis; NaN where all are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(weights / weights.sum(axis=2, keepdims=True))
