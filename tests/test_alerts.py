"""The life of an alert: an episode day by day, and what receivers are told. What is decided: test_decide.py."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.alerts import Context, Policy, due, evaluate, fingerprint, notifications, with_reasons
from barograph.alerts.words import describe
from barograph.sentences import evidence
from barograph.settings import Rule

START = date(2024, 3, 1)
LINE = {"marker": "dimension:anxiety", "population": "all", "unit": "authors", "method": "lexicon"}
BELOW = "back below the threshold"


# Day by day.


def rule(days: int = 1, **values: Any) -> Rule:
    """The rule r, which asks for so many days in a row."""
    return Rule.model_validate({"name": "r", "for": f"{days}d", **values})


def day(n: int) -> date:
    """The day so many days after START."""
    return START + timedelta(days=n)


def closing(n: int) -> datetime:
    """When the n-th day has closed."""
    return datetime.combine(day(n + 1), datetime.min.time()) + timedelta(hours=6)


def exceedance(n: int, **values: Any) -> dict[str, Any]:
    """The n-th day stands above its threshold."""
    return {**LINE, "target": day(n), "horizon": 0, "kind": "observed", "detector": "r", "percentile": 95.0,
            "value": 0.3, "threshold": 0.2, "level": "red", "issue": closing(n), **values}  # fmt: skip


def live(
    rules: Sequence[Rule], values: Sequence[float | None], found: Sequence[dict[str, Any]], **line: str
) -> tuple[list[tuple[int, dict[str, Any]]], list[int]]:
    """Run the monitor as each day closes. Returns (day, new alert) pairs in order, and the days that were told."""
    alerts, told, known = tables.ALERTS.empty(), [], tables.NOTIFICATIONS.empty()
    exceedances = tables.EXCEEDANCES.validate(pl.DataFrame(found, schema_overrides={"p_high": pl.Float64}))
    history = []
    for n in range(len(values)):
        series = pl.DataFrame([
            {**LINE, **line, "time_value": day(i), "prevalence": p, "lo": p, "hi": p, "n_posts": 40, "n_authors": 30,
             "value_kind": "share", "provisional": False, "issue": closing(i)}
            for i, p in enumerate(values[: n + 1])
        ], schema=tables.SERIES.schema)  # fmt: skip
        found_by_then = exceedances.filter(pl.col("issue") <= closing(n))
        latest = alerts.sort("issue").group_by("alert_id", maintain_order=True).last().select(alerts.columns)
        decided = evaluate(rules, series, found_by_then, latest, now=closing(n))
        tables.ALERTS.validate(decided)
        again = evaluate(rules, series, found_by_then, pl.concat([latest, decided]), now=closing(n))
        assert again.height == 0, "deciding again on the same evidence changes nothing"
        history += [(n, row) for row in decided.to_dicts()]
        alerts = pl.concat([alerts, decided])
        latest = alerts.sort("issue").unique("alert_id", keep="last", maintain_order=True)
        to_tell = due(latest, known, {}, ["desk"], Policy(), at=closing(n))
        notes, _, _ = notifications(to_tell, Context(), now=closing(n), at=closing(n), page="")
        known = pl.concat([known, notes])
        told += [n for _ in to_tell.to_dicts()]
    return history, told


def states(history: list[tuple[int, dict[str, Any]]]) -> list[tuple[int, str]]:
    """When it moved, and where to."""
    return [(n, row["state"]) for n, row in history]


def test_an_alert_is_pending_fires_after_enough_days_and_ends_with_the_first_day_below() -> None:
    history, told = live([rule(days=2)], [0.3] * 6, [exceedance(n) for n in (1, 2, 3)])
    assert states(history) == [(1, "pending"), (2, "firing"), (4, "resolved")]
    assert told == [2, 4]
    pending, firing, resolved = (row for _, row in history)
    assert {row["alert_id"] for row in (pending, firing, resolved)} == {f"{fingerprint('r', LINE)}-20240302"}
    assert [row["started_on"] for _, row in history] == [day(1)] * 3
    assert [row["days"] for _, row in history] == [1, 2, 0]
    assert [row["target"] for _, row in history] == [day(1), day(2), day(4)]
    assert [row["reason"] for _, row in history] == [
        "1 day of 2 above the threshold", "2 days in a row above the threshold", BELOW,
    ]  # fmt: skip
    assert (firing["value"], firing["threshold"], firing["level"], firing["percentile"]) == (0.3, 0.2, "red", 95.0)
    assert (firing["lo"], firing["hi"], firing["n_posts"], firing["n_authors"]) == (0.3, 0.3, 40, 30)
    assert (resolved["threshold"], resolved["level"], resolved["p_high"]) == (0.2, None, None)
    assert firing["issue"] == closing(2)


def test_a_new_episode_has_a_new_id_and_the_same_fingerprint() -> None:
    history, _ = live([rule()], [0.3] * 5, [exceedance(0), exceedance(1), exceedance(3)])
    assert states(history) == [(0, "firing"), (2, "resolved"), (3, "firing"), (4, "resolved")]
    ids = [row["alert_id"] for _, row in history]
    assert (ids[0], ids[2]) == (ids[1], ids[3])
    assert ids[0] != ids[2]
    assert {row["fingerprint"] for _, row in history} == {fingerprint("r", LINE)}


def test_receivers_never_hear_of_an_alert_that_did_not_last() -> None:
    history, told = live([rule(days=3)], [0.3] * 4, [exceedance(0), exceedance(1)])
    assert states(history) == [(0, "pending"), (2, "resolved")]
    assert told == []


def test_a_silent_day_leaves_an_alert_as_it_is() -> None:
    history, told = live([rule()], [0.3, None, None, 0.1], [exceedance(0)])
    assert states(history) == [(0, "firing"), (3, "resolved")]
    assert told == [0, 3]


def test_a_silent_day_breaks_a_run_of_days() -> None:
    found = [exceedance(0), exceedance(2), exceedance(3)]
    history, _ = live([rule(days=2)], [0.3, None, 0.3, 0.3], found)
    assert states(history) == [(0, "pending"), (3, "firing")]


def test_each_rule_and_line_has_a_life_of_its_own() -> None:
    rules = [rule(), rule(name="other", markers=["joy"]), rule(name="posts", unit="posts")]
    found = [exceedance(0), exceedance(1, detector="other", marker="joy"), exceedance(1, detector="posts")]
    assert states(live(rules, [0.3] * 3, found)[0]) == [(0, "firing"), (1, "resolved")]
    assert [row["rule"] for _, row in live(rules, [0.3] * 3, found, marker="joy")[0]] == ["other", "other"]
    prints = [fingerprint(rule, line) for rule in ("r", "s") for line in (LINE, {**LINE, "population": "b"})]
    assert len(set(prints)) == 4


def ahead(origin: int, horizon: int, p_high: float) -> dict[str, Any]:
    """From the n-th day a day ahead is likely high."""
    return exceedance(origin, target=day(origin + horizon), horizon=horizon, kind="forecast", p_high=p_high)


def test_a_forecast_rule_counts_days_on_which_it_expected_and_not_days_expected() -> None:
    week = [ahead(0, horizon, 0.7 + horizon / 100) for horizon in range(1, 8)]
    history, told = live([rule(days=2, when="forecast")], [0.1] * 4, [*week, ahead(1, 3, 0.8), ahead(1, 5, 0.9)])
    assert states(history) == [(0, "pending"), (1, "firing"), (2, "resolved")]
    assert told == [1, 2]
    (_, pending), (_, firing), (_, resolved) = history
    assert (pending["target"], pending["p_high"]) == (day(7), pytest.approx(0.77))  # the likeliest of the week
    assert (firing["target"], firing["p_high"], firing["value"]) == (day(6), 0.9, 0.3)
    assert (firing["lo"], firing["hi"]) == (None, None)  # those of the day are not those of the forecast
    assert (firing["started_on"], firing["days"]) == (day(0), 2)
    assert (resolved["target"], resolved["value"], resolved["p_high"]) == (day(2), 0.1, None)


def test_a_surprise_may_lie_below_its_forecast_and_no_percentile_is_claimed_for_it() -> None:
    low = [exceedance(n, kind="surprise", value=0.05, threshold=0.1, p=0.001, q=0.002) for n in (1, 2)]
    history, _ = live([rule(days=2, when="surprise")], [0.2, 0.05, 0.05, 0.2], low)
    assert states(history) == [(1, "pending"), (2, "firing"), (3, "resolved")]
    assert [row["reason"] for _, row in history] == [
        "1 day of 2 outside its forecast", "2 days in a row outside its forecast", "back within its forecast",
    ]  # fmt: skip
    firing = history[1][1]
    assert firing["percentile"] is None
    assert "5.0% on 2024-03-03, below 10.0% for 2 days" in describe(firing)
    assert evidence(firing).replace("\u00a0", " ") == "5.0 % (5.0–5.0) on Sun 3 Mar, below 10.0 % since Sat 2 Mar"


def test_an_aberration_stands_above_what_its_detector_allows() -> None:
    found = exceedance(1, kind="aberration", p=0.001, q=0.002)
    history, _ = live([rule(when="aberration")], [0.1, 0.3], [found])
    assert (history[0][1]["percentile"], history[0][1]["reason"]) == (None, "1 day in a row above the threshold")


def test_observed_and_forecast_evidence_are_kept_apart() -> None:
    assert live([rule()], [0.1] * 2, [ahead(0, 1, 0.9)])[0] == []
    assert live([rule(when="forecast")], [0.1] * 2, [exceedance(0)])[0] == []


def test_nothing_is_decided_where_nothing_has_closed() -> None:
    decided = evaluate(
        [rule()], tables.SERIES.empty(), tables.EXCEEDANCES.empty(), tables.ALERTS.empty(), now=closing(0)
    )
    assert decided.height == 0
    assert dict(decided.schema) == tables.ALERTS.schema


# What receivers are told.


def alert(**values: Any) -> dict[str, Any]:
    """A row of `alerts`."""
    return {
        "alert_id": "f-20240302", "fingerprint": "f", "rule": "r", **LINE, "state": "firing", "reason": "so",
        "moved_by": None, "target": day(2), "value": 0.3, "lo": 0.2, "hi": 0.4, "n_posts": 40, "n_authors": 30, "threshold": 0.2,
        "percentile": 95.0, "p_high": None, "level": "red", "days": 2, "started_on": day(1), "issue": closing(2),
        **values,
    }  # fmt: skip


def tell(receivers: Sequence[str], *alerts: Mapping[str, Any], run: int = 2) -> dict[str, dict[str, Any]]:
    """Notification's id → its row, and its body read as JSON."""
    rows = pl.DataFrame(alerts, schema=tables.ALERTS.schema)
    known = pl.DataFrame(
        [{"alert_id": a["alert_id"], "receiver": r, "state": "firing", "created_at": closing(1)}
         for a in alerts for r in receivers if a["state"] == "resolved"],
        schema={"alert_id": pl.String, "receiver": pl.String, "state": pl.String, "created_at": tables.TIMESTAMP},
    )  # fmt: skip
    to_tell = due(rows, known, {}, receivers, Policy(), at=closing(3))
    told, _, bodies = notifications(to_tell, Context(), now=closing(run), at=closing(3), page="http://localhost:8501/")
    tables.NOTIFICATIONS.validate(told)
    tables.OUTBOX.validate(bodies)
    assert told["notification_id"].to_list() == bodies["notification_id"].to_list()
    read = {row["notification_id"]: json.loads(row["body"]) for row in bodies.to_dicts()}
    return {row["notification_id"]: {**row, "body": read[row["notification_id"]]} for row in told.to_dicts()}


