"""The life of an alert. What to do is a pure function of its state and the evidence, and says why."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

import polars as pl

from barograph.rules import held_days, watched
from barograph.settings import Rule
from barograph.tables import ALERTS, LINE, NOTIFICATIONS, OTHER, OUTBOX

_ABOUT = "expressed language of a population, never a person"
_TERMS_TOLD = 5
STALE = timedelta(days=3)
"""From a last closed day older than this nothing is decided: silence is no evidence."""
State = Literal["pending", "firing", "acknowledged", "resolved"]


@dataclass(frozen=True)
class Evidence:
    """What the last closed day says about one rule on one line."""

    days: int
    """Closed days in a row above the threshold that end with the last one; 0 where it is not above."""
    needed: int
    """Days in a row that the rule asks for."""


@dataclass(frozen=True)
class Decision:
    """Where an alert goes, why, and whether receivers hear of it."""

    state: State
    reason: str
    notify: bool


def decide(state: State | None, evidence: Evidence) -> Decision | None:
    """The next state of an alert; None where nothing changes.

    state: None or `resolved` where no episode is open.
    """
    told = state in ("firing", "acknowledged")
    is_open = told or state == "pending"
    if evidence.days == 0:
        return Decision("resolved", "back below the threshold", notify=told) if is_open else None
    if evidence.days >= evidence.needed and not told:
        return Decision("firing", f"{_days(evidence.days)} in a row above the threshold", notify=True)
    if not is_open:
        return Decision("pending", f"{_days(evidence.days)} of {evidence.needed} above the threshold", notify=False)
    return None


def _days(n: int) -> str:
    return f"{n} day" if n == 1 else f"{n} days"


def fingerprint(rule: str, line: Mapping[str, Any]) -> str:
    """The same for one rule on one line through all its episodes."""
    return hashlib.sha256("\n".join([rule, *(str(line[c]) for c in LINE)]).encode()).hexdigest()[:16]


def evaluate(
    rules: Sequence[Rule], series: pl.DataFrame, exceedances: pl.DataFrame, alerts: pl.DataFrame, *, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What every rule decides on every line that it watches: new rows of `alerts`, `issue` = now, and which to tell.

    series: closed days, as `detect.closed_series` returns them. exceedances: all issues up to `now`; alerts:
    latest ones. Only the last closed day of a line decides; a line that has no value there is silent, and its
    alerts stay as they are; where nothing has been read for more than three days all lines are. Whoever was
    not told that an alert began is not told that it ended.
    """
    recent = pl.col("time_value") >= now.date() - STALE
    newest = pl.col("time_value") == pl.col("time_value").max().over(LINE)
    today = series.filter(newest, recent).filter(pl.col("prevalence").is_not_null())
    open_alerts = {
        row["fingerprint"]: row for row in alerts.sort("issue").iter_rows(named=True)
    }  # the last state of each fingerprint
    rows: list[dict[str, Any]] = []
    tell: list[bool] = []
    for rule in rules:
        found = exceedances.filter(pl.col("detector") == rule.name, pl.col("kind") == rule.when)
        by_line = dict(found.group_by(LINE))
        for line in watched(today, rule).sort(LINE).iter_rows(named=True):
            last = line["time_value"]
            mine = by_line.get(tuple(line[c] for c in LINE), found.clear())
            evidence, shown = _evidence(rule, mine, last)
            name = fingerprint(rule.name, line)
            before = open_alerts.get(name)
            decision = decide(before["state"] if before else None, evidence)
            if decision is None:
                continue
            continues = before is not None and before["state"] != "resolved"
            started = before["started_on"] if continues and before else last - timedelta(days=max(evidence.days - 1, 0))
            tell.append(decision.notify)
            rows.append({
                "alert_id": before["alert_id"] if continues and before else f"{name}-{started:%Y%m%d}",
                "fingerprint": name, "rule": rule.name, **{c: line[c] for c in LINE},
                "state": decision.state, "reason": decision.reason, "target": shown.get("target", last),
                "value": shown.get("value", line["prevalence"]),
                "lo": line["lo"] if rule.when == "observed" else None,
                "hi": line["hi"] if rule.when == "observed" else None,
                "n_posts": line["n_posts"], "n_authors": line["n_authors"],
                "threshold": shown.get("threshold", before["threshold"] if before else None),
                "percentile": rule.percentile, "p_high": shown.get("p_high"), "level": shown.get("level"),
                "days": evidence.days, "started_on": started, "issue": now,
            })  # fmt: skip
    for before in open_alerts.values():
        if before["rule"] not in {rule.name for rule in rules} and before["state"] != "resolved":
            tell.append(before["state"] != "pending")
            rows.append({**before, "state": "resolved", "reason": "its rule is no longer there", "issue": now})
    decided = ALERTS.validate(pl.DataFrame(rows, schema=ALERTS.schema, orient="row"))
    return decided, decided.filter(pl.Series(tell, dtype=pl.Boolean))


