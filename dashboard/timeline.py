"""One line over time with its forecast, what fires anywhere, what lies behind the numbers."""

import polars as pl
import streamlit as st

from barograph import line, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.tables import ALERTS, SERIES, SOURCES
from dashboard import figures, panels, selection, show
from dashboard.headline import headline
from dashboard.show import Shown
from dashboard.why import why

_RANGES = {"30": noted("30 days"), "90": noted("90 days"), "all": noted("All")}


def page(shown: Shown) -> None:
    """Select → filter → plot."""
    snapshot = shown.snapshot
    panels.alerts(snapshot.read(ALERTS), shown.lines, fresh=shown.fresh)

    def usual_method(marker: str, population: str, unit: str) -> str:
        where = {"marker": marker, "population": population, "unit": unit}
        return line.usual_method(snapshot.read(SERIES, where=where))

    view = selection.View()
    bar = selection.bar()
    chosen = selection.line(view, bar, shown.lines, usual_method)
    length = view.one(
        bar.segmented_control, _("Range"), "range", list(_RANGES), "90", required=True, width="content",
        format_func=lambda name: _(_RANGES[name]),
    )  # fmt: skip
    view.keep()
    every = snapshot.read(SERIES, where={name: chosen[name] for name in ("marker", "unit", "method")})
    whole = line.read(snapshot, **chosen)
    drawn = figures.in_range(whole, length)
    first, last = drawn.series["time_value"][0], drawn.series["time_value"][-1]

    headline(whole, shown.run)
    figures.timeline(whole, drawn)
    figures.counts(drawn)
    why(whole)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        others = every.filter(pl.col("time_value").is_between(first, last))
        what = (wording.label(chosen["marker"]), chosen["unit"], chosen["method"], wording.days(first, last))
        panels.gaps(others, ", ".join(what))
    with right:
        panels.sources(snapshot.read(SOURCES))


show.run(page)
