"""A mean that looks back: by hand arithmetic, against a slow one written apart, and never a look ahead."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.smoothing import trailing

FIRST = date(2026, 1, 1)


def line(values: list[float | None], *, provisional: int = 0) -> pl.DataFrame:
    """A line of these values on days in a row, each ±0.1; the last so many days provisional."""
    closed = len(values) - provisional
    rows = [
        (FIRST + timedelta(days=n), v, None if v is None else v - 0.1, None if v is None else v + 0.1, n >= closed)
        for n, v in enumerate(values)
    ]
    schema = {
        "time_value": pl.Date, "prevalence": pl.Float64, "lo": pl.Float64, "hi": pl.Float64, "provisional": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def slowly(values: list[float | None], days: int) -> dict[date, tuple[float, int]]:
    """The same by loops over places in a list."""
    found = {}
    for n, value in enumerate(values):
        known = [v for v in values[max(0, n - days + 1) : n + 1] if v is not None]
        if value is not None and 2 * len(known) > days:
            found[FIRST + timedelta(days=n)] = (sum(known) / len(known), len(known))
    return found


def test_by_hand() -> None:
    rows = trailing(line([0.1, 0.2, 0.3, 0.4, None, 0.6, 0.7, 0.8, 0.9], provisional=1), 7).to_dicts()
    assert [row["time_value"].day for row in rows] == [4, 6, 7, 8]
    assert [row["smoothed_days"] for row in rows] == [4, 5, 6, 6]
    assert rows[0]["smoothed"] == pytest.approx((0.1 + 0.2 + 0.3 + 0.4) / 4)
    assert rows[3]["smoothed"] == pytest.approx((0.2 + 0.3 + 0.4 + 0.6 + 0.7 + 0.8) / 6)
    assert all(row["smoothed_hi"] - row["smoothed"] == pytest.approx(0.1) for row in rows)
    assert all(row["smoothed"] - row["smoothed_lo"] == pytest.approx(0.1) for row in rows)


values = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=60)


@given(values, st.sampled_from([7, 28]))
@settings(derandomize=True, deadline=None)
def test_as_a_slow_one_written_apart(known: list[float | None], days: int) -> None:
    rows = trailing(line(known), days)
    expected = slowly(known, days)
    assert rows["time_value"].to_list() == list(expected)
    assert rows["smoothed"].to_list() == pytest.approx([mean for mean, _ in expected.values()])
    assert rows["smoothed_days"].to_list() == [n for _, n in expected.values()]


@given(values, values, st.sampled_from([7, 28]))
@settings(derandomize=True, deadline=None)
def test_what_comes_later_changes_nothing(before: list[float | None], after: list[float | None], days: int) -> None:
    alone = trailing(line(before), days)
    together = trailing(line(before + after), days).filter(pl.col("time_value") < FIRST + timedelta(days=len(before)))
    assert alone.equals(together)


def test_a_bound_that_is_not_known_makes_none() -> None:
    rows = trailing(line([0.1] * 7).with_columns(lo=pl.lit(None, pl.Float64)), 7)
    assert rows["smoothed_lo"].null_count() == rows.height
    assert rows["smoothed_hi"].null_count() == 0


@pytest.mark.parametrize(("shared", "least", "most"), [(1.0, 0.93, 0.97), (0.0, 0.999, 1.0)])
def test_its_interval_holds_the_mean_of_the_days_however_their_errors_go_together(
    shared: float, least: float, most: float
) -> None:
    """Errors that days share leave 95 %; errors of their own make it wider than it need be, never narrower."""
    rng = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        common, own = rng.normal(), rng.normal(size=7)
        errors = 0.05 * (np.sqrt(shared) * common + np.sqrt(1 - shared) * own)
        days = line([float(0.5 + e) for e in errors]).with_columns(
            lo=pl.col("prevalence") - 1.96 * 0.05, hi=pl.col("prevalence") + 1.96 * 0.05
        )
        row = trailing(days, 7).row(-1, named=True)
        held.append(row["smoothed_lo"] <= 0.5 <= row["smoothed_hi"])
    assert least <= np.mean(held) <= most
