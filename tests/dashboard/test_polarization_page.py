"""Polarization on the page: what is shown of a topic, and what is not known of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from barograph import charts, tables, topic
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW
from tests.dashboard.test_page import text


def opened(**query: str) -> AppTest:
    return frames.opened("polarization.py", **query)


def rows(days: int = 10, **over: Any) -> pl.DataFrame:
    """Days up to LAST, each of score 6.1; over: other values of each."""
    values = {
        "share_abstained": 0.2, "mean_score": 6.1, "stderr": 0.5, "lo": 5.0, "hi": 7.2, "band_low": 4.0, "band_high": 8.0,
        "share_low": 0.1, "share_extreme": 0.3, "share_extreme_stderr": 0.05, "share_extreme_lo": 0.2,
        "share_extreme_hi": 0.4, "extreme_band_low": 0.1, "extreme_band_high": 0.6, **dict.fromkeys(tables.CLASSES, 0.125),
    }  # fmt: skip
    found = [
        {"topic": "climate", "population": "all", "time_value": LAST - timedelta(days=n), "n_conversations": 40,
         "n_interactions": 90, "n_abstained": 22, "n_authors": 75, "label_source": "as desk model (m, prompt 01234567) reads it", "issue": NOW, **values, **over}
        for n in range(days)
    ]  # fmt: skip
    return tables.POLARIZATION.validate(pl.DataFrame(found, infer_schema_length=None))


def judged(contrast: str = "before-earlier", **over: Any) -> pl.DataFrame:
    row = {
        "test": "t", "event": "summit", "kind": "scheduled", "starts_on": LAST, "ends_on": LAST, "topic": "climate",
        "population": "*", "outcome": "mean_score", "window_days": 3, "contrast": contrast, "effect": 1.25, "lo": 0.5,
        "hi": 2.0, "effect_standardized": 0.6, "p": 0.004, "p_holm": 0.016, "n_before": 31, "n_after": 44,
        "n_authors_before": 50, "n_authors_after": 60, "confirmatory": True, "declared_at": NOW, "seen_at": NOW,
        "verdict": "anticipation-driven", "evidence": "it rose before the event", "label_source": "as desk model (m, prompt 01234567) reads it", "issue": NOW,
    }  # fmt: skip
    return tables.EVENT_TESTS.validate(pl.DataFrame([row | over]))


NOTHING = dict.fromkeys(
    [n for n, c in tables.POLARIZATION.columns.items() if c.nullable and n not in ("missing_reason", "label_source")]
)


def test_where_no_topic_is_read_it_says_what_to_do(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series()})
    said = text(opened())
    assert "Nothing has been read of any topic" in said
    assert "[[annotation]]" in said


def test_the_latest_score_stands_beside_its_mix_and_what_is_behind_it(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.POLARIZATION: rows()})
    page = opened()
    said = text(page)
    for part in ("6.1 (5.0–7.2)", "other tables of scores: 4.0 to 8.0", "30.0 % (20.0–40.0)", "40 conversations",
                 "90 reply pairs, 75 authors", "As desk model (m, prompt 01234567) reads it.", "No test is declared"):  # fmt: skip
        assert part in said, part
    assert len(page.get("vega_lite_chart")) == 2


def test_a_day_without_a_score_says_why_and_draws_nothing(home: Path) -> None:
    frames.snapshot(home, {
        tables.SERIES: frames.series(), tables.POLARIZATION: rows(**NOTHING, missing_reason="fewer than 20 authors"),
    })  # fmt: skip
    page = opened()
    assert "No day has a score. Reason: fewer than 20 authors" in text(page).replace("**", "")
    assert not page.get("vega_lite_chart")


def test_a_test_is_told_with_its_verdict_its_evidence_and_when_it_was_declared(home: Path) -> None:
    late = judged(test="u", event="march", confirmatory=False, p_holm=None, verdict=None, evidence="declared after it began")
    frames.snapshot(home, {
        tables.SERIES: frames.series(), tables.POLARIZATION: rows(),
        tables.EVENT_TESTS: pl.concat([judged(), judged("during-before", effect=None, lo=None, hi=None, p=None, p_holm=None,
                                       effect_standardized=None, missing_reason="too few conversations"), late]),
    })  # fmt: skip
    page = opened()
    said = text(page)
    assert "mean score: anticipation-driven" in said.replace("\\", "")
    assert "it rose before the event" in said
    assert "declared later: exploratory" in said
    table = page.table[0].value
    assert table["Difference"].to_list() == ["+1.25 (+0.50 to +2.00)", "too few conversations"]


def test_a_link_holds_topic_and_population(home: Path) -> None:
    both = pl.concat([rows(), rows(topic="housing"), rows(topic="housing", population="north")])
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.POLARIZATION: both})
    page = opened(topic="housing", population="north")
    assert [box.value for box in page.selectbox] == ["housing", "north"]


def test_classes_are_words_and_the_mix_fills_a_day() -> None:
    assert topic.class_words("c_same_affect_agree") == "same side, hostile, agrees"
    assert topic.class_words("c_opposite_none_disagree") == "opposite sides, not hostile, disagrees"
    drawn = charts.mix(rows(2)).to_dict()
    data = next(iter(drawn["datasets"].values()))
    assert len(data) == 16
    assert sum(row["share"] for row in data) == pytest.approx(2)
    assert {row["class"] for row in data} == {topic.class_words(name) for name in tables.CLASSES}


def test_days_without_a_score_are_left_out_of_the_line() -> None:
    mixed = pl.concat([rows(3), rows(1, **NOTHING, missing_reason="no reply pairs").with_columns(time_value=LAST + timedelta(days=1))])
    assert "3 of 4 days have one" in topic.describe(mixed).replace("\xa0", " ")
    drawn = charts.scores(mixed).to_dict()
    assert max(len(data) for data in drawn["datasets"].values()) == 3
