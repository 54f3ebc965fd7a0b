"""Which line and days the reader looks at. The query parameters hold it, so that a link holds the view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from barograph import wording

PAGE = "timeline.py"
RANGES = {"30": "30 days", "90": "90 days", "all": "All"}
_ABREAST = 2
"""Methods that there is room for beside one another."""
_NAMES = ("population", "marker", "unit", "method", "range")


@dataclass(frozen=True)
class Selection:
    """The reader's choice; `range` is a key of RANGES."""

    population: str
    marker: str
    unit: str
    method: str
    range: str


def choose(lines: pl.DataFrame, usual_method: Callable[[str, str, str], str]) -> Selection:
    """Draw the controls and return what they say. lines: as `Snapshot.lines` returns them, at least one.

    usual_method: from marker, population and unit to the method that is shown where none is asked for. It can be
    chosen where any line has more than one.
    A link that was followed stands in for the controls; where it names what is not published, it says so.
    """
    asked = {name: value for name, value in st.query_params.to_dict().items() if name in _NAMES}
    arrived = asked != st.session_state.get("shown")
    if arrived:
        st.session_state.update(asked)
        if "method" in asked:
            st.session_state["wished"] = asked["method"]
    several = lines["method"].n_unique() > 1
    with st.container(key="controls"):
        across = st.columns([3, 4, 2.2, *([2.6] if several else []), 2.6], vertical_alignment="bottom")
    populations = lines["population"].unique().sort().to_list()
    _settle("population", populations, "all")
    across[0].selectbox("Population", populations, key="population")
    mine = lines.filter(pl.col("population") == st.session_state.population)

    markers = sorted(mine["marker"].unique(), key=_dimensions_first)
    _settle("marker", markers, markers[0])
    across[1].selectbox("Marker", markers, format_func=wording.label, key="marker")
    mine = mine.filter(pl.col("marker") == st.session_state.marker)

    units = sorted(mine["unit"].unique())
    _settle("unit", units, "authors")
    across[2].segmented_control("Unit", units, format_func=str.capitalize, key="unit", required=True)

    state, wished = st.session_state, st.session_state.get("wished")
    methods = mine.filter(pl.col("unit") == state.unit)["method"].to_list()
    usual = usual_method(state.marker, state.population, state.unit)
    state.method = wished if wished in methods else usual
    if several and len(methods) > _ABREAST:
        across[3].selectbox(
            "Method", methods, format_func=str.capitalize, key="method", help=wording.methods(methods), on_change=_wish
        )
    elif several:
        across[3].segmented_control(
            "Method", methods, format_func=str.capitalize, key="method", required=True,
            help=wording.methods(methods), on_change=_wish,
        )  # fmt: skip
    _settle("range", list(RANGES), "90")
    across[-1].segmented_control("Range", list(RANGES), format_func=RANGES.__getitem__, key="range", required=True)

    chosen = {name: st.session_state[name] for name in _NAMES}
    if arrived and (lost := [f"{n} “{wording.plain(v)}”" for n, v in asked.items() if chosen[n] != v]):
        st.warning(
            f"The link names {' and '.join(lost)}, which is not published here; showing what is.",
            icon=":material/link_off:",
        )
    if asked != chosen:
        st.query_params.from_dict(chosen)
    st.session_state["shown"] = chosen
    return Selection(**chosen)


def link(line: dict[str, Any]) -> dict[str, str]:
    """Query parameters of the view of one line, from any row with its columns."""
    return {name: str(line[name]) for name in ("population", "marker", "unit", "method")}


def _wish() -> None:
    """Keep the method that was chosen for every line that has it; lines differ in what they have."""
    st.session_state["wished"] = st.session_state.method


def _settle(name: str, options: Sequence[str], usual: str) -> None:
    if st.session_state.get(name) not in options:
        st.session_state[name] = usual if usual in options else options[0]


def _dimensions_first(marker: str) -> tuple[bool, str]:
    return ":" not in marker, marker
