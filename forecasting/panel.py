"""The border of the room: a history, checked once, as arrays that every model takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from barograph.errors import Terminal
from forecasting.quantiles import logit

WHOLE = 2**31
"""Days of a history that is read whole."""
DAYS = 84
"""Days of a history that a model forecasts from."""
HISTORY = DAYS + 56
"""Days with which a model can also answer for each of its last eight weeks."""
SHORTEST = 7
"""Known days from which on a model is fitted; with fewer, or where the last 7 days hold none, it falls back."""
OPTIONAL: Mapping[str, Any] = {
    "n_posts": pl.Float64, "marker": pl.String, "population": pl.String, "flagged": pl.Boolean,
}  # fmt: skip
"""Columns that a history may have beside unique_id, ds and y."""
_POSTS = 1000.0  # behind a share that does not say how many
_EXPECTED = {
    "unique_id": "a name", "ds": "a day", "y": "a share from 0 to 1", "n_posts": "posts behind the share, at least 1",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Panel:
    """Histories that end on days of their own, one a row, aligned by their last day.

    `names`, `markers`, `populations` (n,): a row's series, what it measures, in whom. Rows of one end are read
    together. `ends` (n,): the last day of each, datetime64[D]. `y` (n, days): shares in [0, 1], NaN where unknown or
    before the first day; column -1 is the end. `n_posts` (n, days): posts behind each, NaN where unknown. `events`:
    days (datetime64[D]) of events known beforehand, by population; `*` concerns all.
    """

    names: np.ndarray
    markers: np.ndarray
    populations: np.ndarray
    ends: np.ndarray
    y: np.ndarray
    n_posts: np.ndarray
    events: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        """Rows."""
        return len(self.names)

    @cached_property
    def z(self) -> np.ndarray:
        """The logit of y (n, days), kept half a post away from 0 and 1; NaN where unknown."""
        floor = 0.5 / np.fmax(np.where(np.isnan(self.n_posts), _POSTS, self.n_posts), 1.0)
        return logit(np.clip(self.y, floor, 1 - floor))

    @cached_property
    def days(self) -> np.ndarray:
        """The day of every column (n, days), datetime64[D]."""
        return self.ends[:, None] + np.arange(1 - self.y.shape[1], 1)

    def ahead(self, horizon: int) -> np.ndarray:
        """The days after each end (n, horizon), datetime64[D]."""
        return self.ends[:, None] + np.arange(1, horizon + 1)

    def eventful(self, days: np.ndarray) -> np.ndarray:
        """Whether an event of the row's population falls on each of `days` (n, d)."""
        found = np.isin(days, self.events.get("*", days[:0, 0]))
        for population in set(self.populations) & set(self.events):
            rows = self.populations == population
            found[rows] |= np.isin(days[rows], self.events[population])
        return found

    def rows(self, which: np.ndarray) -> "Panel":
        """Some rows, by mask or position."""
        taken = {f.name: getattr(self, f.name)[which] for f in fields(self) if f.name != "events"}
        return replace(self, **taken)

    def last(self, days: int) -> "Panel":
        """No more than the last `days` days of each."""
        return replace(self, y=self.y[:, -days:], n_posts=self.n_posts[:, -days:])


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model expects of a panel's rows.

    `quantiles` (n, horizon, 13): of the share, at the levels of `QUANTILES`, in [0, 1], not falling along the last
    axis; step h is the day `ends` + 1 + h. `models` (n,): what made each row. `fallbacks` (n,): None, or why a plainer
    model stands in.
    """

    quantiles: np.ndarray
    models: list[str]
    fallbacks: list[str | None]


Model = Callable[[Panel, int], Predicted]
"""(panel, horizon) → what it expects. Pure: the same panel, the same answer; it sees nothing after `ends`."""


def read(history: pl.DataFrame, days: int = DAYS, events: pl.DataFrame | None = None) -> Panel:
    """The last `days` days of every series, each up to its own last row.

    history: `unique_id` (any text but NULL), `ds` (Date), `y` (share in [0, 1], NULL where unknown), and, where known,
    `n_posts` (at least 0), `marker` and `population` (else what stands before and after the last `/` of unique_id),
    `flagged` (Boolean: the day is an artefact and counts as unknown). In any order; days may be missing.
    events: `population` (`*` for all), `starts_on`, `ends_on` (Date) of events known beforehand.
    Raises `Terminal` naming series and day where a column is missing or of another type, y is no share (NaN and
    infinite included), n_posts is negative, or a day occurs twice.
    """
    history = _checked(history)
    last = pl.col("ds").max().over("unique_id")
    back = (last - pl.col("ds")).dt.total_days()
    history = history.with_columns(last.alias("end"), back.alias("back")).filter(pl.col("back") < days)
    series = history.group_by("unique_id").agg(pl.col("marker", "population", "end").first()).sort("unique_id")
    row = series.select("unique_id").with_row_index("row")
    cells = history.join(row, on="unique_id")
    width = cells.select(pl.col("back").max() + 1).item() or 0
    y, n_posts = (np.full((series.height, width), np.nan) for _ in range(2))
    where = (cells["row"].to_numpy(), width - 1 - cells["back"].to_numpy())
    y[where], n_posts[where] = cells["y"].to_numpy(), cells["n_posts"].to_numpy()
    names, markers, populations = (series[c].to_numpy().astype(object) for c in ("unique_id", "marker", "population"))
    ends = series["end"].to_numpy().astype("datetime64[D]")
    return Panel(names, markers, populations, ends, y, n_posts, _event_days(events))


def _event_days(events: pl.DataFrame | None) -> dict[str, np.ndarray]:
    if events is None:
        return {}
    days = events.select("population", pl.date_ranges("starts_on", "ends_on").alias("day")).explode("day")
    by_population = days.group_by("population").agg("day")
    return {who: np.array(found, dtype="datetime64[D]") for who, found in by_population.iter_rows()}


def _checked(history: pl.DataFrame) -> pl.DataFrame:
    """`unique_id, ds, y, n_posts, marker, population`, as `read` promises them."""
    for column, kind in {"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64}.items():
        if column not in history.columns:
            raise Terminal(
                f"history: no column {column}; expected unique_id, ds, y and optionally {', '.join(OPTIONAL)}"
            )
        history = _cast(history, column, kind)
    for column, kind in OPTIONAL.items():
        given = pl.col(column) if column in history.columns else pl.lit(None)
        history = _cast(history.with_columns(given.alias(column)), column, kind)
    y, n = pl.col("y"), pl.col("n_posts")
    wrong = {
        "unique_id": pl.col("unique_id").is_null(),
        "ds": pl.col("ds").is_null(),
        "y": (y < 0) | (y > 1) | y.is_nan(),
        "n_posts": (n < 0) | n.is_nan() | n.is_infinite() | ((n < 1) & (y > 0)),
    }
    for column, mask in wrong.items():
        if (bad := history.filter(mask)).height:
            got = bad.row(0, named=True)
            raise Terminal(
                f"{got['unique_id']} on {got['ds']}: {column} is {got[column]}; expected {_EXPECTED[column]}"
            )
    if (twice := history.filter(history.select("unique_id", "ds").is_duplicated())).height:
        got = twice.row(0, named=True)
        raise Terminal(f"{got['unique_id']} on {got['ds']}: the day occurs twice; expected one row a day")
    return history.select(
        "unique_id", "ds", pl.when(pl.col("flagged").fill_null(value=False)).then(None).otherwise(y).alias("y"), n,
        pl.coalesce("marker", pl.col("unique_id").str.extract("^(.*)/[^/]*$"), pl.lit("")).alias("marker"),
        pl.coalesce("population", pl.col("unique_id").str.extract("/([^/]*)$"), pl.lit("")).alias("population"),
    )  # fmt: skip


def _cast(history: pl.DataFrame, column: str, kind: Any) -> pl.DataFrame:
    given = history.schema[column]
    try:
        return history.with_columns(pl.col(column).cast(kind))
    except pl.exceptions.PolarsError:
        if not (given == pl.String and kind == pl.Float64):
            raise Terminal(f"history: {column} is {given}; expected {kind}") from None
    text = pl.col(column)
    got = history.filter(text.is_not_null() & text.cast(kind, strict=False).is_null()).row(0, named=True)
    raise Terminal(f"{got['unique_id']} on {got['ds']}: {column} is {got[column]!r}; expected {_EXPECTED[column]}")
