"""What moves together, held against SciPy, a plain loop, and series that are known not to."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from barograph.correlation import WAYS, correlations
from tests.test_deviation import FIRST


def lines(values: np.ndarray, names: str = "abcdefghij") -> pl.DataFrame:
    """A line a column, a day a row; NaN: no value."""
    n = len(values)
    days = [FIRST + timedelta(days=i) for i in range(n)]
    parts = [
        pl.DataFrame({
            "marker": [name] * n, "time_value": days, "prevalence": pl.Series(values[:, i]).fill_nan(None),
            "provisional": [False] * n,
        })
        for i, name in enumerate(names[: values.shape[1]])
    ]  # fmt: skip
    return pl.concat(parts)


def walk(random: np.random.Generator, days: int, columns: int, phi: float) -> np.ndarray:
    """Independent autoregressive series."""
    shocks = random.standard_normal((days + 100, columns))
    for t in range(1, len(shocks)):
        shocks[t] += phi * shocks[t - 1]
    return shocks[100:]


def effective(x: np.ndarray, y: np.ndarray) -> float:
    """Pyper & Peterman's number of days, written as a loop."""
    n = len(x)
    x, y = (stats.rankdata(v) - (n + 1) / 2 for v in (x, y))

    def r(v: np.ndarray, lag: int) -> float:
        return float((v[:-lag] * v[lag:]).sum() / (v * v).sum())

    more = sum((n - lag) / n * r(x, lag) * r(y, lag) for lag in range(1, min(28, n // 4) + 1))
    return min(n, 1 / (1 / n + 2 / n * more))


def test_r_is_spearmans_and_its_interval_fishers_over_the_effective_days() -> None:
    values = walk(np.random.default_rng(5), 120, 3, 0.8)
    values[:, 1] += values[:, 0]
    found = correlations(lines(values), "marker", "levels")
    assert found.select("a", "b").rows() == [("a", "b"), ("a", "c"), ("b", "c")]
    for row, (i, j) in zip(found.to_dicts(), ((0, 1), (0, 2), (1, 2)), strict=True):
        m = effective(values[:, i], values[:, j])
        r = stats.spearmanr(values[:, i], values[:, j]).statistic
        assert row["r"] == pytest.approx(r)
        assert row["n_effective"] == pytest.approx(m)
        limit = stats.norm.ppf(0.975) * np.sqrt(1.06 / (m - 3))
        assert (row["lo"], row["hi"]) == pytest.approx((np.tanh(np.arctanh(r) - limit), np.tanh(np.arctanh(r) + limit)))
        assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(np.arctanh(r)) / np.sqrt(1.06 / (m - 3))))
        assert row["n_days"] == 120
    assert found["q"].to_list() == pytest.approx(list(stats.false_discovery_control(found["p"].to_numpy())))


def test_days_that_follow_each_other_count_as_fewer() -> None:
    values = walk(np.random.default_rng(6), 300, 4, 0.9)
    found = correlations(lines(values), "marker", "levels")
    assert found["n_effective"].median() < 100  # type: ignore[operator]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_independent_series_are_told_apart_from_chance_about_as_often_as_said(way: str, phi: float) -> None:
    random = np.random.default_rng(7)
    p = pl.concat([correlations(lines(walk(random, 120, 10, phi)), "marker", way) for _ in range(12)])["p"]
    # 540 pairs: 27 are expected below .05.
    assert 10 <= (p < 0.05).sum() <= 48


def test_a_shared_trend_and_shared_weekends_deceive_only_where_they_are_left_in() -> None:
    days = np.arange(200)
    shared = 0.02 * days + 2 * (days % 7 > 4)
    values = np.random.default_rng(8).standard_normal((200, 2)) + shared[:, None]
    r = {way: correlations(lines(values), "marker", way)["r"][0] for way in WAYS}
    assert r["levels"] > 0.6
    assert abs(r["adjusted"]) < 0.2
    # Changes lose the trend alone.
    assert 0.2 < r["changes"] < r["levels"]


def test_what_is_left_is_what_least_squares_leaves() -> None:
    values = walk(np.random.default_rng(9), 90, 2, 0.3)
    day = np.arange(90.0)
    weekday = np.array([(FIRST + timedelta(days=int(i))).weekday() for i in day])
    columns = [weekday == w for w in range(7)] + [day] + [np.maximum(day - knot, 0) for knot in (28, 56)]
    design = np.array(columns, dtype=float).T
    left = values - design @ np.linalg.pinv(design) @ values
    expected = stats.spearmanr(left[:, 0], left[:, 1]).statistic
    assert correlations(lines(values), "marker", "adjusted")["r"][0] == pytest.approx(expected)


def test_changes_are_between_days_that_follow_each_other() -> None:
    values = walk(np.random.default_rng(10), 80, 2, 0.5)
    values[40, 0] = np.nan
    (row,) = correlations(lines(values), "marker", "changes").to_dicts()
    change = np.diff(values, axis=0)
    change = change[~np.isnan(change).any(axis=1)]
    assert row["n_days"] == 77
    assert row["r"] == pytest.approx(stats.spearmanr(change[:, 0], change[:, 1]).statistic)


def test_lines_known_on_few_days_or_that_never_move_are_left_out() -> None:
    values = walk(np.random.default_rng(11), 100, 4, 0.0)
    values[:60, 1] = np.nan
    values[:, 2] = 0.0
    found = correlations(lines(values), "marker")
    assert found.select("a", "b", "n_days").rows() == [("a", "d", 100)]


def test_too_few_days_or_lines_say_nothing() -> None:
    values = walk(np.random.default_rng(12), 100, 2, 0.0)
    for rows in (lines(values[:27]), lines(values[:, :1]), lines(values).clear()):
        assert correlations(rows, "marker").is_empty()
        assert correlations(rows, "marker", "changes").is_empty()


def test_provisional_days_and_the_same_line_twice() -> None:
    values = walk(np.random.default_rng(13), 60, 1, 0.0).repeat(2, axis=1)
    rows = lines(values).with_columns(provisional=pl.col("time_value") == date(2025, 3, 1))
    (row,) = correlations(rows, "marker", "levels").to_dicts()
    assert (row["r"], row["lo"], row["hi"], row["p"], row["n_days"]) == (pytest.approx(1), pytest.approx(1), pytest.approx(1), 0, 59)
