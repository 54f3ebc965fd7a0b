"""What the house network sees: each history in its own daily changes, the calendar, and who moves with it."""

from dataclasses import dataclass

import numpy as np

from forecasting import regular
from forecasting.calendar import KINDS, Calendar, kind_of, weekday
from forecasting.panel import DAYS, Panel

LONGEST = 14
"""Days ahead that are told apart; later ones are taken for this one."""
_LAGS = 14
_WEEK = 7
_PRIOR = 3.0  # daily changes that the usual one counts for
_USUAL = 0.05
_CLIP = 8.0


@dataclass(frozen=True, eq=False)
class Inputs:
    """Of n histories and a horizon: `shared` (n, F) of the history, `targets` (n, horizon, G) of each day ahead.

    A logit z of day h is read as `centre + scale · (u + calendar[h])`: centre (n,) is the mean of the last week, scale
    (n,) the daily change, calendar (n, horizon) what the day usually does; the network speaks about u.
    """

    shared: np.ndarray
    targets: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    calendar: np.ndarray


def inputs(panel: Panel, horizon: int, calendar: Calendar, kinds: np.ndarray | None = None) -> Inputs:
    """Inputs of every row. Needs a known value in each row's last 7 days. kinds (n,): instead of the markers' own."""
    panel = panel.last(DAYS)
    kinds = np.array([kind_of(m) for m in panel.markers], dtype=np.int64) if kinds is None else kinds
    z = _padded(panel.z)
    days = panel.ends[:, None] + np.arange(1 - DAYS, 1)
    ahead = panel.ahead(horizon)
    usual, coming = calendar.effects(kinds, days), calendar.effects(kinds, panel.ends[:, None] + np.arange(horizon + 2))
    noise = regular.noise(panel)
    scale = _daily_change(z, noise)
    scale = _daily_change(z - scale[:, None] * usual, noise)
    x = z - scale[:, None] * usual
    centre = _mean(x, _WEEK)
    v = np.clip((x - centre[:, None]) / scale[:, None], -3 * _CLIP, 3 * _CLIP)
    profile, seen = _weekly(v, weekday(days))
    w = v - np.take_along_axis(profile, weekday(days), axis=1)
    known = np.isfinite(v)
    recent = np.nan_to_num(_mean(v, 3))  # its days may all be unknown
    own = [
        np.where(known, v, 0.0)[:, -_LAGS:], known[:, -_LAGS:], np.where(known, w, 0.0)[:, -_WEEK:],
        recent, *(_mean(v, k) for k in (14, 28, 56, DAYS)), *(_smoothed(w, a) for a in (0.15, 0.4)),
        *(_slope(w, k) for k in (_WEEK, 28)), *(_spread(v, k) for k in (_WEEK, _LAGS, 28, DAYS)),
        np.log(scale), np.log(np.minimum(noise / scale, 5) + 0.01), np.log(known.sum(axis=1)) / 4, centre / 3,
        usual[:, -_WEEK:], panel.eventful(days[:, -_WEEK:]), kinds[:, None] == np.arange(len(KINDS)),
    ]  # fmt: skip
    together = _together(panel, kinds, np.column_stack([np.nan_to_num(w[:, -_WEEK:]), recent, _mean(v, 28)]))
    shared = np.column_stack([*own, *together])
    targets = np.stack(
        [
            np.column_stack(
                [*_same_weekday(v, h), np.take_along_axis(profile, day, axis=1), np.take_along_axis(seen, day, axis=1),
                 coming[:, h : h + 3], np.abs(coming[:, h + 1]), *_season(ahead[:, h]), event, day == np.arange(_WEEK),
                 np.broadcast_to(_distance(min(h, LONGEST - 1)), (len(panel), 3))]
            )
            for h, day, event in zip(
                range(horizon), weekday(ahead).T[:, :, None], panel.eventful(ahead).T, strict=True
            )
        ],
        axis=1,
    )  # fmt: skip
    return Inputs(shared.astype(np.float32), targets.astype(np.float32), centre, scale, coming[:, 1:-1])


def _padded(z: np.ndarray) -> np.ndarray:
    return np.pad(z, ((0, 0), (DAYS - z.shape[1], 0)), constant_values=np.nan)


def _mean(x: np.ndarray, days: int) -> np.ndarray:
    """Mean of the known of the last `days` days (n,), NaN where there is none."""
    known = np.isfinite(x[:, -days:])
    with np.errstate(invalid="ignore"):
        return np.where(known, x[:, -days:], 0.0).sum(axis=1) / known.sum(axis=1)


