"""One alert in full: what it rests on, why it moved, what may be done about it, and what became of it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from barograph import alerts as alerting
from barograph import episode, wording
from barograph.alerts import words
from barograph.store import Snapshot
from dashboard import asking, selection

_TITLES = {
    "state": "State", "muted": "Nobody is told", "line": "Line", "value": "Value", "threshold": "Threshold",
    "forecast": "Forecast", "why": "Why it moved", "events": "Events near it", "parts": "Its parts",
    "record": "Record of its rule", "verdicts": "Verdicts", "history": "History", "told": "Who was told",
}  # fmt: skip


def whole(
    snapshot: Snapshot, alert: dict[str, Any], muted: Mapping[str, alerting.Mute], waiting: list[str], page: str
) -> None:
    """All that is known of one alert, and the commands that may be given."""
    st.page_link(page, label="All alerts", icon=":material/arrow_back:")
    st.header(wording.plain(f"{wording.label(alert['marker'])} in {alert['population']}"), anchor=False)
    st.markdown(f"**{wording.plain(alert['rule'])}** :gray[· {wording.plain(words.describe(alert))}]")
    st.page_link(
        selection.PAGE, label="See the line over time", query_params=selection.link(alert),
        icon=":material/show_chart:",
    )  # fmt: skip
    for said in waiting:
        st.info(f"**Waiting for the monitor.** {wording.plain(said.capitalize())}.", icon=":material/hourglass_top:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        for name, lines in words.sections(alert, episode.facts(snapshot, alert, muted, ""), []):
            if name in _TITLES and lines:
                st.markdown(f"**{_TITLES[name]}**")
                st.markdown("\n".join(f"- {wording.plain(line)}" for line in lines))
    with right:
        asking.about(alert)
        st.caption(f"Alert {alert['alert_id']}")
