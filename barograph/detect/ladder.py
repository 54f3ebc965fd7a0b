"""Every detector by name, and the ladder: the best baseline that the length of a line's history allows.

| rung | takes |
|---|---|
| `own_year` | the same line for eleven months |
| `regression`, `ewma` | 28 days and two between; the first where line and weekdays explain .60 of them |
| `eears` | five of the last seven days |
| none | less: nothing is said |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barograph.detect import control, ears
from barograph.detect.baseline import Baseline, Floats
from barograph.detect.farrington import farrington
from barograph.detect.own_year import own_year

Detector = Callable[[Floats, Floats, Floats | None, int], Baseline]
"""(shares, posts behind them, standard errors), each (lines, days), and the first column tested → baselines."""


def _explained(values: Floats, error: Floats | None) -> Baseline:
    """The regression, where it explains enough."""
    line, share = control.regression(values, error)
    return Baseline(line.centre, np.where(share >= control.EXPLAINED, line.spread, np.nan), line.df)


DETECTORS: Mapping[str, tuple[Detector, int]] = {
    "c1": (lambda y, _, e, __: ears.c1(y, e), 7),
    "c2": (lambda y, _, e, __: ears.c2(y, e), 9),
    "c3": (lambda y, _, e, __: ears.c3(y, e), 11),
    "eears": (lambda y, _, e, __: ears.eears(y, e), 7),
    "ewma": (lambda y, _, e, __: control.ewma(y, e), 58),
    "regression": (lambda y, _, e, __: _explained(y, e), 58),
    "own_year": (lambda y, n, e, __: own_year(y, n, e), 840),
    "farrington": (lambda y, n, e, first: farrington(y, n, e, first=first), 1860),
}
"""Name → detector, and how many days before a day it looks back on."""
LADDER = "ladder"
_RUNGS = ("eears", "ewma", "regression", "own_year")
RATES = (1.0, 3.0, 10.0, 30.0)
MEASURED: Mapping[str, tuple[float, ...]] = {
    "c1": (2.1e-22, 3.8e-09, 0.00054, 0.032),
    "c2": (4.9e-30, 3.5e-12, 7.8e-05, 0.02),
    "c3": (7.3e-99, 6.9e-40, 7.9e-12, 0.0011),
    "eears": (7.2e-06, 0.00015, 0.003, 0.034),
    "ewma": (2.2e-10, 7.5e-07, 0.00065, 0.021),
    "regression": (4.7e-11, 1.1e-06, 0.00073, 0.018),
    "own_year": (0.0028, 0.0084, 0.031, 0.12),
    "farrington": (8.5e-19, 4.4e-12, 2.2e-07, 0.00032),
}
"""The p of each detector at or below which so many days a year of one line were, on daily marker shares of 2013 to 2016
(`benchmarks/alerts.py`): real days are seldom normal and never independent, so that p promise too much."""
_RATE = np.log(np.array([*RATES, 365.0]))


def false_alarms(name: str, p: npt.ArrayLike) -> Floats:
    """Days a year of one line that reach p (…) of a detector without an outbreak: as measured, on logarithms.

    Below what was measured the last slope goes on.
    """
    with np.errstate(divide="ignore"):
        return np.exp(_bent(np.log(np.asarray(p, dtype=float)), _logs(name), _RATE))


def reached_at(name: str, alpha: npt.ArrayLike) -> Floats:
    """The p of a detector that a share alpha (…) of days reach: the way back."""
    return np.exp(_bent(np.log(365 * np.asarray(alpha, dtype=float)), _RATE, _logs(name)))


def _logs(name: str) -> Floats:
    return np.log(np.array([*MEASURED[name], 1.0]))


def _bent(x: Floats, at: Floats, to: Floats) -> Floats:
    """Linear between points, the first slope going on below them."""
    below = to[0] + (x - at[0]) * (to[1] - to[0]) / (at[1] - at[0])
    return np.where(x < at[0], below, np.interp(x, at, to))


@dataclass(frozen=True)
class Tested:
    """What detectors say of each day (lines, days). rung: the number of each day's baseline in `names`; −1: none."""

    names: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    rung: npt.NDArray[np.int64]

    def p(self, values: Floats) -> Floats:
        """P(at least so high a value) by each day's rung; NaN where it has none.

        Calibrated: the share of days that reached it on real series, which are seldom normal and never independent.
        """
        return self._chosen(
            [
                false_alarms(name, baseline.p(values)) / 365
                for name, baseline in zip(self.names, self.baselines, strict=True)
            ]
        )

    def limit(self, alpha: Floats) -> Floats:
        """The value above which p is below alpha (days,)."""
        return self._chosen(
            [baseline.limit(reached_at(name, alpha)) for name, baseline in zip(self.names, self.baselines, strict=True)]
        )

    def _chosen(self, each: list[Floats]) -> Floats:
        found = np.full(self.rung.shape, np.nan)
        for number, values in enumerate(each):
            found = np.where(self.rung == number, values, found)
        return found


def run(
    name: str, values: Floats, posts: Floats, error: Floats | None, first: int = 0,
    left_out: npt.NDArray[np.bool_] | None = None,
) -> Tested:  # fmt: skip
    """The days from column `first` on, by one detector or the ladder. The first column is a Monday.

    left_out: days (lines, days) that are in no other's baseline; they themselves are tested as if none were.
    """
    names = _RUNGS if name == LADDER else (name,)
    baselines = [_baseline(each, values, posts, error, first) for each in names]
    if left_out is not None and left_out.any():
        kept = np.where(left_out, np.nan, values)
        usual = [_baseline(each, kept, posts, error, first) for each in names]
        baselines = [a.on(left_out[:, first:], b) for a, b in zip(baselines, usual, strict=True)]
    rung = np.full(baselines[0].centre.shape, -1)
    for number, baseline in enumerate(baselines):
        rung[np.isfinite(baseline.spread)] = number
    return Tested(names, tuple(baselines), rung)


def _baseline(name: str, values: Floats, posts: Floats, error: Floats | None, first: int) -> Baseline:
    detector, back = DETECTORS[name]
    start = max(first - back, 0) // 7 * 7  # whole weeks, so that an early start changes nothing
    cut = np.s_[:, start:]
    whole = detector(values[cut], posts[cut], None if error is None else error[cut], (first - start) // 7 * 7)
    ahead = np.s_[:, first - start :]
    return Baseline(whole.centre[ahead], whole.spread[ahead], whole.df[ahead], whole.scale)
