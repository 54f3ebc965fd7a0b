"""The benchmark of forecasts: what it says is missed, what it takes a part of, ratios on the same windows."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks import forecasting as bench
from forecasting import backtest, evaluation
from forecasting.models import MODELS


def good() -> dict[str, float]:
    covered = {f"coverage_{days}{month}": 0.8 for days in bench.TRAIN_DAYS for month in ("", "_2019_06", "_2020_04")}
    return dict(bench.AT_MOST) | dict(bench.AT_LEAST) | covered


def test_what_just_reaches_its_bar_is_not_missed():
    assert bench.missed(good()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("house_7_scrps_ratio", 0.871, "house_7_scrps_ratio: got 0.871; expected at most 0.87"),
        ("house_28_brier_skill", 0.18, "house_28_brier_skill: got 0.18; expected at least 0.19"),
        ("house_84_average_precision_ratio", float("nan"), "house_84_average_precision_ratio: got nan; expected at least 1.12"),
        ("speed_s", 11.0, "speed_s: got 11; expected at most 10"),
        ("coverage_28", 0.75, "coverage_28: got 0.750; expected 0.76 to 0.84"),
        ("coverage_7_2019_06", 0.91, "coverage_7_2019_06: got 0.910; expected 0.68 to 0.90"),
        ("coverage_7_2020_03", 0.67, "coverage_7_2020_03: got 0.670; expected 0.68 to 0.90"),
    ],
)
def test_each_aim_is_missed_in_a_sentence(name, value, said):
    assert bench.missed(good() | {name: value}) == [said]


def test_april_2020_is_told_and_not_judged():
    assert bench.missed(good() | {"coverage_28_2020_04": 0.5}) == []


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    days = [date(2019, 1, 1) + timedelta(days=d) for d in range(160)]
    names = [f"{marker}/{place}" for marker in ("anger", "fear") for place in "abcde"]
    return pl.concat([pl.DataFrame({"unique_id": name, "ds": days, "y": rng.uniform(0.1, 0.2, 160)}) for name in names])


def test_a_part_keeps_all_markers_of_its_places(history):
    assert sorted(bench.part(history, 2)["unique_id"].unique()) == sorted(f"{m}/{p}" for m in ("anger", "fear") for p in "ace")


def test_ratios_are_of_the_same_windows_and_hold_their_intervals(history):
    found = backtest.windows(history)
    one, other = backtest.run(found, {name: MODELS[name] for name in ("climatology", "random_walk")})
    ratios = bench.against(found, one, other, draws=40)
    losses = [evaluation.scrps(o.quantiles, found.truth, found.scale[:, None]).mean() for o in (one, other)]
    assert ratios["scrps_ratio"] == pytest.approx(losses[0] / losses[1])
    precisions = [evaluation.average_precision(o.p_high, found.high) for o in (one, other)]
    assert ratios["average_precision_ratio"] == pytest.approx(precisions[0] / precisions[1])
    for name in ("scrps_ratio", "average_precision_ratio"):
        assert ratios[f"{name}_low"] < ratios[name] < ratios[f"{name}_high"]
    same = bench.against(found, one, one, draws=5)
    assert set(same.values()) == {1.0}
