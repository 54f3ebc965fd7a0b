"""Farrington's algorithm, held against statsmodels' GLM fitted day by day."""

import numpy as np
import pytest
import statsmodels.api as sm

from barograph.detect.baseline import TWO_THIRDS, Baseline
from barograph.detect.farrington import farrington, scaled

RNG = np.random.default_rng(3)
DAYS = 1500
T = np.arange(DAYS)


def shares(lines: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Shares with a season, weekdays, a trend and outbreaks; and posts a day."""
    posts = RNG.integers(400, 900, (lines, DAYS)).astype(float)
    mean = np.exp(-2.5 + 0.2 * np.cos(2 * np.pi * T / 365.25) + 0.1 * (T % 7 == 3) + 0.00005 * T)
    share = RNG.binomial(posts.astype(int), RNG.beta(60 * mean, 60 * (1 - mean), (lines, DAYS))) / posts
    share[:, [700, 701, 702, 1000]] *= 4
    return share, posts


def oracle(share: np.ndarray, posts: np.ndarray, start: int, t: int) -> tuple[float, float]:
    """Expected share and variance of a day, from a GLM that statsmodels fits twice."""
    past = np.arange(max(start - 1826 - 24, 0), start - 182)

    def design(lag: np.ndarray) -> np.ndarray:
        through = (lag + 3) % 365.25
        season = np.where(np.minimum(through, 365.25 - through) <= 24, 0, 1 + ((through - 24) / (365.25 - 48) * 9).astype(int))
        season = np.clip(season, 0, 9)
        columns = [np.ones(len(lag)), *(season == k for k in range(1, 10)), *(lag % 7 == k for k in range(1, 7)), -lag / 365.25]
        return np.column_stack(columns).astype(float)

    x, ahead = design(start - past), design(np.array([start - t]))
    ahead[:, 1:10] = 0
    count, n = share[past] * posts[past], posts[past]

    def fit(weights: np.ndarray):
        model = sm.GLM(count, x, family=sm.families.Poisson(), offset=np.log(n), var_weights=weights)
        return model.fit(scale="X2", tol=1e-12)

    first = fit(np.ones(len(past)))
    leverage = first.get_hat_matrix_diag()
    mu, phi = first.fittedvalues, max(first.scale, 1)
    s = 1.5 * (count ** (2 / 3) - mu ** (2 / 3)) / mu ** (1 / 6) / np.sqrt(phi * (1 - leverage))
    weights = np.where(s > 2.58, s**-2.0, 1)
    weights *= len(past) / weights.sum()
    second = fit(weights)
    assert (s > 2.58).any()
    share_ahead = float(np.exp(ahead @ second.params)[0])
    phi = max(second.scale, 1)
    own = float((ahead @ second.normalized_cov_params @ ahead.T)[0, 0]) * phi * share_ahead**2
    return share_ahead, phi * share_ahead / posts[t] + own


def test_it_is_what_statsmodels_fits() -> None:
    share, posts = shares()
    got = farrington(share, posts, first=1456)
    for row in range(2):
        for t in (1456, 1460, 1470):
            centre, variance = oracle(share[row], posts[row], 1456 + (t - 1456) // 7 * 7, t)
            assert got.centre[row, t] == pytest.approx(centre ** (2 / 3), rel=1e-6)
            assert got.spread[row, t] == pytest.approx(2 / 3 * centre ** (-1 / 3) * np.sqrt(variance), rel=1e-5)


def test_limit_and_tail_are_those_published_of_the_r_package_surveillance() -> None:
    """5 expected with standard error .2, φ = 1, 8 observed: numbers of its tests/testthat/test-farringtonFlexible.R."""
    centre, spread = scaled(np.array([[5.0]]), np.array([[5 + 0.2**2]]))
    got = Baseline(centre, spread, np.array([[np.inf]]), TWO_THIRDS)
    assert got.limit(0.05).item() == pytest.approx(9.1154825, abs=1e-6)
    assert got.limit(0.95).item() == pytest.approx(1.8084477, abs=1e-6)
    assert got.p(np.array([[8.0]])).item() == pytest.approx(0.1094727, abs=1e-6)


def test_limits_come_back_from_the_scale_they_are_tested_on() -> None:
    share, posts = shares()
    got = farrington(share, posts, first=1470)
    assert got.p(got.limit(0.01))[:, 1470:] == pytest.approx(np.full((2, 30), 0.01))


def test_it_takes_the_same_season_of_an_earlier_year() -> None:
    share, posts = shares()
    known = np.isfinite(farrington(share[:, :420], posts[:, :420]).spread[0])
    # 28 days within 24 of a year before the week: 365 + 24 − 21 days of history, to a week.
    assert 343 <= np.flatnonzero(known)[0] <= 375


def test_an_outbreak_of_the_last_half_year_does_not_enter() -> None:
    share, posts = shares()
    higher = share.copy()
    higher[:, -100:] *= 3
    assert farrington(higher, posts, first=1470).centre == pytest.approx(farrington(share, posts, first=1470).centre, nan_ok=True)


def test_unknown_days_are_left_out_and_a_vague_day_is_less_of_a_surprise() -> None:
    share, posts = shares()
    share[0, 900:950] = np.nan
    error = np.sqrt(share * (1 - share) / posts)
    plain, vague = farrington(share, posts, error, first=1470), error.copy()
    vague[:, -1] = 0.2
    assert np.isfinite(plain.spread[:, 1470:]).all()
    assert (farrington(share, posts, vague, first=1470).spread[:, -1] > 3 * plain.spread[:, -1]).all()
