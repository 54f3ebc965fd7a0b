"""What a row of quantiles says about any value: the distribution between and beyond them."""

import numpy as np
import polars as pl
from scipy import stats

from barograph.tables import QUANTILES

_LEVELS = np.array(list(QUANTILES.values()))
_Z = stats.norm.ppf(_LEVELS)
_EPSILON = 1e-9


def logit(share: np.ndarray) -> np.ndarray:
    """log(p / (1 − p)), finite at 0 and 1."""
    inside = np.clip(share, _EPSILON, 1 - _EPSILON)
    return np.log(inside / (1 - inside))


def probability_above(forecasts: pl.DataFrame, threshold: pl.Series, n_posts: pl.Series | None = None) -> pl.Series:
    """P(share > threshold) of each row's predictive distribution, in [0, 1]; NULL where either is missing.

    forecasts: the quantile columns of `forecasts`. Between two quantiles, and beyond the outer ones, the
    distribution is normal on the logit scale: exact where the model's is, close elsewhere.
    n_posts: posts on a usual day. A count is not continuous: to be above 0 takes a whole post, where a day
    without any was read as half a post, so no threshold lies below three quarters of one.
    """
    quantiles = logit(forecasts.select(list(QUANTILES)).to_numpy())
    limit = threshold.cast(pl.Float64).to_numpy()
    if n_posts is not None:
        limit = np.maximum(limit, 0.75 / n_posts.cast(pl.Float64).to_numpy())
    target = logit(limit)
    p = np.full(len(target), np.nan)
    for row in np.flatnonzero(~np.isnan(target) & ~np.isnan(quantiles).any(axis=1)):
        p[row] = stats.norm.sf(_z_at(quantiles[row], target[row]))
    return pl.Series("p_high", p).fill_nan(None)


def _z_at(quantiles: np.ndarray, x: float) -> float:
    """The standard normal value at which the row's quantile function takes the value x."""
    if x < quantiles[0] or x >= quantiles[-1]:
        lower, upper = (0, 1) if x < quantiles[0] else (-2, -1)
        step = quantiles[upper] - quantiles[lower]
        if step <= _EPSILON:  # a point mass: nothing lies strictly above it
            return np.inf if x >= quantiles[-1] else -np.inf
        return float(_Z[lower] + (x - quantiles[lower]) * (_Z[upper] - _Z[lower]) / step)
    return float(np.interp(x, quantiles, _Z))
