"""Simulated series: shares of whole posts, the same for the same seed, as wide and as varied as they are said to be."""

import numpy as np
import pytest
from scipy import special

from forecasting.calendar import weekday
from forecasting.simulated import _decaying, simulate

DAYS = np.arange(np.datetime64("2017-01-02"), np.datetime64("2019-01-01"))


def test_series_are_shares_of_whole_posts() -> None:
    made = simulate(50, DAYS, np.random.default_rng(1))
    assert made.y.shape == made.n_posts.shape == (50, len(DAYS))
    assert made.n_posts.dtype == made.y.dtype == float
    assert ((made.y >= 0) & (made.y <= 1)).all()
    assert (made.n_posts >= 1).all()
    for counts in (made.n_posts, made.y * made.n_posts):
        np.testing.assert_allclose(counts, counts.round(), atol=1e-6)


def test_each_is_a_population_of_its_own_and_of_no_marker() -> None:
    made = simulate(5, DAYS[:100], np.random.default_rng(1))
    assert len(set(made.populations)) == 5
    assert made.markers.tolist() == [""] * 5
    np.testing.assert_array_equal(made.days, DAYS[:100])


def test_a_seed_says_all() -> None:
    one, again, other = (simulate(5, DAYS[:100], np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.y, again.y)
    np.testing.assert_array_equal(one.n_posts, again.n_posts)
    assert (one.y != other.y).any()


def test_they_are_as_varied_as_promised() -> None:
    made = simulate(3000, DAYS[:364], np.random.default_rng(3))
    posts, late = made.n_posts, weekday(DAYS[:364]) >= 5
    weekday_posts = np.log(np.median(posts[:, ~late], axis=1))
    uniform = np.log([20, 100_000])
    assert weekday_posts.mean() == pytest.approx(uniform.mean(), abs=0.1)
    assert weekday_posts.std() == pytest.approx(np.diff(uniform)[0] / np.sqrt(12), abs=0.1)
    fewer = 1 - posts[:, late].mean(axis=1) / posts[:, ~late].mean(axis=1)
    assert fewer.mean() == pytest.approx(0.25, abs=0.02)
    assert ((fewer > -0.2) & (fewer < 0.6)).all()
    many = posts.min(axis=1) > 5000
    level = special.logit(made.y[many].mean(axis=1))
    assert level.mean() == pytest.approx(-1.75, abs=0.15)
    assert level.std() == pytest.approx(5.5 / np.sqrt(12), abs=0.15)
    changes = np.abs(np.diff(special.logit(made.y[many]), axis=1)).mean(axis=1)
    assert changes.max() > 4 * changes.min(), "some jump, some hardly move"


def test_what_decays_is_an_autoregression() -> None:
    stay = np.array([0.0, 0.5, 0.9])
    moves = np.zeros((3, 6))
    moves[:, 1] = 2.0
    np.testing.assert_allclose(_decaying(moves, stay), [[0, 2, 0, 0, 0, 0], [0, 2, 1, 0.5, 0.25, 0.125], 2 * 0.9 ** np.array([np.inf, 0, 1, 2, 3, 4])])
    long = _decaying(np.random.default_rng(1).normal(0, 1, (1, 100_000)), np.array([0.8]))[0, 100:]
    assert long.std() == pytest.approx(1 / np.sqrt(1 - 0.8**2), rel=0.03)
    assert np.corrcoef(long[1:], long[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)
