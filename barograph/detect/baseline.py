"""What a day was expected to show, as a distribution, and the windows before it that say so."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """The distribution of each day (lines, days) if nothing is amiss; NaN where there is no baseline.

    value ** power is distributed as centre + spread · t with `df` degrees of freedom (∞: normal).
    """

    centre: Floats
    spread: Floats
    df: Floats
    power: float = 1.0

    def p(self, value: Floats) -> Floats:
        """P(a value at least as high), one-sided, in [0, 1]; NaN where value or baseline is unknown."""
        above = np.asarray(value) ** self.power - self.centre
        with np.errstate(divide="ignore", invalid="ignore"):
            # A line that never moved and has no measurement error is left by any move, and by no other day.
            z = np.where(self.spread > 0, above / self.spread, np.where(above > 0, np.inf, -np.inf))
        return np.where(np.isnan(above) | np.isnan(self.spread), np.nan, stats.t.sf(z, self.df))

    def limit(self, alpha: npt.ArrayLike) -> Floats:
        """The value (lines, days) that is exceeded with probability alpha in (0, 1)."""
        bound = self.centre + stats.t.isf(alpha, self.df) * self.spread
        return np.asarray(np.maximum(bound, 0) ** (1 / self.power) if self.power != 1 else bound)


def trailing(values: Floats, nearest: int, furthest: int) -> Floats:
    """(lines, days, furthest − nearest + 1): for each day those from `nearest` to `furthest` days before, nearest first.

    NaN before the first column.
    """
    padded = np.concatenate([np.full((len(values), furthest), np.nan), values], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, furthest - nearest + 1, axis=1)
    return windows[:, : values.shape[1], ::-1]


def process_variance(total: Floats, measured: Floats) -> Floats:
    """What is left of a variance, not below 0, when the mean variance of measurement is taken off it."""
    return np.maximum(total - measured, 0)


def known_error(values: Floats, error: Floats | None) -> Floats:
    """Variance of measurement of each cell: `error` (standard errors) squared; 0 where none is given."""
    return np.zeros_like(values) if error is None else np.nan_to_num(error) ** 2
