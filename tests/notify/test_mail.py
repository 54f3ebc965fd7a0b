"""Mail to a real SMTP server on the loopback, whatever that server does."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from barograph.errors import ConfigError
from barograph.notify import Attempt
from tests.notify.receiving import body, endpoint, unused_port

AT = datetime(2024, 3, 5, 6)
ANSWERS = dict[str, str]


class Mailbox:
    """What a server got, and what it says instead of 250: by command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.got: list[Envelope] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.in_tls: list[bool] = []

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: Any) -> str:
        if answer := self.answers.get(f"rcpt {address}", self.answers.get("rcpt")):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:
        self.got.append(envelope)
        self.in_tls.append(session.ssl is not None)
        return self.answers.get("data", "250 OK")

    def authenticate(self, *told: Any) -> AuthResult:
        self.logins.append((told[-1].login, told[-1].password))
        return AuthResult(success=self.answers.get("auth") is None, handled=False)


@contextmanager
def serving(mailbox: Mailbox, context: ssl.SSLContext | None = None, how: str = "plain") -> Iterator[int]:
    """A server for the length of a test: `plain`, `starttls` or `tls`. Yields its port."""
    more: dict[str, Any] = {"auth_exclude_mechanism": ["LOGIN"], "authenticator": mailbox.authenticate}
    if how == "starttls":
        more |= {"tls_context": context, "auth_require_tls": True}
    elif how == "tls":
        more |= {"ssl_context": context, "auth_require_tls": False}
    controller = Controller(mailbox, hostname="127.0.0.1", port=unused_port(), **more)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for localhost that is trusted here."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def mail(url: str, secret: str = "", timeout: float = 10, **given: Any) -> Attempt:
    """Send one notification to two people."""
    keys = {"sender": "barograph@a.example", "to": ("desk@a.example", "duty@b.example"), **given}
    with endpoint(url, secret, "email", **({"secret_env": "P"} if secret else {}), **keys).open(timeout) as send:
        return send("msg_1", body(), AT)


def test_a_mail_is_plain_text_that_says_which_notification_and_which_alert_it_is() -> None:
    box = Mailbox()
    with serving(box) as port:
        assert mail(f"smtp://localhost:{port}") == Attempt("250", delivered=True)
    (envelope,) = box.got
    assert (envelope.mail_from, envelope.rcpt_tos) == ("barograph@a.example", ["desk@a.example", "duty@b.example"])
    read = message_from_bytes(envelope.content, policy=policy.default)
    assert (read["From"], read["To"]) == ("barograph@a.example", "desk@a.example, duty@b.example")
    assert read["Subject"] == "firing: Anxiety (dimension), all"
    assert (read["Message-ID"], read["References"]) == ("<msg_1@barograph.invalid>", "<f-20240302@barograph.invalid>")
    assert (read["Date"], read["Auto-Submitted"]) == ("Tue, 05 Mar 2024 06:00:00 +0000", "auto-generated")
    assert read.get_content_type() == "text/plain"
    assert "5.0 % (4.0–6.0) on Sun 3 Mar 2024, above 3.0 %." in read.get_content()


@pytest.mark.parametrize(("scheme", "how"), [("smtp", "starttls"), ("smtps", "tls")])
def test_a_password_is_told_in_tls_alone(context: ssl.SSLContext, scheme: str, how: str) -> None:
    box = Mailbox()
    with serving(box, context, how) as port:
        assert mail(f"{scheme}://me%40a:@localhost:{port}", "pass word") == Attempt("250", delivered=True)
    assert box.logins == [(b"me@a", b"pass word")]
    assert box.in_tls == [scheme == "smtp"]  # where TLS came first the server's session does not know


def test_a_password_is_not_told_where_there_is_no_tls() -> None:
    box = Mailbox()
    with serving(box) as port:
        assert mail(f"smtp://me@localhost:{port}", "pass") == Attempt("no STARTTLS", delivered=False, reached=False)
    assert (box.logins, box.got) == ([], [])


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_a_certificate_must_be_that_of_the_host(context: ssl.SSLContext, how: str) -> None:
    box = Mailbox()
    with serving(box, context, how) as port:
        attempt = mail(f"{'smtps' if how == 'tls' else 'smtp'}://127.0.0.1:{port}")
    assert attempt == Attempt("SSLCertVerificationError", delivered=False, reached=False)
    assert box.got == []


def test_a_certificate_of_nobody_we_know_is_refused(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(Mailbox(), context, "starttls") as port:
        assert mail(f"smtp://localhost:{port}").result == "SSLCertVerificationError"


@pytest.mark.parametrize(
    ("answers", "attempt"),
    [
        ({"rcpt": "550 nobody of that name"}, Attempt("550", delivered=False)),
        ({"rcpt": "451 later"}, Attempt("451", delivered=False)),
        ({"rcpt duty@b.example": "550 nobody"}, Attempt("250, 1 of 2 refused", delivered=True)),
        ({"data": "554 spam T0KEN"}, Attempt("554", delivered=False)),
        ({"data": "452 full"}, Attempt("452", delivered=False)),
    ],
)
def test_an_answer_says_whether_it_arrived(answers: ANSWERS, attempt: Attempt) -> None:
    with serving(Mailbox(**answers)) as port:
        assert mail(f"smtp://localhost:{port}") == attempt


def test_a_wrong_password_is_tried_once(context: ssl.SSLContext) -> None:
    box = Mailbox(auth="no")
    with serving(box, context, "starttls") as port:
        assert mail(f"smtp://me@localhost:{port}", "pass") == Attempt("535", delivered=False, reached=False)


@contextmanager
def talking(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server that says what it likes."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                talk(connection, done)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def drip(connection: socket.socket, done: threading.Event) -> None:
    """Greet line after line, without an end."""
    while not done.wait(0.02):
        try:
            connection.sendall(b"220-hello\r\n")
        except OSError:
            return


@pytest.mark.parametrize(
    ("talk", "results"),
    [
        (lambda _, done: done.wait(60), {"SMTPServerDisconnected", "TimeoutError"}),
        (drip, {"SMTPServerDisconnected"}),
        (lambda connection, _: connection.sendall(b"554 go away\r\n"), {"554"}),
        (lambda connection, _: connection.sendall(b"HTTP/1.1 400\r\n"), {"no SMTP", "SMTPServerDisconnected"}),
        (lambda *_: None, {"SMTPServerDisconnected"}),
    ],
    ids=["hangs", "drips", "refuses", "is no mail server", "closes"],
)  # fmt: skip
def test_a_server_that_is_none_is_given_up(talk: Callable[..., None], results: set[str]) -> None:
    with talking(talk) as port:
        attempt = mail(f"smtp://localhost:{port}", timeout=0.5)
    assert attempt.result in results
    assert (attempt.delivered, attempt.reached) == (False, False)


def test_nobody_there() -> None:
    assert mail(f"smtp://localhost:{unused_port()}") == Attempt("ConnectError", delivered=False, reached=False)


def test_a_private_mail_server_takes_the_config_to_allow_it() -> None:
    with serving(Mailbox()) as port:
        assert mail(f"smtp://127.1:{port}") == Attempt("Refused", delivered=False, reached=False)
    with pytest.raises(ConfigError, match=r"^receiver 'desk': url: got a private, loopback or link-local host"):
        mail("smtp://localhost", allow_hosts=())
    with pytest.raises(ConfigError, match=r"^receiver 'desk': url: expected smtp:// or smtps:// and a host$"):
        mail("https://mail.example")