def test_every_receiver_is_told_of_every_alert_once() -> None:
    told = tell(["desk", "pager"], alert(), alert(alert_id="g", state="resolved"))
    assert sorted((row["receiver"], row["alert_id"], row["state"]) for row in told.values()) == [
        ("desk", "f-20240302", "firing"), ("desk", "g", "resolved"),
        ("pager", "f-20240302", "firing"), ("pager", "g", "resolved"),
    ]  # fmt: skip
    for row in told.values():
        assert (row["status"], row["attempts"], row["last_result"]) == ("waiting", 0, None)
        assert row["created_at"] == row["next_attempt_at"] == closing(3)
    assert tell([], alert()) == {}


def test_deciding_twice_gives_the_same_ids_and_another_moment_gives_others() -> None:
    (first,), (again,) = tell(["desk"], alert()), tell(["desk"], alert())
    assert first == again
    assert first.startswith("msg_")
    others = [
        tell(["pager"], alert()), tell(["desk"], alert(state="resolved")), tell(["desk"], alert(alert_id="g")),
        tell(["desk"], alert(), run=4),
    ]  # fmt: skip
    assert len({first, *(name for told in others for name in told)}) == 5


def test_a_body_names_every_field_of_the_alert_and_what_stands_beside_it() -> None:
    (row,) = tell(["desk"], alert()).values()
    body = row["body"]
    assert set(body) == {"type", "timestamp", "data"}
    assert (body["type"], body["timestamp"]) == ("alert.firing", "2024-03-05T06:00:00Z")
    data = body["data"]
    beside = {"derivation", "rung", "forecast", "events", "skill_card", "parts", "why_now", "link", "about"}
    assert set(data) == {*tables.ALERTS.columns, *beside}
    assert (data["derivation"], data["why_now"]) == (
        "percentile 95 of the 84 closed days before the day tested", "it began"
    )  # fmt: skip
    assert (data["rung"], data["forecast"], data["events"], data["skill_card"], data["parts"]) == (None, [], [], [], [])
    assert {key: data[key] for key in tables.ALERTS.columns} == {
        **alert(), "target": "2024-03-03", "started_on": "2024-03-02", "issue": "2024-03-04T06:00:00",
    }  # fmt: skip
    assert data["link"] == "http://localhost:8501/?population=all&marker=dimension%3Aanxiety&unit=authors&method=lexicon"


