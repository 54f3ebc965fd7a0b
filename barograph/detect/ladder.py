"""Every detector by name, and the ladder: the best baseline that the length of a line's history allows.

| rung | takes |
|---|---|
| `sustained` | the same line for eleven months |
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
from barograph.detect.sustained import sustained

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
    "sustained": (lambda y, n, e, __: sustained(y, n, e), 840),
    "farrington": (lambda y, n, e, first: farrington(y, n, e, first=first), 1860),
}
"""Name → detector, and how many days before a day it looks back on."""
LADDER = "ladder"
_RUNGS = ("eears", "ewma", "regression", "sustained")
ALPHAS = (0.0001, 0.001, 0.01, 0.025, 0.05, 0.1)
_MEASURED: Mapping[str, tuple[float, ...]] = {}
"""Alarms a year of one line at these p, on daily marker shares of 2013 to 2016 (`benchmarks/alerts.py`)."""


def false_alarms(name: str, alpha: Floats) -> Floats:
    """Alarms a year of one line to expect of a detector at p < alpha (…): as measured, or 365 α where nothing was."""
    measured = _MEASURED.get(name)
    if measured is None:
        return np.asarray(365 * alpha)
    return np.asarray(np.exp(np.interp(np.log(alpha), np.log(ALPHAS), np.log(measured))))


@dataclass(frozen=True)
class Tested:
    """What detectors say of each day (lines, days). rung: the number of each day's baseline in `names`; −1: none."""

    names: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    rung: npt.NDArray[np.int64]

    def p(self, values: Floats) -> Floats:
        """P(at least so high a value) by each day's rung; NaN where it has none."""
        return self._chosen([baseline.p(values) for baseline in self.baselines])

    def limit(self, alpha: Floats) -> Floats:
        """The value exceeded with probability alpha (days,)."""
        return self._chosen([baseline.limit(alpha) for baseline in self.baselines])

    def false_alarms(self, alpha: Floats) -> Floats:
        """Alarms a year of one line to expect at alpha (days,) without an outbreak, as measured for each day's rung."""
        return self._chosen([np.broadcast_to(false_alarms(name, alpha), self.rung.shape) for name in self.names])

    def _chosen(self, each: list[Floats]) -> Floats:
        found = np.full(self.rung.shape, np.nan)
        for number, values in enumerate(each):
            found = np.where(self.rung == number, values, found)
        return found


def run(name: str, values: Floats, posts: Floats, error: Floats | None, first: int = 0) -> Tested:
    """The days from column `first` on, by one detector or the ladder. The first column is a Monday."""
    names = _RUNGS if name == LADDER else (name,)
    baselines = []
    for each in names:
        detector, back = DETECTORS[each]
        start = max(first - back, 0) // 7 * 7  # whole weeks, so that an early start changes nothing
        cut = np.s_[:, start:]
        whole = detector(values[cut], posts[cut], None if error is None else error[cut], (first - start) // 7 * 7)
        ahead = np.s_[:, first - start :]
        baselines.append(Baseline(whole.centre[ahead], whole.spread[ahead], whole.df[ahead], whole.scale))
    rung = np.full(baselines[0].centre.shape, -1)
    for number, baseline in enumerate(baselines):
        rung[np.isfinite(baseline.spread)] = number
    return Tested(names, tuple(baselines), rung)
