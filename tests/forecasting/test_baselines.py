"""The forecasts that any model has to beat, by hand arithmetic."""

import numpy as np
import pytest
from scipy import special, stats

from barograph.tables import QUANTILES
from forecasting.baselines import climatology, random_walk, seasonal_naive
from tests.forecasting.panels import panel, walks

LEVELS = stats.norm.ppf(list(QUANTILES.values()))
NAN = float("nan")
Z = np.array([-2.0, -1.9, -2.2, -2.1, -1.8, -2.0, -1.6, -1.9, -1.7, -2.3])


def read(quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread of quantiles that are normal on the logit scale."""
    z = special.logit(quantiles)
    centre = z[..., 6]
    spread = (z[..., -1] - z[..., 0]) / (LEVELS[-1] - LEVELS[0])
    np.testing.assert_allclose(z, centre[..., None] + spread[..., None] * LEVELS, atol=1e-9)
    return centre, spread


def spread_of(z: np.ndarray) -> float:
    """Of climatology: half a logit counts for a hundredth of a day."""
    n = len(z)
    return float(np.sqrt((0.01 * 0.25 + ((z - z.mean()) ** 2).sum()) / (0.01 + n - 1) * (1 + 1 / n)))


def test_climatology_is_the_mean_and_the_spread_of_the_known_days() -> None:
    y = special.expit(Z)
    made = climatology(panel([y, [*y[:4], NAN, *y[4:], NAN]]), 5)
    centre, spread = read(made.quantiles)
    np.testing.assert_allclose(centre, np.full((2, 5), Z.mean()))
    np.testing.assert_allclose(spread, np.full((2, 5), spread_of(Z)))
    assert made.models == ["climatology"] * 2
    assert made.fallbacks == [None] * 2


def test_the_next_weekday_is_expected_to_be_like_the_last_one() -> None:
    centre, spread = read(seasonal_naive(panel([special.expit(Z)]), 9).quantiles)
    np.testing.assert_allclose(centre[0], [*Z[3:], *Z[3:5]])
    apart = np.sqrt((((Z[7:] - Z[:3]) ** 2).sum() + 2 * spread_of(Z) ** 2) / 4)
    np.testing.assert_allclose(spread[0], [*[apart] * 7, *[apart * np.sqrt(2)] * 2])


def test_where_the_last_weekday_is_unknown_that_of_the_week_before_is_expected_or_the_mean() -> None:
    y = [NAN if i in (6, 9) else value for i, value in enumerate(special.expit(Z))]
    known = Z[[0, 1, 2, 3, 4, 5, 7, 8]]
    centre, spread = read(seasonal_naive(panel([y]), 7).quantiles)
    # The days ahead look at days 3, 4, 5, 6 (unknown, and nothing a week before it), 7, 8, and 9: unknown, so 2.
    np.testing.assert_allclose(centre[0], [*Z[3:6], known.mean(), *Z[7:9], Z[2]])
    assert spread[0, 6] == pytest.approx(spread[0, 0] * np.sqrt(2))


def test_a_random_walk_stays_where_it_is_and_grows_with_the_root_of_the_days() -> None:
    centre, spread = read(random_walk(panel([special.expit(Z)]), 4).quantiles)
    np.testing.assert_allclose(centre[0], [Z[-1]] * 4)
    one = np.sqrt(((np.diff(Z) ** 2).sum() + 2 * spread_of(Z) ** 2) / 10)
    np.testing.assert_allclose(spread[0], one * np.sqrt([1, 2, 3, 4]))


def test_unknown_days_at_the_end_are_days_a_random_walk_has_walked() -> None:
    y = special.expit(Z)
    straight, late = random_walk(panel([y]), 6).quantiles, random_walk(panel([[*y, NAN, NAN]]), 4).quantiles
    np.testing.assert_allclose(late[0], straight[0, 2:])


@pytest.mark.parametrize("model", [climatology, seasonal_naive, random_walk])
def test_a_history_too_short_or_too_still_or_too_old_gets_climatology_and_the_reason(model) -> None:
    y = list(special.expit(Z))
    made = model(panel([y[:1], y[:6], [0.1] * 10, [*y, *[NAN] * 7], [NAN], y]), 3)
    assert made.fallbacks == [
        "1 known days; 7 needed", "6 known days; 7 needed", "the series never moves",
        "none of the last 7 days is known", "0 known days; 7 needed", None,
    ]  # fmt: skip
    assert made.models[:5] == ["climatology"] * 5
    centre, spread = read(made.quantiles[:4])
    np.testing.assert_allclose(centre[:, 0], [Z[0], Z[:6].mean(), special.logit(0.1), Z.mean()])
    np.testing.assert_allclose(spread[:, 2], [0.5, spread_of(Z[:6]), 0.5, spread_of(Z)])
    np.testing.assert_allclose(made.quantiles[4], [list(QUANTILES.values())] * 3)  # anything


@pytest.mark.parametrize("model", [climatology, seasonal_naive, random_walk])
def test_ten_thousand_rows_are_read_at_once_and_each_as_if_it_were_alone(model) -> None:
    y = walks(10_000, 84)
    y[::3, :60] = NAN
    y[::7, -2:] = NAN
    together = model(panel(y), 7).quantiles
    assert together.shape == (10_000, 7, 13)
    for row in (0, 1, 3, 7, 9_999):
        np.testing.assert_allclose(together[row], model(panel(y[[row]]), 7).quantiles[0])


def test_the_intervals_of_climatology_cover_what_they_say_on_few_days_too() -> None:
    z = np.random.default_rng(3).normal(-2, 0.3, (4000, 35))
    for days in (7, 28):
        made = climatology(panel(special.expit(z[:, :days])), 7)
        truth = special.expit(z[:, days : days + 7])
        inside = (truth >= made.quantiles[..., 2]) & (truth <= made.quantiles[..., 10])
        assert inside.mean() == pytest.approx(0.8, abs=0.05)
