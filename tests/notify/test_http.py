"""Signed delivery to a real HTTP server on the loopback, whatever that server does."""

import json
import logging
import socket
import ssl
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme
from standardwebhooks import Webhook

from barograph.clock import utc_now
from barograph.errors import ConfigError
from barograph.notify import Attempt, Endpoint, next_attempt
from barograph.notify.retries import JITTER
from barograph.retry_after import wait_asked
from tests.notify.receiving import (
    OTHER_SECRET,
    SECRET,
    Answer,
    drip,
    endless,
    endpoint,
    hang,
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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_where_nobody_is_fails_like_any_other(host: str) -> None:
    attempt = send(endpoint(f"http://{host}:{unused_port()}/"), "msg_1", BODY, utc_now(), timeout=5)
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
