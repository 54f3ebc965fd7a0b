"""A scripted OpenAI-compatible server on the loopback: it answers as it is told, and remembers what it was asked."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from barograph.annotate.annotation import Annotation, Item
from barograph.settings import Annotator

MODEL = "scripted-model"
LABEL = {"explanation": "it says so", "answers": {"joy": "weak"}, "cues": ["relief"]}

Answer = Callable[[asyncio.StreamWriter, dict[str, Any]], Awaitable[bool | None]]
"""Writes an answer to one request; True where the connection is to be closed behind it."""


class Task:
    """A small task: joy, none or weak or unclear."""

    def __init__(self, version: str = "0123456789abcdef", name: str = "emotions") -> None:
        self.version, self.name = version, name
        self.schema = {
            "type": "object", "required": ["explanation", "answers", "cues"], "additionalProperties": False,
            "properties": {
                "explanation": {"type": "string"}, "cues": {"type": "array", "items": {"enum": ["relief"]}},
                "answers": {"type": "object", "properties": {"joy": {"enum": ["none", "weak", "unclear"]}}},
            },
        }  # fmt: skip

    def messages(self, item: Item) -> list[dict[str, str]]:
        return [{"role": "system", "content": "joy?"}, {"role": "user", "content": item.text}]

    def read(self, reply: str) -> Annotation:
        try:
            said = json.loads(reply)
            joy = said["answers"]["joy"]
        except (ValueError, KeyError, TypeError):
            return Annotation("invalid", reason="not the JSON that was asked for")
        if joy not in ("none", "weak", "unclear"):
            return Annotation("invalid", reason="an answer that is none of those allowed")
        status = "unclear" if joy == "unclear" else "ok"
        return Annotation(status, {"joy": joy}, tuple(said["cues"]), said["explanation"])


def annotator(url: str, name: str = "desk model", **given: Any) -> Annotator:
    """One at that server; it waits for an answer as long as a test may."""
    return Annotator(name=name, **{"url": url, "model": MODEL, "timeout": 20.0, **given})


def completion(content: Any = None, *, model: str = MODEL, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of an answer; without content a label."""
    said = json.dumps(LABEL) if content is None else content
    return {
        "id": "x", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": said, **message}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }  # fmt: skip


def _bytes(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{k}: {v}" for k, v in headers.items()), "", ""]).encode() + body


def says(body: Any = None, status: int = 200, **headers: str) -> Answer:
    """An answer with that body: text as it is, anything else as JSON; without one a label."""
    raw = body.encode() if isinstance(body, str) else json.dumps(completion() if body is None else body).encode()

    async def answer(writer: asyncio.StreamWriter, _: dict[str, Any]) -> None:
        writer.write(_bytes(status, raw, {name.replace("_", "-"): value for name, value in headers.items()}))

    return answer


def replies(content: Any, **given: Any) -> Answer:
    """An answer of status 200 whose reply is that."""
    return says(completion(content, **given))


def error(status: int, code: str | None = None, **headers: str) -> Answer:
    """An error as such endpoints put it. It quotes the post, which nobody may pass on."""

    async def answer(writer: asyncio.StreamWriter, asked: dict[str, Any]) -> None:
        said = {"error": {"message": f"cannot read {asked['messages'][-1]['content']}", "code": code}}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        writer.write(_bytes(status, json.dumps(said).encode(), sent))

    return answer


async def moderated(writer: asyncio.StreamWriter, asked: dict[str, Any]) -> None:
    """A post that a router's moderation holds back."""
    about = {"reasons": ["self-harm"], "flagged_input": asked["messages"][-1]["content"]}
    said = {"error": {"code": 403, "message": "flagged", "metadata": about}}
    writer.write(_bytes(403, json.dumps(said).encode(), {}))


async def hang(writer: asyncio.StreamWriter, _: dict[str, Any]) -> bool:
    """Say nothing, until the other side has had enough."""
    await asyncio.sleep(60)
    return True


async def drip(writer: asyncio.StreamWriter, _: dict[str, Any]) -> bool:
    """A byte every so often, never all."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(600):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)
    return True


async def cut(writer: asyncio.StreamWriter, _: dict[str, Any]) -> bool:
    """Half an answer, then the end of the connection."""
    whole = _bytes(200, json.dumps(completion()).encode(), {})
    writer.write(whole[: len(whole) // 2])
    await writer.drain()
    return True


async def slam(writer: asyncio.StreamWriter, _: dict[str, Any]) -> bool:
    """The end of the connection at once."""
    return True


@dataclass
class Server:
    """One that runs. script: answers in the order of requests; the last one is given for ever after."""

    script: Sequence[Answer] = ()
    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of requests, in order."""
    heads: list[dict[str, str]] = field(default_factory=list)
    """Their headers, names in small letters."""
    by_text: dict[str, Answer] = field(default_factory=dict)
    """The last message of a request → how it is answered, before the script is looked at."""
    most_at_once: int = 0
    _at_once: int = 0

    @property
    def keys(self) -> list[str | None]:
        """Authorization of each request."""
        return [head.get("authorization") for head in self.heads]

    @property
    def texts(self) -> list[str]:
        """The posts that were asked about, in order."""
        return [body["messages"][-1]["content"] for body in self.heard]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as come over it."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.heard.append(body)
                self.heads.append(headers)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    if await self._answer(body)(writer, body):
                        break
                    await writer.drain()
                finally:
                    self._at_once -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _answer(self, body: dict[str, Any]) -> Answer:
        text = body["messages"][-1]["content"]
        if (found := next((a for t, a in self.by_text.items() if t in text), None)) is not None:
            return found
        return self.script[min(len(self.heard), len(self.script)) - 1] if self.script else says()


@contextmanager
def serving(*script: Answer, **by_text: Answer) -> Iterator[Server]:
    """A server in a thread of its own, for as long as the block."""
    server, loop, ready = Server(script, by_text=by_text), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        ready.set()
        await stop.wait()
        listening.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
