"""The network: whatever its weights, a distribution; whatever its file, only numbers."""

import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from forecasting import network
from forecasting.baselines import climatology
from forecasting.calendar import KINDS, Calendar
from forecasting.evaluation import covered, crps
from forecasting.features import Inputs, inputs
from forecasting.network import House, Network, load, predict, save
from forecasting.panel import Panel
from forecasting.simulated import simulate
from tests.forecasting.panels import END, panel, walks

NAN = float("nan")


def house(seed: int, networks: int = 2, loud: float = 1.0) -> House:
    """A house model that has learned nothing; `loud` multiplies its weights."""
    torch.manual_seed(seed)
    made = [Network(92, 25, width=8).eval() for _ in range(networks)]
    with torch.no_grad():
        for parameter in (p for n in made for p in n.parameters()):
            parameter.mul_(loud)
    rng = np.random.default_rng(seed)
    return House(Calendar(rng.normal(0, 1, (len(KINDS), 372)), rng.normal(0, 1, (len(KINDS), 16))), made, {"seed": seed})


@settings(max_examples=40, derandomize=True)
@given(seed=st.integers(0, 99), loud=st.sampled_from([0.0, 1.0, 10.0, 100.0]), posts=st.sampled_from([NAN, 1.0, 1e7]))
def test_quantiles_never_cross_and_are_shares_whatever_the_weights(seed: int, loud: float, posts: float) -> None:
    model = house(seed, loud=loud)
    made = model.quantiles(inputs(panel(walks(3, 30, seed=seed, step=1), posts=posts), 9, model.calendar))
    assert made.shape == (3, 9, 13)
    assert np.isfinite(made).all()
    assert ((made >= 0) & (made <= 1)).all()
    assert (np.diff(made, axis=-1) >= 0).all()


def test_networks_speak_of_daily_changes_about_the_week_and_are_averaged() -> None:
    model = house(1)
    given_ = inputs(panel(walks(3, 30)), 4, model.calendar)
    with torch.inference_mode():
        u = sum(n(torch.from_numpy(given_.shared), torch.from_numpy(given_.targets)).numpy() for n in model.networks) / 2
    for row in range(3):
        for h in range(4):
            z = given_.centre[row] + given_.scale[row] * (u[row, h] + given_.calendar[row, h])
            np.testing.assert_allclose(model.quantiles(given_)[row, h], special.expit(z), rtol=1e-5)


def test_many_rows_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = house(2)
    given_ = inputs(panel(walks(7, 30)), 2, model.calendar)
    whole = model.quantiles(given_)
    monkeypatch.setattr(network, "_ROWS", 3)
    np.testing.assert_allclose(model.quantiles(given_), whole, rtol=1e-5)


def test_an_input_beyond_six_deviations_says_no_more() -> None:
    model = house(3)
    given_ = inputs(panel(walks(1, 30)), 2, model.calendar)
    far = [
        Inputs(np.full_like(given_.shared, x), np.full_like(given_.targets, -x), given_.centre, given_.scale, given_.calendar)
        for x in (6, 6e6, 5)
    ]  # fmt: skip
    at, beyond, within = (model.quantiles(f) for f in far)
    np.testing.assert_array_equal(at, beyond)
    assert (at != within).any()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model = house(4, networks=3)
    save(model, tmp_path / "model.pt")
    again = load(tmp_path / "model.pt")
    assert again.about == {"seed": 4}
    np.testing.assert_array_equal(again.calendar.fixed, model.calendar.fixed)
    np.testing.assert_array_equal(again.calendar.movable, model.calendar.movable)
    given_ = inputs(panel(walks(5, 84)), 7, model.calendar)
    np.testing.assert_array_equal(again.quantiles(given_), model.quantiles(given_))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Code:
        def __reduce__(self) -> tuple:
            return Path.touch, (ran,)

    torch.save({"about": Code(), "calendar": {}, "networks": []}, tmp_path / "model.pt")
    with pytest.raises(pickle.UnpicklingError):
        load(tmp_path / "model.pt")
    assert not ran.exists()


def test_the_shipped_file_is_small_and_has_seen_nothing_after_may_2019() -> None:
    assert network.WEIGHTS.stat().st_size < 2_000_000
    model = load()
    assert date.fromisoformat(model.about["trained_until"]) <= date(2019, 5, 31)
    assert model.about["networks"] == len(model.networks) > 0
    assert model.calendar.fixed.shape == (len(KINDS), 12 * 31)
    assert all(torch.isfinite(values).all() for n in model.networks for values in n.state_dict().values())
    assert not any(n.training for n in model.networks), "a network that forecasts drops nothing out"


def test_rows_that_cannot_be_read_have_climatology_and_the_reason() -> None:
    fit, still, short, stale = list(walks(1, 40)[0]), [0.3] * 40, [0.1, 0.2], [*walks(1, 30)[0], *[NAN] * 7]
    histories = panel([still, fit, short, stale])
    made, plain = predict(histories, 7), climatology(histories, 7)
    assert made.fallbacks == [
        "the series never moves", None, "2 known days; 7 needed", "none of the last 7 days is known",
    ]  # fmt: skip
    assert made.models == ["climatology", "house", "climatology", "climatology"]
    np.testing.assert_array_equal(made.quantiles[[0, 2, 3]], plain.quantiles[[0, 2, 3]])
    np.testing.assert_allclose(made.quantiles[1], predict(panel([fit]), 7).quantiles[0], rtol=1e-5)


@pytest.mark.parametrize("gap", range(7))
def test_days_unknown_at_the_end_leave_a_forecast_for_the_row_and_for_others(gap: int) -> None:
    y = walks(3, 40)
    y[0, 40 - gap :] = NAN
    made = predict(panel(y, populations=["a", "a", "b"]), 7)
    assert made.fallbacks == [None] * 3
    assert np.isfinite(made.quantiles).all()


def test_the_shipped_weights_know_more_than_climatology_of_what_they_were_trained_for() -> None:
    days = np.arange(END - 90, END + 1)
    series = simulate(400, days, np.random.default_rng(11))
    known, truth = slice(0, 84), series.y[:, 84:]
    history = Panel(
        series.names, series.markers, series.populations, np.full(400, days[83]), series.y[:, known], series.n_posts[:, known],
    )  # fmt: skip
    ours, plain = predict(history, 7).quantiles, climatology(history, 7).quantiles
    change = np.abs(np.diff(series.y, axis=1)).mean(axis=1, keepdims=True)
    assert (crps(ours, truth) / change).mean() < 0.95 * (crps(plain, truth) / change).mean()
    assert 0.65 < covered(ours, truth, 0.8).mean() < 0.9
