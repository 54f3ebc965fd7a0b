"""What Jetstream says of Bluesky's network, one JSON frame at a time, as rows of a stream.

v1 (`/subscribe`) and v2 (`network.bsky.jetstream.subscribeEvents`) wrap the same events differently. Every frame is
counted once: as rows, as ignored, as rejected with a reason, or as a notice to whoever holds the connection.
"""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import polars as pl

from barograph.clock import MICROSECOND, naive_utc, to_epoch
from barograph.sources import ARRIVED, Reject

POSTS = "app.bsky.feed.post"
"""The collection that holds posts; every other is ignored."""
KEPT = timedelta(days=90)
"""A post written so long before it was sent is ignored: whoever moves here brings along years of them. Not so an edit,
whose old words would stay."""
AHEAD = timedelta(minutes=10)
"""A post written so little after it was sent has a clock that is fast: it gets the time at which it was sent."""
_EARLIEST = int(to_epoch(datetime(2022, 1, 1), MICROSECOND))
"""No event of the network is older."""
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]{1,512}")
_KEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_KINDS = ("commit", "account", "identity", "sync")
_COLUMNS = ("line", "op", "id", "parent_id", "created_at", "author", "lang", "text")
_NOT_GONE = ("desynchronized", "throttled")
"""States of an account that a server has with itself, not with the person: nobody has left."""


class Event(NamedTuple):
    """One event: when the server witnessed it (epoch µs), its number there (v2), whose it is, and what it says."""

    time_us: int
    seq: int | None
    did: str
    kind: str
    body: dict[str, Any]


class Notice(NamedTuple):
    """What the server says of the stream itself."""

    name: str


class Unreadable(Exception):
    """A frame that is no event, and why. Says nothing of whose it was."""


def read_v1(frame: bytes, latest: int) -> Event:
    """An event of `/subscribe`. `latest`: epoch µs; a time after it is a mistake. Raises `Unreadable`."""
    said = _object(frame)
    kind = _kind(said.get("kind"))
    time_us = said.get("time_us")
    if type(time_us) is not int or not _EARLIEST <= time_us <= latest:
        raise Unreadable("time_us: expected epoch µs since 2022, not in the future")
    return Event(time_us, None, _did(said), kind, _body(said.get(kind), kind))


def read_v2(frame: bytes, latest: int) -> Event | Notice:
    """An event or notice of `subscribeEvents`, framed as `xrpc.v1.json`. Raises `Unreadable`."""
    said = _object(frame)
    if said.get("$type") == "error":
        return Notice(str(said.get("error"))[:80])
    payload = said.get("payload")
    if said.get("$type") != "message" or type(payload) is not dict:
        raise Unreadable("$type: expected a message with its payload, or an error")
    name = payload.get("$type")
    kind = name.rpartition("#")[2] if type(name) is str else None
    if kind == "info":
        return Notice(str(payload.get("name"))[:80])
    kind = _kind(kind)
    seq = payload.get("seq")
    if type(seq) is not int or seq < 1:
        raise Unreadable("seq: expected a whole number from 1")
    time = _time(payload.get("witnessedAt") or payload.get("time"))
    time_us = int(to_epoch(naive_utc(time), MICROSECOND)) if time else 0
    if not _EARLIEST <= time_us <= latest:
        raise Unreadable("time: expected ISO 8601 since 2022, not in the future")
    body = payload if kind == "commit" else _body(payload.get(kind), kind)
    return Event(time_us, seq, _did(payload), kind, body)


