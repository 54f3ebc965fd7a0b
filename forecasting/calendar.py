"""What a day of the year usually does to a marker: Christmas lifts joy in most places and lowers anger.

Learned from training series as one table: for each kind of marker and each named day the usual deviation, in units of
the series' own daily change, shrunk where years disagree. A marker of no known kind has no calendar.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from dateutil.easter import easter

KINDS = ("anger", "anxiety", "positive", "sadness")
"""The kinds of marker that a calendar was learned for; position is their number."""
_WORDS = {
    "anger": "anger disgust hate hostility moral_outrage",
    "anxiety": "anxiety fear horror nervousness stress",
    "positive": "calmness happiness hope joy like love positive",
    "sadness": "depression despair disappointment loneliness pain sadness suffering torment",
}
_KIND = {word: KINDS.index(kind) for kind, words in _WORDS.items() for word in words.split()}
_EASTER = (-47, -21, *range(-7, 2))  # Shrove Tuesday, Mothering Sunday, Palm Sunday to Easter Monday
_NTH = ((5, 6, 1), (5, 6, 2), (6, 6, 3), (11, 3, 4))  # (month, weekday, which): Mother's, Father's Day, Thanksgiving
_MOVABLE = len(_EASTER) + len(_NTH) + 1  # and the day after Thanksgiving
_SMOOTH = 29
_CLIP = 8.0


def kind_of(marker: str) -> int:
    """Number of the marker's kind, −1 where it has none. `dimension:` and `_learned` do not change a kind."""
    return _KIND.get(marker.removeprefix("dimension:").removesuffix("_learned"), -1)


@dataclass(frozen=True, eq=False)
class Calendar:
    """`fixed` (kinds, 12 · 31): effects of days of a month. `movable` (kinds, M): of feasts that move."""

    fixed: np.ndarray
    movable: np.ndarray

    def effects(self, kinds: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Usual deviation (n, d) on `days` (n, d; datetime64[D]) of markers of `kinds` (n,), in daily changes."""
        fixed, movable = keys(days)
        row = np.maximum(kinds, 0)[:, None]
        effect = self.fixed[row, fixed] + np.where(movable >= 0, self.movable[row, np.maximum(movable, 0)], 0.0)
        return np.where(kinds[:, None] >= 0, effect, 0.0)


def weekday(days: Any) -> Any:
    """0 for Monday to 6 for Sunday, of datetime64[D]."""
    return (days.astype(np.int64) + 3) % 7


def keys(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each day (datetime64[D]): its number among days of a month, and among movable feasts (−1: none)."""
    months = days.astype("datetime64[M]")
    day = (days - months).astype(np.int64)
    movable = np.full(days.shape, -1)
    for year in np.unique(days.astype("datetime64[Y]")):
        for feast, number in _feasts(int(year.astype(np.int64)) + 1970):
            movable[days == feast] = number
    return (months.astype(np.int64) % 12) * 31 + day, movable


@lru_cache(maxsize=64)
def _feasts(year: int) -> list[tuple[np.datetime64, int]]:
    sunday = np.datetime64(easter(year), "D")
    feasts = [sunday + offset for offset in _EASTER]
    for month, day, which in _NTH:
        first = np.datetime64(f"{year}-{month:02d}-01", "D")
        feasts.append(first + int(day - weekday(first)) % 7 + 7 * (which - 1))
    feasts.append(feasts[-1] + 1)
    return list(zip(feasts, range(_MOVABLE), strict=True))


def learn(z: np.ndarray, kinds: np.ndarray, days: np.ndarray) -> Calendar:
    """The calendar of series z (n, d; logit, NaN where unknown) of `kinds` (n,) on common `days` (d,).

    The deviation of a day is z less its centred 29-day median and the usual deviation of its weekday, over the typical
    daily change about it (unknown where that is 0); the mean over all series of a kind is one observation a year. The
    median m over n years shrinks to m · max(0, 1 − 2v/(n m²)), v their variance, but no less than .3 of what days have
    on average; seen in fewer than three years it is 0. Training series only: the centred median sees both sides.
    """
    calendar = Calendar(np.zeros((len(KINDS), 12 * 31)), np.zeros((len(KINDS), _MOVABLE)))
    fixed, movable = keys(days)
    for kind in range(len(KINDS)):
        rows = [_deviation(row, weekday(days)) for row in z[kinds == kind]]
        if not rows:
            continue
        seen = np.isfinite(rows).any(axis=0)
        usual = np.full(len(days), np.nan)
        usual[seen] = np.nanmean(np.array(rows)[:, seen], axis=0)
        for key, table in ((fixed, calendar.fixed), (movable, calendar.movable)):
            table[kind] = _shrunk(usual, key, table.shape[1])
            usual = usual - np.where(key >= 0, table[kind][key], 0.0)
    return calendar


def _deviation(z: np.ndarray, day: np.ndarray) -> np.ndarray:
    series = pl.Series(z).fill_nan(None)
    level = series.rolling_median(_SMOOTH, center=True, min_samples=10)
    change = series.diff().abs().rolling_median(85, center=True, min_samples=20)
    change = change.set(change == 0, None)
    rest = pl.DataFrame({"day": day, "rest": series - level, "change": change})
    usual = pl.col("rest").median().over("day")
    out = rest.select(((pl.col("rest") - usual) / (1.2 * pl.col("change"))).clip(-_CLIP, _CLIP)).to_series()
    return out.fill_null(np.nan).to_numpy()


def _shrunk(usual: np.ndarray, key: np.ndarray, size: int) -> np.ndarray:
    years = [usual[(key == k) & np.isfinite(usual)] for k in range(size)]
    often = {k: v for k, v in enumerate(years) if len(v) > 2}
    typical = np.mean([v.var(ddof=1) for v in often.values()]) if often else 0.0
    effect = np.zeros(size)
    for k, v in often.items():
        if middle := np.median(v):
            error = max(v.var(ddof=1), 0.3 * typical) / len(v)
            effect[k] = middle * max(0.0, 1 - 2 * error / middle**2)
    return effect
