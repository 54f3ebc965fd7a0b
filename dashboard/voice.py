"""Which language and time zone a page speaks: what the reader chose, else what the browser says."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from barograph.language import LANGUAGES, Reader, speak
from barograph.language import gettext as _

_KEY = "language"


def listen() -> None:
    """Speak to this reader from now on. `?lang=es` in a link chooses too."""
    if (asked := st.query_params.get("lang")) in LANGUAGES:
        st.session_state[_KEY] = asked
    speak(Reader(language=st.session_state.setdefault(_KEY, _browsers()), zone=_zone()))


def choose() -> None:
    """The choice of a language."""
    st.segmented_control(
        _("Language"), list(LANGUAGES), format_func=LANGUAGES.__getitem__, key=_KEY, required=True,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip


def _browsers() -> str:
    language = (st.context.locale or "en").split("-")[0]
    return language if language in LANGUAGES else "en"


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
