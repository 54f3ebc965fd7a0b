"""Which lines stand beside the chosen one: each differs from it in one thing, of which it is named."""

from collections.abc import Mapping, Sequence

import polars as pl
import streamlit as st

from barograph import charts, wording
from barograph.language import gettext as _
from barograph.tables import LINE
from dashboard import selection
from dashboard.selection import View

_ORDER = ("population", "marker", "method", "unit")


def choose(view: View, chosen: Mapping[str, str], lines: pl.DataFrame) -> list[dict[str, str]]:
    """Draw the control; the lines that were chosen. lines: as `Snapshot.lines` returns them."""
    options = _options(chosen, lines)
    several = view.several(
        st.multiselect, _("Compare with"), "also", options, charts.MOST - 1, format_func=_named,
        placeholder=_("Populations, markers, methods"), disabled=not options,
    )  # fmt: skip
    return [{**chosen, **dict([option.split(":", 1)])} for option in several]


def names(chosen: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> list[str]:
    """What each line is called beside the others, the chosen one first: by all in which any of them differs."""
    differ = [column for column in _ORDER if any(other[column] != chosen[column] for other in others)]
    whole = [" · ".join(_word(column, line[column]) for column in differ) for line in (chosen, *others)]
    # There is little room at a line's end.
    short = [name.replace(f" ({_('dimension')})", "") for name in whole]
    return short if len(set(short)) == len(short) else whole


def _options(chosen: Mapping[str, str], lines: pl.DataFrame) -> list[str]:
    """`population:north`: every published line that differs from the chosen one in one column."""
    found = []
    for column in _ORDER:
        same = [pl.col(name) == chosen[name] for name in LINE if name != column]
        values = lines.filter(*same, pl.col(column) != chosen[column])[column].unique().to_list()
        found += [f"{column}:{value}" for value in sorted(values, key=selection.dimensions_first)]
    return found


def _named(option: str) -> str:
    return _word(*option.split(":", 1))


def _word(column: str, value: str) -> str:
    if column == "population":
        return value
    return wording.label(value) if column == "marker" else _(value).capitalize()
