"""What a day was expected to show, as a distribution, and the windows before it that say so.

Arrays are (lines, days), NaN where unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]


class Scale(NamedTuple):
    """A growing function of a value, and the way back."""

    to: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]


PLAIN = Scale(lambda x: x, lambda x: x)
TWO_THIRDS = Scale(lambda x: x ** (2 / 3), lambda x: np.maximum(x, 0) ** 1.5)
"""Takes the skew off a count (Farrington et al. 1996)."""
LOGIT = Scale(special.logit, special.expit)


@dataclass(frozen=True)
class Baseline:
    """The distribution of each day if nothing is amiss; NaN where there is no baseline.

    On its scale a value is centre + spread · t with `df` degrees of freedom (∞: normal).
    """

    centre: Floats
    spread: Floats
    df: Floats
    scale: Scale = PLAIN

    def p(self, values: Floats) -> Floats:
        """P(at least so high a value), one-sided, in [0, 1]; NaN where value or baseline is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            above = self.scale.to(values) - self.centre
            # A line that never moved and has no measurement error is left by any rise, and by nothing else.
            z = np.where(self.spread > 0, above / self.spread, np.where(above > 0, np.inf, -np.inf))
        return np.where(np.isnan(above) | np.isnan(self.spread), np.nan, stats.t.sf(z, self.df))

    def limit(self, alpha: npt.ArrayLike) -> Floats:
        """The value that is exceeded with probability alpha in (0, 1)."""
        return np.asarray(self.scale.back(self.centre + stats.t.isf(alpha, self.df) * self.spread))

    def on(self, days: npt.NDArray[np.bool_], other: "Baseline") -> "Baseline":
        """This one on some days (lines, days), another of the same scale on the rest."""
        mine, rest = ((of.centre, of.spread, of.df) for of in (self, other))
        centre, spread, df = (np.where(days, a, b) for a, b in zip(mine, rest, strict=True))
        return Baseline(centre, spread, df, self.scale)


def trailing(values: Floats, nearest: int, furthest: int) -> Floats:
    """(lines, days, lags): for each day those from `nearest` to `furthest` days before, nearest first."""
    padded = np.concatenate([np.full((len(values), furthest), np.nan), values], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, furthest - nearest + 1, axis=1)
    return windows[:, : values.shape[1], ::-1]


def rolling(values: Floats, nearest: int, furthest: int) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and number of the known values from `nearest` to `furthest` days before each day.

    Mean and variance are NaN where under three quarters of them are known.
    """
    known = np.isfinite(values)
    middle = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1).clip(1)  # taken off, so that no digit is lost
    moved = np.where(known, values - middle[:, None], 0)

    def total(of: Floats) -> Floats:
        sums = np.concatenate([np.zeros((len(of), furthest + 1)), np.cumsum(of, axis=1)], axis=1)
        days = np.arange(of.shape[1]) + furthest + 1
        return np.asarray(sums[:, days - nearest] - sums[:, days - furthest - 1])

    n = total(known.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n >= 0.75 * (furthest - nearest + 1), total(moved) / n, np.nan)
        variance = np.maximum(total(moved**2) / n - mean**2, 0) * n / (n - 1)
    return mean + middle[:, None], variance, n


def process_variance(total: Floats, measured: Floats) -> Floats:
    """What is left of a variance, not below 0, when the mean variance of measurement is taken off it."""
    return np.maximum(total - measured, 0)


def known_error(values: Floats, error: Floats | None) -> Floats:
    """Variance of measurement of each cell: `error` (standard errors) squared; 0 where none is given."""
    return np.zeros_like(values) if error is None else np.nan_to_num(error) ** 2
