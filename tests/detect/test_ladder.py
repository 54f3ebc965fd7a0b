"""False discovery held against scipy, and which baseline a line's history allows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from barograph.detect import discovery, ladder

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(p=p_values, unknown=st.integers(0, 5))
def test_rates_are_scipys_whatever_is_unknown(p: list[float], unknown: int) -> None:
    column = np.array([*p, *[np.nan] * unknown])[:, None]
    got = discovery.rates(column)[:, 0]
    assert got[: len(p)] == pytest.approx(stats.false_discovery_control(p))
    assert np.isnan(got[len(p) :]).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(p=p_values, alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_what_is_at_or_below_the_limit_is_discovered_and_nothing_else(p: list[float], alpha: float) -> None:
    column = np.array(p)[:, None]
    q = discovery.rates(column)
    limit = discovery.limits(q, alpha)
    close = np.isclose(column, limit) | np.isclose(q, alpha)  # to the last digit either may be
    assert ((q <= alpha) == (column <= limit))[~close].all()


def test_discoveries_by_hand() -> None:
    # Of five: .005 · 5/1 = .025, .011 · 5/2 = .0275, .02 · 5/3 = .0333, .04 · 5/4 = .05, .13.
    p = np.array([[0.011, 0.005, 0.13, 0.04, 0.02]]).T
    assert discovery.rates(p)[:, 0] == pytest.approx([0.0275, 0.025, 0.13, 0.05, 0.1 / 3])
    assert discovery.limits(discovery.rates(p), 0.03) == pytest.approx([0.03 * 2 / 5])


RNG = np.random.default_rng(4)
VALUES = 0.2 + 0.01 * RNG.standard_normal((2, 700))
VALUES[1] += np.tile([0, 0.1, 0.2, 0, 0.05, 0, 0.2], 100)  # weekdays explain it
POSTS, ERROR = np.full_like(VALUES, 900.0), np.full_like(VALUES, 0.002)


def test_a_line_climbs_as_its_history_grows() -> None:
    tests = ladder.run(ladder.LADDER, VALUES, POSTS, ERROR)
    names = np.array([*tests.names, "none"])[tests.rung]
    assert set(names[0, :5]) == {"none"}
    assert set(names[0, 5:30]) == {"eears"}
    assert set(names[0, 30:330]) <= {"ewma", "regression"}
    assert (names[0, 30:330] == "ewma").mean() > 0.9
    assert (names[1, 30:330] == "regression").mean() > 0.9
    assert set(names[:, 360:].ravel()) == {"own_year"}
    p = tests.p(VALUES)
    for name, baseline in zip(tests.names, tests.baselines, strict=True):
        mine = names == name
        assert p[mine] == pytest.approx(ladder.false_alarms(name, baseline.p(VALUES)[mine]) / 365)


@pytest.mark.parametrize("name", [ladder.LADDER, *ladder.DETECTORS])
def test_a_late_start_says_the_same_of_the_days_it_tests(name: str) -> None:
    whole, late = (ladder.run(name, VALUES, POSTS, ERROR, first) for first in (0, 667))
    assert late.p(VALUES[:, 667:]) == pytest.approx(whole.p(VALUES)[:, 667:], rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", [ladder.LADDER, *ladder.DETECTORS])
def test_nothing_later_changes_what_is_said_of_a_day(name: str) -> None:
    other = VALUES.copy()
    other[:, 601:] = 0.9
    before, after = (ladder.run(name, y, POSTS, ERROR).p(y)[:, :601] for y in (VALUES, other))
    assert after == pytest.approx(before, nan_ok=True)


@pytest.mark.parametrize("name", ladder.DETECTORS)
def test_a_value_is_above_its_limit_just_where_p_is_below_alpha(name: str) -> None:
    tests = ladder.run(name, VALUES, POSTS, ERROR, 560)
    p, limit = tests.p(VALUES[:, 560:]), tests.limit(np.full(140, 0.2))
    known = np.isfinite(p)
    assert ((VALUES[:, 560:] > limit) == (p < 0.2))[known].all()
    assert known.any()


@pytest.mark.parametrize("name", ladder.DETECTORS)
def test_false_alarms_are_as_measured_on_logarithms_and_back(name: str) -> None:
    one, three, *_, thirty = ladder.MEASURED[name]
    assert ladder.false_alarms(name, [one, three, thirty, 1]) == pytest.approx([1, 3, 30, 365])
    # Halfway on logarithms between 1 and 3 a year is √3; as far below 1 as 3 is above is ⅓; 0 is never.
    assert ladder.false_alarms(name, [(one * three) ** 0.5, one * one / three, 0]) == pytest.approx([3**0.5, 1 / 3, 0])
    alphas = np.array([0.0005, 0.001, 0.01, 0.05, 0.5])
    assert ladder.false_alarms(name, ladder.reached_at(name, alphas)) == pytest.approx(365 * alphas)


@pytest.mark.parametrize("name", [ladder.LADDER, *ladder.DETECTORS])
def test_what_is_left_out_is_in_no_others_baseline_and_is_tested_all_the_same(name: str) -> None:
    out = np.zeros(VALUES.shape, dtype=bool)
    out[0, [640, 641, 660]] = out[1, 650] = True
    odd = np.where(out, 0.9, VALUES)
    unknown = np.where(out, np.nan, VALUES)
    none, kept, left = (
        ladder.run(name, y, POSTS, ERROR, 602, o).p(y[:, 602:]) for y, o in ((unknown, None), (odd, None), (odd, out))
    )
    here = out[:, 602:]
    assert left[~here] == pytest.approx(none[~here], nan_ok=True)
    assert left[here] == pytest.approx(kept[here], nan_ok=True)
