"""Bluesky's posts as they are written, through a Jetstream server.

v2 numbers events (`seq`) on each server by itself; v1 knows their time alone. A connection that is made anew asks for
some events from before the last one seen: the first that comes not being later than that one proves that none was
missed in between. Where it is later, the time in between is `missed`. What comes twice the warehouse keeps once.
Protocol: github.com/bluesky-social/jetstream, docs/README.md §5 and lexicons/network/bsky/jetstream.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from barograph.clock import MICROSECOND, from_epoch, to_epoch, utc_now
from barograph.errors import Terminal
from barograph.settings import Source
from barograph.settings.sources import BLUESKY_HOSTS
from barograph.sources import Arrived, Missed, backoff, unreadable
from barograph.sources.bluesky import POSTS, Event, Notice, Rows, Unreadable, read_v1, read_v2
from barograph.sources.packed import Packed

BATCH_SECONDS = 0.25
BATCH_FRAMES = 5_000
"""A batch is handed on when it is so old, or has so many frames."""
REWIND_SECONDS = 10
"""How far before the last event a server is asked by time: each witnesses the same event at a slightly other time."""
REWIND_SEQS = 5_000
"""How far before the last event its own server is asked by number. Likes are numbered too."""
_AHEAD = 86_400 * 10**6
"""An event that is so many µs in the future is a mistake: as a cursor it would skip all before it."""
_LONGEST_FRAME = 8 * 2**20
"""Bytes; servers leave out what is longer. A record has at most one MiB before it is written as JSON."""
_QUEUED_FRAMES = 2_000
_STEADY = 30.0
"""After a connection of so many seconds the waits begin anew."""
_TRIES = 4
"""So often a host that hangs up soon is tried before the next one."""
_BUSY = (408, 425, 429)
"""Refusals that say nothing about what was asked."""
_NUMBER, _TIME, _NOW = range(3)
"""What a server is asked by; where one does not prove that nothing is missed, the next."""
_LATER = "the server went on later than where it was left"
_WHY = {
    "CursorTooOld": "longer ago than the server keeps (CursorTooOld)",
    "OutdatedCursor": "longer ago than the server keeps (OutdatedCursor)",
    "ConsumerTooSlow": "the server hung up as events were read too slowly (ConsumerTooSlow)",
}
_NOTICES = (*_WHY, "FutureCursor")
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cursor:
    """The last event seen: which server told it, when that had witnessed it (epoch µs), and its number there."""

    host: str
    time_us: int
    seq: int | None = None

    @classmethod
    def read(cls, written: str) -> "Cursor":
        """Of the JSON text that `str` gives. Raises `Terminal`."""
        try:
            cursor = cls(**orjson.loads(written))
        except (ValueError, TypeError):
            cursor = cls("", -1)
        if not isinstance(cursor.time_us, int) or cursor.time_us < 0 or not isinstance(cursor.seq, int | None):
            raise unreadable('{"host": …, "time_us": …, "seq": …}')
        return cursor

    def __str__(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def fetch(source: Source, cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:
    """Every post, update, delete, departure and return from `cursor` on, or from now on, until `stop` is set.

    cursor: of `Cursor`, as yielded last. Raises `Terminal` where every server refuses what it is asked. A network that
    is down is waited for.
    """
    yield from _Stream(source, Cursor.read(cursor) if cursor else None, stop).batches()


class _Lost(Exception):
    """The connection is gone, and why; `elsewhere`: another server is likelier to do better."""

    def __init__(self, why: str, *, elsewhere: bool = True) -> None:
        super().__init__(why)
        self.elsewhere = elsewhere


class _Unproven(Exception):
    """Something may be missing, but asked otherwise the server may still have it."""


class _Stream:
    """Connections one after another, and what is known across them."""

    def __init__(self, source: Source, cursor: Cursor | None, stop: threading.Event) -> None:
        self._hosts = [(host, _address(host)) for host in source.hosts or BLUESKY_HOSTS]
        self._at = next((i for i, (host, _) in enumerate(self._hosts) if cursor and host == cursor.host), 0)
        self._v2, self._idle, self._stop = source.protocol == "v2", source.idle_seconds, stop
        self._packs = source.packed and self._v2
        self._packed: Packed | None = None
        self._cursor = cursor
        self._unproven: Cursor | None = None
        """The last event seen before this connection, until it is known whether one after it is missing."""
        self._told = cursor.time_us if cursor else None
        """Epoch µs up to which nothing is missing, or what is was said."""
        self._by = _NUMBER
        self._otherwise = False
        """Whether the server shall be asked by time, as by number it may have left something out."""
        self._why = _LATER
        self._refusing = set[str]()
        self._worked = False

    @property
    def _host(self) -> str:
        return self._hosts[self._at][0]

    def batches(self) -> Iterator[Arrived]:
        failures = 0
        while not self._stop.is_set():
            before, began = self._cursor, time.monotonic()
            try:
                yield from self._connection()
            except _Unproven as unproven:
                self._by += 1
                _log.info("%s: %s; asking otherwise", self._host, unproven)
            except _Lost as lost:
                failures = 1 if time.monotonic() - began >= _STEADY else failures + 1
                wait = backoff.wait(failures)
                _log.warning("%s: %s; trying again in %.1f s", self._host, lost, wait)
                if lost.elsewhere or self._cursor == before or failures % _TRIES == 0:
                    self._at = (self._at + 1) % len(self._hosts)
                yield from self._pause(wait)

    def _pause(self, seconds: float) -> Iterator[Arrived]:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stop.wait(min(BATCH_SECONDS, left)):
            yield self._arrived(Rows())

    def _connection(self) -> Iterator[Arrived]:
        """Batches of one connection. Ends by `_Lost`, by `_Unproven`, or when asked to stop."""
        with self._connect() as socket:
            self._worked, self._unproven, self._otherwise = True, self._cursor, False
            heard = time.monotonic()
            while not self._stop.is_set():
                frames, lost = _receive(socket)
                yield self._batch(frames)
                if self._otherwise:
                    raise _Unproven(_LATER)
                if lost:
                    raise lost
                if frames:
                    heard = time.monotonic()
                elif time.monotonic() - heard >= self._idle:
                    raise _Lost(f"silent for {self._idle} s")

    def _batch(self, frames: list[bytes]) -> Arrived:
        rows, events = Rows(), list[tuple[Event, bytes]]()
        # By our clock or by the last event, whichever is later: a clock that was set back makes no event bad.
        latest = max(int(to_epoch(utc_now(), MICROSECOND)), self._told or 0) + _AHEAD
        read = read_v2 if self._v2 else read_v1
        for frame in frames:
            try:
                event = read(self._packed.unpack(frame) if self._packed else frame, latest)
            except Unreadable as error:
                rows.reject(str(error), frame)
                continue
            if isinstance(event, Notice):
                self._why = _WHY.get(event.name, self._why)
                rows.ignored[f"notice {event.name}" if event.name in _NOTICES else "notice"] += 1
                self._otherwise = event.name == "FutureCursor" and self._by == _NUMBER and self._unproven is not None
            else:
                events.append((event, frame))
        if not events or self._otherwise:
            return self._arrived(rows)
        earliest = min(event.time_us for event, _ in events)
        missed = self._gap(earliest)
        if missed is None:
            self._otherwise = True
            return self._arrived(rows)
        for event, frame in events:
            try:
                rows.take(event)
            except Unreadable as error:
                rows.reject(str(error), frame)
        last = events[-1][0]
        self._cursor = Cursor(self._host, last.time_us, last.seq)
        begins, ends = earliest if self._told is None else self._told, last.time_us
        self._told = max(begins, ends)
        return self._arrived(rows, (_at(begins), _at(ends)) if begins < ends else None, missed)

    def _gap(self, earliest: int) -> tuple[Missed, ...] | None:
        """What is missing before the first events of a connection, the earliest of them from that epoch µs.

        None where something may be, and the server shall be asked otherwise.
        """
        missed: tuple[Missed, ...] = ()
        last = self._unproven
        if last and earliest > last.time_us:
            if self._by == _NUMBER and self._asks_by_number(last):
                return None
            missed = (Missed(_at(last.time_us), _at(earliest), self._why),)
            self._told = earliest
            _log.warning("%s: what was said %s is missing: %s", self._host, _span(missed[0]), self._why)
        self._unproven, self._by, self._why = None, _NUMBER, _LATER
        return missed

    def _arrived(
        self, rows: Rows, covered: tuple[datetime, datetime] | None = None, missed: tuple[Missed, ...] = ()
    ) -> Arrived:
        cursor = str(self._cursor) if self._cursor else None
        return Arrived(rows.frame(), cursor, covered, rows.rejects, rows.ignored, missed)

    def _connect(self) -> Connection:
        self._packed = Packed.of(self._hosts[self._at][1], _LONGEST_FRAME) if self._packs else None
        try:
            return connect(
                self._hosts[self._at][1] + self._path(), open_timeout=10, close_timeout=1, ping_interval=None,
                subprotocols=[Subprotocol("xrpc.v1.json")] if self._v2 else None,
                compression=None, max_size=2 * _LONGEST_FRAME, max_queue=_QUEUED_FRAMES,
            )  # fmt: skip
        except InvalidStatus as refused:
            self._consider(refused.response.status_code, refused.response.body)
            raise _Lost(f"answered {refused.response.status_code}") from None
        except (OSError, InvalidHandshake) as error:
            raise _Lost(f"no connection: {_said(error)}") from None

    def _consider(self, status: int, body: bytes | bytearray | None) -> None:
        """What a refusal means. Raises `_Unproven` where the cursor was too old, `Terminal` where nothing can help."""
        if not 400 <= status < 500 or status in _BUSY:
            return
        try:
            said = orjson.loads(body or b"")
        except ValueError:
            said = None
        if isinstance(said, dict) and said.get("error") == "CursorTooOld" and self._cursor and self._by != _NOW:
            self._why = _WHY["CursorTooOld"]
            raise _Unproven("CursorTooOld")
        self._refusing.add(self._host)
        if not self._worked and len(self._refusing) == len(self._hosts):
            raise Terminal(
                f"{', '.join(sorted(self._refusing))}: answered {status}; expected a Jetstream server of protocol "
                f"{'v2' if self._v2 else 'v1'}: see hosts and protocol of the source"
            )

    def _asks_by_number(self, last: Cursor) -> bool:
        return self._v2 and last.seq is not None and last.host == self._host

    def _path(self) -> str:
        asked: dict[str, object] = {
            "collections" if self._v2 else "wantedCollections": POSTS, "maxMessageSizeBytes": _LONGEST_FRAME,
        }  # fmt: skip
        if (last := self._cursor) is not None and self._by != _NOW:
            if self._by == _NUMBER and self._asks_by_number(last):
                asked["cursor"] = max((last.seq or 0) - REWIND_SEQS, 1)
            else:
                asked["cursor"] = last.time_us - REWIND_SECONDS * 10**6
        if self._packed:
            asked["zstdDictionary"] = self._packed.number
        return f"{'/xrpc/network.bsky.jetstream.subscribeEvents' if self._v2 else '/subscribe'}?{urlencode(asked)}"


def _receive(socket: Connection) -> tuple[list[bytes], _Lost | None]:
    """The frames of one batch, and whether the connection ended with them."""
    frames: list[bytes] = []
    until = time.monotonic() + BATCH_SECONDS
    try:
        while len(frames) < BATCH_FRAMES:
            frames.append(socket.recv(max(until - time.monotonic(), 0), decode=False))
    except TimeoutError:
        return frames, None
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else "no code"
        return frames, _Lost(f"hung up ({code})", elsewhere=False)
    return frames, None


def _said(error: Exception) -> str:
    """Why there is no connection, in words."""
    if isinstance(error, socket.gaierror):
        return "its name cannot be looked up; is there a network?"
    return "nobody listens there" if isinstance(error, ConnectionRefusedError) else type(error).__name__


def _span(missed: Missed) -> str:
    return f"from {missed.starts_at:%Y-%m-%d %H:%M:%S} to {missed.ends_at:%Y-%m-%d %H:%M:%S} UTC"


def _address(host: str) -> str:
    """ws:// or wss:// address of a host as it is configured, which settings have checked."""
    parts = urlsplit(host if "://" in host else f"wss://{host}")
    return parts._replace(scheme=_SCHEMES[parts.scheme]).geturl().rstrip("/")


def _at(epoch_us: int) -> datetime:
    return from_epoch(epoch_us, MICROSECOND)
