"""What the chosen line is, and the four things an analyst asks of it first."""

import re
from html import escape
from typing import Any

import streamlit as st

from barograph import charts, sentences, wording
from barograph.language import gettext as _
from barograph.line import BASELINE_DAYS, Line
from barograph.stored import stored
from dashboard import panels

# Not st.metric, which cuts off what does not fit: here a number wraps and keeps its interval.
STYLE = f"""<style>
.headline {{display:grid; gap:.75rem; margin:0}}
.headline {{grid-template-columns:repeat(auto-fit,minmax(10rem,1fr))}}
.headline div {{border:1px solid rgba(128,140,155,.35); border-radius:.4rem; padding:.65rem .85rem}}
.headline div.firing {{border-left:.35rem solid {charts.THRESHOLD}}}
.headline div.pending, .headline div.acknowledged {{border-left:.35rem solid {charts.HIGH}}}
.headline div.blind {{border-style:dashed}}
.headline dt, .headline dd {{margin:0; font-size:.82rem; font-weight:400; opacity:.8}}
.headline dt + dd {{font-size:1.4rem; font-weight:600; line-height:1.35; opacity:1}}
.headline div.blind dt + dd {{opacity:.65}}
.headline span {{white-space:nowrap}}
</style>"""


def headline(line: Line, run: dict[str, Any] | None) -> None:
    """Heading, warnings that concern this line alone, and the four cells."""
    key, who = line.key, wording.plain(line.key["population"])
    st.header(wording.plain(sentences.expressed(key["marker"], key["population"])), anchor=False)
    st.caption(f"{_(wording.UNITS[key['unit']])} · {_method(line)}")
    closed = line.last_closed
    if closed and (late := panels.days_late(closed["time_value"], run)):
        panels.stale(closed["time_value"], late, who)
    if closed and not line.last_known:
        reasons = ", ".join(stored(reason) for reason in sorted(set(line.series["missing_reason"].drop_nulls())))
        panels.empty(
            _("No day of {population} has a value").format(population=who),
            _("Reason: {reasons}. Small groups are not shown, so that no person can be made out.").format(
                reasons=wording.plain(reasons)
            ),
        )
    cells = "".join(one(line) for one in (_level, _change, _ahead, _alert))
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{cells}</dl>")


def _method(line: Line) -> str:
    """How the posts were read, and whose reading the values follow."""
    label, method = line.series["label_source"].drop_nulls(), line.key["method"]
    if not label.len():
        said = _("method: {method} ({how})")
    elif method == "calibrated":
        said = _("method: {method}, fitted on {source} ({how})")
    else:
        said = _("method: {method}, {source} ({how})")
    source = wording.plain(label[-1]) if label.len() else ""
    return said.format(method=_(method), source=source, how=_(wording.METHODS[method]))


def cell(name: str, value: str, below: str, look: str = "calm") -> str:
    """A term, its value and what it rests on. look: an alert's state; `blind` where nothing can be seen."""
    whole = re.sub(r"(\(.*\))", r"<span>\1</span>", escape(value))  # an interval is never broken in two
    return f"<div class='{look}'><dt>{escape(name)}</dt><dd>{whole}</dd><dd>{escape(below)}</dd></div>"


def _level(line: Line) -> str:
    closed, known = line.last_closed, line.last_known
    if closed is None:
        return cell(_("Latest closed day"), _("None yet"), _("the first day has not closed"), "blind")
    name = _("Latest closed day, {day}").format(day=wording.day(closed["time_value"]))
    if closed["prevalence"] is None:
        below = stored(str(closed["missing_reason"]))
        if known:
            below = _("{reason}; last value {value} on {day}").format(
                reason=below, value=wording.level(known["prevalence"], line.kind),
                day=wording.weekday(known["time_value"]),
            )  # fmt: skip
        return cell(name, _("No value"), below, "blind")
    value = wording.interval(closed["prevalence"], closed["lo"], closed["hi"], line.kind)
    below = _("95 % interval; {authors}, {posts}").format(
        authors=wording.count(closed["n_authors"], "authors"), posts=wording.count(closed["n_posts"], "posts")
    )
    return cell(name, value, below)


def _change(line: Line) -> str:
    name = _("Against the {n} closed days before").format(n=BASELINE_DAYS)
    known, baseline = line.last_known, line.baseline
    if known is None or baseline is None:
        return cell(name, _("Unknown"), _("fewer than 7 known days to compare with"), "blind")
    median, n = baseline
    said = _("their median: {median}") if n == BASELINE_DAYS else _("their median of {n} known days: {median}")
    difference = wording.change(known["prevalence"] - median, line.kind)
    return cell(name, difference, said.format(n=n, median=wording.level(median, line.kind)))


def _ahead(line: Line) -> str:
    name = _("Highest P(high) ahead")
    if not line.forecasts.height:
        return cell(name, _("No forecast"), _("no value in the last 7 closed days"), "blind")
    first = line.forecasts.row(0, named=True)
    plainer = f"; {wording.model(first['model'])}: {stored(first['fallback'])}" if first["fallback"] else ""
    if (likeliest := line.likeliest_high) is None:
        below = _("fewer than 28 known days of 84")
        return cell(name, _("No threshold"), f"{below}{plainer}", "blind")
    below = _("of exceeding {threshold} on {day}").format(
        threshold=wording.level(likeliest["threshold"], line.kind), day=wording.weekday(likeliest["target"])
    )
    return cell(name, wording.chance(likeliest["p_high"]), f"{below}{plainer}")


def _alert(line: Line) -> str:
    name = _("Alert")
    if row := line.alert:
        below = _("{rule}, since {day}").format(rule=row["rule"], day=wording.weekday(row["started_on"]))
        return cell(name, stored(row["state"]).capitalize(), below, row["state"])
    if (closed := line.last_closed) is None or closed["prevalence"] is None:
        return cell(name, _("Cannot be tested"), _("no value on the latest closed day"), "blind")
    return cell(name, _("None open"), _("no rule holds on this line"))
