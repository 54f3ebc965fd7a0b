"""Every chart by name, with its title, what it says and its data: for pictures from the command line and reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import altair as alt
import polars as pl

from barograph import charts, sentences, topic, wording
from barograph import line as lines
from barograph.errors import InputError
from barograph.language import gettext as _
from barograph.line import Line
from barograph.store import Snapshot
from barograph.tables import POLARIZATION, SERIES


@dataclass(frozen=True)
class Figure:
    """A chart with all that stands round it. rows: the data behind it; key: what its colours and signs mean."""

    chart: alt.Chart | alt.LayerChart
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
    """What a chart is to show. method: None for the usual one; first, last: days, None where the data ends."""

    population: str
    marker: str = ""
    unit: str = "authors"
    method: str | None = None
    first: date | None = None
    last: date | None = None
    topic: str | None = None


def draw(name: str, snapshot: Snapshot, asked: Asked) -> Figure:
    """The chart of FIGURES called `name`. Raises `InputError` where nothing is published of what is asked."""
    return FIGURES[name](snapshot, asked)


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
    """The days of a line from `first` to `last`; its forecast only where its first day is among them.

    Raises `InputError` where the line has no day there.
    """
    known = line.series["time_value"]
    first, last = first or known[0], last or max([known[-1], *line.forecasts["target"]])
    series = line.series.filter(pl.col("time_value").is_between(first, last))
    if series.is_empty():
        raise InputError(
            f"--from {first} --to {last}: no day of {line.key['marker']} in {line.key['population']} lies there; "
            f"its days are {known[0]} to {known[-1]}"
        )
    whole = known[-1] <= last
    return replace(
        line,
        series=series,
        forecasts=line.forecasts.filter(pl.col("target") <= last) if whole else line.forecasts.clear(),
        exceedances=line.exceedances.filter(pl.col("target").is_between(first, last)),
        events=line.events.filter(pl.col("ends_on") >= first, pl.col("starts_on") <= last),
        shifts=line.shifts.filter(
            pl.col("period").str.slice(0, 10).str.to_date() >= first,
            pl.col("period").str.slice(11).str.to_date() <= last,
        ),
    )


def timeline(line: Line) -> Figure:
    """Prevalence by day of the days that `line` holds."""
    chart = charts.timeline(line.series, line.forecasts, line.exceedances, line.events)
    title = sentences.expressed(line.key["marker"], line.key["population"])
    return Figure(chart, title, sentences.timeline(line, line), line.table(), sentences.key(line))


def counts(line: Line) -> Figure:
    """Authors or posts behind each day."""
    unit = "authors" if line.key["unit"] == "authors" else "posts"
    title = {"authors": _("Authors behind each day"), "posts": _("Posts behind each day")}[unit]
    rows = line.series.select("time_value", "n_authors", "n_posts", "provisional", "missing_reason")
    return Figure(charts.counts(line.series, line.forecasts, unit), title, sentences.counts(rows, unit), rows)


def why(line: Line) -> Figure | None:
    """The word shift of the latest of its periods; None where there is none."""
    periods = line.shifts["period"].unique(maintain_order=True)
    if periods.is_empty():
        return None
    rows = line.shifts.filter(pl.col("period") == periods[0])
    title = _("Why {marker} moved in {population}: {days}").format(
        marker=wording.label(line.key["marker"]), population=line.key["population"],
        days=wording.days(*sentences.days(periods[0])),
    )  # fmt: skip
    return Figure(charts.shift(rows), title, sentences.shift(rows, line.key["marker"]), rows)


def _why(snapshot: Snapshot, asked: Asked) -> Figure:
    line = _line(snapshot, asked)
    if (figure := why(line)) is None:
        raise InputError(
            f"no word shift of {asked.marker} in {asked.population} is published within these days; `barograph chart "
            "timeline` shows them"
        )
    return figure


def _line(snapshot: Snapshot, asked: Asked) -> Line:
    return within(read(snapshot, asked), asked.first, asked.last)


def _of_topic(snapshot: Snapshot, asked: Asked) -> pl.DataFrame:
    rows = snapshot.read(POLARIZATION)
    known = rows["topic"].unique().sort().to_list()
    if not known:
        raise InputError("no topic is published here: name a [[topic]] in barograph.toml, and its annotators")
    if asked.topic not in known:
        raise InputError(f"topic: got {asked.topic!r}; there is {', '.join(known)}")
    rows = rows.filter(pl.col("topic") == asked.topic, pl.col("population") == asked.population)
    rows = rows.filter(
        pl.col("time_value") >= (asked.first or date.min), pl.col("time_value") <= (asked.last or date.max)
    )
    if topic.scored(rows).is_empty():
        raise InputError(f"no day of topic {asked.topic!r} in {asked.population} has a score within these days")
    return rows.sort("time_value")


def _scores(snapshot: Snapshot, asked: Asked) -> Figure:
    rows = _of_topic(snapshot, asked)
    title = _("Polarization of {topic} in {population}, 0 to 10").format(topic=asked.topic, population=asked.population)
    return Figure(charts.scores(rows), title, topic.describe(rows), rows)


def _classes(snapshot: Snapshot, asked: Asked) -> Figure:
    rows = _of_topic(snapshot, asked)
    title = _("What the score of {topic} in {population} is made of").format(
        topic=asked.topic, population=asked.population
    )
    return Figure(charts.mix(rows), title, topic.describe(rows), rows)


FIGURES: Mapping[str, Callable[[Snapshot, Asked], Figure]] = {
    "timeline": lambda snapshot, asked: timeline(_line(snapshot, asked)),
    "counts": lambda snapshot, asked: counts(_line(snapshot, asked)),
    "why": _why,
    "polarization": _scores,
    "classes": _classes,
}
"""Name of a chart → what draws it."""
