"""Why a line moved, in short, with the way to the page that says it in full."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from barograph import sentences, signs, wording
from barograph.language import gettext as _
from barograph.line import Line
from barograph.tables import CUES, OTHER
from dashboard import selection

PAGE = "why.py"
_TERMS = 5


def moved(line: Line) -> None:
    """The last week, or the latest period that is explained: how much, what may be behind it, the largest terms."""
    st.subheader(_("Why it moved"), anchor=False)
    kinds = signs.periods(line.shifts, line.moves, line.last_closed["time_value"] if line.last_closed else None)
    if not kinds:
        nothing()
        return
    period = signs.usual(list(kinds))
    rows = line.shifts.filter(pl.col("period") == period)
    said = signs.reading(signs.signs(rows, CUES.empty()))
    st.markdown(f"**{wording.plain(said)}.** {wording.plain(sentences.shift(rows, line.key['marker']))}")
    if named := rows.filter(pl.col("term") != OTHER).head(_TERMS).to_dicts():
        terms = ", ".join(f"{row['term']} {wording.change(row['contribution'])}" for row in named)
        st.markdown(f":gray[{wording.plain(_('Largest terms: {terms}.').format(terms=terms))}]")
    link(line.key, period)


def nothing() -> None:
    """Say what it takes where no shift is published."""
    said = _("Nothing to explain yet: it takes a closed day with as long before it, enough authors in both, and texts "
             "that are still kept.")  # fmt: skip
    st.markdown(f":gray[{said}]")


def link(line: Mapping[str, Any], period: str) -> None:
    """A way to the page of one shift. line: anything with the columns of a line."""
    where = selection.link(line) | {"period": period}
    st.page_link(PAGE, label=_("Read why it moved"), query_params=where, icon=":material/help_center:")
