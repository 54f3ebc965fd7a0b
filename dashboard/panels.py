"""What surrounds the charts: what fires, how fresh it is, what is missing, what it must not be used for."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from barograph import wording
from barograph.clock import utc_now
from barograph.errors import Terminal
from dashboard import access, selection, voice

_STALE_DAYS = 2
_SILENT = timedelta(hours=3)
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
    about = "Mood expressed in public posts, by population and day. Never about a person."
    read = f"Posts read up to {wording.moment(run['now'])} · snapshot {snapshot}" if run else ""
    with st.container(horizontal=True, vertical_alignment="center", key="header"):
        mast = f"{_MAST}<div class='mast'><strong>barograph</strong><span>{about}</span><span>{read}</span></div>"
        st.html(mast, width="stretch")
        voice.choose()
        access.signed_in()


def nothing_published(home: Path) -> None:
    """Before the first snapshot."""
    with st.container(border=True):
        st.subheader("Nothing has been published yet", anchor=False)
        if not access.standing().may_ask:  # paths and commands concern those who run the monitor
            st.markdown("This page follows by itself.")
            return
        st.markdown(f"There is no snapshot in `{home}`. To see a simulated population, run")
        st.code(f"barograph run --source simulated --home {home}", language="bash")
        st.markdown("or read your own posts: `barograph run posts.jsonl`. This page follows by itself.")


def unreadable(error: Terminal) -> None:
    """A snapshot that is named but cannot be read."""
    st.error("**The published snapshot cannot be read.** What it held is not shown.", icon=":material/error:")
    if access.standing().may_ask:
        st.code(str(error), language=None, wrap_lines=True)
    st.markdown("`barograph run` publishes a new one; this page follows by itself.")


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


def stale(whose: str, closed: date, late: int) -> None:
    """Data older than the monitor's reading of it."""
    st.warning(
        f"**Stale data.** {whose} {wording.day(closed)}, {late} days before the monitor’s last reading: "
        "a source may have fallen silent.",
        icon=":material/history:",
    )


def freshness(lines: pl.DataFrame, run: dict[str, Any] | None) -> bool:
    """Say so where all data, or the monitor itself, is too old. Returns whether the data is fresh."""
    if run and run["command"] == "up" and utc_now() - run["started_at"] > _SILENT:
        st.warning(
            f"**The monitor has been silent** since {wording.moment(run['started_at'])}: "
            "what follows is what was known then.",
            icon=":material/history:",
        )
    closed = lines["last_closed"].max()
    if isinstance(closed, date) and (late := days_late(closed, run)):
        stale("The latest closed day of any population is", closed, late)
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
    also = f" {wording.count(pending, 'alerts')} pending." if pending else ""
    newest = lines["last_closed"].max()
    tested = lines.filter((pl.col("last_known") == newest) & (pl.col("last_closed") == newest)).height
    share = f"{tested:,} of {lines.height:,} lines have a value on the latest closed day.{also}"
    if not open_.height:
        if not tested:
            empty("Nothing can be tested", f"No line has a value on the latest closed day.{also}")
        elif not fresh:
            empty("No alert is firing, but data is stale", share)
        else:
            st.success(f"**No alert is firing.** {share}", icon=":material/check_circle:")
        return
    with st.container(border=True, key="alerts", gap="xsmall"):
        icon = ":red[:material/notifications_active:]" if firing else ":material/notifications:"
        st.markdown(f"**{icon} {wording.count(firing, 'alerts')} firing** :gray[· {share}]")
        for row in open_.head(_SHOWN).iter_rows(named=True):
            _alert(row)
        if open_.height > _SHOWN:
            with st.expander(f"{open_.height - _SHOWN} more"):
                for row in open_.tail(-_SHOWN).iter_rows(named=True):
                    _alert(row)


def _alert(row: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            selection.PAGE,
            label=wording.plain(f"{row['population']} · {wording.label(row['marker'])}"),
            query_params=selection.link(row),
            icon=":material/arrow_forward:",
        )
        if row["state"] != "firing":
            st.badge(row["state"], color="gray")
        st.markdown(f":gray[{evidence(row)}]")


def evidence(alert: dict[str, Any]) -> str:
    """What an alert rests on, as a clause."""
    threshold = wording.level(alert["threshold"]) if alert["threshold"] is not None else "its threshold"
    derived = "" if alert["percentile"] is None else f" ({wording.ordinal(alert['percentile'])} percentile)"
    beyond = f"{wording.side(alert['value'], alert['threshold'])} {threshold}{derived}"
    day, since = wording.weekday(alert["target"]), wording.weekday(alert["started_on"])
    if alert["p_high"] is not None:
        return f"P = {wording.chance(alert['p_high'])} of being above {threshold}{derived} on {day}, held since {since}"
    value = wording.interval(alert["value"], alert["lo"], alert["hi"])
    return f"{value} on {day}, {beyond} since {since}"


def gaps(series: pl.DataFrame, what: str) -> None:
    """Days without a value, and why, by population. series: days shown; what: their marker, unit and days."""
    st.subheader("What is censored, and why", anchor=False)
    reasons = sorted(series["missing_reason"].drop_nulls().unique())
    if not reasons:
        st.markdown(f":gray[Nothing: every population has a value on each of its days. {wording.plain(what)}.]")
        return
    st.caption(f"{wording.plain(what)}. A day with too few authors is not shown, so that no person can be made out.")
    missing = [
        (pl.col("missing_reason") == reason).sum().alias(wording.plain(reason.capitalize())) for reason in reasons
    ]
    population = pl.col("population").map_elements(wording.plain, pl.String).alias("Population")
    known = pl.col("prevalence").is_not_null().sum().alias("With a value")
    table = series.group_by(population).agg(pl.len().alias("Days"), known, *missing)
    alt = f"Days with and without a value. {what}."
    st.table(table.sort("Population"), border="horizontal", hide_index=True, alt=alt)


def sources(rows: pl.DataFrame) -> None:
    """What each source has brought, and what was set aside."""
    st.subheader("Sources", anchor=False)
    if not rows.height:
        st.markdown(":gray[No source has been read.]")
        return
    st.caption("Quarantined: set aside with a reason. Not measured: in a language without a word list.")
    table = pl.DataFrame(
        {
            "Source": wording.plain(row["source"]),
            "Coverage": wording.days(row["first_post"], row["last_post"]) if row["last_post"] else "–",
            "Posts": f"{row['n_posts']:,}",
            "Quarantined": f"{row['n_quarantined']:,}",
            "Why": wording.plain(row["quarantine_reasons"] or "–"),
            "Not measured": f"{row['n_unmeasured']:,}",
        }
        for row in rows.iter_rows(named=True)
    )
    st.table(table, border="horizontal", hide_index=True, alt="Posts and quarantined rows of each source.")


def notice() -> None:
    """What this must not be used for."""
    with st.container(border=True, key="notice"):
        st.markdown(
            "**:material/gpp_maybe: What this must not be used for.** These are shares of posts, or of "
            "authors’ posts, that *express* a feeling. They are the expressed language of populations, "
            "not illness: no diagnosis of anybody, and no estimate of how many people are ill. Never use "
            "them to find, follow, judge or moderate a person, and never for surveillance. Who posts is "
            "not who lives there, and a marker can rise because a topic came up. Read every value with "
            "its interval and the number of authors behind it."
        )
