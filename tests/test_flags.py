"""Which days are flagged: what was missed of them against a count by the minute, what is odd by hand arithmetic."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import flags, tables
from tests.detect.test_thresholds import day

MIDNIGHT = datetime(2024, 1, 1)
MINUTES = 5 * 1440
Spans = Sequence[tuple[int, int]]


def at(minute: int) -> datetime:
    """So many minutes after the first midnight."""
    return MIDNIGHT + timedelta(minutes=minute)


def coverage(covered: Spans, missed: Spans = (), source: str = "a") -> pl.DataFrame:
    """Rows of a source, in minutes from the first midnight."""
    rows = [
        {"source": source, "state": state, "starts_at": at(start), "ends_at": at(end), "n_events": 0, "n_ignored": 0,
         "reason": "too slow" if state == "missed" else None}
        for state, spans in (("covered", covered), ("missed", missed)) for start, end in spans
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.COVERAGE.schema)


def oracle(covered: Spans, missed: Spans, going_on: bool, closed: int, now: int) -> dict[date, float]:
    """Hours missed of each day, minute by minute."""
    seen, lost = np.zeros(MINUTES, dtype=bool), np.zeros(MINUTES, dtype=bool)
    for start, end in covered:
        seen[start : min(end, now)] = True
    for start, end in missed:
        lost[start : min(end, now)] = True
    known = [start for start, _ in covered if start < now]
    if known:
        end = max(min(end, now) for start, end in covered if start < now)
        first, last = min(known) // 1440 * 1440, max(end, (closed + 1) * 1440) if going_on else end
        lost[first:last] |= ~seen[first:last]
    hours = lost.reshape(-1, 1440).sum(axis=1) / 60
    return {day(n): float(h) for n, h in enumerate(hours) if h}


spans = st.lists(
    st.tuples(st.integers(0, MINUTES - 1), st.integers(1, 2000)).map(lambda s: (s[0], min(s[0] + s[1], MINUTES))),
    max_size=6,
)


@settings(max_examples=200, derandomize=True)
@given(spans, spans, st.booleans(), st.integers(0, 4), st.integers(0, MINUTES))
def test_missed_is_what_a_count_by_the_minute_finds(
    covered: Spans, missed: Spans, going_on: bool, closed: int, now: int
) -> None:
    # A day closes hours after its end.
    closed = min(closed, now // 1440 - 1)
    got = flags.hours(flags.missed(coverage(covered, missed), ["a"] if going_on else [], day(closed), at(now)))
    assert dict(got.select("time_value", "hours").iter_rows()) == pytest.approx(
        oracle(covered, missed, going_on, closed, now)
    )


def test_a_seam_between_two_batches_is_no_gap() -> None:
    second = timedelta(seconds=1)
    rows = coverage([(0, 720), (720, 1440)])
    apart = rows.with_columns(pl.col("starts_at") + pl.Series([timedelta(0), 59 * second]))
    assert flags.missed(apart, [], day(0), at(1440)).is_empty()
    further = rows.with_columns(pl.col("starts_at") + pl.Series([timedelta(0), 60 * second]))
    assert flags.missed(further, [], day(0), at(1440)).rows() == [("a", at(720), at(721), None)]


def test_a_source_that_never_says_what_it_covers_missed_what_it_says() -> None:
    assert flags.missed(coverage([]), ["a"], day(3), at(MINUTES)).is_empty()
    told = flags.missed(coverage([], [(1380, 1500)]), ["a"], day(3), at(MINUTES))
    assert told.rows() == [("a", at(1380), at(1500), "too slow")]
    assert flags.hours(told).rows() == [("a", day(0), 1.0), ("a", day(1), 1.0)]


def test_what_is_told_to_be_missed_is_no_hole_too() -> None:
    told = flags.missed(coverage([(0, 700), (800, 1440)], [(710, 790)]), [], day(0), at(1440))
    assert told.select("starts_at", "reason").rows() == [(at(700), None), (at(710), "too slow"), (at(790), None)]


def posts(**sources: int) -> pl.DataFrame:
    """Posts a day of population all, for thirty days."""
    rows = [
        {"population": "all", "time_value": day(n), "source": name, "n": count}
        for n in range(30) for name, count in sources.items()
    ]  # fmt: skip
    return pl.DataFrame(rows)


def hours(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """What was missed."""
    return pl.DataFrame(
        [(source, day(n), h) for source, n, h in rows],
        schema={"source": pl.String, "time_value": pl.Date, "hours": pl.Float64}, orient="row",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "lost", "reason", "out"),
    [
        ({"a": 10}, [("a", 28, 0.95)], None, False),
        ({"a": 10}, [("a", 28, 1.0)], "about 4 % of the usual posts missed; a 1.0 h", False),
        # Of one source half a day is left out, as its hours may differ.
        ({"a": 10}, [("a", 28, 11.9)], "about 50 % of the usual posts missed; a 11.9 h", False),
        ({"a": 10}, [("a", 28, 12.0)], "about 50 % of the usual posts missed; a 12.0 h", True),
        ({"a": 10}, [("a", 28, 24.0)], "about 100 % of the usual posts missed; a 24.0 h", True),
        # A tenth of the posts: an hour of it is .4 %, ten hours are 4.2 %; all of it is a tenth of the mix.
        ({"a": 10, "b": 90}, [("a", 28, 9.0)], None, False),
        ({"a": 10, "b": 90}, [("a", 28, 10.0)], "about 4 % of the usual posts missed; a 10.0 h", False),
        ({"a": 10, "b": 90}, [("a", 28, 24.0)], "about 10 % of the usual posts missed; a 24.0 h", True),
        # Half of half is left: a third of the mix, not a half.
        ({"a": 50, "b": 50}, [("a", 28, 12.0)], "about 25 % of the usual posts missed; a 12.0 h", True),
        # 3/4 of half: 3/7 of the mix, .07 less; both alike: the mix as it was.
        ({"a": 50, "b": 50}, [("a", 28, 6.0)], "about 13 % of the usual posts missed; a 6.0 h", False),
        ({"a": 50, "b": 50}, [("b", 28, 9.0), ("a", 28, 9.0)],
         "about 38 % of the usual posts missed; a 9.0 h, b 9.0 h", False),
        # .9 · 6/24 + .1 · 12/24 = .275
        ({"a": 10, "b": 90}, [("b", 28, 6.0), ("a", 28, 12.0)],
         "about 28 % of the usual posts missed; a 12.0 h, b 6.0 h", False),
        ({"a": 10}, [("elsewhere", 28, 24.0)], None, False),
    ],
)
def test_a_gap_is_an_hour_of_the_usual_posts(
    sources: dict[str, int], lost: list[tuple[str, int, float]], reason: str | None, out: bool
) -> None:
    got = flags.gaps(hours(*lost), posts(**sources))
    assert got.rows() == ([("all", day(28), "gap", reason, out)] if reason else [])


def test_what_a_source_is_usually_worth_is_that_of_the_28_days_to_the_gap() -> None:
    new = pl.concat([posts(a=10), posts(b=90).filter(pl.col("time_value") >= day(28))])
    told = flags.gaps(hours(("b", 27, 24.0), ("b", 28, 24.0)), new)
    # Of 28 · 10 + 90 posts of the days 1 to 28, 90 are b's; of those to day 27 none.
    assert told["reason"].to_list() == [f"about {round(100 * 90 / 370)} % of the usual posts missed; b 24.0 h"]


def counted(n_posts: Sequence[int]) -> pl.DataFrame:
    """So many posts a day of population all; day 0 is a Monday."""
    days = [day(n) for n in range(len(n_posts))]
    return pl.DataFrame({"population": "all", "time_value": days, "n_posts": n_posts})


@pytest.mark.parametrize(
    ("n_posts", "told"),
    [
        ([100] * 30, {}),
        ([*[100] * 29, 33], {29: "33 posts, usually 100"}),
        ([*[100] * 29, 34], {}),
        ([*[100] * 29, 301, 300], {29: "301 posts, usually 100"}),
        ([*[100] * 7, 0], {7: "0 posts, usually 100"}),
        ([*[100] * 6, 0], {}),
        # Every Monday is busy: from the third one on that is known.
        ([400 if n % 7 == 0 else 100 for n in range(30)], {7: "400 posts, usually 100"}),
    ],
)
def test_an_odd_volume_is_a_third_or_three_times_of_the_usual_one(n_posts: list[int], told: dict[int, str]) -> None:
    got = flags.volumes(counted(n_posts))
    assert got.rows() == [("all", day(n), "volume", reason, False) for n, reason in told.items()]


def told(*rows: tuple[int, str, str | None], out: bool = False, issue: datetime | None = None) -> pl.DataFrame:
    """Flags of population all."""
    frame = pl.DataFrame(
        [("all", day(n), kind, reason, out and reason is not None) for n, kind, reason in rows],
        schema={name: dtype for name, dtype in tables.FLAGS.schema.items() if name != "issue"}, orient="row",
    )  # fmt: skip
    return frame.with_columns(issue=pl.lit(issue)) if issue else frame


def test_only_what_changed_is_issued_and_what_no_longer_holds_is_withdrawn() -> None:
    known = told((1, "gap", "x"), (2, "gap", "x"), (3, "gap", "x"), (4, "gap", "x"), (5, "gap", None), issue=MIDNIGHT)
    found = told((3, "gap", "x"), (4, "gap", "y"), (5, "gap", "z"), (6, "gap", "z"))
    got = flags.changed(found, known, since=day(2))
    assert got.rows() == told((2, "gap", None), (4, "gap", "y"), (5, "gap", "z"), (6, "gap", "z")).rows()
    later = pl.concat([known, got.with_columns(issue=pl.lit(MIDNIGHT + timedelta(days=1)))])
    latest = later.sort("issue").unique(["population", "time_value", "kind"], keep="last")
    assert flags.changed(found, latest, since=day(2)).is_empty()
    assert flags.changed(told((3, "gap", "x"), out=True), latest, since=day(3)).filter("left_out").height == 1


def test_what_stands_is_one_sentence_a_day() -> None:
    both = pl.concat([
        told((2, "volume", "9 posts, usually 90"), (3, "gap", None), issue=MIDNIGHT),
        told((2, "gap", "half"), out=True, issue=MIDNIGHT),
    ])  # fmt: skip
    assert flags.standing(both).rows() == [("all", day(2), "gap: half; volume: 9 posts, usually 90", True)]
