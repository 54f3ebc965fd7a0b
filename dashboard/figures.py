"""The charts of one line, each with its key, a sentence that says the same, and its data to take away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import polars as pl
import streamlit as st

from barograph import charts, sentences, smoothing, wording
from barograph.language import gettext as _
from barograph.line import Line
from dashboard import drawn
from dashboard import key as keys


def in_range(line: Line, chosen: str) -> Line:
    """The last 30 or 90 days of a line, or all of them."""
    last = line.series["time_value"].max()
    if chosen == "all" or not isinstance(last, date):
        return line
    return line.since(last - timedelta(days=int(chosen) - 1))


@dataclass(frozen=True)
class Beside:
    """A line that stands beside the chosen one, and what it is called there."""

    name: str
    line: Line


def timeline(
    line: Line, shown: Line, *, smooth: int = 0, name: str = "", beside: Sequence[Beside] = (), now: Line | None = None
) -> None:
    """Prevalence by day. line: the whole history; shown: the days drawn.

    smooth: days of a trailing mean, 0 for none. beside: other lines, `name` is then its own. now: the line as it is
    known now, where the past is shown.
    """
    first, last = shown.series["time_value"][0], shown.series["time_value"][-1]
    lines = [line, *(other.line for other in beside)]
    means = [_mean(each, smooth, first, last) for each in lines]
    others = [
        charts.Other(other.name, each.series, mean)
        for other, mean in zip(beside, means[1:], strict=True)
        if (each := other.line.between(first, last)).series.height
    ]
    chart = charts.timeline(
        shown.series, shown.forecasts, shown.exceedances, shown.events, flags=shown.flags, alerts=line.marks,
        smoothed=means[0], later=now.series if now else None, name=name, others=others,
    )  # fmt: skip
    names = [name, *(other.name for other in others)]
    said = [sentences.timeline(line, shown)]
    if beside:
        said.append(sentences.beside([name, *(other.name for other in beside)], lines))
    if smooth:
        said.append(sentences.smoothed(smooth))
    drawn.chart(
        chart, key="timeline", title=sentences.expressed(line.key["marker"], line.key["population"]),
        sentence=" ".join(said), rows=_table(shown, [other.line.between(first, last) for other in beside], means),
        name=_file(shown, "timeline"), head=keys.of(shown, names, smooth=smooth, past=bool(now)),
    )  # fmt: skip
    if shown.forecasts.height:
        st.caption(wording.plain(sentences.trust(line)))


def counts(shown: Line, *, name: str = "", on_select: Callable[[str], None] | None = None) -> None:
    """How many authors or posts stand behind each point.

    name: the line's own, where others stand beside it above. on_select: told the chart's key when days are dragged
    over.
    """
    unit = "authors" if shown.key["unit"] == "authors" else "posts"
    rows = shown.series.select("time_value", "n_authors", "n_posts", "provisional", "missing_reason")
    chart = charts.counts(shown.series, shown.forecasts, unit, beside=bool(name))
    title = _("Authors behind each day") if unit == "authors" else _("Posts behind each day")
    title += f": {name}" if name else ""
    sentence = sentences.counts(rows, unit)
    if on_select:
        sentence += " " + _("Drag over days to look at them alone.")
    # Of other days another chart: what was dragged over in this one is not dragged over there.
    key = f"counts-{rows['time_value'][0]}-{rows['time_value'][-1]}"
    drawn.chart(
        chart, key=key, title=title, sentence=sentence, rows=rows, name=_file(shown, "counts"),
        selects=partial(on_select, key) if on_select else False,
    )  # fmt: skip


def _mean(line: Line, days: int, first: date, last: date) -> pl.DataFrame | None:
    """The trailing mean on the days drawn, from all days before them too."""
    if not days:
        return None
    return smoothing.trailing(line.series, days).filter(pl.col("time_value").is_between(first, last))


def _table(shown: Line, others: Sequence[Line], means: Sequence[pl.DataFrame | None]) -> pl.DataFrame:
    """All that is drawn as one table: the line with its forecast, the lines beside it, their means."""
    tables = []
    for place, (line, mean) in enumerate(zip([shown, *others], means, strict=True)):
        rows = line.table() if place == 0 else line.table().filter(pl.col("kind") == "observed")
        tables.append(rows if mean is None else rows.join(mean, on="time_value", how="left", maintain_order="left"))
    return pl.concat(tables, how="diagonal")


def _file(shown: Line, what: str) -> str:
    words = [
        *shown.key.values(),
        what,
        str(shown.series["time_value"][0]),
        str(shown.series["time_value"][-1]),
    ]
    return "_".join(words)
