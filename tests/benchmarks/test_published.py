"""The published protocol, by hand on short lines and against scipy's peaks."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import signal

from benchmarks import published as p
from forecasting.panel import Panel, Predicted
from forecasting.quantiles import LEVELS


def test_a_slope_is_the_change_of_the_trailing_week_over_seven():
    y = np.random.default_rng(0).random((2, 20))
    slope = p.slopes(y)
    assert np.isnan(slope[:, :7]).all()
    for t in range(7, 20):
        assert slope[:, t] == pytest.approx((y[:, t] - y[:, t - 7]) / 7)


def test_rises_are_measured_to_the_left_alone():
    slope = np.array([[np.nan] * 7 + [0, 3, 1, 2, 0.5, 5, 4, 4, 6, 5]])
    found = p.rises(slope)[0]
    tops = {int(t): found[t] for t in np.flatnonzero(~np.isnan(found))}
    # 3 rises from 0; 2 from 1, the lowest since the higher 3; 5 and 6 from the very first 0.
    assert tops == {8: 3, 10: 1, 12: 5, 15: 6}


def test_a_rise_is_scipys_prominence_where_the_right_side_is_deeper():
    rng = np.random.default_rng(1)
    line = np.concatenate([np.full(7, np.nan), rng.normal(size=60)])
    for t in np.flatnonzero(~np.isnan(p.rises(line[None])[0])):
        cut = np.concatenate([line[7 : t + 1], [-99]])  # nothing after the peak holds it up
        assert p.rises(line[None])[0, t] == pytest.approx(signal.peak_prominences(cut, [t - 7])[0][0])


def test_peaks_do_not_depend_on_days_after_the_next():
    rng = np.random.default_rng(2)
    past, coming = rng.random((50, 84)), rng.random((50, 8))
    whole = p.peaks(past, coming)
    assert whole.shape == (50, 7)
    assert 0 < whole.sum() < whole.size / 3
    for h in range(7):
        other = coming.copy()
        other[:, h + 2 :] = rng.random((50, 6 - h))
        assert np.array_equal(p.peaks(past, other)[:, : h + 1], whole[:, : h + 1])


def test_near_counts_days_to_both_sides_or_the_week():
    days = np.zeros((1, 14), dtype=bool)
    days[0, 6] = True
    assert np.flatnonzero(p.near(days, 2)).tolist() == [4, 5, 6, 7, 8]
    assert np.flatnonzero(p.near(days, None)).tolist() == list(range(7))


def test_worth_and_chance_by_hand():
    came, alarms = np.zeros((1, 14), dtype=bool), np.zeros((1, 14), dtype=bool)
    came[0, [3, 12]] = True
    alarms[0, [0, 5, 6]] = True
    found = p.worth(alarms, came)
    assert found == pytest.approx({
        "hit_2": 1 / 2, "precision_2": 1 / 3, "hit_3": 1 / 2, "precision_3": 1, "hit_week": 1 / 2, "precision_week": 1,
    })  # fmt: skip
    one = np.zeros((1, 14), dtype=bool)
    one[0, 0] = True
    # One alarm on a random day of 14 lies within 2 of day 3 or day 12 on 5 + 4 of them.
    chance = p.by_chance(np.tile(one, (400, 1)), np.tile(came, (400, 1)))
    assert chance["random_precision_2"] == pytest.approx(9 / 14, abs=0.01)
    assert chance["random_hit_2"] == pytest.approx(9 / 28, abs=0.01)


def test_an_alarm_in_the_middle_of_every_week_is_near_everything():
    came = np.random.default_rng(3).random((5, 70)) < 0.1
    found = p.worth(p.every_week(came), came)
    assert found["hit_3"] == found["hit_week"] == 1
    middle = came[:, np.isin(np.arange(70) % 7, [1, 2, 3, 4, 5])].sum() / came.sum()
    assert found["hit_2"] == pytest.approx(middle)


@pytest.fixture
def walks():
    """Three series of 300 days, as a history and as an array."""
    start, y = date(2024, 1, 1), np.random.default_rng(4).uniform(0.1, 0.3, (3, 300))
    days = [start + timedelta(days=d) for d in range(300)]
    return pl.concat([pl.DataFrame({"unique_id": f"s{i}", "ds": days, "y": y[i]}) for i in range(3)]), y, days


def test_a_model_that_knows_what_comes_finds_all_and_is_right(walks):
    history, y, days = walks

    def oracle(panel: Panel, horizon: int) -> Predicted:
        at = (panel.ends - np.datetime64(days[0])).astype(int)
        ahead = np.array([y[int(name[1:]), t + 1 : t + 1 + horizon] for name, t in zip(panel.names, at, strict=True)])
        return Predicted(np.repeat(ahead[..., None], len(LEVELS), axis=2), ["oracle"] * len(panel), [None] * len(panel))

    known, weekly = p.replay(history, {"oracle": oracle}, [7], days[90], days[-1])
    assert known["n_peaks"] == known["n_alarms"] > 10
    assert known["hit_2"] == known["precision_2"] == known["hit_week"] == 1
    assert known["random_hit_2"] < 0.9
    weeks = (299 - 8 - 90) // 7 + 1
    assert weekly["n_alarms"] == 3 * (weeks - 12)
    assert weekly["hit_3"] == 1


def test_a_model_that_says_the_same_of_every_day_raises_no_alarm(walks):
    history, _, days = walks

    def still(panel: Panel, horizon: int) -> Predicted:
        return Predicted(np.full((len(panel), horizon, len(LEVELS)), 0.2), ["still"] * len(panel), [None] * len(panel))

    (row, _) = p.replay(history, {"still": still}, [7], days[90], days[-1])
    assert row["n_alarms"] == row["hit_3"] == 0
    assert np.isnan(row["precision_3"])
