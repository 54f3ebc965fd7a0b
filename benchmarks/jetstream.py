"""A load of Jetstream v2 made from recorded events, mutated frames, and a server that sends either over WebSocket.

The events are those of `data/fixtures/jetstream` beside the project (BAROGRAPH_SHARED): what a subscriber to posts
gets. The server is a plain socket that writes frames itself, so that it costs less than what it measures.
"""

import base64
import hashlib
import json
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("BAROGRAPH_SHARED", Path(__file__).parents[2] / "shared"))
RECORDED = SHARED / "data" / "fixtures" / "jetstream" / "expected_v1.jsonl"
POST = "app.bsky.feed.post"
AUTHORS = 200_000
"""Accounts of the load; of 100 events 94 are posts, 3 deletes of posts just sent, 2 accounts, 1 an identity."""
_NSID = "network.bsky.jetstream.subscribeEvents"
_TICK = 0.005
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def recorded() -> list[dict[str, Any]]:
    """Real events as v1 says them; raises `SystemExit` where they are absent."""
    if not RECORDED.is_file():
        raise SystemExit("no recorded events: set BAROGRAPH_SHARED to the folder that holds data/fixtures/jetstream")
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def templates(events: list[dict[str, Any]]) -> list[bytes]:
    """Payloads of posts with gaps for seq, author, time (twice), key, time of writing and what makes a text its own."""
    found = []
    for event in events:
        commit = event.get("commit", {})
        if commit.get("collection") != POST or commit["operation"] != "create" or not commit["record"]["text"]:
            continue
        record = commit["record"] | {"createdAt": "@WRITTEN", "text": commit["record"]["text"] + " @OWN"}
        payload = {
            "$type": f"{_NSID}#commit", "seq": "@SEQ", "did": "did:plc:load@DID", "time": "@TIME",
            "witnessedAt": "@TIME", "rev": commit["rev"], "operation": "create", "collection": POST, "rkey": "@KEY",
            "record": record, "cid": commit.get("cid"),
        }  # fmt: skip
        written = json.dumps({"$type": "message", "payload": payload}, ensure_ascii=False, separators=(",", ":"))
        written = written.replace("%", "%%").replace('"@SEQ"', "%(seq)d").replace("@DID", "%(did)06d")
        written = written.replace("@TIME", "%(time)s").replace("@KEY", "k%(seq)d").replace("@WRITTEN", "%(time)s")
        found.append(written.replace("@OWN", "%(seq)d").encode())
    return found


def load(first: int, n: int, made: list[bytes], time_us: int) -> list[bytes]:
    """Frames `first` to `first + n`, all witnessed at `time_us`."""
    at = datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    frames = []
    for seq in range(first, first + n):
        did, of = seq * 7919 % AUTHORS, seq % 100
        gaps = {b"seq": seq, b"did": did, b"time": at}
        if of < 94 or seq < 100:
            frames.append(made[seq % len(made)] % gaps)
        elif of < 97:
            gone = seq - 94  # one of the posts of this hundred
            gaps |= {b"key": gone, b"did": gone * 7919 % AUTHORS}
            frames.append(_DELETE % gaps)
        else:
            frames.append((_ACCOUNT if of < 99 else _IDENTITY) % gaps)
    return frames


def posts_left(n: int) -> int:
    """How many posts the first n events of the load leave: of each is told once, and each delete is of another one."""
    of = [seq % 100 if seq >= 100 else 0 for seq in range(1, n + 1)]
    return sum(kind < 94 for kind in of) - sum(94 <= kind < 97 for kind in of)


def _other(kind: str, **said: object) -> bytes:
    payload = {"$type": f"{_NSID}#{kind}", "seq": "@SEQ", "did": "did:plc:load@DID", "time": "@TIME", **said}
    written = json.dumps({"$type": "message", "payload": payload})
    written = written.replace('"@SEQ"', "%(seq)d").replace("@DID", "%(did)06d").replace("@TIME", "%(time)s")
    return written.replace("@KEY", "k%(key)d").encode()


_UPSTREAM = {"seq": 1, "did": "did:plc:load@DID", "time": "@TIME"}
_DELETE = _other("commit", rev="3mptbypluud2a", operation="delete", collection=POST, rkey="@KEY")
_ACCOUNT = _other("account", account={"active": True, **_UPSTREAM})
_IDENTITY = _other("identity", identity=_UPSTREAM)


# mutated frames -------------------------------------------------------------------------------------------