def test_a_body_carries_no_text_no_post_and_no_person() -> None:
    restricted = {
        name for table in (tables.POSTS, tables.SCORES, tables.ANNOTATIONS, tables.QUARANTINE)
        for name in table.columns
    } - {"marker", "reason"}  # fmt: skip
    (row,) = tell(["desk"], alert()).values()
    assert restricted & set(row["body"]["data"]) == set()


def waiting(state: str = "firing", attempts: int = 0, alert_id: str = "f-20240302") -> pl.DataFrame:
    """One notification that waits, with its body."""
    row = {"notification_id": "msg_1", "alert_id": alert_id, "state": state, "receiver": "desk", "status": "waiting",
           "attempts": attempts, "body": json.dumps({"type": f"alert.{state}", "data": {"rule": "r"}})}  # fmt: skip
    return pl.DataFrame([row])


def shift_rows(**over: Any) -> pl.DataFrame:
    """What moved the alert's line in its two days; seven named terms and the rest."""
    whole = {**LINE, "period": "2024-03-02/2024-03-03", "reference": "2024-02-29/2024-03-01", "change": 0.31, "mix": 0.01,
             "rate": 0.3, "n_authors": 30, "period_posts": 9, "reference_posts": 9, "period_authors": 9,
             "reference_authors": 9, "both_authors": 9, "issue": closing(2), **over}  # fmt: skip
    del whole["method"]
    parts = {f"t{i}": 0.01 * i * (-1) ** i for i in range(1, 8)} | {"(other)": 0.35}
    return tables.TERM_SHIFTS.validate(pl.DataFrame([{**whole, "term": t, "contribution": c} for t, c in parts.items()]))


