"""What holds of every model: a distribution of a share for any row, blind to how rows are ordered."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from barograph.errors import ConfigError, Terminal
from forecasting import forecast
from forecasting.models import MODELS
from tests.forecasting.panels import panel, walks

NAN = float("nan")
ROOT = Path(__file__).parent.parent.parent
QUICK = ("climatology", "seasonal_naive", "random_walk", "ets", "auto_theta", "mfles", "var", "gru", "house", "auto")
START = date(2024, 1, 1)
share = st.one_of(st.sampled_from([NAN, 0.0, 1.0, 0.1, 0.5, 1e-12]), st.floats(0, 1))
rows = st.one_of(
    st.lists(share, min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.builds(lambda value, n, tail: [value] * n + [NAN] * tail, st.floats(0, 1), st.integers(1, 40), st.integers(0, 8)),
    st.builds(lambda week, n: week * n, st.lists(st.floats(0, 1), min_size=7, max_size=7), st.integers(1, 8)),
)


def sound(quantiles: np.ndarray) -> None:
    """Every row is a distribution of a share."""
    assert np.isfinite(quantiles).all()
    assert ((quantiles >= 0) & (quantiles <= 1)).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all(), "quantiles cross"


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(y=st.lists(rows, min_size=1, max_size=4), posts=st.sampled_from([NAN, 0, 1, 7, 10**6]), horizon=st.integers(1, 10))
def test_any_rows_have_a_sound_forecast_and_no_row_minds_its_place(name, y, posts, horizon) -> None:
    whose = ["a", "b", "a", "b"][: len(y)]
    histories = panel(y, posts=posts, populations=whose)
    made = MODELS[name](histories, horizon)
    assert made.quantiles.shape == (len(y), horizon, 13)
    assert len(made.models) == len(made.fallbacks) == len(y)
    sound(made.quantiles)
    turned = MODELS[name](histories.rows(np.arange(len(y))[::-1]), horizon)
    np.testing.assert_allclose(turned.quantiles[::-1], made.quantiles, rtol=1e-4, atol=1e-9)
    assert turned.fallbacks[::-1] == made.fallbacks


@pytest.mark.parametrize("name", ["auto_ets", "auto_arima", "best"])
def test_strange_rows_have_a_sound_forecast_from_slow_models_too(name: str) -> None:
    week = [0.1, 0.2, 0.1, 0.3, 0.1, 0.2, 0.9]
    y = [week * 4, [0.0, 1.0] * 20, [*[0.1] * 30, 0.2], [0.0] * 6 + [1.0], [*[0.0] * 20, 1e-12], list(walks(1, 84)[0])]
    for posts in (NAN, 1.0, 10.0**6):
        sound(MODELS[name](panel(y, posts=posts), 7).quantiles)


@pytest.mark.parametrize("name", QUICK)
def test_no_rows_no_forecasts(name: str) -> None:
    made = MODELS[name](panel(walks(1, 20)).rows(np.zeros(1, dtype=bool)), 7)
    assert made.quantiles.shape == (0, 7, 13)
    assert (made.models, made.fallbacks) == ([], [])


def history(y: np.ndarray) -> pl.DataFrame:
    """Rows as series of two populations."""
    return pl.concat([
        pl.DataFrame({"unique_id": f"m{i}/{'ab'[i % 2]}", "ds": [START + timedelta(days=d) for d in range(len(row))], "y": row})
        for i, row in enumerate(y)
    ])  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_a_frame_in_any_order_has_the_same_forecast_by_any_model(name: str) -> None:
    ordered = history(walks(4, 40))
    mixed = ordered.sample(fraction=1, shuffle=True, seed=3)
    ahead = forecast(ordered, model=name)
    assert_frame_equal(forecast(mixed, model=name), ahead)
    assert ahead["horizon"].to_list() == list(range(1, 8)) * 4


def test_what_cannot_be_asked_for_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        forecast(history(walks(1, 20)), model="oracle")
    assert str(error.value).startswith("model 'oracle': unknown; expected one of climatology, seasonal_naive, ")
    with pytest.raises(ConfigError, match="horizon 0: expected a number of days, at least 1"):
        forecast(history(walks(1, 20)), horizon=0)


def test_days_to_come_are_refused_by_series_and_day() -> None:
    known = history(walks(1, 20))
    assert forecast(known, until=date(2024, 1, 20)).height == 7
    with pytest.raises(Terminal) as error:
        forecast(known, until=date(2024, 1, 18))
    assert str(error.value) == "m0/a on 2024-01-20: a day to come; expected none after 2024-01-18"


def test_ten_thousand_series_are_one_frame() -> None:
    y = walks(10_000, 10)
    days = [START + timedelta(days=d) for d in range(10)]
    frame = pl.DataFrame({
        "unique_id": np.repeat([f"s{i:05}" for i in range(10_000)], 10), "ds": days * 10_000, "y": y.ravel(),
    })  # fmt: skip
    ahead = forecast(frame, model="climatology")
    assert ahead.height == 70_000
    assert ahead["unique_id"].n_unique() == 10_000


def test_to_import_the_room_is_not_to_import_its_models() -> None:
    code = "import sys, forecasting; print([m for m in ('torch', 'statsforecast') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "[]"
