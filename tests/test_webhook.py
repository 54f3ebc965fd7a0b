"""Signed delivery to a real HTTP server on the loopback, whatever that server does."""

import base64
import json
import logging
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from standardwebhooks import Webhook

from barograph import tables
from barograph.clock import utc_now
from barograph.errors import BarographError, ConfigError
from barograph.home import Home
from barograph.settings import Receiver, Settings
from barograph.store import Warehouse
from barograph.webhook import Attempt, Endpoint, next_attempt, send
from flows.deliver import deliver
from flows.progress import Reporter

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byt").decode()
BODY = json.dumps({"type": "alert.firing", "data": {"marker": "ánimo"}})
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
def serving(**answers: Answer) -> Iterator[Receiving]:
    """A server for the length of a test."""
    server = Receiving(**answers)
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


def unused_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# One notification.


def test_what_arrives_is_signed_so_that_the_receiver_can_verify_it() -> None:
    with serving(hook=status(204)) as server:
        assert send(Endpoint("desk", server.url("hook"), SECRET), "msg_1", BODY, utc_now()).delivered
    ((_, headers, body),) = server.got
    assert body == BODY.encode()
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)  # raises where it does not hold
    assert headers["webhook-id"] == "msg_1"
    assert headers["content-type"] == "application/json"
    other = "whsec_" + base64.b64encode(b"b key of twenty-four byt").decode()
    for secret, forged in ((other, body), (SECRET, body + b" ")):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secret).verify(forged, headers)


