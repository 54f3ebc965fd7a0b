"""Why it moved: the terms behind a change, who posts and what they express, for a period of the reader's choice."""

from datetime import date

import polars as pl
import streamlit as st

from barograph import charts, sentences, wording
from barograph.line import Line
from dashboard import drawn


def why(line: Line) -> None:
    """Choose a period → its terms as a chart → the same in a sentence."""
    st.subheader("Why it moved", anchor=False)
    periods = line.shifts["period"].unique(maintain_order=True).to_list()
    if not periods:
        st.markdown(
            ":gray[Nothing to explain yet: it takes a closed day with as long before it, enough authors in both, "
            "and texts that are still kept.]"
        )
        return
    closed = line.last_closed
    last = closed["time_value"] if closed else None
    chosen = st.selectbox(
        "Period", periods, format_func=lambda period: label(period, last), key="why", label_visibility="collapsed"
    )
    rows = line.shifts.filter(pl.col("period") == (chosen or periods[0]))
    sentence = sentences.shift(rows, line.key["marker"])
    days = wording.days(*sentences.days(str(chosen or periods[0])))
    title = f"Why {wording.label(line.key['marker'])} moved in {line.key['population']}: {days}"
    name = "_".join([*line.key.values(), "why", str(chosen or periods[0])])
    drawn.chart(charts.shift(rows), key="why-chart", title=title, sentence=sentence, rows=rows, name=name)


def label(period: str, last_closed: date | None) -> str:
    """`2026-03-25/2026-03-31` → Last 7 days: 25 Mar – 31 Mar 2026."""
    first, last = sentences.days(period)
    length = (last - first).days + 1
    days = wording.day(last) if length == 1 else wording.days(first, last)
    return f"Last {wording.count(length, 'days')}: {days}" if last == last_closed else days
