"""Who is told of what: silences, maintenance, wider populations, groups, waiting, repeating; and silent lines."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.alerts import (
    Context,
    NotifyReason,
    Order,
    Policy,
    due,
    fingerprint,
    mutes,
    notifications,
    replay,
    silent_lines,
)
from barograph.settings import SILENT_LINE, Maintenance, Rule, Settings

AT = datetime(2024, 3, 11, 9)
HOUR = timedelta(hours=1)
LINE = {"marker": "joy", "population": "all", "unit": "authors", "method": "lexicon"}
TOLD = {"alert_id": pl.String, "receiver": pl.String, "state": pl.String, "created_at": tables.TIMESTAMP}


def alert(name: str = "a", **over: Any) -> dict[str, Any]:
    """A row of `alerts`, firing."""
    return {
        "alert_id": name, "fingerprint": name, "rule": "r", **LINE, "state": "firing", "reason": "so", "moved_by": None,
        "target": date(2024, 3, 10), "value": 0.3, "lo": 0.2, "hi": 0.4, "n_posts": 40, "n_authors": 30,
        "threshold": 0.2, "percentile": 95.0, "p_high": None, "level": "red", "days": 2,
        "started_on": date(2024, 3, 9), "issue": AT - HOUR, **over,
    }  # fmt: skip


def frame(*alerts: dict[str, Any]) -> pl.DataFrame:
    """These rows as `alerts`."""
    return tables.ALERTS.validate(pl.DataFrame(alerts, schema=tables.ALERTS.schema))


def silences(**over: Any) -> pl.DataFrame:
    """One silence, of everything it does not name."""
    row = {"silence_id": "s", "alert_id": None, "rule": None, "marker": None, "population": None,
           "created_by": "duty desk", "starts_at": AT - HOUR, "ends_at": AT + HOUR, "issue": AT, **over}  # fmt: skip
    return tables.SILENCES.validate(pl.DataFrame([row], schema=tables.SILENCES.schema))


@pytest.mark.parametrize(
    ("over", "quiet"),
    [
        ({"alert_id": "a"}, ["a"]),
        ({"rule": "r"}, ["a", "b"]),
        ({"rule": "r", "population": "north"}, ["b"]),
        ({"marker": "fear"}, []),
        ({"rule": "r", "starts_at": AT + timedelta(minutes=1)}, []),
        ({"rule": "r", "ends_at": AT}, []),
        ({"rule": "r", "starts_at": AT}, ["a", "b"]),
    ],
)
def test_a_silence_is_about_what_it_names_while_it_runs(over: dict[str, Any], quiet: list[str]) -> None:
    found = mutes(frame(alert(), alert("b", population="north")), silences(**over), [], {}, AT)
    assert sorted(found) == quiet
    assert {mute.reason for mute in found.values()} <= {NotifyReason.SILENCED}
    assert all(mute.words.startswith("silenced until 2024-03-11 ") for mute in found.values())


@pytest.mark.parametrize(("start", "end", "populations", "quiet"), [
    (-1, 1, (), ["a", "b"]), (-1, 1, ("north",), ["b"]), (-2, -1, (), []), (1, 2, (), []), (0, 1, (), ["a", "b"]), (-1, 0, (), []),
])  # fmt: skip
def test_maintenance_quiets_its_populations(start: int, end: int, populations: tuple[str, ...], quiet: list[str]) -> None:
    window = Maintenance(name="m", starts_at=AT + start * HOUR, ends_at=AT + end * HOUR, populations=populations)
    found = mutes(frame(alert(), alert("b", population="north")), tables.SILENCES.empty(), [window], {}, AT)
    assert sorted(found) == quiet


@pytest.mark.parametrize(
    ("over", "quiet"),
    [
        ({}, True),
        ({"state": "acknowledged"}, True),
        ({"state": "pending"}, False),
        ({"state": "resolved"}, False),
        ({"rule": "other"}, False),
        ({"marker": "fear"}, False),
        ({"unit": "posts"}, False),
        ({"method": "calibrated"}, False),
    ],
)
def test_a_wider_population_that_fires_quiets_its_parts(over: dict[str, Any], quiet: bool) -> None:
    rows = frame(alert("whole", **over), alert("part", population="town"))
    found = mutes(rows, tables.SILENCES.empty(), [], {"town": ("region", "all"), "all": ()}, AT)
    assert ("part" in found) is quiet
    assert "whole" not in found
    if quiet:
        assert (found["part"].reason, found["part"].population) == (NotifyReason.INHIBITED, "all")


def test_which_populations_are_wider_is_configured() -> None:
    assert (Settings().wider("AskAcademia"), Settings().wider("all")) == (("all",), ())
    names = [{"name": "town", "part_of": "region"}, {"name": "region", "part_of": "land"}, {"name": "land"}]
    told = Settings.model_validate({"population": names})
    assert (told.wider("town"), told.wider("land")) == (("region", "land"), ())
    with pytest.raises(ValueError, match="leads back to itself"):
        Settings.model_validate({"population": [{"name": "a", "part_of": "b"}, {"name": "b", "part_of": "a"}]})
    with pytest.raises(ValueError, match="part_of 'c' is not defined"):
        Settings.model_validate({"population": [{"name": "a", "part_of": "c"}]})


def told(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Alert, receiver, state, and hours ago."""
    return pl.DataFrame([(a, r, s, AT - ago * HOUR) for a, r, s, ago in rows], schema=TOLD, orient="row")


