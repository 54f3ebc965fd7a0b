"""Many lines at a glance, and one in its distribution: days, months, what moves together, what happens round events."""

from html import escape

import polars as pl
import streamlit as st

from barograph import charts, deviation, many, wording
from barograph.charts.heatmap import steps
from barograph.language import gettext as _
from barograph.store import Snapshot
from barograph.tables import EVENTS, SERIES
from dashboard import distributions, drawn, show
from dashboard.chosen import Chosen, choose
from dashboard.show import Shown

_STYLE = """<style>
.steps {display:flex; flex-wrap:wrap; gap:.15rem .8rem; font-size:.82rem; line-height:1.3}
.steps span {display:inline-flex; align-items:center; gap:.35em}
.steps i {display:inline-block; width:1.1em; height:.9em; flex:none; box-sizing:border-box}
</style>"""


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _days(snapshot: Snapshot, where: dict[str, str]) -> pl.DataFrame:
    return deviation.deviations(snapshot.read(SERIES, where=where))


def page(shown: Shown) -> None:
    """Select → filter → plot."""
    st.header(_("Heatmap and distributions"), anchor=False)
    lines = shown.lines.filter(pl.col("unit") != "interactions")  # those have a page of their own
    if lines.is_empty():
        st.info(_("**No marker is published.** Polarization has a page of its own."), icon=":material/visibility_off:")
        return
    chosen = choose(lines)
    days = _days(shown.snapshot, chosen.where)
    if days["prevalence"].null_count() == days.height:
        distributions.nothing(days)
    if chosen.view == "days":
        _heatmap(_in_range(days, chosen), shown.snapshot.read(EVENTS), chosen)
    elif chosen.view == "months":
        distributions.months(days, chosen)
    elif chosen.view == "together":
        distributions.together(_in_range(days, chosen), chosen)
    else:
        distributions.events(shown.snapshot.read(EVENTS), days, chosen)


def _heatmap(days: pl.DataFrame, events: pl.DataFrame, chosen: Chosen) -> None:
    """A row a line, a cell a day or week."""
    unusual = chosen.colour == "deviation"
    if unusual and days["deviation"].null_count() == days.height > days["prevalence"].null_count():
        said = _(
            "**Nothing can be called unusual yet.** That takes 28 known days before; colour by prevalence meanwhile."
        )
        st.info(said, icon=":material/hourglass_empty:")
    figure = many.heatmap(days, events, chosen.rows, chosen.title, chosen.colour)
    drawn.figure(figure, key="heatmap", name=chosen.file("heatmap"), head=_key(figure.rows, events, chosen.colour))
    if unusual:
        st.caption(
            _("Unusual: how far a day is from the median of the 84 closed days before it, in units of their spread "
              "(interquartile range / 1.349). Each row has its own usual: colours compare rows, heights do not. "
              "Weekends are not taken out.")
        )  # fmt: skip
    else:
        st.caption(_("One scale for all rows: one that is pale throughout may have moved much by its own measure."))


def _key(cells: pl.DataFrame, events: pl.DataFrame, colour: str) -> str:
    """What colours and signs stand for: only those that are drawn."""
    known, muted = cells.drop_nulls("prevalence"), charts.MUTED
    if colour == "deviation":
        swatches = [(f"background:{tint}; opacity:{strength}", said) for tint, strength, said in steps()]
        if known["deviation"].null_count():
            swatches.append((f"background:radial-gradient(circle,{muted} 1.5px,transparent 2px)", _("no usual yet")))
    else:
        high = known.sort("prevalence").tail(1).to_dicts()
        most = [wording.level(row["prevalence"], row["value_kind"]) for row in high]
        ends = zip((0.06, 1.0), [_("none"), *most], strict=False)
        swatches = [(f"background:{charts.OBSERVED}; opacity:{strength}", said) for strength, said in ends]
    if known.height < cells.height:
        hatch = f"repeating-linear-gradient(135deg,{muted} 0 1px,transparent 1px 4px)"
        swatches.append((f"background:{hatch}", _("no value")))
    if cells["provisional"].any():
        swatches.append((f"border:1.5px dashed {muted}", _("provisional")))
    within = (pl.col("starts_on") >= cells["first"].min()) & (pl.col("starts_on") <= cells["last"].max())
    if events.filter(within, pl.col("population").is_in(["*", *cells["population"].unique()])).height:
        swatches.append((f"width:2px; background:{muted}", _("an event begins")))
    items = "".join(f"<span><i style='{style}'></i>{escape(said)}</span>" for style, said in swatches)
    return f"{_STYLE}<div class='steps'>{items}</div>"


def _in_range(days: pl.DataFrame, chosen: Chosen) -> pl.DataFrame:
    return days.filter(pl.col("time_value").is_between(chosen.first, chosen.last))


show.run(page)
