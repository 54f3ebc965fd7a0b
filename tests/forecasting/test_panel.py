"""The border of the room: what is let in becomes arrays, what is not is named."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.errors import Terminal
from forecasting.panel import read
from forecasting.regular import filled, gap, known, noise, unfit
from tests.forecasting.panels import panel

START = date(2024, 1, 1)
NAN = float("nan")


def frame(**columns) -> pl.DataFrame:
    """Days of one series from START on."""
    n = len(next(iter(columns.values())))
    base = {"unique_id": ["joy/here"] * n, "ds": [START + timedelta(days=d) for d in range(n)], "y": [0.1] * n}
    return pl.DataFrame({**base, **columns}, strict=False)


def test_rows_are_aligned_by_their_last_day() -> None:
    history = pl.concat([
        frame(y=[0.1, None, 0.3], n_posts=[5, 0, None]),
        frame(unique_id=["fear/there/far"], y=[0.5], n_posts=[9]),
    ])  # fmt: skip
    made = read(history)
    assert made.names.tolist() == ["fear/there/far", "joy/here"]
    assert made.markers.tolist() == ["fear/there", "joy"]
    assert made.populations.tolist() == ["far", "here"]
    assert made.ends.astype(str).tolist() == ["2024-01-01", "2024-01-03"]
    np.testing.assert_array_equal(made.y, [[NAN, NAN, 0.5], [0.1, NAN, 0.3]])
    np.testing.assert_array_equal(made.n_posts, [[NAN, NAN, 9], [5, 0, NAN]])
    assert made.days[1].astype(str).tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_missing_days_are_unknown_and_so_are_flagged_ones() -> None:
    history = frame(y=[0.1, 0.2, 0.3, 0.4], flagged=[False, None, True, False]).filter(pl.col("y") != 0.2)
    np.testing.assert_array_equal(read(history).y, [[0.1, NAN, NAN, 0.4]])


def test_a_series_may_say_itself_what_it_measures_in_whom() -> None:
    made = read(frame(y=[0.1], marker=["joy"], population=["all"], unique_id=["3/4"]))
    assert (made.markers.tolist(), made.populations.tolist()) == (["joy"], ["all"])
    plain = read(frame(y=[0.1], unique_id=["joy"]))
    assert plain.populations.tolist() == [""]


def test_days_of_events_are_those_of_the_population_and_of_all() -> None:
    history = pl.concat([frame(y=[0.1] * 3), frame(y=[0.1] * 3, unique_id=["joy/there"] * 3)])
    events = pl.DataFrame({
        "population": ["here", "*"], "starts_on": [date(2024, 1, 2), date(2024, 1, 4)],
        "ends_on": [date(2024, 1, 3), date(2024, 1, 4)],
    })  # fmt: skip
    made = read(history, events=events)
    assert made.eventful(made.days).tolist() == [[False, True, True], [False] * 3]
    assert made.ahead(2).astype(str).tolist() == [["2024-01-04", "2024-01-05"]] * 2
    there = made.rows(made.names == "joy/there")
    assert there.eventful(there.ahead(2)).tolist() == [[True, False]]


def test_only_the_last_days_count() -> None:
    history = frame(y=[d / 100 for d in range(100)])
    np.testing.assert_allclose(read(history).y, [[d / 100 for d in range(16, 100)]])
    np.testing.assert_allclose(read(history, days=2).y, [[0.98, 0.99]])
    np.testing.assert_allclose(read(history).last(2).y, [[0.98, 0.99]])


def test_shares_of_none_and_all_are_kept_half_a_post_away() -> None:
    made = read(frame(y=[0.0, 1.0, 0.0, 0.0], n_posts=[10, 10, None, 0]))
    np.testing.assert_allclose(1 / (1 + np.exp(-made.z)), [[0.05, 0.95, 0.0005, 0.5]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": [0.1, NAN]}, "joy/here on 2024-01-02: y is nan; expected a share from 0 to 1"),
        ({"y": [0.1, float("inf")]}, "joy/here on 2024-01-02: y is inf; expected a share from 0 to 1"),
        ({"y": [-0.01, 0.1]}, "joy/here on 2024-01-01: y is -0.01; expected a share from 0 to 1"),
        ({"y": [0.1, 7]}, "joy/here on 2024-01-02: y is 7.0; expected a share from 0 to 1"),
        ({"n_posts": [1, -1]}, "joy/here on 2024-01-02: n_posts is -1.0; expected posts behind the share, at least 1"),
        ({"n_posts": [1.0, float("inf")]}, "joy/here on 2024-01-02: n_posts is inf; expected posts behind the share, at least 1"),
        ({"n_posts": [1, 0]}, "joy/here on 2024-01-02: n_posts is 0.0; expected posts behind the share, at least 1"),
        ({"ds": [START, START]}, "joy/here on 2024-01-01: the day occurs twice; expected one row a day"),
        ({"ds": [START, None]}, "joy/here on None: ds is None; expected a day"),
        ({"unique_id": ["joy/here", None]}, "None on 2024-01-02: unique_id is None; expected a name"),
        ({"y": ["0.1", "many"]}, "joy/here on 2024-01-02: y is 'many'; expected a share from 0 to 1"),
        ({"n_posts": ["5", None, "a few"]}, "joy/here on 2024-01-03: n_posts is 'a few'; expected posts behind the share, at least 1"),
        ({"flagged": ["maybe"]}, "history: flagged is String; expected Boolean"),
    ],
)
def test_what_is_no_history_is_refused_by_series_and_day(columns: dict, message: str) -> None:
    with pytest.raises(Terminal) as error:
        read(frame(**columns))
    assert str(error.value) == message


@pytest.mark.parametrize("column", ["unique_id", "ds", "y"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(Terminal, match=f"no column {column}"):
        read(frame(y=[0.1]).drop(column))


def test_nothing_is_a_panel_of_nothing() -> None:
    assert len(read(frame(y=[0.1]).clear())) == 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(y=st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.5, NAN]), min_size=5, max_size=5), min_size=1, max_size=4))
def test_gaps_are_lines_and_ends_stay_open(y: list[list[float]]) -> None:
    made = panel(y)
    for row, z, full, n, late in zip(made.y, made.z, filled(made), known(made), gap(made), strict=True):
        there = np.flatnonzero(~np.isnan(row))
        assert n == len(there)
        if not n:
            assert np.isnan(full).all()
            assert late >= 7
            continue
        assert late == 4 - there[-1]
        inside = np.arange(there[0], there[-1] + 1)
        np.testing.assert_allclose(full[inside], np.interp(inside, there, z[there]))
        assert np.isnan(np.delete(full, inside)).all()


def test_why_no_model_can_be_fitted() -> None:
    moving = [0.1, 0.2] * 5
    assert unfit(panel([moving, [0.3] * 9, moving[:6], [*moving, *[NAN] * 6], [*moving, *[NAN] * 7], [0.0] * 3])) == [
        None, "the series never moves", "6 known days; 7 needed", None, "none of the last 7 days is known",
        "3 known days; 7 needed",
    ]  # fmt: skip


def test_noise_is_that_of_the_posts_and_nothing_where_they_are_unknown() -> None:
    made = noise(panel([[0.2, 0.2]], posts=100))
    assert made.tolist() == pytest.approx([1 / np.sqrt(100 * 0.2 * 0.8)])
    assert noise(panel([[0.2, 0.2]])).tolist() == [0.0]
    assert noise(panel([[0.0, 0.0]], posts=3)).tolist() == [0.5]
