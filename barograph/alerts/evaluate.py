"""Evidence for every rule on every line, and the rows of `alerts` that follow from it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, get_args

import polars as pl

from barograph.alerts.decide import OPEN, Decision, Evidence, Heard, Order, Silence, decide, listen
from barograph.rules import watched
from barograph.settings import HIGH_PREVALENCE, SILENT_LINE, Rule
from barograph.tables import ALERTS, LINE

_SILENCES = get_args(Silence)
_WORDS = {"surprise": {"beyond": "outside its forecast", "back": "back within its forecast"}}
_OF_THE_LINE = ("observed", "forecast")
"""Rules whose threshold is a percentile of the line's own days; a detector's is not."""


def fingerprint(rule: str, line: Mapping[str, Any]) -> str:
    """The same for one rule on one line through all its episodes."""
    return hashlib.sha256("\n".join([rule, *(str(line[c]) for c in LINE)]).encode()).hexdigest()[:16]


def evaluate(
    rules: Sequence[Rule],
    series: pl.DataFrame,
    exceedances: pl.DataFrame,
    alerts: pl.DataFrame,
    *,
    now: datetime,
    orders: Mapping[str, Order] | None = None,
) -> pl.DataFrame:
    """What every rule decides on every line that it watches: new rows of `alerts`, `issue` = now.

    series: closed days, as `detect.closed_series` returns them. exceedances: all issues up to `now`; alerts:
    latest ones; orders: alert → what a person asked for it. Only the last closed day of a line decides; a line that
    has no value there is silent, and its alerts stay as they are. An exceedance with a `suspect_reason` is left out:
    where nothing is open it becomes a pending alert that says so.
    """
    orders = orders or {}
    lines = series.filter(pl.col("time_value") == pl.col("time_value").max().over(LINE))
    before = _last_states(alerts.filter(pl.col("rule") != SILENT_LINE))
    kept = exceedances.filter(pl.col("detector") == HIGH_PREVALENCE, pl.col("kind") == "observed")
    rows: list[dict[str, Any]] = []
    done: set[str] = set()
    for rule in rules:
        found = dict(exceedances.filter(pl.col("detector") == rule.name, pl.col("kind") == rule.when).group_by(LINE))
        for line in watched(lines, rule).sort(LINE).iter_rows(named=True):
            name, key = fingerprint(rule.name, line), tuple(line[c] for c in LINE)
            mine, was = found.get(key, exceedances.clear()), before.get(name)
            days = _Days(mine, line["time_value"], rule.when)
            evidence = Evidence(
                last=line["time_value"], days=days.held, needed=rule.days, clear=rule.clear_days,
                below=_below(series, line, days) if was and was["state"] in OPEN and not days.held else 0,
                silent=line["prevalence"] is None, suspect=days.suspect,
                keeps=rule.while_high and not kept.filter(_on(line), pl.col("target") == line["time_value"]).is_empty(),
                dealt_with=_dealt_with(was, days), **_WORDS.get(rule.when, {}),
                order=orders.get(was["alert_id"]) if was else None,
            )  # fmt: skip
            done.add(name)
            if decision := decide(was["state"] if was else None, evidence, now):
                rows.append(_row(rule, line, name, was, decision, days, now))
    rows += _left_over(before, done, {rule.name for rule in rules}, orders, now)
    return ALERTS.validate(pl.DataFrame(rows, schema=ALERTS.schema, orient="row"))


class _Days:
    """The days on which a rule held on a line that end with the last closed one, and the exceedance to show for it.

    A day holds where it is itself above the threshold, or where a forecast made from it is likely above.
    """

    def __init__(self, found: pl.DataFrame, last: date, when: str) -> None:
        made_on = pl.col("target") - pl.duration(days=pl.col("horizon")) if when == "forecast" else pl.col("target")
        made = found.with_columns(made_on.alias("made_on"))
        suspects = made.filter(pl.col("suspect_reason").is_not_null())
        sound = made.filter(pl.col("suspect_reason").is_null())
        self.last, self.on, self.held = last, set(sound["made_on"]), 0
        while last - timedelta(days=self.held) in self.on:
            self.held += 1
        today = sound if self.held else suspects
        rows = today.filter(pl.col("made_on") == last).sort("issue", "p_high", descending=True)
        self.shown: dict[str, Any] = rows.row(0, named=True) if rows.height else {}
        self.suspect = str(self.shown["suspect_reason"]) if self.shown and not self.held else None
        self.first = last - timedelta(days=max(self.held - 1, 0))


def _below(series: pl.DataFrame, line: Mapping[str, Any], days: _Days) -> int:
    """Closed days with a value, in a row, on which the rule did not hold, up to the last."""
    known = series.filter(_on(line), pl.col("prevalence").is_not_null())["time_value"].sort(descending=True)
    return next((n for n, day in enumerate(known) if day in days.on), known.len())


def _dealt_with(was: Mapping[str, Any] | None, days: _Days) -> bool:
    """Whether a person resolved an alert while these very days were going on."""
    return bool(was and was["state"] == "resolved" and was["moved_by"] and days.first <= was["target"])


def _row(
    rule: Rule, line: Mapping[str, Any], name: str, was: Mapping[str, Any] | None, decision: Decision, days: _Days,
    now: datetime,
) -> dict[str, Any]:  # fmt: skip
    was = was if was and was["state"] in OPEN else None
    started, shown = was["started_on"] if was else days.first, days.shown
    observed = rule.when != "forecast"
    return {
        "alert_id": was["alert_id"] if was else f"{name}-{started:%Y%m%d}",
        "fingerprint": name, "rule": rule.name, **{c: line[c] for c in LINE},
        "state": decision.state, "reason": decision.reason, "moved_by": decision.by,
        "target": shown.get("target", line["time_value"]), "value": shown.get("value", line["prevalence"]),
        "lo": line["lo"] if observed else None, "hi": line["hi"] if observed else None,
        "n_posts": line["n_posts"], "n_authors": line["n_authors"],
        "threshold": shown.get("threshold", was["threshold"] if was else None),
        "percentile": rule.percentile if rule.when in _OF_THE_LINE else None,
        "p_high": shown.get("p_high"), "level": shown.get("level"),
        "days": days.held, "started_on": started, "issue": now,
    }  # fmt: skip


def _left_over(
    before: Mapping[str, dict[str, Any]], done: set[str], rules: set[str], orders: Mapping[str, Order], now: datetime
) -> list[dict[str, Any]]:
    """Open alerts that no rule came to: of a rule that is gone, or of a line that is gone and a person speaks of."""
    rows = []
    for name, was in before.items():
        if was["state"] not in OPEN or name in done:
            continue
        evidence = Evidence(last=None, order=orders.get(was["alert_id"]))
        if was["rule"] not in rules:
            decision: Decision | None = Decision("resolved", "its rule is no longer there")
        else:
            decision = decide(was["state"], evidence, now)
        if decision:
            moved = {"state": decision.state, "reason": decision.reason, "moved_by": decision.by, "issue": now}
            rows.append({**was, **moved})
    return rows


def silent_lines(
    rules: Sequence[Rule],
    series: pl.DataFrame,
    alerts: pl.DataFrame,
    *,
    patience: int,
    now: datetime,
    orders: Mapping[str, Order] | None = None,
) -> pl.DataFrame:
    """Which watched lines have fallen silent or speak again: new rows of `alerts` of the rule `silent line`.

    series: closed days, and alerts: latest ones, as for `evaluate`. A line that never had a value cannot fall silent.
    patience: closed days in a row without a value that it takes. orders: as for `evaluate`; a silent line that somebody
    acknowledged keeps its state, which says how it is silent, and `moved_by` says who has seen it.
    """
    orders = orders or {}
    known = pl.col("prevalence").is_not_null()
    lines = pl.concat([series.clear(), *(watched(series, rule) for rule in rules)]).unique([*LINE, "time_value"])
    last = lines.sort("time_value").group_by(LINE).last()
    heard = last.join(
        lines.filter(known).group_by(LINE).agg(pl.col("time_value").max().alias("last_known")), on=LINE
    ).sort(LINE)
    before, rows = _last_states(alerts.filter(pl.col("rule") == SILENT_LINE)), []
    newest = series["time_value"].max()
    seen = set()
    for line in heard.iter_rows(named=True):
        name = fingerprint(SILENT_LINE, line)
        seen.add(name)
        was = before.get(name)
        state = was["state"] if was else None
        assert isinstance(newest, date), "a line has days"
        facts = Heard(newest, line["time_value"], line["last_known"], line["missing_reason"], patience)
        moved = listen(state if state in _SILENCES else "resolved" if state else None, facts, now)
        order = orders.get(was["alert_id"]) if was else None
        by, still = None, moved[0] if moved else state
        if was and order and order.what == "acknowledge" and still in _SILENCES and (moved or not was["moved_by"]):
            by = order.by
            moved = (str(still), f"acknowledged by {by}: {moved[1] if moved else was['reason']}")
        if moved:
            row = _silent_row(line, name, was, moved, (newest - line["last_known"]).days, now)
            rows.append({**row, "moved_by": by})
    for name, was in before.items():
        if name not in seen and was["state"] in _SILENCES:
            gone = {"state": "resolved", "reason": "no rule watches it now", "moved_by": None, "issue": now}
            rows.append({**was, **gone})
    return ALERTS.validate(pl.DataFrame(rows, schema=ALERTS.schema, orient="row"))


def _silent_row(
    line: Mapping[str, Any], name: str, was: Mapping[str, Any] | None, moved: tuple[str, str], days: int, now: datetime
) -> dict[str, Any]:
    was = was if was and was["state"] in _SILENCES else None
    started = was["started_on"] if was else line["last_known"] + timedelta(days=1)
    return {
        "alert_id": was["alert_id"] if was else f"{name}-{started:%Y%m%d}",
        "fingerprint": name, "rule": SILENT_LINE, **{c: line[c] for c in LINE}, "state": moved[0], "reason": moved[1],
        "target": line["time_value"], "value": line["prevalence"], "lo": line["lo"], "hi": line["hi"],
        "n_posts": line["n_posts"], "n_authors": line["n_authors"], "days": days, "started_on": started, "issue": now,
    }  # fmt: skip


def _last_states(alerts: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Fingerprint → its last row."""
    return {row["fingerprint"]: row for row in alerts.sort("issue", "started_on").iter_rows(named=True)}


def _on(line: Mapping[str, Any]) -> pl.Expr:
    return pl.all_horizontal([pl.col(c) == line[c] for c in LINE])
