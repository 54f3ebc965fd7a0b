"""EARS and eEARS, held against numbers worked out by hand and against their formulas written plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from barograph.detect.ears import c1, c2, c3, eears

days = st.lists(st.integers(0, 60).map(lambda n: n / 100), min_size=8, max_size=40)


def line(*values: float | None) -> np.ndarray:
    """One line."""
    return np.array([[np.nan if v is None else v for v in values]], dtype=float)


def z(baseline, values) -> np.ndarray:
    """How many spreads each day lies above its centre."""
    return ((values - baseline.centre) / baseline.spread)[0]


def test_c1_by_hand() -> None:
    # The mean of 1 … 7 is 4, their variance 28/6 = 4.6667, its root 2.160247; (12 − 4)/2.160247 = 3.703280.
    values = line(1, 2, 3, 4, 5, 6, 7, 12)
    got = c1(values)
    assert (got.centre[0, 7], got.spread[0, 7]) == (4, pytest.approx(2.160247, abs=1e-6))
    assert z(got, values)[7] == pytest.approx(3.703280, abs=1e-6)
    assert got.p(values)[0, 7] == pytest.approx(stats.norm.sf(3.703280), rel=1e-5)
    assert got.limit(stats.norm.sf(3))[0, 7] == pytest.approx(4 + 3 * 2.160247, abs=1e-5)
    assert np.isnan(c1(values[:, :5]).p(values[:, :5])).all()


def test_c2_leaves_two_days_out_by_hand() -> None:
    values = line(1, 2, 3, 4, 5, 6, 7, 50, 60, 12)
    assert z(c2(values), values)[9] == pytest.approx(3.703280, abs=1e-6)


def test_c3_by_hand() -> None:
    # Baselines of days 10, 11, 12 (from 1): 1 … 7; 2 … 7 and 4; the same without 2 and with 4.
    values = line(1, 2, 3, 4, 5, 6, 7, 4, 4, 10, 9, 8)
    # C2 of day 10: (10 − 4)/2.160247 = 2.777460. Day 11: mean 31/7 = 4.428571, squares 155 − 961/7 = 17.714286,
    # sd 1.718249, C2 = 2.660516. Day 12: 3 4 5 6 7 4 4, mean 33/7 = 4.714286, squares 167 − 1089/7 = 11.428571,
    # sd 1.380131, C2 = 2.380726.
    assert z(c2(values), values)[9:] == pytest.approx([2.777460, 2.660516, 2.380726], abs=1e-5)
    total = 1.777460 + 1.660516 + 1.380726
    got = c3(values)
    assert z(got, values)[11] == pytest.approx(total, abs=1e-5)
    # The limit at 2: mean + sd · (2 + 1 − what two days brought).
    assert got.limit(stats.norm.sf(2))[0, 11] == pytest.approx(4.714286 + 1.380131 * (3 - 1.777460 - 1.660516), abs=1e-4)


def test_c3_of_a_day_that_adds_nothing_is_what_the_two_before_brought() -> None:
    values = line(1, 2, 3, 4, 5, 6, 7, 4, 4, 10, 9, 4)
    assert z(c3(values), values)[11] == pytest.approx(1.777460 + 1.660516, abs=1e-5)


def test_eears_by_hand() -> None:
    # Mean 11, squares 12, s = √2, t(.975, 6) = 2.446912: U0 = 11 + 2.446912 · 1.414214 · √(8/7) = 14.699384. The day
    # of 13 has studentised residual 2 / (√(22/3/5) · √(6/7)) = 1.7838, below t(.95, 5) = 2.0150: nothing is down-weighted.
    values = line(9, 10, 10, 11, 12, 12, 13, 20)
    assert eears(values).limit(0.025)[0, 7] == pytest.approx(14.699384, abs=1e-5)


def test_eears_weighs_a_past_outlier_down_by_hand() -> None:
    # Mean 11, residual of the 13: others' variance (10 − 4 · 7/6)/5 = 16/15, r = 2/√(16/15 · 6/7) = 2.091650 above
    # 2.015048: weight (2.015048/2.091650)⁴ = .861363, scaled by 7/6.861363.
    values = line(10, 12, 11, 13, 9, 11, 11, 20)
    w = 0.861363
    n = 6 + w
    mean = (10 + 12 + 11 + 9 + 11 + 11 + 13 * w) / n
    squares = sum((v - mean) ** 2 for v in (10, 12, 11, 9, 11, 11)) + w * (13 - mean) ** 2
    s = np.sqrt(squares * 7 / n / 6)
    got = eears(values)
    assert got.centre[0, 7] == pytest.approx(mean, abs=1e-5)
    assert got.limit(0.025)[0, 7] == pytest.approx(mean + 2.446912 * s * np.sqrt(8 / 7), abs=1e-5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values=days)
def test_eears_is_its_formula_with_residuals_studentised_by_others(values: list[float]) -> None:
    got = eears(line(*values)).limit(0.025)[0]
    for t in range(7, len(values)):
        past = np.array(values[t - 7 : t])
        if len(np.unique(past)) < 3:
            continue
        r = OLS(past, np.ones(7)).fit().get_influence().resid_studentized_external
        edge = stats.t.ppf(0.95, 5)
        w = np.array([(edge / x) ** 4 if x > edge else 1.0 for x in r])
        w *= 7 / w.sum()
        mean = (w * past).sum() / 7
        s = np.sqrt((w * (past - mean) ** 2).sum() / 6)
        assert got[t] == pytest.approx(mean + stats.t.ppf(0.975, 6) * s * np.sqrt(8 / 7), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("detector", [c1, c2, eears])
def test_error_that_is_always_the_same_changes_nothing_where_the_days_vary_more(detector) -> None:
    values = np.random.default_rng(1).normal(0.2, 0.02, (1, 60))
    error = np.full_like(values, 0.004)
    assert detector(values, error).p(values) == pytest.approx(detector(values).p(values), nan_ok=True)


@pytest.mark.parametrize("detector", [c1, c2, c3, eears])
def test_a_day_measured_worse_than_its_baseline_is_less_of_a_surprise(detector) -> None:
    values = np.random.default_rng(2).normal(0.2, 0.02, (1, 60))
    error = np.full_like(values, 0.004)
    error[0, -1] = 0.05
    values[0, -1] = 0.3
    vague, sharp = detector(values, error), detector(values)
    assert vague.p(values)[0, -1] > 10 * sharp.p(values)[0, -1]
    if detector in (c1, c2):  # process variance is what is left of the sample's
        assert vague.spread[0, -1] == pytest.approx(np.sqrt(sharp.spread[0, -1] ** 2 - 0.004**2 + 0.05**2))


def test_five_known_days_are_a_baseline_and_four_are_none() -> None:
    assert np.isfinite(eears(line(1, None, 3, 4, None, 6, 7, 8)).spread[0, 7])
    assert np.isnan(eears(line(1, None, 3, None, None, 6, 7, 8)).spread[0, 7])


def test_a_line_that_never_moved_is_left_by_any_rise() -> None:
    values = line(*[0.0] * 9, 0.1, 0.0)
    assert eears(values).p(values)[0, 8:10].tolist() == [1, 0]
