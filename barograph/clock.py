"""The clock. Only flows, delivery and annotators look at it; stages are told what time it is."""

from datetime import UTC, date, datetime, timedelta


def utc_now() -> datetime:
    """Now, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


_EPOCH = datetime(1970, 1, 1)
SECOND, MILLISECOND, MICROSECOND = timedelta(seconds=1), timedelta(milliseconds=1), timedelta(microseconds=1)


def from_epoch(n: float, unit: timedelta) -> datetime:
    """The time so many units after 1970 began, naive UTC."""
    return _EPOCH + n * unit


def to_epoch(at: datetime, unit: timedelta) -> float:
    """How many units after 1970 began a time is, naive UTC; whole microseconds are exact."""
    return (at - _EPOCH) / unit


def naive_utc(given: datetime) -> datetime:
    """A time as tables hold it: in UTC, without a zone; one without is taken for UTC."""
    return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given


def last_closed_day(now: datetime, closing_hours: float) -> date:
    """The newest UTC day that has closed at `now`: so many hours after its midnight."""
    return (now - timedelta(days=1, hours=closing_hours)).date()
