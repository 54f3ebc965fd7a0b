"""How many peaks forecasts find, as published, and what the published hit rates leave out.

Tommasel, Diaz-Pace, Rodriguez & Godoy 2021 smooth a marker over 7 days, take the slope, and call its peaks of a
prominence above the 80th percentile high-prevalence points; a forecast finds one if its own line has such a peak within
two or three days, or in the same week. They train on 7, 14 or 21 days for the 7 to come, and report how many are found.

Here nothing looks ahead: days are smoothed with the six before them, prominence is measured to the left, and its 80th
percentile is that of the 84 days before the origin. As published, the line of a forecast is made of forecasts alone,
week after week; were it joined to what is known, a constant would find peaks, since the slope of a trailing week is
(y − y of a week before) / 7. Beside the share of peaks found stand the share of alarms that found one, what as many
alarms on random days have of both, and an alarm in the middle of every week.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from forecasting import backtest
from forecasting.panel import DAYS, Model
from forecasting.quantiles import LEVELS

WEEK = 7
WITHIN = {"2": 2, "3": 3, "week": None}
"""Days that an alarm may be off, or the same week."""
PERCENTILE = 0.8
DRAWS = 100
_SEED = 7


def slopes(y: np.ndarray) -> np.ndarray:
    """Daily change of the mean of the last 7 days, of rows (n, days); NaN on the first 7."""
    smooth = np.lib.stride_tricks.sliding_window_view(y, WEEK, axis=1).mean(axis=2)
    return np.hstack([np.full((len(y), WEEK), np.nan), np.diff(smooth, axis=1)])


def rises(slope: np.ndarray) -> np.ndarray:
    """At each local maximum (n, days) how far it rises above the lowest day since the last higher one; else NaN.

    It is the prominence of a peak, of which only the days before are looked at. That a day is a maximum is known one
    day later, so the last has none.
    """
    found = np.full(slope.shape, np.nan)
    for t in range(WEEK + 1, slope.shape[1] - 1):
        here, past = slope[:, t, None], slope[:, WEEK:t]
        higher = np.where(past > here, np.arange(t - WEEK), -1).max(axis=1)
        lowest = np.where(np.arange(t - WEEK) > higher[:, None], past, np.inf).min(axis=1)
        top = (slope[:, t] > slope[:, t - 1]) & (slope[:, t] >= slope[:, t + 1])
        found[top, t] = slope[top, t] - lowest[top]
    return found


def peaks(past: np.ndarray, coming: np.ndarray) -> np.ndarray:
    """Which days after an origin (n, days − 1) are peaks: `past` (n, 84) ends with it, `coming` (n, days) follows."""
    rise = rises(slopes(np.hstack([past, coming])))
    before = rise[:, : DAYS - 1]  # what is known to be a maximum at the origin
    limit = np.full(len(past), np.inf)
    some = ~np.isnan(before).all(axis=1)
    limit[some] = np.nanquantile(before[some], PERCENTILE, axis=1)
    return rise[:, DAYS:-1] > limit[:, None]


def near(days: np.ndarray, within: int | None) -> np.ndarray:
    """Days (series, days) with one of `days` at most `within` away, or in the same week where that is None."""
    if within is None:
        weeks = days.reshape(len(days), -1, WEEK).any(axis=2)
        return np.repeat(weeks, WEEK, axis=1)
    padded = np.pad(days, ((0, 0), (within, within)))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * within + 1, axis=1).any(axis=2))


def worth(alarms: np.ndarray, came: np.ndarray) -> dict[str, float]:
    """`hit_2`, `precision_2`, … : share of peaks with an alarm near, and of alarms with a peak near."""
    found = {}
    for name, within in WITHIN.items():
        found[f"hit_{name}"] = _share(near(alarms, within), came)
        found[f"precision_{name}"] = _share(near(came, within), alarms)
    return found


def by_chance(alarms: np.ndarray, came: np.ndarray) -> dict[str, float]:
    """The mean `worth` of as many alarms in each series on days drawn at random, seeded."""
    rng = np.random.default_rng(_SEED)
    drawn = [worth(rng.permuted(alarms, axis=1), came) for _ in range(DRAWS)]
    return {f"random_{name}": float(np.mean([one[name] for one in drawn])) for name in drawn[0]}


def every_week(came: np.ndarray) -> np.ndarray:
    """An alarm on the middle day of every week."""
    return np.broadcast_to(np.arange(came.shape[1]) % WEEK == WEEK // 2, came.shape)


def replay(
    history: pl.DataFrame,
    models: Mapping[str, Model],
    train_days: Sequence[int],
    first: date,
    last: date,
) -> list[dict[str, float | str]]:
    """One row a model and training length: `model, train_days, n_peaks, n_alarms`, its worth and that of chance.

    A day more than the week is forecast, so that its last day can be a maximum. Weeks count from the thirteenth on: the
    twelve before are the 84 days that a line is held against. Series that lack a week stay out. The last row is that of
    `every_week`, without chance.
    """
    found = backtest.windows(history, WEEK + 1, first, last, WEEK)
    names, counts = np.unique(found.panel.names, return_counts=True)
    found = found.rows(np.isin(found.panel.names, names[counts == counts.max()]))
    order = np.lexsort((found.panel.ends, found.panel.names))

    def of(coming: np.ndarray) -> np.ndarray:
        """Peaks by series and day (series, days) of weeks (n, 8) that follow one another."""
        weeks = coming[order].reshape(-1, counts.max(), WEEK + 1)
        line = weeks[..., :WEEK].reshape(len(weeks), -1)
        judged = range(DAYS // WEEK, weeks.shape[1])
        return np.hstack([peaks(line[:, WEEK * w - DAYS : WEEK * w], weeks[:, w]) for w in judged])

    came = of(found.truth)
    rows: list[dict[str, float | str]] = []
    for outcome in backtest.run(found, models, train_days):
        alarms = of(outcome.quantiles[..., len(LEVELS) // 2])
        row = {**_count(alarms, came), **worth(alarms, came), **by_chance(alarms, came)}
        rows.append({"model": outcome.model, "train_days": outcome.train_days, **row})
    alarms = every_week(came)
    return [*rows, {"model": "every_week", "train_days": 0, **_count(alarms, came), **worth(alarms, came)}]


def _count(alarms: np.ndarray, came: np.ndarray) -> dict[str, float]:
    return {"n_peaks": float(came.sum()), "n_alarms": float(alarms.sum())}


def _share(marked: np.ndarray, days: np.ndarray) -> float:
    return float(marked[days].mean()) if days.any() else float("nan")
