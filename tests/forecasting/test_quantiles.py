"""What a row of quantiles says about any threshold: against the normal it was made from, and for any row at all."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from barograph.tables import QUANTILES
from forecasting import forecast, probability_above

LEVELS = list(QUANTILES.values())
shares = st.floats(1e-6, 1 - 1e-6)


def rows(*quantiles: Sequence[float | None]) -> pl.DataFrame:
    """A forecast a row."""
    return pl.DataFrame(list(quantiles), schema=dict.fromkeys(QUANTILES, pl.Float64), orient="row")


def above(quantiles: Sequence[float | None], *thresholds: float | None) -> list[float | None]:
    """P(share > threshold) of one forecast for several thresholds."""
    return probability_above(rows(*[quantiles] * len(thresholds)), pl.Series(thresholds, dtype=pl.Float64)).to_list()


def normal(mu: float, sigma: float) -> list[float]:
    """Quantiles of a share whose logit is normal."""
    return list(special.expit(mu + sigma * stats.norm.ppf(LEVELS)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mu=st.floats(-6, 6), sigma=st.floats(0.02, 3), threshold=shares)
def test_it_is_the_normal_tail_on_the_logit_scale(mu: float, sigma: float, threshold: float) -> None:
    exact = stats.norm.sf((special.logit(threshold) - mu) / sigma)
    assert above(normal(mu, sigma), threshold) == [pytest.approx(exact, abs=1e-6)]


def test_above_the_quantile_of_a_level_lies_what_is_left() -> None:
    quantiles = normal(-2.0, 0.5)
    assert above(quantiles, *quantiles) == pytest.approx([1 - level for level in LEVELS])


def test_between_two_quantiles_of_any_shape_lies_a_probability_between_theirs() -> None:
    bumpy = [0.01, 0.02, 0.021, 0.05, 0.2, 0.3, 0.31, 0.32, 0.4, 0.41, 0.6, 0.8, 0.81]
    middles = [(a + b) / 2 for a, b in pairwise(bumpy)]
    for p, (low, high) in zip(above(bumpy, *middles), pairwise(LEVELS), strict=True):
        assert p is not None
        assert 1 - high < p < 1 - low


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    quantiles=st.lists(st.floats(0, 1), min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted),
    thresholds=st.lists(st.floats(0, 1), min_size=2, max_size=12).map(sorted),
)
def test_it_never_rises_with_the_threshold_and_stays_a_probability(
    quantiles: list[float], thresholds: list[float]
) -> None:
    p = np.array(above(quantiles, *thresholds, *quantiles), dtype=float)
    assert ((p >= 0) & (p <= 1)).all()
    at = np.array([*thresholds, *quantiles])
    assert (np.diff(p[np.argsort(at, kind="stable")]) <= 1e-12).all()


@pytest.mark.parametrize(("threshold", "p"), [(0.29, 1), (0.3, 0), (0.31, 0), (0.0, 1), (1.0, 0)])
def test_of_a_single_value_nothing_lies_above_it_and_all_above_less(threshold: float, p: float) -> None:
    assert above([0.3] * len(LEVELS), threshold) == [p]


def test_at_a_pile_in_the_lower_tail_the_pile_is_not_above_itself() -> None:
    quantiles = [0.1, 0.1, *np.linspace(0.2, 0.9, 11)]  # 5 % lie at 0.1 or below
    assert above(quantiles, 0.1) == [pytest.approx(0.95)]
    assert above(quantiles, 0.0999) == [1]


def test_where_anything_is_missing_so_is_the_answer() -> None:
    whole = normal(0, 1)
    broken: list[float | None] = [*whole[:-1], None]
    got = probability_above(rows(whole, whole, broken), pl.Series([0.5, None, 0.5], dtype=pl.Float64))
    assert got.to_list() == [pytest.approx(0.5), None, None]
    assert probability_above(rows(), pl.Series([], dtype=pl.Float64)).to_list() == []


def test_each_row_is_held_against_its_own_threshold() -> None:
    got = probability_above(rows(normal(0, 1), normal(0, 1), normal(2, 1)), pl.Series([0.5, 0.9, 0.5]))
    at_nine = stats.norm.sf(np.log(9))
    assert got.to_list() == pytest.approx([0.5, at_nine, stats.norm.sf(-2)])


def test_to_be_above_almost_nothing_takes_a_whole_post() -> None:
    forecasts, thresholds = rows(*[normal(-2, 0.5)] * 3), pl.Series([0.0, 0.05, 0.5])
    got = probability_above(forecasts, thresholds, pl.Series([10.0, 10.0, 10.0]))
    assert got.to_list() == pytest.approx(above(normal(-2, 0.5), 0.075, 0.075, 0.5))


def test_to_be_above_none_takes_a_whole_post() -> None:
    days = [date(2024, 3, 1) + timedelta(days=d) for d in range(40)]
    quiet = pl.DataFrame({"unique_id": "quiet", "ds": days, "y": 0.0, "n_posts": 25})
    # One day in five with a single post: above 0 is what one day in five is.
    rare = pl.DataFrame({"unique_id": "rare", "ds": days, "y": [0.04 if d % 5 == 0 else 0.0 for d in range(40)], "n_posts": 25})
    for history, most in ((quiet, 0.3), (rare, 0.5)):
        ahead = forecast(history)
        nothing = pl.Series([0.0] * ahead.height)
        assert (probability_above(ahead, nothing, pl.Series([25] * ahead.height)) < most).all()
        assert (probability_above(ahead, nothing) > 0.99).all()