def test_the_timestamp_is_the_moment_of_sending_in_utc() -> None:
    at = datetime(2024, 3, 1, 12, 0, 5, 999_999)
    with serving(hook=status(200)) as server:
        send(Endpoint("desk", server.url("hook"), SECRET), "msg_1", BODY, at)
    assert server.got[0][1]["webhook-timestamp"] == str(int(datetime(2024, 3, 1, 12, 0, 5, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize(
    ("answer", "attempt"),
    [
        (status(200), Attempt("200", delivered=True)),
        (status(202), Attempt("202", delivered=True)),
        (status(204), Attempt("204", delivered=True)),
        (status(301, Location="/elsewhere"), Attempt("301", delivered=False)),
        (status(307, Location="/elsewhere"), Attempt("307", delivered=False)),
        (status(400), Attempt("400", delivered=False)),
        (status(410), Attempt("410", delivered=False, gone=True)),
        (status(429), Attempt("429", delivered=False)),
        (status(500), Attempt("500", delivered=False)),
        (endless, Attempt("200", delivered=True)),
        (reset, Attempt("ReadError", delivered=False, reached=False)),
        (lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
         Attempt("RemoteProtocolError", delivered=False, reached=False)),
        (lambda handler: handler.wfile.write(b"good day\r\n\r\n"),
         Attempt("RemoteProtocolError", delivered=False, reached=False)),
    ],
    ids=["200", "202", "204", "301", "307", "400", "410", "429", "500", "endless", "reset", "closed", "no HTTP"],
)  # fmt: skip
def test_an_answer_says_whether_it_arrived(answer: Answer, attempt: Attempt) -> None:
    with serving(hook=answer, elsewhere=status(200)) as server:
        assert send(Endpoint("desk", server.url("hook"), SECRET), "msg_1", BODY, utc_now(), timeout=5) == attempt
    assert [path for path, _, _ in server.got] == ["hook"]  # once, and no redirect is followed


def test_a_receiver_that_says_nothing_is_given_up() -> None:
    with serving(hook=hang) as server:
        attempt = send(Endpoint("desk", server.url("hook"), SECRET), "msg_1", BODY, utc_now(), timeout=0.2)
    assert attempt == Attempt("ReadTimeout", delivered=False, reached=False)


@pytest.mark.parametrize(
    ("url", "result"),
    [
        (f"http://127.0.0.1:{unused_port()}/", "ConnectError"), ("http://", "UnsupportedProtocol"),
        ("http://[::1", "InvalidURL"), ("http://a..b/", "UnicodeError"), ("http://127.0.0.1:1/a\nb", "InvalidURL"),
    ],
)  # fmt: skip
def test_an_address_where_nobody_is_fails_like_any_other(url: str, result: str) -> None:
    attempt = send(Endpoint("desk", url, SECRET), "msg_1", BODY, utc_now(), timeout=5)
    assert attempt == Attempt(result, delivered=False, reached=False)


# When to try again.


def test_retries_come_after_5_s_5_min_30_min_and_2_5_10_14_20_and_24_h_and_then_no_more() -> None:
    at = datetime(2024, 3, 1)
    seconds = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for failed, wait in enumerate(seconds, start=1):
        assert next_attempt(failed, at) == at + timedelta(seconds=wait)
    assert next_attempt(10, at) is None


# What must not be seen.


def test_neither_address_nor_secret_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    with serving(T0KEN=status(500)) as server:
        endpoints = [Endpoint("desk", url, SECRET) for url in (server.url("T0KEN?key=T0KEN"), "http://a..T0KEN/")]
        for endpoint in endpoints:
            shown += [repr(endpoint), str(endpoint), f"{endpoint}", str([endpoint])]
            shown.append(repr(send(endpoint, "msg_1", BODY, utc_now(), timeout=5)))
    for url, secret in (("ftp://T0KEN", SECRET), ("https://T0KEN", f"whsec_{SECRET}!")):
        with pytest.raises(ConfigError) as error:
            Endpoint("desk", url, secret)
        shown += [str(error.value), repr(error.value), repr(error.value.__cause__)]
    shown += [record.getMessage() for record in caplog.records]
    assert shown[0] == "Endpoint('desk')"
    assert [text for text in shown if "T0KEN" in text or SECRET[6:] in text] == []


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        ("https://x", "", "receiver 'desk': secret: expected whsec_ and base64"),
        ("https://x", "whsec_", "receiver 'desk': secret: expected whsec_ and base64"),
        ("https://x", "whsec_é", "receiver 'desk': secret: expected whsec_ and base64"),
        ("x.example", SECRET, "receiver 'desk': url: expected http:// or https://"),
    ],
)
def test_a_wrong_receiver_is_refused_by_name(url: str, secret: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Endpoint("desk", url, secret)
    assert str(error.value) == message


# From the outbox to the receiver.


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A prepared one, the signing secret in the environment."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def receivers(**urls: str) -> Settings:
    """Settings with a receiver a keyword."""
    return Settings(receiver=tuple(Receiver(name=n, url=url, secret_env="DESK_SECRET") for n, url in urls.items()))


def fill(home: Home, *names: str, receiver: str = "desk", **values: Any) -> None:
    """Put notifications into the outbox, due one after the other since yesterday."""
    yesterday = utc_now() - timedelta(days=1)
    rows = [
        {"notification_id": name, "alert_id": "a", "state": "firing", "receiver": receiver, "status": "waiting",
         "attempts": 0, "created_at": yesterday + timedelta(minutes=i), "next_attempt_at": yesterday, **values}
        for i, name in enumerate(names)
    ]  # fmt: skip
    bodies = pl.DataFrame({"notification_id": names, "body": [BODY] * len(names)})
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({tables.NOTIFICATIONS: pl.DataFrame(rows), tables.OUTBOX: bodies})


def kept(home: Home) -> dict[str, dict[str, Any]]:
    """Notification's id → its row."""
    with Warehouse(home.warehouse) as warehouse:
        return {row["notification_id"]: row for row in warehouse.read(tables.NOTIFICATIONS).to_dicts()}


def go(home: Home, settings: Settings) -> dict[str, int]:
    """Deliver, as the monitor does, without the flow around it."""
    done: dict[str, int] = deliver.fn(home, settings, Reporter(silent=True))
    return done


def test_what_waits_is_delivered_once(home: Home) -> None:
    with serving(hook=status(200)) as server:
        desk = receivers(desk=server.url("hook"))
        fill(home, "msg_1", "msg_2")
        assert go(home, desk) == {"delivered": 2}
        assert go(home, desk) == {}
    assert server.ids("hook") == ["msg_1", "msg_2"]
    for _, headers, body in server.got:
        assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
    for row in kept(home).values():
        assert (row["status"], row["attempts"], row["last_result"], row["next_attempt_at"]) == ("delivered", 1, "200", None)
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.OUTBOX).height == 0


def test_what_is_not_due_or_has_no_receiver_any_more_waits(home: Home) -> None:
    fill(home, "msg_later", next_attempt_at=utc_now() + timedelta(days=1))
    fill(home, "msg_orphan", receiver="gone from the config")
    before = kept(home)
    with serving(hook=status(200)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {}
    assert go(home, Settings()) == {}
    assert (server.got, kept(home)) == ([], before)


@pytest.mark.parametrize(("attempts", "wait"), [(0, timedelta(seconds=5)), (8, timedelta(hours=24)), (9, None)])
def test_a_failure_waits_for_its_next_time_until_there_is_none(
    home: Home, attempts: int, wait: timedelta | None
) -> None:
    fill(home, "msg_1", attempts=attempts)
    with serving(hook=status(500)) as server:
        before = utc_now()
        assert go(home, receivers(desk=server.url("hook"))) == {"waiting" if wait else "dead": 1}
        after = utc_now()
    row = kept(home)["msg_1"]
    assert (row["attempts"], row["last_result"]) == (attempts + 1, "500")
    if wait:
        assert before + wait <= row["next_attempt_at"] <= after + wait
    else:
        assert row["next_attempt_at"] is None


def test_after_410_a_receiver_is_told_nothing_more_and_others_are(home: Home) -> None:
    fill(home, "msg_1", "msg_2", "msg_3")
    fill(home, "msg_4", receiver="pager")
    with serving(gone=status(410), hook=status(200)) as server:
        both = receivers(desk=server.url("gone"), pager=server.url("hook"))
        assert go(home, both) == {"dead": 3, "delivered": 1}
        assert go(home, both) == {}
    assert (server.ids("gone"), server.ids("hook")) == (["msg_1"], ["msg_4"])
    rows = kept(home)
    assert [(rows[name]["last_result"], rows[name]["attempts"]) for name in ("msg_1", "msg_2")] == [("410", 1), ("410", 0)]


def test_a_refused_notification_does_not_hold_up_the_next(home: Home) -> None:
    fill(home, "msg_1", "msg_2")
    answers = iter([status(400), status(200)])
    with serving(hook=lambda handler: next(answers)(handler)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"waiting": 1, "delivered": 1}
    assert [row["status"] for row in kept(home).values()] == ["waiting", "delivered"]


def test_a_receiver_that_cannot_be_reached_is_tried_once_and_the_rest_stays_due(home: Home) -> None:
    fill(home, "msg_1", "msg_2")
    second = kept(home)["msg_2"]
    assert go(home, receivers(desk=f"http://127.0.0.1:{unused_port()}/")) == {"waiting": 1}
    rows = kept(home)
    assert (rows["msg_1"]["attempts"], rows["msg_1"]["last_result"]) == (1, "ConnectError")
    assert rows["msg_2"] == second
    with serving(hook=status(200)) as server:
        go(home, receivers(desk=server.url("hook")))
    assert server.ids("hook") == ["msg_2"]


def test_the_warehouse_is_free_while_a_receiver_takes_its_time(home: Home) -> None:
    fill(home, "msg_1")
    code = "import sys; from pathlib import Path; from barograph.store import Warehouse; Warehouse(Path(sys.argv[1]))"
    opened = []

    def other_process(handler: BaseHTTPRequestHandler) -> None:
        opened.append(subprocess.run([sys.executable, "-c", code, home.warehouse], check=False).returncode)
        status(200)(handler)

    with serving(hook=other_process) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    assert opened == [0]


KILLED = """
import sys; from pathlib import Path
from barograph.home import Home
from barograph.settings import Receiver, Settings
from flows.deliver import deliver
from flows.progress import Reporter
desk = Receiver(name="desk", url=sys.argv[2], secret_env="DESK_SECRET")
deliver.fn(Home(Path(sys.argv[1])), Settings(receiver=(desk,)), Reporter(silent=True))
"""


def test_killed_between_sending_and_recording_the_same_id_is_sent_again(home: Home) -> None:
    fill(home, "msg_1")
    arrived = threading.Event()

    def never_answer(handler: BaseHTTPRequestHandler) -> None:
        arrived.set()
        hang(handler)

    with serving(first=never_answer, hook=status(200)) as server:
        killed = subprocess.Popen([sys.executable, "-c", KILLED, home.path, server.url("first")])
        try:
            assert arrived.wait(60)
        finally:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert kept(home)["msg_1"]["status"] == "waiting"
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    assert server.ids("first") == server.ids("hook") == ["msg_1"]


def test_delivery_leaves_neither_address_nor_secret_behind(
    home: Home, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    fill(home, "msg_1", "msg_2")
    answers = iter([status(500), reset])
    with serving(T0KEN=lambda handler: next(answers)(handler)) as server:
        assert go(home, receivers(desk=server.url("T0KEN"))) == {"waiting": 2}
    with pytest.raises(BarographError) as error:
        go(home, receivers(desk="gopher://T0KEN"))
    said = capsys.readouterr()
    texts = [caplog.text, said.out, said.err, str(error.value), repr(kept(home))]
    files = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    assert files
    assert not re.search(f"T0KEN|{re.escape(SECRET[6:])}", "\n".join(texts))
    assert not any(word in content for content in files for word in (b"T0KEN", SECRET[6:].encode()))
