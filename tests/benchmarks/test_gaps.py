"""What losing posts does to shares, by hand arithmetic."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from benchmarks import gaps

FLAT = np.full(24, 1 / 24)


def test_a_share_becomes_that_of_the_hours_that_are_left() -> None:
    halves = np.where(np.arange(24) < 12, 0.5, 1.5)  # nights half as often, days half as often more
    factors = gaps.left(FLAT, halves, 12)
    assert factors[0] == pytest.approx(1.5)  # the nights are lost
    assert factors[12] == pytest.approx(0.5)
    assert factors[6] == pytest.approx(1.0)
    busy = np.where(np.arange(24) < 12, 3 / 48, 1 / 48)  # three posts of four at night
    busy_mean = 0.75 * 0.5 + 0.25 * 1.5
    assert gaps.left(busy, halves / busy_mean, 6)[0] == pytest.approx((0.375 * 0.5 + 0.25 * 1.5) / 0.625 / busy_mean)


def history(*places: str) -> pl.DataFrame:
    days = [date(2018, 1, 1) + timedelta(days=n) for n in range(400)]
    return pl.concat([
        pl.DataFrame({"unique_id": f"anger/{place}", "ds": days, "y": [0.1 * (n + 1)] * 400, "n_posts": [900] * 400})
        for n, place in enumerate(places)
    ])  # fmt: skip


def test_one_day_in_twenty_is_flagged_and_changed_and_no_other() -> None:
    whole = history("UK", "Spain")
    changed = gaps.lost(whole, 12, (FLAT, {"anger": np.where(np.arange(24) < 12, 0.5, 1.5)}))
    moved = changed.join(whole, on=["unique_id", "ds"]).filter(pl.col("y") != pl.col("y_right"))
    assert moved.height > 0
    assert moved["flagged"].all()
    assert 0.02 < changed["flagged"].mean() < 0.08  # type: ignore[operator]


def test_a_population_that_lacks_a_source_shows_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "PAIRS", (("UK", "Spain"),))
    whole, lacking = gaps.mixed(history("UK", "Spain"), 0.2)
    assert whole["y"].to_list() == pytest.approx([0.8 * 0.1 + 0.2 * 0.2] * 400)
    assert lacking.filter("flagged")["y"].unique().to_list() == pytest.approx([0.1])
    assert lacking.filter(~pl.col("flagged"))["y"].to_list() == pytest.approx(whole["y"].to_list()[: 400 - lacking["flagged"].sum()])
