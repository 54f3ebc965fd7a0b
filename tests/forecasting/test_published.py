"""The published strategies: VAR by arithmetic, the network against torch's own, groups that keep to themselves."""

import numpy as np
import pytest
import torch
from scipy import special

from forecasting import recurrent
from forecasting.published import _errors, _var, gru, var
from tests.forecasting.panels import END, panel, walks

NAN = float("nan")


def coupled(days: int, seed: int = 2) -> np.ndarray:
    """Logits (days, 2): tomorrow's second is today's first."""
    first = np.random.default_rng(seed).normal(0, 1, days + 1)
    return np.stack([first[1:], first[:-1]], axis=1)


def test_a_vector_autoregression_is_least_squares_with_a_ridge() -> None:
    days = coupled(20)
    mean = days.mean(axis=0)
    before, after = (days - mean)[:-1], (days - mean)[1:]
    # The ridge as rows of data more: an independent way to the same numbers.
    forward = np.linalg.lstsq(np.vstack([before, np.eye(2)]), np.vstack([after, np.zeros((2, 2))]), rcond=None)[0]
    ahead, then = _var(days[None], 3)
    expected = [(days[-1] - mean) @ np.linalg.matrix_power(forward, step) + mean for step in (1, 2, 3)]
    np.testing.assert_allclose(ahead[0], expected)
    np.testing.assert_allclose(then[0, 4, 1], (days[4] - mean) @ forward @ forward + mean)


def test_what_one_marker_says_of_another_is_learned() -> None:
    z = coupled(84)
    made = var(panel(special.expit(z.T * 0.2 - 2), populations=["a", "a"]), 1)
    apart = var(panel(special.expit(z.T * 0.2 - 2), populations=["a", "b"]), 1)
    width = [np.ptp(special.logit(of.quantiles[1, 0])) for of in (made, apart)]
    assert width[0] < 0.5 * width[1]
    assert special.logit(made.quantiles[1, 0, 6]) == pytest.approx(z[-1, 0] * 0.2 - 2, abs=0.05)


def test_errors_are_those_met_in_the_window_beside_its_own_variance() -> None:
    days = np.array([[[1.0], [3.0], [2.0], [2.0]]])
    then = np.zeros((1, 4, 5, 1))
    then[0, :, 0, 0] = [2.0, 2.0, 4.0, 9.0]  # one step ahead: off by 1, 0, −2; the fourth has not met its truth
    variance = 2 / 3
    got = _errors(days, then)[0, :, 0]
    assert got[0] == pytest.approx(np.sqrt((1 + 0 + 4 + 3 * variance) / 6))
    assert got[1] == pytest.approx(np.sqrt((4 + 4 + 3 * variance) / 5))  # two ahead: expected 0, came 2 and 2
    assert got[4] == pytest.approx(np.sqrt(variance))


def test_a_step_of_the_network_is_that_of_torch() -> None:
    weights = recurrent._weights(3, 2)
    cell = torch.nn.GRUCell(2, recurrent.UNITS)
    with torch.no_grad():
        for mine, theirs in zip(weights, (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh), strict=False):
            theirs.copy_(mine[0].T.reshape(theirs.shape))
        seen, state = torch.randn(1, 5, 2), torch.randn(1, 5, recurrent.UNITS)
        got = recurrent._step(weights, seen.expand(3, 5, 2), state.expand(3, 5, recurrent.UNITS))
        torch.testing.assert_close(got[1], cell(seen[0], state[0]))


def test_the_network_learns_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrent, "EPOCHS", 400)
    monkeypatch.setattr(recurrent, "RATE", 0.01)
    turns = np.tile([1.0, -1.0], 10)[None, :, None]
    ahead, _ = recurrent.fit(turns, 4)
    assert ahead[0, :, 0].tolist() == pytest.approx([1, -1, 1, -1], abs=0.1)


@pytest.mark.parametrize("model", [var, gru])
def test_a_group_does_not_know_of_others_nor_of_the_order_of_rows(model) -> None:
    y = walks(5, 30)
    whose = ["a", "b", "a", "b", "a"]
    histories = panel(y, populations=whose)
    made = model(histories, 7)
    for some in ([4, 3, 2, 1, 0], [3, 1]):
        np.testing.assert_allclose(model(histories.rows(np.array(some)), 7).quantiles, made.quantiles[some], rtol=1e-4)
    np.testing.assert_array_equal(model(panel(y, populations=whose), 7).quantiles, made.quantiles)


@pytest.mark.parametrize("model", [var, gru])
def test_windows_of_other_ends_and_series_of_no_population_are_read_apart(model) -> None:
    y = walks(2, 30)
    alone = model(panel(y[:1]), 7).quantiles[0]
    apart = model(panel(y, populations=["a", "a"], ends=[END, END - 7]), 7)
    np.testing.assert_allclose(apart.quantiles[0], alone, rtol=1e-4)
    np.testing.assert_allclose(model(panel(y), 7).quantiles[0], alone, rtol=1e-4)


@pytest.mark.parametrize("model", [var, gru])
def test_a_group_reads_the_days_it_has_in_common(model) -> None:
    y = walks(3, 30)
    y[0, -3:] = NAN
    y[1, :18] = NAN
    made = model(panel(y, populations=["a"] * 3), 7)
    assert made.fallbacks == [None] * 3
    common = model(panel(y[:, 18:27], populations=["a"] * 3, ends=[END - 3] * 3), 10)
    np.testing.assert_allclose(made.quantiles, common.quantiles[:, 3:], rtol=1e-4)
    y[1, :22] = NAN
    few = model(panel(y, populations=["a"] * 3), 7)
    assert set(few.fallbacks) == {"the markers of its population have 5 known days in common; 7 needed"}
    assert few.models == ["climatology"] * 3


@pytest.mark.parametrize(("model", "name"), [(var, "VAR"), (gru, "GRU")])
def test_seven_days_are_enough_and_hundreds_of_windows_are_read_at_once(model, name: str) -> None:
    y = walks(800, 7)
    made = model(panel(y, populations=[f"p{i // 4}" for i in range(800)]), 7)
    assert made.models == [name] * 800
    assert np.isfinite(made.quantiles).all()


def test_more_markers_than_can_be_read_together_are_read_in_parts() -> None:
    y = walks(30, 84)
    made = var(panel(y, populations=["a"] * 30), 7)
    part = var(panel(y[:12], populations=["a"] * 12), 7)
    np.testing.assert_allclose(made.quantiles[:12], part.quantiles)
