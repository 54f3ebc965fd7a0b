"""What the chosen line is, and the four things an analyst asks of it first."""

import re
from html import escape
from typing import Any

import streamlit as st

from barograph import charts, wording
from barograph.language import gettext as _
from barograph.line import BASELINE_DAYS, Line
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
    st.header(f"{wording.plain(wording.label(key['marker']))} expressed in {who}", anchor=False)
    label = line.series["label_source"].drop_nulls()
    method, source = key["method"], wording.plain(label[-1]) if label.len() else ""
    read_by = f", fitted on {source}" if method == "calibrated" else f", {source}"
    how = f"method: {method}{read_by if source else ''} ({_(wording.METHODS[method])})"
    st.caption(f"{_(wording.UNITS[key['unit']])} · {how}")
    closed = line.last_closed
    if closed and (late := panels.days_late(closed["time_value"], run)):
        panels.stale(f"The latest closed day of {who} is", closed["time_value"], late)
    if closed and not line.last_known:
        reasons = wording.plain(", ".join(sorted(set(line.series["missing_reason"].drop_nulls()))))
        panels.empty(
            f"No day of {who} has a value",
            f"Reason: {reasons}. Small groups are not shown, so that no person can be made out.",
        )
    cells = "".join(one(line) for one in (_level, _change, _ahead, _alert))
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{cells}</dl>")


def cell(name: str, value: str, below: str, look: str = "calm") -> str:
    """A term, its value and what it rests on. look: an alert's state; `blind` where nothing can be seen."""
    whole = re.sub(r"(\(.*\))", r"<span>\1</span>", escape(value))  # an interval is never broken in two
    return f"<div class='{look}'><dt>{escape(name)}</dt><dd>{whole}</dd><dd>{escape(below)}</dd></div>"


def _level(line: Line) -> str:
    closed, known = line.last_closed, line.last_known
    if closed is None:
        return cell("Latest closed day", "None yet", "the first day has not closed", "blind")
    name = f"Latest closed day, {wording.day(closed['time_value'])}"
    if closed["prevalence"] is None:
        below = str(closed["missing_reason"])
        if known:
            value = wording.level(known["prevalence"], line.kind)
            below += f"; last value {value} on {wording.weekday(known['time_value'])}"
        return cell(name, "No value", below, "blind")
    authors = wording.count(closed["n_authors"], "authors")
    posts = wording.count(closed["n_posts"], "posts")
    value = wording.interval(closed["prevalence"], closed["lo"], closed["hi"], line.kind)
    return cell(name, value, f"95 % interval; {authors}, {posts}")


def _change(line: Line) -> str:
    name = f"Against the {BASELINE_DAYS} closed days before"
    known, baseline = line.last_known, line.baseline
    if known is None or baseline is None:
        return cell(name, "Unknown", "fewer than 7 known days to compare with", "blind")
    median, n = baseline
    of = "" if n == BASELINE_DAYS else f" of {n} known days"
    difference = wording.change(known["prevalence"] - median, line.kind)
    return cell(name, difference, f"their median{of}: {wording.level(median, line.kind)}")


def _ahead(line: Line) -> str:
    name = "Highest P(high) ahead"
    if not line.forecasts.height:
        return cell(name, "No forecast", "no value in the last 7 closed days", "blind")
    first = line.forecasts.row(0, named=True)
    plainer = f"; {wording.model(first['model'])}: {first['fallback']}" if first["fallback"] else ""
    if (likeliest := line.likeliest_high) is None:
        return cell(name, "No threshold", f"fewer than 28 known days of 84{plainer}", "blind")
    limit = wording.level(likeliest["threshold"], line.kind)
    below = f"of exceeding {limit} on {wording.weekday(likeliest['target'])}{plainer}"
    return cell(name, wording.chance(likeliest["p_high"]), below)


def _alert(line: Line) -> str:
    if row := line.alert:
        below = f"{row['rule']}, since {wording.weekday(row['started_on'])}"
        return cell("Alert", row["state"].capitalize(), below, row["state"])
    if (closed := line.last_closed) is None or closed["prevalence"] is None:
        return cell("Alert", "Cannot be tested", "no value on the latest closed day", "blind")
    return cell("Alert", "None open", "no rule holds on this line")
