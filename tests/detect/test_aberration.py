"""Rows of exceedances from baselines and forecasts: who is tested with whom, and each day once."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from barograph import tables
from barograph.detect import aberrations, closed_series, surprises
from tests.detect.test_thresholds import LINE, NOW, START, TESTED, day, rule, series

RNG = np.random.default_rng(6)


def calm(n: int = 60) -> list[float]:
    """Days about .2."""
    return [round(float(p), 6) for p in 0.2 + 0.01 * RNG.standard_normal(n)]


def outbreak(*more: float) -> list[float]:
    """Calm days, then these."""
    return [*calm(), *more]


WATCH = rule(name="odd", when="aberration", markers=["joy"])


def test_a_day_off_its_baseline_is_found_with_what_found_it() -> None:
    lines = closed_series(pl.concat([series(outbreak(0.21, 0.4), 0.002, marker="joy"), series(outbreak(0.2, 0.2), 0.002, marker="fear")]))
    found, tested = aberrations(lines, TESTED, [WATCH], now=NOW)
    last = tables.EXCEEDANCES.validate(found).filter(pl.col("target") == day(61)).row(0, named=True)
    assert (last["marker"], last["kind"], last["detector"], last["horizon"]) == ("joy", "aberration", "odd", 0)
    assert (last["level"], last["percentile"], last["issue"], last["value"]) == ("red", 95, NOW, 0.4)
    assert last["rung"] in ("ewma", "regression")
    assert last["p"] <= last["q"] <= 0.01
    assert 0.2 < last["threshold"] < 0.4
    assert last["expected_false_alarms"] > 0
    assert tested.rows() == [("joy", *list(LINE.values())[1:], "odd", day(61))]


def test_a_day_left_out_neither_hides_a_rise_after_it_nor_makes_one() -> None:
    lines = series(outbreak(0.6, 0.2, 0.2, 0.2, 0.26), 0.002, marker="joy")
    out = pl.DataFrame([("all", day(60), "gap", "half", True, NOW)], schema=tables.FLAGS.schema, orient="row")
    with_it, without = (
        aberrations(closed_series(lines, told), TESTED, [WATCH], now=NOW)[0].filter(pl.col("target") >= day(60))
        for told in (None, out)
    )
    assert day(61) in with_it["target"]
    assert day(64) not in with_it["target"]
    assert without["target"].to_list() == [day(60), day(64)]


def test_the_family_is_every_line_of_the_day_with_the_rules_unit_and_method_watched_or_not() -> None:
    watched = series(outbreak(0.227), 0.002, marker="joy")
    lines = {"alone": [watched]}
    quiet = [series(calm(61), 0.002, marker="joy", population=f"p{n}") for n in range(6)]
    lines["family"] = [watched, *quiet]
    lines["other method"] = [watched, *(q.with_columns(method=pl.lit("calibrated")) for q in quiet)]
    one = rule(name="odd", when="aberration", markers=["joy"], populations=["all"])
    q = {}
    for name, frames in lines.items():
        wide = one.model_copy(update={"percentile": 1.0})  # everything is found
        found, _ = aberrations(closed_series(pl.concat(frames)), TESTED, [wide], now=NOW)
        assert set(found["population"]) == {"all"}
        q[name] = found.filter(pl.col("target") == day(60)).select("p", "q").row(0)
    assert q["alone"] == q["other method"]
    assert q["alone"][0] == q["alone"][1] == q["family"][0]
    assert q["family"][1] > q["alone"][1]


def test_testing_day_by_day_finds_what_testing_at_once_finds_and_each_day_once() -> None:
    whole = closed_series(pl.concat([
        series(outbreak(0.3, 0.2, 0.3), 0.002, marker="joy"), series(outbreak(0.2, 0.31, 0.2), 0.002, marker="joy", population="b"),
    ]))  # fmt: skip
    rules = [WATCH, rule(name="seven", when="aberration", markers=["joy"], detector="c2", percentile=90)]
    once, through = aberrations(whole, TESTED, rules, now=NOW)
    tested, parts = TESTED, []
    for n in range(40, 63):
        so_far = whole.filter(pl.col("time_value") <= day(n))
        found, new = aberrations(so_far, tested, rules, now=NOW)
        parts.append(found)
        tested = pl.concat([tested, new.select(tested.columns)]).group_by(*tables.LINE, "detector").agg(pl.col("through").max())
    key = [*tables.LINE, "detector", "target"]
    assert pl.concat(parts).sort(key).select(key, "rung").rows() == once.sort(key).select(key, "rung").rows()
    assert pl.concat(parts).sort(key)["p"].to_list() == pytest.approx(once.sort(key)["p"].to_list(), rel=1e-6)
    assert sorted(tested.rows()) == sorted(through.rows())
    again, nothing = aberrations(whole, through, rules, now=NOW)
    assert (again.height, nothing.height) == (0, 0)


def test_a_vague_cell_is_no_aberration() -> None:
    sharp, vague = series(outbreak(0.26), 0.004), series(outbreak(0.26), 0.004)
    vague = vague.with_columns(
        *(pl.when(pl.col("time_value") == day(60)).then(pl.col("prevalence") + way * 0.1).otherwise(c).alias(c)
          for c, way in (("lo", -1), ("hi", 1)))
    )  # fmt: skip
    one = rule(name="odd", when="aberration")
    hit = [aberrations(closed_series(s), TESTED, [one], now=NOW)[0].filter(pl.col("target") == day(60)).height for s in (sharp, vague)]
    assert hit == [1, 0]


def test_without_a_history_nothing_is_said_but_the_days_are_tested() -> None:
    found, tested = aberrations(closed_series(series([0.1, 0.9, None])), TESTED, [rule(name="odd", when="aberration")], now=NOW)
    assert found.height == 0
    assert tested["through"].to_list() == [day(2)]


def test_rules_of_other_kinds_and_no_series_give_no_rows() -> None:
    for rules in ([], [rule(), rule(name="f", when="forecast"), rule(name="s", when="surprise")], [WATCH]):
        found, tested = aberrations(closed_series(series(calm())), TESTED, rules, now=NOW)
        assert (found.height, tested.height) == (0, 0)


# Surprises.

SURPRISE = rule(name="unforeseen", when="surprise")


def forecast(n: int, above: float, **line: Any) -> dict[str, Any]:
    """A forecast of a day that lies where a normal one about .2 with sd .02 has `above`."""
    levels = {name: 0.2 + 0.02 * float(stats.norm.ppf(level)) for name, level in tables.QUANTILES.items()}
    return {**LINE, **line, "target": day(n), "horizon": 1, "model": "house", "mean": 0.2, "threshold": 0.22, "p_high": 0.2,
            "fallback": None, "issue": NOW, "above": above, **levels}  # fmt: skip


def forecasts(*rows: dict[str, Any]) -> pl.DataFrame:
    """Forecasts with what the days made of them."""
    return pl.DataFrame(rows, schema={**tables.FORECASTS.schema, "above": pl.Float64})


@pytest.mark.parametrize(
    ("above", "level"),
    [(0.024, "yellow"), (0.026, None), (0.004, "red"), (0.976, "yellow"), (0.974, None), (0.996, "red")],
)
def test_a_surprise_is_a_day_outside_the_interval_to_either_side(above: float, level: str | None) -> None:
    value = 0.2 + 0.02 * float(stats.norm.isf(above))
    found, tested = surprises(closed_series(series([*[0.2] * 40, value])), forecasts(forecast(40, above)), TESTED, [SURPRISE], now=NOW)
    assert found["level"].to_list() == ([level] if level else [])
    for row in tables.EXCEEDANCES.validate(found).iter_rows(named=True):
        assert row["threshold"] == pytest.approx(0.2 + (1 if above < 0.5 else -1) * 0.02 * 1.959964)
        assert row["p"] == row["q"] == pytest.approx(2 * min(above, 1 - above))
        assert (row["kind"], row["horizon"], row["rung"], row["target"]) == ("surprise", 0, "forecast", START + timedelta(days=40))
        assert row["expected_false_alarms"] == pytest.approx(365 * 0.05)
    assert tested["through"].to_list() == [day(40)]


def test_many_lines_take_a_greater_surprise() -> None:
    names = [f"p{n}" for n in range(5)]
    lines = pl.concat([series([0.2] * 41, population=name) for name in names])
    rows = [forecast(40, above, population=name) for name, above in zip(names, [0.02, 0.3, 0.4, 0.5, 0.6], strict=True)]
    assert surprises(closed_series(lines), forecasts(*rows), TESTED, [SURPRISE], now=NOW)[0].height == 0
    rows[0] = forecast(40, 0.004, population="p0")
    found, _ = surprises(closed_series(lines), forecasts(*rows), TESTED, [SURPRISE], now=NOW)
    assert found["q"].to_list() == pytest.approx([0.04])


def test_a_day_measured_worse_than_usual_is_less_of_a_surprise_by_hand() -> None:
    value = 0.2 + 0.02 * float(stats.norm.isf(0.02))
    wide = closed_series(series([*[0.2] * 40, value])).with_columns(
        stderr=pl.when(pl.col("time_value") == day(40)).then(0.025).otherwise(0.015)
    )
    found, _ = surprises(wide, forecasts(forecast(40, 0.02)), TESTED, [rule(name="u", when="surprise", percentile=1)], now=NOW)
    # .025² − .015² = .02²: the spread of .02 becomes √2 times as wide.
    assert found["p"].to_list() == pytest.approx([2 * stats.norm.sf(stats.norm.isf(0.02) / np.sqrt(2))], rel=1e-5)
