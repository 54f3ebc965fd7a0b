"""A line round events: the mean by hand, chance by simulation, and no verdict on two."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from barograph.epochs import around
from tests.test_deviation import FIRST


def days(values: np.ndarray, *, provisional: int = 0) -> pl.DataFrame:
    """One line of deviations; NaN: none."""
    n = len(values)
    return pl.DataFrame({
        "time_value": [FIRST + timedelta(days=i) for i in range(n)], "deviation": pl.Series(values).fill_nan(None),
        "provisional": [i >= n - provisional for i in range(n)],
    })  # fmt: skip


def events(*at: int) -> pl.DataFrame:
    rows = [(f"event {i}", FIRST + timedelta(days=i)) for i in at]
    return pl.DataFrame(rows, schema={"name": pl.String, "starts_on": pl.Date}, orient="row")


def test_the_mean_is_over_events_less_the_weekdays_own() -> None:
    # A week of 1, 2 … 7 that repeats, and 5 more on the day after each event.
    line = np.arange(140) % 7 + 1.0
    at = (30, 60, 90)
    for start in at:
        line[start + 1] += 5
    found = around(days(line), events(*at))
    own = {w: line[np.arange(140) % 7 == w].mean() for w in range(7)}
    for row in found.means.to_dicts():
        expected = np.mean([line[start + row["lag"]] - own[(start + row["lag"]) % 7] for start in at])
        assert row["mean"] == pytest.approx(expected)
    assert found.means["n_events"].to_list() == [3] * 29
    assert found.means.sort("mean")["lag"][-1] == 1
    assert found.each.height == 3 * 29
    assert found.p is not None
    assert found.p < 0.05


def test_an_event_near_an_end_has_the_days_there_are() -> None:
    line = np.random.default_rng(1).standard_normal(150)
    found = around(days(line), events(5, 60, 100, 148, 400))
    n = dict(found.means.select("lag", "n_events").rows())
    assert (n[-14], n[-6], n[-5], n[0], n[1], n[2], n[14]) == (3, 3, 4, 4, 4, 3, 3)
    assert found.n_events == 4
    assert set(found.each["event"]) == {"event 5", "event 60", "event 100", "event 148"}


def test_missing_and_provisional_days_are_no_values() -> None:
    line = np.random.default_rng(2).standard_normal(150)
    line[[61, 62]] = np.nan
    found = around(days(line, provisional=50), events(30, 60, 97))
    n = dict(found.means.select("lag", "n_events").rows())
    assert (n[0], n[1], n[2], n[3], n[4]) == (3, 2, 2, 2, 2)


@pytest.mark.parametrize(("at", "why"), [((40, 90), "events"), ((40, 47, 54, 90), "events"), ((40, 90, 140), None)])
def test_of_fewer_than_three_apart_it_cannot_be_told(at: tuple[int, ...], why: str | None) -> None:
    found = around(days(np.random.default_rng(3).standard_normal(200)), events(*at))
    assert found.why_not == why
    assert (found.p is None) == (why is not None)
    assert found.means["low"].null_count() == (29 if why else 0)
    assert found.means["mean"].null_count() == 0


def test_a_short_line_has_no_room_for_chance() -> None:
    found = around(days(np.random.default_rng(4).standard_normal(100)), events(20, 50, 80))
    assert (found.why_not, found.p) == ("days", None)


def test_events_of_one_day_are_one() -> None:
    both = pl.DataFrame({"name": ["b", "a"], "starts_on": [date(2025, 2, 1)] * 2})
    found = around(days(np.random.default_rng(5).standard_normal(150)), both)
    assert (found.n_events, set(found.each["event"])) == (1, {"a, b"})


def test_without_values_or_events_there_is_nothing() -> None:
    nothing = days(np.full(50, np.nan))
    for found in (around(nothing, events(20)), around(days(np.ones(50)), events()), around(nothing.clear(), events(3))):
        assert (found.n_events, found.p, found.why_not) == (0, None, "events")
        assert found.means["mean"].null_count() == 29
        assert found.each.is_empty()


def test_the_same_answer_every_time() -> None:
    line = np.random.default_rng(6).standard_normal(200)
    first, second = (around(days(line), events(40, 90, 140)) for _ in range(2))
    assert first.p == second.p
    assert first.means.equals(second.means)


def test_by_chance_few_stand_out_and_the_band_holds_most() -> None:
    random, p, held = np.random.default_rng(7), [], []
    for _ in range(60):
        line = random.standard_normal(300)
        for t in range(1, 300):
            line[t] += 0.7 * line[t - 1]
        found = around(days(line), events(*sorted(random.choice(300, 5, replace=False).tolist())))
        if found.p is not None:
            p.append(found.p)
            inside = found.means.select(pl.col("mean").is_between("low", "high")).to_series()
            held.append(inside.mean())
    assert len(p) > 40
    assert np.mean(np.array(p) < 0.05) < 0.16
    assert 0.9 < np.mean(held) < 0.99  # type: ignore[arg-type]


def test_what_follows_each_event_stands_out() -> None:
    line = np.random.default_rng(8).standard_normal(300)
    for start in (50, 110, 170, 230):
        line[start : start + 4] += 3
    found = around(days(line), events(50, 110, 170, 230))
    assert found.p is not None
    assert found.p <= 0.01
    outside = found.means.filter(pl.col("mean") > pl.col("high"))["lag"].to_list()
    assert {0, 1, 2, 3} <= set(outside)
