"""How a chart is put on a page: its key above, a sentence that says the same below, and what can be taken away."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st
from altair.utils.schemapi import disable_debug_mode

from barograph import pictures, wording
from barograph.charts.frame import Layers, locale
from barograph.figure import Figure
from barograph.language import gettext as _
from barograph.language import reader, speaking

disable_debug_mode()  # parts of a chart are held against the schema with the whole, by tests


def chart(
    drawn: alt.Chart | Layers, *, key: str, title: str, sentence: str, rows: pl.DataFrame, name: str,
    head: str | None = None,
    selects: bool | Callable[[], None] = False,
) -> Any:  # fmt: skip
    """Put a chart on the page; returns what was selected in it, None where it `selects` nothing.

    key: of the widget, one of its own on the page. title: stands above it, and over its picture. sentence: what is
    seen, with how many are behind it, for whoever cannot see it; also below the chart. rows: the data as CSV.
    name: of the files, without ending. head: HTML that stands above it in place of the title, such as a key.
    selects: whether the page is made anew when something is selected; a function is called before that.
    """
    file = filename(name)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key=f"{key}-head"):
        st.html(head or f"<strong>{escape(title)}</strong>", width="stretch")
        _take_away(key, file, rows, drawn, title, sentence)
    on_select: Any = selects if callable(selects) else "rerun" if selects else "ignore"
    taken: Any = _Known(drawn)
    picked = st.altair_chart(taken, width="stretch", alt=sentence, key=key, on_select=on_select)
    st.caption(wording.plain(sentence))
    return picked if selects else None


@dataclass(frozen=True)
class _Known:
    """A chart as Streamlit takes it, not held against Vega-Lite's schema: tests do that, and a reader would wait."""

    chart: alt.Chart | Layers

    def to_dict(self) -> dict[str, Any]:
        spec = self.chart.to_dict(validate=False)
        return spec | {"config": spec.get("config", {}) | locale()}  # Vega's own words, such as names of months


def figure(shown: Figure, *, key: str, name: str, head: str | None = None) -> None:
    """Put a figure on the page. key, name and head: as for `chart`."""
    chart(shown.chart, key=key, title=shown.title, sentence=shown.said, rows=shown.rows, name=name, head=head)


def filename(name: str) -> str:
    """A name of a file, of words that may hold anything."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def _take_away(key: str, file: str, rows: pl.DataFrame, drawn: alt.Chart | Layers, title: str, sentence: str) -> None:
    who = reader()  # what is called later is called in another thread

    def png() -> bytes:
        with speaking(who):
            return pictures.png(drawn, title, sentence)

    def svg() -> bytes:
        with speaking(who):
            return pictures.svg(drawn, title, sentence).encode()

    def csv() -> bytes:
        return rows.write_csv().encode()

    kinds = (("CSV", csv, "text/csv"), ("PNG", png, "image/png"), ("SVG", svg, "image/svg+xml"))
    with st.popover(_("Download"), icon=":material/download:", type="tertiary", key=f"{key}-download"):
        st.markdown(f":gray[{wording.plain(title)}]")
        for kind, make, mime in kinds:
            st.download_button(
                kind, make, f"{file}.{kind.lower()}", mime, type="tertiary", on_click="ignore", key=f"{key}-{kind}",
                help=_("The data behind the chart") if kind == "CSV" else _("The chart as a picture"),
            )  # fmt: skip
