"""What comes of sending one notification once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Attempt:
    """The answer of a receiver, or why there was none. It holds no word of the receiver's own."""

    result: str
    """HTTP or SMTP status, or the kind of failure."""
    delivered: bool
    gone: bool = False
    """The receiver wants nothing more (410)."""
    reached: bool = True
    """It is worth sending it the next notification now."""
    asked: timedelta | None = None
    """The wait that the receiver asks for before anything else is sent to it."""


Send = Callable[[str, str, datetime], Attempt]
"""Send one notification: its id, its body as kept in the outbox, the clock (naive UTC)."""