def _daily_change(z: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Mean absolute change from day to day (n,), single leaps cut at four medians, drawn to a usual one."""
    change = np.abs(np.diff(z, axis=1))
    known = np.isfinite(change)
    middle = np.nanmedian(np.where(known.any(axis=1, keepdims=True), change, 0.0), axis=1, keepdims=True)
    change = np.where(known, np.minimum(change, 4 * middle), 0.0)
    return (change.sum(axis=1) + _PRIOR * (_USUAL + noise)) / (known.sum(axis=1) + _PRIOR)


def _weekly(v: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Usual deviation of each weekday (n, 7) from the week about it, shrunk by one day; and days seen / 12."""
    known = np.isfinite(v)
    sums = np.cumsum(np.pad(np.where(known, v, 0.0), ((0, 0), (1, 0))), axis=1)
    counts = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    weeks, n = sums[:, _WEEK:] - sums[:, :-_WEEK], counts[:, _WEEK:] - counts[:, :-_WEEK]
    centred = np.clip(np.arange(v.shape[1]) - _WEEK // 2, 0, weeks.shape[1] - 1)  # its week; the outer days share one
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(n >= _WEEK, weeks / n, np.nan)[:, centred]
    level = np.where(np.isfinite(level), level, _mean(v, _WEEK)[:, None])
    rest = np.where(known, np.clip(v - level, -_CLIP, _CLIP), 0.0)
    on = [(day == d) & known for d in range(_WEEK)]
    seen = np.stack([o.sum(axis=1) for o in on], axis=1)
    return np.stack([(rest * o).sum(axis=1) for o in on], axis=1) / (seen + 1), seen / 12


def _smoothed(w: np.ndarray, rate: float) -> np.ndarray:
    weight = (1 - rate) ** np.arange(w.shape[1])[::-1] * np.isfinite(w)
    return (np.nan_to_num(w) * weight).sum(axis=1) / weight.sum(axis=1)


def _slope(w: np.ndarray, days: int) -> np.ndarray:
    """Least-squares slope of the last `days` days, times half of them."""
    w = w[:, -days:]
    known = np.isfinite(w)
    t = np.arange(days) - (known * np.arange(days)).sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    return (np.nan_to_num(w) * t * known).sum(axis=1) / ((t**2 * known).sum(axis=1) + 1e-9) * days / 2


def _spread(v: np.ndarray, days: int) -> np.ndarray:
    v = v[:, -days:] - _mean(v, days)[:, None]
    return np.log(np.sqrt(_mean(v**2, days)) + 0.1)


def _same_weekday(v: np.ndarray, h: int) -> list[np.ndarray]:
    """The last four values on the weekday of day h ahead, 0 where unknown."""
    return [np.nan_to_num(v[:, -7 * k + h % _WEEK]) for k in (1, 2, 3, 4)]


def _distance(h: int) -> list[float]:
    return [1 / (h + 1), float(np.log1p(h)), h / LONGEST]


def _season(day: np.ndarray) -> list[np.ndarray]:
    turn = (day - day.astype("datetime64[Y]")).astype(np.int64) * (2 * np.pi / 365.25)
    return [wave(k * turn) for k in (1, 2) for wave in (np.sin, np.cos)]


def _together(panel: Panel, kinds: np.ndarray, moves: np.ndarray) -> list[np.ndarray]:
    """How others of the same end move (`moves`, (n, M)): the marker elsewhere, and the population's other kinds."""
    elsewhere, n = _others(_groups(panel.markers, panel.ends), moves)
    here = _groups(panel.populations, panel.ends)
    found = [elsewhere, np.minimum(n, 1.0)]
    for kind in range(len(KINDS)):
        of_kind = kinds == kind
        total, count = np.zeros((here.max(initial=-1) + 1, 3)), np.zeros(here.max(initial=-1) + 1)
        np.add.at(total, here[of_kind], moves[of_kind][:, [_WEEK - 1, -2, -1]])
        np.add.at(count, here[of_kind], 1.0)
        theirs = total[here] / np.maximum(count, 1)[here, None]
        found.append(np.where(of_kind[:, None], 0.0, theirs))
    return found


def _groups(of: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """A number for every distinct pair (n,); where a name is empty, a row is alone."""
    pairs: dict[tuple[object, int], int] = {}
    alone = ((name or i, end) for i, (name, end) in enumerate(zip(of, ends.astype(np.int64), strict=True)))
    return np.array([pairs.setdefault(pair, len(pairs)) for pair in alone], dtype=np.int64)


def _others(group: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the other rows of each row's group (n, M), 0 where it is alone; and how many they are (n,)."""
    total = np.zeros((group.max(initial=-1) + 1, moves.shape[1]))
    np.add.at(total, group, moves)
    n = np.bincount(group, minlength=len(total))[group] - 1.0
    return (total[group] - moves) / np.maximum(n, 1)[:, None], n
