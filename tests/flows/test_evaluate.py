"""Forecast and evaluate on a real warehouse: what is due, what was known, what is never counted twice."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from barograph import tables
from barograph.home import Home
from barograph.settings import Settings
from barograph.store import Warehouse
from flows.evaluate import evaluate
from flows.progress import Reporter
from flows.stages import Run, forecast, shares

START = date(2024, 1, 1)
LINE = {"marker": "fear", "population": "all", "unit": "authors", "method": "lexicon"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def at(day: int, hour: float = 7) -> datetime:
    """A time on the day so many days after START."""
    return datetime.combine(START, datetime.min.time()) + timedelta(days=day, hours=hour)


def measure(warehouse: Warehouse, first: int, values: list[float | None], issue: datetime | None = None, **over: Any) -> None:
    """Closed days from `first` on, each issued the morning after or at `issue`."""
    rows = [
        LINE | {"time_value": START + timedelta(days=n), "value_kind": "share", "prevalence": value, "n_posts": 300,
                "n_authors": 90, "provisional": False, "issue": issue or at(n + 1)} | over
        for n, value in enumerate(values, start=first)
    ]  # fmt: skip
    warehouse.save({tables.SERIES: pl.DataFrame(rows, infer_schema_length=None)})


def run(now: datetime, tmp_path: Path) -> Run:
    """A run with its time known."""
    return Run(Home(tmp_path), Settings(), (), Reporter(silent=True), now=now)


def wander(days: int, seed: int = 1) -> list[float | None]:
    return [round(float(v), 4) for v in np.random.default_rng(seed).uniform(0.05, 0.15, days)]


def day_after_day(warehouse: Warehouse, tmp_path: Path, days: range) -> None:
    """What the monitor does on each of these mornings, once a day has closed."""
    for n in days:
        evaluate.fn(run(at(n), tmp_path), warehouse)
        forecast.fn(run(at(n), tmp_path), warehouse)


def metric(warehouse: Warehouse, name: str, now: datetime) -> tuple[float, int, str]:
    """Value, n and end of the newest period."""
    rows = warehouse.latest(tables.EVALUATIONS, now).filter(metric=name).sort("period")
    value, n, period = rows.select("value", "n", "period").row(-1)
    return value, n, period[11:]


def test_each_day_ahead_meets_its_truth_once_and_with_its_first_forecast(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(33))
    day_after_day(warehouse, tmp_path, range(30, 31))
    made = warehouse.latest(tables.FORECASTS, at(30)).sort("target")
    assert made["target"].to_list() == [START + timedelta(days=n) for n in range(30, 37)]
    assert warehouse.read(tables.EVALUATIONS).is_empty()

    measure(warehouse, 29, [0.149], issue=at(30, 9))  # late posts: the same days are forecast anew
    forecast.fn(run(at(30, 9), tmp_path), warehouse)
    assert warehouse.read(tables.FORECASTS).height == 14

    evaluate.fn(run(at(33), tmp_path), warehouse)
    held = [row["q10"] <= y <= row["q90"] for row, y in zip(made.head(3).to_dicts(), wander(33)[30:], strict=True)]
    value, n, last = metric(warehouse, "coverage_80", at(33))
    assert (n, last) == (3, str(START + timedelta(days=32)))
    assert value == pytest.approx(sum(held) / 3, abs=1e-5)

    rows = warehouse.read(tables.EVALUATIONS)
    again = run(at(33, 8), tmp_path)
    evaluate.fn(again, warehouse)
    assert warehouse.read(tables.EVALUATIONS).equals(rows)
    assert again.record_of_forecasts is not None
    assert again.record_of_forecasts.n == 3


def test_a_truth_that_was_corrected_is_evaluated_again_as_a_new_issue(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(31))
    day_after_day(warehouse, tmp_path, range(30, 32))
    before = warehouse.read(tables.EVALUATIONS)
    assert before["issue"].unique().to_list() == [at(31)]
    measure(warehouse, 30, [0.9], issue=at(31, 12))
    evaluate.fn(run(at(31, 13), tmp_path), warehouse)
    assert metric(warehouse, "coverage_95", at(31, 13))[:2] == (0, 1)
    assert warehouse.latest(tables.EVALUATIONS, at(31, 12)).sort(tables.EVALUATIONS.key).equals(before)
    unchanged = warehouse.read(tables.EVALUATIONS).filter(issue=at(31, 13))["metric"].to_list()
    assert "crps" in unchanged


def test_a_run_in_the_past_sees_neither_later_days_nor_later_forecasts(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(40))
    day_after_day(warehouse, tmp_path, range(30, 34))
    then = warehouse.latest(tables.EVALUATIONS, at(33)).sort(tables.EVALUATIONS.key)
    day_after_day(warehouse, tmp_path, range(34, 41))
    for n in (33, 40):
        count = warehouse.read(tables.EVALUATIONS).height
        evaluate.fn(run(at(n), tmp_path), warehouse)
        assert warehouse.read(tables.EVALUATIONS).height == count
    assert warehouse.latest(tables.EVALUATIONS, at(33)).sort(tables.EVALUATIONS.key).equals(then)
    newest = warehouse.latest(tables.EVALUATIONS, at(40)).filter(pl.col("period").str.ends_with(str(START + timedelta(days=39))))
    # In ten days, whichever models made them: 1, 2 … 6 forecasts of the first six, then seven of each.
    assert newest.filter(metric="crps")["n"].sum() == 1 + 2 + 3 + 4 + 5 + 6 + 7 * 4


def test_a_line_that_falls_back_says_so_and_is_evaluated_as_what_it_was(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, [0.1] * 31, marker="joy")
    day_after_day(warehouse, tmp_path, range(30, 32))
    made = warehouse.latest(tables.FORECASTS, at(30))
    assert made["fallback"].unique().to_list() == ["the series never moves"]
    assert made["model"].unique().to_list() == ["climatology"]
    rows = warehouse.read(tables.EVALUATIONS)
    assert rows["model"].unique().to_list() == ["climatology"]
    assert metric(warehouse, "skill_over_climatology", at(31))[0] == pytest.approx(0, abs=1e-9)


def test_a_line_that_has_fallen_silent_is_left_as_it_was(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(31))
    day_after_day(warehouse, tmp_path, range(30, 32))
    rows = warehouse.read(tables.EVALUATIONS)
    measure(warehouse, 0, wander(120, 2), marker="joy")
    measure(warehouse, 30, [0.14], issue=at(119))
    evaluate.fn(run(at(120), tmp_path), warehouse)
    assert warehouse.read(tables.EVALUATIONS).equals(rows)


def test_no_unit_or_method_informs_another_and_a_mean_is_not_forecast(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(60))
    measure(warehouse, 0, wander(60, 5), marker="joy")
    forecast.fn(run(at(60), tmp_path), warehouse)
    alone = warehouse.latest(tables.FORECASTS, at(60)).drop("issue").sort(*tables.LINE, "target")
    measure(warehouse, 0, wander(60, 2), issue=at(60), unit="posts")
    measure(warehouse, 0, wander(60, 3), issue=at(60), method="calibrated")
    measure(warehouse, 0, [-3.0] * 60, issue=at(60), marker="valence", value_kind="mean")
    measure(warehouse, 59, [wander(60)[59]], issue=at(60, 8))
    forecast.fn(run(at(60, 8), tmp_path), warehouse)
    made = warehouse.latest(tables.FORECASTS, at(60, 8))
    assert set(made.select("marker", "unit", "method").unique().iter_rows()) == {
        ("fear", "authors", "lexicon"), ("joy", "authors", "lexicon"), ("fear", "posts", "lexicon"),
        ("fear", "authors", "calibrated"),
    }  # fmt: skip
    same = made.filter(pl.col("unit") == "authors", pl.col("method") == "lexicon")
    assert same.drop("issue").sort(*tables.LINE, "target").equals(alone)
    # Only what was due has a new issue; the other lines were read beside it.
    assert same.filter(issue=at(60, 8))["marker"].unique().to_list() == ["fear"]


def test_an_event_counts_from_when_it_was_declared(tmp_path: Path) -> None:
    event = {"name": "exams", "population": "*", "kind": "scheduled", "starts_on": START + timedelta(days=17),
             "ends_on": START + timedelta(days=18)}  # fmt: skip
    made = {}  # of days too few to hold anything against the house model
    for name, declared in {"never": None, "before": at(15), "after": at(15, 8)}.items():
        with Warehouse(tmp_path / f"{name}.duckdb") as warehouse:
            if declared:
                warehouse.save({tables.EVENTS: pl.DataFrame([event | {"declared_at": declared}])})
            measure(warehouse, 0, [0.1 + 0.01 * (n % 7 < 2) + 0.001 * (n % 3) for n in range(15)])
            forecast.fn(run(at(15), tmp_path), warehouse)
            made[name] = warehouse.latest(tables.FORECASTS, at(15)).sort("target")
    assert made["never"]["model"].unique().to_list() == ["house"]
    assert made["after"].equals(made["never"])
    assert not made["before"].equals(made["never"])


def test_a_mean_probability_is_no_count_of_posts(warehouse: Warehouse, tmp_path: Path) -> None:
    tiny = [value / 1000 for value in wander(60) if value]
    measure(warehouse, 0, [*tiny], method="calibrated")
    forecast.fn(run(at(60), tmp_path), warehouse)
    made = warehouse.latest(tables.FORECASTS, at(60))
    assert made["fallback"].to_list() != ["the series never moves"] * 7
    # A tenth of a post expresses it on the usual day: read as a count it would be half a post or none.
    assert made["q975"].max() < 0.0005
    assert made["q025"].min() > 0.00002
    assert made["p_high"].is_between(0.01, 0.99).all()


def test_how_many_posts_stand_behind_a_value() -> None:
    rows = pl.DataFrame({
        "method": ["lexicon", "calibrated", "calibrated", "calibrated"], "prevalence": [0.001, 0.001, 0.5, None],
        "n_posts": [100, 100, 100, 100], "value_kind": "share",
    })  # fmt: skip
    assert shares(rows)["n_posts"].to_list() == [100, 10_000, 100, 100]


def kept(warehouse: Warehouse) -> dict[date, int]:
    """Week → forecasts that met their day."""
    rows = warehouse.read(tables.FORECAST_WEEKS).group_by("week").agg(pl.col("n").sum()).sort("week")
    return dict(rows.iter_rows())


def test_weeks_are_kept_as_they_close_and_the_first_time_all_of_them(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(160))
    for n in (30, 37, 44):
        forecast.fn(run(at(n), tmp_path), warehouse)
    evaluate.fn(run(at(160), tmp_path), warehouse)
    monday = START + timedelta(days=28)
    # Three times seven days, from the third day of a week on.
    expected = {monday: 5, monday + timedelta(weeks=1): 7, monday + timedelta(weeks=2): 7, monday + timedelta(weeks=3): 2}
    assert kept(warehouse) == expected
    measure(warehouse, 160, wander(1))
    evaluate.fn(run(at(161), tmp_path), warehouse)
    assert kept(warehouse) == expected


def test_a_week_is_replaced_where_a_day_of_it_is_known_anew(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(35))
    forecast.fn(run(at(28), tmp_path), warehouse)
    evaluate.fn(run(at(35), tmp_path), warehouse)
    before = warehouse.read(tables.FORECAST_WEEKS)
    assert before["n"].sum() == 7
    assert before["issue"].unique().to_list() == [at(35)]
    measure(warehouse, 28, [0.9], issue=at(35, 12))
    evaluate.fn(run(at(35, 13), tmp_path), warehouse)
    after = warehouse.read(tables.FORECAST_WEEKS)
    assert (after["n"].sum(), after["n_high"].sum()) == (7, before["n_high"].sum() + 1)
    assert after["crps"].sum() > before["crps"].sum() + 0.5
    # Withheld since: it is met no more.
    measure(warehouse, 28, [None, None, None], issue=at(36, 12))
    evaluate.fn(run(at(36, 13), tmp_path), warehouse)
    assert kept(warehouse) == {START + timedelta(days=28): 4}
    measure(warehouse, 28, [None] * 7, issue=at(37, 12))
    measure(warehouse, 35, wander(2), issue=at(37, 12))
    forecast.fn(run(at(37, 12), tmp_path), warehouse)
    measure(warehouse, 37, [0.1], issue=at(38))
    evaluate.fn(run(at(38, 13), tmp_path), warehouse)
    assert kept(warehouse) == {}


def test_a_run_in_the_past_leaves_the_weeks_that_a_later_one_knew(warehouse: Warehouse, tmp_path: Path) -> None:
    measure(warehouse, 0, wander(35))
    forecast.fn(run(at(28), tmp_path), warehouse)
    measure(warehouse, 30, [0.9], issue=at(40))
    evaluate.fn(run(at(41), tmp_path), warehouse)
    later = warehouse.read(tables.FORECAST_WEEKS)
    evaluate.fn(run(at(36), tmp_path), warehouse)
    assert warehouse.read(tables.FORECAST_WEEKS).equals(later)
