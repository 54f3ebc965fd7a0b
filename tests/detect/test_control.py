"""The moving average and the regression, held against a recursion, a closed form and statsmodels."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from barograph.detect.control import ewma, regression

RNG = np.random.default_rng(5)
VALUES = 0.2 + 0.01 * RNG.standard_normal((3, 90)).cumsum(axis=1) * 0.3 + 0.01 * RNG.standard_normal((3, 90))


def test_the_moving_average_is_the_recursion_with_its_closed_form_of_the_variance() -> None:
    # z(t) = w y(t) + (1 − w) z(t − 1); Var(z − mean of 28 days that end 3 before) / σ² =
    # w/(2 − w) + 1/28 − 2 (1 − w)³ (1 − (1 − w)²⁸) / 28, as sums of geometric series.
    w, got = 0.4, ewma(VALUES)
    for row in range(3):
        z = VALUES[row, 0]
        for t in range(1, 90):
            z = w * VALUES[row, t] + (1 - w) * z
            if t < 60:
                continue
            base = VALUES[row, t - 30 : t - 2]
            factor = w / (2 - w) + 1 / 28 - 2 * (1 - w) ** 3 * (1 - (1 - w) ** 28) / 28
            p = stats.t.sf((z - base.mean()) / (base.std(ddof=1) * np.sqrt(factor)), 27)
            assert got.p(VALUES)[row, t] == pytest.approx(p, rel=1e-4)
            # At its limit the day's own value brings z just to where p is alpha.
            at = (1 - w) * (z - w * VALUES[row, t]) / (1 - w) + w * got.limit(0.01)[row, t]
            assert (at - base.mean()) / (base.std(ddof=1) * np.sqrt(factor)) == pytest.approx(stats.t.isf(0.01, 27), rel=1e-4)


@pytest.mark.parametrize("gone", [[], [40, 41, 52]])
def test_the_regression_is_that_of_statsmodels(gone: list[int]) -> None:
    values = VALUES.copy()
    values[:, gone] = np.nan
    got, explained = regression(values)
    for row in range(3):
        for t in (61, 62, 67, 80):
            past = np.array([d for d in range(t - 30, t - 2) if d not in gone])

            def design(d: np.ndarray) -> np.ndarray:
                return np.column_stack([d, *((d % 7 == k) for k in range(7))]).astype(float)

            fit = OLS(values[row, past], design(past)).fit()
            ahead = fit.get_prediction(design(np.array([t])))
            assert got.centre[row, t] == pytest.approx(ahead.predicted_mean[0])
            assert got.limit(0.025)[row, t] == pytest.approx(ahead.conf_int(obs=True, alpha=0.05)[0, 1])
            # Weekdays sum to a constant, which statsmodels finds for itself.
            assert explained[row, t] == pytest.approx(fit.rsquared_adj)


def test_weekdays_are_explained() -> None:
    weekly = np.tile([1, 2, 3, 4, 5, 9, 9], 9)[None, :60] * 0.01 + 0.0001 * RNG.standard_normal((1, 60))
    assert regression(weekly)[1][0, -1] > 0.99
    assert regression(RNG.standard_normal((1, 60)))[1][0, -1] < 0.6


def test_a_baseline_takes_28_days_and_two_between() -> None:
    for baseline in (ewma(VALUES), regression(VALUES)[0]):
        assert np.flatnonzero(np.isfinite(baseline.spread[0]))[0] == 30


def test_error_that_is_always_the_same_changes_nothing_where_the_days_vary_more() -> None:
    error = np.full_like(VALUES, 0.002)
    # The mean square of residuals falls short of their variance by what was fitted; so little is the difference.
    assert ewma(VALUES, error).spread == pytest.approx(ewma(VALUES).spread, nan_ok=True)
    assert regression(VALUES, error)[0].spread == pytest.approx(regression(VALUES)[0].spread, nan_ok=True)


@pytest.mark.parametrize("detector", [ewma, lambda y, e=None: regression(y, e)[0]])
def test_a_day_measured_worse_than_its_baseline_is_less_of_a_surprise(detector) -> None:
    error = np.full_like(VALUES, 0.002)
    error[:, -1] = 0.1
    assert (detector(VALUES, error).spread[:, -1] > 0.1).all()
    assert detector(VALUES, error).centre[:, -1] == pytest.approx(detector(VALUES).centre[:, -1])
