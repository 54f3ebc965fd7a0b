"""The strategies of Tommasel et al. 2021, for comparison: the markers of one population read together, VAR and a GRU.

Both are fitted anew to every window and expect points. Their intervals are normal on the logit scale, as wide as their
own errors were, that many steps ahead, inside the window: what is published has none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from forecasting.baselines import predicted
from forecasting.panel import SHORTEST, Panel, Predicted
from forecasting.regular import filled, gap, unfit

_LONGEST = 21  # days the network trains on: 7, 14 or 21 in the publication
_RIDGE = 1.0  # of the VAR: 7 days of four markers hardly say what its 20 numbers are
_PRIOR_ERRORS = 3  # both chosen on origins before June 2019
_MARKERS = 12  # read together at most: those next to each other by name
_TOGETHER = 512  # groups fitted at once
_Fit = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Scaled logits (groups, days, markers), steps → centres (groups, steps, markers) and, from every day on, what was
expected then (groups, days, steps, markers)."""


def var(panel: Panel, horizon: int) -> Predicted:
    """Vector autoregression of order 1 over the markers of a population, least squares with a slight ridge."""
    return _together(panel, horizon, _var, "VAR", panel.y.shape[1])


def gru(panel: Panel, horizon: int) -> Predicted:
    """A recurrent network of 8 gated units over the markers of a population, seeded: it learns the next day.

    Mean squared error, RMSProp, logits less their median over the distance of their quartiles. Groups of rows are
    trained side by side, each with weights of its own.
    """
    from forecasting.recurrent import fit

    return _together(panel, horizon, fit, "GRU", _LONGEST)


def _together(panel: Panel, horizon: int, fit: _Fit, model: str, longest: int) -> Predicted:
    z, why = filled(panel), unfit(panel)
    centre, spread = (np.full((len(panel), horizon), np.nan) for _ in range(2))
    for rows, days, late in _groups(panel, z, why, longest):
        end = z.shape[1] - late
        window = z[rows, end - days : end]
        low, middle, high = np.quantile(window, [0.25, 0.5, 0.75], axis=-1, keepdims=True)
        scale = np.where(high > low, high - low, np.maximum(np.ptp(window, axis=-1, keepdims=True), 1e-6))
        scaled = ((window - middle) / scale).swapaxes(1, 2)
        ahead, then = fit(scaled, horizon + late)
        centre[rows] = (ahead.swapaxes(1, 2) * scale + middle)[..., -horizon:]
        spread[rows] = (_errors(scaled, then).swapaxes(1, 2) * scale)[..., -horizon:]
    return predicted(panel, model, centre, spread, why)


def _groups(panel: Panel, z: np.ndarray, why: list[str | None], longest: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Rows (groups, markers) of as many markers each, the days they have in common, and the days cut after these.

    Rows whose population has too few days in common get their reason in `why`.
    """
    members: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row in sorted(range(len(panel)), key=lambda row: str(panel.names[row])):
        if why[row] is None:
            whose = panel.populations[row] or panel.names[row]  # a series of no population is read alone
            members[str(whose), str(panel.ends[row])].append(row)
    late, alike = gap(panel), defaultdict(list)
    for rows in (all_[i : i + _MARKERS] for all_ in members.values() for i in range(0, len(all_), _MARKERS)):
        cut = int(late[rows].max())
        days = min(int(np.isfinite(z[rows][:, : z.shape[1] - cut]).all(axis=0).sum()), longest)
        if days < SHORTEST:
            for row in rows:
                why[row] = f"the markers of its population have {days} known days in common; {SHORTEST} needed"
        else:
            alike[len(rows), days, cut].append(rows)
    for (_, days, cut), groups in alike.items():
        for start in range(0, len(groups), _TOGETHER):
            yield np.array(groups[start : start + _TOGETHER]), days, cut


def _errors(days: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Root mean square (groups, steps, markers) of what was expected each day for so many steps ahead less what came.

    The variance of the window counts as so many errors more, since what was fitted to few days errs little on them.
    """
    spread = np.empty((len(days), then.shape[2], days.shape[2]))
    for step in range(then.shape[2]):
        errors = days[:, step + 1 :] - then[:, : max(days.shape[1] - step - 1, 0), step]
        squares = (errors**2).sum(axis=1) + _PRIOR_ERRORS * days.var(axis=1, ddof=1)
        spread[:, step] = np.sqrt(squares / (errors.shape[1] + _PRIOR_ERRORS))
    return spread


def _var(days: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    mean = days.mean(axis=1, keepdims=True)
    apart = days - mean
    before, after = apart[:, :-1], apart[:, 1:]
    gram = before.swapaxes(1, 2) @ before + _RIDGE * np.eye(days.shape[2])
    forward = np.linalg.solve(gram, before.swapaxes(1, 2) @ after)
    then, now = np.empty((*days.shape[:2], steps, days.shape[2])), apart
    for step in range(steps):
        now = now @ forward
        then[:, :, step] = now + mean
    return then[:, -1], then
