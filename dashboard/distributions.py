"""How lines are distributed and hang together: months of one, correlations of many, one round events."""

import polars as pl
import streamlit as st

from barograph import charts, correlation, epochs, patterns, wording
from barograph import distributions as distributed
from barograph.language import gettext as _
from barograph.language import noted
from barograph.stored import stored
from dashboard import drawn
from dashboard.chosen import Chosen

_KINDS = {"all": noted("of any kind"), "scheduled": noted("scheduled"), "sudden": noted("sudden")}


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
    boxes = distributed.months(days)
    if boxes.is_empty():
        st.markdown(f":gray[{_('No closed day has a value yet.')}]")
        return
    kind = str(days["value_kind"][0])
    drawn.chart(
        charts.months(boxes, distributed.apart(days, boxes), kind), key="months", title=chosen.title, rows=boxes,
        sentence=patterns.months(boxes, chosen.title, kind), name=chosen.file("months"),
    )  # fmt: skip
    st.caption(
        _("Box: the middle half of the month’s days, the line their median. Whiskers: to the last day within 1.5 times "
          "the box. Rings: days beyond, and every day of a month with fewer than 10. How days spread is not how sure "
          "each is: part of the spread is chance, the more the fewer authors.")
    )  # fmt: skip


def together(days: pl.DataFrame, chosen: Chosen) -> None:
    """A triangle of correlations. days: of lines that differ in `chosen.rows`."""
    if chosen.rows == "marker":
        single = days.filter(~pl.col("marker").str.contains(":", literal=True))
        # A dimension counts the posts of its own markers again.
        days = single if single["marker"].n_unique() > 1 else days
    found = correlation.correlations(days, chosen.rows, chosen.way)
    if found.is_empty():
        said = _("**Nothing can be compared.** That takes two lines that move, and 28 closed days on which both have a "
                 "value: choose a longer range.")  # fmt: skip
        st.info(said, icon=":material/hourglass_empty:")
        return
    if chosen.way == "levels":
        said = _("Daily values that trend, or that all have weekends, correlate whatever they measure. Read this "
                 "beside daily changes.")  # fmt: skip
        st.warning(said, icon=":material/warning:")
    drawn.chart(
        charts.pairs(found, chosen.rows), key="together", title=chosen.title, rows=found, name=chosen.file("together"),
        sentence=patterns.pairs(found, chosen.title, chosen.way, chosen.rows),
    )  # fmt: skip
    if absent := sorted(set(days[chosen.rows].unique()) - set(found["a"]) - set(found["b"])):
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
    mine = rows.filter(pl.col("population").is_in(["*", str(chosen.population)]))
    mine = mine if chosen.kind == "all" else mine.filter(pl.col("kind") == chosen.kind)
    found = epochs.around(days, mine)
    if not found.n_events:
        said = _("**No such event lies on days with a usual.** Events are declared as `[[event]]` in barograph.toml; "
                 "what is usual takes 28 known days before.")  # fmt: skip
        st.info(said, icon=":material/event_busy:")
        return
    names = patterns.called(sorted(set(found.each["event"])))
    what = _("{kind}: {names}").format(kind=_(_KINDS[chosen.kind]), names=names)
    drawn.chart(
        charts.epochs(found.means, found.each), key="events", title=chosen.title, rows=found.means,
        sentence=patterns.epochs(found, chosen.title, what), name=chosen.file(f"events_{chosen.kind}"),
    )  # fmt: skip
    st.caption(
        _("Against its usual of the 84 days before, less the mean of its weekday. Thick: the mean over events; thin: "
          "each event. Grey: where 95 of 100 placements of as many events on random days lie, day by day; of 29 days "
          "one or two lie outside by chance. Whoever tries markers and kinds until something stands out will find "
          "something; and what stands out is no cause.")
    )  # fmt: skip
