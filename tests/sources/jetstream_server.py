"""A Jetstream server on the loopback, v1 and v2, as its lexicon and README say, and with faults on demand.

It keeps an archive of events and serves it from a cursor on: real WebSocket connections of a real server. A fault says
what one connection does to its frames; connections after the last fault do nothing to theirs and stay open.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import zstandard
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

V2 = "network.bsky.jetstream"
START = 1_783_175_888_000_000
"""Epoch µs of the first event that is made."""
POST = "app.bsky.feed.post"


def post(i: int, *, did: str | None = None, **changed) -> dict:
    """An invented event as v1 says it: post i, `i` × 50 ms after `START`."""
    time_us = START + i * 50_000
    record = {
        "$type": POST, "createdAt": datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(), "langs": ["en"],
        "text": f"Invented words, number {i}.",
    } | changed  # fmt: skip
    commit = {"rev": f"r{i}", "operation": "create", "collection": POST, "rkey": f"k{i:06}", "record": record}
    return {"did": did or f"did:plc:made{i % 7}", "time_us": time_us, "kind": "commit", "commit": commit}


def made(n: int) -> list[dict]:
    """So many invented events: posts, and now and then a delete, an account that is back, an identity."""
    events = []
    for i in range(n):
        event = post(i)
        head = {"did": event["did"], "time_us": event["time_us"]}
        if i % 10 == 7:
            commit = {"rev": f"r{i}", "operation": "delete", "collection": POST, "rkey": f"k{i - 7:06}"}
            event = head | {"kind": "commit", "commit": commit}
        elif i % 20 == 9:
            event = head | {"kind": "account", "account": {"active": True, "did": head["did"], "seq": i}}
        elif i % 20 == 19:
            event = head | {"kind": "identity", "identity": {"did": head["did"], "seq": i}}
        events.append(event)
    return events


def frame_v1(event: dict) -> bytes:
    """As `/subscribe` sends it."""
    return json.dumps(event).encode()


def frame_v2(event: dict, seq: int) -> bytes:
    """As `subscribeEvents` sends it."""
    when = f"{datetime.fromtimestamp(event['time_us'] / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    kind = event["kind"]
    said = event["commit"] if kind == "commit" else {kind: event[kind]}
    head = {"$type": f"{V2}.subscribeEvents#{kind}", "seq": seq, "did": event["did"], "time": when, "witnessedAt": when}
    return json.dumps({"$type": "message", "payload": head | said}).encode()


def info(name: str) -> bytes:
    """A notice of v2, as it comes before the events."""
    payload = {"$type": f"{V2}.subscribeEvents#info", "name": name, "message": "of the tests"}
    return json.dumps({"$type": "message", "payload": payload}).encode()


Fault = Callable[[ServerConnection, list[bytes]], None]


@dataclass
class Jetstream:
    """An archive and what was asked of it. Events are numbered from `first` on; those before `floor` are gone."""

    events: list[dict]
    first: int = 1_000_000
    step: int = 1
    """Between the numbers of two events: others, which nobody asked for, lie in between."""
    floor: int = 0
    """Index of the oldest event that is still served."""
    faults: list[Fault] = field(default_factory=list)
    dictionary: zstandard.ZstdCompressionDict | None = None
    """If there, frames are packed for whoever asks for it."""
    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 0
    """If set, what every connection is refused with."""
    began: int = 0
    """Index of the event with which those begin that ask without a cursor; past the end by default."""
    port: int = 0

    @property
    def address(self) -> str:
        """What a source is given as its host."""
        return f"ws://127.0.0.1:{self.port}"

    def number(self, i: int) -> int:
        """Of event i."""
        return self.first + i * self.step

    def answer(self, version: str, cursor: int | None) -> list[bytes] | Response:
        """Frames from a cursor on; without one, or with one in the future, from the live tip on: here nothing."""
        there = list(enumerate(self.events))[self.floor :]
        notices = []
        if cursor is None:
            there = there[self.began :] if self.began else []
        elif cursor >= 10**15:
            later = [(i, event) for i, event in there if event["time_us"] >= cursor]
            if version == "v2" and there and cursor < there[0][1]["time_us"] and self.floor:
                notices = [info("OutdatedCursor")]
            there = later
        elif version == "v2":
            if cursor < self.number(self.floor) and self.floor:
                said = {"error": "CursorTooOld", "message": f"floor {self.number(self.floor)}"}
                return Response(400, "Bad Request", Headers({"Content-Type": "application/json"}), json.dumps(said).encode())
            if cursor > self.number(len(self.events)):
                there, notices = [], [info("FutureCursor")]
            there = [(i, event) for i, event in there if self.number(i) >= cursor]
        frames = (frame_v1(e) if version == "v1" else frame_v2(e, self.number(i)) for i, e in there)
        return [*notices, *frames]

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path == f"/xrpc/{V2}.getZstdDictionary" and self.dictionary:
            return Response(200, "OK", Headers({"Content-Type": "application/octet-stream"}), self.dictionary.as_bytes())
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(asked)
        versions = {"/subscribe": "v1", f"/xrpc/{V2}.subscribeEvents": "v2"}
        if self.status or parts.path not in versions:
            return connection.respond(self.status or 404, "refused\n")
        version = versions[parts.path]
        if asked.get("collections" if version == "v2" else "wantedCollections") != POST or (
            version == "v2" and request.headers.get("Sec-WebSocket-Protocol") != "xrpc.v1.json"
        ):
            return connection.respond(400, "asks for no posts, or in another form\n")
        found = self.answer(version, int(asked["cursor"]) if "cursor" in asked else None)
        if isinstance(found, Response):
            return found
        if "zstdDictionary" in asked:
            if not self.dictionary or int(asked["zstdDictionary"]) != self.dictionary.dict_id():
                return connection.respond(400, json.dumps({"error": "UnknownZstdDictionary"}))
            found = [zstandard.ZstdCompressor(dict_data=self.dictionary).compress(frame) for frame in found]
        connection.frames = found  # type: ignore[attr-defined]
        connection.number = len(self.asked) - 1  # type: ignore[attr-defined]
        return None

    def _serve(self, connection: ServerConnection) -> None:
        frames, number = connection.frames, connection.number  # type: ignore[attr-defined]
        try:
            if number < len(self.faults):
                self.faults[number](connection, frames)
            else:
                say(connection, frames)
                connection.recv()  # stays open until the other side goes
        except (ConnectionClosed, OSError):
            pass

    @contextmanager
    def running(self) -> Iterator["Jetstream"]:
        """Serve until the block ends."""
        with serve(
            self._serve, "127.0.0.1", 0, process_request=self._request, compression=None, ping_interval=None,
            subprotocols=["xrpc.v1.json"], select_subprotocol=lambda _, offered: offered[0] if offered else None,
        ) as server:  # fmt: skip
            self.port = server.socket.getsockname()[1]
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join(10)


def say(connection: ServerConnection, frames: list[bytes]) -> None:
    """Send frames as texts, whatever bytes they are, or as binary where they are packed."""
    for frame in frames:
        connection.send(frame, text=not frame.startswith(zstandard.FRAME_HEADER))


def break_off(connection: ServerConnection) -> None:
    """End the connection below WebSocket: no closing frame."""
    connection.socket.shutdown(socket.SHUT_RDWR)


# faults ---------------------------------------------------------------------------------------------------


def everything(connection: ServerConnection, frames: list[bytes]) -> None:
    """No fault, but the connection ends in order."""
    say(connection, frames)


def paced(connection: ServerConnection, frames: list[bytes]) -> None:
    """No fault, but a thousand frames a second, as they are written; stays open."""
    for i in range(0, len(frames), 20):
        say(connection, frames[i : i + 20])
        time.sleep(0.02)
    connection.recv()


def cut(after: int) -> Fault:
    """The connection breaks, without a word."""
    return lambda connection, frames: (say(connection, frames[:after]), break_off(connection))[0]


def half(after: int) -> Fault:
    """The connection breaks in the middle of a frame."""

    def fault(connection: ServerConnection, frames: list[bytes]) -> None:
        say(connection, frames[:after])
        whole = frames[after]
        connection.socket.sendall(b"\x81\x7e" + struct.pack(">H", len(whole)) + whole[: len(whole) // 2])
        break_off(connection)

    return fault


def no_websocket(after: int) -> Fault:
    """Bytes that are no frames at all."""

    def fault(connection: ServerConnection, frames: list[bytes]) -> None:
        say(connection, frames[:after])
        connection.socket.sendall(b"\xff" * 64)
        connection.recv()

    return fault


def stall(after: int) -> Fault:
    """The connection stays open, and nothing more comes."""
    return lambda connection, frames: (say(connection, frames[:after]), connection.recv())[0]


def repeat(connection: ServerConnection, frames: list[bytes]) -> None:
    """Every frame twice, and the whole once more."""
    say(connection, [frame for frame in frames for _ in range(2)] + frames)
    connection.recv()


def reorder(by: int) -> Fault:
    """Each so many frames backwards, and a break before the last of them."""

    def fault(connection: ServerConnection, frames: list[bytes]) -> None:
        parts = [frames[i : i + by][::-1] for i in range(0, len(frames), by)]
        say(connection, [frame for part in parts for frame in part][: -by // 2])
        break_off(connection)

    return fault


def garbage(between: list[bytes], then: Fault = everything) -> Fault:
    """Frames that are no events among the others."""

    def fault(connection: ServerConnection, frames: list[bytes]) -> None:
        at = len(frames) // 2
        then(connection, frames[:at] + between + frames[at:])

    return fault


def error(name: str, after: int) -> Fault:
    """Of v2: the server says why it hangs up."""

    def fault(connection: ServerConnection, frames: list[bytes]) -> None:
        say(connection, [*frames[:after], json.dumps({"$type": "error", "error": name, "message": "of the tests"}).encode()])

    return fault
