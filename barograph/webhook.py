"""Signed delivery of notifications, after the Standard Webhooks specification."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks import Webhook

from barograph.errors import ConfigError

RETRIES = tuple(
    timedelta(**wait)
    for wait in (
        {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10}, {"hours": 14},
        {"hours": 20}, {"hours": 24},
    )
)  # fmt: skip
"""Waits after the 1st, 2nd, … failed attempt; after the last the notification is dead."""
_TIMEOUT = 10.0


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


@dataclass(frozen=True)
class Attempt:
    """What came of sending once."""

    result: str
    """HTTP status, or the kind of failure."""
    delivered: bool
    gone: bool = False
    """The receiver wants nothing more (410)."""


def send(endpoint: Endpoint, notification_id: str, body: str, at: datetime) -> Attempt:
    """POST one signed body. Any 2xx is an arrival; redirects are not followed. at: the clock, naive UTC."""
    moment = at.replace(tzinfo=UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": notification_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(notification_id, moment, body),
    }
    try:
        response = httpx.post(endpoint.url, content=body.encode(), headers=headers, timeout=_TIMEOUT)
    except httpx.InvalidURL:
        return Attempt("InvalidURL", delivered=False)
    except httpx.HTTPError as error:
        return Attempt(type(error).__name__, delivered=False)
    return Attempt(str(response.status_code), delivered=response.is_success, gone=response.status_code == 410)


def next_attempt(attempts: int, at: datetime) -> datetime | None:
    """When to try again after so many failed attempts; None where it was the last."""
    return at + RETRIES[attempts - 1] if attempts <= len(RETRIES) else None
