"""A chart with all that stands round it, and the line that is asked for: what every chart by name begins with."""

from dataclasses import dataclass, replace
from datetime import date

import altair as alt
import polars as pl

from barograph import line as lines
from barograph import signs
from barograph.charts.frame import Layers
from barograph.errors import InputError
from barograph.line import Line
from barograph.store import Snapshot
from barograph.tables import SERIES


@dataclass(frozen=True)
class Figure:
    """A chart with all that stands round it. rows: the data behind it; key: what its colours and signs mean."""

    chart: alt.Chart | Layers
    title: str
    sentence: str
    rows: pl.DataFrame
    key: str = ""

    @property
    def said(self) -> str:
        """Sentence and key."""
        return f"{self.sentence} {self.key}".strip()


@dataclass(frozen=True)
class Asked:
    """What a chart is to show. method: None for the usual one; first, last: days, None where the data ends.

    topic, source: of the charts of these alone.
    """

    population: str
    marker: str = ""
    unit: str = "authors"
    method: str | None = None
    first: date | None = None
    last: date | None = None
    topic: str | None = None
    source: str | None = None


def read(snapshot: Snapshot, asked: Asked) -> Line:
    """The line that is asked for, all its days. Raises `InputError` where it is not published, saying what is."""
    every = snapshot.lines()
    for column, value in (("population", asked.population), ("unit", asked.unit), ("marker", asked.marker)):
        known = every[column].unique().sort().to_list()
        if value not in known:
            raise InputError(f"{column}: got {value!r}, which is not published here; there is {', '.join(known)}")
        every = every.filter(pl.col(column) == value)
    methods = every["method"].to_list()
    if asked.method is not None and asked.method not in methods:
        raise InputError(f"method: got {asked.method!r}; this line has {', '.join(methods)}")
    where = {"marker": asked.marker, "population": asked.population, "unit": asked.unit}
    method = asked.method or lines.usual_method(snapshot.read(SERIES, where=where))
    return lines.read(snapshot, asked.marker, asked.population, asked.unit, method)


def within(line: Line, first: date | None, last: date | None) -> Line:
    """`Line.between` two days, None where its own begin or end, and no forecast or word shift beyond them.

    Raises `InputError` where the line has no day there.
    """
    known = line.series["time_value"]
    first, last = first or known[0], last or max([known[-1], *line.forecasts["target"]])
    kept = line.between(first, last)
    if kept.series.is_empty():
        raise InputError(
            f"--from {first} --to {last}: no day of {line.key['marker']} in {line.key['population']} lies there; "
            f"its days are {known[0]} to {known[-1]}"
        )
    begins, ends = (pl.col("period").str.slice(at, 10).str.to_date() for at in (0, 11))
    return replace(
        kept,
        forecasts=kept.forecasts.filter(pl.col("target") <= last),
        shifts=kept.shifts.filter(begins >= first, ends <= last),
    )


def shift(snapshot: Snapshot, asked: Asked) -> pl.DataFrame:
    """The rows of the word shift that is shown first of those within the days asked for: as `signs.usual` chooses.

    Raises `InputError` where there is none.
    """
    line = within(read(snapshot, asked), asked.first, asked.last)
    if (found := shown_first(line)) is None:
        raise InputError(
            f"no word shift of {asked.marker} in {asked.population} is published within these days; `barograph chart "
            "timeline` shows them"
        )
    return found


def shown_first(line: Line) -> pl.DataFrame | None:
    """The rows of the shift of a line that is shown first; None without one."""
    if line.shifts.is_empty():
        return None
    periods = line.shifts["period"].unique(maintain_order=True).to_list()
    return line.shifts.filter(pl.col("period") == signs.usual(periods))
