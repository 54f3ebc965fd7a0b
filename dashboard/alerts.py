"""The alerts: which are open, one of them in full, what people ask of the monitor, how each rule has done."""

from typing import Any

import polars as pl
import streamlit as st

from barograph import alerts as alerting
from barograph import commands, sentences, wording
from barograph.alerts import words
from barograph.clock import utc_now
from barograph.home import Home
from barograph.language import gettext as _
from barograph.stored import stored
from barograph.tables import ALERTS, SILENCES, SKILL_CARDS
from dashboard import alert, asking, published, selection, show
from dashboard.show import Shown

PAGE = "alerts.py"
OPEN = ("firing", "acknowledged", "pending", "stale", "nodata", "censored")
_COLOURS = {"firing": "red", "acknowledged": "orange", "pending": "yellow"}
_MOST = 50
_ALL = "*"


def page(shown: Shown) -> None:
    """One alert where the address names one, else all of them."""
    snapshot = shown.snapshot
    rows = snapshot.read(ALERTS)
    silences = snapshot.read(SILENCES).filter(pl.col("ends_at") > utc_now()).sort("ends_at")
    muted = alerting.mutes(rows, silences, (), {}, utc_now())
    waiting = commands.waiting(Home(published.home()).commands)
    asked = st.query_params.get("alert")
    if asked and (found := rows.filter(pl.col("alert_id") == asked)).height:
        # Set anew, because a link within one page changes what is shown and not the reader's address.
        st.query_params.from_dict({"alert": asked})
        alert.whole(snapshot, found.row(0, named=True), muted, waiting.get(asked, []), PAGE)
        return
    if asked:
        st.warning(_("The link names an alert that is not published here; showing all."), icon=":material/link_off:")
    _list(rows, muted, waiting)
    asking.silences(silences, waiting.get("*", []))
    _records(snapshot.read(SKILL_CARDS))


def _list(rows: pl.DataFrame, muted: dict[str, alerting.Mute], waiting: dict[str, list[str]]) -> None:
    """Choose → the alerts, the most urgent first."""
    st.header(_("Alerts"), anchor=False)
    view, across = selection.View(), st.columns([2, 3, 3])
    shown = view.one(
        across[0].segmented_control, _("Show"), "alerts-shown", ["open", "all"], "open", lasts=False, required=True,
        format_func={"open": _("Open"), "all": _("All")}.__getitem__,
    )  # fmt: skip
    rule = view.one(
        across[1].selectbox, _("Rule"), "alerts-rule", [_ALL, *rows["rule"].unique().sort()], _ALL, lasts=False,
        format_func=lambda name: _("All rules") if name == _ALL else name,
    )  # fmt: skip
    # Of its own: that a line of one population was looked at elsewhere must hide no alert of another.
    where = view.one(
        across[2].selectbox, _("Population"), "alerts-population", [_ALL, *rows["population"].unique().sort()], _ALL,
        lasts=False, format_func=lambda name: _("All populations") if name == _ALL else name,
    )  # fmt: skip
    view.keep()
    chosen = rows.filter(
        pl.col("state").is_in(OPEN) | pl.lit(shown == "all"),
        (pl.col("rule") == rule) | pl.lit(rule == _ALL),
        (pl.col("population") == where) | pl.lit(where == _ALL),
    )
    urgency = pl.col("state").replace_strict({s: n for n, s in enumerate((*OPEN, "resolved"))}, return_dtype=pl.Int64)
    chosen = chosen.sort(urgency, pl.col("level") != "red", "started_on", "population", "marker", nulls_last=True)
    counts = ", ".join(
        f"{wording.number(n)} {stored(state)}" for state in OPEN if (n := rows.filter(pl.col("state") == state).height)
    )
    so_far = _("{counts}. {alerts} so far.").format(
        counts=counts or _("No alert is open"), alerts=wording.count(rows.height, "alerts")
    )
    st.markdown(f":gray[{so_far}]")
    for row in chosen.head(_MOST).iter_rows(named=True):
        _row(row, muted.get(row["alert_id"]), waiting.get(row["alert_id"], []))
    if chosen.height > _MOST:
        st.caption(_("{n} more: choose a rule or a population.").format(n=wording.number(chosen.height - _MOST)))
    if wrong := len(waiting.get("", [])):
        st.warning(
            _("{n} in the queue can be read as no command; the monitor sets them aside and says why.").format(n=wrong)
        )


def _row(row: dict[str, Any], mute: alerting.Mute | None, waiting: list[str]) -> None:
    with st.container(border=True, gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                PAGE, label=wording.plain(f"{row['population']} · {wording.label(row['marker'])}"),
                query_params={"alert": row["alert_id"]}, icon=":material/arrow_forward:",
            )  # fmt: skip
            st.badge(stored(row["state"]), color=_COLOURS.get(row["state"], "gray"))  # type: ignore[arg-type]
            for said in waiting:
                st.badge(wording.plain(said), color="blue")
            if mute and row["state"] != "resolved":
                st.badge(wording.plain(mute.words), color="gray")
        st.markdown(wording.plain(f"{sentences.evidence(row)} · {row['rule']}"))


def _records(cards: pl.DataFrame) -> None:
    """How each rule has done."""
    st.subheader(_("How the rules have done"), anchor=False)
    if cards.is_empty():
        nothing = _("Nothing to judge them by yet: a line's first 28 days have no threshold.")
        st.markdown(f":gray[{nothing}]")
        return
    st.caption(
        _("By what people said of alerts, and apart from that by whether high prevalence followed in the series. Read "
          "each figure beside what chance would have.")
    )  # fmt: skip
    for (rule,), mine in cards.group_by("rule", maintain_order=True):
        st.markdown(f"**{wording.plain(str(rule))}**")
        for card in mine.sort("basis").iter_rows(named=True):
            st.markdown(f":gray[{wording.plain(words.card(card))}]")


show.run(page)
