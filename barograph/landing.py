"""Where streams land: Parquet segments of a source, each written whole or not at all, with the cursor inside.

A segment is on the disk, name and all, before the next one begins, so a process killed anywhere goes on from the
cursor of the newest one and nothing that landed is lost. The warehouse takes each in one transaction.
"""

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import polars as pl
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from barograph.durable import durable
from barograph.errors import Terminal, Transient
from barograph.privacy import Keyed
from barograph.sources import ARRIVED, Arrived, Missed

ROWS = 20_000
SECONDS = 1.0
"""A segment is written when it has so many rows, or when its oldest is so old."""
_PAUSE = 5.0
"""Seconds between two tries on a full disk."""
_META = b"barograph"
_PART, _REWRITTEN = ".part", ".rewritten"
"""Files under way: of who writes a source, and of who takes from it, so that neither sweeps up the other's."""


@dataclass(frozen=True)
class Segment:
    """A landed segment as it is loaded. `rows` has the columns of `ARRIVED`."""

    number: int
    rows: pl.DataFrame
    quarantine: pl.DataFrame
    """`line, reason, raw_hash` of what is no event."""
    cursor: str | None
    covered: tuple[datetime, datetime] | None
    missed: tuple[Missed, ...]
    ignored: dict[str, int]


class Landing:
    """The landing of one source, open for writing by one process at a time.

    Raises `Transient` where another process writes it, `Terminal` where the folder cannot be written.
    """

    def __init__(
        self, folder: Path, keyed: Keyed, *, rows: int = ROWS, seconds: float = SECONDS,
        paused: Callable[[str], None] = lambda _said: None, stopped: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """paused: told why nothing can be written, whenever that begins or ends. stopped: whether to wait no longer."""
        self._folder, self._keyed, self._rows, self._seconds, self._paused = folder, keyed, rows, seconds, paused
        self._stopped = stopped
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Terminal(f"{folder}: {error.strerror}; expected a folder that can be written") from None
        self._lock = lock(folder)
        self._waiting: list[Arrived] = []
        self._since = 0.0

    def __enter__(self) -> Self:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise Transient(
                f"{self._folder} is written by another process; one at a time can stream a source"
            ) from None
        _sweep(self._folder, _PART)
        newest = segments(self._folder)[-1:]
        # Where the folder is new, numbers go on beyond any that the warehouse can have loaded of one before it: there
        # are never as many segments as milliseconds.
        self._number = int(newest[0].stem) if newest else int(time.time() * 1000)
        self.cursor = read(newest[0]).cursor if newest else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def keep(self, arrived: Arrived) -> None:
        """Take a batch; on the disk at once, or with those after it within `seconds`, if `due` is asked then."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(arrived)
        self.due()

    def due(self) -> None:
        """Write what waits if it is many rows, or old enough."""
        rows = sum(a.rows.height + len(a.rejects) for a in self._waiting)
        if rows >= self._rows or (self._waiting and time.monotonic() - self._since >= self._seconds):
            self.flush()

    def flush(self, stopped: Callable[[], bool] | None = None) -> None:
        """Write what waits as one segment. On a full disk wait until there is room, or until `stopped`."""
        if not self._waiting:
            return
        full = False
        while True:
            try:
                self._write(self._number + 1)
                break
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise Terminal(f"{self._folder}: {error.strerror}; expected a folder that can be written") from None
                if not full:
                    self._paused(f"{self._folder}: the disk is full; free space, it goes on by itself")
                full = True
                if (stopped or self._stopped)():
                    raise Transient(f"{self._folder}: the disk is full; free space and start again") from None
                time.sleep(_PAUSE)
        if full:
            self._paused(f"{self._folder}: there is room again; going on")
        self._number += 1
        self.cursor = self._waiting[-1].cursor
        waited, self._waiting = self._waiting, []
        for arrived in waited:
            if arrived.landed:
                arrived.landed()

    def _write(self, number: int) -> None:
        frames, rejects, before = list[pl.DataFrame](), list[dict[str, Any]](), 0
        for arrived in self._waiting:
            frames.append(arrived.rows.with_columns(pl.col("line") + before))
            rejects += [
                {"line": r.line + before, "reason": r.reason, "raw_hash": self._keyed.hash(r.raw)}
                for r in arrived.rejects
            ]
            lines = [*arrived.rows["line"].tail(1), *(r.line for r in arrived.rejects)]
            before += max(lines, default=0) + 1
        covered = [a.covered for a in self._waiting if a.covered]
        ignored = sum((Counter(a.ignored) for a in self._waiting), Counter[str]())
        meta = {
            "cursor": self._waiting[-1].cursor,
            "covered": [min(c[0] for c in covered), max(c[1] for c in covered)] if covered else None,
            "missed": [[m.starts_at, m.ends_at, m.reason] for a in self._waiting for m in a.missed],
            "ignored": dict(ignored),
            "rejects": rejects,
        }
        _replace(self._folder / f"{number:013}.parquet", pl.concat(frames), meta)


def lock(folder: Path) -> FileLock:
    """What a process has to hold that writes this source. The operating system's: a killed process leaves it."""
    return FileLock(folder / "lock")


def segments(folder: Path) -> list[Path]:
    """Segments of a source, oldest first; none where nothing ever landed."""
    return sorted(folder.glob("[0-9]*.parquet"), key=lambda path: int(path.stem))


def pending(folder: Path, after: int) -> Iterator[Segment]:
    """Each segment after number `after`, oldest first, read one at a time."""
    return (read(path) for path in segments(folder) if int(path.stem) > after)


def read(path: Path) -> Segment:
    """One segment. Raises `Terminal` where it is damaged, which a crash cannot do."""
    try:
        file = pq.ParquetFile(path)
        meta = orjson.loads(file.metadata.metadata[_META])
        rows = pl.DataFrame(pl.from_arrow(file.read()))
    except (OSError, ValueError, KeyError) as error:
        raise Terminal(f"{path} cannot be read: {error}; move it away to go on without it") from None
    schema = {"line": pl.Int64, "reason": pl.String, "raw_hash": pl.String}
    covered = meta["covered"] and (_time(meta["covered"][0]), _time(meta["covered"][1]))
    missed = tuple(Missed(_time(start), _time(end), reason) for start, end, reason in meta["missed"])
    rejects = pl.DataFrame(meta["rejects"], schema=schema, orient="row")
    return Segment(int(path.stem), rows, rejects, meta["cursor"], covered, missed, meta["ignored"])


def release(folder: Path, through: int) -> None:
    """Remove the segments up to a number, which the warehouse has; of the newest one the cursor stays."""
    _sweep(folder, _REWRITTEN)
    paths = segments(folder)
    for path in paths:
        if int(path.stem) <= through:
            if path == paths[-1]:
                if pq.read_metadata(path).num_rows:
                    rewrite(path, ARRIVED.to_frame())
            else:
                path.unlink()


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written: one that rewrites, and the writer, if none is at work."""
    _sweep(folder, _REWRITTEN)
    if folder.is_dir():
        with suppress(Timeout), lock(folder).acquire(timeout=0):
            _sweep(folder, _PART)


def _sweep(folder: Path, suffix: str) -> None:
    for part in folder.glob(f"*{suffix}"):
        part.unlink(missing_ok=True)


def rewrite(path: Path, rows: pl.DataFrame) -> None:
    """Put other rows into a segment, which keeps its cursor and all else. Its writer may go on meanwhile."""
    _replace(path, rows, orjson.loads(pq.read_metadata(path).metadata[_META]), _REWRITTEN)


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _replace(path: Path, rows: pl.DataFrame, meta: dict[str, Any], suffix: str = _PART) -> None:
    """Write a segment under a name of its own, make it durable, and only then give it its name."""
    part = path.with_suffix(suffix)
    table = rows.match_to_schema(ARRIVED).to_arrow().replace_schema_metadata({_META: orjson.dumps(meta)})
    try:
        with part.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    durable(path.parent)
