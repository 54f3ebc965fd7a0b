"""What a server asks for by `Retry-After`."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from barograph.clock import naive_utc

LONGEST_ASKED = timedelta(days=1)
"""A server that asks for a longer wait is asked again after this."""


def wait_asked(header: str | None, at: datetime) -> timedelta | None:
    """What `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3), at most a day; None where it says nothing."""
    if header is None:
        return None
    header = header.strip()
    if header.isascii() and header.isdigit():
        wait = timedelta(seconds=min(int(header[:9]), LONGEST_ASKED.total_seconds()))
    else:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        wait = naive_utc(until) - at
    return min(max(wait, timedelta(0)), LONGEST_ASKED)
