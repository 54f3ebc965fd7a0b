"""The line as it was known at an earlier time, and what has become of it since."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from barograph import past, sentences, wording
from barograph.language import gettext as _
from barograph.line import Line
from dashboard import selection
from dashboard.selection import View

_NOW = "now"


def choose(view: View, issues: Sequence[datetime]) -> datetime | None:
    """Draw the control; when the line was known as it is to be shown, None for now. issues: those of the line."""
    options = [*(issue.isoformat() for issue in issues[:-1]), _NOW]

    def fit(asked: str) -> str:
        """The issue that was the latest then."""
        try:
            moment = datetime.fromisoformat(asked)
        except ValueError:
            return asked
        utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        known = [issue for issue in issues if issue <= utc]
        return asked if not known else _NOW if known[-1] == issues[-1] else known[-1].isoformat()

    def named(option: str) -> str:
        return _("now") if option == _NOW else wording.moment(datetime.fromisoformat(option))

    chosen = view.one(
        st.select_slider if len(options) > 1 else None, _("As it was known"), "as_of", options, _NOW, lasts=False,
        fit=fit, format_func=named,
        help=_("Values, forecasts, high days and alerts as they were published at that time."),
    )  # fmt: skip
    if len(options) == 1:
        st.caption(_("This line was published once: there is no past to look back to yet."))
    return None if chosen == _NOW else datetime.fromisoformat(chosen)


def banner(then: Line, now: Line, as_of: datetime) -> None:
    """Say that the past is shown, and what differs from now."""
    with st.container(border=True, key="past", horizontal=True, wrap=False, vertical_alignment="center"):
        said = sentences.past(past.differences(then, now), as_of, now.kind)
        st.markdown(f":material/history: {said}", width="stretch")
        st.button(_("Back to now"), on_click=selection.wish, args=("as_of", None), key="as-of-now", width="content")
