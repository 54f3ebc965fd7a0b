"""Models of statsforecast on rows: against what the package says itself, and against arithmetic."""

import numpy as np
import pytest
from scipy import integrate, special, stats
from statsforecast.models import AutoETS, AutoTheta

from forecasting import rowwise
from forecasting.classical import _crps, auto_arima, auto_ets, auto_theta, best, ets, mfles
from tests.forecasting.panels import panel, walks

NAN = float("nan")
FITTED = (auto_ets, ets, auto_theta, mfles, auto_arima, best)


def weekly(n: int = 84, seed: int = 5) -> np.ndarray:
    """Shares with a Sunday above the rest."""
    z = -2 + np.where(np.arange(n) % 7 == 6, 1.0, 0.0) + np.random.default_rng(seed).normal(0, 0.1, n)
    return special.expit(z)


@pytest.mark.parametrize("days", [7, 28, 84])
def test_automatic_smoothing_is_that_of_the_package_on_the_logit(days: int) -> None:
    y = walks(1, 84)[0, -days:]
    # Between the logits and those moved below zero the search for parameters may end a hair apart.
    says = AutoETS(season_length=7 if days >= 21 else 1).forecast(special.logit(y), 7, level=[80])
    made = auto_ets(panel([y]), 7)
    z = special.logit(made.quantiles[0])
    np.testing.assert_allclose(z[:, 6], says["mean"], atol=1e-3)
    np.testing.assert_allclose(z[:, 2], says["lo-80"], atol=1e-3)
    np.testing.assert_allclose(z[:, 10], says["hi-80"], atol=1e-3)
    assert made.models == ["AutoETS"]
    assert made.fallbacks == [None]


def test_theta_is_that_of_the_package_on_the_logit() -> None:
    y = weekly()
    says = AutoTheta(season_length=7, decomposition_type="additive").forecast(special.logit(y), 7)
    z = special.logit(auto_theta(panel([y]), 7).quantiles[0])
    np.testing.assert_allclose(z[:, 6], says["mean"])


@pytest.mark.parametrize("model", FITTED)
def test_a_weekly_rhythm_is_carried_on(model) -> None:
    middle = model(panel([weekly()]), 7).quantiles[0, :, 6]
    assert int(np.argmax(middle)) == 6


@pytest.mark.parametrize("model", FITTED)
def test_a_row_does_not_know_of_others_nor_of_their_order(model) -> None:
    y = [*walks(3, 30, seed=4), weekly(30), np.full(30, 0.2)]
    together = model(panel(y), 3)
    turned = model(panel(y[::-1]), 3)
    np.testing.assert_array_equal(together.quantiles, turned.quantiles[::-1])
    assert together.fallbacks == [None, None, None, None, "the series never moves"]
    alone = model(panel([y[3]]), 3)
    np.testing.assert_array_equal(together.quantiles[3], alone.quantiles[0])


@pytest.mark.parametrize("model", [auto_ets, ets, mfles])
@pytest.mark.parametrize("days", [10, 40])
def test_unknown_days_at_the_end_lengthen_the_way_to_go(model, days: int) -> None:
    y = list(walks(1, days)[0])
    straight, late = model(panel([y]), 10).quantiles, model(panel([[*y, NAN, NAN, NAN]]), 7).quantiles
    np.testing.assert_allclose(late[0], straight[0, 3:])


def test_seasonal_intervals_do_not_depend_on_the_last_step_asked_for() -> None:
    y = panel([weekly()])
    week, month = (ets(y, steps).quantiles[0] for steps in (7, 28))
    np.testing.assert_allclose(week, month[:7])
    width = np.ptp(special.logit(month), axis=1)
    assert (np.diff(width[[0, 7, 14, 21]]) > 0).all()


def test_a_share_and_what_it_leaves_get_the_same_kind_of_forecast() -> None:
    y = 1 - walks(1, 60)[0]  # positive logits, for which the package would also try multiplicative forms
    assert (y > 0.5).all()
    mirrored = 1 - auto_ets(panel([1 - y]), 7).quantiles[0, :, ::-1]
    np.testing.assert_allclose(auto_ets(panel([y]), 7).quantiles[0], mirrored, atol=2e-3)


@pytest.mark.parametrize(("truth", "centre", "spread"), [(0.3, 0.0, 1.0), (-2.0, 1.0, 0.5)])
def test_the_crps_of_a_normal_is_its_integral(truth: float, centre: float, spread: float) -> None:
    below = integrate.quad(lambda x: stats.norm.cdf(x, centre, spread) ** 2, -20, truth)[0]
    above = integrate.quad(lambda x: stats.norm.sf(x, centre, spread) ** 2, truth, 20)[0]
    assert _crps(np.array([truth]), np.array([centre]), np.array([spread]))[0] == pytest.approx(below + above, rel=1e-6)


def test_the_best_is_one_of_them_and_smoothing_while_nothing_can_be_held_back() -> None:
    for y in (weekly(), walks(1, 60)[0]):
        mine = best(panel([y]), 7).quantiles
        assert any(np.array_equal(mine, model(panel([y]), 7).quantiles) for model in (ets, auto_ets, auto_theta, mfles))
    short = panel(walks(1, 13))
    np.testing.assert_array_equal(best(short, 7).quantiles, ets(short, 7).quantiles)


def _fails(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    if len(z) == 8:
        raise ValueError("no")
    width = np.full(steps, NAN if len(z) == 9 else 1.0)
    return np.zeros(steps), width


def test_what_a_model_cannot_fit_is_climatology_and_says_so() -> None:
    made = rowwise.each(panel([*walks(1, 8), *walks(1, 9), *walks(1, 10)]), 2, _fails, "mine")
    assert made.fallbacks == ["mine could not be fitted", "mine could not be fitted", None]
    assert made.models == ["climatology", "climatology", "mine"]
    assert np.isfinite(made.quantiles).all()


def test_many_rows_are_shared_between_the_cores_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    y = panel(walks(40, 20))
    alone = ets(y, 7).quantiles
    monkeypatch.setattr(rowwise, "_MANY", 30)
    np.testing.assert_array_equal(ets(y, 7).quantiles, alone)
