"""Scores of forecasts: by hand, by formulas written another way, by scikit-learn and by integration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import integrate, stats
from sklearn import metrics

from forecasting import evaluation as ev
from forecasting.quantiles import LEVELS

SHARES = st.floats(0, 1)
ROWS = arrays.arrays(float, (5, 13), elements=SHARES).map(lambda q: np.sort(q, axis=1))
TRUTH = arrays.arrays(float, (5,), elements=SHARES)
CHANCES = arrays.arrays(float, (30,), elements=st.sampled_from([0, 0.05, 0.2, 0.25, 0.5, 0.9, 1]) | SHARES)
EVENTS = arrays.arrays(bool, (30,))
generated = settings(max_examples=150, deadline=None, derandomize=True)


# Quantiles.


def test_pinball_by_hand():
    """.3 above a quantile at .9 costs .9 × .3, .3 below one costs .1 × .3."""
    found = ev.pinball(np.array([[0.2, 0.8]]), np.array([0.9, 0.9]), np.array([0.5]))
    assert found == pytest.approx(np.array([[0.27, 0.03]]))


def test_a_point_forecast_has_its_absolute_error_as_crps_and_as_wis():
    q = np.full((2, 13), 0.3)
    truth = np.array([0.5, 0.1])
    assert ev.crps(q, truth) == pytest.approx([0.2, 0.2])
    assert ev.wis(q, truth) == pytest.approx([0.2, 0.2])


def test_crps_is_over_the_eleven_inner_quantiles():
    """The outermost two quantiles do not count; at truth 0 a quantile q at level τ costs (1 − τ) q."""
    q = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
    inner = (0.95 * 0.05 + 0.09 + 0.16 + 0.21 + 0.24 + 0.25 + 0.24 + 0.21 + 0.16 + 0.09 + 0.05 * 0.95)
    assert ev.crps(q, np.array(0.0)) == pytest.approx(2 / 11 * inner)
    wider = q.copy()
    wider[0], wider[-1] = -9, 9
    assert ev.crps(wider, np.array(0.0)) == ev.crps(q, np.array(0.0))


def test_scrps_divides_each_window_by_its_own_scale_and_leaves_out_what_never_moved():
    q, truth = np.full((3, 13), 0.3), np.array([0.5, 0.5, 0.5])
    found = ev.scrps(q, truth, np.array([0.1, 0.4, 0.0]))
    assert found[:2] == pytest.approx([2.0, 0.5])
    assert np.isnan(found[2])


@pytest.mark.parametrize(("mean", "sd", "truth"), [(0, 1, 0), (0, 1, 1.7), (2, 0.3, 1.2), (-1, 4, 5)])
def test_twice_the_mean_pinball_approaches_the_crps_integral(mean, sd, truth):
    """CRPS = ∫ (F(x) − 1{x ≥ y})² dx, integrated by scipy."""
    law = stats.norm(mean, sd)
    low, high = mean - 12 * sd, mean + 12 * sd
    integral = (
        integrate.quad(lambda x: law.cdf(x) ** 2, low, truth)[0] + integrate.quad(lambda x: law.sf(x) ** 2, truth, high)[0]
    )
    levels = (np.arange(4000) + 0.5) / 4000
    many = 2 * ev.pinball(law.ppf(levels)[None], levels, np.array([truth])).mean()
    assert many == pytest.approx(integral, rel=1e-3)
    assert ev.crps(law.ppf(LEVELS), np.array(truth)) == pytest.approx(integral, rel=0.12)


def test_wis_on_the_example_of_the_published_packages():
    """Observations and quantiles of the tests of covidHubUtils and scoringutils, weighted by hand as in Bracher et al."""
    y = np.array([1, -15, 22])
    q = np.array([[-1, 0, 1, 2, 3], [-2, 1, 2, 2, 4], [-2, 0, 3, 3, 4]])
    expected = [
        (0.5 * 0 + 0.1 * 4 + 0.25 * 2) / 2.5,
        (0.5 * 17 + 0.1 * 6 + 13 + 0.25 * 1 + 16) / 2.5,
        (0.5 * 19 + 0.1 * 6 + 18 + 0.25 * 3 + 19) / 2.5,
    ]
    assert ev.wis(q, y, np.array([0.1, 0.25, 0.5, 0.75, 0.9])) == pytest.approx(expected)
    assert expected == pytest.approx([0.36, 15.34, 19.14])


@generated
@given(q=ROWS, truth=TRUTH)
def test_wis_is_the_weighted_sum_of_interval_scores(q, truth):
    """Bracher et al., equations 1 and 2, interval by interval."""
    total = 0.5 * abs(truth - q[:, 6])
    for k, alpha in enumerate([0.05, 0.1, 0.2, 0.4, 0.6, 0.8]):
        low, high = q[:, k], q[:, 12 - k]
        score = (high - low) + 2 / alpha * (low - truth) * (truth < low) + 2 / alpha * (truth - high) * (truth > high)
        total = total + alpha / 2 * score
    assert ev.wis(q, truth) == pytest.approx(total / 6.5, abs=1e-12)


def test_covered_takes_the_two_quantiles_of_its_level():
    q = np.tile(LEVELS, (6, 1))
    truth = np.array([0.1, 0.0999, 0.9, 0.04, 0.03, 0.98])
    assert ev.covered(q, truth, 0.8).tolist() == [True, False, True, False, False, False]
    assert ev.covered(q, truth, 0.9).tolist() == [True, True, True, False, False, False]
    assert ev.covered(q, truth, 0.95).tolist() == [True, True, True, True, True, False]
    with pytest.raises(ValueError, match=r"level: got 0\.5; expected"):
        ev.covered(q, truth, 0.5)


def test_mape_is_of_the_median_and_skips_days_of_nothing():
    q = np.tile(np.linspace(0.1, 0.7, 13), (3, 1))  # median .4
    assert ev.mape(q, np.array([0.5, 0.2, 0.0])) == pytest.approx((0.1 / 0.5 + 0.2 / 0.2) / 2)
    assert np.isnan(ev.mape(q, np.zeros(3)))


# Probabilities.


@generated
@given(p=CHANCES, high=EVENTS)
def test_brier_and_its_skill_agree_with_scikit_learn(p, high):
    theirs = metrics.brier_score_loss(high, p, pos_label=True, labels=[False, True])
    base = metrics.brier_score_loss(high, np.full(30, 0.2), pos_label=True, labels=[False, True])
    assert ev.brier(p, high) == pytest.approx(theirs)
    assert ev.brier_skill(p, high) == pytest.approx(1 - theirs / base)


def test_brier_skill_by_hand():
    """Constant .2 on events 1, 0 scores (.64 + .04) / 2 = .34; saying .6 and .1 scores (.16 + .01) / 2 = .085."""
    high = np.array([True, False])
    assert ev.brier_skill(np.array([0.6, 0.1]), high) == pytest.approx(0.75)
    assert ev.brier_skill(np.full(2, 0.2), high) == pytest.approx(0)
    assert ev.brier_skill(np.array([1.0, 0.0]), high) == 1


@generated
@given(p=CHANCES, high=EVENTS)
def test_average_precision_agrees_with_scikit_learn(p, high):
    if high.any():
        assert ev.average_precision(p, high) == pytest.approx(metrics.average_precision_score(high, p))
    else:
        assert np.isnan(ev.average_precision(p, high))


def test_average_precision_of_one_probability_for_all_is_the_share_of_high_days():
    assert ev.average_precision(np.full(8, 0.3), np.arange(8) < 2) == pytest.approx(0.25)


def test_reliability_counts_each_day_once_in_the_bin_of_what_was_said():
    found = ev.reliability(np.array([0.0, 0.19, 0.2, 0.5, 1.0]), np.array([0, 1, 0, 1, 1]), bins=5)
    assert found.n.tolist() == [2, 1, 1, 0, 1]
    assert found.said == pytest.approx([0.095, 0.2, 0.5, np.nan, 1.0], nan_ok=True)
    assert found.came == pytest.approx([0.5, 0, 1, np.nan, 1], nan_ok=True)


def test_the_calibration_error_weighs_bins_by_their_days():
    """Bin .2: said .2 thrice, came 1 of 3; bin .9: said .9 once, came. (3 · |.2 − 1/3| + |.9 − 1|) / 4."""
    found = ev.calibration_error(np.array([0.2, 0.2, 0.2, 0.9]), np.array([1, 0, 0, 1]))
    assert found == pytest.approx((3 * (1 / 3 - 0.2) + 0.1) / 4)
    assert ev.calibration_error(np.array([0.0, 1.0]), np.array([0, 1])) == 0


# Alarms.


@generated
@given(p=CHANCES, high=EVENTS, limit=st.sampled_from([0.2, 0.5, 0.9]))
def test_alarms_agree_with_scikit_learn(p, high, limit):
    found = ev.alarms(p, high, limit)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        high, p >= limit, average="binary", pos_label=True, zero_division=np.nan
    )
    assert found[:2] == pytest.approx((precision, recall), nan_ok=True)
    if not np.isnan(found.f1):
        assert found.f1 == pytest.approx(f1)
    assert found.false_alarms_per_week == pytest.approx(((p >= limit) & ~high).sum() / (30 / 7))


def test_alarms_by_hand():
    """Two windows of a week: three alarms, two in vain; two high days, one found. One false alarm a week."""
    p, high = np.zeros((2, 7)), np.zeros((2, 7), dtype=bool)
    p[0, :2], p[1, 6] = 0.5, 0.9
    high[0, 1] = high[1, 0] = True
    assert ev.alarms(p, high) == pytest.approx((1 / 3, 1 / 2, 2 / 5, 1.0))
    assert np.isnan(ev.alarms(np.zeros(7), high[0]).precision)
    assert np.isnan(ev.alarms(p, np.zeros((2, 7), dtype=bool)).recall)


def test_random_alarms_have_what_seeded_draws_have_on_average():
    rng = np.random.default_rng(5)
    high = rng.random(60) < 0.3
    drawn = []
    for _ in range(20_000):
        p = np.zeros(60)
        p[rng.choice(60, 12, replace=False)] = 1
        drawn.append(ev.alarms(p, high))
    assert ev.random_alarms(12, high) == pytest.approx(np.mean(drawn, axis=0), rel=0.02)


def test_an_alarm_that_always_stands_finds_everything_and_knows_nothing():
    high = np.array([[True, False, False, False, True, False, False]])
    assert ev.every_week_alarm(high) == ev.alarms(np.ones((1, 7)), high)
    assert ev.every_week_alarm(high) == pytest.approx((2 / 7, 1, 4 / 9, 5))


def test_lead_is_that_of_first_days_alone():
    """Row 0 was high at its origin, so its first day begins nothing; day 4 does and is alarmed, 4 days ahead.
    Row 1 begins on day 1, alarmed, and on day 3, which is missed. Mean lead 2.5 of two of three."""
    high = np.array([[1, 0, 0, 1, 1], [1, 0, 1, 0, 0]], dtype=bool)
    p = np.array([[0.9, 0.9, 0, 0.5, 0.9], [0.7, 0, 0.49, 0, 0.9]])
    assert ev.lead_time(p, high, np.array([True, False])) == pytest.approx((2.5, 2 / 3))
    none = ev.lead_time(np.zeros((2, 5)), high, np.array([True, False]))
    assert np.isnan(none.days)
    assert none.caught == 0


# Intervals.


def test_the_bootstrap_over_series_and_weeks_has_the_spread_of_two_way_noise():
    """Values a_i + b_t, a and b standard normal: the mean of 40 × 60 varies with sd √(1/40 + 1/60); as if independent √(2/2400)."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=40)[:, None] + rng.normal(size=60)
    series, weeks = (of.ravel() for of in np.indices((40, 60)))
    flat = values.ravel()
    low, high = ev.bootstrap(lambda rows: flat[rows].mean(), series, weeks, draws=800)
    truth = np.sqrt(values.mean(axis=1).var() / 40 + values.mean(axis=0).var() / 60)
    assert (high - low) / (2 * 1.96) == pytest.approx(truth, rel=0.2)
    assert low < flat.mean() < high


def test_neighbouring_weeks_are_drawn_together():
    """Weeks in pairs of opposite sign: blocks of four hold whole pairs or nearly, so the mean hardly varies."""
    values = np.tile([1.0, -1.0], 40)
    series, weeks = np.zeros(80, dtype=int), np.arange(80)
    low, high = ev.bootstrap(lambda rows: values[rows].mean(), series, weeks)
    assert (low, high) == pytest.approx((0, 0))


def test_the_bootstrap_gives_the_same_for_the_same_seed_and_takes_several_figures_at_once():
    rng = np.random.default_rng(0)
    values, series, weeks = rng.normal(size=(60, 2)), np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6)
    once, again = (ev.bootstrap(lambda rows: values[rows].mean(axis=0), series, weeks, draws=50) for _ in range(2))
    assert np.array_equal(once, again)
    assert once[0].shape == (2,)
    assert (once[0] < once[1]).all()
