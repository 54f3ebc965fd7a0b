"""The contract between stages: what a table refuses, in which words, and which columns leave the house."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.errors import Terminal
from barograph.tables import Column, Table

LINE = ["marker", "population", "unit", "method"]
LEVELS = ["q025", "q05", "q10", "q20", "q30", "q40", "q50", "q60", "q70", "q80", "q90", "q95", "q975"]
EXPECTED = {
    "series": [
        *LINE, "time_value", "value_kind", "prevalence", "stderr", "lo", "hi", "n_posts", "n_authors",
        "provisional", "missing_reason", "label_source", "issue",
    ],
    "lines": [*LINE, "first_day", "last_closed", "last_known", "known_days"],
    "forecasts": [
        *LINE, "issue", "target", "horizon", "model", "mean", *LEVELS, "threshold", "p_high", "fallback",
    ],
    "exceedances": [
        *LINE, "issue", "target", "horizon", "kind", "detector", "percentile", "value", "threshold", "p", "q", "rung",
        "expected_false_alarms", "p_high", "level", "suspect_reason",
    ],
    "polarization": [
        "topic", "population", "time_value", "n_conversations", "n_interactions", "n_abstained", "n_authors",
        "share_abstained", "mean_score", "stderr", "lo", "hi", "band_low", "band_high", "share_low", "share_extreme",
        "share_extreme_stderr", "share_extreme_lo", "share_extreme_hi", "extreme_band_low", "extreme_band_high",
        "c_same_affect_agree", "c_same_affect_disagree", "c_same_none_agree", "c_same_none_disagree",
        "c_opposite_affect_agree", "c_opposite_affect_disagree", "c_opposite_none_agree", "c_opposite_none_disagree",
        "missing_reason", "label_source", "issue",
    ],
    "event_tests": [
        "test", "event", "kind", "starts_on", "ends_on", "topic", "population", "outcome", "window_days", "contrast",
        "effect", "lo", "hi", "effect_standardized", "p", "p_holm", "n_before", "n_after", "n_authors_before",
        "n_authors_after", "confirmatory", "declared_at", "seen_at", "missing_reason", "verdict", "evidence",
        "label_source", "issue",
    ],
    "term_shifts": [
        "population", "marker", "unit", "period", "reference", "term", "contribution", "lo", "hi", "n_authors",
        "top_account_share", "change", "change_lo", "change_hi", "mix", "mix_lo", "mix_hi", "rate", "rate_lo", "rate_hi",
        "change_top_account_share", "period_posts", "reference_posts", "period_authors", "reference_authors",
        "both_authors", "issue",
    ],
    "events": ["name", "population", "kind", "starts_on", "ends_on", "declared_at"],
    "forecast_weeks": [
        *LINE, "model", "horizon", "week", "tenth", "n", "crps", "crps_climatology", "crps_seasonal_naive", "n_80", "n_95",
        "said", "n_high", "issue",
    ],
    "source_days": ["source", "time_value", "n_posts", "n_authors", "n_unmeasured", "missing_reason", "updated_at"],
    "coverage": ["source", "state", "starts_at", "ends_at", "reason", "n_events", "n_ignored"],
    "flags": ["population", "time_value", "kind", "reason", "left_out", "issue"],
    "lexicons": ["marker", "lexicon", "language", "version", "n_terms", "fitted_on", "updated_at"],
}  # fmt: skip
WAREHOUSE_ONLY = {
    "posts", "scores", "annotations", "draws", "audits", "segments", "landed", "tombstones", "quarantine", "outbox",
    "thinned_days",
}  # fmt: skip
MINTED_HERE = {  # every published column of words, all of them ours: names, kinds, states, reasons
    "marker", "population", "unit", "method", "value_kind", "missing_reason", "label_source", "model", "fallback",
    "kind", "detector", "level", "suspect_reason", "rung", "topic", "period", "reference", "term", "name", "alert_id",
    "fingerprint", "rule", "state", "reason", "notification_id", "receiver", "status", "last_result", "metric",
    "source", "quarantine_reasons", "run_id", "command", "stage", "version", "silence_id", "disposition_id", "verdict",
    "basis", "definition", "annotator", "task", "prompt_version", "cue", "test", "event", "outcome", "contrast",
    "evidence", "lexicon", "language", "fitted_on", "created_by", "moved_by",  # the last two are roles
}  # fmt: skip
ABOUT_ALERTS = {"silences", "dispositions", "rules", "grouped", "skill_cards"}
ABOUT_LABELS = {"canaries", "cue_shares"}

SMALL = Table(
    "small", "One column of every sort.", ("name", "day"),
    {
        "name": Column(pl.String, "required"),
        "day": Column(pl.Date, "required"),
        "unit": Column(pl.String, "one of two words", nullable=True, allowed=("posts", "authors")),
        "share": Column(pl.Float64, "0 to 1", nullable=True, low=0, high=1),
        "spread": Column(pl.Float64, "at least 0", nullable=True, low=0),
        "mean": Column(pl.Float64, "anything", nullable=True),
        "n": Column(pl.Int64, "a count", nullable=True, low=0),
        "seen": Column(tables.TIMESTAMP, "a time", nullable=True),
    },
)  # fmt: skip


def row(**values: Any) -> pl.DataFrame:
    """One row of SMALL that is right but for `values`."""
    return pl.DataFrame([{"name": "a", "day": date(2024, 3, 1), **values}])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mood": 1}, "small: got column 'mood'; expected name, day, unit, share, spread, mean, n, seen"),
        ({"name": None}, "small.name: got None in 1 rows; expected a value, never NULL"),
        ({"day": None}, "small.day: got None in 1 rows; expected a value, never NULL"),
        ({"unit": "people"}, "small.unit: got 'people' in 1 rows; expected posts or authors"),
        ({"unit": ""}, "small.unit: got '' in 1 rows; expected posts or authors"),
        ({"share": 1.01}, "small.share: got 1.01 in 1 rows; expected 0 to 1"),
        ({"share": -1e-9}, "small.share: got -1e-09 in 1 rows; expected 0 to 1"),
        ({"share": float("nan")}, "small.share: got nan in 1 rows; expected 0 to 1"),
        ({"spread": -0.5}, "small.spread: got -0.5 in 1 rows; expected at least 0"),
        ({"spread": float("inf")}, "small.spread: got inf in 1 rows; expected at least 0"),
        ({"mean": float("nan")}, "small.mean: got nan in 1 rows; expected a finite number"),
        ({"mean": float("-inf")}, "small.mean: got -inf in 1 rows; expected a finite number"),
        ({"n": -1}, "small.n: got -1 in 1 rows; expected at least 0"),
        ({"n": 1.5}, "small.n: got Float64; expected Int64"),
        ({"n": "many"}, "small.n: got String; expected Int64"),
        ({"day": "2024-03-01"}, "small.day: got String; expected Date"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_wrong_row_is_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(Terminal) as error:
        SMALL.validate(row(**values))
    assert str(error.value) == message


def test_a_missing_required_column_is_refused_by_name() -> None:
    with pytest.raises(Terminal, match=r"^small\.day: got None in 2 rows; expected a value, never NULL$"):
        SMALL.validate(pl.DataFrame({"name": ["a", "b"]}))


def test_a_key_that_occurs_twice_is_refused_whatever_else_the_rows_say() -> None:
    rows = pl.concat([row(n=1), row(name="b", n=1), row(n=2)])
    with pytest.raises(Terminal) as error:
        SMALL.validate(rows)
    assert str(error.value) == "small: key {'name': 'a', 'day': datetime.date(2024, 3, 1)} occurs twice"


def test_a_table_without_a_key_takes_the_same_row_twice() -> None:
    twice = pl.DataFrame({"time_value": [date(2024, 3, 1)] * 2})
    assert tables.DIRTY_DAYS.validate(twice).height == 2


def test_the_count_of_wrong_rows_and_the_first_of_them_are_told() -> None:
    rows = pl.DataFrame({"name": list("abcd"), "day": [date(2024, 3, 1)] * 4, "share": [0.5, 2.0, None, 3.0]})
    with pytest.raises(Terminal, match=r"^small\.share: got 2\.0 in 2 rows; expected 0 to 1$"):
        SMALL.validate(rows)


def test_what_is_right_comes_back_in_order_and_cast_with_null_where_a_column_lacks() -> None:
    given = pl.DataFrame({"n": [3], "day": [date(2024, 3, 1)], "share": [1], "name": ["a"]})
    got = SMALL.validate(given.cast({"n": pl.UInt32, "share": pl.Int64}))
    assert dict(got.schema) == SMALL.schema
    assert list(got.columns) == ["name", "day", "unit", "share", "spread", "mean", "n", "seen"]
    assert got.rows() == [("a", date(2024, 3, 1), None, 1.0, None, None, 3, None)]


def test_a_time_with_a_zone_becomes_naive_utc() -> None:
    at = datetime(2024, 3, 1, 12, tzinfo=UTC)
    zoned = row(seen=at).with_columns(pl.col("seen").dt.convert_time_zone("America/New_York"))
    assert SMALL.validate(zoned)["seen"].to_list() == [datetime(2024, 3, 1, 12)]


@pytest.mark.parametrize("edge", [{"share": 0.0}, {"share": 1.0}, {"spread": 0.0}, {"n": 0}, {"mean": -5.0}])
def test_the_ends_of_a_range_belong_to_it(edge: dict[str, float]) -> None:
    assert SMALL.validate(row(**edge)).select(list(edge)).row(0, named=True) == edge


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
def test_a_frame_of_no_rows_is_valid_and_stays_one(table: Table) -> None:
    for nothing in (table.empty(), pl.DataFrame()):
        assert table.validate(nothing).height == 0
        assert dict(table.validate(nothing).schema) == table.schema


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_table_has_exactly_the_columns_that_other_programs_rely_on(name: str) -> None:
    table = next(t for t in tables.PUBLISHED if t.name == name)
    assert sorted(table.columns) == sorted(EXPECTED[name])


def test_the_published_tables_are_those_promised_and_the_restricted_ones_stay() -> None:
    published = {table.name for table in tables.PUBLISHED}
    assert published == {*EXPECTED, "alerts", "notifications", "evaluations", "sources", "runs", *ABOUT_ALERTS, *ABOUT_LABELS}
    assert {table.name for table in tables.ALL} - published >= WAREHOUSE_ONLY


def test_no_published_column_can_hold_a_text_a_post_or_a_person() -> None:
    words = {
        name for table in tables.PUBLISHED for name, column in table.columns.items()
        if column.dtype not in (pl.Int64, pl.Float64, pl.Date, pl.Boolean, tables.TIMESTAMP)
    }  # fmt: skip
    assert words == MINTED_HERE
    restricted = {"post_id", "parent_id", "author_key", "text", "text_hash", "raw_hash", "id_hash", "body",
                  "explanation", "cues", "label", "geo", "community", "file", "line"}  # fmt: skip
    assert restricted & {name for table in tables.PUBLISHED for name in table.columns} == set()


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
def test_a_key_names_columns_that_are_never_null(table: Table) -> None:
    assert set(table.key) <= set(table.columns)
    assert [name for name in table.key if table.columns[name].nullable] == []
    assert "issue" not in table.series_key


def test_quantile_names_say_their_levels_in_rising_order() -> None:
    assert list(tables.QUANTILES) == LEVELS
    assert [float(f"0.{name[1:]}") for name in LEVELS] == list(tables.QUANTILES.values())
    assert list(tables.QUANTILES.values()) == sorted(tables.QUANTILES.values())
