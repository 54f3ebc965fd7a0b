"""What a line does round events of one kind, and whether as much happens round days taken at random. Pure functions.

**Superposed epochs** (Chree 1913, Phil. Trans. A 212:75): the line's deviation from its usual, less the mean of its
weekday, 14 days before to 14 days after the first day of each event, in the mean over events.

**By chance.** The events are placed on days of the line at random, 999 times; those that begin within 14 days of one
another stay together as a block. What depends on the day before still does, as the line itself is left as it is
(Haurwitz & Brier 1981, Monthly Weather Review 109:2074). `low` and `high` hold 95 of 100 placements at each lag; `p` is
the share of placements, the real one among them, in which any lag stands out as far, in standard deviations of its
own placements: so that looking at 29 lags is paid for (Westfall & Young 1993, max-T). Fewer than three blocks say
nothing of events of their kind, whatever p would be: there is none.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

REACH = 14
"""Days before and after."""
LEAST_BLOCKS = 3
PLACEMENTS = 999
LEAST_DAYS = 112
"""Days from the first with a deviation to the last, below which there is too little room to place events."""
_LEAST_PLACED = 0.5
_SEED = 20_24

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.int64]]
_LAGS = np.arange(-REACH, REACH + 1)
_MEANS = {"lag": pl.Int64, "mean": pl.Float64, "n_events": pl.Int64, "low": pl.Float64, "high": pl.Float64}
_EACH = {"event": pl.String, "starts_on": pl.Date, "lag": pl.Int64, "deviation": pl.Float64}


@dataclass(frozen=True)
class Epochs:
    """A line round events.

    means: `lag` (−14 to 14), `mean`, `n_events` (with a value at that lag), `low` and `high` (by chance; NULL where
    that is not known). each: `event`, `starts_on`, `lag`, `deviation`. p: that any lag stands out, None where
    `why_not` says why it cannot be told: too few `events` or `days`.
    """

    means: pl.DataFrame
    each: pl.DataFrame
    p: float | None
    why_not: str | None

    @property
    def n_events(self) -> int:
        """Events with a value at any lag."""
        return self.each["starts_on"].n_unique()


def around(days: pl.DataFrame, events: pl.DataFrame) -> Epochs:
    """One line round events.

    days: rows of one line as `deviation.deviations` returns them. events: `name, starts_on` of those to take together;
    several on one day count as one. An event without any value near it is left out.
    """
    start, line = _line(days)
    begins = events.group_by("starts_on").agg(pl.col("name").unique().sort().str.join(", ")).sort("starts_on")
    at = (begins["starts_on"] - start).dt.total_days().to_numpy().astype(np.int64)
    found = _taken(line, at)
    here = np.isfinite(found).any(axis=1)
    begins, at, found = begins.filter(pl.Series(here, dtype=pl.Boolean)), at[here], found[here]
    mean, n = _mean(found), np.isfinite(found).sum(axis=0)
    block = np.cumsum(np.diff(at, prepend=at[:1]) > REACH).astype(np.int64)
    low = high = np.full(len(_LAGS), np.nan)
    p, why_not = None, _why_not(int(block[-1]) + 1 if len(block) else 0, len(line))
    if why_not is None:
        low, high, p = _by_chance(line, at, block, mean)
    means = pl.DataFrame({"lag": _LAGS, "mean": mean, "n_events": n, "low": low, "high": high}, schema=_MEANS)
    each = {
        "event": np.repeat(begins["name"].to_numpy(), len(_LAGS)),
        "starts_on": np.repeat(begins["starts_on"].to_numpy(), len(_LAGS)),
        "lag": np.tile(_LAGS, len(begins)), "deviation": found.ravel(),
    }  # fmt: skip
    drawn = pl.DataFrame(each, schema=_EACH).fill_nan(None).drop_nulls("deviation")
    return Epochs(means.fill_nan(None), drawn, p, why_not)


def _why_not(n_blocks: int, n_days: int) -> str | None:
    if n_blocks < LEAST_BLOCKS:
        return "events"
    return "days" if n_days < LEAST_DAYS else None


def _taken(line: Numbers, at: Places) -> Numbers:
    """The line at each lag of each place; NaN beyond its ends. Shape: (places, lags)."""
    lies = np.add.outer(at, _LAGS)
    inside = (lies >= 0) & (lies < len(line))
    taken = np.full(lies.shape, np.nan)
    taken[inside] = line[lies[inside]]
    return taken


def _line(days: pl.DataFrame) -> tuple[date, Numbers]:
    """First day with a deviation, and one value each calendar day from it on, less the mean of its weekday."""
    known = days.filter(~pl.col("provisional"), pl.col("deviation").is_not_null())
    if known.is_empty():
        return date.min, np.empty(0)
    known = known.with_columns(pl.col("deviation") - pl.col("deviation").mean().over(pl.col("time_value").dt.weekday()))
    every = known.select("time_value", "deviation").sort("time_value").upsample("time_value", every="1d")
    return every["time_value"][0], every["deviation"].fill_null(float("nan")).to_numpy()


def _by_chance(line: Numbers, at: Places, block: Places, mean: Numbers) -> tuple[Numbers, Numbers, float]:
    """Bounds at each lag over all placements, and p."""
    random = np.random.default_rng(_SEED)
    first = np.array([at[block == b].min() for b in np.unique(block)])
    reach = np.array([at[block == b].max() for b in np.unique(block)]) - first
    begins = random.integers(0, len(line) - reach, (PLACEMENTS, len(first)))
    total, count = (np.zeros((PLACEMENTS, len(_LAGS))) for _ in range(2))
    for event, of in zip(at, block, strict=True):
        value = _taken(line, begins[:, of] + event - first[of])
        count += np.isfinite(value)
        total += np.nan_to_num(value)
    placed = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    centre, spread = _mean(placed), np.sqrt(_mean((placed - _mean(placed)) ** 2))
    known = (np.isfinite(placed).mean(axis=0) >= _LEAST_PLACED) & (spread > 0)
    out = np.abs(np.vstack([mean, placed])[:, known] - centre[known]) / spread[known]
    farthest = np.nan_to_num(out, nan=0.0).max(axis=1, initial=0.0)
    low, high = np.full((2, len(_LAGS)), np.nan)
    low[known], high[known] = np.nanquantile(placed[:, known], [0.025, 0.975], axis=0)
    return low, high, float((farthest >= farthest[0]).mean())


def _mean(values: Numbers) -> Numbers:
    """Of each column, over what is known."""
    n = np.isfinite(values).sum(axis=0)
    return np.divide(np.nansum(values, axis=0), n, out=np.full(values.shape[1], np.nan), where=n > 0)
