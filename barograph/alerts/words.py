"""An alert in words, for a terminal and for a page: plain text, no markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from barograph import wording
from barograph.alerts.message import derivation


def describe(alert: Mapping[str, Any]) -> str:
    """One alert in a line."""
    return f"{alert['population']} · {alert['marker']}: {found(alert)} [{alert['rule']}]"


def found(alert: Mapping[str, Any]) -> str:
    """What was found on its line, as a clause."""
    if alert["state"] in ("nodata", "stale", "censored"):
        return str(alert["reason"])
    limit = "its threshold" if alert["threshold"] is None else f"{alert['threshold']:.1%}"
    if alert["p_high"] is not None:
        return f"likely above {limit} on {alert['target']} (P = {alert['p_high']:.2f})"
    if alert["value"] is None:
        return f"no value on {alert['target']}"
    if not alert["days"]:
        return f"{alert['value']:.1%} on {alert['target']}, threshold {limit}"
    side = wording.side(alert["value"], alert["threshold"])
    return f"{alert['value']:.1%} on {alert['target']}, {side} {limit} for {_days(alert['days'])}"


def sections(alert: Mapping[str, Any], facts: Mapping[str, Any], asked: Sequence[str]) -> list[tuple[str, list[str]]]:
    """All that is known of one alert: headings, each with its lines.

    facts: as `episode.facts` returns them. asked: what waits in the queue for it.
    """
    return [
        ("alert", [f"{alert['alert_id']}: {describe(alert)}"]),
        ("state", [f"{alert['state']} since {wording.moment(alert['issue'])}: {alert['reason']}", *asked]),
        ("muted", [facts["muted"]] if facts["muted"] and alert["state"] != "resolved" else []),
        ("line", [f"{alert['marker']} in {alert['population']}, by {alert['unit']}, method {alert['method']}"]),
        ("value", _value(alert)),
        ("threshold", _threshold(alert, facts)),
        ("forecast", [_day(day) for day in facts["forecast"]]),
        ("why", _why(facts["why"])),
        ("events", [f"{e['name']} ({e['kind']}), {e['starts_on']} to {e['ends_on']}" for e in facts["events"]]),
        ("parts", [f"{', '.join(facts['parts'])} fire too, and are told as this alert"] if facts["parts"] else []),
        ("record", [card(row) for row in facts["skill_card"]] or ["none yet: its rule is too young"]),
        ("verdicts", [_verdict(row) for row in facts["dispositions"]]),
        ("history", [f"{row['issue']:%Y-%m-%d %H:%M} {row['state']}: {row['reason']}" for row in facts["history"]]),
        ("told", [_told(row) for row in facts["told"]] or ["nobody"]),
        ("page", [facts["link"]]),
    ]


def _value(alert: Mapping[str, Any]) -> list[str]:
    if alert["value"] is None:
        return ["none"]
    behind = f"{wording.count(alert['n_posts'] or 0, 'posts')} of {wording.count(alert['n_authors'] or 0, 'authors')}"
    if alert["p_high"] is not None:
        return [f"{_percent(alert['value'])} expected on {alert['target']}; the last closed day had {behind}"]
    bounds = f" (95 %: {_percent(alert['lo'])} to {_percent(alert['hi'])})" if alert["lo"] is not None else ""
    return [f"{_percent(alert['value'])}{bounds} on {alert['target']}, {behind}"]


def _threshold(alert: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    rung = f"; rung {facts['rung']}" if facts["rung"] else ""
    limit = f"{_percent(alert['threshold'])}, " if alert["threshold"] is not None else ""
    return [f"{limit}{derivation(alert)}{rung}"]


def _day(day: Mapping[str, Any]) -> str:
    high = "" if day["p_high"] is None else f", P(high) {day['p_high']:.2f}"
    return f"{day['target']} {_percent(day['mean'])} (95 %: {_percent(day['lo'])} to {_percent(day['hi'])}){high}"


def _why(why: Mapping[str, Any] | None) -> list[str]:
    if why is None:
        return ["not known: no word shift of these days is published"]
    largest = "" if (top := why["change_top_account_share"]) is None else f"; largest account: {wording.at_most(top)}"
    parts = (
        ""
        if why["mix"] is None
        else f", of which who posts {_points(why['mix'])}, what they say {_points(why['rate'])}"
    )
    whole = f"{_points(why['change'])} over {why['period']} against {why['reference']}{parts}{largest}"
    return [whole, *(f"{_points(term['contribution'])} {term['term']}" for term in why["terms"])]


def card(row: Mapping[str, Any]) -> str:
    """How a rule has done on one basis: a row of `skill_cards`."""
    if row["basis"] == "dispositions":
        if not row["n_judged"]:
            alerts = wording.count(row["n_alerts"], "alerts")
            return f"people: no verdict yet on its {alerts}; `barograph alerts dispose` gives one"
        lead = _lead(row["lead_days"])
        return (
            f"people: right {row['n_true']} of {row['n_judged']} ({_percent(row['precision'])}), "
            f"{row['false_alarms_per_week']:.2f} false alarms a week{lead}; {row['n_unclear']} unclear"
        )
    if not row["n_judged"] and not row["n_periods"]:
        return f"series: nothing to judge it by yet ({row['period']})"
    right = "none of its alerts can be judged yet"
    if row["n_judged"]:
        right = (
            f"high prevalence followed {row['n_true']} of {row['n_judged']} alerts ({_percent(row['precision'])}; "
            f"any day: {_percent(row['chance_precision'])}), {row['false_alarms_per_week']:.2f} false alarms a week"
        )
    found = ""
    if row["n_periods"]:
        lead = _lead(row["lead_days"])
        found = (
            f"; found {_percent(row['recall'])} of {row['n_periods']} periods (by chance: "
            f"{_percent(row['chance_recall'])}){lead}"
        )
    return f"series: {right}{found}; {row['n_lines']} lines, {row['period']}"


def _lead(days: float | None) -> str:
    if days is None:
        return ""
    return f", {abs(days):g} days {'before' if days >= 0 else 'after'} they began (median)"


def _verdict(row: Mapping[str, Any]) -> str:
    began = f", which began on {row['began_on']}" if row["began_on"] else ""
    return f"{row['verdict']} by {row['created_by']} on {wording.moment(row['decided_at'])}{began}"


def _told(row: Mapping[str, Any]) -> str:
    result = f", last answer {row['last_result']}" if row["last_result"] else ""
    return (
        f"{row['receiver']}: {row['state']}, {row['status']} after {wording.count(row['attempts'], 'attempts')}{result}"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"


def _days(n: int) -> str:
    return f"{n} day" if n == 1 else f"{n} days"
