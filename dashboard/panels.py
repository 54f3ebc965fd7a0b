"""What surrounds the charts: what fires, how fresh it is, what is missing, what it must not be used for."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from barograph import sentences, wording
from barograph.clock import utc_now
from barograph.errors import Terminal
from barograph.language import gettext as _
from barograph.language import ngettext
from barograph.stored import stored
from dashboard import access, selection, voice

_STALE_DAYS = 2
_SILENT = timedelta(hours=3)
_OF_UP = ("up", "forecasts", "retention")
"""Commands of runs that a clock starts."""
_SHOWN = 5
_MAST = """<style>
.mast {display:flex; flex-wrap:wrap; align-items:baseline; gap:.1rem 1rem; font-size:.875rem}
.mast strong {font-size:1.35rem; letter-spacing:-.01em}
.mast span {opacity:.72}
.mast span:nth-child(2) {flex:1 1 20rem}
.st-key-header > :first-child {flex:1 1 16rem; min-width:0}
</style>"""


def header(run: dict[str, Any] | None = None, snapshot: str = "") -> None:
    """Name of the house, what it is about, and up to when it has read."""
    about = _("Mood expressed in public posts, by population and day. Never about a person.")
    read = _("Posts read up to {moment} · snapshot {snapshot}")
    read = read.format(moment=wording.moment(run["now"]), snapshot=snapshot) if run else ""
    with st.container(horizontal=True, vertical_alignment="center", key="header"):
        mast = f"{_MAST}<div class='mast'><strong>barograph</strong><span>{about}</span><span>{read}</span></div>"
        st.html(mast, width="stretch")
        voice.choose()
        access.signed_in()


def nothing_published(home: Path) -> None:
    """Before the first snapshot."""
    with st.container(border=True):
        st.subheader(_("Nothing has been published yet"), anchor=False)
        if not access.standing().may_ask:  # paths and commands concern those who run the monitor
            st.markdown(_("This page follows by itself."))
            return
        st.markdown(_("There is no snapshot in `{home}`. To see a simulated population, run").format(home=home))
        st.code(f"barograph run --source simulated --home {home}", language="bash")
        st.markdown(_("or read your own posts: `barograph run posts.jsonl`. This page follows by itself."))


def unreadable(error: Terminal) -> None:
    """A snapshot that is named but cannot be read."""
    st.error(_("**The published snapshot cannot be read.** What it held is not shown."), icon=":material/error:")
    if access.standing().may_ask:
        st.code(str(error), language=None, wrap_lines=True)
    st.markdown(_("`barograph run` publishes a new one; this page follows by itself."))


def empty(what: str, why: str) -> None:
    """A state without data: never green, for it is not calm."""
    st.info(f"**{what}.** {why}", icon=":material/visibility_off:")


def last_run(runs: pl.DataFrame) -> dict[str, Any] | None:
    """The newest run that knew its `now`."""
    known = runs.drop_nulls("now").sort("started_at")
    return known.row(-1, named=True) if known.height else None


def days_late(closed: date, run: dict[str, Any] | None) -> int:
    """Days from `closed` to the run's `now` where they are more than 2, else 0."""
    days = (run["now"].date() - closed).days if run else 0
    return days if days > _STALE_DAYS else 0


def stale(closed: date, late: int, population: str | None = None) -> None:
    """Data older than the monitor's reading of it: of one population, or of all."""
    day = wording.day(closed)
    if population is None:
        said = _(
            "**Stale data.** The latest closed day of any population is {day}, {late} days before the monitor’s last "
            "reading: a source may have fallen silent."
        ).format(day=day, late=late)
    else:
        said = _(
            "**Stale data.** The latest closed day of {population} is {day}, {late} days before the monitor’s last "
            "reading: a source may have fallen silent."
        ).format(day=day, late=late, population=population)
    st.warning(said, icon=":material/history:")


def freshness(lines: pl.DataFrame, run: dict[str, Any] | None) -> bool:
    """Say so where all data, or the monitor itself, is too old. Returns whether the data is fresh."""
    if run and run["command"] in _OF_UP and utc_now() - run["started_at"] > _SILENT:
        st.warning(
            _("**The monitor has been silent** since {moment}: what follows is what was known then.").format(
                moment=wording.moment(run["started_at"])
            ),
            icon=":material/history:",
        )
    closed = lines["last_closed"].max()
    if isinstance(closed, date) and (late := days_late(closed, run)):
        stale(closed, late)
        return False
    return True


