"""Months as boxplots, held against Matplotlib's rule worked out with NumPy."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from barograph.distributions import apart, months
from tests.test_deviation import FIRST, line


def test_a_box_is_tukeys() -> None:
    values = np.random.default_rng(4).gamma(2, 0.05, 31)
    values[3] = 0.9
    (box,) = months(line(list(values))).to_dicts()
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    assert [box[name] for name in ("low", "q25", "median", "q75", "high")] == pytest.approx(
        [inside.min(), low, middle, high, inside.max()]
    )
    assert (box["month"], box["n_days"], box["n_authors"], box["n_posts"]) == (FIRST, 31, 50, 60)
    outside = apart(line(list(values)), months(line(list(values))))
    assert set(outside["prevalence"]) == set(values) - set(inside)
    assert 0.9 in outside["prevalence"].to_list()


def test_by_hand() -> None:
    # 0 to 10 %, and one day of 50 %: quartiles of twelve values 2.75 and 8.25 %, so whiskers reach to 16.5 % at most.
    values = [i / 100 for i in range(11)] + [0.5]
    (box,) = months(line(values)).to_dicts()
    assert [round(box[name], 4) for name in ("low", "q25", "median", "q75", "high")] == [0.0, 0.0275, 0.055, 0.0825, 0.1]
    assert apart(line(values), months(line(values))).select("time_value", "prevalence").rows() == [(date(2025, 1, 12), 0.5)]


def test_a_month_of_few_known_days_has_no_box_and_all_its_days_as_points() -> None:
    values: list[float | None] = [0.1 + 0.001 * i for i in range(31)] + [0.2] * 9 + [None] * 12 + [0.3]
    rows = line(values, provisional=1)
    boxes = months(rows)
    assert boxes.select("month", "n_days").rows() == [(FIRST, 31), (date(2025, 2, 1), 9)]
    assert boxes["median"].to_list() == [pytest.approx(0.115), None]
    points = apart(rows, boxes)
    assert points["time_value"].to_list() == [date(2025, 2, 1) + timedelta(days=i) for i in range(9)]


def test_a_line_without_values_has_no_months() -> None:
    rows = line([None] * 20)
    assert months(rows).is_empty()
    assert apart(rows, months(rows)).is_empty()
    assert months(rows).columns == months(line([0.1])).columns
    assert isinstance(rows, pl.DataFrame)
