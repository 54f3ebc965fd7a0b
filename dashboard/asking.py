"""What a reader asks of the monitor: a command in its queue. The page itself changes nothing."""

from typing import Any

import polars as pl
import streamlit as st
from pydantic import ValidationError

from barograph import commands, wording
from barograph.clock import utc_now
from barograph.errors import InputError
from barograph.home import Home
from barograph.settings import span
from dashboard import published

_LENGTHS = {"1 hour": "1h", "4 hours": "4h", "1 day": "1d", "3 days": "3d", "1 week": "7d"}
_VERDICTS = {"true": "It was right", "false": "It was a false alarm", "unclear": "It cannot be told"}


def about(alert: dict[str, Any]) -> None:
    """What may be asked about one alert, given the state it is in."""
    st.subheader("What to do", anchor=False)
    role = st.text_input("Your role", "analyst", max_chars=40, key="role", help="A role, never a name or an address.")
    note = st.text_area(
        "Note", max_chars=500, key="note", height=80, help="Stays in the warehouse; it is never published."
    )
    asked = {"by": role, "note": note or None, "alert_id": alert["alert_id"], "at": utc_now()}
    with st.container(horizontal=True):
        for command, label, icon in (
            ("ack", "Acknowledge", ":material/visibility:"),
            ("resolve", "Resolve", ":material/check:"),
        ):
            given = _parsed({**asked, "command": command})
            refused = commands.refusal(given, alert["state"]) if given else None
            if st.button(label, icon=icon, disabled=bool(refused), help=refused, key=command):
                _submit({**asked, "command": command})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        length = st.selectbox("Silence for", list(_LENGTHS), index=2, key="length")
        if st.button("Silence", icon=":material/notifications_off:", key="silence"):
            _submit({**asked, "command": "silence", "ends_at": utc_now() + span(_LENGTHS[length])})
    verdict = st.radio(
        "What it was found to be", list(_VERDICTS), format_func=_VERDICTS.__getitem__, index=None, key="verdict"
    )
    began = st.date_input("First day of what it warned of, where known", value=None, key="began")
    # None is chosen beforehand, so that nobody says that an alert was right by pressing on.
    if st.button("Record the verdict", icon=":material/gavel:", disabled=verdict is None, key="dispose"):
        _submit({**asked, "command": "dispose", "verdict": verdict, "began_on": began})


def silences(rows: pl.DataFrame, waiting: list[str]) -> None:
    """The silences that run, each with an end to it."""
    if rows.is_empty() and not waiting:
        return
    st.subheader("Silences", anchor=False)
    for said in waiting:
        st.info(f"**Waiting for the monitor.** {wording.plain(said.capitalize())}.", icon=":material/hourglass_top:")
    for row in rows.iter_rows(named=True):
        what = ", ".join(f"{k} {v}" for k in ("alert_id", "rule", "marker", "population") if (v := row[k]))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(wording.plain(f"{what}: until {wording.moment(row['ends_at'])}, by {row['created_by']}"))
            if st.button("End it", key=f"unsilence-{row['silence_id']}"):
                _submit({
                    "command": "unsilence", "silence_id": row["silence_id"], "by": "analyst", "at": utc_now(),
                })  # fmt: skip


def _parsed(asked: dict[str, Any]) -> commands.AnyCommand | None:
    try:
        return commands.parse(asked)
    except ValidationError:
        return None


def _submit(asked: dict[str, Any]) -> None:
    """Put it into the queue and show it as waiting; say what is wrong with it where it is none."""
    try:
        commands.submit(Home(published.home()).commands, commands.parse(asked))
    except ValidationError as error:
        st.error(wording.plain(commands.mistake(error)), icon=":material/error:")
    except InputError as error:
        st.error(wording.plain(str(error)), icon=":material/error:")
    else:
        st.rerun()