def to_tell(alerts: pl.DataFrame, known: pl.DataFrame | None = None, **policy: Any) -> pl.DataFrame:
    """What is due for the receivers desk and pager."""
    before = told() if known is None else known
    return due(alerts, before, {}, ["desk", "pager"], Policy(**policy), at=AT)


def test_each_receiver_is_told_what_it_does_not_know() -> None:
    rows = frame(alert("a"), alert("b", state="resolved"), alert("c", state="resolved"), alert("d", state="pending"))
    known = told(("a", "desk", "firing", 1), ("b", "desk", "firing", 5), ("b", "pager", "firing", 5), ("b", "pager", "resolved", 1))
    got = to_tell(rows, known)
    assert got.select("receiver", "alert_id", "why").rows() == [
        ("desk", "b", "it ended"), ("pager", "a", "it began"),
    ]  # fmt: skip


def test_what_was_muted_is_told_when_that_is_over_if_it_still_fires() -> None:
    rows = frame(alert("a"), alert("b", state="resolved"))
    quiet = mutes(rows, silences(rule="r"), [], {}, AT)
    assert due(rows, told(), quiet, ["desk"], Policy(), at=AT).height == 0
    later = AT + 2 * HOUR
    quiet = mutes(rows, silences(rule="r"), [], {}, later)
    assert due(rows, told(), quiet, ["desk"], Policy(), at=later)["alert_id"].to_list() == ["a"]


def test_a_firing_alert_is_repeated_with_a_new_id() -> None:
    known = told(("a", "desk", "firing", 24), ("a", "pager", "firing", 23))
    got = to_tell(frame(alert()), known, repeat=24 * HOUR)
    assert got.select("receiver", "why", "times").rows() == [("desk", "it still goes on", 1)]
    first, _, _ = notifications(got.with_columns(times=pl.lit(0)), Context(), now=AT, at=AT, page="")
    second, _, _ = notifications(got, Context(), now=AT, at=AT, page="")
    assert first["notification_id"][0] != second["notification_id"][0]


def test_alerts_of_a_group_are_told_together_as_the_gravest() -> None:
    rows = frame(
        alert("a", population="b", level="yellow"), alert("b", population="c", level="red"),
        alert("c", population="d", level="yellow"), alert("d", rule="other"),
    )  # fmt: skip
    got = to_tell(rows, group_by=("rule",)).filter(pl.col("receiver") == "desk")
    notes, others, bodies = notifications(got, Context(), now=AT, at=AT, page="http://x/")
    assert notes["alert_id"].to_list() == ["d", "b"]
    grouped = notes.join(others, on="notification_id", suffix="_other")
    assert grouped.select("alert_id", "alert_id_other").rows() == [("b", "a"), ("b", "c")]
    body = json.loads(bodies["body"][1])["data"]
    assert (body["alert_id"], body["n_others"], [o["alert_id"] for o in body["others"]]) == ("b", 2, ["a", "c"])
    assert "others" not in json.loads(bodies["body"][0])["data"]


