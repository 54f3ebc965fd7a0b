"""One line over time, or several, now or as they were known, with what is ahead, what was high, and why it moved."""

from datetime import datetime

import streamlit as st

from barograph import line, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.line import Line
from barograph.store import Snapshot
from barograph.tables import ALERTS, SERIES, SOURCES
from dashboard import comparison, figures, highs, panels, past, period, selection, show
from dashboard.figures import Beside
from dashboard.headline import headline
from dashboard.moved import moved
from dashboard.show import Shown

_SMOOTH = {"0": noted("Days"), "7": noted("7-day mean"), "28": noted("28-day mean")}


def page(shown: Shown) -> None:
    """Select → read → filter → plot."""
    snapshot = shown.snapshot
    firing = st.container()  # above the controls, and known after them

    def usual_method(marker: str, population: str, unit: str) -> str:
        where = {"marker": marker, "population": population, "unit": unit}
        return line.usual_method(snapshot.read(SERIES, where=where))

    view = selection.View()
    bar = selection.bar()
    chosen = selection.line(view, bar, shown.lines, usual_method)
    days = bar.container(width="content")
    with bar.popover(_("Compare, smooth, look back"), icon=":material/tune:", key="more"):
        others = comparison.choose(view, chosen, shown.lines)
        smooth = view.one(
            st.segmented_control, _("Line through"), "smooth", list(_SMOOTH), "0", required=True, lasts=False,
            format_func=lambda name: _(_SMOOTH[name]),
            help=_("A mean looks back only: each day with the days before it, over those that have a value."),
        )  # fmt: skip
        as_of = past.choose(view, snapshot.issues(SERIES, where=chosen))
    dates = bar.container(horizontal=True, width="content")
    whole = _read(snapshot, chosen, as_of)
    first, last = period.choose(view, days, dates, whole.series["time_value"][0], whole.series["time_value"][-1])
    view.keep()

    drawn = whole.between(first, last)
    labels = comparison.names(chosen, others)
    beside = [Beside(name, _values(snapshot, other, as_of)) for name, other in zip(labels[1:], others, strict=True)]
    with firing:
        if as_of:
            now = _read(snapshot, chosen, None)
            past.banner(whole, now, as_of)
        else:
            now = None
            panels.alerts(snapshot.read(ALERTS), shown.lines, fresh=shown.fresh)
    headline(whole, None if as_of else shown.run)
    figures.timeline(whole, drawn, smooth=int(smooth), name=labels[0], beside=beside, now=now)
    highs.listed(whole, drawn)
    figures.counts(drawn, name=labels[0], on_select=period.brushed)
    moved(whole)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        what = {name: chosen[name] for name in ("marker", "unit", "method")}
        every = snapshot.days_without(first, last, what, as_of=as_of)
        words = (wording.label(chosen["marker"]), _(chosen["unit"]), _(chosen["method"]), wording.days(first, last))
        panels.gaps(every, ", ".join(words))
    with right:
        panels.sources(snapshot.read(SOURCES))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda snapshot: str(snapshot.path)})
def _read(snapshot: Snapshot, key: dict[str, str], as_of: datetime | None) -> Line:
    return line.read(snapshot, key["marker"], key["population"], key["unit"], key["method"], as_of=as_of)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Snapshot: lambda snapshot: str(snapshot.path)})
def _values(snapshot: Snapshot, key: dict[str, str], as_of: datetime | None) -> Line:
    return line.values(snapshot, key["marker"], key["population"], key["unit"], key["method"], as_of=as_of)


show.run(page)
