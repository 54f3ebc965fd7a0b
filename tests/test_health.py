"""How sources fare, from rows made by hand."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from barograph import health, tables, wording
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW


def source(**over: Any) -> pl.DataFrame:
    return frames.sources().with_columns(**{k: pl.lit(v, tables.SOURCES.schema[k]) for k, v in over.items()})


def kinds(days: pl.DataFrame) -> dict[int, str]:
    """Days before LAST → what is odd about them."""
    odd = health.volumes(days).filter(pl.col("kind") != "usual")
    return {(LAST - day).days: kind for day, kind in odd.select("time_value", "kind").iter_rows()}


def test_a_day_without_a_post_is_a_gap_and_a_third_or_three_times_the_usual_is_odd() -> None:
    days = frames.source_days(60, gaps=(5, 6, 30), odd={10: 300, 11: 299, 20: 33, 21: 34})
    assert kinds(days) == {5: "gap", 6: "gap", 30: "gap", 10: "high", 20: "low"}
    usual = dict(health.volumes(days).select("time_value", "usual").iter_rows())
    assert usual[LAST] == 100


def test_neither_end_nor_a_day_with_little_before_it_is_odd() -> None:
    assert kinds(frames.source_days(60, odd={0: 5, 59: 900, 55: 900})) == {}
    # Six days before tell nothing, the seventh does.
    assert kinds(frames.source_days(60, odd={53: 900, 52: 900})) == {52: "high"}


def test_each_source_has_its_own_days() -> None:
    both = pl.concat([frames.source_days(30, gaps=(3,)), frames.source_days(20, source="board", odd={4: 500})])
    found = health.volumes(both)
    assert dict(found.group_by("source").len().iter_rows()) == {"files": 30, "board": 20}
    assert found.filter(pl.col("kind") != "usual").select("source", "kind").rows() == [("board", "high"), ("files", "gap")]
    assert health.volumes(both.clear()).is_empty()


@pytest.mark.parametrize(
    ("over", "state"),
    [
        ({}, "fresh"),
        ({"last_post": NOW - timedelta(days=1)}, "fresh"),
        ({"last_post": NOW - timedelta(days=1, minutes=1)}, "late"),
        ({"last_post": NOW - timedelta(days=2, minutes=1)}, "silent"),
        ({"last_post": None, "first_post": None, "n_posts": 0}, "empty"),
        ({"updated_at": NOW - timedelta(days=3)}, "dropped"),
    ],
)
def test_the_state_of_a_source(over: dict[str, Any], state: str) -> None:
    (found,) = health.sources(source(**over), health.volumes(frames.source_days()), NOW)
    assert found.state == state
    assert found.well == (state == "fresh")


def test_the_worst_stand_first_and_gaps_are_of_the_last_28_days() -> None:
    rows = pl.concat([source(), source(source="board", last_post=NOW - timedelta(days=9)), source(source="a")])
    days = pl.concat([frames.source_days(60, gaps=(3, 27, 28)), frames.source_days(9, source="a")])
    found = health.sources(rows, health.volumes(days), NOW)
    assert [h.source for h in found] == ["board", "files", "a"]
    assert [(h.gaps, h.odd) for h in found] == [(0, 0), (2, 0), (0, 0)]
    assert health.sources(rows, health.volumes(days), None)[0].state == "fresh"


def issues(*rows: tuple[int, int, float, bool]) -> pl.DataFrame:
    """(days before LAST, posts, days from its end to the issue, provisional) each."""
    return pl.DataFrame([
        {"time_value": LAST - timedelta(days=ago), "n_posts": n, "provisional": open_,
         "issue": datetime.combine(LAST, datetime.min.time()) + timedelta(days=1 - ago + after)}
        for ago, n, after, open_ in rows
    ])  # fmt: skip


def test_late_posts_are_those_that_came_once_a_day_had_closed() -> None:
    rows = issues((3, 40, -0.5, True), (3, 90, 0.25, False), (3, 100, 1.5, False), (2, 100, 0.25, False), (1, 50, 0.3, True))
    assert health.late_share(rows) == (pytest.approx(0.05), 2)
    assert health.late_share(issues((3, 100, 2.1, False))) is None
    assert health.late_share(issues((3, 0, 0.2, False))) is None


def runs(*counts: tuple[int, int]) -> pl.DataFrame:
    """(rows read, rows set aside) of each run, in order."""
    return pl.concat([
        frames.run(started_at=NOW + timedelta(hours=n)).with_columns(
            run_id=pl.lit(f"r{n}"), n_read=pl.lit(read), n_quarantined=pl.lit(aside)
        )
        for n, (read, aside) in enumerate(counts)
    ])  # fmt: skip


def test_more_set_aside_is_twice_the_share_and_ten_rows() -> None:
    assert health.quarantine_rising(runs((1000, 10), (100, 10))) == (0.1, 0.01)
    assert health.quarantine_rising(runs((1000, 10), (100, 9))) is None
    assert health.quarantine_rising(runs((1000, 10), (1000, 20))) is None
    assert health.quarantine_rising(runs((100, 100))) is None
    assert health.quarantine_rising(runs((1000, 10), (100, 10), (0, 0))) == (0.1, 0.01)


def test_which_lines_lack_a_value_and_why() -> None:
    def row(population: str, ago: int, *, known: bool = True, reason: str | None = None) -> dict[str, Any]:
        return frames.LINE | {"population": population, "time_value": LAST - timedelta(days=ago), "known": known, "missing_reason": reason}

    rows = pl.DataFrame([
        row("all", 1), row("all", 0), row("north", 1), row("north", 0, known=False, reason="fewer than 20 authors"),
        row("south", 2, known=False, reason="no posts"), row("west", 3),
    ], infer_schema_length=None)  # fmt: skip
    found = health.missing(rows).select("population", "last_known", "reason").rows()
    behind = "no closed day so late"
    assert found == [
        ("north", LAST - timedelta(days=1), "fewer than 20 authors"), ("south", None, behind), ("west", LAST - timedelta(days=3), behind),
    ]  # fmt: skip


def test_what_streams_missed_lately_and_who_is_behind() -> None:
    ago = timedelta
    rows = frames.coverage(
        ("covered", NOW - ago(days=40), NOW - ago(days=29), None), ("missed", NOW - ago(days=29), NOW - ago(days=27), "full"),
        ("covered", NOW - ago(days=27), NOW - ago(minutes=61), None),
    )  # fmt: skip
    alone = frames.coverage(("missed", NOW - ago(days=2), NOW - ago(days=1), "full"), source="tellsonly")
    one, other = health.streams(pl.concat([rows, alone]), source(), NOW)
    # The first half day before it was first read is missed too, but longer ago than 28 days; so is one of the two days.
    assert (one.source, one.last, one.behind, one.hours) == ("files", NOW - ago(minutes=61), True, 24)
    assert one.missed["reason"].to_list() == ["full", None]
    assert (one.n_events, one.n_ignored) == (2000, 20)
    assert (other.first, other.last, other.behind, other.hours) == (None, None, False, 24)
    assert not health.streams(rows, source(updated_at=NOW - ago(days=3)), NOW)[0].behind
    assert health.streams(tables.COVERAGE.empty(), source(), None) == []


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.001, "<1 min"), (0.75, "45 min"), (3, "3 h"), (3 + 1 / 3, "3 h 20 min"), (47.999, "48 h"), (60, "2.5 d")],
)
def test_how_long_is_said(hours: float, said: str) -> None:
    assert wording.duration(hours).replace("\xa0", " ") == said
