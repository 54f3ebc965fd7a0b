"""Every chart by name, with its title, what it says and its data: for pictures from the command line and reports."""

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from barograph import charts, health, many, record, sentences, topic, verdict, wording
from barograph.errors import InputError
from barograph.figure import Asked, Figure, read, shift, shown_first, within
from barograph.language import gettext as _
from barograph.line import Line
from barograph.record import Worth
from barograph.store import Snapshot
from barograph.tables import POLARIZATION, SOURCE_DAYS


def draw(name: str, snapshot: Snapshot, asked: Asked) -> Figure:
    """The chart of FIGURES called `name`. Raises `InputError` where nothing is published of what is asked."""
    return FIGURES[name](snapshot, asked)


def timeline(line: Line) -> Figure:
    """Prevalence by day of the days that `line` holds."""
    chart = charts.timeline(line.series, line.forecasts, line.exceedances, line.events, flags=line.flags)
    title = sentences.expressed(line.key["marker"], line.key["population"])
    return Figure(chart, title, sentences.timeline(line, line), line.table(), sentences.key(line))


def counts(line: Line) -> Figure:
    """Authors or posts behind each day."""
    unit = "authors" if line.key["unit"] == "authors" else "posts"
    title = {"authors": _("Authors behind each day"), "posts": _("Posts behind each day")}[unit]
    rows = line.series.select("time_value", "n_authors", "n_posts", "provisional", "missing_reason")
    return Figure(charts.counts(line.series, line.forecasts, unit), title, sentences.counts(rows, unit), rows)


def why(line: Line) -> Figure | None:
    """The word shift of a line that is shown first; None where there is none."""
    rows = shown_first(line)
    return None if rows is None else _why(rows)


def _why(rows: pl.DataFrame) -> Figure:
    marker, population, period = rows.select("marker", "population", "period").row(0)
    title = _("Why {marker} moved in {population}: {days}").format(
        marker=wording.label(marker), population=population, days=many.said_days(period)
    )
    return Figure(charts.shift(rows), title, sentences.shift(rows, marker), rows)


def skill(by_week: pl.DataFrame, worth: Worth, baseline: str, title: str) -> Figure:
    """Skill over a baseline week by week. by_week, worth: of `record`; title: of what lines."""
    name = _("Skill over {baseline}").format(baseline=_(verdict.BASELINES[baseline]))
    return Figure(charts.skill(by_week, baseline), name, verdict.skill(by_week, worth, baseline, title), by_week)


def coverage(by_week: pl.DataFrame, worth: Worth, level: int, title: str) -> Figure:
    """How often intervals of a level, 80 or 95, held week by week."""
    name = _("How often {level} % intervals held").format(level=level)
    return Figure(charts.coverage(by_week, level), name, verdict.coverage(by_week, worth, level, title), by_week)


def reliability(sums: pl.DataFrame, title: str) -> Figure | None:
    """Whether P(high) can be believed; None where no forecast had a threshold. sums: as `Snapshot.forecast_weeks`."""
    rows = record.reliability(sums)
    if rows.is_empty():
        return None
    name = _("Whether P(high) can be believed")
    return Figure(charts.reliability(rows), name, verdict.reliability(rows, title), rows)


def makers(made: pl.DataFrame) -> Figure | None:
    """Who made forecasts, and why a plain model; None without any. made: as `Snapshot.forecast_makers`."""
    rows = record.makers(made)
    if rows.is_empty():
        return None
    name = _("Who made them, and why a plain model")
    return Figure(charts.fallbacks(rows), name, verdict.makers(rows), rows.sort("week", "made"))


def volumes(source: str, rows: pl.DataFrame) -> Figure:
    """Posts of a source by day. rows: of `health.volumes`, of this source."""
    kinds = rows["kind"].to_list()
    # The median says nothing of a source that is silent on most of its days, but the sentence counts those too.
    usual = wording.number(round(rows["n_posts"].median() or 0))  # type: ignore[arg-type]
    sentence = _(
        "{source}, {days}: {usual} posts a day in the median; no post on {gaps} (crosses), a third of the usual or "
        "less on {low}, three times or more on {high} (triangles). The usual: the median of the 28 days before."
    ).format(
        source=source, days=wording.days(rows["time_value"][0], rows["time_value"][-1]), usual=usual,
        gaps=wording.count(kinds.count("gap"), "days"), low=wording.number(kinds.count("low")),
        high=wording.number(kinds.count("high")),
    )  # fmt: skip
    return Figure(charts.volumes(rows), _("Posts by day, {source}").format(source=source), sentence, rows)


def _forecast_by(asked: Asked) -> dict[str, str]:
    """The columns that lines must equal: of every population and marker where none is named."""
    given = {"population": asked.population, "marker": asked.marker, "unit": asked.unit, "method": asked.method}
    return {name: value for name, value in given.items() if value and value != many.EVERY}


def _of_weeks(snapshot: Snapshot, asked: Asked) -> tuple[pl.DataFrame, Worth, str]:
    where = _forecast_by(asked)
    sums = snapshot.forecast_weeks(where)
    if (worth := record.worth(sums)) is None:
        raise InputError("no forecast of these lines has met a whole week yet")
    return sums, worth, verdict.title(where, None)


def _skill(snapshot: Snapshot, asked: Asked) -> Figure:
    sums, worth, title = _of_weeks(snapshot, asked)
    return skill(record.by_week(sums), worth, "climatology", title)


def _coverage(snapshot: Snapshot, asked: Asked) -> Figure:
    sums, worth, title = _of_weeks(snapshot, asked)
    return coverage(record.by_week(sums), worth, 80, title)


def _reliability(snapshot: Snapshot, asked: Asked) -> Figure:
    sums, _worth, title = _of_weeks(snapshot, asked)
    return many.or_refuse(reliability(sums, title), "none of these forecasts had a threshold: it takes 28 known days")


def _makers(snapshot: Snapshot, asked: Asked) -> Figure:
    made = snapshot.forecast_makers(_forecast_by(asked))
    return many.or_refuse(makers(made), "none of these lines has been forecast")


def _volumes(snapshot: Snapshot, asked: Asked) -> Figure:
    every = health.volumes(snapshot.read(SOURCE_DAYS))
    if (rows := every.filter(pl.col("source") == asked.source)).is_empty():
        known = ", ".join(every["source"].unique().sort())
        raise InputError(f"source: got {asked.source!r}; there is {known or 'none'}")
    return volumes(str(asked.source), rows)


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
    "why": lambda snapshot, asked: _why(shift(snapshot, asked)),
    "polarization": _scores,
    "classes": _classes,
    "skill": _skill,
    "coverage": _coverage,
    "reliability": _reliability,
    "makers": _makers,
    "volumes": _volumes,
    **many.FIGURES,
}
"""Name of a chart → what draws it. Raises `InputError` where there is nothing to draw."""
