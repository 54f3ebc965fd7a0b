"""Public posts of one Mastodon server as they are written, and those of times in which it could not be heard.

The ids of a Mastodon server tell when they were given (ms since 1970, shifted by 16 bits), so the cursor is a time:
it names no post. After every new connection the timeline is paged forward from some time before it (min_id), until
it ends; where it no longer has any of the posts last seen, what is between is `missed`. Edits and deletes are told
to those who listen alone: of a time in which nobody did they cannot be had.
Protocol: docs.joinmastodon.org, methods/streaming and methods/timelines.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import requests
import urllib3
from mastodon import Mastodon, MastodonError, MastodonRatelimitError, StreamListener

from barograph.clock import MILLISECOND, from_epoch
from barograph.errors import Terminal
from barograph.settings import Source
from barograph.sources import Arrived, Missed, unreadable
from barograph.sources.background import Outlet, Piece, ServerClock, batches
from barograph.sources.statuses import Found, TooLong, Unreadable, events, number, read

PAGE = 40
"""Posts of a page, as many as a server gives."""
REWIND_MS = 60_000
"""How far before the newest post a server is asked again: posts of other servers arrive late, and are dated back."""
_WITNESSES = 20
_REFUSALS = (401, 403, 422)
_BROKEN = (MastodonError, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_NOT_POSTS = frozenset({
    "notification", "filters_changed", "conversation", "announcement", "announcement.reaction",
    "announcement.delete", "encrypted_message", "notifications_merged",
})  # fmt: skip
_GAP = "the server no longer has the posts last seen"


@dataclass(frozen=True)
class Cursor:
    """A time up to which everything was heard."""

    until_ms: int
    """By the server's clock, ms since 1970."""
    seen_ms: tuple[int, ...] = ()
    """When the ids of the newest posts were given, the newest last."""

    @classmethod
    def read(cls, written: str) -> "Cursor":
        """Of the JSON text that `str` gives. Raises `Terminal`."""
        try:
            raw = orjson.loads(written)
            return cls(int(raw["until_ms"]), tuple(map(int, raw["seen_ms"])))
        except (ValueError, TypeError, KeyError):
            raise unreadable('{"until_ms": …, "seen_ms": […]}') from None

    def __str__(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    def after(self, until_ms: int, seen_ms: Sequence[int] = ()) -> "Cursor":
        """Once more has been heard."""
        return Cursor(max(until_ms, self.until_ms), tuple(sorted({*self.seen_ms, *seen_ms})[-_WITNESSES:]))


def fetch(source: Source, cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:
    """Posts, edits and deletes of the timeline that the source names, from `cursor` or from now on.

    cursor: of `Cursor`, as yielded last. Raises `Terminal` where the server refuses what it is asked, `ConfigError`
    where its token cannot be read. A network that is down is waited for.
    """
    server = _Server(source, Cursor.read(cursor) if cursor else None)
    yield from batches(server.work, cursor, stop)


class _Lost(OSError):
    """The connection is gone, and why."""


class _Server:
    """One server, over all connections to it."""

    def __init__(self, source: Source, cursor: Cursor | None) -> None:
        [host] = source.hosts
        self._host, self._source, self._cursor = host, source, cursor
        self._clock = ServerClock()
        self._came = self._worked = False
        self._status = 0
        """Of the last answer."""
        session = requests.Session()
        session.hooks["response"].append(self._hear)
        self._client = Mastodon(
            api_base_url=host if "://" in host else f"https://{host}", access_token=source.token(), session=session,
            ratelimit_method="throw", request_timeout=30, user_agent="barograph",
        )  # fmt: skip

    def work(self, outlet: Outlet) -> None:
        """Connect, catch up and listen, again and again."""
        while not outlet.closed.is_set():
            self._came, self._status = False, 0
            try:
                self._timeline(limit=1)  # says whether we may, and what time it is there
                self._cursor = self._cursor or Cursor(self._clock.now_ms())
                if self._clock.now_ms() - self._cursor.until_ms > REWIND_MS:
                    self._catch_up(outlet)  # before a connection that would have to wait for it
                self._listen(outlet)
            except MastodonRatelimitError:
                reset = self._client.ratelimit_reset
                wait = min(max(reset - time.time(), 1), 300) if reset else None
                outlet.pause(self._host, "asked too often", came=self._came, seconds=wait)
            except _BROKEN as error:
                if self._status == 401 or (self._status in _REFUSALS and not self._worked):
                    raise Terminal(
                        f"{self._host}: refused to show its timeline {self._source.stream} ({self._status}); "
                        "expected to be let: give a token that may read as token_file, or ask its administrators"
                    ) from None
                why = str(error) if isinstance(error, _Lost | TooLong) else type(error).__name__
                outlet.pause(self._host, why, came=self._came)

    def _timeline(self, **asked: Any) -> list[Mapping[str, Any]]:
        kind, _, name = self._source.stream.partition(":")
        page = self._client.timeline(f"tag/{name}" if kind == "hashtag" else "public", local=name == "local", **asked)
        if not isinstance(page, list):
            raise _Lost("answered with something else than a timeline")
        return page

    def _catch_up(self, outlet: Outlet) -> None:
        """Page forward over what was written since the cursor. Each page moves it."""
        assert self._cursor is not None
        last = self._cursor
        witnesses, proven = set(last.seen_ms), not last.seen_ms
        start = min((last.until_ms - REWIND_MS, *last.seen_ms[:1]))
        after, told = (start << 16) - 1, last.until_ms
        while not outlet.closed.is_set():
            page = sorted(self._timeline(min_id=str(after), limit=PAGE), key=lambda status: number(status.get("id")))
            if not page or number(page[-1].get("id")) <= after:
                break
            after, missed = number(page[-1].get("id")), list[Missed]()
            for status in page:
                at = number(status.get("id")) >> 16
                if not proven and (at in witnesses or at > last.seen_ms[-1]):
                    if at not in witnesses:
                        missed, told = [self._missed(last, at)], max(told, at)
                    proven = True
            rows = [row for status in page for row in self._read(status, caught_up=True)]
            told = self._put(outlet, rows, told, after >> 16, missed)
        if not proven and not outlet.closed.is_set():
            now = self._clock.now_ms()
            self._put(outlet, [], now, now, [self._missed(last, now)])

    def _missed(self, last: Cursor, until_ms: int) -> Missed:
        return Missed(_at(last.seen_ms[-1]), _at(until_ms), _GAP)

    def _listen(self, outlet: Outlet) -> None:
        kind, _, name = self._source.stream.partition(":")
        listener = _Listener(self, outlet)
        if kind == "hashtag":
            self._client.stream_hashtag(name, listener, timeout=self._source.idle_seconds)
        else:
            self._client.stream_public(listener, local=name == "local", timeout=self._source.idle_seconds)

    def listen(self, response: requests.Response, outlet: Outlet) -> None:
        """Take the events of one connection, after those that came while it was made. Ends by `_Lost`."""
        assert self._cursor is not None
        outlet.interrupt = response.raw.shutdown
        self._catch_up(outlet)
        told = self._cursor.until_ms
        self._came = self._worked = True
        for event in events(response.raw):
            rows = [] if event is None else self._event(*event)
            told = self._put(outlet, rows, told, self._clock.now_ms())
            if outlet.closed.is_set():
                return
        raise _Lost("hung up")

    def _put(self, outlet: Outlet, found: Sequence[Found], told: int, until: int, missed: Sequence[Missed] = ()) -> int:
        """Hand on what was found, with the cursor behind it; return up to when all is known now."""
        assert self._cursor is not None
        self._cursor = self._cursor.after(until, [f.at_ms for f in found if f.at_ms is not None])
        outlet.put(
            Piece(
                str(self._cursor),
                tuple(f.row for f in found if f.row),
                (_at(told), _at(until)) if told < until else None,
                tuple(f.reject for f in found if f.reject),
                tuple(f.ignored for f in found if f.ignored),
                tuple(missed),
            )
        )
        return max(told, until)

    def _event(self, name: str, data: bytes) -> list[Found]:
        if name == "delete":
            identifier = data.strip(b' "').decode(errors="replace")
            if not (identifier.isascii() and identifier.isdigit()):
                return [Found(reject=("delete: no id", data))]
            return [Found({"op": "delete", "id": identifier})]
        if name in ("update", "status.update"):
            try:
                status = orjson.loads(data)
            except ValueError:
                return [Found(reject=("event: not JSON", data))]
            return self._read(status, edited=name == "status.update")
        if name in _NOT_POSTS:
            return [Found(ignored=f"event {name}")]
        return [Found(reject=("event: of no known name", data))]

    def _read(self, status: Any, *, edited: bool = False, caught_up: bool = False) -> list[Found]:
        edited = edited or (caught_up and isinstance(status, dict) and bool(status.get("edited_at")))
        try:
            found = read(status, self._clock.now_ms(), edited=edited)
        except Unreadable as error:
            return [Found(reject=(str(error), repr(status).encode(errors="replace")))]
        if found.row is None or not edited:
            return [found]
        change = Found({**found.row, "op": "update"})
        # Whether one that is caught up with was seen before it was edited is not known: it is either.
        return [found, change] if caught_up and (found.row["text"] or found.row["title"]) else [change]

    def _hear(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._status = response.status_code
        self._clock.hear(response.headers)


class _Listener(StreamListener):
    """Reads the events itself: the library's own way ends the connection at the first that is damaged."""

    def __init__(self, server: _Server, outlet: Outlet) -> None:
        super().__init__()
        self._server, self._outlet = server, outlet

    def handle_stream(self, response: requests.Response) -> None:
        """As the library calls it with an open connection."""
        self._server.listen(response, self._outlet)


def _at(epoch_ms: int) -> datetime:
    return from_epoch(epoch_ms, MILLISECOND)
