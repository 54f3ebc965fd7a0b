"""What the reader chose. The address holds it, so that a link holds the view; pages remember it for one another.

Streamlit's own binding of widgets to the address would write what a choice is called, in the reader's language, leave
out what is usual on this page, and drop in silence what is not published.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from barograph import wording
from barograph.language import gettext as _

PAGE = "timeline.py"
LINE = ("population", "marker", "unit", "method")
"""What a link to a line names, on every page that shows one."""
_ABREAST = 2
"""Methods that there is room for beside one another."""
_SHOWN, _WISHES = "shown", "wishes"

Draw = Callable[..., Any]
"""What draws a control: a method of where it stands, such as `column.selectbox`."""


class View:
    """The choices of a page, one `View` each. Made before its controls are drawn, and kept after the last of them.

    Of each choice there is a wish: what the reader chose last, on any page, or the link that was followed names. It is
    what is shown wherever it can be, and waits where it cannot.
    """

    def __init__(self) -> None:
        self._asked = {name: st.query_params.get_all(name) for name in st.query_params}
        # Else the reader used a control, and the address still says what was shown before.
        self._arrived = self._asked != st.session_state.get(_SHOWN)
        self._wishes: dict[str, Any] = st.session_state.setdefault(_WISHES, {})
        self._address: dict[str, list[str]] = {}
        self._lost: list[str] = []

    def one(
        self, draw: Draw | None, label: str, name: str, options: Sequence[str], usual: str, *, lasts: bool = True,
        **how: Any,
    ) -> str:  # fmt: skip
        """One of `options`, of which there is at least one. name: in links, and of the control.

        draw: its control; None: none, and the view still holds the choice. usual: shown where nothing is wished; the
        first option where it is none of them. lasts: a link without `name` leaves it as it is, else it is as usual
        again, and no link names what is usual. how: more for the control.
        """
        usual = usual if usual in options else options[0]
        (wish,) = self._wished(name, lasts=lasts) or (usual,)
        if wish not in options:
            self._lose(label, name, [wish])
        value = wish if wish in options else usual
        if draw is not None:
            st.session_state[name] = value
            value = str(draw(label, options, key=name, on_change=_wish, args=(name,), **how) or value)
        if lasts or value != usual:
            self._address[name] = [value]
        return value

    def several(self, draw: Draw, label: str, name: str, options: Sequence[str], most: int, **how: Any) -> list[str]:
        """At most `most` of `options`, none of them usual; a link without `name` chooses none."""
        wishes = self._wished(name, lasts=False)
        self._lose(label, name, [wish for wish in wishes if wish not in options])
        st.session_state[name] = [wish for wish in wishes if wish in options][:most]
        how |= {"key": name, "on_change": _wish, "args": (name,), "max_selections": most}
        chosen: list[str] = draw(label, options, **how)
        if chosen:
            self._address[name] = chosen
        return chosen

    def day(self, draw: Draw, label: str, name: str, usual: date, first: date, last: date, **how: Any) -> date:
        """A day from `first` to `last`; a link without `name` means the usual one. The address holds each day asked."""
        wishes = self._wished(name, lasts=False)
        try:
            value = date.fromisoformat(wishes[0]) if wishes else usual
        except ValueError:
            value = usual
            self._lose(label, name, wishes)
        st.session_state[name] = min(max(value, first), last)
        how |= {"key": name, "on_change": _wish, "args": (name,), "min_value": first, "max_value": last}
        chosen: date = draw(label, **how) or usual
        self._address[name] = [str(chosen)]
        return chosen

    def keep(self) -> None:
        """Let the address say what is shown; say what a link named in vain."""
        if self._arrived and self._lost:
            lost = _(" and ").join(self._lost)
            st.warning(
                _("The link names {what}, which is not published here; showing what is.").format(what=lost),
                icon=":material/link_off:",
            )
        if self._asked != self._address:
            st.query_params.from_dict(self._address)
        st.session_state[_SHOWN] = self._address

    def _wished(self, name: str, *, lasts: bool) -> list[str]:
        """What is wished for `name`: that of a link just followed, else the reader's."""
        if self._arrived and (name in self._asked or (self._asked and not lasts)):
            self._wishes[name] = self._asked.get(name, [])
        return list(self._wishes.get(name, []))

    def _lose(self, label: str, name: str, values: Sequence[str]) -> None:
        if name in self._asked:
            self._lost += [f"{label.lower()} “{wording.plain(value)}”" for value in values]


def wish(name: str, value: str | None) -> None:
    """Wish `value` for a choice, before its control is drawn: in a callback, or for a page to come; None: as usual."""
    st.session_state.setdefault(_WISHES, {})[name] = [] if value is None else [value]


def bar(key: str = "controls") -> DeltaGenerator:
    """Where the controls of a page stand: beside one another, their lower edges in one line."""
    return st.container(key=key, horizontal=True, vertical_alignment="bottom", gap="small")


def line(
    view: View, where: DeltaGenerator, lines: pl.DataFrame, usual_method: Callable[[str, str, str], str]
) -> dict[str, str]:
    """Population, marker, unit and method of one line. lines: as `Snapshot.lines` returns them, at least one.

    usual_method: from marker, population and unit to the method that is shown where none is wished. It can be chosen
    where any line has more than one.
    """
    several = lines["method"].n_unique() > 1
    populations = lines["population"].unique().sort().to_list()
    population = view.one(where.selectbox, _("Population"), "population", populations, "all")
    mine = lines.filter(pl.col("population") == population)
    markers = sorted(mine["marker"].unique(), key=dimensions_first)
    marker = view.one(where.selectbox, _("Marker"), "marker", markers, markers[0], format_func=wording.label)
    mine = mine.filter(pl.col("marker") == marker)
    units = sorted(mine["unit"].unique())
    unit = view.one(
        where.segmented_control, _("Unit"), "unit", units, "authors", format_func=_named, required=True, width="content"
    )
    methods = mine.filter(pl.col("unit") == unit)["method"].to_list()
    draw: Draw | None = None
    how: dict[str, Any] = {}
    if several:
        draw, how = where.selectbox, {"format_func": _named, "help": wording.methods(methods)}
        if len(methods) <= _ABREAST:
            draw, how = where.segmented_control, how | {"required": True, "width": "content"}
    method = view.one(draw, _("Method"), "method", methods, usual_method(marker, population, unit), **how)
    return {"population": population, "marker": marker, "unit": unit, "method": method}


def link(line: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters of the view of one line, from any row with its columns."""
    return {name: str(line[name]) for name in LINE}


def dimensions_first(marker: str) -> tuple[bool, str]:
    """Orders markers: those read together before single ones."""
    return ":" not in marker, marker


def _named(name: str) -> str:
    return _(name).capitalize()


def _wish(name: str) -> None:
    """Keep what was chosen for every line and page that has it; they differ in what they have."""
    chosen = st.session_state[name]
    many = list(chosen) if isinstance(chosen, list | tuple) else [chosen]
    st.session_state.setdefault(_WISHES, {})[name] = [str(value) for value in many if value is not None]
