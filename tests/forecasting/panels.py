"""Panels that tests are made of."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from forecasting.panel import Panel

END = np.datetime64("2024-03-31")


def panel(
    rows: Sequence[Sequence[float]] | np.ndarray, posts: float = np.nan, populations: Sequence[str] | None = None,
    ends: Sequence[np.datetime64] | None = None,
) -> Panel:
    """Rows of shares of any lengths that end on END, or their own ends; NaN where unknown."""
    days = max(len(row) for row in rows)
    y = np.array([[*[np.nan] * (days - len(row)), *row] for row in rows], dtype=float)
    names = np.array([f"s{i:05}" for i in range(len(rows))], dtype=object)
    whose = np.array([""] * len(rows) if populations is None else populations, dtype=object)
    last = np.array([END] * len(rows) if ends is None else ends, dtype="datetime64[D]")
    return Panel(names, np.array(["joy"] * len(rows), dtype=object), whose, last, y, np.where(np.isnan(y), np.nan, posts))


def walks(n: int, days: int, seed: int = 1, step: float = 0.2) -> np.ndarray:
    """Shares (n, days) that wander."""
    return special.expit(np.random.default_rng(seed).normal(0, step, (n, days)).cumsum(axis=1) - 2)
