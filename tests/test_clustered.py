"""Ratios over weeks: their bounds by hand, by SciPy's own distributions, and in how many worlds they hold."""

import numpy as np
import pytest
from scipy import stats

from barograph.clustered import Interval, chance_band, proportion, ratio


def test_a_ratio_by_hand() -> None:
    got = ratio(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    # r = 1, deviations −1 0 1, variance 3/2 · 2/36, t of 2 degrees of freedom.
    reach = 4.302652729911275 * (1 / 12) ** 0.5
    assert got == pytest.approx((1, 1 - reach, 1 + reach))


def test_weights_differ_and_the_weights_count() -> None:
    part, whole = np.array([1.0, 9.0]), np.array([1.0, 10.0])
    got = ratio(part, whole)
    assert got is not None
    r = 10 / 11
    variance = 2 * ((1 - r) ** 2 + (9 - 10 * r) ** 2) / 11**2
    assert got.hi == pytest.approx(r + stats.t.ppf(0.975, 1) * variance**0.5)


def test_one_week_has_no_bounds_and_none_no_value() -> None:
    assert ratio(np.array([1.0]), np.array([2.0])) == Interval(0.5)
    assert proportion(np.array([1.0, 0.0]), np.array([2.0, 0.0])) == Interval(0.5)
    assert ratio(np.array([]), np.array([])) is None
    assert proportion(np.array([0.0]), np.array([0.0])) is None


def test_weeks_that_differ_as_chance_has_it_are_worth_what_there_are_less_what_few_weeks_leave_unknown() -> None:
    n, weeks = 20.0, 12
    spread = (0.5 * 0.5 * n) ** 0.5 * (weeks - 1) ** 0.5 / weeks**0.5  # so that the variance is p(1−p)/n
    part = np.array([10 + spread, 10 - spread] * (weeks // 2))
    got = proportion(part, np.full(weeks, n))
    worth = n * weeks * (stats.t.ppf(0.975, n * weeks - 1) / stats.t.ppf(0.975, weeks - 1)) ** 2
    assert got is not None
    assert got.lo == pytest.approx(stats.beta.ppf(0.025, worth / 2, worth / 2 + 1), rel=1e-9)
    assert got.hi == pytest.approx(stats.beta.ppf(0.975, worth / 2 + 1, worth / 2), rel=1e-9)


@pytest.mark.parametrize(("came", "end"), [(0, "lo"), (7, "hi")])
def test_where_none_or_all_came_each_week_is_worth_one(came: int, end: str) -> None:
    got = proportion(np.full(9, float(came)), np.full(9, 7.0))
    exact = stats.binomtest(9 * (came > 0), 9).proportion_ci(method="exact")
    assert got is not None
    assert (got.lo, got.hi) == pytest.approx((exact.low, exact.high))
    assert getattr(got, end) == came / 7


def test_bounds_hold_the_truth_in_nineteen_of_twenty_worlds_though_weeks_move_together() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _world in range(400):
        weekly = rng.beta(8, 2, 12)  # .8 in the mean, the same for all forecasts of a week
        came = rng.binomial(40, weekly).astype(float)
        got = proportion(came, np.full(12, 40.0))
        assert got is not None and got.lo is not None and got.hi is not None
        held.append(got.lo <= 0.8 <= got.hi)
        naive = stats.binomtest(int(came.sum()), 480).proportion_ci(method="exact")
        assert got.hi - got.lo > naive.high - naive.low
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("n", [1, 7, 21, 350])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_band_of_chance_is_that_of_the_binomial(n: int, level: float) -> None:
    expected = [stats.binom.ppf(q, n, level) / n for q in (0.025, 0.975)]
    assert list(chance_band(n, level)) == pytest.approx(expected)
