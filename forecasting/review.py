"""How a model would have done of late: each of the last weeks forecast from what was known before it."""

from dataclasses import dataclass, replace

import numpy as np

from forecasting.panel import DAYS, Model, Panel
from forecasting.quantiles import LEVELS

WEEK = 7


@dataclass(frozen=True, eq=False)
class Review:
    """`truth` (n, weeks, 7): shares of the last weeks, oldest first; `quantiles` (n, weeks, 7, 13): their forecasts.

    Each was made at the end of the week before. `z` (n, weeks, 7): the truth's logit, as a panel has it half a
    post away from 0 and 1. All are NaN where no forecast could be made, the truth also where unknown.
    """

    truth: np.ndarray
    z: np.ndarray
    quantiles: np.ndarray


def review(panel: Panel, model: Model, weeks: int) -> Review:
    """Every day of the last `weeks` weeks judged once, by the forecast that the model makes from the 84 days before.

    A history too short for so many weeks is reviewed over those that leave it a day. The model is asked a week at a
    time: asked for all at once, it would read histories that end a week apart together, a series with itself.
    """
    n, days = panel.y.shape
    weeks = min(weeks, max(days - 1, 0) // WEEK)
    truth, z = (a[:, days - WEEK * weeks :].reshape(n, weeks, WEEK) for a in (panel.y, panel.z))
    if not n * weeks:
        return Review(truth, z, np.full((*truth.shape, len(LEVELS)), np.nan))
    made = [model(_before(panel, WEEK * back), WEEK) for back in range(weeks, 0, -1)]
    fit = np.array([[why is None for why in of.fallbacks] for of in made]).T[..., None]
    quantiles = np.stack([of.quantiles for of in made], axis=1)
    truth, z = (np.where(fit, a, np.nan) for a in (truth, z))
    return Review(truth, z, np.where(fit[..., None], quantiles, np.nan))


def _before(panel: Panel, back: int) -> Panel:
    """What was known `back` days before the end, no more than 84 days of each."""
    y, n_posts = (a[:, :-back] for a in (panel.y, panel.n_posts))
    return replace(panel, ends=panel.ends - np.timedelta64(back, "D"), y=y, n_posts=n_posts).last(DAYS)
