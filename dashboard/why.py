"""Why a line moved: the words behind a change, who posts against what they express, and what to make of it."""

from datetime import datetime
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from barograph import charts, line, many, sentences, signs, wording
from barograph.figure import Figure
from barograph.language import gettext as _
from barograph.language import noted
from barograph.signs import Sign
from barograph.stored import stored
from barograph.tables import ALERTS, CUES, OTHER
from dashboard import drawn, moved, selection, show
from dashboard.headline import STYLE, cell
from dashboard.show import Shown

_KINDS = {
    signs.ROLLING: noted("Last {length}: {days}"),
    signs.ALERT: noted("Alert: {days}"),
    signs.HIGH: noted("High prevalence: {days}"),
}
_LOOKS = {
    "flag": ("!", noted("Look at this")),
    "calm": ("✓", noted("No doubt here")),
    "blind": ("–", noted("Cannot be seen")),
}
_STYLE = """<style>
.signs {list-style:none; margin:0; padding:0; display:grid; gap:.35rem}
.signs li {display:grid; grid-template-columns:1.6rem 1fr; margin:0; padding:0; line-height:1.4}
.signs b {display:inline-grid; place-items:center; width:1.15rem; height:1.15rem; border-radius:50%; font-size:.75rem;
  border:1.5px solid currentColor; margin-top:.15rem; opacity:.65}
.signs .flag b {background:#D55E00; border-color:#D55E00; color:#fff; opacity:1}
.signs .calm b {border-color:#009E73; opacity:1}
.signs .blind b {border-style:dashed}
.signs .blind span {opacity:.72}
</style>"""


def page(shown: Shown) -> None:
    """Select a line and a period → what may be behind it → its words → who posts → what annotators saw."""
    st.header(_("Why it moved"), anchor=False)
    lines = shown.lines.filter(pl.col("unit") != "interactions")
    if lines.is_empty():
        st.info(_("**No marker is published.** Polarization has a page of its own."), icon=":material/visibility_off:")
        return
    view, bar = selection.View(), selection.bar()
    key = _line(view, bar, lines)
    where = {name: key[name] for name in ("marker", "population", "unit")}
    shifts = line.shifts(shown.snapshot, key["marker"], key["population"], key["unit"])
    alerts = shown.snapshot.history(ALERTS, as_of=datetime.max, where=key)
    mine = shown.lines.filter(pl.all_horizontal([pl.col(name) == value for name, value in where.items()]))
    kinds = signs.periods(shifts, alerts, mine["last_closed"].max())  # type: ignore[arg-type]
    if not kinds:
        view.keep()
        moved.nothing()
        return
    options = sorted(kinds, key=lambda period: (signs.ROLLING, signs.ALERT, signs.HIGH).index(kinds[period]))
    period = view.one(
        bar.selectbox, _("Period"), "period", options, signs.usual(list(kinds)), lasts=False,
        format_func=lambda period: _called(period, kinds[period]),
    )  # fmt: skip
    view.keep()
    rows = shifts.filter(pl.col("period") == period)
    every = shown.snapshot.read(CUES, where=where)
    cues = signs.cues_about(every, period)
    title = _("Why {marker} moved in {population}: {days}").format(
        marker=wording.label(key["marker"]), population=key["population"], days=many.said_days(period)
    )
    _told(rows, cues, title)
    name = "_".join([*where.values(), "why", period])
    left, right = st.columns([3, 2], gap="large")
    with left:
        drawn.chart(
            charts.shift(rows), key="why-terms", title=_("What each term adds to the change"), rows=rows, name=name,
            sentence=sentences.shift(rows, key["marker"]),
        )  # fmt: skip
        _table(rows)
    with right:
        few = _("Too few authors post in both periods to tell who posts from what they express.")
        _beside(many.parts(rows), "why-parts", f"{name}_parts", _("Mix against rate"), few)
        none = _("None are published for these days: that takes an annotation of this very marker, not of a dimension, "
                 "and enough authors behind each cue.")  # fmt: skip
        _beside(many.cues(every, rows), "why-cues", f"{name}_cues", _("Cues that annotators saw"), none)
    _meaning()
    st.page_link(
        selection.PAGE, label=_("See the line"), query_params=selection.link(key), icon=":material/show_chart:"
    )


def _line(view: selection.View, bar: Any, lines: pl.DataFrame) -> dict[str, str]:
    """Population, marker and unit. The method stays what it was: words are counted with word lists, whatever it is."""
    populations = lines["population"].unique().sort().to_list()
    population = view.one(bar.selectbox, _("Population"), "population", populations, "all")
    mine = lines.filter(pl.col("population") == population)
    markers = sorted(mine["marker"].unique(), key=selection.dimensions_first)
    marker = view.one(bar.selectbox, _("Marker"), "marker", markers, markers[0], format_func=wording.label)
    mine = mine.filter(pl.col("marker") == marker)
    units = sorted(mine["unit"].unique())
    unit = view.one(
        bar.segmented_control, _("Unit"), "unit", units, "authors", required=True, width="content",
        format_func=lambda name: stored(name).capitalize(),
    )  # fmt: skip
    methods = mine.filter(pl.col("unit") == unit)["method"].to_list()
    method = view.one(None, _("Method"), "method", methods, "lexicon")
    return {"population": population, "marker": marker, "unit": unit, "method": method}


