"""What the numbers rest on, a section each: sources, what is missing, what reads the posts, versions, right use."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

import barograph
from barograph import health, wording
from barograph.language import gettext as _
from barograph.language import heard, noted
from barograph.store import Snapshot
from barograph.stored import stored
from barograph.tables import LINE, PUBLISHED, RUNS
from dashboard import panels, readers, selection, show, sources
from dashboard.show import Shown

_DAYS = 84
_SHOWN_RUNS = 12
_MOST = 40


def page(shown: Shown) -> None:
    """Choose a section → the section."""
    st.header(_("Data and methods"), anchor=False)
    view = selection.View()
    section = view.one(
        st.pills, _("Section"), "section", list(_SECTIONS), "sources", lasts=False, required=True,
        format_func=lambda name: _(_SECTIONS[name][0]), label_visibility="collapsed",
    )  # fmt: skip
    _SECTIONS[section][1](shown, view)
    view.keep()


def _sources(shown: Shown, _view: selection.View) -> None:
    sources.section(shown.snapshot, shown.run)


@st.cache_data(max_entries=2, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _known(snapshot: Snapshot, since: date) -> pl.DataFrame:
    return snapshot.known(since)


def _missing(shown: Shown, _view: selection.View) -> None:
    """Which lines lack a value on the latest closed day and why; how much of each population is withheld."""
    newest = shown.lines["last_closed"].max()
    if not isinstance(newest, date):
        panels.empty(_("No day has closed yet"), _("Until then nothing is missing."))
        return
    known = _known(shown.snapshot, newest - timedelta(days=_DAYS - 1))
    rows = health.missing(known)
    # Those that closed no day in all that time have no row there at all.
    silent = shown.lines.join(known, on=LINE, how="anti").with_columns(reason=pl.lit("no closed day so late"))
    rows = pl.concat([rows, silent.select(rows.columns)])
    n = wording.count(shown.lines.height, "lines")
    st.markdown(
        _("**{known} of {n} have a value on {day}**, the latest closed day.").format(
            known=wording.number(shown.lines.height - rows.height), n=n, day=wording.day(newest)
        )
    )
    if rows.is_empty():
        st.markdown(f":gray[{_('No line lacks one.')}]")
    else:
        why = rows.group_by("reason").len().sort("len", "reason", descending=[True, False])
        st.markdown("\n".join(f"- {wording.count(k, 'lines')}: {_because(r)}" for r, k in why.iter_rows()))
        where = rows.group_by("population", "unit", "method", "reason", maintain_order=True).agg(
            pl.col("marker").map_elements(heard(wording.label), return_dtype=pl.String).str.join(", "),
            pl.col("last_known").max(),
        )
        table = [
            {
                _("Population"): wording.plain(row["population"]),
                _("Counted by"): f"{_(row['unit'])}, {_(row['method'])}",
                _("Reason"): wording.plain(stored(row["reason"])),
                _("Last value"): wording.weekday(row["last_known"]) if row["last_known"] else _("none in 84 days"),
                _("Markers"): wording.plain(row["marker"]),
            }
            for row in where.head(_MOST).iter_rows(named=True)
        ]
        st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Lines without a value, and why."))
        if where.height > _MOST:
            st.caption(_("{n} more are left out.").format(n=wording.number(where.height - _MOST)))
    st.subheader(_("How much is withheld"), anchor=False)
    st.caption(
        _(
            "Of the values of each population in the last {days} closed days. A day with too few authors is not "
            "shown, so that no person can be made out."
        ).format(days=_DAYS)
    )
    few = pl.col("missing_reason").str.starts_with("fewer than").fill_null(value=False)
    shares = known.group_by("population").agg(
        pl.len().alias("n"), pl.col("known").mean(), few.mean().alias("censored"),
        (~pl.col("known") & ~few).mean().alias("other"),
    ).sort("censored", "population", descending=[True, False])  # fmt: skip
    table = [
        {
            _("Population"): wording.plain(row["population"]), _("Values"): wording.number(row["n"]),
            _("Shown"): _share(row["known"]), _("Too few authors"): _share(row["censored"]),
            _("Missing for another reason"): _share(row["other"]),
        }
        for row in shares.iter_rows(named=True)
    ]  # fmt: skip
    st.table(
        pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Share of values withheld, by population.")
    )


def _share(value: float) -> str:
    return wording.plain(wording.chance(value))  # a > before a number would begin a quotation


def _because(reason: str) -> str:
    """A reason with what it means."""
    means = {
        "no posts": _("nothing was posted, or nothing reached the monitor"),
        "authors unknown": _("the source does not say who posts, so that nobody can tell how many they are"),
        "no closed day so late": _("the line ends earlier: its population has brought no post since"),
    }
    told = (
        _("withheld, so that no person can be made out") if reason.startswith("fewer than") else means.get(reason, "")
    )
    said = stored(reason)
    return wording.plain(f"{said} ({told})" if told else said)


def _versions(shown: Shown, _view: selection.View) -> None:
    """Snapshot, project and tables; the last runs."""
    runs = shown.snapshot.read(RUNS).sort("started_at", descending=True)
    versions = sorted(set(runs["version"]))
    st.markdown(
        _("Snapshot **{snapshot}** · published by barograph {versions}, shown by {shown}").format(
            snapshot=shown.snapshot.path.stem, versions=", ".join(versions), shown=barograph.__version__
        )
    )
    st.subheader(_("The last runs"), anchor=False)
    table = [
        {
            _("Started"): wording.moment(row["started_at"]), _("Command"): row["command"],
            _("Status"): _(row["status"]), _("Took"): _took(row), _("Read"): wording.number(row["n_read"]),
            _("New"): wording.number(row["n_new"]), _("Set aside"): wording.number(row["n_quarantined"]),
            _("Values"): wording.number(row["n_cells"]), _("Forecasts"): wording.number(row["n_forecasts"]),
            _("Version"): row["version"],
        }
        for row in runs.head(_SHOWN_RUNS).iter_rows(named=True)
    ]  # fmt: skip
    st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("The last runs, newest first."))
    st.subheader(_("Tables"), anchor=False)
    sizes = shown.snapshot.sizes()
    table = [
        {
            _("Table"): table.name, _("Rows"): wording.number(sizes.get(table.name, 0)),
            _("What it holds"): wording.plain(table.doc),
        }
        for table in PUBLISHED
    ]  # fmt: skip
    st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Published tables, with rows."))


def _took(row: Mapping[str, Any]) -> str:
    if row["finished_at"] is None:
        return "–"
    seconds = (row["finished_at"] - row["started_at"]).total_seconds()
    if seconds < 90:
        return _("{n} s").format(n=wording.number(round(seconds)))
    return _("{n} min").format(n=wording.number(round(seconds / 60)))


def _use(_shown: Shown, _view: selection.View) -> None:
    """What the numbers are, and what they are not; the notice below every page says the shortest of it."""
    for title, text in (
        (_("What a value is"), _(
            "A share of posts, or the mean of authors’ own shares, that *express* a marker by a word list or as "
            "labelled. It is language of a population, measured with error: read it with its interval and the "
            "authors behind it."
        )),
        (_("Who is behind it"), _(
            "Whoever posts in the sources read here, in the languages measured. They are not the people who live "
            "somewhere, and who posts changes with topics, platforms and their rules. Posts in other languages are "
            "unknown, not calm."
        )),
        (_("What it must not be used for"), _(
            "No diagnosis, no estimate of how many are ill, no finding, following, judging or moderating of any "
            "person, no surveillance. Nothing here holds a text, a name or a key of an author."
        )),
        (_("Before acting on an alert"), _(
            "See whether the day is suspect, whether one source or one account makes it, what the terms behind it "
            "are, and how often the rule was right. A marker can rise because a topic came up."
        )),
        (_("Forecasts"), _(
            "They know the past of these lines and declared events, not what will happen. Their record says what "
            "they were worth; where a plain model does as well, the plain model is published."
        )),
    ):  # fmt: skip
        st.markdown(f"**{title}**\n\n{text}")


# What `?section=` names → its title and what shows it.
_SECTIONS: dict[str, tuple[str, Callable[[Shown, selection.View], None]]] = {
    "sources": (noted("Sources"), _sources),
    "missing": (noted("What is missing"), _missing),
    "lexicons": (noted("Word lists"), readers.lexicons),
    "annotators": (noted("Annotators"), readers.annotators),
    "forecasts": (noted("Forecast model"), readers.forecasts),
    "versions": (noted("Versions and runs"), _versions),
    "use": (noted("Use"), _use),
}
show.run(page)