def test_a_firing_alert_is_told_with_the_largest_terms_of_its_shift() -> None:
    rows = pl.DataFrame([alert()], schema=tables.ALERTS.schema)
    (told,) = with_reasons(waiting(), rows, shift_rows()).to_dicts()
    body = json.loads(told["body"])
    assert told["notification_id"] == "msg_1"
    assert body["data"]["rule"] == "r"
    why = body["data"]["why"]
    assert (why["period"], why["reference"], why["change"], why["mix"], why["rate"]) == (
        "2024-03-02/2024-03-03", "2024-02-29/2024-03-01", 0.31, 0.01, 0.3,
    )  # fmt: skip
    assert [term["term"] for term in why["terms"]] == ["t7", "t6", "t5", "t4", "t3"]
    restricted = {*tables.POSTS.columns, *tables.SCORES.columns} - {"marker"}
    assert not restricted & {*why, *why["terms"][0]}


def test_the_others_of_a_group_are_told_with_why_they_moved_in_brief() -> None:
    others = [{"alert_id": name, "marker": marker} for name, marker in (("g", "fear"), ("h", "joy"))]
    rows = pl.DataFrame([alert(), *(alert(alert_id=o["alert_id"], marker=o["marker"]) for o in others)], schema=tables.ALERTS.schema)
    body = json.dumps({"type": "alert.firing", "data": {"rule": "r", "others": others}})
    shifts = shift_rows(marker="fear", change=0.2)  # that of the first and of `joy` is not published
    ((name, told),) = with_reasons(waiting().with_columns(body=pl.lit(body)), rows, shifts).rows()
    data = json.loads(told)["data"]
    assert (name, set(data)) == ("msg_1", {"rule", "others"})
    assert data["others"][1] == others[1]
    why = data["others"][0]["why"]
    assert (why["period"], why["reference"], why["change"]) == ("2024-03-02/2024-03-03", "2024-02-29/2024-03-01", 0.2)
    assert [(t["term"], t["contribution"]) for t in why["terms"]] == [("t7", -0.07), ("t6", 0.06), ("t5", -0.05)]


@pytest.mark.parametrize(
    ("untold", "shifts", "state"),
    [
        (waiting(attempts=1), shift_rows(), "firing"),  # it may have arrived: the same id says the same
        (waiting("resolved"), shift_rows(), "firing"),
        (waiting(alert_id="another"), shift_rows(), "firing"),
        (waiting(), shift_rows(unit="posts"), "firing"),
        (waiting(), shift_rows(period="2024-03-03/2024-03-03"), "firing"),
        (waiting(), tables.TERM_SHIFTS.empty(), "firing"),
        (waiting(), shift_rows(), "resolved"),
    ],
)  # fmt: skip
def test_any_other_body_stays_as_it_is(untold: pl.DataFrame, shifts: pl.DataFrame, state: str) -> None:
    rows = pl.DataFrame([alert(state=state)], schema=tables.ALERTS.schema)
    assert with_reasons(untold, rows, shifts).height == 0
