"""The alerts on the page: the list, one in full, and what a reader asks of the monitor."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from barograph import tables
from barograph.clock import utc_now
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW
from tests.dashboard.test_page import text


def opened(**query: str) -> AppTest:
    return frames.opened("alerts.py", **query)


def publish(home: Path, *alerts: pl.DataFrame, **rows: pl.DataFrame) -> None:
    by_name = {table.name: table for table in tables.ALL}
    frames.snapshot(home, {
        tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts(), tables.TERM_SHIFTS: frames.shifts(2),
        tables.ALERTS: pl.concat(alerts) if alerts else tables.ALERTS.empty(),
        **{by_name[name]: frame for name, frame in rows.items()},
    })  # fmt: skip


def queue(home: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((home / "commands").glob("*.json"))]


def silence(**over: object) -> pl.DataFrame:
    row = {
        "silence_id": "s-1", "alert_id": "a-1", "created_by": "duty desk", "starts_at": NOW,
        "ends_at": utc_now() + timedelta(hours=4), "issue": NOW,
    }  # fmt: skip
    return tables.SILENCES.validate(pl.DataFrame([row | over]))


def card(**over: object) -> pl.DataFrame:
    row = {
        "rule": "high for two days", "basis": "series", "period": "2026-02-01/2026-03-31", "n_lines": 4, "n_alerts": 9,
        "n_judged": 8, "n_true": 5, "n_unclear": 1, "precision": 0.625, "chance_precision": 0.3,
        "false_alarms_per_week": 0.35, "lead_days": 2.0, "n_periods": 10, "recall": 0.4, "chance_recall": 0.25,
        "corrected_recall": 0.2, "issue": NOW,
    }  # fmt: skip
    return tables.SKILL_CARDS.validate(pl.DataFrame([row | over]))


def test_the_open_ones_are_listed_the_most_urgent_first_and_the_rest_on_request(home: Path) -> None:
    publish(home, frames.alerts("resolved", alert_id="a-2"), frames.alerts("acknowledged", alert_id="a-3", marker="fear"),
            frames.alerts("firing"))  # fmt: skip
    page = opened()
    said = text(page)
    assert "1 firing, 1 acknowledged. 3 alerts so far." in said
    assert [b for b in ("firing", "acknowledged", "resolved") if f"-badge[{b}]" in said] == ["firing", "acknowledged"]
    assert said.index("-badge[firing]") < said.index("-badge[acknowledged]")
    page.segmented_control(key="alerts-shown").set_value("All")
    assert "-badge[resolved]" in text(page.run())


def test_a_rule_and_a_population_narrow_the_list(home: Path) -> None:
    publish(home, frames.alerts(), frames.alerts(alert_id="a-2", rule="likely high", population="north"))
    page = opened()
    page.selectbox(key="alerts-rule").select("likely high").run()
    said = text(page)
    assert "north · Anxiety" in next(link.proto.label.replace("\\", "") for link in page.get("page_link"))
    assert said.count("-badge[firing]") == 1
    page.selectbox(key="alerts-population").select("all")
    assert "-badge[firing]" not in text(page.run())


def test_none_open_is_said_and_no_badge_is_shown(home: Path) -> None:
    publish(home)
    said = text(opened())
    assert "No alert is open. 0 alerts so far." in said
    assert "Nothing to judge them by yet" in said


def test_one_in_full_says_what_it_rests_on_why_it_moved_and_how_its_rule_has_done(home: Path) -> None:
    publish(home, frames.alerts(), skill_cards=card())
    said = text(opened(alert="a-1"))
    for part in (
        "high for two days", "15.0% (95 %: 12.0% to 19.0%) on 2026-03-31, 60 posts of 50 authors",
        "percentile 95 of the 84 closed days before the day tested", "worried",
        "high prevalence followed 5 of 8 alerts (62.5%; any day", "nobody",
    ):
        assert part in said.replace("\\", "").replace("\xa0", " "), part


def test_an_alert_that_is_not_published_is_said_and_all_are_shown(home: Path) -> None:
    publish(home, frames.alerts())
    said = text(opened(alert="a-9"))
    assert "names an alert that is not published here" in said
    assert "1 firing" in said


def test_an_acknowledgement_waits_in_the_queue_and_is_shown_as_waiting(home: Path) -> None:
    publish(home, frames.alerts())
    page = opened(alert="a-1")
    page.text_input(key="role").set_value("duty desk")
    page.text_area(key="note").set_value("seen with the hospital")
    page.button(key="ack").click().run()
    assert "Waiting for the monitor" in text(page)
    (asked,) = queue(home)
    assert {k: asked[k] for k in ("command", "alert_id", "by", "note")} == {
        "command": "ack", "alert_id": "a-1", "by": "duty desk", "note": "seen with the hospital",
    }  # fmt: skip
    assert "ack by duty desk waits" in text(opened())


def test_what_the_state_does_not_allow_cannot_be_pressed(home: Path) -> None:
    publish(home, frames.alerts("acknowledged"))
    page = opened(alert="a-1")
    assert page.button(key="ack").disabled
    assert not page.button(key="resolve").disabled


def test_a_silence_and_a_verdict_are_asked_for(home: Path) -> None:
    publish(home, frames.alerts())
    page = opened(alert="a-1")
    page.selectbox(key="length").select("4 hours")
    page.button(key="silence").click().run()
    assert page.button(key="dispose").disabled
    page.radio(key="verdict").set_value("false")
    page.date_input(key="began").set_value(LAST).run()
    page.button(key="dispose").click().run()
    first, second = queue(home)
    assert first["command"] == "silence"
    assert first["ends_at"] > first["at"]
    assert (second["command"], second["verdict"], second["began_on"]) == ("dispose", "false", f"{LAST}")


@pytest.mark.parametrize("role", ["someone@example.org", " x"])
def test_a_role_that_may_name_a_person_is_refused_and_nothing_waits(home: Path, role: str) -> None:
    publish(home, frames.alerts())
    page = opened(alert="a-1")
    page.text_input(key="role").set_value(role)
    page.button(key="silence").click().run()
    assert any("expected a role" in str(e.value) for e in page.error)
    assert queue(home) == []


def test_a_running_silence_is_listed_mutes_its_alert_and_can_be_ended(home: Path) -> None:
    publish(home, frames.alerts(), silences=silence())
    page = opened()
    assert "silenced until" in text(page)
    page.button(key="unsilence-s-1").click().run()
    (asked,) = queue(home)
    assert (asked["command"], asked["silence_id"]) == ("unsilence", "s-1")


def test_the_records_of_rules_are_told_beside_chance(home: Path) -> None:
    publish(home, frames.alerts(), skill_cards=card())
    said = text(opened())
    assert "found 40.0% of 10 periods (by chance" in said
    assert "25.0%)" in said


def test_a_link_holds_which_alerts_are_listed(home: Path) -> None:
    two = [frames.alerts(), frames.alerts("resolved", alert_id="a-2", rule="likely high", population="north")]
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.ALERTS: pl.concat(two)})
    page = opened(**{"alerts-shown": "all", "alerts-rule": "likely high"})
    assert page.selectbox(key="alerts-rule").value == "likely high"
    assert {name: page.query_params[name] for name in ("alerts-shown", "alerts-rule")} == {"alerts-shown": "all", "alerts-rule": "likely high"}
    said = " ".join(m.value for m in page.markdown)
    assert "likely high" in said
    assert "high for two days" not in said
