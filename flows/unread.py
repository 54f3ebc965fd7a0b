"""Folders of landing that no source reads: they are named, and texts in them are not kept beyond their retention."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from barograph import landing
from barograph.home import Home
from barograph.ingest import times
from barograph.settings import Settings, Source
from flows.sources import NEED_NO_CONFIG

_LATELY = timedelta(days=2)
"""A source that a run was given beside the config is still read for so long."""


def streaming(*sources: Source) -> set[str]:
    """The names of those that read what landed."""
    return {source.name for source in sources if source.streams}


def unread(place: Home, read: Collection[str]) -> list[str]:
    """The folders that hold rows and are not of one of these sources."""
    folders = sorted(path for path in place.landing.glob("*") if path.is_dir() and path.name not in read)
    return [f.name for f in folders if any(landing.read(path).rows.height for path in reversed(landing.segments(f)))]


def drop(place: Home, read: Collection[str], before: datetime) -> int:
    """Take posts from before `before` out of the folders that no source of these names reads. Returns how many.

    A post whose time cannot be read, or is later, is as old as its segment, if that says so; else it goes at once.
    What was deleted or who left stays: where the source is read again, it must be known.
    """
    dropped = 0
    for name in unread(place, read):
        for path in landing.segments(place.landing / name):
            segment = landing.read(path)
            posted = times(segment.rows["created_at"], "UTC").alias("posted")
            told = pl.lit(segment.covered and segment.covered[1], pl.Datetime("us"))
            past = (pl.min_horizontal("posted", told) < before).fill_null(value=True)
            rows = segment.rows.with_columns(posted)
            kept = rows.filter(~(pl.col("op").is_in(["post", "update"]) & past)).drop("posted")
            if kept.height < rows.height:
                landing.rewrite(path, kept)
            dropped += rows.height - kept.height
    return dropped


def named(place: Home, settings: Settings, sources: Iterable[dict[str, Any]]) -> list[str]:
    """Folders that neither the config's sources read nor what was read lately. sources: rows of that table."""
    rows = list(sources)
    last = max((row["updated_at"] for row in rows), default=None)
    lately = {row["source"] for row in rows if last and row["updated_at"] >= last - _LATELY}
    return unread(place, streaming(*settings.source) | lately)


def line(place: Home, name: str) -> str:
    """What is said of such a folder."""
    read = f"read it with --source {name}, " if name in NEED_NO_CONFIG else ""
    return (
        f"landing     {name}: no source of the config reads it, so posts and deletes wait in it; {read}"
        f"put the source back into barograph.toml, or remove {place.landing / name}"
    )
