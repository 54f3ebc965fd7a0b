"""What every page is made within: states of nothing to show, the notice, the watch for a newer snapshot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from barograph.errors import Terminal
from barograph.language import gettext as _
from barograph.store import Snapshot
from barograph.tables import RUNS, SOURCES
from dashboard import panels, published


@dataclass(frozen=True)
class Shown:
    """The snapshot that a page shows, its lines (as `Snapshot.lines`), its last run, and whether its data is fresh."""

    snapshot: Snapshot
    lines: pl.DataFrame
    run: dict[str, Any] | None
    fresh: bool


def run(page: Callable[[Shown], None]) -> None:
    """Show a page. Every way in which there may be nothing to show has a state of its own."""
    current = published.current()
    try:
        if current:
            _within(published.opened(str(current)), page)
        else:
            panels.header()
            panels.nothing_published(published.home())
    except Terminal as error:
        panels.unreadable(error)
    panels.notice()
    published.follow(current)


def _within(snapshot: Snapshot, page: Callable[[Shown], None]) -> None:
    last = panels.last_run(snapshot.read(RUNS))
    lines = published.lines(str(snapshot.path))
    panels.header(last, snapshot.path.stem)
    if not lines.height:
        panels.empty(_("The snapshot holds no series"), _("No post has been read yet: try `barograph check`."))
        panels.sources(snapshot.read(SOURCES))
        return
    page(Shown(snapshot, lines, last, panels.freshness(lines, last)))
