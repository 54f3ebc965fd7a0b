"""A watched folder: files of posts that another system drops, each taken once it is whole, then moved or marked."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import orjson

from barograph.errors import Terminal
from barograph.settings import Source
from barograph.sources import ARRIVED, Arrived, Reject, files, unreadable
from barograph.sources.dump import Place, place_of, read

TAKEN = "taken"
"""The folder within it that files are moved to, or what the name of a mark ends in."""
REST = 5.0
"""Seconds that a file has to stay as it is before it is read: longer than a writer pauses."""
PATIENCE = 60.0
"""The same for one that looks unfinished: damaged, or a text whose last line has no end."""
_LOOK, _WAIT = 1.0, 0.25
"""Seconds between two looks at the folder, and between two batches where nothing comes."""
_COMPRESSED = (".gz", ".zst", ".parquet")

_log = logging.getLogger(__name__)


def fetch(source: Source, cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:
    """Rows of every file in the folder and those below it, oldest file first, until `stop` is set.

    cursor: a `Place` as JSON: a file that was not read to its end is read on. Once a file's last row has landed it is
    moved or marked; where that was cut short it is read again, which doubles no post. Raises `Terminal` where a file
    can be neither, or `cursor` is none.
    """
    watch = _Watch(Path(source.path[0]), source.when_taken == "mark")
    place = _place(cursor) if cursor else None
    looked = -_LOOK
    while not stop.is_set():
        if time.monotonic() - looked >= _LOOK:
            for path, begin, patient in watch.whole():
                finished, bad = True, list[Reject]()
                for rows, found, behind in read(path, source.columns, begin, place, events=True):
                    rejects = [r for r in found if patient or r.reason not in files.UNFINISHED]
                    place = replace(behind, rows=behind.rows - len(found) + len(rejects))
                    finished = finished and len(rejects) == len(found)
                    bad += rejects
                    yield Arrived(rows, _written(place), rejects=rejects)
                    if stop.is_set():
                        return
                watch.read(path, begin, finished=finished)
                if bad and finished:
                    n = f"{len(bad):,} rows" if len(bad) > 1 else "a row"
                    _log.warning("%s: %s set aside, the first: %s", begin.name, n, bad[0].reason)
                if finished:
                    settle = partial(watch.settle, path, begin)
                    yield Arrived(ARRIVED.to_frame(), _written(place), landed=settle)
            looked = time.monotonic()
        yield Arrived(ARRIVED.to_frame(), _written(place))
        stop.wait(_WAIT)


def _place(written: str) -> Place:
    try:
        return Place(**orjson.loads(written))
    except (ValueError, TypeError):
        raise unreadable('{"name": …, "size": …, "changed_ns": …, "rows": …}') from None


def _written(place: Place | None) -> str | None:
    return orjson.dumps(asdict(place)).decode() if place else None


@dataclass
class _Watch:
    """What has been seen of a folder in this run."""

    folder: Path
    marks: bool
    _since: dict[Path, tuple[Place, float]] = field(default_factory=dict)
    """What a file was like when it was last found changed, and when that was."""
    _read: dict[Path, tuple[Place, bool]] = field(default_factory=dict)
    _lost: bool = False

    def whole(self) -> Iterator[tuple[Path, Place, bool]]:
        """Files to read: their beginning, and whether what looks unfinished in them is to be believed."""
        there = self._there()
        self._since = {path: found for path, found in self._since.items() if path in there}
        for path, begin in sorted(there.items(), key=lambda found: (found[1].changed_ns, found[1].name)):
            known = self._since.get(path)
            if known is None or known[0] != begin:
                known = self._since[path] = (begin, time.monotonic())
            rested = time.monotonic() - known[1]
            patient = rested >= PATIENCE
            read_as, finished = self._read.get(path, (None, False))
            if read_as == begin and (finished or not patient):
                continue
            if patient or (rested >= REST and _ends(path)):
                yield path, begin, patient

    def read(self, path: Path, begin: Place, *, finished: bool) -> None:
        """Note that a file has been read as it was at `begin`."""
        self._read[path] = (begin, finished)

    def settle(self, path: Path, begin: Place) -> None:
        """Move or mark a file that has landed, unless it has changed since: then it is read again."""
        try:
            if place_of(path, begin.name) != begin:
                return
            if self.marks:
                mark = _mark(path)
                part = mark.with_name(f".{mark.name}.part")
                part.write_text(_sign(begin))
                os.replace(part, mark)
            else:
                target = _free(self.folder / TAKEN / begin.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
        except FileNotFoundError:
            return  # whoever dropped it took it away
        except OSError as error:
            what = "marked" if self.marks else f"moved to {TAKEN}"
            raise Terminal(f"{self.folder}: {error.strerror}; expected a folder in which files can be {what}") from None

    def _there(self) -> dict[Path, Place]:
        """Files of posts that are not taken, as they are now."""
        found = {}
        try:
            os.scandir(self.folder).close()
        except OSError as error:
            if not self._lost:
                _log.warning("%s cannot be looked at: %s; looking again", self.folder, error.strerror)
            self._lost = True
            return {}
        self._lost = False
        for path in self.folder.rglob("*"):
            parts = path.relative_to(self.folder).parts
            if parts[0] == TAKEN or any(part.startswith(".") for part in parts) or not files.kind_of(path):
                continue
            with suppress(OSError):  # it is gone meanwhile
                if path.is_file() and not (self.marks and _is_marked(path, str(Path(*parts)))):
                    found[path] = place_of(path, str(Path(*parts)))
        return found


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.{TAKEN}")


def _sign(begin: Place) -> str:
    return f"{begin.size} {begin.changed_ns}\n"


def _is_marked(path: Path, name: str) -> bool:
    """Whether the file as it is now has been taken."""
    try:
        return _mark(path).read_text() == _sign(place_of(path, name))
    except FileNotFoundError:
        return False


def _free(target: Path) -> Path:
    """`target`, or a name beside it that no file has: a name may come again with other posts."""
    n, free = 1, target
    while free.exists():
        n += 1
        free = target.with_name(f"{n}~{target.name}")
    return free


def _ends(path: Path) -> bool:
    """Whether the last line of a plain text has an end. Of other files their readers find out."""
    if path.suffix.lower() in _COMPRESSED:
        return True
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return size > 0 and file.read() == b"\n"
    except OSError:
        return False
