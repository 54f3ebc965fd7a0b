"""How detectors are measured: alarms, outbreaks and what is found of them, counted by hand on a few lines."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.detect import ears
from benchmarks import alerts
from benchmarks.alerts import BEFORE, FIRST, HISTORY, LONGEST, TESTED, TUNED, Outbreaks, Shares

NAN = np.nan


def shares(lines=2, last=TESTED, seed=1):
    """Lines of chance round .1 from FIRST to the day before `last`."""
    days = (last - FIRST).days
    values = np.random.default_rng(seed).normal(0.1, 0.01, (lines, days))
    return Shares([f"anxiety/{i}" for i in range(lines)], values, np.full((lines, days), 900.0))


def test_an_alarm_is_a_run_of_alarmed_days_each_at_most_a_week_after_the_one_before():
    p = np.full((2, 30), 0.5)
    p[0, [0, 7, 14, 22]] = 0.01  # a week apart, a week apart, eight days apart
    p[1, [3, 4, 29]] = 0.02
    p[1, 10] = NAN
    assert [tuple(day) for day in np.argwhere(alerts.alarms(p, 0.02))] == [(0, 0), (0, 22), (1, 3), (1, 29)]
    assert [tuple(day) for day in np.argwhere(alerts.alarms(p, 0.01))] == [(0, 0), (0, 22)]
    assert alerts.years(p) == pytest.approx(59 / 365.25)
    assert alerts.a_year(p, 0.02) == pytest.approx(4 * 365.25 / 59)


@settings(max_examples=50, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 12))
def test_a_limit_holds_a_detector_to_a_rate_and_the_next_one_does_not(seed, wanted):
    p = np.random.default_rng(seed).random((3, 400)).round(3)
    limit, steps = alerts.held_to(p, wanted), np.unique(p)
    if alerts.a_year(p, limit) > wanted:
        assert limit == steps[0]
    following = steps[steps > limit][0]
    assert alerts.a_year(p, following) > wanted or following > 0.2


def test_outbreaks_lift_the_days_they_last_by_whole_standard_deviations_of_the_days_before():
    made = shares()
    made.values[0, made.column(date(2018, 6, 1))] = NAN
    which, again = alerts.outbreaks(made, 60), alerts.outbreaks(made, 60)
    assert np.array_equal(which.loud.values, again.loud.values, equal_nan=True)
    assert set(which.size) == {1, 2, 3}
    assert which.days.min() == 3
    assert which.days.max() == LONGEST
    assert which.quiet.values.shape == (60, HISTORY + LONGEST)
    seen = set()
    for row in range(60):
        quiet, loud = which.quiet.values[row], which.loud.values[row]
        # Where it comes from: the only line and day with the same values.
        line = made.names.index(which.quiet.names[row])
        start = int(np.flatnonzero(made.values[line] == quiet[HISTORY])[0])
        seen.add((line, start))
        assert made.column(TUNED) <= start < made.column(TESTED) - LONGEST
        back = min(start, HISTORY)
        np.testing.assert_array_equal(quiet[HISTORY - back :], made.values[line, start - back : start + LONGEST])
        assert np.isnan(quiet[: HISTORY - back]).all()
        assert np.isfinite(quiet[HISTORY - BEFORE :]).all()
        before = quiet[HISTORY - BEFORE : HISTORY]
        spread = np.sqrt(((before - before.mean()) ** 2).sum() / (BEFORE - 1))
        lifted = np.where(np.arange(LONGEST) < which.days[row], which.size[row] * spread, 0)
        np.testing.assert_array_equal(loud[:HISTORY], quiet[:HISTORY])
        np.testing.assert_allclose(loud[HISTORY:] - quiet[HISTORY:], lifted, atol=1e-12)
    assert len(seen) == 60  # none twice


def outbreaks(*cases):
    """Outbreaks of (size, days), without windows."""
    size, days = np.array(cases).T
    nothing = Shares([], np.zeros((0, 0)), np.zeros((0, 0)))
    return Outbreaks(nothing, nothing, np.arange(LONGEST) < days[:, None], size)


def test_an_outbreak_is_found_where_one_of_its_own_days_is_alarmed():
    which = outbreaks((1, 3), (2, 7), (2, 14), (3, 7), (3, 3), (1, 10), (2, 3))
    p = np.full((7, LONGEST), 0.5)
    p[0, 3] = 0.01  # the day after it
    p[1, [4, 6]] = 0.01, 0.001
    p[2, 13] = 0.05  # not below the limit
    p[3, 0] = 0.01
    p[4] = NAN
    said = alerts.found(p, 0.01, which)
    assert said["sensitivity"] == pytest.approx(2 / 7)
    assert said["days_to_detection"] == 2  # the median of 4 and 0
    assert said["sensitivity_long_2sd"] == 0.5
    assert said["sensitivity_long_3sd"] == 1
    assert said["sensitivity_short_3sd"] == said["sensitivity_short_1sd"] == said["sensitivity_long_1sd"] == 0


def test_a_ratio_counts_long_outbreaks_of_two_standard_deviations_alone():
    which = outbreaks(*[(2, 7)] * 40, *[(2, 6)] * 5, *[(3, 14)] * 5)
    ours, theirs = np.full((50, LONGEST), 0.5), np.full((50, LONGEST), 0.5)
    ours[:30, 1] = 0.01
    theirs[20:, 2] = 0.02  # twenty of the forty, and all that do not count
    ratio, low, high = alerts.ratio(ours, 0.01, theirs, 0.02, which)
    assert ratio == 30 / 20
    assert 0.8 < low < ratio < high < 2.5
    same = alerts.ratio(ours, 0.01, ours, 0.01, which)
    assert same == (1, 1, 1)


def test_the_peer_knows_no_measurement_error():
    made = shares(last=date(2013, 3, 1))
    assert np.array_equal(alerts.ranks("peer", made), ears.eears(made.values, None).p(made.values), equal_nan=True)
    assert np.array_equal(alerts.ranks("eears", made), ears.eears(made.values, made.error).p(made.values), equal_nan=True)
    assert made.error[0, 0] == pytest.approx(np.sqrt(made.values[0, 0] * (1 - made.values[0, 0]) / 900))


def test_march_2020_counts_the_places_that_left_their_baseline():
    made = shares(lines=3, last=date(2020, 5, 1))
    made.names[2] = "joy/2"
    march = made.column(date(2020, 3, 1))
    made.values[:, march:] = 0.1
    made.values[[0, 2], march + 4 :] = 0.4  # of two places one leaves it; another marker's line does not count
    figures = alerts.march_2020(made, {"ladder": 0.01, "peer": 1e-6, "eears": -1.0})
    assert figures == {
        "n_march_2020": 1, "march_2020_ladder": 1, "march_2020_peer": 1, "march_2020_eears": 0,
        "march_2020_ladder_red": 1, "march_2020_observed_red": 1,
    }  # fmt: skip
