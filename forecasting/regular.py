"""Rows as models of one series take them: gaps filled, and what cannot be fitted named."""

import numpy as np
from scipy import special

from forecasting.panel import SHORTEST, Panel

WIDEST = 0.5
"""Spread, in logits, of a share of which one day is known; noise of its posts counts up to it."""


def known(panel: Panel) -> np.ndarray:
    """Known days (n,) of each row."""
    return np.isfinite(panel.z).sum(axis=1)


def gap(panel: Panel) -> np.ndarray:
    """Unknown days (n,) at the end of each row; where none is known all its days, and no fewer than `SHORTEST`."""
    days = panel.z.shape[1]
    never = max(days, SHORTEST)
    return np.where(np.isfinite(panel.z), np.arange(days)[::-1], never).min(axis=1, initial=never)


def still(panel: Panel) -> np.ndarray:
    """Whether the known days (n,) of a row, one or more, are all the same, as shares or as logits."""
    never = np.zeros(len(panel), dtype=bool)
    for values in (panel.y, panel.z):
        lowest, highest = (end.reduce(values, axis=1, initial=np.nan) for end in (np.fmin, np.fmax))
        never |= lowest == highest
    return never


def unfit(panel: Panel) -> list[str | None]:
    """Why no model can be fitted to a row (n,), or None: too few known days, none of late, or all the same."""
    reasons: list[str | None] = []
    for n, days, never in zip(known(panel).tolist(), gap(panel).tolist(), still(panel).tolist(), strict=True):
        if n < SHORTEST:
            reasons.append(f"{n} known days; {SHORTEST} needed")
        elif days >= SHORTEST:
            reasons.append(f"none of the last {SHORTEST} days is known")
        else:
            reasons.append("the series never moves" if never else None)
    return reasons


def filled(panel: Panel) -> np.ndarray:
    """The logits (n, days), unknown days between known ones on straight lines; NaN before the first, after the last."""
    z = panel.z
    days, there = z.shape[1], np.isfinite(z)
    column = np.arange(days)
    before = np.maximum.accumulate(np.where(there, column, -1), axis=1)
    after = np.minimum.accumulate(np.where(there, column, days)[:, ::-1], axis=1)[:, ::-1]
    inside = (before >= 0) & (after < days)
    left, right = (np.take_along_axis(z, np.where(inside, side, 0), axis=1) for side in (before, after))
    part = (column - before) / np.maximum(after - before, 1)
    return np.where(inside, left + part * (right - left), np.nan)


def noise(panel: Panel) -> np.ndarray:
    """Spread (n,), in logits, that a day has by its number of posts alone; 0 where no number is known.

    √(1 / (n p (1 − p))) with p the share on the mean of the logits and n the mean number of posts a day; never over
    `WIDEST`, as near 0 and 1 the formula means nothing.
    """
    there = np.isfinite(panel.z)
    centre = np.where(there, panel.z, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    counted = there & np.isfinite(panel.n_posts)
    posts = np.where(counted, panel.n_posts, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    expressing = np.maximum(posts, 1.0) * special.expit(centre) * special.expit(-centre)
    return np.where(counted.any(axis=1), np.minimum(np.sqrt(1 / expressing), WIDEST), 0.0)
