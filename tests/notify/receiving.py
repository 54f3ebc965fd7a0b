"""Real receivers on the loopback: they do what they are told to, and remember what they got."""

import base64
import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from barograph.notify import Endpoint
from barograph.settings import Receiver

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byt").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"b key of twenty-four byt").decode()
LOOPBACK = ("127.0.0.1", "localhost")


def body(**data: Any) -> str:
    """One of the outbox."""
    whole = {
        "alert_id": "f-20240302", "rule": "r", "marker": "dimension:anxiety", "population": "all", "unit": "authors",
        "method": "lexicon", "state": "firing", "reason": "2 days in a row above the threshold", "target": "2024-03-03",
        "value": 0.05, "lo": 0.04, "hi": 0.06, "n_posts": 1200, "n_authors": 40, "threshold": 0.03, "percentile": 95.0,
        "p_high": None, "days": 2, "level": "red", "started_on": "2024-03-02", "link": "http://localhost:8501/?a=1&b=2",
        "about": "a population, never a person", **data,
    }  # fmt: skip
    return json.dumps({"type": f"alert.{whole['state']}", "timestamp": "2024-03-05T06:00:00Z", "data": whole})


def receiver(kind: str = "webhook", name: str = "desk", **given: Any) -> Receiver:
    """One on the loopback, which its config allows."""
    keys = {"url_env": "URL", "allow_hosts": LOOPBACK, **({"secret_env": "SECRET"} if kind == "webhook" else {}), **given}
    return Receiver(name=name, kind=kind, **keys)


def endpoint(url: str, secret: str | None = None, kind: str = "webhook", **given: Any) -> Endpoint:
    """Where it is; a webhook signs with SECRET."""
    return Endpoint(receiver(kind, **given), url, (SECRET if kind == "webhook" else "") if secret is None else secret)


Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and an empty body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {**headers, "Content-Length": "0"}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection off without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(handler.connection.detach())


class Receiving(ThreadingHTTPServer):
    """A receiver that does what `answers` says for each path, and remembers what it got."""

    daemon_threads = True
    block_on_close = False
    address_family = socket.AF_INET

    def __init__(self, **answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        """Where `answers[path]` is."""
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def ids(self, path: str) -> list[str]:
        """The webhook-ids that came to a path, in order."""
        return [headers["webhook-id"] for where, headers, _ in self.got if where == path]

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiving
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.strip("/").split("?")[0]
        self.server.got.append((path, headers, body))
        self.server.answers[path](self)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None, **answers: Answer) -> Iterator[Receiving]:
    """A server for the length of a test, in TLS where it has a context."""
    server = Receiving(**answers)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing until the test is over."""
    assert isinstance(handler.server, Receiving)
    handler.server.closing.wait(60)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Say yes, and then promise a body that never comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000000")
    handler.end_headers()
    handler.wfile.flush()
    hang(handler)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, without an end."""
    assert isinstance(handler.server, Receiving)
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
        if handler.server.closing.wait(0.02):
            return
        handler.wfile.write(bytes([letter]))


def unused_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
