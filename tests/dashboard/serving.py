"""The page as it is served, and who stands before it in tests: a reverse proxy and an OpenID Connect provider."""

import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from html import escape
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from barograph.serving import dashboard_command, dashboard_environment


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(home: Path, config: str, port: int, cwd: Path | None = None, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """The page of `home` at `port`, with this barograph.toml; what it says goes to HOME/page.log."""
    toml = home / "barograph.toml"
    toml.write_text(config)
    with (home / "page.log").open("wb") as log:
        page = subprocess.Popen(
            dashboard_command(port), cwd=cwd or home, env={**dashboard_environment(home, toml), **env},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while True:
                with closing(socket.socket()) as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert page.poll() is None, (home / "page.log").read_text()
                assert time.monotonic() < deadline, "the page did not answer"
                time.sleep(0.1)
            yield page
        finally:
            with suppress(ProcessLookupError):
                os.killpg(page.pid, signal.SIGTERM)
            try:
                page.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(page.pid, signal.SIGKILL)
                page.wait(15)


@dataclass
class Proxy:
    """A reverse proxy on the loopback that signs everybody in as `headers` say, whatever they send themselves.

    It comes to the page from `source`, an address of the loopback that no browser comes from.
    """

    upstream: int
    source: str = "127.0.0.2"
    headers: dict[str, str] = field(default_factory=dict)
    keeps: bool = False
    """A proxy that is set up wrongly: it adds its headers to those that a visitor sends."""

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address."""
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        try:
            yield f"http://localhost:{listener.getsockname()[1]}"
        finally:
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with suppress(OSError), closing(visitor):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := visitor.recv(65536)):
                    return
                head += more
            head, _, body = head.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            ours = {name.lower() for name in self.headers} if not self.keeps else set()
            kept = [line for line in lines if line.partition(":")[0].lower() not in ours]
            if "upgrade: websocket" not in head.decode("latin-1").lower():  # one request a connection, else
                kept = [line for line in kept if not line.lower().startswith("connection:")] + ["Connection: close"]
            kept += [f"{name}: {value}" for name, value in self.headers.items()]
            kept.append("X-Forwarded-For: 203.0.113.9")
            page = socket.create_connection(("127.0.0.1", self.upstream), source_address=(self.source, 0))
            with closing(page):
                page.sendall("\r\n".join([first, *kept, "", ""]).encode("latin-1") + body)
                back = threading.Thread(target=_copy, args=(page, visitor), daemon=True)
                back.start()
                _copy(visitor, page)
                back.join(60)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Provider:
    """An OpenID Connect provider on the loopback: discovery, a page to sign in on, PKCE, signed ID tokens, sign-out."""

    def __init__(self, client_id: str, client_secret: str, redirect_uri: str, people: dict[str, dict[str, Any]]) -> None:
        from joserfc.jwk import RSAKey

        self.client = (client_id, client_secret)
        self.redirect_uri = redirect_uri
        self.people = people
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.age = 0
        """Seconds ago that tokens say they were issued."""
        self.issuer = ""
        self.seen: list[str] = []
        """Every request, as its first line has it."""
        self._codes: dict[str, dict[str, str]] = {}

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its issuer."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, urlsplit(self.path), b"")

            def do_POST(self) -> None:
                provider.answer(self, urlsplit(self.path), self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://localhost:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self.issuer
        finally:
            server.shutdown()
            server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, url: Any, body: bytes) -> None:
        self.seen.append(f"{request.command} {request.path}")
        asked = {name: values[0] for name, values in parse_qs(body.decode() or url.query).items()}
        match url.path:
            case "/.well-known/openid-configuration":
                _json(request, {
                    "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
                    "end_session_endpoint": f"{self.issuer}/out", "code_challenge_methods_supported": ["S256"],
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                })  # fmt: skip
            case "/jwks":
                _json(request, {"keys": [self.key.as_dict(private=False)]})
            case "/authorize":
                assert asked["redirect_uri"] == self.redirect_uri
                assert asked["code_challenge_method"] == "S256"
                links = []
                for person in self.people:
                    code = secrets.token_urlsafe()
                    self._codes[code] = asked | {"person": person}
                    back = f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}"
                    links.append(f"<p><a href='{escape(back)}'>{person}</a>")
                _html(request, "".join(["<title>provider</title><h1>Who are you?</h1>", *links]))
            case "/token":
                _json(request, *self._token(request, asked))
            case "/out":
                request.send_response(302)
                request.send_header("Location", asked["post_logout_redirect_uri"])
                request.end_headers()
            case _:
                request.send_error(404)

    def _token(self, request: BaseHTTPRequestHandler, asked: dict[str, str]) -> tuple[dict[str, Any], int]:
        from joserfc import jwt

        basic = base64.b64decode((request.headers["Authorization"] or "").removeprefix("Basic ")).decode()
        known = self._codes.pop(asked.get("code", ""), None)
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        if basic != ":".join(self.client) or known is None:
            return {"error": "invalid_client"}, 401
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != known["code_challenge"]:
            return {"error": "invalid_grant"}, 400
        now = int(time.time()) - self.age
        claims = {
            "iss": self.issuer, "aud": self.client[0], "iat": now, "exp": now + 86_400, "nonce": known["nonce"],
            **self.people[known["person"]],
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 60, "id_token": token}, 200


def _json(request: BaseHTTPRequestHandler, content: dict[str, Any], status: int = 200) -> None:
    _send(request, json.dumps(content), "application/json", status)


def _html(request: BaseHTTPRequestHandler, content: str) -> None:
    icon = "<link rel='icon' href='data:,'>"
    _send(request, f"<!doctype html><html lang='en'>{icon}{content}</html>", "text/html; charset=utf-8", 200)


def _send(request: BaseHTTPRequestHandler, content: str, kind: str, status: int) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(content.encode())))
    request.end_headers()
    request.wfile.write(content.encode())


class Visitor:
    """A visitor without a browser: requests, and a session as a page has it."""

    def __init__(self, port: int, source: str = "127.0.0.1", **headers: str) -> None:
        self.port = port
        self.source = source
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, Message, str]:
        """Status, headers and text of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.source, 0))
        with closing(line):
            line.request(method, path, body, {"Host": f"localhost:{self.port}"} | self.headers | named)
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read().decode(errors="replace")

    @contextmanager
    def session(self, token: str | None = None, **headers: str) -> Iterator["Session"]:
        """A session, with the token against forged requests. Raises `websockets.InvalidStatus` where it is refused."""
        from websockets.sync.client import connect

        named = {name.replace("_", "-"): value for name, value in headers.items()}
        host = named.pop("Host", f"localhost:{self.port}")
        line = socket.create_connection(("127.0.0.1", self.port), source_address=(self.source, 0))
        with connect(
            f"ws://{host}/_stcore/stream", sock=line, max_size=None, subprotocols=["streamlit", *([token] if token else [])],  # type: ignore[list-item]
            additional_headers=self.headers | named,
        ) as socket_:  # fmt: skip
            yield Session(socket_)


class Session:
    """What Streamlit and a page say to each other."""

    def __init__(self, line: Any) -> None:
        self._line = line

    def run(self, page: str = "", query: str = "", press: str | None = None, **texts: str) -> list[Any]:
        """Run a page, as if the button of this id were pressed and these fields, by id, held texts. Its messages."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_name = page
        if press:
            asked.rerun_script.widget_states.widgets.add(id=press, trigger_value=True)
        for name, value in texts.items():
            asked.rerun_script.widget_states.widgets.add(id=name, string_value=value)
        self._line.send(asked.SerializeToString())
        said = []
        while True:
            message = ForwardMsg()
            message.ParseFromString(self._line.recv(timeout=60))
            said.append(message)
            if message.WhichOneof("type") == "script_finished":
                return said


def elements(said: list[Any], kind: str) -> list[Any]:
    """Those of a kind (`button`, `text_input`, `exception` …) among what a page says."""
    deltas = [m.delta.new_element for m in said if m.WhichOneof("type") == "delta"]
    return [getattr(e, kind) for e in deltas if e.WhichOneof("type") == kind]
