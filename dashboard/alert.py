"""One alert in full: what it rests on, why it moved, what may be done about it, and what became of it."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from barograph import alerts as alerting
from barograph import episode, line, sentences, wording
from barograph.alerts import words
from barograph.language import gettext as _
from barograph.language import noted
from barograph.store import Snapshot
from dashboard import asking, figures, moved, selection

_TITLES = {
    "state": noted("State"), "muted": noted("Nobody is told"), "line": noted("Line"), "value": noted("Value"),
    "threshold": noted("Threshold"), "why": noted("Why it moved"), "events": noted("Events near it"),
    "parts": noted("Its parts"), "record": noted("Record of its rule"), "verdicts": noted("Verdicts"),
    "history": noted("History"), "told": noted("Who was told"),
}  # fmt: skip
"""What is said in words, in this order; the forecast is drawn."""
_STYLE = """<style>
.facts {display:grid; grid-template-columns:minmax(7rem,9.5rem) 1fr; gap:.55rem 1rem; margin:0}
.facts dt {opacity:.72; font-size:.875rem}
.facts dd {margin:0; overflow-wrap:anywhere}
.facts dd p {margin:0 0 .2rem}
@media (max-width:40rem) {.facts {grid-template-columns:1fr; gap:.1rem} .facts dd {margin-bottom:.6rem}}
</style>"""
_DAYS = "90"


def whole(
    snapshot: Snapshot, alert: dict[str, Any], muted: Mapping[str, alerting.Mute], waiting: list[str], page: str
) -> None:
    """All that is known of one alert, and the commands that may be given."""
    st.page_link(page, label=_("All alerts"), icon=":material/arrow_back:")
    st.header(
        wording.plain(
            _("{marker} in {population}").format(marker=wording.label(alert["marker"]), population=alert["population"])
        ),
        anchor=False,
    )
    st.markdown(wording.plain(f"{sentences.evidence(alert)} · {alert['rule']}"))
    for said in waiting:
        st.info(
            f"**{_('Waiting for the monitor.')}** {wording.plain(said.capitalize())}.", icon=":material/hourglass_top:"
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        known = episode.facts(snapshot, alert, muted, "")
        st.html(_facts(words.sections(alert, known, [])))
        if known["why"]:
            moved.link(alert, known["why"]["period"])
    with right:
        asking.about(alert)
        st.caption(_("Alert {alert}").format(alert=alert["alert_id"]))
    st.subheader(_("The line"), anchor=False)
    mine = line.read(snapshot, alert["marker"], alert["population"], alert["unit"], alert["method"])
    figures.timeline(mine, figures.in_range(mine, _DAYS))
    st.page_link(
        selection.PAGE, label=_("See all of it"), query_params=selection.link(alert), icon=":material/show_chart:"
    )


def _facts(sections: list[tuple[str, list[str]]]) -> str:
    """Headings with their lines, as terms and what is said of them."""
    told = [(_(_TITLES[name]), lines) for name, lines in sections if name in _TITLES and lines]
    cells = "".join(
        f"<dt>{title}</dt><dd>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</dd>" for title, lines in told
    )
    return f"{_STYLE}<dl class='facts' style='padding:0'>{cells}</dl>"
