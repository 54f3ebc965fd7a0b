"""Receivers as what notifications are sent to: an address, a secret, a form. None of it is ever shown."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from standardwebhooks import Webhook

from barograph.errors import ConfigError
from barograph.notify.attempt import Attempt, Send
from barograph.notify.connection import Deadline, is_local
from barograph.notify.http import posting
from barograph.notify.mail import mailing
from barograph.settings import Receiver

TIMEOUT = 10.0
"""Seconds that one notification may take in all, from the connection to the answer."""
_SCHEMES = {"email": ("smtp", "smtps")}
_MOST_SECRETS = 2

for _name in ("httpx", "httpcore"):  # they log addresses, and an address may hold a token
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, repr=False)
class Endpoint:
    """A receiver with its address and secret at hand. Raises `ConfigError` where these cannot be what they should.

    receiver: as configured. url: `http(s)://…`, or `smtp(s)://USER@HOST:PORT`. secret: of a webhook `whsec_…`, or two
    with space between them, of which one replaces the other; else a token, a password or empty.
    """

    receiver: Receiver
    url: str
    secret: str = ""

    def __post_init__(self) -> None:
        if self.receiver.kind == "webhook":
            self._check_secrets()
        schemes = _SCHEMES.get(self.receiver.kind, ("https", "http"))
        expected = " or ".join(f"{scheme}://" for scheme in sorted(schemes))
        try:
            parsed = httpx.URL(self.url)
            parsed.raw_host.decode("ascii").encode("idna")  # an empty label would fail when it is looked up
        except (httpx.InvalidURL, UnicodeError):
            raise self._wrong(f"url: got no address; expected {expected} and a host") from None
        if parsed.scheme not in schemes or not parsed.host:
            raise self._wrong(f"url: expected {expected} and a host")
        if is_local(parsed.host) and parsed.host.lower() not in self.allowed:
            raise self._wrong(
                "url: got a private, loopback or link-local host; expected a public one, or its name in allow_hosts"
            )

    def _check_secrets(self) -> None:
        secrets = self.secret.split()
        try:
            for secret in secrets:
                Webhook(secret)
        except Exception:  # noqa: BLE001 (the library raises what base64 does)
            secrets = []
        if not 1 <= len(secrets) <= _MOST_SECRETS:
            raise self._wrong("secret: expected whsec_ and base64, or two of them while one replaces the other")

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"receiver {self.receiver.name!r}: {what}")

    def __repr__(self) -> str:
        return f"Endpoint({self.receiver.name!r})"

    @property
    def allowed(self) -> frozenset[str]:
        """Hosts, in small letters, that may be private."""
        return frozenset(host.lower() for host in self.receiver.allow_hosts)

    @property
    def configured_as(self) -> str:
        """All that makes this receiver what it is. It holds the secret: only a keyed hash of it may be kept."""
        return f"{self.receiver.model_dump_json()}\n{self.url}\n{self.secret}"

    @contextmanager
    def open(self, timeout: float = TIMEOUT) -> Iterator[Send]:
        """What sends it notifications, one at a time; connections are kept in between.

        timeout: seconds that each may take in all.
        """
        deadline = Deadline(timeout)
        if self.receiver.kind == "email":
            yield mailing(self.receiver, httpx.URL(self.url), self.secret, self.allowed, deadline)
        else:
            with posting(self.receiver, httpx.URL(self.url), self.secret, self.allowed, deadline) as send:
                yield send


def endpoints_of(receivers: Iterable[Receiver]) -> dict[str, Endpoint]:
    """Receiver's name → where it is. Raises `ConfigError` where address or secret cannot be had."""
    return {r.name: Endpoint(r, r.address(), r.secret()) for r in receivers}


__all__ = ["TIMEOUT", "Attempt", "Endpoint", "Send", "endpoints_of"]
