"""Signed delivery to a real HTTP server on the loopback, whatever that server does."""

import itertools
import json
import logging
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import trustme
from standardwebhooks import Webhook

from barograph import tables
from barograph.clock import utc_now
from barograph.errors import BarographError, ConfigError
from barograph.home import Home
from barograph.notify import Attempt, Endpoint, next_attempt
from barograph.notify.retries import JITTER
from barograph.retry_after import wait_asked
from barograph.settings import Settings
from barograph.store import Warehouse
from flows.deliver import send_due
from tests.notify.receiving import (
    OTHER_SECRET,
    SECRET,
    Answer,
    drip,
    endless,
    endpoint,
    hang,
    receiver,
    reset,
    serving,
    status,
    unused_port,
)

BODY = json.dumps({"type": "alert.firing", "data": {"marker": "ánimo"}})


def send(to: Endpoint, notification_id: str, body: str, at: datetime, timeout: float = 10) -> Attempt:
    """Send one."""
    with to.open(timeout) as one:
        return one(notification_id, body, at)


# One notification.


def test_what_arrives_is_signed_so_that_the_receiver_can_verify_it() -> None:
    with serving(hook=status(204)) as server:
        assert send(endpoint(server.url("hook")), "msg_1", BODY, utc_now()).delivered
    ((_, headers, body),) = server.got
    assert body == BODY.encode()
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)  # raises where it does not hold
    assert headers["webhook-id"] == "msg_1"
    assert headers["content-type"] == "application/json"
    for secret, forged in ((OTHER_SECRET, body), (SECRET, body + b" ")):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secret).verify(forged, headers)


def test_the_timestamp_is_the_moment_of_sending_in_utc() -> None:
    at = datetime(2024, 3, 1, 12, 0, 5, 999_999)
    with serving(hook=status(200)) as server:
        send(endpoint(server.url("hook")), "msg_1", BODY, at)
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
        (status(429, **{"Retry-After": "90"}), Attempt("429", delivered=False, asked=timedelta(seconds=90))),
        (status(503, **{"Retry-After": "Fri, 01 Mar 2024 12:02:00 GMT"}),
         Attempt("503", delivered=False, asked=timedelta(minutes=2))),
        (status(200, **{"Retry-After": "90"}), Attempt("200", delivered=True)),
        (status(500), Attempt("500", delivered=False)),
        (endless, Attempt("200", delivered=True)),
        (reset, Attempt("ReadError", delivered=False, reached=False)),
        (lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
         Attempt("RemoteProtocolError", delivered=False, reached=False)),
        (lambda handler: handler.wfile.write(b"good day\r\n\r\n"),
         Attempt("RemoteProtocolError", delivered=False, reached=False)),
    ],
    ids=["200", "202", "204", "301", "307", "400", "410", "429", "429 wait", "503 wait", "200 wait", "500", "endless", "reset", "closed", "no HTTP"],
)  # fmt: skip
def test_an_answer_says_whether_it_arrived(answer: Answer, attempt: Attempt) -> None:
    with serving(hook=answer, elsewhere=status(200)) as server:
        assert send(endpoint(server.url("hook")), "msg_1", BODY, datetime(2024, 3, 1, 12), timeout=5) == attempt
    assert [path for path, _, _ in server.got] == ["hook"]  # once, and no redirect is followed


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_receiver_that_does_not_come_to_an_end_is_given_up(answer: Answer) -> None:
    with serving(hook=answer) as server:
        attempt = send(endpoint(server.url("hook")), "msg_1", BODY, utc_now(), timeout=0.3)
    assert attempt == Attempt("ReadTimeout", delivered=False, reached=False)


def test_one_connection_serves_many_notifications() -> None:
    peers = []

    def remember(handler: BaseHTTPRequestHandler) -> None:
        peers.append(handler.client_address)
        status(200)(handler)

    with serving(hook=remember) as server, endpoint(server.url("hook")).open() as one:
        assert all(one(f"msg_{i}", BODY, utc_now()).delivered for i in range(5))
    assert len(peers) == 5
    assert len(set(peers)) == 1


