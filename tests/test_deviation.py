"""How unusual a day is, held against NumPy's quantiles and arithmetic by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import deviation
from barograph.deviation import cells, deviations
from tests.dashboard import frames

FIRST = date(2025, 1, 1)


def line(values: list[float | None], *, provisional: int = 0, **over: object) -> pl.DataFrame:
    """One line of `series`, a value a day from 1 January 2025; the last `provisional` days have not closed."""
    n = len(values)
    rows = frames.series(n, provisional=False, **over)
    return rows.with_columns(
        pl.Series("time_value", [FIRST + timedelta(days=i) for i in range(n)]),
        pl.Series("prevalence", values, dtype=pl.Float64), pl.Series("provisional", [i >= n - provisional for i in range(n)]),
        pl.Series("missing_reason", ["no posts" if v is None else None for v in values], dtype=pl.String),
    )  # fmt: skip


def expected(values: list[float | None], at: int) -> tuple[float, float] | None:
    before = [v for v in values[max(0, at - 84) : at] if v is not None]
    if len(before) < 28:
        return None
    low, middle, high = np.quantile(before, [0.25, 0.5, 0.75])
    return middle, (high - low) / 1.349


@given(st.lists(st.one_of(st.none(), st.floats(0.01, 0.5)), min_size=1, max_size=130))
@settings(derandomize=True, max_examples=25, deadline=None)
def test_usual_and_spread_are_those_of_the_84_days_before(values: list[float | None]) -> None:
    rows = deviations(line(values)).to_dicts()
    for at, row in enumerate(rows):
        known = expected(values, at)
        if known is None:
            assert (row["usual"], row["spread"], row["deviation"]) == (None, None, None)
            continue
        assert (row["usual"], row["spread"]) == pytest.approx(known, abs=1e-9)
        value = values[at]
        if value is None or known[1] < 1e-6:
            continue
        assert row["deviation"] == pytest.approx((value - known[0]) / known[1], rel=1e-6, abs=1e-6)


def test_by_hand() -> None:
    # 1 to 28 %: median 14.5 %, quartiles 7.75 and 21.25 %, spread 13.5 / 1.349.
    rows = deviations(line([i / 100 for i in range(1, 29)] + [0.345])).to_dicts()
    assert rows[27]["deviation"] is None
    assert rows[28]["usual"] == pytest.approx(0.145)
    assert rows[28]["deviation"] == pytest.approx(0.2 / (0.135 / 1.349))


def test_no_later_day_changes_what_a_day_was() -> None:
    values: list[float | None] = list(np.random.default_rng(1).random(100))
    short, long = deviations(line(values[:60])), deviations(line(values))
    assert short.equals(long.head(60))


def test_provisional_days_are_measured_but_measure_nothing() -> None:
    values: list[float | None] = list(np.random.default_rng(2).random(60))
    open_, closed = (deviations(line(values, provisional=n)) for n in (10, 0))
    assert open_["usual"][59] == pytest.approx(expected(values[:50] + [None] * 10, 59)[0])  # type: ignore[index]
    assert open_["usual"][59] != closed["usual"][59]
    assert open_["deviation"].null_count() == 28


def test_a_line_that_never_moves_has_no_deviation_and_lines_do_not_mix() -> None:
    moving: list[float | None] = list(np.random.default_rng(3).random(50))
    both = pl.concat([line([0.2] * 50, marker="flat"), line(moving, marker="other")])
    found = deviations(both.sample(fraction=1, shuffle=True, seed=1))
    assert found.filter(marker="flat")["deviation"].null_count() == 50
    assert found.filter(marker="other").equals(deviations(line(moving, marker="other")))


def test_a_cell_is_a_day() -> None:
    found = cells(deviations(line([0.1, None, 0.3], provisional=1)))
    assert found.select("first", "last", "prevalence", "n_days", "provisional", "missing_reason").rows() == [
        (FIRST, FIRST, 0.1, 1, False, None), (FIRST + timedelta(1), FIRST + timedelta(1), None, 0, False, "no posts"),
        (FIRST + timedelta(2), FIRST + timedelta(2), 0.3, 1, True, None),
    ]  # fmt: skip


def test_a_cell_is_a_week_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deviation, "_MOST_CELLS", 9)
    # 1 January 2025 is a Wednesday: five days, then a week of which one day is missing, then one day.
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, None, 0.6, 0.6, 0.6, 0.6, 0.6, 0.9]
    found = cells(deviations(line(values)))
    assert found["first"].to_list() == [FIRST, FIRST + timedelta(5), FIRST + timedelta(12)]
    assert found["last"].to_list() == [FIRST + timedelta(4), FIRST + timedelta(11), FIRST + timedelta(12)]
    assert found["prevalence"].to_list() == pytest.approx([0.3, 0.6, 0.9])
    assert found["n_days"].to_list() == [5, 6, 1]
    assert found["n_posts"].to_list() == [300, 420, 60]
    assert found["missing_reason"].to_list() == [None] * 3
