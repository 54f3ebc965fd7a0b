"""Why it moved: the terms behind a change, who posts and what they express, for a period of the reader's choice."""

from datetime import date

import polars as pl
import streamlit as st

from barograph import charts, wording
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
    sentence = describe(rows, line)
    days = wording.days(*_days(str(chosen or periods[0])))
    title = f"Why {wording.label(line.key['marker'])} moved in {line.key['population']}: {days}"
    name = "_".join([*line.key.values(), "why", str(chosen or periods[0])])
    drawn.chart(charts.shift(rows), key="why-chart", title=title, sentence=sentence, rows=rows, name=name)


def label(period: str, last_closed: date | None) -> str:
    """`2026-03-25/2026-03-31` → Last 7 days: 25 Mar – 31 Mar 2026."""
    first, last = _days(period)
    length = (last - first).days + 1
    days = wording.day(last) if length == 1 else wording.days(first, last)
    return f"Last {wording.count(length, 'days')}: {days}" if last == last_closed else days


def describe(rows: pl.DataFrame, line: Line) -> str:
    """One shift in words: the whole, mix and rate, and how many stand behind it."""
    row = rows.row(0, named=True)
    whole = wording.change_interval(row["change"], row["change_lo"], row["change_hi"])
    parts = [f"{whole} against {wording.days(*_days(row['reference']))}, counted with word lists"]
    if row["rate"] is None:
        parts.append("too few authors post in both to tell who posts from what they express")
    else:
        mix = wording.change_interval(row["mix"], row["mix_lo"], row["mix_hi"])
        rate = wording.change_interval(row["rate"], row["rate_lo"], row["rate_hi"])
        both = wording.count(row["both_authors"], "authors")
        parts.append(f"{mix} from who posts (mix), {rate} from what the {both} of both periods express (rate)")
    if row["change_top_account_share"] is not None:
        largest = wording.at_most(row["change_top_account_share"])
        parts.append(f"of all accounts' moves, up or down, the largest makes {largest}")
    behind = [
        f"{wording.count(row[f'{when}_authors'], 'authors')} and {wording.count(row[f'{when}_posts'], 'posts')}"
        for when in ("period", "reference")
    ]
    parts.append(f"{behind[0]}, against {behind[1]}")
    return f"{wording.label(line.key['marker'])}: {'; '.join(parts)}."


def _days(period: str) -> tuple[date, date]:
    first, last = period.split("/")
    return date.fromisoformat(first), date.fromisoformat(last)
