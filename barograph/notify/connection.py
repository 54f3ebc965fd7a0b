"""Connections to public hosts alone, and the time that an exchange may take in all.

What a name leads to is looked up once, held against the rule, and connected to: between the check and the connection
the name cannot come to mean another address.
"""

import ipaddress
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from ssl import SSLContext
from typing import Any

import httpcore

_EMBEDDED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that hold an IPv4 address in their last bits (RFC 6052)."""


class Refused(httpcore.ConnectError):
    """The host is private, loopback or link-local, and the config does not allow it."""


def is_public(address: str) -> bool:
    """Whether an IP address is one that the whole internet shares; of one within another, the inner one counts."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _EMBEDDED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def is_local(host: str) -> bool:
    """Whether a host says without any look-up that it is not public: an address, or a name of this machine."""
    bare = host.strip("[]").rstrip(".").lower()
    with suppress(ValueError):
        return not is_public(str(ipaddress.ip_address(bare.partition("%")[0])))
    return bare == "localhost" or bare.endswith(".localhost")


class Deadline:
    """Time that an exchange may take, however it is spent: a receiver that drips is given up like one that hangs."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Another exchange begins."""
        self._end = time.monotonic() + self._seconds

    def left(self) -> float:
        """Seconds left. Raises `httpcore.ReadTimeout` where none are."""
        if (left := self._end - time.monotonic()) <= 0:
            raise httpcore.ReadTimeout
        return left


def connect(host: str, port: int, allowed: Collection[str], deadline: Deadline) -> httpcore.NetworkStream:
    """A connection to the first address of `host` that takes one. allowed: hosts that may be anywhere.

    Raises `Refused`, `httpcore.ConnectError` or `httpcore.TimeoutException`.
    """
    addresses = _addresses(host, port)
    if host.lower() not in allowed and not all(map(is_public, addresses)):
        raise Refused
    for address in addresses[:-1]:
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            return httpcore.SyncBackend().connect_tcp(address, port, deadline.left() / 2)
    return httpcore.SyncBackend().connect_tcp(addresses[-1], port, deadline.left())


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpcore.ConnectError from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """What httpcore connects with: every connection as `connect` makes it, every wait within the deadline."""

    def __init__(self, allowed: Collection[str], deadline: Deadline) -> None:
        self._allowed, self._deadline = allowed, deadline

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """A guarded connection; the other arguments are what httpcore would wait for and bind to."""
        return _Stream(connect(host, port, self._allowed, self._deadline), self._deadline)


class _Stream(httpcore.NetworkStream):
    """A stream whose waits end with the deadline, whatever time-out it is given."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