def test_the_first_of_a_group_waits_for_others() -> None:
    young, old = alert("a", issue=AT - timedelta(minutes=5)), alert("b", issue=AT - timedelta(minutes=10))
    wait = {"group_by": ("rule",), "wait": timedelta(minutes=10)}
    assert to_tell(frame(young), **wait).height == 0
    assert sorted(to_tell(frame(young, old), **wait)["alert_id"].unique()) == ["a", "b"]
    over = frame({**young, "state": "resolved"})
    assert to_tell(over, told(("a", "desk", "firing", 1)), **wait)["why"].to_list() == ["it ended"]


def test_a_notification_carries_forecast_events_record_and_quiet_parts() -> None:
    rows = frame(alert("whole"), alert("part", population="town"))
    quiet = mutes(rows, tables.SILENCES.empty(), [], {"town": ("all",)}, AT)
    forecast = pl.DataFrame([
        {**LINE, "target": date(2024, 3, 11), "horizon": 1, "model": "house", "mean": 0.25, "q025": 0.1, "q975": 0.4,
         "p_high": 0.6, "issue": AT}
    ])  # fmt: skip
    near = [("exams", date(2024, 3, 15), "*"), ("far", date(2024, 4, 15), "*"), ("theirs", date(2024, 3, 9), "town")]
    events = pl.DataFrame([
        {"name": n, "population": p, "kind": "scheduled", "starts_on": d, "ends_on": d, "declared_at": AT} for n, d, p in near
    ])  # fmt: skip
    card = {"rule": "r", "basis": "series", "period": "x", "n_lines": 1, "n_alerts": 4, "n_judged": 4, "n_true": 3,
            "n_unclear": 0, "precision": 0.75, "issue": AT}  # fmt: skip
    context = Context(
        forecasts=tables.FORECASTS.validate(forecast), events=tables.EVENTS.validate(events),
        cards=tables.SKILL_CARDS.validate(pl.DataFrame([card])), alerts=rows, muted=quiet,
    )  # fmt: skip
    got = due(rows, told(), quiet, ["desk"], Policy(), at=AT)
    _, _, bodies = notifications(got, context, now=AT, at=AT, page="http://x/")
    assert bodies.height == 1
    data = json.loads(bodies["body"][0])["data"]
    assert data["parts"] == ["town"]
    assert [event["name"] for event in data["events"]] == ["exams"]
    assert data["forecast"] == [
        {"target": "2024-03-11", "mean": 0.25, "lo": 0.1, "hi": 0.4, "p_high": 0.6, "model": "house"}
    ]
    assert [(c["basis"], c["precision"], c["n_judged"]) for c in data["skill_card"]] == [("series", 0.75, 4)]


# Lines that fall silent.


def closing(n: int) -> datetime:
    """When the n-th day of March 2024 has closed."""
    return datetime(2024, 3, 1, 6) + timedelta(days=n)


def lines(values: list[float | None], missing: str | None, population: str = "all") -> pl.DataFrame:
    """A line from 1 March 2024 on."""
    return pl.DataFrame([
        {**LINE, "population": population, "time_value": date(2024, 3, 1) + timedelta(days=i), "prevalence": p,
         "value_kind": "share", "n_posts": 9, "n_authors": 9, "provisional": False,
         "missing_reason": None if p is not None else missing, "issue": closing(i + 1)}
        for i, p in enumerate(values)
    ], schema=tables.SERIES.schema)  # fmt: skip


def silent(values: list[float | None], missing: str | None, beside: int = 0, rules: list[Rule] | None = None) -> list[Any]:
    """Run day by day; another line goes on for `beside` days. Returns (day, state) as rows were decided."""
    watching = [Rule(name="r", markers=("joy",))] if rules is None else rules
    alerts, found = tables.ALERTS.empty(), []
    for n in range(1, max(len(values), beside) + 1):
        series = pl.concat([lines(values[:n], missing), lines([0.1] * min(n, beside), None, "beside")])
        latest = alerts.sort("issue").unique("alert_id", keep="last")
        rows = silent_lines(watching, series, latest, patience=2, now=closing(n))
        alerts = pl.concat([alerts, rows])
        found += [(n, row["population"], row["state"], row["alert_id"][-8:]) for row in rows.to_dicts()]
    return found


