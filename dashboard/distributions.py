"""How lines are distributed and hang together: months of one, correlations of many, one round events."""

import polars as pl
import streamlit as st

from barograph import many, patterns, wording
from barograph.language import gettext as _
from barograph.stored import stored
from dashboard import drawn
from dashboard.chosen import Chosen


def nothing(days: pl.DataFrame) -> None:
    """Say that no day has a value, and why."""
    reasons = wording.plain(
        ", ".join(sorted({stored(reason) for reason in days["missing_reason"].drop_nulls().unique()}))
    )
    said = _(
        "**No day has a value.** Reason: {reasons}. Small groups are not shown, so that no person can be made out."
    )
    st.info(said.format(reasons=reasons), icon=":material/visibility_off:")


def months(days: pl.DataFrame, chosen: Chosen) -> None:
    """A box a month. days: of one line, as `deviation.deviations` returns them."""
    if (figure := many.months(days, chosen.title)) is None:
        st.markdown(f":gray[{_('No closed day has a value yet.')}]")
        return
    drawn.figure(figure, key="months", name=chosen.file("months"))
    st.caption(
        _("Box: the middle half of the month’s days, the line their median. Whiskers: to the last day within 1.5 times "
          "the box. Rings: days beyond, and every day of a month with fewer than 10. How days spread is not how sure "
          "each is: part of the spread is chance, the more the fewer authors.")
    )  # fmt: skip


def together(days: pl.DataFrame, chosen: Chosen) -> None:
    """A triangle of correlations. days: of lines that differ in `chosen.rows`."""
    if (figure := many.together(days, chosen.rows, chosen.title, chosen.way)) is None:
        said = _("**Nothing can be compared.** That takes two lines that move, and 28 closed days on which both have a "
                 "value: choose a longer range.")  # fmt: skip
        st.info(said, icon=":material/hourglass_empty:")
        return
    if chosen.way == "levels":
        said = _("Daily values that trend, or that all have weekends, correlate whatever they measure. Read this "
                 "beside daily changes.")  # fmt: skip
        st.warning(said, icon=":material/warning:")
    drawn.figure(figure, key="together", name=chosen.file("together"))
    compared = many.comparable(days, chosen.rows)[chosen.rows].unique()
    if absent := sorted(set(compared) - set(figure.rows["a"]) - set(figure.rows["b"])):
        names = patterns.called([wording.label(name) if chosen.rows == "marker" else name for name in absent])
        said = _("Left out, with a value on fewer than half of the days or without any movement: {names}.")
        st.caption(wording.plain(said.format(names=names)))
    st.caption(
        _("Spearman’s r with 95 % intervals; as each day is much like the day before, days count as fewer. A cell "
          "is filled where it is told apart from chance, at a false discovery rate of 5 % over all pairs shown. "
          "Lines that are read in the same posts share their chance: one long, sad post moves several markers. "
          "Moving together is no cause.")
    )  # fmt: skip


def events(rows: pl.DataFrame, days: pl.DataFrame, chosen: Chosen) -> None:
    """The line round the events of one kind. rows: of `events`; days: of one line."""
    if (figure := many.around(days, rows, chosen.title, chosen.kind)) is None:
        said = _("**No such event lies on days with a usual.** Events are declared as `[[event]]` in barograph.toml; "
                 "what is usual takes 28 known days before.")  # fmt: skip
        st.info(said, icon=":material/event_busy:")
        return
    drawn.figure(figure, key="events", name=chosen.file(f"events_{chosen.kind}"))
    st.caption(
        _("Against its usual of the 84 days before, less the mean of its weekday. Thick: the mean over events; thin: "
          "each event. Grey: where 95 of 100 placements of as many events on random days lie, day by day; of 29 days "
          "one or two lie outside by chance. Whoever tries markers and kinds until something stands out will find "
          "something; and what stands out is no cause.")
    )  # fmt: skip
