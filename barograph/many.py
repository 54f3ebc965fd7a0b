"""Charts of many lines, and of one in its distribution, with all that stands round them: for pages and as pictures."""

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from barograph import charts, correlation, deviation, distributions, epochs, patterns, sentences, signs, wording
from barograph.errors import InputError
from barograph.figure import Asked, Figure, read, shift
from barograph.language import gettext as _
from barograph.language import noted
from barograph.store import Snapshot
from barograph.tables import CUES, EVENTS, LINE, SERIES

EVERY = "*"
"""As a population: all of them, a row each."""
_KINDS = {"all": noted("of any kind"), "scheduled": noted("scheduled"), "sudden": noted("sudden")}


def title(population: str | None, marker: str | None) -> str:
    """What lines are of that differ in what is None."""
    if marker is None:
        return _("Markers in {population}").format(population=population)
    if population is None:
        return _("{marker} in every population").format(marker=wording.label(marker))
    return sentences.expressed(marker, population)


def heatmap(days: pl.DataFrame, events: pl.DataFrame, row: str, title: str, shown: str = "deviation") -> Figure:
    """A row a line, a cell a day or week. days: as `deviation.deviations` returns them; row: what lines differ in."""
    cells = deviation.cells(days)
    order = sorted(cells[row].unique(), key=lambda name: (":" not in name, name))
    chart = charts.heatmap(cells, row, order, events, shown=shown)
    key = {
        "deviation": _("Blue: below its usual; orange: above; stronger from 1, 2 and 3 times its usual spread. "
                       "Hatched: no value; a dot: no usual yet; dashed: provisional; a stroke: an event begins."),
        "prevalence": _("The stronger, the higher. Hatched: no value; dashed: provisional; a stroke: an event begins."),
    }[shown]  # fmt: skip
    return Figure(chart, title, patterns.cells(cells, row, title), cells, key)


def months(days: pl.DataFrame, title: str) -> Figure | None:
    """A box a month of one line; None where no closed day has a value."""
    boxes = distributions.months(days)
    if boxes.is_empty():
        return None
    kind = str(days["value_kind"][0])
    chart = charts.months(boxes, distributions.apart(days, boxes), kind)
    return Figure(chart, title, patterns.months(boxes, title, kind), boxes)


def comparable(days: pl.DataFrame, row: str) -> pl.DataFrame:
    """Of many lines those to compare: no dimension where there are single markers, as it counts their posts again."""
    single = days.filter(~pl.col("marker").str.contains(":", literal=True))
    return single if row == "marker" and single["marker"].n_unique() > 1 else days


def together(days: pl.DataFrame, row: str, title: str, way: str = "adjusted") -> Figure | None:
    """How every two of many lines move together; None where nothing can be compared."""
    found = correlation.correlations(comparable(days, row), row, way)
    if found.is_empty():
        return None
    return Figure(charts.pairs(found, row), title, patterns.pairs(found, title, way, row), found)


def around(days: pl.DataFrame, events: pl.DataFrame, title: str, kind: str = "all") -> Figure | None:
    """One line round its events of a kind; None where none of them lies on days with a usual.

    events: rows of `events`; kind: `scheduled`, `sudden`, or `all`.
    """
    mine = events.filter(pl.col("population").is_in([EVERY, *days["population"].unique()]))
    found = epochs.around(days, mine if kind == "all" else mine.filter(pl.col("kind") == kind))
    if not found.n_events:
        return None
    names = patterns.called(sorted(set(found.each["event"])))
    what = _("{kind}: {names}").format(kind=_(_KINDS[kind]), names=names)
    return Figure(charts.epochs(found.means, found.each), title, patterns.epochs(found, title, what), found.means)


def parts(rows: pl.DataFrame) -> Figure | None:
    """Mix against rate of one shift; None where they are not known. rows: of `term_shifts`."""
    row = rows.row(0, named=True)
    if row["rate"] is None:
        return None
    mix, rate = (wording.change_interval(row[p], row[f"{p}_lo"], row[f"{p}_hi"]) for p in ("mix", "rate"))
    said = _("{mix} of the change is mix: who came, who left, who posts more. {rate} is rate: what the {authors} of "
             "both periods express.")  # fmt: skip
    columns = [f"{part}{end}" for part in ("change", "mix", "rate") for end in ("", "_lo", "_hi")]
    return Figure(
        charts.parts(rows), _("Mix against rate"),
        said.format(mix=mix, rate=rate, authors=wording.count(row["both_authors"], "authors")),
        rows.head(1).select("period", "reference", *columns, "both_authors"),
    )  # fmt: skip


