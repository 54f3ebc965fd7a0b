"""Which days the reader looks at: the last ones, all, or a period that dates, lists and the lower chart choose."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from barograph.language import gettext as _
from barograph.language import noted
from dashboard import selection
from dashboard.selection import View

_PERIOD = "period"
RANGES = {
    "30": noted("30 days"), "90": noted("90 days"), "365": noted("1 year"), "all": noted("All"),
    _PERIOD: noted("Period"),
}  # fmt: skip
_USUAL = "90"


def choose(view: View, where: DeltaGenerator, dates: DeltaGenerator, first: date, last: date) -> tuple[date, date]:
    """Draw the controls; the first and last day that were chosen. first, last: those of the line.

    where, dates: where the choice stands, and the two days of a period.
    """
    length = view.one(
        where.segmented_control, _("Range"), "range", list(RANGES), _USUAL, required=True, width="content",
        format_func=lambda name: _(RANGES[name]),
    )  # fmt: skip
    if length != _PERIOD:
        return (first, last) if length == "all" else (max(first, last - timedelta(days=int(length) - 1)), last)
    usual = max(first, last - timedelta(days=int(_USUAL) - 1))
    start = view.day(dates.date_input, _("From"), "from", usual, first, last, width=150, format="YYYY-MM-DD")
    end = view.day(dates.date_input, _("To"), "to", last, first, last, width=150, format="YYYY-MM-DD")
    return min(start, end), max(start, end)


def show(first: date, last: date) -> None:
    """Look at a period: for a callback."""
    for name, value in (("range", _PERIOD), ("from", str(first)), ("to", str(last))):
        selection.wish(name, value)


def brushed(key: str) -> None:
    """Look at the days that were dragged over in the chart of this key: for a callback."""
    state: Any = st.session_state.get(key) or {}
    ends = state.get("selection", {}).get("brush", {}).get("x")
    if ends:
        # Days reach from noon to noon there: an end belongs to the day it lies nearest to.
        first, last = (datetime.fromtimestamp(ms / 1000 + 43200, UTC).date() for ms in sorted(ends))
        show(first, last)
