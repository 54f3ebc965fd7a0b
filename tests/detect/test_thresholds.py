"""Thresholds that never see the tested day or the future, and what stands above them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import tables
from barograph.detect import closed_series, expected, observed, origin_thresholds, thresholds
from barograph.rules import watched
from barograph.settings import Rule

START = date(2024, 1, 1)
NOW = datetime(2024, 9, 1)
LINE = {"marker": "dimension:anxiety", "population": "all", "unit": "authors", "method": "lexicon"}

values = st.one_of(st.none(), st.integers(0, 1000).map(lambda n: n / 1000))


def drawn(seed: int, n: int, known: float) -> list[float | None]:
    """So many days of any values, each known with a probability."""
    rng = np.random.default_rng(seed)
    return [float(p) if k else None for p, k in zip(rng.random(n), rng.random(n) < known, strict=True)]


histories = st.one_of(
    st.lists(values, min_size=1, max_size=120),
    st.builds(drawn, st.integers(0, 9999), st.integers(80, 130), st.sampled_from([0.3, 0.8, 1.0])),
)
percentiles = st.sampled_from([5.0, 50.0, 80.0, 95.0, 99.5])


def day(n: int) -> date:
    """The day so many days after START."""
    return START + timedelta(days=n)


def series(prevalence: Sequence[float | None], half: float = 0.01, **line: str) -> pl.DataFrame:
    """One line, a value a day, with an interval of `half` to both sides."""
    rows = [
        {**LINE, **line, "time_value": day(n), "prevalence": p, "lo": p and p - half, "hi": p and p + half,
         "value_kind": "share", "n_posts": 10, "n_authors": 5, "provisional": False, "issue": NOW}
        for n, p in enumerate(prevalence)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.SERIES.schema)


def rule(**values: Any) -> Rule:
    """The rule r."""
    return Rule.model_validate({"name": "r", **values})


def oracle(prevalence: Sequence[float | None], n: int, percentile: float) -> float | None:
    """The percentile of the known values on the 84 days before the n-th; None where there are fewer than 28."""
    known = [p for p in prevalence[max(n - 84, 0) : n] if p is not None]
    return float(np.percentile(known, percentile)) if len(known) >= 28 else None


def test_closed_days_come_in_order_of_line_and_day() -> None:
    mixed = pl.concat([series([0.1, 0.2], marker="b"), series([0.3, 0.4], marker="a")]).sample(
        fraction=1, shuffle=True, seed=1
    )
    mixed = mixed.with_columns(provisional=pl.col("time_value") == day(1))
    assert closed_series(mixed).select("marker", "prevalence").rows() == [("a", 0.3), ("b", 0.1)]


# Thresholds.


@settings(max_examples=60, deadline=None, derandomize=True)
@given(prevalence=histories, percentile=percentiles)
def test_a_threshold_is_the_percentile_of_the_84_days_before(prevalence: list[float | None], percentile: float) -> None:
    got = thresholds(series(prevalence), percentile)["threshold"].to_list()
    assert got == pytest.approx([oracle(prevalence, n, percentile) for n in range(len(prevalence))])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(prevalence=histories, other=histories, start=st.integers(0, 119), percentile=percentiles)
def test_no_value_on_or_after_a_day_changes_its_threshold(
    prevalence: list[float | None], other: list[float | None], start: int, percentile: float
) -> None:
    start = min(start, len(prevalence) - 1)
    changed = prevalence[:start] + other
    before = thresholds(series(prevalence), percentile)["threshold"].to_list()
    after = thresholds(series(changed), percentile)["threshold"].to_list()
    assert before[: start + 1] == after[: start + 1]


def test_a_threshold_is_null_before_28_known_days_and_from_the_28th_on_it_is_not() -> None:
    assert [t is None for t in thresholds(series([0.1] * 30), 80)["threshold"]] == [True] * 28 + [False] * 2
    with_gaps = [0.1, None] * 30
    assert [t is None for t in thresholds(series(with_gaps), 80)["threshold"]] == [True] * 55 + [False] * 5


def test_a_day_counts_for_84_days_even_where_days_have_no_row() -> None:
    lone = series([0.9] + [0.1] * 200).filter(pl.col("time_value").is_between(day(1), day(50)).not_())
    top = thresholds(lone, 99.9)
    at = {d: t for d, t in top.select("time_value", "threshold").rows() if t is not None}
    assert at[day(84)] > 0.8  # 28 to 84 days after: the first day is still one of them
    assert at[day(85)] == pytest.approx(0.1)


def test_lines_do_not_mix() -> None:
    both = pl.concat([series([0.1] * 40, population="a"), series([0.9] * 40, population="b")])
    got = thresholds(closed_series(both), 80).filter(pl.col("threshold").is_not_null())
    assert got.filter(pl.col("threshold") != pl.col("prevalence")).height == 0
    assert got.height == 2 * 12


@settings(max_examples=40, deadline=None, derandomize=True)
@given(prevalence=histories, origin=st.integers(0, 119), percentile=percentiles)
def test_one_threshold_from_an_origin_is_that_of_the_day_after_it(
    prevalence: list[float | None], origin: int, percentile: float
) -> None:
    got = origin_thresholds(series(prevalence), percentile, day(origin))
    inside = range(max(origin - 83, 0), min(origin + 1, len(prevalence)))
    assert got.height == (1 if inside else 0)
    assert got["threshold"].to_list() == pytest.approx([oracle(prevalence, origin + 1, percentile)] if inside else [])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(prevalence=histories, seed=st.integers(0, 2**16))
def test_a_day_left_out_is_tested_and_makes_no_threshold(prevalence: list[float | None], seed: int) -> None:
    out = [bool(o) for o in np.random.default_rng(seed).integers(0, 4, len(prevalence)) == 0]
    told = pl.DataFrame(
        [("all", day(n), "gap", "half", o, NOW) for n, o in enumerate(out)], schema=tables.FLAGS.schema, orient="row",
    )  # fmt: skip
    elsewhere = told.with_columns(population=pl.lit("elsewhere"), left_out=pl.lit(value=True))
    lines = closed_series(series(prevalence), pl.concat([told, elsewhere]))
    kept = [None if o else p for p, o in zip(prevalence, out, strict=True)]
    got = thresholds(lines, 80)
    assert got["threshold"].to_list() == pytest.approx([oracle(kept, n, 80) for n in range(len(kept))])
    assert got["prevalence"].to_list() == prevalence
    last = origin_thresholds(lines, 80, day(len(kept) - 1))["threshold"].to_list()
    assert last == pytest.approx([oracle([*kept, None], len(kept), 80)])


# What is observed.

TESTED = tables.TESTED.empty().drop("issue")


def test_a_day_is_red_where_its_whole_interval_is_above_and_yellow_where_only_its_value_is() -> None:
    # 30 days from 0.001 to 0.030: linear interpolation puts the 80th percentile at 0.001 × (1 + 0.8 × 29) = 0.0242.
    calm = [n / 1000 for n in range(1, 31)]
    cases = {0.02420001: "yellow", 0.0341: "yellow", 0.0343: "red", 0.0241: None}
    for value, level in cases.items():
        found, _ = observed(closed_series(series([*calm, value])), TESTED, [], now=NOW)
        found = found.filter(pl.col("target") == day(30))
        assert found["level"].to_list() == ([level] if level else [])
        for row in found.iter_rows(named=True):
            assert (row["value"], row["threshold"]) == (value, pytest.approx(0.0242))
            assert (row["kind"], row["horizon"], row["percentile"]) == ("observed", 0, 80.0)
            assert (row["detector"], row["issue"]) == ("high prevalence", NOW)


def test_a_value_at_the_threshold_is_not_above_it() -> None:
    found, _ = observed(closed_series(series([0.1] * 40)), TESTED, [], now=NOW)
    assert found.height == 0


def test_a_rule_tests_the_lines_it_watches_at_its_own_percentile() -> None:
    rules = [
        rule(name="strict", percentile=99, markers=["joy"]), rule(name="ahead", when="forecast", markers=["joy"]),
    ]  # fmt: skip
    ramp = [n / 1000 for n in range(40)]
    lines = closed_series(pl.concat([series(ramp, marker="joy"), series(ramp, marker="fear")]))
    found, tested = observed(lines, TESTED, rules, now=NOW)
    by = {key: part.height for key, part in found.group_by("marker", "detector", "percentile")}
    above = 12  # every day of a ramp is above all before it; the first 28 have no threshold
    assert by == {("joy", "high prevalence", 80.0): above, ("fear", "high prevalence", 80.0): above,
                  ("joy", "strict", 99.0): above}  # fmt: skip
    assert sorted(tested.select("marker", "detector", "through").rows()) == [
        ("fear", "high prevalence", day(39)), ("joy", "high prevalence", day(39)), ("joy", "strict", day(39)),
    ]  # fmt: skip
    for table, frame in ((tables.EXCEEDANCES, found), (tables.TESTED, tested.with_columns(issue=NOW))):
        table.validate(frame)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(prevalence=st.lists(values, min_size=40, max_size=90), cut=st.integers(1, 89))
def test_testing_day_by_day_finds_what_testing_at_once_finds_and_each_day_once(
    prevalence: list[float | None], cut: int
) -> None:
    rules = [rule(name="strict", percentile=95)]
    once, through = observed(closed_series(series(prevalence)), TESTED, rules, now=NOW)
    first, tested = observed(closed_series(series(prevalence[:cut])), TESTED, rules, now=NOW)
    second, tested = observed(closed_series(series(prevalence)), tested, rules, now=NOW)
    assert set(pl.concat([first, second]).rows()) == set(once.rows())
    assert first.height + second.height == once.height
    if cut < len(prevalence):
        assert set(tested.rows()) == set(through.rows())
    third, nothing = observed(closed_series(series(prevalence)), through, rules, now=NOW)
    assert (third.height, nothing.height) == (0, 0)


def test_a_closed_day_that_is_corrected_later_is_not_tested_again() -> None:
    calm = [n / 1000 for n in range(40)]
    _, tested = observed(closed_series(series(calm)), TESTED, [], now=NOW)
    corrected = [*calm[:35], 0.9, *calm[36:], 0.001]
    found, _ = observed(closed_series(series(corrected)), tested, [], now=NOW)
    assert found.height == 0


# What is expected.


def forecast(**values: Any) -> dict[str, Any]:
    """A row of `forecasts`."""
    return {**LINE, "target": day(101), "horizon": 1, "mean": 0.3, "threshold": 0.2, "p_high": 0.8, **values}


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({"p_high": 0.7}, "yellow"), ({"p_high": 0.6999}, None), ({"p_high": 0.8499}, "yellow"),
        ({"p_high": 0.85}, "red"), ({"p_high": 1.0}, "red"), ({"p_high": None}, None),
        ({"horizon": 3, "target": day(103)}, "yellow"), ({"horizon": 4, "target": day(104)}, None),
        ({"marker": "joy"}, None), ({"unit": "posts"}, None),
    ],
)  # fmt: skip
def test_a_day_ahead_is_told_from_the_rules_probability_on_within_its_horizon(
    values: dict[str, Any], level: str | None
) -> None:
    ahead = rule(name="ahead", when="forecast", p_high=0.7, horizon=3, percentile=90)
    schema = {**dict.fromkeys(LINE, pl.String), "target": pl.Date, "horizon": pl.Int64, "mean": pl.Float64,
              "threshold": pl.Float64, "p_high": pl.Float64}  # fmt: skip
    found = expected(pl.DataFrame([forecast(**values)], schema=schema), ahead, now=NOW)
    assert found["level"].to_list() == ([level] if level else [])
    for row in tables.EXCEEDANCES.validate(found).iter_rows(named=True):
        assert (row["kind"], row["detector"], row["percentile"]) == ("forecast", "ahead", 90.0)
        assert (row["value"], row["threshold"], row["issue"]) == (0.3, 0.2, NOW)


# Which lines a rule watches.

LINES = pl.DataFrame([
    {"marker": marker, "population": population, "unit": unit, "method": "lexicon"}
    for marker in ("dimension:anxiety", "joy") for population in ("all", "b") for unit in ("authors", "posts")
])  # fmt: skip


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ({}, [("dimension:anxiety", "all", "authors"), ("dimension:anxiety", "b", "authors")]),
        ({"markers": ("joy",)}, [("joy", "all", "authors"), ("joy", "b", "authors")]),
        ({"markers": ("joy",), "unit": "posts", "populations": ("b",)}, [("joy", "b", "posts")]),
        ({"populations": ("elsewhere",)}, []),
    ],
)  # fmt: skip
def test_a_rule_watches_every_dimension_and_population_unless_it_names_its_own(
    own: dict[str, Any], wanted: list[tuple[str, ...]]
) -> None:
    assert watched(LINES, rule(**own)).select("marker", "population", "unit").rows() == wanted


def test_a_rule_never_mixes_methods() -> None:
    other = LINES.with_columns(method=pl.lit("calibrated"))
    assert watched(other, rule()).height == 0