@pytest.mark.parametrize(
    ("values", "missing", "beside", "expected"),
    [
        ([0.1] * 5, None, 0, []),
        ([0.1, None, 0.1, None], "no posts", 0, []),
        ([0.1, None, None, None, 0.1], "no posts", 0, [(3, "nodata"), (5, "resolved")]),
        ([0.1, None, None, 0.1], "fewer than 20 authors", 0, [(3, "censored"), (4, "resolved")]),
        ([None, None, None], "fewer than 20 authors", 0, []),
        ([0.1, 0.1], None, 7, [(4, "nodata"), (5, "stale")]),
    ],
)
def test_a_line_that_falls_silent_says_so(values: list[float | None], missing: str | None, beside: int, expected: Any) -> None:
    found = silent(values, missing, beside)
    assert [(n, state) for n, _, state, _ in found] == expected
    assert {population for _, population, _, _ in found} <= {"all"}
    assert len({alert_id for *_, alert_id in found}) <= 1


def test_a_silent_line_that_somebody_has_seen_stays_what_it_is_and_is_told_no_more() -> None:
    rules, seen = [Rule(name="r", markers=("joy",))], Order("acknowledge", "duty desk")
    asked, alerts = {4: seen, 5: seen, 7: seen}, tables.ALERTS.empty()
    for n in range(1, 10):
        values = [0.1, *[None] * 7, 0.1][:n]
        series = pl.concat([lines(values, "fewer than 20 authors" if n < 7 else "no posts"), lines([0.1] * n, None, "beside")])
        before = alerts.sort("issue").unique("alert_id", keep="last")
        orders = dict.fromkeys(before["alert_id"], asked[n]) if n in asked else {}
        rows = silent_lines(rules, series, before, patience=2, now=closing(n), orders=orders)
        for row in rows.to_dicts():
            again = replay(row, rules, series, tables.EXCEEDANCES.empty(), before, patience=2)
            assert again == row
        alerts = pl.concat([alerts, rows])
    few, none = "fewer than 20 authors on its last days", "nothing was read of its last 6 days"
    since = "last value on 2024-03-01"
    assert alerts.select("state", "reason", "moved_by").rows() == [
        ("censored", f"{few}; {since}", None),
        ("censored", f"acknowledged by duty desk: {few}; {since}", "duty desk"),  # once, however often it is asked
        ("nodata", f"acknowledged by duty desk: {none}; {since}", "duty desk"),
        ("resolved", "a value again on 2024-03-09", None),
    ]
    assert alerts["alert_id"].n_unique() == 1
    policy, name = Policy(repeat=timedelta(hours=1)), alerts["alert_id"][0]
    for number, why in enumerate([NotifyReason.REPEATED, None, None, NotifyReason.ENDED]):
        heard = told((name, "desk", "censored", 24))
        got = due(alerts.slice(number, 1), heard, {}, ["desk"], policy, at=AT)
        assert got["why"].to_list() == ([str(why)] if why else [])


def test_a_line_that_nobody_watches_is_not_missed() -> None:
    assert silent([0.1, None, None, None], "no posts", rules=[]) == []
    before = silent_lines([Rule(name="r", markers=("joy",))], lines([0.1, None, None], "no posts"),
                          tables.ALERTS.empty(), patience=2, now=closing(3))  # fmt: skip
    assert before["fingerprint"].to_list() == [fingerprint(SILENT_LINE, LINE)]
    after = silent_lines([], lines([0.1, None, None], "no posts"), before, patience=2, now=closing(4))
    assert after.select("state", "reason").rows() == [("resolved", "no rule watches it now")]


def test_lines_of_a_population_that_fall_silent_are_told_together() -> None:
    rows = frame(*(alert(m, marker=m, rule=SILENT_LINE, state="nodata", percentile=None) for m in ("joy", "fear")))
    got = due(rows, told(), {}, ["desk"], Policy(), at=AT)
    notes, others, bodies = notifications(got, Context(), now=AT, at=AT, page="")
    assert (notes.height, others.height) == (1, 1)
    assert json.loads(bodies["body"][0])["type"] == "alert.nodata"
