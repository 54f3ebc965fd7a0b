"""What a reader asks of the monitor: a command in its queue. The page itself changes nothing."""

from typing import Any

import polars as pl
import streamlit as st
from pydantic import ValidationError

from barograph import commands, wording
from barograph.clock import utc_now
from barograph.errors import InputError
from barograph.home import Home
from barograph.language import gettext as _
from barograph.language import noted
from barograph.settings import span
from dashboard import access, published

_LENGTHS = {
    "1h": noted("1 hour"),
    "4h": noted("4 hours"),
    "1d": noted("1 day"),
    "3d": noted("3 days"),
    "7d": noted("1 week"),
}
_VERDICTS = {
    "true": noted("It was right"), "false": noted("It was a false alarm"), "unclear": noted("It cannot be told"),
}  # fmt: skip


def about(alert: dict[str, Any]) -> None:
    """What may be asked about one alert, given the state it is in."""
    st.subheader(_("What to do"), anchor=False)
    who = access.standing()
    if not who.may_ask:
        st.info(
            _(
                "**You are signed in as a viewer.** You see everything; to acknowledge, resolve, silence or judge an "
                "alert takes an analyst. Ask whoever runs this monitor."
            ),
            icon=":material/lock:",
        )
        return
    role = st.text_input(
        _("Your role"), who.role or "analyst", max_chars=40, key="role", disabled=who.role is not None,
        help=_("As you are signed in; no name is kept.") if who.role else _("A role, never a name or an address."),
    )  # fmt: skip
    note = st.text_area(
        _("Note"), max_chars=500, key="note", height=80, help=_("Stays in the warehouse; it is never published.")
    )
    asked = {"by": role, "note": note or None, "alert_id": alert["alert_id"], "at": utc_now()}
    with st.container(horizontal=True):
        for command, label, icon in (
            ("ack", _("Acknowledge"), ":material/visibility:"),
            ("resolve", _("Resolve"), ":material/check:"),
        ):
            given = _parsed({**asked, "command": command})
            refused = commands.refusal(given, alert["state"]) if given else None
            if st.button(label, icon=icon, disabled=bool(refused), help=refused, key=command):
                _submit({**asked, "command": command})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.selectbox(
            _("Silence for"), list(_LENGTHS), format_func=lambda given: _(_LENGTHS[given]), index=2, key="length"
        )
        if st.button(_("Silence"), icon=":material/notifications_off:", key="silence"):
            _submit({**asked, "command": "silence", "ends_at": utc_now() + span(length)})
    verdict = st.radio(
        _("What it was found to be"),
        list(_VERDICTS),
        format_func=lambda given: _(_VERDICTS[given]),
        index=None,
        key="verdict",
    )
    began = st.date_input(_("First day of what it warned of, where known"), value=None, key="began")
    # None is chosen beforehand, so that nobody says that an alert was right by pressing on.
    if st.button(_("Record the verdict"), icon=":material/gavel:", disabled=verdict is None, key="dispose"):
        _submit({**asked, "command": "dispose", "verdict": verdict, "began_on": began})


def silences(rows: pl.DataFrame, waiting: list[str]) -> None:
    """The silences that run, each with an end to it."""
    if rows.is_empty() and not waiting:
        return
    st.subheader(_("Silences"), anchor=False)
    may_ask = access.standing().may_ask
    if not may_ask:
        st.caption(_("You are signed in as a viewer; an analyst may end a silence."))
    for said in waiting:
        st.info(
            _("**Waiting for the monitor.** {what}.").format(what=wording.plain(said.capitalize())),
            icon=":material/hourglass_top:",
        )
    for row in rows.iter_rows(named=True):
        what = ", ".join(f"{k} {v}" for k in ("alert_id", "rule", "marker", "population") if (v := row[k]))
        with st.container(horizontal=True, vertical_alignment="center"):
            until = _("{what}: until {moment}, by {role}").format(
                what=what, moment=wording.moment(row["ends_at"]), role=row["created_by"]
            )
            st.markdown(wording.plain(until))
            if may_ask and st.button(_("End it"), key=f"unsilence-{row['silence_id']}"):
                _submit({
                    "command": "unsilence", "silence_id": row["silence_id"], "by": "analyst", "at": utc_now(),
                })  # fmt: skip


def _parsed(asked: dict[str, Any]) -> commands.AnyCommand | None:
    try:
        return commands.parse(asked)
    except ValidationError:
        return None


def _submit(asked: dict[str, Any]) -> None:
    """Put it into the queue and show it as waiting; say what is wrong with it where it is none.

    Who asks is looked up anew: a page may have been open since before somebody's role was another one, and a browser
    may send what its page has no button for.
    """
    who = access.standing()
    if not who.may_ask:
        st.error(_("Only an analyst may ask this; nothing was asked."), icon=":material/lock:")
        return
    if who.role:
        asked = {**asked, "by": who.role}
    try:
        commands.submit(Home(published.home()).commands, commands.parse(asked))
    except ValidationError as error:
        st.error(wording.plain(commands.mistake(error)), icon=":material/error:")
    except InputError as error:
        st.error(wording.plain(str(error)), icon=":material/error:")
    else:
        st.rerun()
