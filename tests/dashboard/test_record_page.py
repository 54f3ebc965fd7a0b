"""The page on how forecasts have done: each state, each choice, and its charts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from barograph import charts, record, tables
from barograph.store import Snapshot
from tests.dashboard import frames
from tests.dashboard.frames import LAST
from tests.dashboard.test_page import text

PAGE = "record.py"


def publish(home: Path, *weeks: pl.DataFrame, **rows: pl.DataFrame) -> Path:
    lines = pl.concat([frames.series(population=p, marker=m) for p in ("all", "north") for m in ("dimension:anxiety", "fear")])
    given = {tables.SERIES: lines, tables.FORECASTS: rows.get("forecasts", frames.forecasts())}
    return frames.snapshot(home, given | ({tables.FORECAST_WEEKS: pl.concat(weeks)} if weeks else {}))


def vega(spec: Any) -> str:
    return str(spec.to_dict())


def test_before_any_week_has_closed_it_says_so_and_who_makes_forecasts(home: Path) -> None:
    publish(home)
    app = frames.opened(PAGE)
    assert not app.exception
    assert "No forecast of these lines has met a whole week yet" in text(app)
    assert "a plain model stood in for 0 of 1" in text(app)
    assert "Skill over" not in text(app)


def test_no_forecast_at_all(home: Path) -> None:
    publish(home, forecasts=tables.FORECASTS.empty())
    app = frames.opened(PAGE)
    assert not app.exception
    assert "None of these lines has been forecast." in text(app)


def test_the_record_of_all_lines(home: Path) -> None:
    publish(home, frames.forecast_weeks(), frames.forecast_weeks(population="north", crps=0.7))
    app = frames.opened(PAGE)
    assert not app.exception
    said = text(app)
    assert "Forecasts were better than climatology. Nothing speaks against the width" in said
    # (.9 + .7) · 1.05 / 2 on the mean week; 12 weeks of two lines, ten forecasts each.
    assert "0.16 (" in said
    assert "240 forecasts" in said
    assert "12 weeks: 5 Jan – 29 Mar 2026" in said
    assert "of 120 with P(high) of 50 % or more; by chance 30 %" in said
    assert "too few" not in said
    assert [chart.proto.alt[:40] for chart in app.get("vega_lite_chart")] == [
        "All markers in all populations, 1 to 7 d", "All markers in all populations, 1 to 7 d", "All markers in all populations, 1 to 7 d",
        "All markers in all populations, 1 to 7 d", "In the week of Mon 30\xa0Mar 2026 a plain m",
    ]  # fmt: skip


def test_a_link_chooses_lines_days_ahead_period_and_baseline(home: Path) -> None:
    publish(home, frames.forecast_weeks(40), frames.forecast_weeks(40, population="north", horizon=3))
    app = frames.opened(PAGE, population="north", ahead="3", against="seasonal naive", weeks="52")
    assert not app.exception
    said = text(app)
    assert "All markers in north, 3 days ahead\\: skill over the same weekday last week" in said
    assert "400 forecasts" in said
    assert {box.key: box.value for box in app.selectbox} == {
        "population": "north", "marker": "*", "unit": "authors", "method": "lexicon", "ahead": "3", "weeks": "52",
        "against": "seasonal naive",
    }  # fmt: skip
    app.selectbox(key="weeks").select("26").run()
    assert "260 forecasts" in text(app)
    assert "weeks" not in app.query_params
    app.selectbox(key="ahead").select("1").run()
    assert "has met a whole week yet" in text(app)


def test_few_weeks_are_no_ground_to_conclude(home: Path) -> None:
    publish(home, frames.forecast_weeks(3))
    app = frames.opened(PAGE)
    assert not app.exception
    assert "Only 3\xa0weeks of 8 that it takes have closed" in app.info[0].value


def test_without_thresholds_nothing_is_said_of_p_high(home: Path) -> None:
    publish(home, frames.forecast_weeks().filter(pl.col("tenth") == 1).with_columns(tenth=pl.lit(-1), said=pl.lit(0.0), n_high=pl.lit(0)))
    app = frames.opened(PAGE)
    assert not app.exception
    assert "None of these forecasts had a threshold" in text(app)


def test_what_is_not_published_is_said_and_all_is_shown(home: Path) -> None:
    publish(home, frames.forecast_weeks())
    app = frames.opened(PAGE, population="west")
    assert "population “west”" in app.warning[0].value
    assert "All markers in all populations" in text(app)


def test_a_snapshot_adds_up_and_counts_populations_lines_and_the_last_weeks(home: Path) -> None:
    more = [frames.forecast_weeks(population="north", horizon=2), frames.forecast_weeks(marker="fear", unit="posts")]
    snapshot = Snapshot(publish(home, frames.forecast_weeks(), *more))
    every = snapshot.forecast_weeks({})
    assert every.select("n", "n_high").sum().row(0) == (360, 108)
    assert every.select("n_populations", "n_lines").unique().row(0) == (2, 3)
    some = snapshot.forecast_weeks({"unit": "authors"}, 2)
    assert some["n"].sum() == 120
    assert some.select("n_populations", "n_lines").unique().row(0) == (1, 1)
    assert snapshot.forecast_weeks({}, weeks=5)["week"].unique().sort().to_list() == every["week"].unique().sort().to_list()[-5:]
    made = snapshot.forecast_makers({})
    assert made.rows() == [(LAST - timedelta(days=1), "house", None, 1)]


def test_a_forecast_issued_again_counts_once_and_reasons_stand_apart(home: Path) -> None:
    twice = [frames.forecasts(), frames.forecasts(issue=frames.NOW + timedelta(hours=1)), frames.forecasts(fallback="why", population="north")]
    snapshot = Snapshot(publish(home, forecasts=pl.concat(twice)))
    assert snapshot.forecast_makers({}).select("model", "fallback", "n").rows() == [("house", None, 1), ("climatology", "why", 1)]
    assert snapshot.forecast_makers({}, 1).height == 2


def test_a_day_forecast_anew_by_another_model_counts_by_who_made_it_first(home: Path) -> None:
    again = frames.forecasts(fallback="why", issue=frames.NOW + timedelta(hours=1))
    snapshot = Snapshot(publish(home, forecasts=pl.concat([frames.forecasts(), again])))
    assert snapshot.forecast_makers({}).select("model", "fallback", "n").rows() == [("house", None, 1)]


@pytest.fixture
def sums(home: Path) -> pl.DataFrame:
    return Snapshot(publish(home, frames.forecast_weeks(12, held=4))).forecast_weeks({})


def test_a_week_outside_what_chance_does_is_a_diamond(sums: pl.DataFrame) -> None:
    weeks = record.by_week(sums)
    spec = charts.coverage(weeks, 80).to_dict()
    (rows,) = [rows for rows in spec["datasets"].values() if "outside" in rows[0]]
    # Four of ten held; of seven days chance leaves three or more at 80 %.
    assert [row["outside"] for row in rows] == [True] * 12
    assert rows[0]["behind"] == "10\xa0forecasts, 1\xa0line"
    assert "diamond" in vega(charts.coverage(weeks, 80))


def test_a_very_bad_week_is_drawn_at_the_edge_and_told_as_it_was(sums: pl.DataFrame) -> None:
    bad = sums.with_columns(pl.when(pl.col("week") == pl.col("week").max()).then(9.0).otherwise("crps").alias("crps"))
    spec = charts.skill(record.by_week(bad), "climatology").to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "lately" in rows[0] and len(rows) == 12)
    assert (rows[-1]["value"], rows[-1]["what"]) == (-1.0, "−8.00")


def test_the_reliability_diagram_names_n_and_bounds(sums: pl.DataFrame) -> None:
    spec = charts.reliability(record.reliability(sums)).to_dict()
    (rows,) = [rows for rows in spec["datasets"].values() if "count" in rows[0]]
    assert [(row["says"], row["count"]) for row in rows] == [("15\xa0%", "60"), ("65\xa0%", "60")]
    assert rows[0]["what"].startswith("20\xa0% (")


def test_shares_of_who_made_them_fill_each_week() -> None:
    found = pl.DataFrame(
        [(LAST, "house", None, 3), (LAST, "climatology", "why", 1)], schema=["week", "model", "fallback", "n"], orient="row"
    )
    spec = charts.fallbacks(record.makers(found)).to_dict()
    (rows,) = spec["datasets"].values()
    assert [(row["made"], row["bottom"], row["top"], row["what"]) for row in rows] == [
        ("The house model", 0, 0.75, "75\xa0%"), ("Climatology: why", 0.75, 1, "25\xa0%"),
    ]  # fmt: skip
