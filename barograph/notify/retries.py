"""When a notification that did not arrive is tried again."""

import hashlib
from datetime import datetime, timedelta

RETRIES = tuple(
    timedelta(**wait)
    for wait in (
        {"seconds": 5}, {"minutes": 5}, {"minutes": 30}, {"hours": 2}, {"hours": 5}, {"hours": 10}, {"hours": 14},
        {"hours": 20}, {"hours": 24},
    )
)  # fmt: skip
"""Waits after the 1st, 2nd, … failed attempt; after the last the notification is dead."""
JITTER = 0.1
"""Part of a wait that is added at most, so that what failed together is not tried together."""


def next_attempt(attempts: int, at: datetime, notification_id: str, asked: timedelta | None = None) -> datetime | None:
    """When to try again after so many failed attempts; None where it was the last.

    The jitter is a hash of id and attempt, so that the same failure has the same answer. asked: the wait that the
    receiver asked for, kept where it is the longer one.
    """
    if attempts > len(RETRIES):
        return None
    digest = hashlib.sha256(f"{notification_id}\n{attempts}".encode()).digest()
    wait = RETRIES[attempts - 1] * (1 + JITTER * int.from_bytes(digest[:4], "big") / 2**32)
    return at + max(wait, asked or timedelta(0))
