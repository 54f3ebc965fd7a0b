"""What a snapshot says of one population over a period, as one HTML file for whoever has no access to the page."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from typing import Any

import jinja2
import polars as pl

from barograph import figure as figures
from barograph import gallery, health, pictures, sentences, wording
from barograph.figure import Asked, Figure
from barograph.language import gettext as _
from barograph.language import reader
from barograph.line import Line
from barograph.store import Snapshot
from barograph.stored import stored
from barograph.tables import ALERTS, COVERAGE, RUNS, SERIES, SOURCES

_OPEN = ("firing", "acknowledged", "pending", "stale", "nodata", "censored")


@dataclass(frozen=True)
class _Part:
    """All that is said of one line."""

    anchor: str
    title: str
    how: str
    figures: Sequence[Mapping[str, str]]
    missing: str


def report(snapshot: Snapshot, asked: Asked, markers: Sequence[str] = ()) -> str:
    """The file. asked: its marker is not looked at; markers: which are shown, without any the dimensions, else all.

    In the reader's language. Raises `InputError` where the population or a marker is not published, or no day of it
    lies in the period.
    """
    shown = markers or _usual(snapshot, asked)
    whole = [figures.read(snapshot, replace(asked, marker=marker)) for marker in shown]
    drawn = [figures.within(line, asked.first, asked.last) for line in whole]
    first = min(line.series["time_value"][0] for line in drawn)
    last = max(line.series["time_value"][-1] for line in drawn)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("barograph").joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(
        _=_, language=reader().language,
        title=_("{population}, {days}").format(population=asked.population, days=wording.days(first, last)),
        read=_read(snapshot), boxes=_alerts(snapshot, drawn, first, last),
        glance=_glance(drawn, snapshot),
        glance_caption=_(
            "The latest closed day of the period with its 95 % interval, against the median of the 28 closed days "
            "before it."
        ),
        parts=[_part(line) for line in drawn], sources=_sources(snapshot), notice=_(sentences.NOT_FOR),
    )  # fmt: skip


def _usual(snapshot: Snapshot, asked: Asked) -> list[str]:
    every = snapshot.lines().filter(pl.col("population") == asked.population, pl.col("unit") == asked.unit)
    if every.is_empty():
        figures.read(snapshot, asked)  # says which of the two is not published
    markers = every["marker"].unique().sort().to_list()
    return [marker for marker in markers if marker.startswith("dimension:")] or markers


def _read(snapshot: Snapshot) -> str:
    runs = snapshot.read(RUNS).drop_nulls("now").sort("started_at")
    if runs.is_empty():
        return _("Snapshot {snapshot}").format(snapshot=snapshot.path.stem)
    return _("Posts read up to {moment} · snapshot {snapshot}").format(
        moment=wording.moment(runs["now"][-1]), snapshot=snapshot.path.stem
    )


def _alerts(snapshot: Snapshot, drawn: Sequence[Line], first: date, last: date) -> list[dict[str, Any]]:
    """A box each for alerts of these lines that were open within the period; one that says there were none."""
    keys = pl.concat([snapshot.read(ALERTS, where=line.key) for line in drawn])
    open_then = keys.filter(
        pl.col("started_on") <= last, pl.col("state").is_in(_OPEN) | (pl.col("issue").dt.date() >= first)
    ).sort(pl.col("state") != "firing", "started_on", descending=[False, True])
    boxes = [
        {
            "look": row["state"],
            "lines": [
                f"{wording.label(row['marker'])}: {stored(row['state'])}",
                f"{sentences.evidence(row)} · {row['rule']}",
            ],
        }
        for row in open_then.iter_rows(named=True)
    ]  # fmt: skip
    if boxes:
        return boxes
    if all(line.last_known is None for line in drawn):
        return [{"look": "blind", "lines": [_("No day of this period has a value"), _("So nothing could be tested.")]}]
    return [{"look": "calm", "lines": [_("No alert was open in this period")]}]


def _glance(drawn: Sequence[Line], snapshot: Snapshot) -> list[list[Any]]:
    """A header and a row for each line."""
    names = [_("Marker"), _("Latest closed day"), _("Prevalence"), _("Against the usual"), _("High-prevalence days"),
             _("Without a value"), _("Behind it")]  # fmt: skip
    return [names, *(_glance_row(line, snapshot) for line in drawn)]


def _glance_row(line: Line, snapshot: Snapshot) -> list[Any]:
    first: list[Any] = [{"text": wording.label(line.key["marker"]), "anchor": _anchor(line)}]
    closed = line.series.filter(~pl.col("provisional"))
    high = f"{line.exceedances.height} / {closed.height}"
    missing = f"{closed['prevalence'].null_count()} / {closed.height}"
    if (known := line.last_known) is None:
        return [*first, "–", _("No value"), "–", high, missing, "–"]
    # What is usual rests on days before the period too.
    before = replace(line, series=snapshot.read(SERIES, where=line.key).filter(
        pl.col("time_value") <= known["time_value"]
    )).baseline  # fmt: skip
    change = wording.change(known["prevalence"] - before[0], line.kind) if before else _("unknown")
    value = wording.interval(known["prevalence"], known["lo"], known["hi"], line.kind)
    behind = f"{wording.count(known['n_authors'], 'authors')}, {wording.count(known['n_posts'], 'posts')}"
    return [*first, wording.day(known["time_value"]), value, change, high, missing, behind]


def _part(line: Line) -> _Part:
    key = line.key
    source = line.series["label_source"].drop_nulls()
    how = _("{unit} · method: {method} ({meaning})").format(
        unit=_(wording.UNITS[key["unit"]]), method=stored(key["method"]), meaning=_(wording.METHODS[key["method"]])
    ) + (f" · {source[-1]}" if source.len() else "")
    figures = [gallery.timeline(line), gallery.counts(line)]
    if shift := gallery.why(line):
        figures.append(shift)
    missing = ", ".join(stored(reason) for reason in line.series["missing_reason"].drop_nulls().unique().sort())
    trusted = [sentences.trust(line)] if line.forecasts.height else []
    return _Part(
        anchor=_anchor(line),
        title=sentences.expressed(key["marker"], key["population"]),
        how=" ".join([how, *trusted]),
        figures=[_figure(figure) for figure in figures],
        missing=_("Days without a value: {reasons}.").format(reasons=missing) if missing else "",
    )


def _figure(figure: Figure) -> dict[str, str]:
    image = b64encode(pictures.svg(figure.chart, figure.title).encode()).decode()
    return {"image": image, "title": figure.title, "sentence": figure.said}


def _anchor(line: Line) -> str:
    return "-".join(line.key[name] for name in ("marker", "unit", "method")).replace(":", "-").replace(" ", "-")


def _sources(snapshot: Snapshot) -> list[list[str]]:
    names = [_("Source"), _("Coverage"), _("Missed"), _("Posts"), _("Quarantined"), _("Why")]
    rows, runs = snapshot.read(SOURCES), snapshot.read(RUNS).drop_nulls("now").sort("started_at")
    now = runs["now"][-1] if runs.height else None
    streams = {stream.source: stream for stream in health.streams(snapshot.read(COVERAGE), rows, now)}
    return [names, *(
        [
            row["source"], wording.days(row["first_post"], row["last_post"]) if row["last_post"] else "–",
            _missed(streams.get(row["source"])), wording.number(row["n_posts"]),
            wording.number(row["n_quarantined"]), row["quarantine_reasons"] or "–",
        ]
        for row in rows.iter_rows(named=True)
    )]  # fmt: skip


def _missed(stream: health.Stream | None) -> str:
    """What a stream missed, in words; a dash where nothing is known of it."""
    if stream is None:
        return "–"
    said = _("nothing in 28 days")
    if stream.hours:
        said = _("{time} in 28 days").format(time=wording.duration(stream.hours))
    if stream.behind and stream.last:
        said += "; " + _("not read since {moment}").format(moment=wording.moment(stream.last))
    return said