def alerts(rows: pl.DataFrame, lines: pl.DataFrame, *, fresh: bool) -> None:
    """Firing alerts of all populations; without one, whether that is calm or blindness."""
    state = pl.col("state")
    open_ = rows.filter(state.is_in(["firing", "acknowledged"])).sort(
        state != "firing", pl.col("level") != "red", "started_on", "population", "marker"
    )
    firing = open_.filter(state == "firing").height
    pending = rows.filter(state == "pending").height
    also = " " + _("{alerts} pending.").format(alerts=wording.count(pending, "alerts")) if pending else ""
    latest = pl.col("last_closed") == pl.col("last_closed").max()
    tested = lines.filter(latest, pl.col("last_known") == pl.col("last_closed")).height
    share = _("{tested} of {lines} lines have a value on the latest closed day.") + also
    share = share.format(tested=wording.number(tested), lines=wording.number(lines.height))
    if not open_.height:
        if not tested:
            empty(_("Nothing can be tested"), _("No line has a value on the latest closed day.") + also)
        elif not fresh:
            empty(_("No alert is firing, but data is stale"), share)
        else:
            st.success(f"**{_('No alert is firing.')}** {share}", icon=":material/check_circle:")
        _lacking(lines.height - tested)
        return
    with st.container(border=True, key="alerts", gap="xsmall"):
        icon = ":red[:material/notifications_active:]" if firing else ":material/notifications:"
        n = ngettext("{alerts} firing", "{alerts} firing", firing).format(alerts=wording.count(firing, "alerts"))
        st.markdown(f"**{icon} {n}** :gray[· {share}]")
        for row in open_.head(_SHOWN).iter_rows(named=True):
            _alert(row)
        if open_.height > _SHOWN:
            more = _("{n} more").format(n=wording.number(open_.height - _SHOWN))
            st.page_link("alerts.py", label=more, icon=":material/notifications:")
    _lacking(lines.height - tested)


def _lacking(n: int) -> None:
    """Where it is told which lines have no value on the latest closed day."""
    if n:
        label = _("{lines} without a value: which, and why").format(lines=wording.count(n, "lines"))
        section = {"section": "missing"}
        st.page_link("methods.py", label=label, query_params=section, icon=":material/visibility_off:")


def _alert(row: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            selection.PAGE,
            label=wording.plain(f"{row['population']} · {wording.label(row['marker'])}"),
            query_params=selection.link(row),
            icon=":material/arrow_forward:",
        )
        if row["state"] != "firing":
            st.badge(stored(row["state"]), color="gray")
        st.markdown(f":gray[{sentences.evidence(row)}]")


def gaps(days: pl.DataFrame, what: str) -> None:
    """Days without a value, and why, by population. what: their marker, unit and days.

    days: as `Snapshot.days_without` has them.
    """
    st.subheader(_("What is censored, and why"), anchor=False)
    reasons = sorted(days["missing_reason"].drop_nulls().unique())
    if not reasons:
        nothing = _("Nothing: every population has a value on each of its days. {what}.")
        st.markdown(f":gray[{nothing.format(what=wording.plain(what))}]")
        return
    withheld = _("{what}. A day with too few authors is not shown, so that no person can be made out.")
    st.caption(withheld.format(what=wording.plain(what)))
    n, why = pl.col("days"), pl.col("missing_reason")
    missing = [n.filter(why == reason).sum().alias(wording.plain(stored(reason).capitalize())) for reason in reasons]
    population = pl.col("population").map_elements(wording.plain, pl.String).alias(_("Population"))
    known = n.filter(why.is_null()).sum().alias(_("With a value"))
    table = days.group_by(population).agg(n.sum().alias(_("Days")), known, *missing)
    alt = _("Days with and without a value. {what}.").format(what=what)
    st.table(table.sort(_("Population")), border="horizontal", hide_index=True, alt=alt)


def sources(rows: pl.DataFrame) -> None:
    """What each source has brought, and what was set aside."""
    st.subheader(_("Sources"), anchor=False)
    if not rows.height:
        st.markdown(f":gray[{_('No source has been read.')}]")
        return
    st.caption(_("Quarantined: set aside with a reason. Not measured: in a language without a word list."))
    table = pl.DataFrame(
        {
            _("Source"): wording.plain(row["source"]),
            _("Coverage"): wording.days(row["first_post"], row["last_post"]) if row["last_post"] else "–",
            _("Posts"): wording.number(row["n_posts"]),
            _("Quarantined"): wording.number(row["n_quarantined"]),
            _("Why"): wording.plain(row["quarantine_reasons"] or "–"),
            _("Not measured"): wording.number(row["n_unmeasured"]),
        }
        for row in rows.iter_rows(named=True)
    )
    st.table(table, border="horizontal", hide_index=True, alt=_("Posts and quarantined rows of each source."))


def notice() -> None:
    """What this must not be used for."""
    with st.container(border=True, key="notice"):
        title = _("What this must not be used for")
        st.markdown(f"**:material/gpp_maybe: {title}.** {_(sentences.NOT_FOR)}")
