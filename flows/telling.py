"""A run, an alert and the record of forecasts, in words for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from barograph import wording
from barograph.alerts import derivation
from barograph.record import Record


def describe(alert: Mapping[str, Any]) -> str:
    """One alert in a line."""
    where = f"{alert['population']} · {alert['marker']}"
    if alert["state"] in ("nodata", "stale", "censored"):
        return f"{where}: {alert['reason']} [{alert['rule']}]"
    limit = "its threshold" if alert["threshold"] is None else f"{alert['threshold']:.1%}"
    if alert["p_high"] is not None:
        what = f"likely above {limit} on {alert['target']} (P = {alert['p_high']:.2f})"
    elif alert["value"] is None:
        what = f"no value on {alert['target']}"
    elif not alert["days"]:
        what = f"{alert['value']:.1%} on {alert['target']}, threshold {limit}"
    else:
        side = wording.side(alert["value"], alert["threshold"])
        what = f"{alert['value']:.1%} on {alert['target']}, {side} {limit} for {_days(alert['days'])}"
    return f"{where}: {what} [{alert['rule']}]"


def describe_record(record: Record) -> str:
    """How published forecasts have done, in a line."""
    days = "day" if record.days == 1 else "days"
    return f"of the {record.days} {days} to {record.last}: {record.words}"


def summary(done: dict[str, Any], took: timedelta) -> str:
    """What a run has done, for a person."""
    n = {
        **dict.fromkeys(("read", "new", "duplicate", "conflicting", "repost", "later", "quarantined"), 0),
        **done["counts"],
    }
    seconds = took.total_seconds()
    lines = [
        f"read        {n['read']:,} posts up to {done['now']:%Y-%m-%d %H:%M} UTC in {seconds:.1f} s",
        f"kept        {n['new']:,} new, {n['duplicate']:,} duplicate, {n['conflicting']:,} conflicting",
    ]
    if n["repost"] or n["later"]:
        lines.append(f"left out    {n['repost']:,} reposts, {n['later']:,} after --as-of")
    lines.append(f"quarantined {n['quarantined']:,}")
    lines += [
        f"            {count:,} × {reason}" for reason, count in sorted(done["reasons"].items(), key=lambda r: -r[1])
    ]
    lines.append(
        f"published   {done['days']:,} days × {done['populations']} populations × {done['markers']} markers"
        f" ({n['cells']:,} values new or changed, {n.get('forecasts', 0):,} forecasts)"
    )
    if done["censored"]:
        lines.append(f"censored    {done['censored']:,} of {done['rows']:,} values: too few known authors")
    if done["record"]:
        lines.append(f"forecasts   {describe_record(done['record'])}")
    lines += [f"annotated   {said}" for said in done.get("annotated", ())]
    if done["delivered"]:
        lines.append("notified    " + ", ".join(f"{count} {what}" for what, count in done["delivered"].items()))
    lines += [f"command     {said}" for said in done["commands"]]
    lines.append(f"alerts      {len(done['firing'])} firing")
    lines += [f"            {describe(alert)}" for alert in done["firing"]]
    if done["silent"]:
        lines.append(f"silent      {done['silent']} watched lines have no value lately: `barograph alerts list`")
    if done["unexplained"]:
        lines.append(f"unexplained nothing says why markers moved: {done['unexplained']}; the next run tries again")
    lines.append(f"snapshot    {done['home']}/published/{done['snapshot']}")
    return "\n".join(lines)


def _days(n: int) -> str:
    return f"{n} day" if n == 1 else f"{n} days"


def shown(alert: Mapping[str, Any], facts: Mapping[str, Any], asked: Sequence[str]) -> str:
    """All that is known of one alert. facts: what it carries, `muted`, `why`, `history`, `told`, `dispositions`."""
    lines = [
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
        ("record", [_card(card) for card in facts["skill_card"]] or ["none yet: its rule is too young"]),
        ("verdicts", [_verdict(row) for row in facts["dispositions"]]),
        ("history", [f"{row['issue']:%Y-%m-%d %H:%M} {row['state']}: {row['reason']}" for row in facts["history"]]),
        ("told", [_told(row) for row in facts["told"]] or ["nobody"]),
        ("page", [facts["link"]]),
    ]
    return "\n".join(
        f"{name if n == 0 else '':<11} {line}" for name, several in lines for n, line in enumerate(several)
    )


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


def _card(card: Mapping[str, Any]) -> str:
    if card["basis"] == "dispositions":
        if not card["n_judged"]:
            alerts = wording.count(card["n_alerts"], "alerts")
            return f"people: no verdict yet on its {alerts}; `barograph alerts dispose` gives one"
        lead = _lead(card["lead_days"])
        return (
            f"people: right {card['n_true']} of {card['n_judged']} ({_percent(card['precision'])}), "
            f"{card['false_alarms_per_week']:.2f} false alarms a week{lead}; {card['n_unclear']} unclear"
        )
    if not card["n_judged"] and not card["n_periods"]:
        return f"series: nothing to judge it by yet ({card['period']})"
    right = "none of its alerts can be judged yet"
    if card["n_judged"]:
        right = (
            f"high prevalence followed {card['n_true']} of {card['n_judged']} alerts ({_percent(card['precision'])}; "
            f"any day: {_percent(card['chance_precision'])}), {card['false_alarms_per_week']:.2f} false alarms a week"
        )
    found = ""
    if card["n_periods"]:
        lead = _lead(card["lead_days"])
        found = (
            f"; found {_percent(card['recall'])} of {card['n_periods']} periods (by chance: "
            f"{_percent(card['chance_recall'])}){lead}"
        )
    return f"series: {right}{found}; {card['n_lines']} lines, {card['period']}"


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