def _object(frame: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(frame)
    except ValueError:
        raise Unreadable("frame: not JSON; expected one event") from None
    if type(said) is not dict:
        raise Unreadable("frame: expected a JSON object")
    return said


def _kind(kind: object) -> str:
    if kind not in _KINDS:
        raise Unreadable(f"kind: expected one of {', '.join(_KINDS)}")
    return str(kind)


def _did(said: dict[str, Any]) -> str:
    did = said.get("did")
    if type(did) is not str or not _DID.fullmatch(did):
        raise Unreadable("did: expected the identifier of an account")
    return did


def _body(body: object, kind: str) -> dict[str, Any]:
    if type(body) is not dict:
        raise Unreadable(f"{kind}: expected a JSON object")
    return body


def _time(written: object) -> datetime | None:
    if type(written) is not str:
        return None
    try:
        time = datetime.fromisoformat(written)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    except ValueError:
        return None


class Rows:
    """Rows of one batch as they are gathered, in columns: a frame a row would cost more than all else together."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        self._add = tuple(column.append for column in self._columns.values())
        self._line = 0
        self.rejects: list[Reject] = []
        self.ignored: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._columns["line"])

    def reject(self, reason: str, frame: bytes) -> None:
        """Count a frame that is no event."""
        self.rejects.append(Reject(self._line, reason, frame))
        self._line += 1

    def take(self, event: Event) -> None:
        """Count an event. Raises `Unreadable` where what it says is not what its kind says."""
        if event.kind == "commit":
            self._commit(event)
        elif event.kind == "account":
            self._account(event)
        elif event.kind == "sync":
            # The account's records begin anew: what there was is gone, what there is comes after it.
            self._row("leave", author=event.did)
            self._row("return", author=event.did)
        else:
            self.ignored[event.kind] += 1

    def frame(self) -> pl.DataFrame:
        """Shape: as `ARRIVED`, in the order in which they came."""
        schema = {name: ARRIVED[name] for name in _COLUMNS}
        rest = [pl.lit(None, dtype).alias(name) for name, dtype in ARRIVED.items() if name not in schema]
        return pl.DataFrame(self._columns, schema=schema).with_columns(rest).select(ARRIVED.names())

    def _row(
        self, op: str, key: str | None = None, parent: str | None = None, created_at: str | None = None,
        author: str | None = None, lang: str | None = None, text: str | None = None,
    ) -> None:  # fmt: skip
        for add, value in zip(self._add, (self._line, op, key, parent, created_at, author, lang, text), strict=True):
            add(value)
        self._line += 1

    def _account(self, event: Event) -> None:
        active = event.body.get("active")
        if type(active) is not bool:
            raise Unreadable("account: expected active, true or false")
        if not active and event.body.get("status") in _NOT_GONE:
            self.ignored["account out of step"] += 1
        else:
            self._row("return" if active else "leave", author=event.did)

    def _commit(self, event: Event) -> None:
        body = event.body
        op, collection, rkey = body.get("operation"), body.get("collection"), body.get("rkey")
        if collection != POSTS:
            if type(collection) is not str:
                raise Unreadable("commit: expected the name of a collection")
            self.ignored["other collection"] += 1
            return
        if type(rkey) is not str or not _KEY.fullmatch(rkey):
            raise Unreadable("commit: expected the key of a record")
        key = f"at://{event.did}/{POSTS}/{rkey}"
        if op == "delete":
            self._row("delete", key)
        elif op in ("create", "update"):
            self._post(event, key, str(op), body.get("record"))
        else:
            raise Unreadable("commit: expected create, update or delete")

    def _post(self, event: Event, key: str, op: str, record: object) -> None:
        if type(record) is not dict:
            raise Unreadable("commit: expected a record")
        text, created_at = record.get("text"), record.get("createdAt")
        if type(text) is not str:
            raise Unreadable("record: expected a text")
        if not text.strip():
            if op == "update":  # no delete: it may get words again
                self._row("update", key, author=event.did, text="")
            else:
                self.ignored["no text"] += 1
            return
        if type(created_at) is not str:
            raise Unreadable("record: expected createdAt, ISO 8601")
        if written := _time(created_at):
            sent = datetime.fromtimestamp(event.time_us / 1e6, UTC)
            if op == "create" and written < sent - KEPT:
                self.ignored["written long before it was sent"] += 1
                return
            if sent < written <= sent + AHEAD:
                created_at = sent.isoformat()
        self._row(
            "post" if op == "create" else "update", key, _parent(record.get("reply")), created_at, event.did,
            _first(record.get("langs")), text,
        )  # fmt: skip


def _parent(reply: object) -> str | None:
    parent = reply.get("parent") if type(reply) is dict else None
    uri = parent.get("uri") if type(parent) is dict else None
    return uri if type(uri) is str and uri.startswith("at://") else None


def _first(langs: object) -> str | None:
    first = langs[0] if type(langs) is list and langs else None
    return first if type(first) is str else None
