"""Signed delivery of notifications, after the Standard Webhooks specification."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks import Webhook

from barograph.errors import ConfigError
from barograph.settings import Receiver

RETRIES = tuple(
    timedelta(**wait)
    for wait in (
        {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10}, {"hours": 14},
        {"hours": 20}, {"hours": 24},
    )
)  # fmt: skip
"""Waits after the 1st, 2nd, … failed attempt; after the last the notification is dead."""
TIMEOUT = 10.0
"""Seconds a receiver has for each step of answering."""

for _name in ("httpx", "httpcore"):  # they log addresses, and an address may hold a token
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Endpoint:
    """A receiver's address and signing secret (`whsec_…`). Neither is ever shown."""

    name: str
    url: str
    secret: str

    def __post_init__(self) -> None:
        try:
            Webhook(self.secret)
        except Exception:  # noqa: BLE001 (the library raises what base64 does)
            raise ConfigError(f"receiver {self.name!r}: secret: expected whsec_ and base64") from None
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"receiver {self.name!r}: url: expected http:// or https://")

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"


def endpoints_of(receivers: Iterable[Receiver]) -> dict[str, Endpoint]:
    """Receiver's name → address and secret. Raises `ConfigError` where one cannot be had."""
    return {r.name: Endpoint(r.name, r.address(), r.secret()) for r in receivers}


@dataclass(frozen=True)
class Attempt:
    """What came of sending once."""

    result: str
    """HTTP status, or the kind of failure."""
    delivered: bool
    gone: bool = False
    """The receiver wants nothing more (410)."""
    reached: bool = True
    """Somebody answered at all."""


def send(endpoint: Endpoint, notification_id: str, body: str, at: datetime, timeout: float = TIMEOUT) -> Attempt:
    """POST one signed body. Any 2xx is an arrival; redirects are not followed. at: the clock, naive UTC.

    The answer's body is not read: it says nothing, and may never end.
    """
    moment = at.replace(tzinfo=UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": notification_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(notification_id, moment, body),
    }
    try:
        with httpx.stream("POST", endpoint.url, content=body.encode(), headers=headers, timeout=timeout) as response:
            status = response.status_code
    except (httpx.InvalidURL, httpx.HTTPError, UnicodeError) as error:  # the last: a host name that is none
        return Attempt(type(error).__name__, delivered=False, reached=False)
    return Attempt(str(status), delivered=200 <= status < 300, gone=status == 410)


def next_attempt(attempts: int, at: datetime) -> datetime | None:
    """When to try again after so many failed attempts; None where it was the last."""
    return at + RETRIES[attempts - 1] if attempts <= len(RETRIES) else None
