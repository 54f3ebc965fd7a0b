"""The clock. Only flows and delivery look at it; stages are told what time it is."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
