"""The parts of the page around the charts: what is firing, how fresh it is, what is missing, what it must not be used for."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from barograph import wording
from barograph.errors import Terminal
from dashboard import selection

STALE = timedelta(days=2)
_SILENT = timedelta(hours=3)
_SHOWN = 5


def header(run: dict[str, Any] | None, snapshot: str | None) -> None:
    """Name of the house, what it is about, and up to when it has read."""
    st.html(
        "<div class='barograph-mast'><h1>barograph</h1>"
        "<p>Mood expressed in public posts, by population and day. It never speaks about a person.</p></div>"
        "<style>"
        ".barograph-mast{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem 1rem}"
        ".barograph-mast h1{font-size:1.35rem;font-weight:700;letter-spacing:-.01em;margin:0;padding:0}"
        ".barograph-mast p{margin:0;opacity:.75;font-size:.95rem}"
        "</style>"
    )  # fmt: skip
    if run and run["now"]:
        st.caption(f"Posts read up to {wording.moment(run['now'])} · snapshot {snapshot} · all times UTC")


def last_run(runs: pl.DataFrame) -> dict[str, Any] | None:
    """The newest run that knew its `now`."""
    known = runs.drop_nulls("now").sort("started_at")
    return known.row(-1, named=True) if known.height else None


def nothing_published(home: Path) -> None:
    """Before the first snapshot."""
    with st.container(border=True):
        st.subheader("Nothing has been published yet", anchor=False)
        st.markdown(f"There is no snapshot in `{home}`. To see a simulated population, run")
        st.code(f"barograph run --source simulated --home {home}", language="bash")
        st.markdown("or name your own posts: `barograph run posts.jsonl`. This page follows by itself.")


def unreadable(error: Terminal) -> None:
    """A snapshot that is named but cannot be read."""
    st.error("**The published snapshot cannot be read.** Nothing on this page can be trusted until it is.", icon=":material/error:")
    st.code(str(error), language=None, wrap_lines=True)
    st.markdown("Run `barograph run` to publish a new one; this page follows by itself.")


def empty(what: str, why: str) -> None:
    """A state without data: grey, never green."""
    st.info(f"**{what}.** {why}", icon=":material/data_alert:")


def freshness(lines: pl.DataFrame, run: dict[str, Any] | None) -> None:
    """Say so where the newest closed day, or the monitor itself, is older than it should be."""
    if run is None:
        return
    closed = lines["last_closed"].max()
    if closed is not None and run["now"].date() - closed > STALE:  # type: ignore[operator]
        days = (run["now"].date() - closed).days  # type: ignore[operator]
        st.warning(
            f"**Stale data.** The latest closed day with posts is {wording.day(closed)}, {days} days before the "  # type: ignore[arg-type]
            f"monitor’s last reading. A source may have fallen silent: see Sources below.", icon=":material/history:",
        )  # fmt: skip
    age = datetime.now() - run["started_at"]
    if run["command"] == "up" and age > _SILENT:
        st.warning(
            f"**The monitor has been silent** since {wording.moment(run['started_at'])}. What you see is what was known then.",
            icon=":material/heart_broken:",
        )  # fmt: skip


def alerts(rows: pl.DataFrame, lines: pl.DataFrame) -> None:
    """Firing alerts of all populations; without one, whether that is calm or blindness."""
    urgent = rows.filter(pl.col("state").is_in(["firing", "acknowledged"])).sort(
        pl.col("state") != "firing", pl.col("level") != "red", "started_on", "population", "marker"
    )
    pending = rows.filter(pl.col("state") == "pending").height
    also = f" {wording.count(pending, 'alerts')} pending." if pending else ""
    testable = lines.filter((pl.col("last_known") == pl.col("last_closed")) & (pl.col("last_closed") == pl.col("last_closed").max()))
    share = f"{testable.height:,} of {lines.height:,} lines have a value on the latest closed day"
    if not urgent.height:
        if not testable.height:
            empty("Nothing can be tested", f"No line has a value on its latest closed day, so no alert could fire.{also}")
        else:
            st.success(f"**No alert is firing.** {share}.{also}", icon=":material/check_circle:")
        return
    with st.container(border=True, key="alerts"):
        firing = urgent.filter(pl.col("state") == "firing").height
        st.markdown(f"**:red[:material/notifications_active:] {wording.count(firing, 'alerts')} firing** :gray[· {share}.{also}]")
        for row in urgent.head(_SHOWN).iter_rows(named=True):
            _alert(row)
        if urgent.height > _SHOWN:
            with st.expander(f"{urgent.height - _SHOWN} more"):
                for row in urgent.tail(-_SHOWN).iter_rows(named=True):
                    _alert(row)


def _alert(row: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            selection.PAGE, label=f"{row['population']} · {wording.label(row['marker'])}",
            query_params=selection.link(row), icon=":material/arrow_forward:",
        )  # fmt: skip
        if row["state"] != "firing":
            st.badge(row["state"], color="gray")
        st.markdown(f":gray[{evidence(row)}]")


def evidence(alert: dict[str, Any]) -> str:
    """What an alert rests on, in a sentence without its end."""
    threshold = wording.level(alert["threshold"]) if alert["threshold"] is not None else "its threshold"
    above = f"above {threshold} ({wording.ordinal(alert['percentile'])} percentile)"
    if alert["p_high"] is not None:
        return f"P = {alert['p_high']:.0%} of being {above} on {wording.day(alert['target'])}"
    value = wording.interval(alert["value"], alert["lo"], alert["hi"])
    since = wording.day(alert["started_on"])
    return f"{value} on {wording.day(alert['target'])}, {above}, since {since}"


def notice() -> None:
    """What this must not be used for."""
    with st.container(border=True, key="notice"):
        st.markdown(
            "**:material/gpp_maybe: What this must not be used for.** These are shares of posts, or of authors, that "
            "*express* a feeling in the words of a published word list. They are expressed language of populations, not "
            "illness: no diagnosis of anybody, and no estimate of how many people are ill. Never use them to find, follow, "
            "judge or moderate a person, and never for surveillance. Who posts is not who lives there; a marker can rise "
            "because the topic changed. Read every value with its interval and with the number of authors behind it."
        )
