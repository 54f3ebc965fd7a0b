"""How the sources fare: a line each for the first page, and day by day for the page of data and methods."""

from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from barograph import gallery, health, wording
from barograph.health import Health, Stream
from barograph.language import gettext as _
from barograph.language import noted
from barograph.store import Snapshot
from barograph.stored import stored
from barograph.tables import COVERAGE, RUNS, SERIES, SOURCE_DAYS, SOURCES
from dashboard import cards, drawn

PAGE = "methods.py"
_MOST = 12
_STATES = {
    "fresh": (":material/check_circle:", noted("Fresh")),
    "late": (":material/schedule:", noted("Late")),
    "silent": (":material/error:", noted("Silent")),
    "empty": (":material/visibility_off:", noted("Empty")),
    "dropped": (":material/link_off:", noted("No longer read")),
}
"""State → its sign, of a shape of its own, and its word."""


@st.cache_data(max_entries=2, show_spinner=False, hash_funcs={Snapshot: lambda s: str(s.path)})
def _volumes(snapshot: Snapshot) -> pl.DataFrame:
    return health.volumes(snapshot.read(SOURCE_DAYS))


def _all(snapshot: Snapshot, run: dict[str, Any] | None) -> list[Health]:
    return health.sources(snapshot.read(SOURCES), _volumes(snapshot), run["now"] if run else None)


def _streams(snapshot: Snapshot, run: dict[str, Any] | None) -> dict[str, Stream]:
    found = health.streams(snapshot.read(COVERAGE), snapshot.read(SOURCES), run["now"] if run else None)
    return {stream.source: stream for stream in found}


def behind(snapshot: Snapshot, run: dict[str, Any] | None) -> None:
    """A warning for each stream of which posts are missing now."""
    for stream in _streams(snapshot, run).values():
        if stream.behind and stream.last:
            text = _(
                "Posts of **{source}** are missing: it was last read on {moment}. What is shown of later times is made "
                "without them."
            )
            st.warning(
                text.format(source=wording.plain(stream.source), moment=wording.plain(wording.moment(stream.last))),
                icon=":material/cloud_off:",
            )


def lines(snapshot: Snapshot, run: dict[str, Any] | None) -> None:
    """Each source in one line, those that fare worst first, and where more is told."""
    st.subheader(_("Sources"), anchor=False)
    found = _all(snapshot, run)
    if not found:
        st.markdown(f":gray[{_('No source has been read.')}]")
    streams = _streams(snapshot, run)
    for source in found:
        icon, state = _STATES[source.state]
        said = _said(source, streams.get(source.source))
        st.markdown(f"{icon} **{wording.plain(source.source)}** · {_(state)} :gray[· {wording.plain(said)}]")
    _quarantine_rising(snapshot)
    st.page_link(
        PAGE, label=_("Posts by day, delays, what was set aside"), query_params={"section": "sources"},
        icon=":material/arrow_forward:",
    )  # fmt: skip


def section(snapshot: Snapshot, run: dict[str, Any] | None) -> None:
    """Coverage, gaps and odd days of each source, what was set aside and why, languages not measured, delays."""
    found = _all(snapshot, run)
    if not found:
        st.markdown(f":gray[{_('No source has been read.')}]")
        return
    rows = {row["source"]: row for row in snapshot.read(SOURCES).iter_rows(named=True)}
    streams = _streams(snapshot, run)
    for source in found:
        icon, state = _STATES[source.state]
        st.subheader(f"{icon} {wording.plain(source.source)}: {_(state).lower()}", anchor=False)
        mine = _volumes(snapshot).filter(pl.col("source") == source.source)
        if mine.height:
            figure = gallery.volumes(source.source, mine)
            drawn.figure(figure, key=f"volumes-{source.source}", name=f"volumes_{source.source}")
        st.markdown(wording.plain(_said(source)))
        if stream := streams.get(source.source):
            _read(stream)
        _set_aside(source, rows[source.source]["quarantine_reasons"])
        _card(source.source, rows[source.source]["kind"])
    _quarantine_rising(snapshot)
    _delays(snapshot)


def _said(source: Health, stream: Stream | None = None) -> str:
    """What one asks of a source first, as clauses. stream: what it says of when it was read."""
    parts = []
    if source.last_post:
        parts.append(_("newest post {moment}").format(moment=wording.moment(source.last_post)))
    parts.append(wording.count(source.n_posts, "posts"))
    if source.last_post:
        days = wording.count(source.gaps, "days")
        parts.append(_("no post on {days} of the last 28").format(days=days) if source.gaps else _("no gap in 28 days"))
    if source.odd:
        parts.append(_("odd volume on {days} of them").format(days=wording.count(source.odd, "days")))
    if stream and stream.hours:
        parts.append(_("{time} missed in 28 days").format(time=wording.duration(stream.hours)))
    parts.append(
        _("{rows} set aside").format(rows=wording.count(source.n_quarantined, "rows")) if source.n_quarantined
        else _("nothing set aside")
    )  # fmt: skip
    said = "; ".join(parts)
    return said[:1].upper() + said[1:]


