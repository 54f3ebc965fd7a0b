"""Sources whose client blocks: it works in a thread, and what it finds comes as batches several times a second."""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import polars as pl

from barograph.clock import utc_now
from barograph.sources import ARRIVED, Arrived, Missed, Reject, backoff

BATCH_SECONDS = 0.25
_BATCH_PIECES = 2_000
"""A batch is handed on when it is so old, or has so many pieces; no more wait for the disk, then the client does."""

_log = logging.getLogger(__name__)

Row = Mapping[str, str | None]
"""Columns of `ARRIVED` but `line`; what it does not have is NULL."""


@dataclass(frozen=True)
class Piece:
    """What a client found at once, with the cursor behind it; as in `Arrived`."""

    cursor: str | None
    rows: tuple[Row, ...] = ()
    covered: tuple[datetime, datetime] | None = None
    rejects: tuple[tuple[str, bytes], ...] = ()
    """Reason, and the bytes of what is no event."""
    ignored: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()


@dataclass
class Outlet:
    """Where a client puts its pieces. `closed` is set once nobody takes them any more."""

    closed: threading.Event = field(default_factory=threading.Event)
    interrupt: Callable[[], None] | None = None
    """Ends what the client waits for, when nobody takes its pieces any more."""
    _pieces: "queue.Queue[Piece | BaseException | None]" = field(default_factory=lambda: queue.Queue(_BATCH_PIECES))
    _failures: int = 0

    def put(self, piece: Piece | BaseException | None) -> None:
        """Hand on a piece, waiting while others wait for the disk; the error, or None, is the last one."""
        while not self.closed.is_set():
            with suppress(queue.Full):
                self._pieces.put(piece, timeout=BATCH_SECONDS)
                return

    def take(self, seconds: float) -> list[Piece | BaseException | None]:
        """What is there, and what comes within so many seconds, as far as a batch goes."""
        until, taken = time.monotonic() + seconds, list[Piece | BaseException | None]()
        while len(taken) < _BATCH_PIECES:
            try:
                taken.append(self._pieces.get(timeout=max(until - time.monotonic(), 0)))
            except queue.Empty:
                break
        return taken

    def pause(self, who: str, why: str, *, came: bool, seconds: float | None = None) -> None:
        """Wait before the next try: so many seconds, else longer each time, from anew if something `came`."""
        self._failures = 1 if came else self._failures + 1
        wait = backoff.wait(self._failures) if seconds is None else seconds
        if not self.closed.is_set():
            _log.warning("%s: %s; trying again in %.1f s", who, why, wait)
        self.closed.wait(wait)


class ServerClock:
    """What time it is at a server, by what its answers say: ours may be wrong, or be set meanwhile."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # of our monotonic clock, s

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the `Date` of an answer; where it has none, our own clock."""
        try:
            said = parsedate_to_datetime(headers["Date"])
        except (KeyError, ValueError):
            said = utc_now().replace(tzinfo=UTC)
        ahead = said.timestamp() - time.monotonic()
        # It tells whole seconds, cut off: the one that says latest is nearest.
        if self._ahead is None or not 0 <= self._ahead - ahead < 2:
            self._ahead = ahead

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        assert self._ahead is not None, "nothing is asked before the server answered"
        return int((self._ahead + time.monotonic()) * 1000)


def batches(work: Callable[[Outlet], None], cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:
    """What `work`, in a thread, puts into its outlet, until it returns or `stop` is set; what it raises is raised.

    What it had put when `stop` was set comes as the last batch: deletes are told once.
    """
    outlet = Outlet()

    def run() -> None:
        try:
            work(outlet)
        except BaseException as error:  # noqa: BLE001  (raised below, where someone hears of it)
            outlet.put(error)
        else:
            outlet.put(None)

    threading.Thread(target=run, name="barograph source", daemon=True).start()
    try:
        stopped = False
        while not stopped:
            stopped = stop.is_set()
            taken = outlet.take(0 if stopped else BATCH_SECONDS)
            pieces = [piece for piece in taken if isinstance(piece, Piece)]
            cursor = pieces[-1].cursor if pieces else cursor
            yield _arrived(pieces, cursor)
            if len(pieces) < len(taken):
                if isinstance(taken[-1], BaseException):
                    raise taken[-1]
                return
    finally:
        outlet.closed.set()
        if outlet.interrupt:
            with suppress(OSError, ValueError):  # it has ended by itself
                outlet.interrupt()


def _arrived(pieces: list[Piece], cursor: str | None) -> Arrived:
    rows, rejects = list[dict[str, str | int | None]](), list[Reject]()
    for piece in pieces:
        rows += [{"line": n, **row} for n, row in enumerate(piece.rows, start=len(rows) + len(rejects) + 1)]
        rejects += [Reject(n, *wrong) for n, wrong in enumerate(piece.rejects, start=len(rows) + len(rejects) + 1)]
    covered = [piece.covered for piece in pieces if piece.covered]
    return Arrived(
        pl.DataFrame(rows, schema=ARRIVED, orient="row"),
        cursor,
        (min(c[0] for c in covered), max(c[1] for c in covered)) if covered else None,
        rejects,
        Counter(reason for piece in pieces for reason in piece.ignored),
        tuple(m for piece in pieces for m in piece.missed),
    )
