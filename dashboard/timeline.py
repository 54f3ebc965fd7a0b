"""The first page: one line over time with its forecast, what fires anywhere, and what lies behind the numbers."""

import polars as pl
import streamlit as st

from barograph import line
from barograph.errors import Terminal
from barograph.store import Snapshot
from barograph.tables import ALERTS, RUNS, SERIES, SOURCES
from dashboard import panels, published, selection, views


def page(snapshot: Snapshot) -> None:
    """Select → filter → plot."""
    run = panels.last_run(snapshot.read(RUNS))
    lines = published.lines(str(snapshot.path))
    panels.header(run, snapshot.path.stem)
    if not lines.height:
        panels.empty("The snapshot holds no series", "No post has been read yet: check the sources with `barograph check`.")
        return
    panels.freshness(lines, run)
    panels.alerts(snapshot.read(ALERTS), lines)

    chosen = selection.choose(lines)
    every = snapshot.read(SERIES, where={"marker": chosen.marker, "unit": chosen.unit})
    method = line.usual_method(every.filter(pl.col("population") == chosen.population))
    full = line.read(snapshot, chosen.marker, chosen.population, chosen.unit, method)
    shown = views.in_range(full, chosen.range)

    views.headline(full, run)
    views.timeline(full, shown)
    views.counts(shown)
    left, right = st.columns(2, gap="medium")
    with left:
        views.gaps(every.filter(pl.col("method") == method), shown)
    with right:
        views.sources(snapshot.read(SOURCES))


def main() -> None:
    """Every way in which there may be nothing to show has a state of its own."""
    current = published.current()
    try:
        if current:
            page(published.opened(str(current)))
        else:
            panels.header(None, None)
            panels.nothing_published(published.home())
    except Terminal as error:
        panels.unreadable(error)
    panels.notice()
    published.follow(current)


main()
