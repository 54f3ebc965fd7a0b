"""What any model has to beat: three forecasts that know no more than the days themselves, all rows at once.

Each is normal on the logit scale. Rows too short or too still for a model (`regular.unfit`) get climatology from all
of them, and the reason beside it.
"""

import numpy as np

from forecasting import quantiles
from forecasting.panel import Panel, Predicted
from forecasting.regular import WIDEST, gap, known, still, unfit

_PRIOR_DAYS = 0.01  # what `WIDEST` counts for beside the spread of the known days: chosen on origins before June 2019
_LEAST = 0.01  # spread, in logits, of whatever a model is surest of
_PRIOR_PAIRS = 1  # what independent days count for beside the differences there are
_WEEK = 7


def climatology(panel: Panel, horizon: int) -> Predicted:
    """The days to come are like the known ones: their mean, and their spread, the same at every step."""
    centre, spread = (np.repeat(part[:, None], horizon, axis=1) for part in moments(panel))
    return predicted(panel, "climatology", centre, spread)


def seasonal_naive(panel: Panel, horizon: int) -> Predicted:
    """The same weekday of the last week that is known, as far off as days a week apart are; k weeks ahead √k as far."""
    z, days = panel.z, panel.z.shape[1]
    mean, spread = moments(panel)
    centre, weeks = np.tile(mean[:, None], horizon), np.ones((len(panel), horizon))
    for step in range(horizon):
        same = z[:, days - _WEEK + step % _WEEK :: -_WEEK] if days > (_WEEK - 1 - step % _WEEK) else z[:, :0]
        there = np.isfinite(same)
        some, first = there.any(axis=1), there.argmax(axis=1) if same.shape[1] else np.zeros(len(panel), dtype=int)
        centre[some, step] = same[some, first[some]]
        weeks[some, step] = step // _WEEK + 1 + first[some]
    return predicted(panel, "seasonal naive", centre, _of_differences(panel, spread, _WEEK)[:, None] * np.sqrt(weeks))


def random_walk(panel: Panel, horizon: int) -> Predicted:
    """The last known day, as far off as days one apart are; h days ahead √h as far."""
    z, late = panel.z, gap(panel)
    last = np.take_along_axis(z, np.maximum(z.shape[1] - 1 - late, 0)[:, None], axis=1)
    steps = late[:, None] + np.arange(1, horizon + 1)
    spread = _of_differences(panel, moments(panel)[1], 1)[:, None] * np.sqrt(steps)
    return predicted(panel, "random walk", np.repeat(last, horizon, axis=1), spread)


def moments(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Mean and predictive standard deviation (n,) of the known logits; 0 and any where none is known.

    Variance: (ν w² + Σ (z − mean)²) / (ν + days − 1) · (1 + 1/days), w = `WIDEST` for ν = 0.01 day, so that few days
    are not taken for certainty. Of days that are all the same the spread is w: they do not say that nothing will ever
    move.
    """
    there, days = np.isfinite(panel.z), np.maximum(known(panel), 1)
    mean = np.where(there, panel.z, 0.0).sum(axis=1) / days
    squares = np.where(there, panel.z - mean[:, None], 0.0) ** 2
    variance = (_PRIOR_DAYS * WIDEST**2 + squares.sum(axis=1)) / (_PRIOR_DAYS + days - 1) * (1 + 1 / days)
    return mean, np.where(still(panel), WIDEST, np.sqrt(variance))


def predicted(
    panel: Panel, model: str, centre: np.ndarray, spread: np.ndarray, why: list[str | None] | None = None
) -> Predicted:
    """Normals on the logit scale (n, horizon), but climatology in rows that have a reason `why` (n,) for it.

    Without reasons of a model's own they are `regular.unfit`. No spread is below .01. Of a row without any known day
    every share is as likely as another.
    """
    why = unfit(panel) if why is None else why
    plain = np.array([reason is not None for reason in why], dtype=bool)
    everyday, around = (part[:, None] for part in moments(panel))
    spread = np.maximum(spread, _LEAST)
    centre, spread = np.where(plain[:, None], everyday, centre), np.where(plain[:, None], around, spread)
    shares = quantiles.normal(centre, spread)
    shares[known(panel) == 0] = quantiles.LEVELS
    return Predicted(shares, ["climatology" if reason else model for reason in why], why)


def _of_differences(panel: Panel, spread: np.ndarray, lag: int) -> np.ndarray:
    """Root mean square (n,) of what days `lag` apart differ by; with few such pairs drawn to √2 `spread`."""
    pairs = panel.z[:, lag:] - panel.z[:, :-lag]
    count = np.isfinite(pairs).sum(axis=1)
    squares = np.where(np.isfinite(pairs), pairs, 0.0) ** 2
    return np.sqrt((squares.sum(axis=1) + _PRIOR_PAIRS * 2 * spread**2) / (count + _PRIOR_PAIRS))
