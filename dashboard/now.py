"""The first page: is anything wrong now, where, how sure is that, and what comes next."""

from html import escape
from typing import Any
from urllib.parse import urlencode

import polars as pl
import streamlit as st

from barograph import board, wording
from barograph.language import Reader, reader, speaking
from barograph.language import gettext as _
from barograph.sparkline import sparkline
from barograph.store import Snapshot
from barograph.stored import stored
from barograph.tables import ALERTS
from dashboard import panels, selection, show, sources
from dashboard.show import Shown

_STYLE = """<style>
.board {display:grid; gap:.5rem; margin:0 0 1rem}
.board h4 {font-size:1rem; margin:.6rem 0 0; padding:0}
.board .row {display:grid; gap:.5rem; grid-template-columns:repeat(auto-fit,minmax(14rem,1fr))}
.board a {display:block; border:1px solid rgba(128,140,155,.35); border-radius:.4rem; padding:.5rem .75rem;
  color:inherit; text-decoration:none}
.board a:hover, .board a:focus-visible {border-color:#1F84C7; outline:2px solid #1F84C7}
.board a.firing {border-left:.35rem solid #D55E00}
.board a.pending, .board a.acknowledged {border-left:.35rem solid #E69F00}
.board a.blind {border-style:dashed}
.board b {font-weight:600}
.board .value, .board .below {display:block}
.board .name, .board .below {font-size:.82rem; opacity:.8}
.board .name {display:flex; justify-content:space-between; gap:.5rem}
.board .value {font-size:1.15rem; font-weight:600; white-space:nowrap}
.board img {width:100%; height:2.6rem; display:block; margin:.2rem 0}
</style>"""


_FEWEST = 12  # populations on the board at first: those with an open alert, and others up to so many
_KEYS: dict[Any, Any] = {Snapshot: lambda snapshot: str(snapshot.path), Reader: repr}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def _rows(snapshot: Snapshot, unit: str, method: str) -> pl.DataFrame:
    return board.read(snapshot, unit, method)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=_KEYS)
def _board(snapshot: Snapshot, unit: str, method: str, to: Reader, *, every: bool) -> str:
    """The board as HTML, told `to` a reader, of every population or without those that are left out at first."""
    rows = _rows(snapshot, unit, method)
    mine = rows.partition_by("population", as_dict=True)
    out = () if every else board.left_out(rows, _FEWEST)
    parts = [_STYLE, "<div class='board'>"]
    with speaking(to):
        for population in board.grave_first(rows):
            if population not in out:
                cells = "".join(_cell(row) for row in mine[population,].iter_rows(named=True))
                parts.append(f"<h4>{escape(population)}</h4><div class='row'>{cells}</div>")
    return "".join([*parts, "</div>"])


def page(shown: Shown) -> None:
    """What fires → choose what is counted → the board → the sources."""
    if "population" in st.query_params:  # a link to a line: of this page, or of a notification
        asked = {name: st.query_params.get_all(name) for name in st.query_params}
        st.switch_page(selection.PAGE, query_params=asked)
    panels.alerts(shown.snapshot.read(ALERTS), shown.lines, fresh=shown.fresh)
    sources.behind(shown.snapshot, shown.run)
    # Polarization has a page of its own.
    units = sorted(set(shown.lines["unit"]) - {"interactions"}) or ["interactions"]
    # A link names what is unusual alone: what the board counts at first is no wish for lines elsewhere.
    view, bar = selection.View(), selection.bar()
    unit = view.one(
        bar.segmented_control, _("Unit"), "unit", units, "authors", lasts=False, format_func=_capital, required=True,
        width="content",
    )  # fmt: skip
    methods = sorted(shown.lines.filter(pl.col("unit") == unit)["method"].unique())
    method = view.one(
        bar.segmented_control if len(methods) > 1 else None, _("Method"), "method", methods, "lexicon",
        lasts=False, format_func=_capital, required=True, width="content", help=wording.methods(methods),
    )  # fmt: skip
    # Held by the link as any choice; drawn where it is told what is left out.
    every = view.one(None, _("Populations"), "populations", ["some", "all"], "some", lasts=False) == "all"
    view.keep()
    rows = _rows(shown.snapshot, unit, method)
    place, left_out = st.container(), board.left_out(rows, _FEWEST)
    if left_out:
        blind = rows.filter(pl.col("population").is_in(left_out), pl.col("prevalence").is_null())
        said = _("Left out: {n} without an open alert; {blind} of them lack a value on their latest closed day.")
        st.session_state["now-all"] = every
        n = wording.number(rows["population"].n_unique())
        st.toggle(_("All {n} populations").format(n=n), key="now-all", on_change=_more)
        st.caption(said.format(n=wording.number(len(left_out)), blind=wording.number(blind["population"].n_unique())))
    place.html(_board(shown.snapshot, unit, method, reader(), every=every))
    st.caption(
        _("Each: the latest closed day with its 95 % interval; against the median of the 28 closed days before; the "
          "last eight weeks and, dashed, the forecast. A dashed frame: no value, so nothing can be said.")
    )  # fmt: skip
    sources.lines(shown.snapshot, shown.run)


def _more() -> None:
    selection.wish("populations", "all" if st.session_state["now-all"] else None)


def _capital(value: str) -> str:
    return stored(value).capitalize()


def _cell(row: dict[str, Any]) -> str:
    """One line of the board, which leads to its timeline."""
    state = row["state"] if row["state"] in ("firing", "pending", "acknowledged") else ""
    look = "blind" if row["prevalence"] is None else state
    name = wording.label(row["marker"].removeprefix("dimension:"))
    if row["prevalence"] is None:
        value, below = _("No value"), stored(row["missing_reason"])
    else:
        value = wording.interval(row["prevalence"], row["lo"], row["hi"])
        authors = wording.count(row["n_authors"], "authors")
        moved = _("usual unknown")
        if row["change"] is not None:
            moved = _("{change} against the usual").format(change=wording.change(row["change"]))
        below = f"{moved} · {authors}"
    high = _("P(high) up to {chance}")
    if row["stand_in"]:  # which may know nothing of a rise that alerts tell of
        high = _("P(high) up to {chance} by {model}, which stands in")
    model = row["stand_in"] and wording.model(row["stand_in"])
    chance = "" if row["p_high"] is None else " · " + high.format(chance=wording.chance(row["p_high"]), model=model)
    day = wording.weekday(row["time_value"])
    said = _("{marker} in {population} on {day}: {value}; {below}").format(
        marker=name, population=row["population"], day=day, value=value, below=below
    )
    said += chance + (f"; {stored(state)}" if state else "")
    said = escape(said, quote=True)
    drawn = sparkline(row["values"] or [], row["lows"] or [], row["highs"] or [], row["ahead"] or [])
    image = f"<img src='{drawn}' alt=''>" if row["prevalence"] is not None else ""
    # Not the timeline's own address: a page below the root is loaded after two requests that fail.
    link = escape(f"?{urlencode(selection.link(row))}", quote=True)
    badge = f"<b>{escape(stored(state))}</b>" if state else ""
    return (
        f"<a class='{look}' href='{link}' target='_self' aria-label='{said}'>"
        f"<span class='name'><span>{escape(name)}</span>{badge or f'<span>{escape(day)}</span>'}</span>"
        f"<span class='value'>{escape(value)}</span>{image}<span class='below'>{escape(below + chance)}</span></a>"
    )


show.run(page)
