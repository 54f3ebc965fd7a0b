"""What receivers are told: the bodies of notifications. Aggregates alone, never a post, a quote or a person."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import polars as pl

from barograph.alerts.telling import Mute
from barograph.rules import held_days
from barograph.settings import SILENT_LINE
from barograph.tables import (
    ALERTS,
    EVENTS,
    EXCEEDANCES,
    FORECASTS,
    GROUPED,
    LINE,
    NOTIFICATIONS,
    OTHER,
    OUTBOX,
    SKILL_CARDS,
)

_ABOUT = "expressed language of a population, never a person"
_TERMS_TOLD = 5
_TERMS_IN_BRIEF = 3
_OTHERS_TOLD = 20
NEAR = timedelta(days=7)
"""How far an event may lie from the alert's days to be told with it."""


@dataclass(frozen=True)
class Context:
    """What stands beside an alert in its notification; frames of their tables, latest rows."""

    forecasts: pl.DataFrame = field(default_factory=FORECASTS.empty)
    events: pl.DataFrame = field(default_factory=EVENTS.empty)
    exceedances: pl.DataFrame = field(default_factory=EXCEEDANCES.empty)
    cards: pl.DataFrame = field(default_factory=SKILL_CARDS.empty)
    alerts: pl.DataFrame = field(default_factory=ALERTS.empty)
    muted: Mapping[str, Mute] = field(default_factory=dict)