_STRANGE: tuple[object, ...] = (
    None, True, False, 0, -1, 1.5, 10**12, 2**63, -(2**63), 1e300, "", " ", "\0", "did:plc:x", [], {}, [[]], [None],
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "2026-07-04T14:38:08.123456789Z", {"": {}},
    "create", "update", "delete", "leave", "commit", "error", "message", "post", POST, "\ud800", "ä" * 3000,
    "\u202e backwards \u200b",
)  # fmt: skip


def mutated(events: list[dict[str, Any]], n: int, seed: int, *, v2: bool) -> Iterator[bytes]:
    """So many frames of events, each changed in one to three ways: in its bytes, or in what it says."""
    chance = random.Random(seed)  # noqa: S311 (which mutation, not a secret)
    posts = [e for e in events if e.get("commit", {}).get("collection") == POST]
    for i in range(n):  # mostly posts: of the others little is read
        event = json.loads(json.dumps(chance.choice(posts if chance.random() < 0.8 else events)))
        said = _framed(event, i + 1) if v2 else event
        for _ in range(chance.randint(0, 2)):
            _change(said, chance)
        frame = json.dumps(said, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            frame = _damaged(frame, chance)
        yield frame


def _framed(event: dict[str, Any], seq: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(event["time_us"] / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    kind = event["kind"]
    said = event["commit"] if kind == "commit" else {kind: event[kind]}
    head = {"$type": f"{_NSID}#{kind}", "seq": seq, "did": event["did"], "time": at, "witnessedAt": at}
    return {"$type": "message", "payload": head | said}


def _change(said: dict[str, Any], chance: random.Random) -> None:
    """Another value, another name, or nothing, somewhere in an object."""
    places: list[dict[str, Any]] = [said]
    for place in places:
        places += [value for value in place.values() if isinstance(value, dict)]
    place = chance.choice([p for p in places if p] or [{"": 0}])
    key = chance.choice(list(place))
    how = chance.random()
    if how < 0.6:
        place[key] = chance.choice(_STRANGE)
    elif how < 0.8:
        del place[key]
    else:
        place[key[::-1]] = place.pop(key)


def _damaged(frame: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(frame) + 1)
    to = min(at + chance.randint(1, 40), len(frame))
    return chance.choice(
        (
            frame[:at],
            frame[:at] + frame[to:],
            frame[:at] + frame[at:to] * 2 + frame[to:],
            frame[:at] + chance.randbytes(to - at) + frame[to:],
            frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1 :],
        )
    )


# a server -------------------------------------------------------------------------------------------------


def framed(frames: Iterable[bytes]) -> bytes:
    """As WebSocket text messages, one after another."""
    parts = []
    for frame in frames:
        n = len(frame)
        head = (
            bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65_536 else b"\x7f" + struct.pack(">Q", n)
        )
        parts.append(b"\x81" + head + frame)
    return b"".join(parts)


def _shake(connection: socket.socket) -> None:
    """Answer a handshake, whatever it asks for."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += connection.recv(4096)
    headers = dict(line.split(b": ", 1) for line in asked.split(b"\r\n")[1:] if b": " in line)
    accept = base64.b64encode(hashlib.sha1(headers[b"Sec-WebSocket-Key"] + _MAGIC, usedforsecurity=False).digest())
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    protocol = headers.get(b"Sec-WebSocket-Protocol")
    answer += b"Sec-WebSocket-Protocol: " + protocol + b"\r\n" if protocol else b""
    connection.sendall(answer + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def serve(listening: socket.socket, n: int, rate: float) -> int:
    """Send n events of the load at `rate` a second (0: as fast as they are taken) to who connects; returns how many.

    Whoever connects again gets what comes next. Ends a while after the last one was sent.
    """
    made, sent = templates(recorded()), 1
    while sent <= n:
        connection, _ = listening.accept()
        with connection:
            _shake(connection)
            began, before = time.monotonic(), sent
            try:
                while sent <= n:
                    due = before + (time.monotonic() - began) * rate if rate else sent + 200
                    size = min(int(due) - sent, n + 1 - sent, 2_000)
                    if size <= 0:
                        time.sleep(_TICK)
                        continue
                    connection.sendall(framed(load(sent, size, made, time.time_ns() // 1000)))
                    sent += size
                connection.recv(1)  # until the other side goes
            except OSError:
                continue
    return sent - 1


def say(frames: list[bytes]) -> tuple[str, threading.Thread]:
    """Serve these frames once, in a thread; the address, and the thread, which ends when the other side has gone."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one() -> None:
        with listening:
            connection, _ = listening.accept()
            with connection:
                _shake(connection)
                connection.sendall(framed(frames))
                connection.recv(1)

    thread = threading.Thread(target=one, daemon=True)
    thread.start()
    return f"ws://127.0.0.1:{listening.getsockname()[1]}", thread