def _told(rows: pl.DataFrame, cues: pl.DataFrame, title: str) -> None:
    """What may be behind it: in a clause, in figures, and sign by sign."""
    found, row = signs.signs(rows, cues), rows.row(0, named=True)
    st.subheader(wording.plain(title), anchor=False)
    st.html(f"{STYLE}<dl class='headline' style='padding:0'>{''.join(_cells(row, signs.moves(rows), found))}</dl>")
    st.html(f"{_STYLE}<ul class='signs' style='margin:.25rem 0 .5rem; padding:0'>{''.join(map(_sign, found))}</ul>")


def _cells(row: dict[str, Any], spread: signs.Moves, found: list[Sign]) -> list[str]:
    flagged = {sign.about for sign in found if sign.look == "flag"}

    def look(*about: str) -> str:
        return "pending" if flagged & set(about) else "calm"

    authors, before = (wording.count(row[f"{when}_authors"], "authors") for when in ("period", "reference"))
    change = wording.change_interval(row["change"], row["change_lo"], row["change_hi"])
    against = _("against {days}; {authors}, before {authors_before}").format(
        days=many.said_days(row["reference"]), authors=authors, authors_before=before
    )
    top = row["change_top_account_share"]
    account = wording.at_most(top) if top is not None else _("Unknown")
    half = _("Terms too rare to name") if spread.half is None else wording.count(spread.half, "terms")
    rest = _("{share} of all moves are of terms not named").format(share=wording.chance(spread.rest))
    return [
        cell(_("What it may be"), signs.reading(found), _("the most serious doubt below, if any"), look(*signs.ABOUT)),
        cell(_("Change"), change, against, look("chance")),
        cell(_("Largest account"), account, _("of all accounts’ moves, up or down"), look("account")),
        cell(_("Half of all moves"), half, rest, look("term", "rest")),
    ]


def _sign(sign: Sign) -> str:
    mark, said = _LOOKS[sign.look]
    return (
        f"<li class='{sign.look}'><b role='img' aria-label='{escape(_(said), quote=True)}'>{mark}</b>"
        f"<span>{escape(sign.text)}</span></li>"
    )


def _beside(figure: Figure | None, key: str, name: str, title: str, why_not: str) -> None:
    """A chart that may not be there: else its title, and why."""
    if figure is None:
        st.html(f"<strong>{escape(title)}</strong>")
        st.markdown(f":gray[{why_not}]")
    else:
        drawn.figure(figure, key=key, name=name)


def _table(rows: pl.DataFrame) -> None:
    """The terms in words, for whoever cannot point at a bar."""
    with st.expander(_("The terms as a table"), icon=":material/table_rows:"):
        table = pl.DataFrame(
            {
                _("Term"): wording.plain(_("(other)") if row["term"] == OTHER else row["term"]),
                _("Contribution"): wording.change_interval(row["contribution"], row["lo"], row["hi"]),
                _("Authors who used it"): wording.number(row["n_authors"]),
                _("Largest account’s move"): "–" if (top := row["top_account_share"]) is None else wording.at_most(top),
            }
            for row in rows.iter_rows(named=True)
        )
        st.table(table, border="horizontal", hide_index=True, alt=_("Contributions of terms to the change."))


def _meaning() -> None:
    with st.expander(_("What this says, and what it does not"), icon=":material/menu_book:"):
        st.markdown(
            _("""\
- **A term’s part.** A post that expresses the marker through several terms gives each an equal part of itself. The
  parts of all terms add up to the change. Only terms that enough authors used in both periods are named.
- **Mix and rate.** The rate is what the same authors express more or less than before. The mix is who came, who left,
  and who posts more often. Where most authors write once, nearly all of any change is mix.
- **The largest account.** Of all accounts’ moves, up or down, the largest one’s part. It is no part of the change, in
  which moves up and down cancel: a large one says that one account could make the picture.
- **A word that changed.** A title, a slogan or an event can make a word frequent that means no feeling. It shows as one
  or two terms that make half of all moves, often with the cues “report”, “quotation” or “joke”.
- **A mood.** Many terms move one way, no account stands out, and the same authors express more of it.
- These are limits on published figures, not tests. No words of any post are shown, and none are kept for it.""")
        )


def _called(period: str, kind: str) -> str:
    """`2026-03-25/2026-03-31` → Last 7 days: 25 Mar – 31 Mar 2026."""
    first, last = sentences.days(period)
    length = wording.count((last - first).days + 1, "days")
    return _(_KINDS[kind]).format(length=length, days=many.said_days(period))


show.run(page)
