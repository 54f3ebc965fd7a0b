"""The stage that flags days, on a home that was read by a stream for a while."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import forecasting
from barograph import flags, tables
from barograph.detect import closed_series
from barograph.home import Home
from barograph.settings import Population, Settings, Source
from barograph.store import Warehouse
from flows.flags import flag
from flows.load import load
from flows.progress import Reporter
from flows.stages import Run, aggregate, forecast, score, shares

FIRST = date(2024, 3, 1)
DAYS = 12


def moment(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 3, 1) + timedelta(days=day, hours=hour)


def covered(*spans: tuple[datetime, datetime], state: str = "covered") -> pl.DataFrame:
    """Rows of source `college`."""
    rows = [
        {"source": "college", "state": state, "starts_at": start, "ends_at": end, "n_events": 1, "n_ignored": 0,
         "reason": None if state == "covered" else "cursor too old"} for start, end in spans
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.COVERAGE.schema)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Twelve days of a post an hour by 24 people; the tenth has four, the last is not over. On the eighth all worry."""
    with (tmp_path / "posts.jsonl").open("w") as file:
        for day in range(DAYS):
            for hour in range(0, 24, 6 if day == 9 else 1):
                at = moment(day, hour) + timedelta(minutes=30)
                worried = day == 7 or (day * 7 + hour) % 11 < 2
                file.write(json.dumps({
                    "id": f"{day}-{hour}", "author": f"person {hour}", "text": "I had a panic attack" if worried else "A bus came late", "lang": "en",
                    "created_at": f"{at:%Y-%m-%dT%H:%M:%S}Z",
                }) + "\n")  # fmt: skip
    source = Source(name="college", kind="files", path=(str(tmp_path / "posts.jsonl"),))
    made = Run(Home(tmp_path / "home"), Settings(minimum_authors=1), (source,), Reporter(silent=True))
    made.home.prepare()
    return made


def flagged(run: Run, warehouse: Warehouse, now: datetime) -> list[tuple[int, str, str | None]]:
    """What stands after what there is was aggregated and flagged at `now`: day, kind, reason."""
    run.now = now
    aggregate.fn(run, warehouse)
    flag.fn(run, warehouse)
    latest = warehouse.latest(tables.FLAGS, run.moment).filter(pl.col("reason").is_not_null()).sort("time_value", "kind")
    return [((row[0] - FIRST).days, *row[1:]) for row in latest.select("time_value", "kind", "reason").iter_rows()]


ODD = (9, "volume", "4 posts, usually 24")


def loaded(run: Run, warehouse: Warehouse, coverage: pl.DataFrame) -> datetime:
    """Posts and coverage are in. Returns the time of the newest post."""
    load.fn(run, warehouse)
    score.fn(run, warehouse)
    warehouse.save({tables.COVERAGE: coverage})
    return run.moment


def test_what_is_covered_late_withdraws_a_flag_and_the_past_keeps_it(run: Run) -> None:
    half = covered((moment(0), moment(8, 12)), (moment(9), moment(11, 20)))
    with Warehouse(run.home.warehouse) as warehouse:
        then = loaded(run, warehouse, half)
        gap = (8, "gap", "about 50 % of the usual posts missed; college 12.0 h")
        assert flagged(run, warehouse, then) == [gap, ODD]
        assert run.moment == then
        assert flagged(run, warehouse, then) == [gap, ODD]
        assert run.moment == then  # nothing new, no issue
        warehouse.save({tables.COVERAGE: covered((moment(0), moment(11, 20)))})
        assert flagged(run, warehouse, then) == [ODD]
        assert run.moment > then  # an issue is never rewritten
        assert flags.standing(warehouse.latest(tables.FLAGS, then))["reason"].to_list() == [
            f"gap: {gap[2]}", f"volume: {ODD[2]}"
        ]  # fmt: skip
        rows = warehouse.read(tables.FLAGS)
        assert rows.height == 3


def test_what_is_not_read_by_the_time_a_day_closes_is_missed(run: Run) -> None:
    with Warehouse(run.home.warehouse) as warehouse:
        loaded(run, warehouse, covered((moment(0), moment(10, 21))))
        assert flagged(run, warehouse, moment(11, 5)) == [ODD]
        gap = (10, "gap", "about 13 % of the usual posts missed; college 3.0 h")
        assert flagged(run, warehouse, moment(11, 6)) == [ODD, gap]
        # A run of other posts says nothing of it.
        configured = run.sources
        run.settings, run.sources = run.settings.model_copy(update={"source": configured}), ()
        assert flagged(run, warehouse, moment(11, 7)) == [ODD, gap]
        # A source that is in the config no more ends where it ended.
        run.settings = run.settings.model_copy(update={"source": ()})
        assert flagged(run, warehouse, moment(11, 8)) == [ODD]


