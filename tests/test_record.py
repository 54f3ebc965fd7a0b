"""What one trusts forecasts by: lines and models taken together."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import calibration_curve

from barograph import tables, verdict
from barograph.clustered import chance_band
from barograph.record import by_week, makers, recent, reliability, worth
from forecasting import evaluation

NEW, OLD = "2024-01-09/2024-04-01", "2024-01-08/2024-03-31"


def rows(n: int, coverage: float, crps: float, plain: float, model: str = "house", period: str = NEW, marker: str = "fear") -> pl.DataFrame:
    """The evaluations of one line, model and period."""
    values = {"coverage_80": coverage, "crps": crps, "crps_climatology": plain, "brier": 0.3}
    return tables.EVALUATIONS.validate(pl.DataFrame([
        {"marker": marker, "population": "all", "unit": "posts", "method": "lexicon", "model": model, "metric": metric,
         "horizon": 0, "period": period, "value": value, "n": n, "issue": datetime(2024, 4, 2)}
        for metric, value in values.items()
    ]))  # fmt: skip


def test_models_count_by_their_forecasts() -> None:
    got = recent(pl.concat([rows(30, 0.9, 0.01, 0.02), rows(10, 0.5, 0.03, 0.03, model="climatology")]))
    assert got is not None
    assert (got.first, got.last, got.n, got.days) == (date(2024, 1, 9), date(2024, 4, 1), 40, 84)
    assert got.coverage == pytest.approx(0.8)
    assert got.skill == pytest.approx(1 - (30 * 0.01 + 10 * 0.03) / (30 * 0.02 + 10 * 0.03))
    assert got.words == "the 80 % interval held 80 % of 40; skill over climatology 0.33"


def test_only_the_newest_period_of_each_line_counts() -> None:
    got = recent(pl.concat([
        rows(30, 0.9, 0.01, 0.02), rows(99, 0.1, 0.09, 0.02, period=OLD), rows(99, 0.1, 0.09, 0.02, "climatology", OLD),
        rows(10, 0.5, 0.01, 0.02, period=OLD, marker="joy"), rows(9, 0, 1, 0.02, period="2023-10-10/2024-01-01", marker="hope"),
    ]))  # fmt: skip
    assert got is not None
    assert (got.n, got.coverage, got.skill) == (40, pytest.approx(0.8), pytest.approx(0.5))


def test_a_period_is_as_long_as_days_were_met_and_its_newest_issue_counts() -> None:
    young, longer, old = (f"2024-{first}/2024-04-01" for first in ("03-27", "03-25", "01-09"))
    got = recent(pl.concat([
        rows(9, 0.1, 0.09, 0.02, period=young), rows(30, 0.9, 0.01, 0.02, period=longer).with_columns(issue=datetime(2024, 4, 3)),
        rows(10, 0.5, 0.01, 0.02, period=young, marker="joy").with_columns(issue=datetime(2024, 4, 3)),
        rows(99, 0.1, 0.09, 0.02, period=old, marker="joy"),
    ]))  # fmt: skip
    assert got is not None
    assert (got.days, got.n, got.coverage) == (8, 40, pytest.approx(0.8))


def test_without_evaluations_there_is_none() -> None:
    assert recent(tables.EVALUATIONS.empty()) is None


MONDAY = date(2024, 3, 4)


def sums(*rows: tuple[int, int, int, float, float, int, float, int], model: str = "house", populations: int = 1, lines: int = 1) -> pl.DataFrame:
    """(week, tenth, n, crps, crps of climatology, held, said, high) each, as `Snapshot.forecast_weeks`."""
    names = ("week", "tenth", "n", "crps", "crps_climatology", "n_80", "said", "n_high")
    found = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    return found.with_columns(
        (pl.lit(MONDAY) + pl.duration(weeks=pl.col("week"))).alias("week"), (2 * pl.col("crps_climatology")).alias("crps_seasonal_naive"),
        pl.col("n").alias("n_95"), pl.lit(model).alias("model"), pl.lit(populations).alias("n_populations"),
        pl.lit(lines).alias("n_lines"),
    )  # fmt: skip


def test_what_all_weeks_came_to() -> None:
    got = worth(sums((0, 1, 8, 0.5, 1.0, 6, 1.2, 2), (0, 6, 2, 0.5, 1.0, 2, 1.3, 2), (1, 5, 10, 1.0, 2.0, 8, 5.5, 4)))
    assert got is not None
    assert (got.n, got.weeks, got.first, got.last) == (20, 2, MONDAY, date(2024, 3, 17))
    assert not got.enough
    skill, naive = got.skill["climatology"], got.skill["seasonal naive"]
    assert skill == pytest.approx((0.5, 0.5, 0.5))
    assert naive is not None and naive.value == pytest.approx(0.75)
    held = got.coverage[80]
    assert held is not None and held.value == pytest.approx(16 / 20)
    assert worth(sums((0, 1, 1, 1, 1, 1, 0.1, 0)).clear()) is None


def test_bounds_of_skill_are_turned_about() -> None:
    got = worth(sums((0, 1, 7, 0.5, 1.0, 6, 1, 2), (1, 1, 7, 1.0, 1.0, 6, 1, 2), (2, 1, 7, 0.9, 1.0, 6, 1, 2)))
    assert got is not None
    found = got.skill["climatology"]
    assert found is not None and found.lo is not None and found.hi is not None
    assert found.value == pytest.approx(0.2)
    assert found.lo < found.value < found.hi
    assert found.hi - found.value == pytest.approx(found.value - found.lo)


def test_alarms_are_those_that_day_by_day_evaluation_finds() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0, 1, 400)
    high = rng.random(400) < p
    tenth = np.minimum((p * 10).astype(int), 9)
    rows = [(0, int(t), int((tenth == t).sum()), 1.0, 1.0, 0, float(p[tenth == t].sum()), int(high[tenth == t].sum())) for t in range(10)]
    got = worth(sums(*rows, (0, -1, 50, 1.0, 1.0, 0, 0.0, 0)))
    assert got is not None
    expected, chance = evaluation.alarms(p, high), evaluation.random_alarms(int((p >= 0.5).sum()), high)
    alarms = got.alarms
    assert (alarms.precision, alarms.recall, alarms.false_a_week) == pytest.approx(expected[:2] + expected[3:])
    assert (alarms.chance_precision, alarms.chance_recall) == pytest.approx(chance[:2])
    came, said = calibration_curve(high, p, n_bins=10)
    curve = reliability(sums(*rows))
    assert curve["came"].to_list() == pytest.approx(came.tolist())
    assert curve["said"].to_list() == pytest.approx(said.tolist())
    assert curve["lo"].null_count() == curve.height  # of one week nothing says how weeks differ


def test_without_an_alarm_or_a_high_day_there_is_nothing_to_divide_by() -> None:
    got = worth(sums((0, 1, 7, 0.5, 1.0, 6, 1, 0)))
    assert got is not None
    assert (got.alarms.precision, got.alarms.recall) == (None, None)
    none = worth(sums((0, -1, 7, 0.5, 1.0, 6, 0, 0)))
    assert none is not None
    assert (none.alarms.chance_precision, none.alarms.false_a_week) == (None, None)
    assert reliability(sums((0, -1, 7, 0.5, 1.0, 6, 0, 0))).is_empty()


def test_week_by_week_and_the_eight_weeks_up_to_each() -> None:
    weeks = by_week(sums(*((week, 1, 14, 1.0 if week else 3.0, 2.0, 10, 2.0, 3) for week in range(9))))
    assert weeks["skill_climatology"].to_list() == pytest.approx([-0.5, *[0.5] * 8])
    assert weeks["trailing_climatology"][7] == pytest.approx(1 - 10 / 16)
    assert weeks["trailing_climatology"][8] == pytest.approx(0.5)
    assert weeks["lo_climatology"][0] is None
    assert weeks["coverage_80"].to_list() == pytest.approx([10 / 14] * 9)
    # Two forecasts a day of one population are worth a day: seven draws.
    assert weeks.select("low_80", "high_80").row(0) == pytest.approx(chance_band(7, 0.8))
    two = by_week(sums((0, 1, 14, 1.0, 2.0, 10, 2.0, 3), populations=2, lines=2))
    assert two.select("low_80", "high_80").row(0) == pytest.approx(chance_band(14, 0.8))
    few = by_week(sums((0, 1, 3, 1.0, 2.0, 2, 2.0, 3)))
    assert few.select("low_80", "high_80").row(0) == pytest.approx(chance_band(3, 0.8))


def test_a_baseline_that_lost_nothing_has_no_skill_over_it() -> None:
    weeks = by_week(sums((0, 1, 7, 0.0, 0.0, 7, 1.0, 0)))
    assert weeks.select("skill_climatology", "trailing_climatology").row(0) == (None, None)
    got = worth(sums((0, 1, 7, 0.0, 0.0, 7, 1.0, 0)))
    assert got is not None and got.skill["climatology"] is None


def test_who_made_them_in_words_the_model_first_and_the_commonest_reason_next() -> None:
    few = [(MONDAY, "climatology", f"{n} known days; 7 needed", 3) for n in (1, 2)]
    found = pl.DataFrame(
        [(MONDAY, "climatology", "rare", 1), *few, (MONDAY, "house", None, 2)],
        schema=["week", "model", "fallback", "n"], orient="row",
    )  # fmt: skip
    assert makers(found).select("made", "n").rows() == [
        ("The house model", 2), ("Climatology: fewer than 7 known days", 6), ("Climatology: rare", 1),
    ]  # fmt: skip


CASES = {  # CRPS over that of climatology; how many of twenty were held in weeks that take turns; what is said
    "better": (0.5, (15, 17), "Forecasts were better than climatology. Nothing speaks against"),
    "worse": (1.5, (15, 17), "Forecasts were worse than climatology. Nothing speaks against"),
    "the same": (1.0, (7, 9), "Forecasts cannot be told apart from climatology. Their intervals are too narrow"),
    "wide": (1.0, (20, 20), "Forecasts cannot be told apart from climatology. Their intervals are wider"),
}


@pytest.mark.parametrize("case", CASES)
def test_only_what_the_bounds_allow_is_concluded(case: str) -> None:
    crps, held, expected = CASES[case]
    got = worth(sums(*((w, 1, 20, crps + (0.1 if w % 2 else -0.1), 1.0, held[w % 2], 2, 3) for w in range(18))))
    assert got is not None
    assert verdict.conclude(got, "climatology").startswith(expected)
    assert verdict.few_weeks(got) == ""


def test_of_one_week_nothing_is_concluded() -> None:
    got = worth(sums((0, 1, 7, 0.5, 1.0, 6, 1, 2)))
    assert got is not None
    assert verdict.conclude(got, "climatology") == "Nothing can be said of skill over climatology. Nothing can be said of the width of their intervals."
    assert "Only 1\xa0week of 8" in verdict.few_weeks(got)
