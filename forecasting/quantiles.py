"""What a row of quantiles says about any value: the distribution between and beyond them."""

import numpy as np
import polars as pl
from scipy import special, stats

from barograph.tables import QUANTILES

LEVELS = np.array(list(QUANTILES.values()))
_Z = stats.norm.ppf(LEVELS)
_EPSILON = 1e-9
_NODES = stats.norm.ppf((np.arange(200) + 0.5) / 200)


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
    limit = threshold.cast(pl.Float64).to_numpy()
    if n_posts is not None:
        limit = np.maximum(limit, 0.75 / n_posts.cast(pl.Float64).to_numpy())
    return pl.Series("p_high", above(forecasts.select(list(QUANTILES)).to_numpy(), limit)).fill_nan(None)


def above(quantiles: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """P(share > threshold) (…) of quantiles (…, 13) at `LEVELS`, as `probability_above`; NaN where either is."""
    q, x = logit(quantiles), logit(threshold)
    last = (q <= x[..., None]).sum(axis=-1) - 1  # the highest level whose quantile does not exceed the threshold
    i = np.clip(last, 0, len(LEVELS) - 2)  # beyond the outer quantiles the two next to them say how it goes on
    lower, upper = (np.take_along_axis(q, (i + k)[..., None], axis=-1)[..., 0] for k in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = _Z[i] + (x - lower) / (upper - lower) * (_Z[i + 1] - _Z[i])
    # Both are one value only where the outer quantiles pile up: none of the pile lies above itself, all above less.
    z = np.where(lower == upper, np.where(last < 0, -np.inf, np.inf), z)
    return np.where(np.isnan(x) | np.isnan(q).any(axis=-1), np.nan, stats.norm.sf(z))


def normal(centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Quantiles (…, 13) of a share whose logit is normal about `centre` (…) with standard deviation `spread` (…)."""
    return special.expit(centre[..., None] + spread[..., None] * _Z)


def mean(quantiles: np.ndarray) -> np.ndarray:
    """Mean (…) of the distribution read from quantiles (…, 13) as in `probability_above`, to .001 of its spread."""
    q = logit(quantiles)
    i = np.clip(np.searchsorted(_Z, _NODES) - 1, 0, len(LEVELS) - 2)
    weight = (_NODES - _Z[i]) / (_Z[i + 1] - _Z[i])
    return special.expit(q[..., i] * (1 - weight) + q[..., i + 1] * weight).mean(axis=-1)
