"""What is published: the house network, as wide as it lately had to be; climatology where that has done better."""

import numpy as np
from scipy import special

from forecasting import network
from forecasting.baselines import climatology
from forecasting.evaluation import crps
from forecasting.panel import DAYS, Panel, Predicted
from forecasting.quantiles import LEVELS, logit
from forecasting.review import Review, review

WEEKS = 8
"""Weeks of late that a model answers for."""
SHORTEST_REVIEW = 21
"""Days that say something about skill; with fewer nothing is held against the house model."""
_OWN, _SHARED = 0.1, 0.3  # steps of the adaptation: chosen on origins before June 2019
_LOW, _HIGH = (int(np.flatnonzero(level == LEVELS)[0]) for level in (0.1, 0.9))
_OUTSIDE = 0.2


def predict(panel: Panel, horizon: int) -> Predicted:
    """The network's quantiles, adapted (`adaptation`) to how often its 80 % interval has held over the last weeks."""
    return _adapted(panel, horizon, review(panel, network.predict, WEEKS))


def auto(panel: Panel, horizon: int) -> Predicted:
    """As `predict`, but climatology, with the reason, in rows where recent skill over it is not positive (`skill`)."""
    seen = review(panel, network.predict, WEEKS)
    published, plain = _adapted(panel, horizon, seen), climatology(panel.last(DAYS), horizon)
    gained = skill(seen, review(panel, climatology, WEEKS))
    for row in np.flatnonzero(gained <= 0):
        if published.fallbacks[row] is None:
            published.quantiles[row] = plain.quantiles[row]
            published.models[row] = "climatology"
            published.fallbacks[row] = f"no skill over climatology in the last {seen.truth.shape[1]} weeks"
    return published


def adaptation(seen: Review, ends: np.ndarray) -> np.ndarray:
    """log of what the width of each row's quantiles is to be multiplied by (n,).

    Adaptive conformal inference (Gibbs and Candès, 2021), on the width: from week to week it moves by .1 times the
    row's own miss, and .3 times the mean miss of all rows of one end; a miss is the share of known days outside the
    80 % interval, as wide as it then was, less .2. A share of 0 is read as half a post, as everywhere in a panel; no
    interval of logits holds 0 itself.
    """
    log_width = np.zeros(len(ends))
    _, together = np.unique(ends, return_inverse=True)
    for week in range(seen.truth.shape[1]):
        z, low, high = seen.z[:, week], *_bounds(seen.quantiles[:, week], log_width)
        known = np.isfinite(z) & np.isfinite(low)
        outside = (known & ((z < low) | (z > high))).sum(axis=1)
        days = known.sum(axis=1)
        miss = np.where(days > 0, outside / np.maximum(days, 1) - _OUTSIDE, 0.0)
        rows = np.bincount(together, days > 0)
        log_width += _OWN * miss + _SHARED * (np.bincount(together, miss) / np.maximum(rows, 1))[together]
    return log_width


def skill(seen: Review, plain: Review) -> np.ndarray:
    """1 − CRPS / CRPS of the plain forecast (n,), over the days on which both were judged; NaN under 21 of them."""
    ours, theirs = (crps(r.quantiles, r.truth) for r in (seen, plain))
    both = np.isfinite(ours) & np.isfinite(theirs)
    sums = [np.where(both, x, 0.0).sum(axis=(1, 2)) for x in (ours, theirs)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(both.sum(axis=(1, 2)) >= SHORTEST_REVIEW, 1 - sums[0] / sums[1], np.nan)


def _adapted(panel: Panel, horizon: int, seen: Review) -> Predicted:
    raw = network.predict(panel.last(DAYS), horizon)
    own = np.array([why is None for why in raw.fallbacks], dtype=bool)
    widths = np.where(own, adaptation(seen, panel.ends), 0.0)
    return Predicted(special.expit(_widened(raw.quantiles, widths)), raw.models, raw.fallbacks)


def _widened(quantiles: np.ndarray, log_width: np.ndarray) -> np.ndarray:
    """Logits of quantiles (n, h, 13), their distance from the median multiplied."""
    z = logit(quantiles)
    middle = z[..., LEVELS == 0.5]
    return middle + (z - middle) * np.exp(log_width)[:, None, None]


def _bounds(quantiles: np.ndarray, log_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = _widened(quantiles, log_width)
    return z[..., _LOW], z[..., _HIGH]
