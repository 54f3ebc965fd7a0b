"""Notifications by e-mail: plain text over SMTP with TLS."""

import smtplib
import ssl
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from socket import SHUT_RDWR, socket
from urllib.parse import unquote

import httpcore
import httpx

from barograph.notify.attempt import Attempt, Send
from barograph.notify.connection import Deadline, connect
from barograph.notify.forms import mail_text
from barograph.settings import Receiver

_PORTS = {"smtp": 587, "smtps": 465}
_BEFORE_MAIL = (smtplib.SMTPConnectError, smtplib.SMTPHeloError, smtplib.SMTPAuthenticationError)
"""Failures that the next message would meet as well."""
_DOMAIN = "barograph.invalid"
"""Right-hand side of Message-IDs: a name that nobody owns (RFC 2606)."""


def mailing(receiver: Receiver, url: httpx.URL, secret: str, allowed: Collection[str], deadline: Deadline) -> Send:
    """What mails to `receiver.to` over the server at `url`, each message over a connection of its own.

    `smtps` begins with TLS; `smtp` takes STARTTLS, and goes without it only to an allowed host and without a password.
    The Message-ID is the notification's id, so that what comes twice is known as the same.
    """
    context = httpx.create_ssl_context()
    password = secret or unquote(url.password)

    def send(notification_id: str, body: str, at: datetime) -> Attempt:
        message = _message(receiver, notification_id, body, at)
        deadline.restart()
        try:
            with _session(url, allowed, deadline, context) as client:
                if url.scheme == "smtp":
                    client.ehlo_or_helo_if_needed()
                    if client.has_extn("starttls"):
                        client.starttls(context=context)
                    elif password or url.host.lower() not in allowed:
                        return Attempt("no STARTTLS", delivered=False, reached=False)
                if password:
                    client.login(unquote(url.username), password)
                refused = client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            return Attempt(str(min(code for code, _ in error.recipients.values())), delivered=False)
        except smtplib.SMTPResponseException as error:
            before = isinstance(error, _BEFORE_MAIL)
            code = str(error.smtp_code) if error.smtp_code > 0 else "no SMTP"
            return Attempt(code, delivered=False, reached=not before)
        except (smtplib.SMTPException, OSError, ValueError, httpcore.NetworkError, httpcore.TimeoutException) as error:
            return Attempt(type(error).__name__, delivered=False, reached=False)
        return Attempt(f"250, {len(refused)} of {len(receiver.to)} refused" if refused else "250", delivered=True)

    return send


def _message(receiver: Receiver, notification_id: str, body: str, at: datetime) -> EmailMessage:
    title, text, thread = mail_text(receiver, body)
    message = EmailMessage()
    message["From"], message["To"] = receiver.sender, ", ".join(receiver.to)
    message["Subject"], message["Date"] = title, at.replace(tzinfo=UTC)
    message["Message-ID"] = f"<{notification_id}@{_DOMAIN}>"
    message["References"] = f"<{thread}@{_DOMAIN}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


class _Plain(smtplib.SMTP):
    """SMTP over a connection that was checked, and that is broken off at the deadline even where it drips."""

    def __init__(self, url: httpx.URL, allowed: Collection[str], deadline: Deadline) -> None:
        self._checked = (allowed, deadline)
        super().__init__(url.host, url.port or _PORTS[url.scheme], timeout=deadline.left())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket:  # noqa: ARG002 (the deadline is shorter)
        allowed, deadline = self._checked
        opened: socket = connect(host, port, allowed, deadline).get_extra_info("socket")
        self._end = threading.Timer(deadline.left(), self._break_off)
        self._end.daemon = True
        self._end.start()
        opened.settimeout(deadline.left())
        return opened

    def _break_off(self) -> None:
        with suppress(OSError):  # it may be closed by now
            if self.sock:
                self.sock.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """End the connection and the watch over it."""
        if hasattr(self, "_end"):
            self._end.cancel()
        super().close()


class _Secure(smtplib.SMTP_SSL, _Plain):
    """The same, in TLS from the first byte."""

    def __init__(self, url: httpx.URL, allowed: Collection[str], deadline: Deadline, context: ssl.SSLContext) -> None:
        self._checked = (allowed, deadline)
        smtplib.SMTP_SSL.__init__(
            self, url.host, url.port or _PORTS[url.scheme], timeout=deadline.left(), context=context
        )


@contextmanager
def _session(
    url: httpx.URL, allowed: Collection[str], deadline: Deadline, context: ssl.SSLContext
) -> Iterator[smtplib.SMTP]:
    """A connection that ends without waiting for the server's goodbye: what it took, it has taken."""
    client = _Secure(url, allowed, deadline, context) if url.scheme == "smtps" else _Plain(url, allowed, deadline)
    try:
        yield client
    finally:
        with suppress(smtplib.SMTPException, OSError):
            client.putcmd("quit")
        client.close()
