"""One line over time with its forecast, what fires anywhere, what lies behind the numbers."""

import polars as pl
import streamlit as st

from barograph import line, wording
from barograph.tables import ALERTS, SERIES, SOURCES
from dashboard import figures, panels, selection, show
from dashboard.headline import headline
from dashboard.moved import moved
from dashboard.show import Shown


def page(shown: Shown) -> None:
    """Select → filter → plot."""
    snapshot = shown.snapshot
    panels.alerts(snapshot.read(ALERTS), shown.lines, fresh=shown.fresh)

    def usual_method(marker: str, population: str, unit: str) -> str:
        where = {"marker": marker, "population": population, "unit": unit}
        return line.usual_method(snapshot.read(SERIES, where=where))

    chosen = selection.choose(shown.lines, usual_method)
    every = snapshot.read(SERIES, where={"marker": chosen.marker, "unit": chosen.unit, "method": chosen.method})
    whole = line.read(snapshot, chosen.marker, chosen.population, chosen.unit, chosen.method)
    drawn = figures.in_range(whole, chosen.range)
    first, last = drawn.series["time_value"][0], drawn.series["time_value"][-1]

    headline(whole, shown.run)
    figures.timeline(whole, drawn)
    figures.counts(drawn)
    moved(whole)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        others = every.filter(pl.col("time_value").is_between(first, last))
        what = (wording.label(chosen.marker), chosen.unit, chosen.method, wording.days(first, last))
        panels.gaps(others, ", ".join(what))
    with right:
        panels.sources(snapshot.read(SOURCES))


show.run(page)
