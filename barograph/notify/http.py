"""Notifications by HTTP: signed webhooks, and the forms that Slack, Teams and Alertmanager read."""

import base64
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import unquote

import httpcore
import httpx
from standardwebhooks import Webhook

from barograph.notify.attempt import Attempt, Send
from barograph.notify.connection import Deadline, GuardedBackend
from barograph.notify.forms import payload
from barograph.retry_after import wait_asked
from barograph.settings import Receiver

_ALERTS = b"/api/v2/alerts"
_NONE = (204, 304)


@contextmanager
def posting(
    receiver: Receiver, url: httpx.URL, secret: str, allowed: Collection[str], deadline: Deadline
) -> Iterator[Send]:
    """What posts to `url`. Any 2xx is an arrival; redirects are not followed, proxies of the environment not used.

    The answer's body is not read where it is long: it says nothing, and may never end.
    """
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=_path(receiver.kind, url.raw_path)
    )
    backend = GuardedBackend(allowed, deadline)
    with httpcore.ConnectionPool(httpx.create_ssl_context(), network_backend=backend) as pool:

        def send(notification_id: str, body: str, at: datetime) -> Attempt:
            content = payload(receiver, body).encode()
            headers = {
                b"Host": url.netloc, b"Content-Type": b"application/json", b"User-Agent": b"barograph",
                b"Content-Length": str(len(content)).encode(),
                **_authority(receiver.kind, url, secret, notification_id, at, content),
            }  # fmt: skip
            deadline.restart()
            try:
                with pool.stream("POST", target, headers=list(headers.items()), content=content) as response:
                    attempt = _attempt(response, at)
                    _finish(response)
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                return Attempt(type(error).__name__, delivered=False, reached=False)
            return attempt

        yield send


def _path(kind: str, path: bytes) -> bytes:
    """Alertmanager is named by where it is, not by the path of its API."""
    return path.rstrip(b"/").removesuffix(_ALERTS) + _ALERTS if kind == "alertmanager" else path


def _authority(
    kind: str, url: httpx.URL, secret: str, notification_id: str, at: datetime, content: bytes
) -> dict[bytes, bytes]:
    """Headers by which the receiver knows us: signatures of a webhook, a token, a name and password in the address."""
    if kind == "webhook":
        moment = at.replace(tzinfo=UTC)
        signatures = (Webhook(one).sign(notification_id, moment, content.decode()) for one in secret.split())
        signed = {
            b"webhook-id": notification_id.encode(),
            b"webhook-timestamp": str(int(moment.timestamp())).encode(),
            b"webhook-signature": " ".join(signatures).encode(),
        }
    else:
        signed = {}
    if kind == "alertmanager" and secret:
        return {b"Authorization": f"Bearer {secret}".encode()}
    if url.userinfo:
        return signed | {b"Authorization": b"Basic " + base64.b64encode(unquote(url.userinfo.decode()).encode())}
    return signed


def _attempt(response: httpcore.Response, at: datetime) -> Attempt:
    header = next((value for name, value in response.headers if name.lower() == b"retry-after"), None)
    delivered = 200 <= response.status < 300
    return Attempt(
        str(response.status),
        delivered=delivered,
        gone=response.status == 410,
        asked=None if delivered or header is None else wait_asked(header.decode("latin-1"), at),
    )


def _finish(response: httpcore.Response) -> None:
    """Read a short answer to its end, so that its connection can be used again; any other ends the connection."""
    length = next((value for name, value in response.headers if name.lower() == b"content-length"), None)
    if response.status in _NONE or (length is not None and length.isdigit() and int(length) <= _SHORT):
        response.read()


_SHORT = 4096
"""Bytes of an answer that are read and forgotten."""
