"""The first page: one line over time with its forecast, what is firing anywhere, and what lies behind the numbers."""

import streamlit as st

from barograph import charts, line
from barograph.errors import Terminal
from barograph.store import Snapshot
from barograph.tables import ALERTS, LINE, RUNS, SERIES, SOURCES
from dashboard import panels, published, selection


def page(snapshot: Snapshot) -> None:
    """Select → filter → plot."""
    lines = published.lines(str(snapshot.path))
    run = panels.last_run(snapshot.read(RUNS))
    panels.header(run, snapshot.path.stem)
    if not lines.height:
        panels.empty("The snapshot holds no series", "No post has been read yet: check the sources with `barograph check`.")
        return
    panels.freshness(lines, run)
    panels.alerts(snapshot.read(ALERTS), lines)

    chosen = selection.choose(lines)
    every = snapshot.read(SERIES, where={"marker": chosen.marker, "unit": chosen.unit})
    method = line.usual_method(every.filter(every["population"] == chosen.population))
    full = line.read(snapshot, chosen.marker, chosen.population, chosen.unit, method)
    shown = panels.in_range(full, chosen.range)

    panels.headline(full, run)
    panels.timeline(full, shown)
    panels.counts(shown)
    panels.gaps(every.filter(every["method"] == method), shown)
    panels.sources(snapshot.read(SOURCES))


def main() -> None:
    """Every way in which there may be nothing to show has a page of its own."""
    snapshot = None
    try:
        snapshot = published.newest()
        if snapshot is None:
            panels.header(None, None)
            panels.nothing_published(published.home())
        else:
            page(snapshot)
    except Terminal as error:
        panels.unreadable(error)
    panels.notice()
    published.follow(snapshot.path if snapshot else None)


main()
