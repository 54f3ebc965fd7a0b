"""The baseline of a line's own year, held against its definition written day by day."""

import numpy as np
import pytest
from scipy import special, stats

from barograph.detect.own_year import own_year

RNG = np.random.default_rng(8)
DAYS = 900
Z = -2.5 + 0.1 * np.sin(np.arange(DAYS) / 58) + 0.05 * RNG.standard_normal((2, DAYS))
SHARES, POSTS = special.expit(Z), np.full((2, DAYS), 5000.0)


def departure(z: np.ndarray, t: int) -> float | None:
    """Five days against the 84 that end a week before; None where three quarters of them are not there."""
    past = z[max(t - 90, 0) : max(t - 6, 0)]
    return None if len(past) < 63 else float(z[t - 4 : t + 1].mean() - past.mean())


def oracle(z: np.ndarray, t: int) -> tuple[float, float]:
    """D of a day and its standard deviation."""

    def less_last_year(d: int) -> float | None:
        now = departure(z, d)
        years = [departure(z, d - lag) for lag in range(359, 370) if d - lag >= 0]
        return None if now is None else now - max([0, *(y for y in years if y is not None)])

    year = [less_last_year(t - lag) for lag in range(7, 371)]
    return less_last_year(t), float(np.std([d for d in year if d is not None], ddof=1))


@pytest.mark.parametrize("t", [620, 700, 899])
def test_it_is_its_definition(t: int) -> None:
    got = own_year(SHARES, POSTS)
    for row in range(2):
        d, sd = oracle(Z[row], t)
        assert got.p(SHARES)[row, t] == pytest.approx(stats.t.sf(d / sd / 0.5, 3), rel=1e-6)
        # At its limit the day's own value brings D to where p is alpha.
        moved = Z[row].copy()
        moved[t] = special.logit(got.limit(0.01)[row, t])
        assert oracle(moved, t)[0] / sd / 0.5 == pytest.approx(stats.t.isf(0.01, 3), rel=1e-6)


def test_it_begins_after_eleven_months() -> None:
    first = np.flatnonzero(np.isfinite(own_year(SHARES, POSTS).spread[0]))[0]
    assert 330 <= first <= 350


def test_what_comes_every_year_is_no_news() -> None:
    z = Z[:1].copy()
    z[:, [484 + k for k in range(5)]] += 1
    new = z.copy()
    for k in range(5):
        z[:, 849 + k] += 1
        new[:, 800 + k] += 1
    again, other = special.expit(z), special.expit(new)
    assert own_year(again, POSTS[:1]).p(again)[0, 853] > 0.05
    assert own_year(other, POSTS[:1]).p(other)[0, 804] < 0.01


def test_error_that_is_always_the_same_changes_little_and_a_vague_day_counts_less() -> None:
    error = np.full_like(SHARES, 0.001)
    plain, with_error = own_year(SHARES, POSTS), own_year(SHARES, POSTS, error)
    assert with_error.spread == pytest.approx(plain.spread, rel=0.01, nan_ok=True)
    error[:, -1] = 0.05
    assert (own_year(SHARES, POSTS, error).spread[:, -1] > 3 * plain.spread[:, -1]).all()


def test_a_share_of_0_is_half_a_post() -> None:
    none = SHARES.copy()
    none[:, 870:] = 0
    assert np.isfinite(own_year(none, POSTS).spread[:, -1]).all()
    assert (own_year(none, POSTS).p(none)[:, -1] > 0.5).all()