def notifications(
    due: pl.DataFrame, context: Context, *, now: datetime, at: datetime, page: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """One notification per receiver and group: rows of `notifications`, `grouped` and `outbox`.

    due: as `telling.due` returns it. The id is a hash of alerts, state, issue and receiver, so that deciding twice
    tells once. A group is told as its gravest alert, with the `others` in brief. at: the clock; now: the time of the
    run; page: where the dashboard is.
    """
    told, bodies, grouped = [], [], []
    gravest = due.sort(pl.col("level") != "red", "population", "marker", "rule", nulls_last=True)
    for (receiver, _), rows in gravest.group_by("receiver", "group", maintain_order=True):
        first, *rest = rows.to_dicts()
        alerts = "\n".join([first["alert_id"], *(row["alert_id"] for row in rest)])
        again = f"\n{first['times']}" if first["times"] else ""
        identity = f"{alerts}\n{first['state']}\n{now.isoformat()}\n{receiver}{again}"
        name = "msg_" + hashlib.sha256(identity.encode()).hexdigest()[:24]
        told.append({
            "notification_id": name, "alert_id": first["alert_id"], "state": first["state"],
            "receiver": receiver, "status": "waiting", "attempts": 0, "created_at": at, "next_attempt_at": at,
            "last_result": None,
        })  # fmt: skip
        grouped += [{"notification_id": name, "alert_id": row["alert_id"], "state": row["state"]} for row in rest]
        data = {**carried(first, context, page), "why_now": first["why"]}
        if rest:
            data |= {"n_others": len(rest), "others": [_brief(row, page) for row in rest[:_OTHERS_TOLD]]}
        body = {"type": f"alert.{first['state']}", "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": data}
        bodies.append({"notification_id": name, "body": json.dumps(body)})
    return (
        pl.DataFrame(told, schema=NOTIFICATIONS.schema, orient="row"),
        pl.DataFrame(grouped, schema=GROUPED.schema, orient="row"),
        pl.DataFrame(bodies, schema=OUTBOX.schema, orient="row"),
    )


def carried(alert: Mapping[str, Any], context: Context, page: str) -> dict[str, Any]:
    """All that an alert carries, but for why it moved, as JSON has it."""
    return {
        **{k: _plain(alert[k]) for k in ALERTS.columns},
        "derivation": derivation(alert),
        "rung": _rung(alert, context.exceedances),
        "forecast": _forecast(alert, context.forecasts),
        "events": _events(alert, context.events),
        "skill_card": [
            {k: _plain(v) for k, v in card.items() if k not in ("rule", "issue")}
            for card in context.cards.filter(pl.col("rule") == alert["rule"]).to_dicts()
        ],
        "parts": _parts(alert, context),
        "link": _link(alert, page),
        "about": _ABOUT,
    }


def derivation(alert: Mapping[str, Any]) -> str:
    """How the threshold of an alert was derived, in words."""
    if alert["rule"] == SILENT_LINE:
        return "none: the line has no value"
    if alert["percentile"] is None:
        return "by its detector, from the days before"
    ahead = alert["p_high"] is not None
    days = "the 84 closed days before the forecast" if ahead else "the 84 closed days before the day tested"
    return f"percentile {alert['percentile']:g} of {days}"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _link(alert: Mapping[str, Any], page: str) -> str:
    return f"{page}?{urlencode({name: alert[name] for name in ('population', 'marker', 'unit', 'method')})}"


def _brief(alert: Mapping[str, Any], page: str) -> dict[str, Any]:
    names = ("alert_id", "rule", *LINE, "target", "value", "threshold", "p_high", "level", "days")
    return {name: _plain(alert[name]) for name in names} | {"link": _link(alert, page)}


def _of_line(frame: pl.DataFrame, alert: Mapping[str, Any]) -> pl.DataFrame:
    return frame.filter(pl.all_horizontal([pl.col(c) == alert[c] for c in LINE]))


def _rung(alert: Mapping[str, Any], exceedances: pl.DataFrame) -> str | None:
    """Which rung of the ladder of detectors the alert stands on, where its detector has one."""
    if "rung" not in exceedances.columns:
        return None
    mine = _of_line(exceedances, alert).filter(
        pl.col("detector") == alert["rule"], pl.col("target") == alert["target"], pl.col("issue") <= alert["issue"]
    )
    rungs = mine.sort("issue")["rung"].drop_nulls()
    return str(rungs[-1]) if rungs.len() else None


def _forecast(alert: Mapping[str, Any], forecasts: pl.DataFrame) -> list[dict[str, Any]]:
    """The newest forecast of the line: days, mean, 95 % bounds and probability of high prevalence."""
    mine = _of_line(forecasts, alert)
    mine = mine.filter(pl.col("issue") == pl.col("issue").max()).sort("target")
    days = mine.select("target", "mean", pl.col("q025").alias("lo"), pl.col("q975").alias("hi"), "p_high", "model")
    return [{k: _plain(v) for k, v in day.items()} for day in days.to_dicts()]


def _events(alert: Mapping[str, Any], events: pl.DataFrame) -> list[dict[str, Any]]:
    """Declared events of the population within a week of the alert's days. One just declared is a fact, no cause."""
    first, last = alert["started_on"], max(alert["target"], alert["started_on"])
    near = events.filter(
        pl.col("population").is_in(["*", alert["population"]]),
        pl.col("starts_on") <= last + NEAR, pl.col("ends_on") >= first - NEAR,
    ).sort("starts_on", "name")  # fmt: skip
    columns = ("name", "kind", "starts_on", "ends_on")
    return [{k: _plain(v) for k, v in event.items()} for event in near.select(columns).to_dicts()]


def _parts(alert: Mapping[str, Any], context: Context) -> list[str]:
    """Populations that are part of this one, fire too, and are quiet because this one is told."""
    same = context.alerts.filter(
        pl.col("state") == "firing",
        *(pl.col(c) == alert[c] for c in ("rule", "marker", "unit", "method")),
    )
    here = [row for row in same.iter_rows(named=True) if row["alert_id"] in context.muted]
    return sorted(r["population"] for r in here if context.muted[r["alert_id"]].population == alert["population"])


def with_reasons(due: pl.DataFrame, alerts: pl.DataFrame, shifts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `outbox`: the bodies of what was not tried yet and tells of firing alerts, with `why` in their data.

    due: notifications with `body`; alerts: latest rows; shifts: newest rows of `term_shifts`. `why` holds the days
    compared, change, mix and rate, and the largest terms with their contributions; the `others` of a group have the
    change and its three largest terms. Where the shift of an alert's days is not published, nothing says why.
    """
    days = pl.concat_str(pl.col("first", "last").cast(pl.String), separator="/").alias("period")
    on = ["marker", "population", "unit", "period"]
    firing = held_days(alerts.filter(pl.col("state") == "firing")).select("alert_id", *on[:3], days)
    of_alert = dict(firing.join(shifts, on=on).group_by("alert_id"))
    told = []
    for row in due.filter(pl.col("attempts") == 0, pl.col("state") == "firing").iter_rows(named=True):
        body, said = json.loads(row["body"]), False
        others = ((other["alert_id"], other, _in_brief) for other in body["data"].get("others", ()))
        for name, place, reason in ((row["alert_id"], body["data"], _why), *others):
            if (shift := of_alert.get((name,))) is not None:
                place["why"], said = reason(shift), True
        if said:
            told.append({"notification_id": row["notification_id"], "body": json.dumps(body)})
    return pl.DataFrame(told, schema=OUTBOX.schema, orient="row")


def why(alert: Mapping[str, Any], shifts: pl.DataFrame) -> dict[str, Any] | None:
    """What moved the line on the days on which an alert held, from newest rows of `term_shifts`; None where unknown."""
    days = held_days(pl.DataFrame([alert], schema=ALERTS.schema)).select("first", "last").row(0)
    where = {"marker": alert["marker"], "population": alert["population"], "unit": alert["unit"]}
    mine = shifts.filter(pl.col("period") == "/".join(map(str, days)), *(pl.col(k) == v for k, v in where.items()))
    return _why(mine.filter(pl.col("issue") == pl.col("issue").max())) if mine.height else None


def _why(shift: pl.DataFrame) -> dict[str, Any]:
    """One shift in brief: the whole, and its largest named terms."""
    whole = ("period", "reference", "change", "change_lo", "change_hi", "mix", "rate", "change_top_account_share")
    of_term = ("term", "contribution", "lo", "hi", "n_authors", "top_account_share")
    named = shift.filter(pl.col("term") != OTHER).sort(pl.col("contribution").abs(), "term", descending=[True, False])
    return {**shift.select(whole).row(0, named=True), "terms": named.head(_TERMS_TOLD).select(of_term).to_dicts()}


def _in_brief(shift: pl.DataFrame) -> dict[str, Any]:
    """The same for one of many: the change, and its three largest named terms."""
    whole = _why(shift)
    terms = [{name: term[name] for name in ("term", "contribution")} for term in whole["terms"][:_TERMS_IN_BRIEF]]
    return {name: whole[name] for name in ("period", "reference", "change")} | {"terms": terms}