def cues(every: pl.DataFrame, rows: pl.DataFrame) -> Figure | None:
    """What annotators saw on the days of one shift; None where no cues are published of them.

    every: of `cue_shares`, one marker, population and unit; rows: of `term_shifts`, one shift.
    """
    mine = signs.cues_about(every, rows["period"][0])
    if mine.is_empty():
        return None
    before, top = every.filter(pl.col("period") == rows["reference"][0]), mine.row(0, named=True)
    said = _("In {days} “{cue}” was seen most, in {share} of {posts} of {authors} that express it")
    sentence = said.format(
        days=said_days(mine["period"][0]), cue=wording.cue(top["cue"]),
        share=wording.interval(top["share"], top["lo"], top["hi"]),
        posts=wording.count(top["n_posts"], "posts"), authors=wording.count(top["n_authors"], "authors"),
    )  # fmt: skip
    hollow = f"; {_('hollow: the days before')}" if before.height else ""
    read_by = _("A sample, {source}.").format(source=top["label_source"])
    table = pl.concat([mine, before])
    return Figure(charts.cues(mine, before), _("Cues that annotators saw"), f"{sentence}{hollow}. {read_by}", table)


def said_days(period: str) -> str:
    """The days of `2026-03-25/2026-03-31`, as `term_shifts` names periods, in words."""
    first, last = sentences.days(period)
    return wording.day(last) if first == last else wording.days(first, last)


def _many(snapshot: Snapshot, asked: Asked) -> tuple[pl.DataFrame, str, str]:
    """Days of the lines asked for, what they differ in, and their title."""
    row = "population" if asked.population == EVERY else "marker"
    every = snapshot.lines()
    wanted = {"population": asked.population, "unit": asked.unit}
    if row == "population":
        wanted = {"marker": asked.marker, "unit": asked.unit}
    for column, value in wanted.items():
        if value not in every[column]:
            known = ", ".join(every[column].unique().sort())
            raise InputError(f"{column}: got {value!r}, which is not published here; there is {known}")
    where = wanted | {"method": asked.method or "lexicon"}
    found = _within(deviation.deviations(snapshot.read(SERIES, where=where)), asked)
    return found, row, title(wanted.get("population"), wanted.get("marker"))


def _one(snapshot: Snapshot, asked: Asked) -> tuple[pl.DataFrame, str]:
    """Days of the line asked for, and its title."""
    line = read(snapshot, asked)
    found = _within(deviation.deviations(line.series), asked)
    return found, title(*(line.key[name] for name in (LINE[1], LINE[0])))


def _within(days: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    day = pl.col("time_value")
    found = days.filter(day >= (asked.first or date.min), day <= (asked.last or date.max))
    if found.is_empty():
        raise InputError("no day of what is asked lies within --from and --to")
    return found


def or_refuse(figure: Figure | None, why: str) -> Figure:
    """The figure; raises `InputError` with the reason where there is none."""
    if figure is None:
        raise InputError(why)
    return figure


def _heatmap(snapshot: Snapshot, asked: Asked) -> Figure:
    days, row, name = _many(snapshot, asked)
    return heatmap(days, snapshot.read(EVENTS), row, name)


def _months(snapshot: Snapshot, asked: Asked) -> Figure:
    return or_refuse(months(*_one(snapshot, asked)), "no closed day of these has a value")


def _together(snapshot: Snapshot, asked: Asked) -> Figure:
    why = "nothing to compare: that takes two lines that move, and 28 closed days on which both have a value"
    return or_refuse(together(*_many(snapshot, asked)), why)


def _events(snapshot: Snapshot, asked: Asked) -> Figure:
    found, name = _one(snapshot, asked)
    return or_refuse(around(found, snapshot.read(EVENTS), name), "no event lies on days with 28 known days before")


def _parts(snapshot: Snapshot, asked: Asked) -> Figure:
    return or_refuse(parts(shift(snapshot, asked)), "too few authors post in both periods to tell mix from rate")


def _cues(snapshot: Snapshot, asked: Asked) -> Figure:
    where = {"marker": asked.marker, "population": asked.population, "unit": asked.unit}
    figure = cues(snapshot.read(CUES, where=where), shift(snapshot, asked))
    return or_refuse(figure, "no cues of annotators are published for these days")


FIGURES: Mapping[str, Callable[[Snapshot, Asked], Figure]] = {
    "parts": _parts,
    "cues": _cues,
    "heatmap": _heatmap,
    "months": _months,
    "together": _together,
    "events": _events,
}
"""Name of a chart → what draws it. Raises `InputError` where there is nothing to draw."""
