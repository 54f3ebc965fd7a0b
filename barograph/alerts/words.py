"""An alert in words, for a terminal and for a page: plain text, no markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from barograph import wording
from barograph.alerts.message import derivation
from barograph.language import gettext as _
from barograph.language import ngettext
from barograph.stored import stored


def describe(alert: Mapping[str, Any]) -> str:
    """One alert in a line."""
    return f"{alert['population']} · {alert['marker']}: {found(alert)} [{alert['rule']}]"


def found(alert: Mapping[str, Any]) -> str:
    """What was found on its line, as a clause."""
    if alert["state"] in ("nodata", "stale", "censored"):
        return stored(alert["reason"])
    limit = _("its threshold") if alert["threshold"] is None else _percent(alert["threshold"])
    if alert["p_high"] is not None:
        return _("likely above {threshold} on {day} (P = {chance})").format(
            threshold=limit, day=alert["target"], chance=wording.written(f"{alert['p_high']:.2f}")
        )
    if alert["value"] is None:
        return _("no value on {day}").format(day=alert["target"])
    if not alert["days"]:
        return _("{value} on {day}, threshold {threshold}").format(
            value=_percent(alert["value"]), day=alert["target"], threshold=limit
        )
    return _("{value} on {day}, {side} {threshold} for {days}").format(
        value=_percent(alert["value"]), day=alert["target"], threshold=limit, days=_days(alert["days"]),
        side=wording.side(alert["value"], alert["threshold"]),
    )  # fmt: skip


def sections(alert: Mapping[str, Any], facts: Mapping[str, Any], asked: Sequence[str]) -> list[tuple[str, list[str]]]:
    """All that is known of one alert: headings, each with its lines.

    facts: as `episode.facts` returns them. asked: what waits in the queue for it.
    """
    since = _("{state} since {moment}: {reason}").format(
        state=stored(alert["state"]), moment=wording.moment(alert["issue"]), reason=stored(alert["reason"])
    )
    line = _("{marker} in {population}, by {unit}, method {method}").format(
        marker=alert["marker"],
        population=alert["population"],
        unit=stored(alert["unit"]),
        method=stored(alert["method"]),
    )
    parts = _("{populations} fire too, and are told as this alert").format(populations=", ".join(facts["parts"]))
    return [
        ("alert", [f"{alert['alert_id']}: {describe(alert)}"]),
        ("state", [since, *asked]),
        ("muted", [facts["muted"]] if facts["muted"] and alert["state"] != "resolved" else []),
        ("line", [line]),
        ("value", _value(alert)),
        ("threshold", _threshold(alert, facts)),
        ("forecast", [_day(day) for day in facts["forecast"]]),
        ("why", _why(facts["why"])),
        ("events", [_event(event) for event in facts["events"]]),
        ("parts", [parts] if facts["parts"] else []),
        ("record", [card(row) for row in facts["skill_card"]] or [_("none yet: its rule is too young")]),
        ("verdicts", [_verdict(row) for row in facts["dispositions"]]),
        ("history", [f"{row['issue']:%Y-%m-%d %H:%M} {stored(row['state'])}: {stored(row['reason'])}"
                     for row in facts["history"]]),
        ("told", [_told(row) for row in facts["told"]] or [_("nobody")]),
        ("page", [facts["link"]]),
    ]  # fmt: skip


def _value(alert: Mapping[str, Any]) -> list[str]:
    if alert["value"] is None:
        return [_("none")]
    behind = _("{posts} of {authors}").format(
        posts=wording.count(alert["n_posts"] or 0, "posts"), authors=wording.count(alert["n_authors"] or 0, "authors")
    )
    value, day = _percent(alert["value"]), alert["target"]
    if alert["p_high"] is not None:
        expected = _("{value} expected on {day}; the last closed day had {behind}")
        return [expected.format(value=value, day=day, behind=behind)]
    if alert["lo"] is None:
        return [_("{value} on {day}, {behind}").format(value=value, day=day, behind=behind)]
    return [
        _("{value} (95 %: {low} to {high}) on {day}, {behind}").format(
            value=value, low=_percent(alert["lo"]), high=_percent(alert["hi"]), day=day, behind=behind
        )
    ]


def _threshold(alert: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    rung = _("; rung {rung}").format(rung=facts["rung"]) if facts["rung"] else ""
    limit = f"{_percent(alert['threshold'])}, " if alert["threshold"] is not None else ""
    return [f"{limit}{stored(derivation(alert))}{rung}"]


def _day(day: Mapping[str, Any]) -> str:
    high = "" if day["p_high"] is None else ", P(high) " + wording.written(f"{day['p_high']:.2f}")
    return (
        _("{day} {value} (95 %: {low} to {high})").format(
            day=day["target"], value=_percent(day["mean"]), low=_percent(day["lo"]), high=_percent(day["hi"])
        )
        + high
    )


def _why(why: Mapping[str, Any] | None) -> list[str]:
    if why is None:
        return [_("not known: no word shift of these days is published")]
    whole = _("{change} over {period} against {reference}").format(
        change=_points(why["change"]), period=why["period"], reference=why["reference"]
    )
    if why["mix"] is not None:
        whole += _(", of which who posts {mix}, what they say {rate}").format(
            mix=_points(why["mix"]), rate=_points(why["rate"])
        )
    if (top := why["change_top_account_share"]) is not None:
        whole += _("; largest account: {share}").format(share=wording.at_most(top))
    return [whole, *(f"{_points(term['contribution'])} {term['term']}" for term in why["terms"])]


def _event(event: Mapping[str, Any]) -> str:
    return _("{name} ({kind}), {first} to {last}").format(
        name=event["name"], kind=stored(event["kind"]), first=event["starts_on"], last=event["ends_on"]
    )


def card(row: Mapping[str, Any]) -> str:
    """How a rule has done on one basis: a row of `skill_cards`."""
    return _by_people(row) if row["basis"] == "dispositions" else _by_series(row)


def _by_people(row: Mapping[str, Any]) -> str:
    if not row["n_judged"]:
        none = _("people: no verdict yet on its {alerts}; `barograph alerts dispose` gives one")
        return none.format(alerts=wording.count(row["n_alerts"], "alerts"))
    right = _("people: right {n} of {judged} ({precision}), {false} false alarms a week{lead}; {unclear} unclear")
    return right.format(
        n=row["n_true"], judged=row["n_judged"], precision=_percent(row["precision"]), unclear=row["n_unclear"],
        false=wording.written(f"{row['false_alarms_per_week']:.2f}"), lead=_lead(row["lead_days"]),
    )  # fmt: skip


def _by_series(row: Mapping[str, Any]) -> str:
    if not row["n_judged"] and not row["n_periods"]:
        return _("series: nothing to judge it by yet ({period})").format(period=row["period"])
    right = _("none of its alerts can be judged yet")
    if row["n_judged"]:
        followed = _(
            "high prevalence followed {n} of {judged} alerts ({precision}; any day: {chance}), {false} false alarms "
            "a week"
        )
        right = followed.format(
            n=row["n_true"], judged=row["n_judged"], precision=_percent(row["precision"]),
            chance=_percent(row["chance_precision"]), false=wording.written(f"{row['false_alarms_per_week']:.2f}"),
        )  # fmt: skip
    found = ""
    if row["n_periods"]:
        found = _("; found {recall} of {periods} periods (by chance: {chance}){lead}").format(
            recall=_percent(row["recall"]), periods=row["n_periods"], chance=_percent(row["chance_recall"]),
            lead=_lead(row["lead_days"]),
        )  # fmt: skip
    return _("series: {right}{found}; {lines} lines, {period}").format(
        right=right, found=found, lines=row["n_lines"], period=row["period"]
    )


def _lead(days: float | None) -> str:
    if days is None:
        return ""
    said = _(", {days} days before they began (median)") if days >= 0 else _(", {days} days after they began (median)")
    return said.format(days=wording.written(f"{abs(days):g}"))


def _verdict(row: Mapping[str, Any]) -> str:
    given = _("{verdict} by {role} on {moment}").format(
        verdict=stored(row["verdict"]), role=row["created_by"], moment=wording.moment(row["decided_at"])
    )
    return given + (_(", which began on {day}").format(day=row["began_on"]) if row["began_on"] else "")


def _told(row: Mapping[str, Any]) -> str:
    told = _("{receiver}: {state}, {status} after {attempts}").format(
        receiver=row["receiver"], state=stored(row["state"]), status=stored(row["status"]),
        attempts=wording.count(row["attempts"], "attempts"),
    )  # fmt: skip
    return told + (_(", last answer {result}").format(result=row["last_result"]) if row["last_result"] else "")


def _percent(share: float) -> str:
    return wording.written(f"{share:.1%}")


def _points(difference: float) -> str:
    return wording.written(f"{100 * difference:+.1f}") + f" {_('points')}"


def _days(n: int) -> str:
    return ngettext("{n} day", "{n} days", n).format(n=n)
