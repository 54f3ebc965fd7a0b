"""How a model would have done of late: each of the last weeks forecast from what was known before it."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from forecasting.panel import Model, Panel

WEEK = 7


@dataclass(frozen=True, eq=False)
class Review:
    """`truth` (n, weeks, 7): shares of the last weeks, oldest first; `quantiles` (n, weeks, 7, 13): their forecasts.

    Each was made at the end of the week before. Both are NaN where none could be made, the truth also where unknown.
    """

    truth: np.ndarray
    quantiles: np.ndarray


def review(panel: Panel, model: Model, weeks: int) -> Review:
    """Every day of the last `weeks` weeks judged once, by the forecast that the model makes from the days before."""
    n, days = panel.y.shape
    weeks = min(weeks, (days - 1) // WEEK)
    back = [WEEK * k for k in range(weeks, 0, -1)]
    if not back or not n:
        return Review(np.full((n, 0, WEEK), np.nan), np.full((n, 0, WEEK, 13), np.nan))
    parts = [_until(panel, k) for k in back]
    joined: dict[str, Any] = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(panel) if f.name != "events"
    }
    whole = replace(panel, **joined)
    made = model(whole, WEEK)
    fit = np.array([why is None for why in made.fallbacks]).reshape(weeks, n)
    quantiles = np.where(fit[..., None, None], made.quantiles.reshape(weeks, n, WEEK, -1), np.nan)
    truth = panel.y[:, days - WEEK * weeks :].reshape(n, weeks, WEEK)
    return Review(np.where(fit.T[..., None], truth, np.nan), quantiles.swapaxes(0, 1))


def _until(panel: Panel, back: int) -> Panel:
    """What was known `back` days before the end."""
    y, n_posts = (np.pad(a[:, :-back], ((0, 0), (back, 0)), constant_values=np.nan) for a in (panel.y, panel.n_posts))
    return replace(panel, ends=panel.ends - back, y=y, n_posts=n_posts)
