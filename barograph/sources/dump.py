"""One file as a stream brings it: rows from a place on, so that a large one is read in several goes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from barograph.sources import ARRIVED, Reject, files

ROWS = 5_000
"""Rows of a batch: few enough that one is ready several times a second."""


@dataclass(frozen=True)
class Place:
    """How far a file has been read."""

    name: str
    size: int
    """Bytes."""
    changed_ns: int
    """Of its last change, ns since 1970."""
    rows: int = 0
    """Rows read, those set aside among them."""


def place_of(path: Path, name: str) -> Place:
    """The beginning of a file as it is now. Raises `OSError` where it is not there."""
    stat = path.stat()
    return Place(name, stat.st_size, stat.st_mtime_ns)


def read(
    path: Path, columns: dict[str, str], begin: Place, before: Place | None, *, events: bool = False
) -> Iterator[tuple[pl.DataFrame, list[Reject], Place]]:
    """Batches of a file with the place behind each, from where `before` ended if that was this very file.

    A batch of which only a part was read comes whole.
    """
    same = before is not None and replace(before, rows=0) == begin
    skipped, done = before.rows if before is not None and same else 0, 0
    for batch in files.fetch([path], columns, ROWS, events=events):
        done += batch.rows.height + len(batch.rejects)
        if done > skipped:
            yield arrived(batch.rows), batch.rejects, replace(begin, rows=done)


def arrived(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a file with the columns of `ARRIVED`: posts, but for those that say something else."""
    if isinstance(kind := rows.schema.get("created_at"), pl.Datetime):
        time = pl.col("created_at").cast(pl.Datetime("us", kind.time_zone))
        if kind.time_zone:
            time = time.dt.convert_time_zone("UTC")
        written = time.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if kind.time_zone else ""))
        rows = rows.with_columns(written)
    missing = [name for name in ARRIVED if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
    rows = rows.with_columns(pl.col("op").fill_null("post"))
    return rows.select(pl.col(name).cast(kind) for name, kind in ARRIVED.items())
