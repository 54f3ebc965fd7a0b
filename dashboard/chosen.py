"""Which lines a page of many lines shows, and how: the controls of each of its views."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import streamlit as st

from barograph import many, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.stored import stored
from dashboard import period, selection

VIEWS = {
    "days": noted("Day by day"),
    "months": noted("Month by month"),
    "together": noted("What moves together"),
    "events": noted("Round events"),
}
_ROWS = {"marker": noted("Markers of a population"), "population": noted("Populations for a marker")}
_COLOURS = {"deviation": noted("How unusual"), "prevalence": noted("Prevalence")}
_WAYS = {"adjusted": noted("Adjusted values"), "changes": noted("Daily changes"), "levels": noted("Daily values")}
_KINDS = {"all": noted("All"), "scheduled": noted("Scheduled"), "sudden": noted("Sudden")}


@dataclass(frozen=True)
class Chosen:
    """What is shown. view: of VIEWS; rows: what lines differ in; population, marker: None where they differ in it.

    first, last: days of the views of many lines; colour, way and kind: of the views that ask for them, else as usual.
    """

    view: str
    rows: str
    population: str | None
    marker: str | None
    unit: str
    method: str
    first: date
    last: date
    colour: str
    way: str
    kind: str

    @property
    def where(self) -> dict[str, str]:
        """What the rows of `series` that are read have in common."""
        every = {"population": self.population, "marker": self.marker, "unit": self.unit, "method": self.method}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def title(self) -> str:
        """What is shown, in words."""
        return many.title(self.population, self.marker)

    def file(self, what: str) -> str:
        """A name for files."""
        return "_".join([*self.where.values(), what])


def choose(lines: pl.DataFrame) -> Chosen:
    """Draw the controls and return what they say. lines: as `Snapshot.lines` returns them, any but of interactions.

    What a view does not ask for stays as other pages and views have it.
    """
    view = selection.View()
    what = view.one(
        st.segmented_control, _("Look at"), "view", list(VIEWS), "days", lasts=False, required=True,
        label_visibility="collapsed", format_func=lambda name: _(VIEWS[name]),
    )  # fmt: skip
    several = what in ("days", "together")
    bar = selection.bar()
    rows = view.one(
        bar.selectbox if several else None, _("Rows"), "rows", list(_ROWS), "marker", lasts=False,
        format_func=lambda name: _(_ROWS[name]),
    )  # fmt: skip
    across = rows if several else None
    populations = lines["population"].unique().sort().to_list()
    draw = None if across == "population" else bar.selectbox
    population = view.one(draw, _("Population"), "population", populations, "all")
    mine = lines.filter(pl.col("population") == population) if draw else lines
    markers = sorted(mine["marker"].unique(), key=selection.dimensions_first)
    draw = None if across == "marker" else bar.selectbox
    marker = view.one(draw, _("Marker"), "marker", markers, markers[0], format_func=wording.label)
    mine = mine.filter(pl.col("marker") == marker) if draw else mine
    units = sorted(mine["unit"].unique())
    unit = view.one(
        bar.segmented_control, _("Unit"), "unit", units, "authors", required=True, width="content", format_func=_named
    )
    methods = sorted(mine.filter(pl.col("unit") == unit)["method"].unique())
    method = view.one(
        bar.selectbox if len(methods) > 1 else None, _("Method"), "method", methods, "lexicon", format_func=_named,
        help=wording.methods(methods),
    )  # fmt: skip
    first = min(mine["first_day"])
    # The day after may be there too, provisional.
    last = max([first, *mine["last_closed"].drop_nulls()]) + timedelta(days=1)
    if several:
        first, last = period.choose(view, bar, bar.container(horizontal=True, width="content"), first, last)
    colour = view.one(
        bar.segmented_control if what == "days" else None, _("Colour"), "colour", list(_COLOURS), "deviation",
        lasts=False, required=True, width="content", format_func=lambda name: _(_COLOURS[name]),
    )  # fmt: skip
    way = view.one(
        bar.selectbox if what == "together" else None, _("What is compared"), "way", list(_WAYS), "adjusted",
        lasts=False, help=_("Adjusted: without weekdays and trend."), format_func=lambda name: _(_WAYS[name]),
    )  # fmt: skip
    kind = view.one(
        bar.segmented_control if what == "events" else None, _("Events"), "kind", list(_KINDS), "all", lasts=False,
        required=True, width="content", format_func=lambda name: _(_KINDS[name]),
    )  # fmt: skip
    view.keep()
    return Chosen(
        view=what, rows=rows, population=None if across == "population" else population,
        marker=None if across == "marker" else marker, unit=unit, method=method, first=first, last=last,
        colour=colour, way=way, kind=kind,
    )  # fmt: skip


def _named(name: str) -> str:
    return stored(name).capitalize()
