"""Rolling origins: what models would have forecast on days past, seeing nothing later, and what came.

Labels, thresholds and scales look back alone. Definitions, the same for every model and training length:

- an origin is the last day known; origins lie `step` days apart from the first, the same days for all series;
- a window is a series and an origin with 84 known days that end with the origin and `horizon` known days after it;
- its threshold is the 80th percentile of those 84 days, one for all horizons; a day above it is high;
- its scale is their mean absolute daily change;
- a model sees the last `train_days` of them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from barograph.errors import Terminal
from barograph.tables import QUANTILES
from forecasting.panel import DAYS, WHOLE, Model, Panel, read
from forecasting.quantiles import above

PERCENTILE = 0.8
_ONE_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows, by origin.

    `panel`: (n, 84), each row ends with its origin. `truth` (n, horizon): the shares that came. `threshold`, `scale`
    (n,): as above. `skipped`: series and origins left out because a day of theirs is not known.
    """

    panel: Panel
    truth: np.ndarray
    threshold: np.ndarray
    scale: np.ndarray
    skipped: int

    def __len__(self) -> int:
        """Windows."""
        return len(self.panel)

    @property
    def high(self) -> np.ndarray:
        """Whether a day (n, horizon) came above its threshold."""
        return self.truth > self.threshold[:, None]

    @property
    def weeks(self) -> np.ndarray:
        """The week (n,) of each origin, counted from the first."""
        return (self.panel.ends - self.panel.ends.min()) // (7 * _ONE_DAY)

    def rows(self, which: np.ndarray) -> "Windows":
        """Some windows, by mask or position."""
        return Windows(
            self.panel.rows(which), self.truth[which], self.threshold[which], self.scale[which], self.skipped
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model made of all windows: quantiles (n, horizon, 13), p_high (n, horizon) of each window's threshold.

    `seconds`: that it took, once it was loaded. `fallbacks` (n,): as in `Predicted`.
    """

    model: str
    train_days: int
    quantiles: np.ndarray
    p_high: np.ndarray
    fallbacks: np.ndarray
    seconds: float

    def rows(self, which: np.ndarray) -> "Outcome":
        """What was made of some windows, by mask or position; `seconds` stay those of all."""
        kept = self.quantiles[which], self.p_high[which], self.fallbacks[which]
        return Outcome(self.model, self.train_days, *kept, self.seconds)


def windows(
    history: pl.DataFrame, horizon: int = 7, first: date | None = None, last: date | None = None, step: int = 7
) -> Windows:
    """Every window of a history (`unique_id, ds, y`, optionally what else `panel.read` takes).

    first: the first origin, by default the first day that any series has 84 days up to. last: no day after it is
    forecast, by default the last day there is.
    Raises `Terminal` where the history is not as `panel.read` expects, or no window fits.
    """
    if history.is_empty():
        raise Terminal(f"got no rows; expected series of at least {DAYS} + {horizon} days without a gap")
    whole = read(history, WHOLE)
    known = whole.days[~np.isnan(whole.y)]
    begin, end = (known if known.size else whole.ends).min(), whole.ends.max()
    origin = np.datetime64(first) if first else begin + (DAYS - 1) * _ONE_DAY
    stop = (min(np.datetime64(last), end) if last else end) - horizon * _ONE_DAY
    origins = np.arange(origin, stop + _ONE_DAY, np.timedelta64(step, "D"))
    days = DAYS + horizon
    # Each series gets room before its first day and after its last, so that every origin cuts a full window from it.
    y, n_posts = (np.pad(v, ((0, 0), (days, days)), constant_values=np.nan) for v in (whole.y, whole.n_posts))
    column = y.shape[1] - days - 1 - (whole.ends - origins[:, None]) // _ONE_DAY  # (origins, series), of the origin
    inside = (column >= DAYS - 1) & (column + horizon < y.shape[1])
    when, which = np.nonzero(inside)
    cells = column[when, which][:, None] + np.arange(1 - DAYS, horizon + 1)
    y, n_posts = y[which[:, None], cells], n_posts[which[:, None], cells[:, :DAYS]]
    touched, full = ~np.isnan(y).all(axis=1), ~np.isnan(y).any(axis=1)
    if not full.any():
        raise Terminal(f"no window fits: {_why_none(whole, origin, stop, horizon)}")
    before = y[full, :DAYS]
    series = whole.last(1).rows(which[full])
    panel = replace(series, ends=origins[when[full]], y=before, n_posts=n_posts[full])
    return Windows(
        panel, y[full, DAYS:], np.quantile(before, PERCENTILE, axis=1), abs(np.diff(before, axis=1)).mean(axis=1),
        int((touched & ~full).sum()),
    )  # fmt: skip


def _why_none(whole: Panel, origin: np.datetime64, stop: np.datetime64, horizon: int) -> str:
    run = most = np.zeros(len(whole), dtype=int)
    for day in whole.y.T:
        run = np.where(np.isnan(day), 0, run + 1)
        most = np.maximum(most, run)
    needed = f"{DAYS} without a gap up to an origin and {horizon} after it"
    if most.max() < DAYS + horizon:
        name = whole.names[most.argmax()]
        return f"the longest run of known days is {most.max()}, of {name}; {DAYS + horizon} are needed, {needed}"
    if origin > stop:
        return f"the first origin is {origin}, but {stop} the last with {horizon} days after it"
    return f"no series has the known days that an origin from {origin} to {stop} needs, {needed}"


def run(found: Windows, models: Mapping[str, Model], train_days: Sequence[int] = (DAYS,)) -> Iterator[Outcome]:
    """Ask each model at each training length for all windows; one outcome after another, in this order."""
    horizon = found.truth.shape[1]
    limit = np.maximum(found.threshold, 0.75 / _usual_posts(found.panel))  # as `quantiles.probability_above`
    for name, model in models.items():
        model(found.panel.rows(np.arange(1)), horizon)  # what it loads is not timed
        for days in train_days:
            panel = found.panel.last(days)
            began = time.perf_counter()
            made = model(panel, horizon)
            seconds = time.perf_counter() - began
            p_high = above(made.quantiles, np.broadcast_to(limit[:, None], found.truth.shape))
            yield Outcome(name, days, made.quantiles, p_high, np.array(made.fallbacks, dtype=object), seconds)


def _usual_posts(panel: Panel) -> np.ndarray:
    """Median posts (n,) of days with any, infinite where none is known."""
    n = np.where(panel.n_posts > 0, panel.n_posts, np.nan)
    known = ~np.isnan(n).all(axis=1)
    usual = np.full(len(n), np.inf)
    usual[known] = np.nanmedian(n[known], axis=1)
    return usual


def cells(found: Windows, outcome: Outcome) -> pl.DataFrame:
    """One row a window and day of an outcome.

    `model, train_days, unique_id, origin, target, horizon, y, threshold, high, scale, q025 … q975, p_high, fallback`.
    """
    n, horizon = found.truth.shape
    each = np.repeat(np.arange(n), horizon)
    step = np.tile(np.arange(1, horizon + 1), n)
    origin = found.panel.ends[each]
    rows = pl.DataFrame({
        "unique_id": found.panel.names[each].tolist(), "origin": origin, "target": origin + step * _ONE_DAY,
        "horizon": step, "y": found.truth.ravel(), "threshold": found.threshold[each], "high": found.high.ravel(),
        "scale": found.scale[each],
        **{q: outcome.quantiles[..., i].ravel() for i, q in enumerate(QUANTILES)},
        "p_high": outcome.p_high.ravel(),
        "fallback": pl.Series(outcome.fallbacks[each].tolist(), dtype=pl.String),
    })  # fmt: skip
    return rows.select(pl.lit(outcome.model).alias("model"), pl.lit(outcome.train_days).alias("train_days"), pl.all())
