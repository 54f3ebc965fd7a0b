"""What one trusts forecasts by: lines and models taken together."""

from datetime import date, datetime

import polars as pl
import pytest

from barograph import tables
from barograph.record import recent

NEW, OLD = "2024-01-09/2024-04-01", "2024-01-08/2024-03-31"


def rows(n: int, coverage: float, crps: float, plain: float, model: str = "house", period: str = NEW, marker: str = "fear") -> pl.DataFrame:
    """The evaluations of one line, model and period."""
    values = {"coverage_80": coverage, "crps": crps, "crps_climatology": plain, "brier": 0.3}
    return tables.EVALUATIONS.validate(pl.DataFrame([
        {"marker": marker, "population": "all", "unit": "posts", "method": "lexicon", "model": model, "metric": metric,
         "horizon": 0, "period": period, "value": value, "n": n, "issue": datetime(2024, 4, 2)}
        for metric, value in values.items()
    ]))  # fmt: skip


def test_models_count_by_their_forecasts() -> None:
    got = recent(pl.concat([rows(30, 0.9, 0.01, 0.02), rows(10, 0.5, 0.03, 0.03, model="climatology")]))
    assert got is not None
    assert (got.first, got.last, got.n, got.days) == (date(2024, 1, 9), date(2024, 4, 1), 40, 84)
    assert got.coverage == pytest.approx(0.8)
    assert got.skill == pytest.approx(1 - (30 * 0.01 + 10 * 0.03) / (30 * 0.02 + 10 * 0.03))
    assert got.words == "the 80 % interval held 80 % of 40; skill over climatology 0.33"


def test_only_the_newest_period_of_each_line_counts() -> None:
    got = recent(pl.concat([
        rows(30, 0.9, 0.01, 0.02), rows(99, 0.1, 0.09, 0.02, period=OLD), rows(99, 0.1, 0.09, 0.02, "climatology", OLD),
        rows(10, 0.5, 0.01, 0.02, period=OLD, marker="joy"), rows(9, 0, 1, 0.02, period="2023-10-10/2024-01-01", marker="hope"),
    ]))  # fmt: skip
    assert got is not None
    assert (got.n, got.coverage, got.skill) == (40, pytest.approx(0.8), pytest.approx(0.5))


def test_a_period_is_as_long_as_days_were_met_and_its_newest_issue_counts() -> None:
    young, longer, old = (f"2024-{first}/2024-04-01" for first in ("03-27", "03-25", "01-09"))
    got = recent(pl.concat([
        rows(9, 0.1, 0.09, 0.02, period=young), rows(30, 0.9, 0.01, 0.02, period=longer).with_columns(issue=datetime(2024, 4, 3)),
        rows(10, 0.5, 0.01, 0.02, period=young, marker="joy").with_columns(issue=datetime(2024, 4, 3)),
        rows(99, 0.1, 0.09, 0.02, period=old, marker="joy"),
    ]))  # fmt: skip
    assert got is not None
    assert (got.days, got.n, got.coverage) == (8, 40, pytest.approx(0.8))


def test_without_evaluations_there_is_none() -> None:
    assert recent(tables.EVALUATIONS.empty()) is None