@pytest.mark.parametrize("url", [f"http://127.0.0.1:{unused_port()}/", f"http://localhost:{unused_port()}/"])
def test_an_address_where_nobody_is_fails_like_any_other(url: str) -> None:
    attempt = send(endpoint(url), "msg_1", BODY, utc_now(), timeout=5)
    assert attempt == Attempt("ConnectError", delivered=False, reached=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Whom a receiver's certificate is from."""
    return trustme.CA()


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """What a server with a certificate for `name` speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("name", "trusted", "attempt"),
    [
        ("localhost", True, Attempt("200", delivered=True)),
        ("elsewhere.example", True, Attempt("ConnectError", delivered=False, reached=False)),
        ("localhost", False, Attempt("ConnectError", delivered=False, reached=False)),
    ],
    ids=["right", "of another host", "of nobody we know"],
)
def test_a_certificate_must_be_that_of_the_host(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, attempt: Attempt
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(certified(authority, name), hook=status(200)) as server:
        url = f"https://localhost:{server.server_address[1]}/hook"
        assert send(endpoint(url), "msg_1", BODY, utc_now(), timeout=5) == attempt
    assert len(server.got) == attempt.delivered


def test_no_tls_where_tls_was_expected_fails() -> None:
    with serving(hook=status(200)) as server:
        attempt = send(endpoint(server.url("hook").replace("http", "https")), "msg_1", BODY, utc_now(), timeout=5)
    assert attempt == Attempt("ConnectError", delivered=False, reached=False)


def test_while_a_secret_is_replaced_both_sign() -> None:
    with serving(hook=status(200)) as server:
        send(endpoint(server.url("hook"), f"{OTHER_SECRET}\n{SECRET}"), "msg_1", BODY, utc_now())
        send(endpoint(server.url("hook"), OTHER_SECRET), "msg_2", BODY, utc_now())
    (_, both, body), (_, new, _) = server.got
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(body, both)
    assert len(both["webhook-signature"].split()) == 2
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(body, new)


def test_a_name_and_password_in_the_address_are_told_to_the_receiver_alone() -> None:
    with serving(hook=status(200)) as server:
        url = server.url("hook").replace("127.0.0.1", "me:pass%20word@127.0.0.1")
        assert send(endpoint(url), "msg_1", BODY, utc_now()).delivered
    assert server.got[0][1]["authorization"] == "Basic bWU6cGFzcyB3b3Jk"  # base64 of "me:pass word"
    assert server.got[0][1]["host"] == f"127.0.0.1:{server.server_address[1]}"


# When to try again.


def test_retries_come_after_5_s_5_min_30_min_and_2_5_10_14_20_and_24_h_and_then_no_more() -> None:
    at = datetime(2024, 3, 1)
    seconds = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for failed, wait in enumerate(seconds, start=1):
        waits = {next_attempt(failed, at, f"msg_{i}") - at for i in range(200)}
        assert timedelta(seconds=wait) <= min(waits) <= max(waits) <= timedelta(seconds=wait) * (1 + JITTER)
        assert max(waits) - min(waits) > timedelta(seconds=wait) * JITTER / 2  # not all at once
        assert next_attempt(failed, at, "msg_1") == next_attempt(failed, at, "msg_1")
    assert next_attempt(10, at, "msg_1") is None


def test_the_longer_of_our_wait_and_the_one_asked_for_counts() -> None:
    at = datetime(2024, 3, 1)
    assert next_attempt(1, at, "msg_1", timedelta(hours=1)) == at + timedelta(hours=1)
    assert next_attempt(4, at, "msg_1", timedelta(hours=1)) == next_attempt(4, at, "msg_1")


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("0", timedelta(0)), ("120", timedelta(minutes=2)), (" 120 ", timedelta(minutes=2)),
        ("99999999999999", timedelta(days=1)), ("Fri, 01 Mar 2024 00:00:30 GMT", timedelta(seconds=30)),
        ("Thu, 29 Feb 2024 00:00:00 GMT", timedelta(0)), ("Fri, 01 Mar 2030 00:00:00 GMT", timedelta(days=1)),
        ("Fri, 01 Mar 2024 01:00:30 +0100", timedelta(seconds=30)), ("Fri, 99 Mar 2024 00:00:30 GMT", None),
    ],
)  # fmt: skip
def test_what_retry_after_asks_for(header: str | None, wait: timedelta | None) -> None:
    assert wait_asked(header, datetime(2024, 3, 1)) == wait


# What must not be seen.


def test_neither_address_nor_secret_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    with serving(T0KEN=status(500)) as server:
        for to in (endpoint(url) for url in (server.url("T0KEN?key=T0KEN"), "http://t0ken.invalid/T0KEN")):
            shown += [repr(to), str(to), f"{to}", str([to])]
            shown.append(repr(send(to, "msg_1", BODY, utc_now(), timeout=5)))
    for url, secret in (("ftp://T0KEN", SECRET), ("https://T0KEN", f"whsec_{SECRET}!"), ("http://a..T0KEN/", SECRET),
                        ("http://10.0.0.1/T0KEN", SECRET), ("http://[::T0KEN", SECRET), ("https://T0KEN", f"{SECRET} " * 3)):
        with pytest.raises(ConfigError) as error:
            endpoint(url, secret)
        shown += [str(error.value), repr(error.value), repr(error.value.__cause__)]
    shown += [record.getMessage() for record in caplog.records]
    assert shown[0] == "Endpoint('desk')"
    assert [text for text in shown if "T0KEN" in text or SECRET[6:] in text] == []


_SECRET = "receiver 'desk': secret: expected whsec_ and base64, or two of them while one replaces the other"
_PRIVATE = "receiver 'desk': url: got a private, loopback or link-local host; expected a public one, or its name in allow_hosts"


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        ("https://x", "", _SECRET), ("https://x", "whsec_", _SECRET), ("https://x", "whsec_é", _SECRET),
        ("https://x", f"{SECRET} {SECRET} {SECRET}", _SECRET),
        ("x.example", SECRET, "receiver 'desk': url: expected http:// or https:// and a host"),
        ("smtp://x.example", SECRET, "receiver 'desk': url: expected http:// or https:// and a host"),
        ("http://", SECRET, "receiver 'desk': url: expected http:// or https:// and a host"),
        ("http://[::1", SECRET, "receiver 'desk': url: got no address; expected http:// or https:// and a host"),
        ("http://a..b/", SECRET, "receiver 'desk': url: got no address; expected http:// or https:// and a host"),
        ("http://1.1.1.1/a\nb", SECRET, "receiver 'desk': url: got no address; expected http:// or https:// and a host"),
        ("http://10.0.0.1/", SECRET, _PRIVATE), ("http://[::1]/", SECRET, _PRIVATE), ("http://localhost./", SECRET, _PRIVATE),
        ("http://169.254.169.254/latest", SECRET, _PRIVATE),
    ],
)  # fmt: skip
def test_a_wrong_receiver_is_refused_by_name(url: str, secret: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        endpoint(url, secret)
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
    return Settings(receiver=tuple(receiver(name=n, url_env=None, url=url, secret_env="DESK_SECRET") for n, url in urls.items()))


def fill(home: Home, *names: str, to: str = "desk", **values: Any) -> None:
    """Put notifications into the outbox, due one after the other since yesterday."""
    yesterday = utc_now() - timedelta(days=1)
    rows = [
        {"notification_id": name, "alert_id": f"alert of {name}", "state": "firing", "receiver": to, "status": "waiting",
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


def go(home: Home, settings: Settings, clock: Callable[[], datetime] = utc_now) -> dict[str, int]:
    """Deliver, as the monitor does, without the flow around it."""
    return send_due(home, settings, clock)


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
    fill(home, "msg_orphan", to="gone from the config")
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
        assert before + wait <= row["next_attempt_at"] <= after + wait * (1 + JITTER)
    else:
        assert row["next_attempt_at"] is None


def test_after_410_a_receiver_is_told_nothing_more_and_others_are(home: Home) -> None:
    fill(home, "msg_1", "msg_2", "msg_3")
    fill(home, "msg_4", to="pager")
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
from flows.deliver import send_due
desk = Receiver(name="desk", url=sys.argv[2], secret_env="DESK_SECRET", allow_hosts=("127.0.0.1",))
send_due(Home(Path(sys.argv[1])), Settings(receiver=(desk,)))
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


# Over time: the clock is a test's own.


class Hours:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2024, 3, 5, 6)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **wait: float) -> None:
        """Let time go by."""
        self.now += timedelta(**wait)


def put(home: Home, clock: Hours, *names: str, **values: Any) -> None:
    """Notifications decided now, in this order."""
    for i, name in enumerate(names):
        fill(home, name, **{"created_at": clock() + timedelta(microseconds=i), "next_attempt_at": clock(), **values})


def test_ten_tries_take_three_days_of_the_clock_and_then_the_letter_is_dead_with_its_body(home: Home) -> None:
    clock, tried = Hours(), []
    put(home, clock, "msg_1")
    with serving(hook=lambda handler: (tried.append(clock()), status(500)(handler))) as server:
        desk = receivers(desk=server.url("hook"))
        while again := kept(home)["msg_1"]["next_attempt_at"]:
            clock.now = again - timedelta(microseconds=1)
            assert go(home, desk, clock) == {}
            clock.now = again
            go(home, desk, clock)
    waits = [later - sooner for sooner, later in itertools.pairwise(tried)]
    schedule = [timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)]
    assert len(waits) == len(schedule)
    assert all(wait <= got <= wait * (1 + JITTER) for got, wait in zip(waits, schedule, strict=True))
    assert {**kept(home)["msg_1"], "created_at": None} == {
        "notification_id": "msg_1", "alert_id": "alert of msg_1", "state": "firing", "receiver": "desk", "status": "dead",
        "attempts": 10, "created_at": None, "next_attempt_at": None, "last_result": "500",
    }  # fmt: skip
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.OUTBOX)["body"].to_list() == [BODY]


def test_no_receiver_hears_of_an_end_before_the_beginning(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_z", "msg_b", "msg_a", alert_id="one")
    clock.pass_(seconds=1)
    put(home, clock, "msg_c", alert_id="another")
    answers = iter([500, 200, 200, 500, 200, 200])
    with serving(hook=lambda handler: status(next(answers))(handler)) as server:
        desk = receivers(desk=server.url("hook"))
        assert go(home, desk, clock) == {"waiting": 1, "delivered": 1}
        assert server.ids("hook") == ["msg_z", "msg_c"]
        clock.pass_(seconds=4)
        assert go(home, desk, clock) == {}
        clock.pass_(seconds=2)
        assert go(home, desk, clock) == {"delivered": 1, "waiting": 1}
        clock.pass_(minutes=1)
        assert go(home, desk, clock) == {"delivered": 2}
    assert server.ids("hook") == ["msg_z", "msg_c", "msg_z", "msg_b", "msg_b", "msg_a"]


def test_a_state_that_is_dead_holds_up_the_next_no_longer(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", alert_id="one", attempts=9)
    put(home, clock, "msg_2", alert_id="one")
    answers = iter([500, 200])
    with serving(hook=lambda handler: status(next(answers))(handler)) as server:
        assert go(home, receivers(desk=server.url("hook")), clock) == {"dead": 1, "delivered": 1}


def test_a_receiver_that_asks_to_wait_is_left_alone_in_later_runs_too(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    put(home, clock, "msg_3", to="pager")
    with serving(hook=status(429, **{"Retry-After": "3600"}), pager=status(200)) as server:
        both = receivers(desk=server.url("hook"), pager=server.url("pager"))
        assert go(home, both, clock) == {"waiting": 1, "delivered": 1}
        clock.pass_(minutes=59)
        put(home, clock, "msg_4")
        assert go(home, both, clock) == {}
        server.answers["hook"] = status(200)
        clock.pass_(minutes=1)
        assert go(home, both, clock) == {"delivered": 3}
    assert server.ids("hook") == ["msg_1", "msg_1", "msg_2", "msg_4"]


def test_410_lasts_until_the_receiver_is_configured_otherwise(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    with serving(gone=status(410), hook=status(200)) as server:
        before, after = receivers(desk=server.url("gone")), receivers(desk=server.url("hook"))
        assert go(home, before, clock) == {"dead": 2}
        clock.pass_(days=30)
        put(home, clock, "msg_3")
        assert go(home, before, clock) == {"dead": 1}
        put(home, clock, "msg_4")
        assert go(home, after, clock) == {"delivered": 1}
    assert (server.ids("gone"), server.ids("hook")) == (["msg_1"], ["msg_4"])
    assert {row["last_result"] for row in kept(home).values()} == {"410", "200"}


def test_retrying_sends_dead_letters_again_and_counts_a_gone_receiver_again(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    with serving(hook=status(410)) as server:
        desk = receivers(desk=server.url("hook"))
        go(home, desk, clock)
        with Warehouse(home.warehouse) as warehouse:
            assert warehouse.revive(clock(), ["msg_2"]) == ["msg_2"]
        server.answers["hook"] = status(200)
        assert go(home, desk, clock) == {"delivered": 1}
        put(home, clock, "msg_3")
        assert go(home, desk, clock) == {"delivered": 1}
        with Warehouse(home.warehouse) as warehouse:
            assert warehouse.revive(clock(), receivers=["pager"]) == []
            assert warehouse.revive(clock(), receivers=["desk"]) == ["msg_1"]
        assert go(home, desk, clock) == {"delivered": 1}
    assert server.ids("hook") == ["msg_1", "msg_2", "msg_3", "msg_1"]


def test_what_was_due_for_days_to_a_receiver_that_is_not_reached_is_dead(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    nobody = receivers(desk=f"http://127.0.0.1:{unused_port()}/")
    assert go(home, nobody, clock) == {"waiting": 1}
    clock.pass_(days=4)
    put(home, clock, "msg_3")
    assert go(home, nobody, clock) == {"waiting": 1, "dead": 1}
    assert {name: row["status"] for name, row in kept(home).items()} == {
        "msg_1": "waiting", "msg_2": "dead", "msg_3": "waiting",
    }  # fmt: skip


def test_more_than_a_batch_is_sent_in_order_and_a_dead_receiver_does_not_hold_up_the_others(home: Home) -> None:
    names = [f"msg_{i:04}" for i in range(1200)]
    for to in ("desk", "pager"):
        fill(home, *[f"{name}_{to}" for name in names], to=to)
    with serving(hook=status(200)) as server:
        both = receivers(desk=f"http://127.0.0.1:{unused_port()}/", pager=server.url("hook"))
        assert go(home, both) == {"waiting": 1, "delivered": 1200}
    assert server.ids("hook") == [f"{name}_pager" for name in names]


def test_a_body_that_is_too_long_is_cut_before_it_is_signed_and_says_so(home: Home) -> None:
    fill(home, "msg_1")
    long = {"type": "alert.firing", "data": {"why": {"terms": ["term"] * 10_000}}}
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({tables.OUTBOX: pl.DataFrame({"notification_id": ["msg_1"], "body": [json.dumps(long)]})})
    with serving(hook=status(200)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    ((_, headers, content),) = server.got
    assert len(content) < 20_000
    data = Webhook(SECRET).verify(content, headers)["data"]
    assert data["truncated"] == [f"why.terms: {len(data['why']['terms'])} of 10000"]
