"""Many lines at a glance, and one in its distribution: days as a heatmap, months, what moves together, what events do."""

from datetime import date, timedelta
from html import escape

import polars as pl
import streamlit as st

from barograph import charts, correlation, deviation, patterns, wording
from barograph.charts.heatmap import steps
from barograph.language import gettext as _
from barograph.language import noted
from barograph.store import Snapshot
from barograph.tables import EVENTS, SERIES
from dashboard import distributions, drawn, selection, show
from dashboard.distributions import Chosen
from dashboard.show import Shown

_VIEWS = {
    "days": noted("Day by day"),
    "months": noted("Month by month"),
    "together": noted("What moves together"),
    "events": noted("Round events"),
}
_ROWS = {"marker": noted("Markers of a population"), "population": noted("Populations for a marker")}
_COLOURS = {"deviation": noted("How unusual"), "prevalence": noted("Prevalence")}
_RANGES = {"30": noted("30 days"), "90": noted("90 days"), "365": noted("A year"), "all": noted("All")}
_WAYS = {
    "adjusted": noted("Adjusted values"),
    "changes": noted("Daily changes"),
    "levels": noted("Daily values"),
}
_KINDS = {"all": noted("All"), "scheduled": noted("Scheduled"), "sudden": noted("Sudden")}
_STYLE = """<style>
.steps {display:flex; flex-wrap:wrap; gap:.15rem .8rem; font-size:.82rem; line-height:1.3}
.steps span {display:inline-flex; align-items:center; gap:.35em}
.steps i {display:inline-block; width:1.1em; height:.9em; flex:none; box-sizing:border-box}
</style>"""


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _days(snapshot: Snapshot, where: dict[str, str]) -> pl.DataFrame:
    return deviation.deviations(snapshot.read(SERIES, where=where))


def page(shown: Shown) -> None:
    """What to look at → which lines → which days → the chart."""
    st.header(_("Heatmap and distributions"), anchor=False)
    view = selection.View()
    what = view.one(
        st.segmented_control, _("Look at"), "view", list(_VIEWS), "days", lasts=False, required=True,
        label_visibility="collapsed", format_func=lambda name: _(_VIEWS[name]),
    )  # fmt: skip
    chosen = _choose(view, shown.lines, what)
    view.keep()
    days = _days(shown.snapshot, chosen.where)
    if what == "months":
        distributions.months(days, chosen)
    elif what == "events":
        distributions.events(shown.snapshot.read(EVENTS), days, chosen)
    elif what == "days":
        _heatmap(_in_range(days, chosen.range), chosen)
    else:
        _together(_in_range(days, chosen.range), chosen)


def _choose(view: selection.View, lines: pl.DataFrame, what: str) -> Chosen:
    """The controls of one view. What it does not ask for keeps what other pages and views chose."""
    many = what in ("days", "together")
    bar = selection.bar()
    lines = lines.filter(pl.col("unit") != "interactions")
    rows = view.one(
        bar.selectbox if many else None, _("Rows"), "rows", list(_ROWS), "marker", lasts=False,
        **({"format_func": lambda name: _(_ROWS[name])} if many else {}),
    )  # fmt: skip
    one = not many
    populations = lines["population"].unique().sort().to_list()
    draw = bar.selectbox if one or rows == "marker" else None
    population = view.one(draw, _("Population"), "population", populations, "all")
    mine = lines.filter(pl.col("population") == population) if one or rows == "marker" else lines
    markers = sorted(mine["marker"].unique(), key=selection.dimensions_first)
    draw = bar.selectbox if one or rows == "population" else None
    how = {"format_func": wording.label} if draw else {}
    marker = view.one(draw, _("Marker"), "marker", markers, markers[0], **how)
    if draw:
        mine = mine.filter(pl.col("marker") == marker)

    def named(name: str) -> str:
        return _(name).capitalize()

    units = sorted(mine["unit"].unique())
    unit = view.one(
        bar.segmented_control, _("Unit"), "unit", units, "authors", required=True, width="content", format_func=named
    )
    methods = sorted(mine.filter(pl.col("unit") == unit)["method"].unique())
    several = len(methods) > 1
    how = {"format_func": named, "help": wording.methods(methods)} if several else {}
    method = view.one(bar.selectbox if several else None, _("Method"), "method", methods, "lexicon", **how)
    length = view.one(
        bar.segmented_control if many else None, _("Range"), "range", list(_RANGES), "90",
        **({"required": True, "width": "content", "format_func": lambda name: _(_RANGES[name])} if many else {}),
    )  # fmt: skip
    colour, way, kind = "deviation", "adjusted", "all"
    if what == "days":
        colour = view.one(
            bar.segmented_control, _("Colour"), "colour", list(_COLOURS), "deviation", lasts=False, required=True,
            width="content", format_func=lambda name: _(_COLOURS[name]),
        )  # fmt: skip
    if what == "together":
        way = view.one(
            bar.selectbox, _("What is compared"), "way", list(_WAYS), "adjusted", lasts=False,
            help=_("Adjusted: without weekdays and trend."),
            format_func=lambda name: _(_WAYS[name]),
        )  # fmt: skip
    if what == "events":
        kind = view.one(
            bar.segmented_control, _("Events"), "kind", list(_KINDS), "all", lasts=False, required=True, width="content",
            format_func=lambda name: _(_KINDS[name]),
        )  # fmt: skip
    by_marker = one or rows == "marker"
    return Chosen(
        rows=rows, population=population if by_marker else None, marker=marker if one or rows == "population" else None,
        unit=unit, method=method, range=length, colour=colour, way=way, kind=kind,
    )  # fmt: skip


