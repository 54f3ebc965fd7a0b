"""Intervals of what was read and missed, held against a clock told minute by minute."""

from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import covered
from barograph.covered import Interval
from barograph.sources import Missed
from tests.streams.landed import after

HOURS = 12
SPANS = st.tuples(st.integers(0, HOURS), st.integers(0, HOURS)).map(lambda pair: (min(pair), max(pair)))
TOLD = st.tuples(st.one_of(st.none(), SPANS), st.lists(SPANS, max_size=2))


def hours(intervals: list[Interval]) -> dict[int, str]:
    """Hour after NOON → its state, of every hour that lies in an interval."""
    found: dict[int, str] = {}
    for one in intervals:
        for hour in range(HOURS):
            if one.starts_at <= after(hour) and after(hour + 1) <= one.ends_at:
                assert hour not in found, "two intervals hold one hour"
                found[hour] = one.state
    return found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(segments=st.lists(TOLD, max_size=6))
def test_what_was_told_last_of_an_hour_holds(segments: list[tuple[tuple[int, int] | None, list[tuple[int, int]]]]) -> None:
    known: list[Interval] = []
    oracle: dict[int, str] = {}
    told = 0
    for span, gaps in segments:
        missed = [Missed(after(start), after(end), "down") for start, end in gaps]
        known = covered.told(known, span and (after(span[0]), after(span[1])), missed, 7, 2)
        now = dict.fromkeys(range(*span), "covered") if span else {}
        now |= {hour: "missed" for start, end in gaps for hour in range(start, end)}
        oracle |= now
        told += 7 if span else 0
    assert hours(known) == oracle
    assert known == sorted(known, key=lambda one: one.starts_at)
    for state in ("covered", "missed"):
        mine = [one for one in known if one.state == state]
        assert all(one.ends_at < two.starts_at for one, two in pairwise(mine)), "those that touch are one"
    rows = covered.rows("sky", known)
    assert covered.intervals_of(rows) == known
    assert rows.height == rows.select(pl.struct("state", "starts_at").n_unique()).item()


def test_events_stay_with_what_was_covered() -> None:
    first = covered.told([], (after(0), after(4)), [], 10, 3)
    second = covered.told(first, (after(4), after(6)), [], 5, 1)
    assert second == [Interval("covered", after(0), after(6), None, 15, 4)]
    gap = covered.told(second, None, [Missed(after(2), after(3), "the cursor was too old")], 0, 0)
    assert gap == [
        Interval("covered", after(0), after(2), None, 15, 4), Interval("missed", after(2), after(3), "the cursor was too old"),
        Interval("covered", after(3), after(6)),
    ]  # fmt: skip
    caught_up = covered.told(gap, (after(2), after(3)), [], 2, 0)
    assert caught_up == [Interval("covered", after(0), after(6), None, 17, 4)]


def test_a_source_whose_clock_was_set_back_is_read_in_order() -> None:
    [one] = covered.told([], (after(3), after(1)), [], 1, 0)
    assert (one.starts_at, one.ends_at) == (after(1), after(3))


def test_missed_for_two_reasons_each_part_has_one() -> None:
    known = covered.told([], None, [Missed(after(0), after(4), "down")], 0, 0)
    known = covered.told(known, None, [Missed(after(2), after(6), "too slow")], 0, 0)
    assert [(one.starts_at, one.ends_at, one.reason) for one in known] == [
        (after(0), after(4), "down"), (after(4), after(6), "too slow"),
    ]  # fmt: skip
    assert isinstance(known[0].starts_at, datetime)
    assert known[1].ends_at - known[0].starts_at == timedelta(hours=6)
