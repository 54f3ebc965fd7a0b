"""The high-prevalence periods and the alerts of a line, listed, each a step from the days it is about."""

from datetime import date, timedelta

import polars as pl
import streamlit as st

from barograph import wording
from barograph.charts import STATES
from barograph.language import gettext as _
from barograph.language import ngettext
from barograph.line import Line
from dashboard import period

_ROUND = timedelta(days=14)
"""Shown before and after what is gone to."""
_MOST = 10
_ALERTS = "alerts.py"


def listed(line: Line, shown: Line) -> None:
    """The newest periods and alerts first. line: the whole history; shown: the days drawn."""
    periods, marks = line.periods.reverse(), line.marks.reverse()
    first, last = shown.series["time_value"][0], shown.series["time_value"][-1]
    within = periods.filter(pl.col("last") >= first, pl.col("first") <= last).height
    title = _("High-prevalence periods: {within} in the days shown, {total} in all").format(
        within=wording.number(within), total=wording.number(periods.height)
    )
    fired = marks.filter(pl.col("what") == "firing").height
    if fired:
        title += " · " + ngettext("{n} alert", "{n} alerts", fired).format(n=wording.number(fired))
    with st.expander(title, key="highs"):
        if periods.is_empty():
            st.markdown(f":gray[{_('No day was above its threshold; a line has one after 28 known days.')}]")
        left, right = st.columns([3, 2], gap="medium") if marks.height else (st.container(), None)
        with left.container(gap="xxsmall"):
            _periods(periods, line)
        if right:
            with right.container(gap="xxsmall"):
                _alerts(marks)


def _periods(periods: pl.DataFrame, line: Line) -> None:
    for row in periods.head(_MOST).iter_rows(named=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _go(row["first"], row["last"], key=f"high-{row['first']}")
            said = _("{days}, up to {peak}").format(
                days=wording.count(row["days"], "days"), peak=wording.level(row["peak"], line.kind)
            )
            if row["sure"]:
                said += "; " + _("the whole interval above on {n}").format(n=row["sure"])
            st.markdown(f":gray[:small[{said}]]")
    _more(periods.height)


def _alerts(marks: pl.DataFrame) -> None:
    for row in marks.head(_MOST).iter_rows(named=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                _ALERTS, label=f"{_(STATES[row['what']]).capitalize()} {wording.day(row['day'])}",
                query_params={"alert": row["alert_id"]}, icon=":material/arrow_forward:",
            )  # fmt: skip
            st.markdown(f":gray[:small[{wording.plain(row['rule'])}]]")
    _more(marks.height)


def _go(first: date, last: date, key: str) -> None:
    days = wording.day(first) if first == last else wording.days(first, last)
    st.button(
        days, key=key, icon=":material/zoom_in:", type="tertiary", on_click=period.show,
        args=(first - _ROUND, last + _ROUND), help=_("Look at these days and two weeks round them"),
    )  # fmt: skip


def _more(n: int) -> None:
    if n > _MOST:
        st.caption(
            _("{n} earlier ones: in the data of all days, to download above.").format(n=wording.number(n - _MOST))
        )
