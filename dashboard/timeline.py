"""The first page: one line over time with its forecast, what fires anywhere, what lies behind the numbers."""

import polars as pl
import streamlit as st

from barograph import line, wording
from barograph.errors import Terminal
from barograph.store import Snapshot
from barograph.tables import ALERTS, RUNS, SERIES, SOURCES
from dashboard import figures, panels, published, selection
from dashboard.headline import headline
from dashboard.why import why


def page(snapshot: Snapshot) -> None:
    """Select → filter → plot."""
    run = panels.last_run(snapshot.read(RUNS))
    lines = published.lines(str(snapshot.path))
    panels.header(run, snapshot.path.stem)
    if not lines.height:
        panels.empty("The snapshot holds no series", "No post has been read yet: try `barograph check`.")
        panels.sources(snapshot.read(SOURCES))
        return
    fresh = panels.freshness(lines, run)
    panels.alerts(snapshot.read(ALERTS), lines, fresh=fresh)

    def usual_method(marker: str, population: str, unit: str) -> str:
        where = {"marker": marker, "population": population, "unit": unit}
        return line.usual_method(snapshot.read(SERIES, where=where))

    chosen = selection.choose(lines, usual_method)
    every = snapshot.read(SERIES, where={"marker": chosen.marker, "unit": chosen.unit, "method": chosen.method})
    whole = line.read(snapshot, chosen.marker, chosen.population, chosen.unit, chosen.method)
    shown = figures.in_range(whole, chosen.range)
    first, last = shown.series["time_value"][0], shown.series["time_value"][-1]

    headline(whole, run)
    figures.timeline(whole, shown)
    figures.counts(shown)
    why(whole)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        others = every.filter(pl.col("time_value").is_between(first, last))
        what = (wording.label(chosen.marker), chosen.unit, chosen.method, wording.days(first, last))
        panels.gaps(others, ", ".join(what))
    with right:
        panels.sources(snapshot.read(SOURCES))


def main() -> None:
    """Every way in which there may be nothing to show has a state of its own."""
    current = published.current()
    try:
        if current:
            page(published.opened(str(current)))
        else:
            panels.header()
            panels.nothing_published(published.home())
    except Terminal as error:
        panels.unreadable(error)
    panels.notice()
    published.follow(current)


main()