def _evidence(rule: Rule, found: pl.DataFrame, last: date) -> tuple[Evidence, dict[str, Any]]:
    """How many closed days in a row the rule has held on a line, and the exceedance to show for it.

    A day holds where it is itself above the threshold, or where a forecast made from it is likely above.
    """
    made = found.with_columns((pl.col("target") - pl.duration(days=pl.col("horizon"))).alias("made_on"))
    held, days = set(made["made_on"]), 0
    while last - timedelta(days=days) in held:
        days += 1
    today = made.filter(pl.col("made_on") == last).sort("issue", "p_high", descending=True)
    return Evidence(days, rule.days), today.row(0, named=True) if days else {}


def notifications(
    alerts: pl.DataFrame, receivers: Sequence[str], *, now: datetime, at: datetime, page: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One notification per receiver for every one of these rows of `alerts`: rows of `notifications` and `outbox`.

    The id is a hash of alert, state, issue and receiver, so that deciding twice tells once. The body carries
    aggregates alone: never a post, a quote or a person. at: the clock; now: the time of the run; page: where
    the dashboard is.
    """
    told, bodies = [], []
    for alert in alerts.iter_rows(named=True):
        view = urlencode({name: alert[name] for name in ("population", "marker", "unit", "method")})
        for receiver in receivers:
            identity = f"{alert['alert_id']}\n{alert['state']}\n{now.isoformat()}\n{receiver}"
            name = "msg_" + hashlib.sha256(identity.encode()).hexdigest()[:24]
            told.append({
                "notification_id": name, "alert_id": alert["alert_id"], "state": alert["state"],
                "receiver": receiver, "status": "waiting", "attempts": 0, "created_at": at, "next_attempt_at": at,
                "last_result": None,
            })  # fmt: skip
            data = {k: v.isoformat() if isinstance(v, date) else v for k, v in alert.items()}
            body = {
                "type": f"alert.{alert['state']}", "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "data": {**data, "link": f"{page}?{view}", "about": _ABOUT},
            }  # fmt: skip
            bodies.append({"notification_id": name, "body": json.dumps(body)})
    return (
        pl.DataFrame(told, schema=NOTIFICATIONS.schema, orient="row"),
        pl.DataFrame(bodies, schema=OUTBOX.schema, orient="row"),
    )


def with_reasons(due: pl.DataFrame, alerts: pl.DataFrame, shifts: pl.DataFrame) -> pl.DataFrame:
    """Rows of `outbox`: the bodies of what was not tried yet and tells of a firing alert, with `why` in their data.

    due: notifications with `body`; alerts: latest rows; shifts: newest rows of `term_shifts`. `why` holds the days
    compared, change, mix and rate, and the largest terms with their contributions; where the shift of the
    alert's days is not published, the body stays as it is.
    """
    days = pl.concat_str(pl.col("first", "last").cast(pl.String), separator="/").alias("period")
    on = ["marker", "population", "unit", "period"]
    firing = held_days(alerts.filter(pl.col("state") == "firing")).select("alert_id", *on[:3], days)
    untold = due.filter(pl.col("attempts") == 0, pl.col("state") == "firing")
    told = []
    for row in untold.join(firing, on="alert_id").iter_rows(named=True):
        if (shift := shifts.filter(pl.col(name) == row[name] for name in on)).height:
            body = json.loads(row["body"])
            body["data"]["why"] = _why(shift)
            told.append({"notification_id": row["notification_id"], "body": json.dumps(body)})
    return pl.DataFrame(told, schema=OUTBOX.schema, orient="row")


def _why(shift: pl.DataFrame) -> dict[str, Any]:
    """One shift in brief: the whole, and its largest named terms."""
    whole = ("period", "reference", "change", "change_lo", "change_hi", "mix", "rate", "change_top_account_share")
    of_term = ("term", "contribution", "lo", "hi", "n_authors", "top_account_share")
    named = shift.filter(pl.col("term") != OTHER).sort(pl.col("contribution").abs(), "term", descending=[True, False])
    return {**shift.select(whole).row(0, named=True), "terms": named.head(_TERMS_TOLD).select(of_term).to_dicts()}
