"""A run, an alert and the record of forecasts, in words for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from barograph.alerts.words import describe, sections
from barograph.record import Record

_TAKEN_BACK = {
    "changed": "posts edited", "removed": "posts deleted", "kept_out": "told of again after they were deleted",
}  # fmt: skip
"""What a run counts of what sources took back → its words."""


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
        f"read        {n['read']:,} rows up to {done['now']:%Y-%m-%d %H:%M} UTC in {seconds:.1f} s",
        f"kept        {n['new']:,} new, {n['duplicate']:,} duplicate, {n['conflicting']:,} conflicting",
    ]
    if told := [f"{n[what]:,} {words}" for what, words in _TAKEN_BACK.items() if n.get(what)]:
        lines.append(f"taken back  {', '.join(told)}")
    lines += [
        f"waiting     nothing has landed from {name} yet: `barograph stream {name}` or `barograph up` reads it"
        for name in done.get("unlanded", ())
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
    if done.get("unlabelled"):
        lines.append(f"unlabelled  not all annotators could be asked: {done['unlabelled']}; the next run tries again")
    if done["unexplained"]:
        lines.append(f"unexplained nothing says why markers moved: {done['unexplained']}; the next run tries again")
    lines.append(f"snapshot    {done['home']}/published/{done['snapshot']}")
    return "\n".join(lines)


def line(done: Mapping[str, Any]) -> str:
    """The same in a line."""
    new, firing = done["counts"].get("new", 0), len(done["firing"])
    left = [what for what in ("unlabelled", "unexplained") if done.get(what)]
    return "; ".join([f"new posts: {new:,}", f"alerts firing: {firing}", *left, f"snapshot {done['snapshot']}"])


def shown(alert: Mapping[str, Any], facts: Mapping[str, Any], asked: Sequence[str]) -> str:
    """All that is known of one alert, as `alerts.words.sections` puts it."""
    return "\n".join(
        f"{name if n == 0 else '':<11} {line}"
        for name, lines in sections(alert, facts, asked)
        for n, line in enumerate(lines)
    )
