"""Rolling origins: what models would have forecast on days past, seeing nothing later, and what came.

Labels, thresholds and scales look back alone. Definitions, the same for every model and training length:

- an origin is the last day known; origins lie `step` days apart from the first, the same days for all series;
- a window is a series and an origin with 84 known days that end with the origin and `horizon` known days after it;
- its threshold is the 80th percentile of those 84 days, one for all horizons; a day above it is high;
- its scale is their mean absolute daily change;
- a model sees the last `train_days` of them.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from barograph.errors import Terminal
from barograph.tables import QUANTILES
from forecasting.panel import DAYS, Model, Panel, Predicted, read
from forecasting.quantiles import above

PERCENTILE = 0.8
_ALL = 2**31  # days
_BATCH = 512
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

    def rows(self, which: np.ndarray) -> "Windows":
        """Some windows, by mask or position."""
        return Windows(
            self.panel.rows(which), self.truth[which], self.threshold[which], self.scale[which], self.skipped
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model made of all windows: quantiles (n, horizon, 13), p_high (n, horizon) of each window's threshold.

    `seconds`: of work, summed over processes, once everything was loaded. `fallbacks` (n,): as in `Predicted`.
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
    whole = read(history, _ALL)
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
        raise Terminal(
            f"no window fits: got days from {begin} to {end} and origins from {origin} to {stop}; expected, for some "
            f"series, {DAYS} days without a gap up to an origin and {horizon} after it"
        )
    before = y[full, :DAYS]
    series = whole.last(1).rows(which[full])
    panel = replace(series, ends=origins[when[full]], y=before, n_posts=n_posts[full])
    return Windows(
        panel, y[full, DAYS:], np.quantile(before, PERCENTILE, axis=1), abs(np.diff(before, axis=1)).mean(axis=1),
        int((touched & ~full).sum()),
    )  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A model of `models.MODELS`, by a name that other processes can be sent."""

    name: str

    def __call__(self, panel: Panel, horizon: int) -> Predicted:
        """As the model."""
        from forecasting.models import MODELS

        return MODELS[self.name](panel, horizon)


def run(
    found: Windows, models: Mapping[str, Model], train_days: Sequence[int] = (DAYS,), processes: int = 1
) -> Iterator[Outcome]:
    """Ask each model at each training length for all windows; one outcome after another, in this order.

    With `processes` above 1 models must be `Named`, or functions of a module, since other processes import them; all
    windows of one origin go to the same one.
    """
    horizon = found.truth.shape[1]
    limit = np.maximum(found.threshold, 0.75 / _usual_posts(found.panel))  # as `quantiles.probability_above`
    batches = _batches(found.panel.ends, min(_BATCH, -(-len(found) // (4 * processes))))
    with _workers(processes, list(models.values()), found.panel.rows(np.arange(min(2, len(found)))), horizon) as pool:
        for name, model in models.items():
            for days in train_days:
                panel = found.panel.last(days)
                parts = [(model, panel.rows(batch), horizon) for batch in batches]
                done = list(pool.map(_timed, parts) if pool else map(_timed, parts))
                quantiles = np.concatenate([p.quantiles for p, _ in done])
                fallbacks = np.array([why for p, _ in done for why in p.fallbacks], dtype=object)
                p_high = above(quantiles, np.broadcast_to(limit[:, None], quantiles.shape[:2]))
                yield Outcome(name, days, quantiles, p_high, fallbacks, sum(took for _, took in done))


def _usual_posts(panel: Panel) -> np.ndarray:
    """Median posts (n,) of days with any, infinite where none is known."""
    n = np.where(panel.n_posts > 0, panel.n_posts, np.nan)
    known = ~np.isnan(n).all(axis=1)
    usual = np.full(len(n), np.inf)
    usual[known] = np.nanmedian(n[known], axis=1)
    return usual


def _batches(ends: np.ndarray, size: int) -> list[np.ndarray]:
    """Positions in batches of about `size`, never cut within an end: rows of one end may be read together."""
    starts = np.flatnonzero(np.diff(ends, prepend=ends[0] - _ONE_DAY))
    cuts = [0]
    for start in starts[1:]:
        if start - cuts[-1] >= size:
            cuts.append(int(start))
    return np.split(np.arange(len(ends)), cuts[1:])


@contextmanager
def _workers(processes: int, models: list[Model], panel: Panel, horizon: int) -> Iterator[Executor | None]:
    """Processes in which every model has been asked once, so that what it loads is not timed; None for this one."""
    if processes == 1:
        _warm(models, panel, horizon)
        yield None
        return
    # A fork of a process with threads of its own (Polars, torch) may wait for ever.
    fresh = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(processes, fresh, _start, (models, panel, horizon)) as pool:
        try:
            yield pool
        except BaseException:  # nobody waits for what is under way, which may take minutes
            for started in set(multiprocessing.active_children()) - others:
                started.terminate()
            raise


def _start(models: list[Model], panel: Panel, horizon: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded: one core a process
    _warm(models, panel, horizon)


def _warm(models: list[Model], panel: Panel, horizon: int) -> None:
    for model in models:
        model(panel, horizon)


def _timed(part: tuple[Model, Panel, int]) -> tuple[Predicted, float]:
    model, panel, horizon = part
    began = time.perf_counter()
    predicted = model(panel, horizon)
    return predicted, time.perf_counter() - began


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
