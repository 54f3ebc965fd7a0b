"""Where answers land: files that are only ever appended to, so that what was answered is never asked again.

An answer is durable before the one who asked may ask on. The warehouse takes each file in one transaction, after which
it is removed; a file that was taken and not removed is taken again, to the same effect.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import polars as pl

from barograph.durable import durable
from barograph.tables import ANNOTATIONS

ROWS = 2000
"""Rows of one file: what is in memory when the warehouse takes them."""


class Landing:
    """A folder of landed rows of `annotations`, JSON lines in files by number. One process writes it at a time.

    A new process begins a new file: the last line of an old one may be torn, and only the last.
    """

    def __init__(self, folder: Path, rows: int = ROWS) -> None:
        self.folder, self._most = folder, rows
        folder.mkdir(mode=0o700, exist_ok=True)
        self._number = max((int(path.stem) for path in files(folder)), default=0)
        self._file, self._rows = -1, 0
        self._waiting: list[tuple[bytes, int, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "landing")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._thread.shutdown()
        self._close()

    async def keep(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Returns when the rows are on the disk. What comes while the disk is busy goes there together.

        Raises `OSError` where they cannot be written.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((b"".join(orjson.dumps(row) + b"\n" for row in rows), len(rows), done))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._empty())
        await done

    async def _empty(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines, n = b"".join(line for line, _, _ in group), sum(rows for _, rows, _ in group)
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._write, lines, n)
                error = None
            except OSError as failed:
                error = failed
            for _, _, done in group:
                if done.cancelled():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def _write(self, lines: bytes, rows: int) -> None:
        """Append and wait for the disk."""
        if self._file < 0 or self._rows >= self._most:
            self._close()
            self._number += 1
            path = self.folder / f"{self._number:06}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            durable(self.folder)  # the name of a new file is the folder's to keep
        try:
            left = memoryview(lines)
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            self._close()  # what comes next must not be appended to a torn line
            raise OSError(error.errno, error.strerror, str(self.folder)) from None
        self._rows += rows

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._rows = -1, 0


def files(folder: Path) -> list[Path]:
    """Landed files, oldest first; none where nothing ever landed."""
    return sorted(folder.glob("[0-9]*.jsonl"))


def read(path: Path) -> pl.DataFrame:
    """The rows of one file, as `annotations` has them; of rows with one key the last. A torn last line is not there."""
    whole, newline, _ = path.read_bytes().rpartition(b"\n")
    rows = [orjson.loads(line) for line in whole.split(b"\n")] if newline else []
    for row in rows:
        row["annotated_at"] = datetime.fromisoformat(row["annotated_at"])
    frame = pl.DataFrame(rows, schema=ANNOTATIONS.schema, orient="row")
    return frame.unique(ANNOTATIONS.key, keep="last", maintain_order=True)


def pending(folder: Path) -> Iterable[tuple[Path, pl.DataFrame]]:
    """Each landed file with its rows, oldest first, read one at a time."""
    return ((path, read(path)) for path in files(folder))
