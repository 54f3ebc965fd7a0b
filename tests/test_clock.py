"""Times since 1970, in the units in which networks tell them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.clock import MICROSECOND, MILLISECOND, SECOND, from_epoch, naive_utc, to_epoch


@pytest.mark.parametrize(
    ("n", "unit"), [(1_772_361_000, SECOND), (1_772_361_000_000, MILLISECOND), (1_772_361_000_000_000, MICROSECOND)]
)
def test_a_time_is_the_same_in_every_unit(n: int, unit: timedelta) -> None:
    # date -u -d 2026-03-01T10:30:00Z +%s
    assert from_epoch(n, unit) == datetime(2026, 3, 1, 10, 30)
    assert to_epoch(datetime(2026, 3, 1, 10, 30), unit) == n


@settings(derandomize=True)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_no_microsecond_is_lost(at: datetime) -> None:
    assert from_epoch(to_epoch(at, MICROSECOND), MICROSECOND) == at
    assert abs(to_epoch(at, SECOND) - at.replace(tzinfo=UTC).timestamp()) < 1e-6


def test_a_zone_is_counted() -> None:
    assert to_epoch(naive_utc(datetime.fromisoformat("2026-03-01T12:30:00+02:00")), SECOND) == 1_772_361_000
