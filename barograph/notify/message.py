"""What a notification says to a person: the body of the outbox in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Template
from typing import Any

from barograph import wording
from barograph.settings import Receiver

TITLE = "$state: $marker, $population"
"""Where a receiver has no title of its own."""
CUT = " … (cut)"
_LEAST_P = 0.0005
"""Changes that would read as ±0.0 points are not worth a word."""


@dataclass(frozen=True)
class Message:
    """A notification in words. None of it is markup; whoever shows it escapes it."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...]
    """Label and value, most telling first."""
    link: str
    about: str


def message_of(receiver: Receiver, body: Mapping[str, Any]) -> Message:
    """The words for one receiver. body: `type` and `data` as in the outbox; of `data` nothing is taken for granted."""
    data = body.get("data", {})
    words = placeholders(body)
    return Message(
        title=" ".join(Template(receiver.title or TITLE).substitute(words).split()),
        text=Template(receiver.text).substitute(words) if receiver.text else _text(data, words),
        facts=tuple((label, value) for label, value in _facts(data, words) if value),
        link=words["link"],
        about=str(data.get("about", "")),
    )


def placeholders(body: Mapping[str, Any]) -> dict[str, str]:
    """Every one of `PLACEHOLDERS` with what stands for it; empty where the body does not say."""
    data = body.get("data", {})
    named = {name: str(data.get(name) or "") for name in ("rule", "population", "unit", "method", "reason", "level")}
    words = named | {
        "state": str(data.get("state") or body.get("type", "").removeprefix("alert.")),
        "marker": wording.label(data["marker"]) if data.get("marker") else "",
        "target": _day(data.get("target")),
        "started": _day(data.get("started_on")),
        "value": _number(data.get("value"), lambda v: wording.interval(v, data.get("lo"), data.get("hi"))),
        "threshold": _number(data.get("threshold"), wording.level),
        "chance": _number(data.get("p_high"), wording.chance),
        "days": str(data["days"]) if data.get("days") is not None else "",
        "link": str(data.get("link") or ""),
    }
    return {name: value.replace("\N{NO-BREAK SPACE}", " ") for name, value in words.items()}


def cut(text: str, room: int) -> str:
    """At most `room` characters of it, and a word that there was more."""
    return text if len(text) <= room else text[: max(room - len(CUT), 0)] + CUT


def _text(data: Mapping[str, Any], words: Mapping[str, str]) -> str:
    state, value, threshold, target = (words[name] for name in ("state", "value", "threshold", "target"))
    why = words["reason"][:1].upper() + words["reason"][1:]
    if state not in ("firing", "acknowledged") or not threshold or not value:
        return f"{why}." if why else ""
    if data.get("p_high") is not None:
        return f"Likely above {threshold} on {target}: chance {words['chance']}, forecast {value}. {why}."
    side = wording.side(data.get("value"), data.get("threshold"))
    return f"{value} on {target}, {side} {threshold}. {why}."


def _facts(data: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str]]:
    facts = [
        ("Rule", words["rule"]),
        ("Value", words["value"]),
        ("Threshold", _threshold(data, words)),
        ("Since", words["started"]),
        ("Made of", _counts(data)),
        ("Read as", ", ".join(filter(None, (words["unit"], words["method"])))),
        *_moved(data.get("why") or {}),
        ("Events near it", "; ".join(str(event.get("name", "")) for event in data.get("events") or ())),
        ("The rule so far", "; ".join(filter(None, map(_record, data.get("skill_card") or ())))),
        ("Parts that are high too", ", ".join(map(str, data.get("parts") or ()))),
        ("Others", f"{data['n_others']} more in this notification" if data.get("n_others") else ""),
        ("Cut", "; ".join(data.get("truncated") or ())),
    ]
    return [(label, value.replace("\N{NO-BREAK SPACE}", " ")) for label, value in facts]


def _threshold(data: Mapping[str, Any], words: Mapping[str, str]) -> str:
    percentile = data.get("percentile")
    derived = data.get("derivation") or (f"{wording.ordinal(percentile)} percentile" if percentile is not None else "")
    rung = f"rung {data['rung']}" if data.get("rung") else ""
    how = "; ".join(filter(None, (derived, rung)))
    return words["threshold"] + (f" ({how})" if how else "") if words["threshold"] else ""


def _counts(data: Mapping[str, Any]) -> str:
    counts = [(data.get("n_posts"), "posts"), (data.get("n_authors"), "authors")]
    return " by ".join(wording.count(n, noun) for n, noun in counts if n is not None)


def _moved(why: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a word shift says in brief."""
    low, high = why.get("change_lo"), why.get("change_hi")
    terms = [f"{t['term']} {wording.change(t['contribution'])}" for t in why.get("terms") or () if _tells(t)]
    return [
        ("Changed", _number(why.get("change"), lambda v: wording.change_interval(v, low, high))),
        ("Words behind it", "; ".join(terms)),
        ("Largest account", _number(why.get("change_top_account_share"), wording.at_most)),
    ]


def _record(card: Mapping[str, Any]) -> str:
    """A skill card in brief: by whom or what it was judged, and how often the rule was right."""
    judged, right = card.get("n_judged"), card.get("n_true")
    if not judged or right is None:
        return ""
    weekly = _number(card.get("false_alarms_per_week"), lambda v: f", {v:.2f} false alarms a week")
    return f"right {right} of {judged} by {card.get('basis', 'record')}{weekly}"


def _tells(term: Mapping[str, Any]) -> bool:
    return abs(term.get("contribution") or 0) >= _LEAST_P and "term" in term


def _number(value: Any, said: Any) -> str:
    return said(value) if isinstance(value, int | float) else ""


def _day(value: Any) -> str:
    return wording.day(date.fromisoformat(value[:10])) if isinstance(value, str) and value else ""
