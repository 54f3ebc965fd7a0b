"""Streams that landed, made by hand: homes, rows, segments, and loading them as the monitor does."""

import os
import signal
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from barograph.home import Home
from barograph.landing import Landing
from barograph.privacy import Keyed
from barograph.settings import Settings, Source
from barograph.sources import ARRIVED, Arrived, Missed, Reject
from barograph.store import Warehouse
from flows.load import load
from flows.progress import Reporter
from flows.stages import Run

SKY = Source(name="sky", kind="bluesky")
NOON = datetime(2024, 3, 1, 12)
CLOCK = datetime(2024, 6, 1)


def home_at(folder: Path) -> Home:
    """A home with a key that is always the same."""
    place = Home(folder / "home")
    place.prepare()
    place.key.write_bytes(bytes(range(32)))
    return place


def event(op: str, id: str | None = None, **values: Any) -> dict[str, Any]:
    """A row of a stream; of a post and an update what is left out is usual."""
    usual = {"created_at": NOON.isoformat() + "Z", "author": "ann", "lang": "en", "text": f"post {id}"}
    return {"op": op, "id": id, **(usual if op in ("post", "update") else {}), **values}


def arrived(
    *events: dict[str, Any], cursor: str | None = None, covered: tuple[datetime, datetime] | None = None,
    missed: Iterable[Missed] = (), rejects: Iterable[Reject] = (), ignored: dict[str, int] | None = None,
) -> Arrived:  # fmt: skip
    """A batch as a source yields it."""
    rows = [{"line": line, **one} for line, one in enumerate(events, start=1)]
    return Arrived(
        pl.DataFrame(rows, schema=ARRIVED), cursor, covered, list(rejects), dict(ignored or {}), tuple(missed)
    )


def land(place: Home, *batches: Arrived, source: Source = SKY) -> None:
    """Each batch as a segment of its own."""
    place.landing.mkdir(exist_ok=True)
    with Landing(place.landing / source.name, Keyed(place.key)) as landing:
        for one in batches:
            landing.keep(one)
            landing.flush()


def loaded(place: Home, *sources: Source, clock: datetime = CLOCK, **settings: Any) -> Run:
    """The load stage once; how it went."""
    run = Run(place, Settings(**settings), sources or (SKY,), Reporter(silent=True), clock=clock)
    with Warehouse(place.warehouse) as warehouse:
        load.fn(run, warehouse)
    return run


def texts(place: Home) -> dict[str, str]:
    """Post → its text, of all posts that are kept."""
    with Warehouse(place.warehouse) as warehouse:
        kept = warehouse.read(_posts())
    assert kept["post_id"].is_unique().all()
    return {name.partition(":")[2]: text for name, text in kept.select("post_id", "text").iter_rows()}


def _posts() -> Any:
    from barograph import tables

    return tables.POSTS


def after(hours: float) -> datetime:
    """So many hours after NOON."""
    return NOON + timedelta(hours=hours)


def killed_before(step: int, *names: str) -> None:
    """From now on this process kills itself before its call of that number, counted from 1, of these functions of `os`."""
    left = step

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def one(*given: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*given, **more)

        return one

    for name in names:
        setattr(os, name, counted(getattr(os, name)))
