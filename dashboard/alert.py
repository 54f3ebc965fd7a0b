"""One alert in full: what it rests on, why it moved, what may be done about it, and what became of it."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from barograph import alerts as alerting
from barograph import episode, line, wording
from barograph.alerts import words
from barograph.store import Snapshot
from dashboard import asking, figures, selection

_TITLES = {
    "state": "State", "muted": "Nobody is told", "line": "Line", "value": "Value", "threshold": "Threshold",
    "why": "Why it moved", "events": "Events near it", "parts": "Its parts",
    "record": "Record of its rule", "verdicts": "Verdicts", "history": "History", "told": "Who was told",
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
    st.page_link(page, label="All alerts", icon=":material/arrow_back:")
    st.header(wording.plain(f"{wording.label(alert['marker'])} in {alert['population']}"), anchor=False)
    st.markdown(wording.plain(f"{words.found(alert)} · {alert['rule']}"))
    for said in waiting:
        st.info(f"**Waiting for the monitor.** {wording.plain(said.capitalize())}.", icon=":material/hourglass_top:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.html(_facts(words.sections(alert, episode.facts(snapshot, alert, muted, ""), [])))
    with right:
        asking.about(alert)
        st.caption(f"Alert {alert['alert_id']}")
    st.subheader("The line", anchor=False)
    mine = line.read(snapshot, alert["marker"], alert["population"], alert["unit"], alert["method"])
    figures.timeline(mine, figures.in_range(mine, _DAYS))
    st.page_link(
        selection.PAGE, label="See all of it", query_params=selection.link(alert), icon=":material/show_chart:"
    )


def _facts(sections: list[tuple[str, list[str]]]) -> str:
    """Headings with their lines, as terms and what is said of them."""
    told = [(_TITLES[name], lines) for name, lines in sections if name in _TITLES and lines]
    cells = "".join(
        f"<dt>{title}</dt><dd>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</dd>" for title, lines in told
    )
    return f"{_STYLE}<dl class='facts' style='padding:0'>{cells}</dl>"