def test_what_is_to_come_is_not_known(run: Run) -> None:
    later = pl.concat([
        covered((moment(0), moment(11, 20))), covered((moment(4), moment(5)), (moment(9), moment(11)), state="missed"),
    ])  # fmt: skip
    with Warehouse(run.home.warehouse) as warehouse:
        loaded(run, warehouse, later)
        gap = (4, "gap", "about 25 % of the usual posts missed; college 6.0 h")
        assert flagged(run, warehouse, moment(4, 6)) == [gap]


def test_other_populations_are_looked_at_from_the_first_day_on(run: Run) -> None:
    with Warehouse(run.home.warehouse) as warehouse:
        now = loaded(run, warehouse, covered((moment(0), moment(2)), (moment(3), moment(11, 20))))
        assert flagged(run, warehouse, now)[0][:2] == (2, "gap")
        run.sources = ()
        run.now = now + timedelta(days=200)
        run.settings = run.settings.model_copy(update={"population": (Population(name="mine"),)})
        aggregate.fn(run, warehouse)
        flag.fn(run, warehouse)
        gaps = warehouse.latest(tables.FLAGS, run.moment).filter(kind="gap").sort("population")
        assert gaps.select("population", "time_value").rows() == [(who, FIRST + timedelta(2)) for who in ("all", "mine")]
        # There is no such population any more.
        assert flags.standing(gaps)["population"].to_list() == ["mine"]


def test_a_forecast_takes_what_is_left_out_as_unknown_and_is_made_again_when_that_changes(run: Run) -> None:
    def issued(now: datetime) -> pl.DataFrame:
        run.now = now
        forecast.fn(run, warehouse)
        return warehouse.read(tables.FORECASTS).filter(pl.col("issue") == now)

    half = covered((moment(0), moment(7, 12)), (moment(8), moment(11, 20)))
    with Warehouse(run.home.warehouse) as warehouse:
        now = loaded(run, warehouse, half)
        assert flagged(run, warehouse, now)[0][:2] == (7, "gap")
        series = shares(closed_series(warehouse.latest(tables.SERIES, now))).filter(unit="posts", method="lexicon")
        y = pl.when(pl.col("time_value") != FIRST + timedelta(days=7)).then("prevalence")
        known = series.select(
            pl.format("{}/all", "marker").alias("unique_id"), pl.col("time_value").alias("ds"), y.alias("y"), "n_posts"
        )  # fmt: skip
        alone = forecasting.forecast(known, until=now.date()).filter(pl.col("unique_id") == "anxiety/all")
        mine = issued(now).filter(marker="anxiety", unit="posts", method="lexicon").sort("target")
        assert mine["q50"].to_list() == pytest.approx(alone.sort("target")["q50"].to_list())
        assert mine["q90"].max() < 0.5
        assert issued(now + timedelta(seconds=1)).is_empty()
        warehouse.save({tables.COVERAGE: covered((moment(0), moment(11, 20)))})
        later = now + timedelta(seconds=2)
        assert flagged(run, warehouse, later) == [ODD]
        assert issued(later + timedelta(seconds=1)).height == issued(now).height > 0


def test_the_posts_of_a_closed_day_are_those_of_its_widest_line_as_it_was_known(run: Run) -> None:
    def cell(marker: str, day: int, n: int, issue: datetime, unit: str = "posts", *, provisional: bool = False) -> dict[str, Any]:
        return {
            "marker": marker, "population": "all", "unit": unit, "method": "lexicon", "time_value": FIRST + timedelta(days=day),
            "value_kind": "share", "n_posts": n, "n_authors": 1, "provisional": provisional, "issue": issue,
        }  # fmt: skip

    rows = [
        cell("wide", 0, 10, moment(1)), cell("wide", 0, 12, moment(3)), cell("narrow", 0, 4, moment(1)),
        cell("wide", 0, 99, moment(1), "authors"), cell("wide", 1, 5, moment(1), provisional=True), cell("wide", 1, 7, moment(2)),
    ]  # fmt: skip
    with Warehouse(run.home.warehouse) as warehouse:
        warehouse.save({tables.SERIES: pl.DataFrame(rows, schema=tables.SERIES.schema)})
        known = {at: warehouse.closed_days(moment(at)).rows() for at in (1, 2, 3)}
    one, two = FIRST, FIRST + timedelta(days=1)
    assert known == {1: [("all", one, 10)], 2: [("all", one, 10), ("all", two, 7)], 3: [("all", one, 12), ("all", two, 7)]}