def _heatmap(days: pl.DataFrame, chosen: Chosen) -> None:
    """A row a line, a cell a day or week."""
    cells = deviation.cells(days)
    if cells["prevalence"].is_null().all():
        reasons = wording.plain(", ".join(sorted(set(cells["missing_reason"].drop_nulls()))))
        st.info(
            _("**No day has a value.** Reason: {reasons}. Small groups are not shown, so that no person can be made out.")
            .format(reasons=reasons), icon=":material/visibility_off:",
        )  # fmt: skip
    elif chosen.colour == "deviation" and cells["deviation"].is_null().all():
        st.info(
            _(
                "**Nothing can be called unusual yet.** That takes 28 known days before; colour by prevalence meanwhile."
            ),
            icon=":material/hourglass_empty:",
        )
    names = cells[chosen.rows].unique().to_list()
    order = sorted(names, key=selection.dimensions_first)
    title = chosen.title
    drawn.chart(
        charts.heatmap(cells, chosen.rows, order, shown=chosen.colour), key="heatmap", title=title,
        sentence=patterns.cells(cells, chosen.rows, title), rows=cells, name=chosen.file("heatmap"),
        head=_key(cells, chosen.colour),
    )  # fmt: skip
    st.caption(
        _("Unusual: how far a day is from the median of the 84 closed days before it, in units of their spread "
          "(interquartile range / 1.349). Every row has its own usual, so that colours compare rows and heights do not. "
          "Weekends are not taken out.")
        if chosen.colour == "deviation" else
        _("One scale for all rows: one that is pale throughout may still have moved much by its own measure.")
    )  # fmt: skip


def _together(days: pl.DataFrame, chosen: Chosen) -> None:
    """A triangle of correlations."""
    if chosen.rows == "marker":
        single = days.filter(~pl.col("marker").str.contains(":", literal=True))
        # A dimension counts the posts of its own markers again.
        days = single if single["marker"].n_unique() > 1 else days
    found = correlation.correlations(days, chosen.rows, chosen.way)
    if found.is_empty():
        st.info(
            _("**Nothing can be compared.** That takes two lines that move, and 28 closed days on which both have a "
              "value: choose a longer range."), icon=":material/hourglass_empty:",
        )  # fmt: skip
        return
    drawn.chart(
        charts.pairs(found, chosen.rows), key="together", title=chosen.title, rows=found, name=chosen.file("together"),
        sentence=patterns.pairs(found, chosen.title, chosen.way, chosen.rows),
    )  # fmt: skip
    names = set(days[chosen.rows].unique()) - set(found["a"]) - set(found["b"])
    if names:
        left_out = patterns.called([wording.label(n) if chosen.rows == "marker" else n for n in sorted(names)])
        said = _("Left out, as it has a value on fewer than half of the days or never moves: {names}.")
        st.caption(wording.plain(said.format(names=left_out)))
    if chosen.way == "levels":
        st.warning(
            _("Daily values that trend, or that all have weekends, correlate whatever they measure. Read this beside "
              "day-to-day changes."), icon=":material/warning:",
        )  # fmt: skip
    st.caption(
        _("Spearman’s r with 95 % intervals; days in a row count as fewer, as each is much like the day before. A filled cell is "
          "told apart from chance at a false discovery rate of 5 % over all pairs shown. Lines that are read in the same "
          "posts share their chance: a long, sad post moves several markers at once. Moving together is no cause.")
    )  # fmt: skip


def _key(cells: pl.DataFrame, colour: str) -> str:
    if colour == "deviation":
        swatches = [(f"background:{tint}; opacity:{strength}", said) for tint, strength, said in steps()]
    else:
        most = cells["prevalence"].max()
        kind = str(cells["value_kind"][0])
        ends = ((0.06, _("none")), (1.0, wording.level(float(most), kind))) if most is not None else ()  # type: ignore[arg-type]
        swatches = [(f"background:{charts.OBSERVED}; opacity:{strength}", said) for strength, said in ends]
    if cells["prevalence"].is_null().any():
        hatch = f"repeating-linear-gradient(135deg,{charts.MUTED} 0 1px,transparent 1px 4px)"
        swatches.append((f"background:{hatch}", _("no value")))
    if colour == "deviation" and cells["prevalence"].is_not_null().sum() > cells["deviation"].is_not_null().sum():
        dot = f"radial-gradient(circle,{charts.MUTED} 1.5px,transparent 2px)"
        swatches.append((f"background:{dot}", _("no usual yet")))
    if cells["provisional"].any():
        swatches.append((f"border:1.5px dashed {charts.MUTED}", _("provisional")))
    items = "".join(f"<span><i style='{style}'></i>{escape(said)}</span>" for style, said in swatches)
    return f"{_STYLE}<div class='steps'>{items}</div>"


def _in_range(days: pl.DataFrame, chosen: str) -> pl.DataFrame:
    last = days["time_value"].max()
    if chosen == "all" or not isinstance(last, date):
        return days
    return days.filter(pl.col("time_value") > last - timedelta(days=int(chosen)))


show.run(page)
