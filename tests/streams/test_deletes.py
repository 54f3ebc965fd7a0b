"""What is deleted goes with all that hangs on it; what was published of it changes with the daily batch alone."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from barograph import tables
from barograph.home import Home
from barograph.settings import Settings
from barograph.store import Warehouse
from flows.load import load
from flows.progress import Reporter
from flows.reading import Reading
from flows.stages import Run, aggregate, publish, score
from tests.streams.landed import SKY, arrived, event, home_at, land

DAY = date(2024, 3, 1)
SETTINGS = Settings(minimum_authors=2)
READING = Reading(SETTINGS.marker)
JOY, PLAIN = "what a joyful day, I am so happy", "the bus was on time"


def run(place: Home, clock: datetime, *, publishes: bool = False) -> Run:
    """The stages from load to aggregate, at a time by the clock, as `up` runs them."""
    done = Run(place, SETTINGS, (SKY,), Reporter(silent=True), command="up", live=True, clock=clock)
    done.reading = READING
    with Warehouse(place.warehouse) as warehouse:
        for stage in (load, score, aggregate, *((publish,) if publishes else ())):
            stage.fn(done, warehouse)
    return done


def at(day: int, hour: float = 12) -> datetime:
    """A time on the day so many days after DAY."""
    return datetime.combine(DAY, datetime.min.time()) + timedelta(days=day, hours=hour)


def posts(day: int, n: int = 10, **values: Any) -> list[dict[str, Any]]:
    """Posts of one day by as many authors, every second of them of joy."""
    return [
        event("post", f"{day}-{i}", author=f"a{i}", created_at=f"{at(day, 1 + i / 10)}Z", text=PLAIN if i % 2 else JOY, **values)
        for i in range(n)
    ]  # fmt: skip


def joy(place: Home, day: int) -> list[tuple[datetime, int, float | None, str | None]]:
    """Every issue of one day: when, how many posts, their share of joy, why there is none."""
    with Warehouse(place.warehouse) as warehouse:
        rows = warehouse.read(tables.SERIES).filter(
            pl.col("marker") == "joy", pl.col("unit") == "posts", pl.col("method") == "lexicon",
            pl.col("time_value") == DAY + timedelta(days=day), pl.col("population") == "all",
        )  # fmt: skip
    return rows.sort("issue").select("issue", "n_posts", "prevalence", "missing_reason").rows()


def test_a_closed_day_that_lost_posts_is_issued_again_once_a_day(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *posts(1)))
    run(place, at(3, 8))
    assert joy(place, 0) == [(at(3, 8), 10, 0.5, None)]
    land(place, arrived(event("delete", "0-0")))
    run(place, at(3, 9))
    land(place, arrived(event("delete", "0-2"), event("leave", author="a4")))
    run(place, at(3, 23))
    with Warehouse(place.warehouse) as warehouse:  # gone from every read at once
        kept = warehouse.read(tables.POSTS)["post_id"].to_list()
        scored = warehouse.read(tables.SCORES)["post_id"].to_list()
    assert {"sky:0-0", "sky:0-2", "sky:0-4", "sky:1-4"}.isdisjoint(kept + scored)
    assert len(joy(place, 0)) == 1
    run(place, at(4, 0.1))
    # Of five posts of joy among ten, three went: 2 of 7. The next day lost one of joy: 4 of 9.
    assert joy(place, 0)[1:] == [(at(4, 0.1), 7, round(2 / 7, 12), None)]
    assert joy(place, 1)[1:] == [(at(4, 0.1), 9, round(4 / 9, 12), None)]
    run(place, at(4, 9))
    assert len(joy(place, 0)) == 2


def test_a_clock_that_jumped_does_no_harm(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *posts(1)))
    run(place, at(3, 8))
    land(place, arrived(event("post", "late", author="late", created_at=f"{at(0, 20)}Z", text=JOY)))
    run(place, at(300, 8))  # the clock jumps ahead by most of a year
    assert joy(place, 0)[-1] == (at(300, 8), 11, round(6 / 11, 12), None)
    land(place, arrived(event("delete", "0-1")))
    run(place, at(3, 9))  # and back: what is known now is known now
    assert joy(place, 0)[1] == (at(3, 9), 10, 0.6, None)
    run(place, at(300, 9))  # what was issued in the time of the jump is put right once that comes
    assert joy(place, 0)[-1] == (at(300, 9), 10, 0.6, None)


def test_a_day_that_lost_all_its_posts_says_so(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *posts(1), *posts(2)))
    run(place, at(4, 8), publishes=True)
    land(place, arrived(*(event("delete", f"{day}-{i}") for i in range(10) for day in (0, 2))))
    run(place, at(5, 8), publishes=True)
    for day in (0, 2):
        assert joy(place, day)[1:] == [(at(5, 8), 0, None, "no posts")]
    assert joy(place, 1)[1:] == []
    with Warehouse(place.warehouse) as warehouse:
        assert warehouse.read(tables.SOURCE_DAYS)["time_value"].to_list() == [DAY + timedelta(days=1)]
    run(place, at(6, 8))
    assert len(joy(place, 0)) == 2


def test_counts_of_a_source_tell_of_deletes_and_edits_with_the_daily_batch_alone(tmp_path: Path) -> None:
    def counts() -> list[tuple[object, ...]]:
        with Warehouse(place.warehouse) as warehouse:
            told = warehouse.read(tables.SOURCES).select("first_post", "last_post", "n_posts", "n_unmeasured")
            days = warehouse.read(tables.SOURCE_DAYS).select("time_value", "n_posts", "n_authors", "n_unmeasured")
        return [*told.rows(), *days.rows()]

    def edited(name: str, **more: str) -> dict[str, Any]:
        return event("update", name, author=name.replace("0-", "a"), created_at=f"{at(0, 2)}Z", text="words", **more)

    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *(post | {"lang": "qu"} for post in posts(1))))
    run(place, at(3, 8), publishes=True)
    before = counts()
    assert before == [
        (at(0, 1), at(1, 1.9), 20, 10), (DAY, 10, 10, 0), (DAY + timedelta(days=1), 10, 10, 10),
    ]  # fmt: skip
    land(place, arrived(event("delete", "0-0"), event("delete", "1-9"), edited("0-5")))
    run(place, at(3, 9), publishes=True)
    assert counts() == before
    land(place, arrived(*posts(2)))  # what comes is counted at once
    run(place, at(3, 10), publishes=True)
    assert counts() == [(at(0, 1), at(2, 1.9), 30, 10), *before[1:], (DAY + timedelta(days=2), 10, 10, 0)]
    run(place, at(4, 8), publishes=True)
    assert counts() == [
        (at(0, 1.1), at(2, 1.9), 28, 9), (DAY, 9, 9, 0), (DAY + timedelta(days=1), 9, 9, 9), (DAY + timedelta(days=2), 10, 10, 0),
    ]  # fmt: skip


def test_a_late_post_opens_its_day_again_at_once(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *posts(1)))
    run(place, at(3, 8))
    land(place, arrived(event("post", "late", author="late", created_at=f"{at(0, 20)}Z", text=JOY)))
    run(place, at(3, 9))
    assert joy(place, 0)[1:] == [(at(3, 9), 11, round(6 / 11, 12), None)]


def test_a_changed_text_is_read_anew_with_the_daily_batch(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0), *posts(1)))
    run(place, at(3, 8))
    land(place, arrived(event("update", "0-0", author="a0", created_at=f"{at(0, 22)}Z", text=PLAIN)))
    done = run(place, at(3, 9))
    assert done.counts["changed"] == 1
    assert joy(place, 0)[1:] == []  # two issues would tell what this person said before and after
    run(place, at(4, 9))
    assert joy(place, 0)[1:] == [(at(4, 9), 10, 0.4, None)]
    with Warehouse(place.warehouse) as warehouse:
        [row] = warehouse.read(tables.POSTS).filter(pl.col("post_id") == "sky:0-0").to_dicts()
    assert (row["text"], row["created_at"]) == (PLAIN, at(0, 1))  # when it was posted stays


def test_a_home_that_lost_posts_is_as_one_that_never_had_them(tmp_path: Path) -> None:
    with_them, without = home_at(tmp_path / "a"), home_at(tmp_path / "b")
    gone = {"0-0", "0-3", "1-5", "2-2", "2-9"}
    every = [*posts(0, 12), *posts(1, 12), *posts(2, 12)]
    land(with_them, arrived(*every), arrived(*(event("delete", name) for name in sorted(gone))))
    land(without, arrived(*(post for post in every if post["id"] not in gone)))
    for place in (with_them, without):
        run(place, at(4, 8), publishes=True)
    for table in (tables.SERIES, tables.SCORES, tables.SOURCES, tables.SOURCE_DAYS):
        frames = []
        for place in (with_them, without):
            with Warehouse(place.warehouse) as warehouse:
                frames.append(sorted(warehouse.read(table).rows(), key=repr))
        assert frames[0] == frames[1], table.name


def test_what_was_answered_of_a_post_that_was_deleted_meanwhile_is_not_taken_in(tmp_path: Path) -> None:
    place = home_at(tmp_path)
    land(place, arrived(*posts(0)))
    run(place, at(3, 8))
    place.annotations.mkdir()
    usual = {
        "task": "emotions", "label": "{}", "cues": "[]", "explanation": "it says", "annotator": "a", "model": "m",
        "prompt_version": "v", "text_hash": "h", "status": "ok", "reason": None, "failures": None,
        "inclusion_probability": 1.0, "tokens_in": 1, "tokens_out": 1, "cost": 0.0, "annotated_at": str(at(3, 9)),
    }  # fmt: skip
    answers = [{"post_id": name, **usual} for name in ("sky:0-0", "sky:0-1", "canaries:1@2024-03-01")]
    path = place.annotations / "000001.jsonl"
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    land(place, arrived(event("delete", "0-0")))
    assert run(place, at(3, 10)).answers_left == {"emotions": 3}
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))  # answered while it was deleted
    run(place, at(3, 11))
    with Warehouse(place.warehouse) as warehouse:
        told = warehouse.read(tables.ANNOTATIONS)["post_id"].to_list()
    assert sorted(told) == ["canaries:1@2024-03-01", "sky:0-1"]
