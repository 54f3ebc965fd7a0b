"""One line in its distribution: month by month, and round events."""

from dataclasses import dataclass

import polars as pl
import streamlit as st

from barograph import charts, epochs, patterns, sentences, wording
from barograph import distributions as found_in
from barograph.language import gettext as _
from barograph.language import noted
from dashboard import drawn

_SAID = {"all": noted("of any kind"), "scheduled": noted("scheduled"), "sudden": noted("sudden")}


@dataclass(frozen=True)
class Chosen:
    """What the page shows. rows: what the lines differ in; population and marker are None where they differ in it."""

    rows: str
    population: str | None
    marker: str | None
    unit: str
    method: str
    range: str
    colour: str
    way: str
    kind: str

    @property
    def where(self) -> dict[str, str]:
        """What the rows of `series` that are read have in common."""
        every = {"population": self.population, "marker": self.marker, "unit": self.unit, "method": self.method}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def title(self) -> str:
        """What is shown, in words."""
        if self.marker is None:
            return _("Markers in {population}").format(population=self.population)
        if self.population is None:
            return _("{marker} in every population").format(marker=wording.label(self.marker))
        return sentences.expressed(self.marker, self.population)

    def file(self, what: str) -> str:
        """A name for files."""
        return "_".join([*self.where.values(), what])


def months(days: pl.DataFrame, chosen: Chosen) -> None:
    """A box a month."""
    boxes = found_in.months(days)
    if boxes.is_empty():
        _nothing(days)
        return
    kind = str(days["value_kind"][0])
    drawn.chart(
        charts.months(boxes, found_in.apart(days, boxes), kind), key="months", title=chosen.title, rows=boxes,
        sentence=patterns.months(boxes, chosen.title, kind), name=chosen.file("months"),
    )  # fmt: skip
    st.caption(
        _("Box: the middle half of the month’s days, the line their median. Whiskers: to the last day within 1.5 times the "
          "box. Rings: days beyond, and every day of a month with fewer than 10. The spread of days is not the interval of a "
          "day: part of it is chance, the more the fewer authors.")
    )  # fmt: skip


def events(rows: pl.DataFrame, days: pl.DataFrame, chosen: Chosen) -> None:
    """The line round the events of one kind. rows: of `events`."""
    mine = rows.filter(pl.col("population").is_in(["*", str(chosen.population)]))
    mine = mine if chosen.kind == "all" else mine.filter(pl.col("kind") == chosen.kind)
    found = epochs.around(days, mine)
    if not found.n_events:
        said = _("**No such event lies on days with a value.** Events are declared as `[[event]]` in barograph.toml.")
        st.info(said, icon=":material/event_busy:")
        return
    names = patterns.called(found.each["event"].unique(maintain_order=True).to_list())
    what = _("{kind}: {names}").format(kind=_(_SAID[chosen.kind]), names=names)
    drawn.chart(
        charts.epochs(found.means, found.each), key="events", title=chosen.title, rows=found.means,
        sentence=patterns.epochs(found, chosen.title, what), name=chosen.file(f"events_{chosen.kind}"),
    )  # fmt: skip
    st.caption(
        _("Against its usual of the 84 days before, less the mean of its weekday. Thick: the mean over events; thin: each "
          "event. Grey: where 95 of 100 placements of as many events on random days lie, day by day; of 29 days one or two lie "
          "outside by chance. Choosing among markers and kinds until something stands out makes chance likelier still; what "
          "stands out is no cause.")
    )  # fmt: skip


def _nothing(days: pl.DataFrame) -> None:
    reasons = wording.plain(", ".join(sorted(set(days["missing_reason"].drop_nulls()))))
    st.info(
        _("**No day has a value.** Reason: {reasons}. Small groups are not shown, so that no person can be made out.")
        .format(reasons=reasons or _("no day has closed")), icon=":material/visibility_off:",
    )  # fmt: skip