def _read(stream: Stream) -> None:
    """From when to when a stream was read, and what it missed."""
    parts = []
    if stream.first and stream.last:
        said = _("Read from {first} to {last}")
        parts.append(said.format(first=wording.moment(stream.first), last=wording.moment(stream.last)))
    ignored = wording.number(stream.n_ignored)
    events = _("{events}, {ignored} of them no posts")
    parts.append(events.format(events=wording.count(stream.n_events, "events"), ignored=ignored))
    parts.append(
        _("{time} missed in 28 days").format(time=wording.duration(stream.hours)) if stream.hours
        else _("nothing missed in 28 days")
    )  # fmt: skip
    st.markdown(wording.plain("; ".join(parts)))
    if stream.missed.is_empty():
        return
    st.markdown(f"**{_('Missed, and why')}**")
    table = [
        {
            _("From"): wording.moment(row["starts_at"]), _("To"): wording.moment(row["ends_at"]),
            _("How long"): wording.duration((row["ends_at"] - row["starts_at"]).total_seconds() / 3600),
            _("Reason"): wording.plain(stored(row["reason"]) if row["reason"] else _("not read then")),
        }
        for row in stream.missed.head(_MOST).iter_rows(named=True)
    ]  # fmt: skip
    st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Times that were missed, newest first."))
    if stream.missed.height > _MOST:
        st.caption(_("{n} more are left out.").format(n=wording.number(stream.missed.height - _MOST)))


def _set_aside(source: Health, reasons: str | None) -> None:
    """Reasons with their counts, as `sources` has them: `3 × text: empty; …`."""
    if reasons:
        st.markdown(f"**{_('Set aside, and why')}**")
        rows = [part.split(" × ", 1) for part in reasons.split("; ") if " × " in part]
        table = [
            {_("Rows"): wording.number(int(n)), _("Reason"): wording.plain(why)} for n, why in rows if n.isdecimal()
        ]
        if table:
            st.table(pl.DataFrame(table), border="horizontal", hide_index=True, alt=_("Rows set aside, by reason."))
    share = source.n_unmeasured / source.n_posts if source.n_posts else 0
    st.caption(
        _(
            "{posts} ({share}) are in a language without a word list: kept, not measured, and no part of any share."
        ).format(posts=wording.count(source.n_unmeasured, "posts"), share=wording.plain(wording.chance(share)))
    )


def _card(source: str, kind: str) -> None:
    """What its kind is: terms of use, whom it speaks for, biases, limits, deletes."""
    if text := cards.source(kind):
        label = _("What “{source}” can tell and what it asks: its card").format(source=wording.plain(source))
        with st.expander(label, icon=":material/description:"):
            cards.show(text)


def _quarantine_rising(snapshot: Snapshot) -> None:
    if (rising := health.quarantine_rising(snapshot.read(RUNS))) is not None:
        now, before = (wording.plain(wording.chance(share)) for share in rising)
        text = _("More rows are set aside: {now} of those the last run read, {before} before.")
        st.warning(text.format(now=now, before=before), icon=":material/rule:")


def _delays(snapshot: Snapshot) -> None:
    """How late posts arrive, from how the days of one population grew after they had closed."""
    st.subheader(_("How late posts arrive"), anchor=False)
    lines = snapshot.lines()
    # By word lists, as n_posts of an annotator's line are labels, which come after their day has closed.
    first = (pl.col("method") != "lexicon", pl.col("population") != "all", pl.col("population"))
    line = lines.sort(*first, pl.col("unit") != "posts", "marker", "method").row(0, named=True)
    where = {name: line[name] for name in ("marker", "population", "unit", "method")}
    found = health.late_share(snapshot.history(SERIES, as_of=datetime.max, where=where))
    if found is None:
        unknown = _("Not known yet: it takes a day that was published within two days of its end.")
        st.markdown(f":gray[{unknown}]")
        return
    share, days = found
    text = _(
        "Of the posts in population “{population}” on the last {days} that were published as they closed, {share} "
        "came after their day had closed. A day that grows is published again."
    )
    st.markdown(
        text.format(
            population=wording.plain(line["population"]),
            days=wording.count(days, "days"),
            share=wording.plain(wording.chance(share)),
        )
    )
