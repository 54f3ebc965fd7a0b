"""Published forecasts against the days they were for, by hand arithmetic."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import forecasting
from barograph import tables
from forecasting.evaluation import crps
from forecasting.met import RECORD_DAYS, met, track_record, weeks

START = date(2024, 1, 1)
ISSUE = datetime(2024, 6, 1)
LINE = {"marker": "fear", "population": "all", "unit": "authors", "method": "lexicon"}
QUANTILES = dict(zip(tables.QUANTILES, [0.04, 0.06, 0.08, *[0.1] * 7, 0.12, 0.14, 0.16], strict=True))


def day(n: int) -> date:
    """The day so many days after START."""
    return START + timedelta(days=n)


def series(values: list[float | None], **line: str) -> pl.DataFrame:
    """Closed days from START on."""
    rows = [
        LINE | line | {"time_value": day(n), "value_kind": "share", "prevalence": value, "n_posts": 400, "n_authors": 90,
                       "provisional": False, "issue": ISSUE}
        for n, value in enumerate(values)
    ]  # fmt: skip
    return tables.SERIES.validate(pl.DataFrame(rows, infer_schema_length=None))


def forecasts(*targets: int, **over: Any) -> pl.DataFrame:
    """One forecast each of these days, made the day before."""
    rows = [
        LINE | QUANTILES | {"target": day(n), "horizon": 1, "model": "house", "mean": 0.1, "threshold": 0.12,
                            "p_high": 0.3, "issue": ISSUE} | over
        for n in targets
    ]  # fmt: skip
    return tables.FORECASTS.validate(pl.DataFrame(rows, infer_schema_length=None))


def figures(rows: pl.DataFrame) -> dict[str, float]:
    """Metric → value of one line and model."""
    assert rows.select(*tables.LINE, "model", "period").n_unique() == 1
    return dict(rows.select("metric", "value").iter_rows())


def wander(days: int, seed: int = 1) -> list[float | None]:
    return [round(float(v), 4) for v in np.random.default_rng(seed).uniform(0.05, 0.15, days)]


def test_three_days_by_hand() -> None:
    known = wander(30)
    rows = track_record(forecasts(30, 31, 32), series([*known, 0.1, 0.13, 0.02]))
    got = figures(rows)
    # Pinball losses of .1, .13 and .02 summed over .05, .1, .2 … .9, .95: .008, .123, .388; with .025 and .975 also
    # .003, .003 and .023.
    assert got["crps"] == pytest.approx(2 * (0.008 + 0.123 + 0.388) / 11 / 3, rel=1e-5)
    assert got["wis"] == pytest.approx(2 * (0.011 + 0.126 + 0.411) / 13 / 3, rel=1e-5)
    assert got["coverage_80"] == pytest.approx(1 / 3, rel=1e-5)
    assert got["coverage_95"] == pytest.approx(2 / 3, rel=1e-5)
    assert got["brier"] == pytest.approx((0.3**2 + 0.7**2 + 0.3**2) / 3, rel=1e-5)
    assert got["brier_skill"] == pytest.approx(1 - (2 * 0.09 + 0.49) / (2 * 0.04 + 0.64), rel=1e-5)
    assert set(rows["n"]) == {3}
    assert rows["period"].unique().to_list() == [f"{day(30)}/{day(32)}"]
    assert rows["horizon"].unique().to_list() == [0]
    tables.EVALUATIONS.validate(rows.with_columns(issue=pl.lit(ISSUE)))


@pytest.mark.parametrize("horizon", [1, 3])
def test_climatology_is_what_it_would_have_said_from_the_days_up_to_the_origin(horizon: int) -> None:
    values = [*wander(120), 0.3, 0.3, 0.3]
    values[100] = None
    whole = series(values)
    origin = 122 - horizon
    history = whole.head(origin + 1).select(
        pl.lit("s").alias("unique_id"), pl.col("time_value").alias("ds"), pl.col("prevalence").alias("y"), "n_posts"
    )
    said = forecasting.forecast(history, model="climatology").row(horizon - 1, named=True)
    assert said["target"] == day(122)
    expected = float(crps(np.array([said[q] for q in tables.QUANTILES]), np.array(0.3)))
    got = figures(track_record(forecasts(122, horizon=horizon), whole))
    assert got["crps_climatology"] == pytest.approx(expected, rel=1e-5)
    assert got["skill_over_climatology"] == pytest.approx(1 - got["crps"] / expected, rel=1e-4)


def test_climatology_sees_no_day_after_the_origin() -> None:
    before = wander(60)
    made = forecasts(61, horizon=2)
    one, other = (track_record(made, series([*before, between, 0.1, after])) for between, after in ((0.01, 0.9), (0.9, 0.01)))
    assert one.equals(other)


def test_a_line_met_before_its_own_first_days_has_a_climatology_of_nothing() -> None:
    # The days before the origin were dropped since: every share is then as likely as another.
    got = figures(track_record(forecasts(0), series([0.5, 0.5])))
    levels = np.array(list(tables.QUANTILES.values()))
    assert got["crps_climatology"] == pytest.approx(float(crps(levels, np.array(0.5))), rel=1e-5)


def test_only_days_with_a_value_are_met() -> None:
    got = track_record(forecasts(30, 31, 40), series([*wander(30), 0.1, None]))
    assert set(got["n"]) == {1}
    assert set(got["period"].str.slice(11)) == {str(day(30))}
    assert track_record(forecasts(31, 40), series([*wander(30), 0.1, None])).is_empty()
    assert track_record(tables.FORECASTS.empty(), series(wander(9))).is_empty()


def test_a_record_is_about_84_days_up_to_the_last_day_met() -> None:
    values = [*wander(200), None, None]
    met = track_record(forecasts(*range(50, 202)), series(values))
    assert met["period"].unique().to_list() == [f"{day(116)}/{day(199)}"]
    assert set(met["n"]) == {84}
    # A line that has met nothing for as long has none any more.
    silent = series([*wander(100), *[None] * RECORD_DAYS])
    assert track_record(forecasts(*range(50, 100)), silent).is_empty()
    assert track_record(forecasts(*range(50, 100)), silent.head(silent.height - 1)).height > 0


def test_a_day_of_no_post_is_held_by_an_interval_that_begins_below_half_a_post() -> None:
    half = 0.5 / 400
    levels = dict(zip(tables.QUANTILES, half * np.linspace(0.7, 1.3, 13), strict=True))
    whole = series([*wander(30), 0.0])
    got = figures(track_record(forecasts(30, **levels), whole))
    assert (got["coverage_80"], got["coverage_95"]) == (1, 1)
    assert got["crps"] == pytest.approx(float(crps(np.array(list(levels.values())), np.array(0.0))), rel=1e-5)
    above = figures(track_record(forecasts(30, **{q: 2 * v for q, v in levels.items()}), whole))
    assert (above["coverage_80"], above["coverage_95"]) == (0, 0)


def test_models_and_lines_stand_apart() -> None:
    whole = pl.concat([series([*wander(30), 0.1, 0.13]), series([*wander(30, 2), 0.2, 0.2], unit="posts")])
    made = pl.concat([
        forecasts(30), forecasts(31, model="climatology", fallback="why"), forecasts(30, 31, unit="posts"),
    ])  # fmt: skip
    rows = track_record(made, whole)
    n = {(unit, model): n for unit, model, n in rows.filter(metric="crps").select("unit", "model", "n").iter_rows()}
    assert n == {("authors", "house"): 1, ("authors", "climatology"): 1, ("posts", "house"): 2}
    alone = track_record(made.filter(unit="posts"), whole.filter(unit="posts"))
    assert rows.filter(unit="posts").equals(alone)
    assert rows["period"].n_unique() == 1


def test_without_a_threshold_a_day_says_nothing_of_p_high() -> None:
    made = pl.concat([forecasts(30), forecasts(31, threshold=None, p_high=None)])
    rows = track_record(made, series([*wander(30), 0.1, 0.13]))
    n = dict(rows.select("metric", "n").iter_rows())
    assert (n["crps"], n["brier"], n["brier_skill"]) == (2, 1, 1)
    assert figures(rows)["brier"] == pytest.approx(0.09)
    none = track_record(forecasts(30, threshold=None, p_high=None), series([*wander(30), 0.1]))
    assert {"brier", "brier_skill"} & set(none["metric"]) == set()


MONDAY = 28  # 29 January 2024


def summed(rows: pl.DataFrame, *columns: str) -> list[float]:
    """Columns summed over all rows."""
    return list(rows.select(columns).sum().row(0))


def test_a_week_adds_up_to_what_its_forecasts_came_to() -> None:
    whole = series([*wander(MONDAY), 0.1, 0.13, 0.02, 0.1, 0.1, 0.1, 0.1])
    made = forecasts(*range(MONDAY, MONDAY + 7))
    rows = weeks(met(made, whole), day(0))
    tables.FORECAST_WEEKS.validate(rows.with_columns(issue=pl.lit(ISSUE)))
    assert rows.select("week", "tenth", "n", "n_80", "n_95", "n_high", "horizon").rows() == [(day(MONDAY), 3, 7, 5, 6, 1, 1)]
    assert rows["said"][0] == pytest.approx(7 * 0.3)
    got = figures(track_record(made, whole))
    assert rows["crps"][0] == pytest.approx(7 * got["crps"], rel=1e-4)
    assert rows["crps_climatology"][0] == pytest.approx(7 * got["crps_climatology"], rel=1e-4)


@pytest.mark.parametrize("horizon", [1, 3])
def test_seasonal_naive_is_what_it_would_have_said_at_the_origin(horizon: int) -> None:
    values = [*wander(90), *wander(8, 4)]
    whole, target = series(values), 97
    history = whole.head(target - horizon + 1).select(
        pl.lit("s").alias("unique_id"), pl.col("time_value").alias("ds"), pl.col("prevalence").alias("y"), "n_posts"
    )
    said = forecasting.forecast(history, model="seasonal_naive").row(horizon - 1, named=True)
    assert said["target"] == day(target)
    expected = float(crps(np.array([said[q] for q in tables.QUANTILES]), np.array(values[target])))
    assert met(forecasts(target, horizon=horizon), whole)["crps_seasonal_naive"][0] == pytest.approx(expected, rel=1e-6)


def test_only_weeks_that_have_closed_whole_and_began_in_time() -> None:
    made = forecasts(*range(MONDAY - 7, MONDAY + 21))
    six_days = series(wander(MONDAY + 13))
    assert weeks(met(made, six_days), day(0))["week"].to_list() == [day(MONDAY - 7), day(MONDAY)]
    seven = series(wander(MONDAY + 14))
    assert weeks(met(made, seven), day(MONDAY - 6))["week"].to_list() == [day(MONDAY), day(MONDAY + 7)]
    assert weeks(met(made.clear(), seven), day(0)).is_empty()


def test_tenths_of_what_was_said_and_one_apart_without_threshold() -> None:
    said = [0.0, 0.0999, 0.1, 0.95, 1.0, None, 0.5]
    made = pl.concat([
        forecasts(MONDAY + n, p_high=p, threshold=None if p is None else 0.12) for n, p in enumerate(said)
    ])  # fmt: skip
    rows = weeks(met(made, series([*wander(MONDAY), *[0.1] * 6, 0.2])), day(0))
    assert dict(rows.select("tenth", "n").iter_rows()) == {-1: 1, 0: 2, 1: 1, 5: 1, 9: 2}
    assert dict(rows.select("tenth", "n_high").iter_rows()) == {-1: 0, 0: 0, 1: 0, 5: 1, 9: 0}
    assert summed(rows, "said") == pytest.approx([0.0999 + 0.1 + 0.95 + 1 + 0.5], rel=1e-5)


def test_all_forecasts_are_looked_at_where_no_end_is_set() -> None:
    whole = series(wander(200))
    made = forecasts(*range(50, 200))
    assert met(made, whole).height == RECORD_DAYS
    every = met(made, whole, None)
    assert every.height == 150
    assert track_record(made, whole).equals(forecasting.record(every))
