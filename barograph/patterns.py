"""What heatmaps, boxes of months, correlations and lines round events show, in sentences."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from barograph import wording
from barograph.charts.pairs import LIMIT, interval
from barograph.epochs import Epochs
from barograph.language import gettext as _
from barograph.language import ngettext, noted

WAYS = {
    "adjusted": noted("without weekdays and trend"),
    "changes": noted("day-to-day changes"),
    "levels": noted("daily values"),
}
"""What is correlated, by `correlation.WAYS`."""


def cells(drawn: pl.DataFrame, row: str, title: str) -> str:
    """A heatmap. drawn: as `deviation.cells` returns them; row: `marker` or `population`; title: what it is of."""
    parts = []
    known = drawn.filter(~pl.col("provisional")).drop_nulls("deviation").sort("deviation")
    if known.height:
        low, high = known.row(0, named=True), known.row(-1, named=True)
        far = _("farthest above its usual: {up}; farthest below: {down}")
        parts.append(far.format(up=_cell(high, row), down=_cell(low, row)))
    else:
        parts.append(_("nothing can be called unusual yet: that takes 28 known days before"))
    missing = drawn["prevalence"].null_count()
    parts.append(_("{missing} of {cells} cells have no value").format(
        missing=wording.number(missing), cells=wording.number(drawn.height)
    ))  # fmt: skip
    behind = drawn.drop_nulls("prevalence")["n_authors"]
    if behind.len():
        few, many = (wording.number(int(behind.quantile(q) or 0)) for q in (0, 1))
        parts.append(_("{few} to {many} authors a day are behind the others").format(few=few, many=many))
    if (drawn["first"] != drawn["last"]).any():
        parts.append(_("a cell is a week, its mean"))
    return f"{title}, {_span(drawn)}: {'; '.join(parts)}."


def months(boxes: pl.DataFrame, title: str, kind: str) -> str:
    """Boxes of months, as `distributions.months` returns them."""
    days = wording.count(int(boxes["n_days"].sum()), "days")
    full = boxes.drop_nulls("median").sort("median")
    if full.is_empty():
        return _("{title}: no month has the 10 known days that a box takes; {days} in all, shown one by one.").format(
            title=title, days=days
        )
    low, high = full.row(0, named=True), full.row(-1, named=True)
    said = _("{title}, {days} in {months}: medians from {low} in {low_month} to {high} in {high_month}; in the latest "
             "month with a box the middle half of days reaches from {q25} to {q75}.")  # fmt: skip
    last = full.sort("month").row(-1, named=True)
    return said.format(
        title=title, days=days, months=wording.count(boxes.height, "months"),
        low=wording.level(low["median"], kind), low_month=wording.month(low["month"]),
        high=wording.level(high["median"], kind), high_month=wording.month(high["month"]),
        q25=wording.level(last["q25"], kind), q75=wording.level(last["q75"], kind),
    )  # fmt: skip


def pairs(found: pl.DataFrame, title: str, way: str, by: str) -> str:
    """Correlations, as `correlation.correlations` returns them."""
    told = found.filter(pl.col("q") <= LIMIT).sort("r")
    n, days = wording.number(found.height), wording.count(found["n_days"][0], "days")
    begin = _("{title}, {way}, {days}: {told} of {n} pairs are told apart from chance").format(
        title=title, way=_(WAYS[way]), days=days, told=wording.number(told.height), n=n
    )
    if told.is_empty():
        return f"{begin}."
    parts = [begin]
    if told["r"][-1] > 0:
        parts.append(_("closest: {pair}").format(pair=_pair(told.row(-1, named=True), by)))
    if told["r"][0] < 0:
        parts.append(_("most opposed: {pair}").format(pair=_pair(told.row(0, named=True), by)))
    parts.append(_("of those told apart about one in twenty may still be chance, as many were looked at"))
    return f"{'; '.join(parts)}."


def epochs(found: Epochs, title: str, what: str) -> str:
    """A line round events. what: of which kind the events are, in words."""
    events = wording.count(found.n_events, "events")
    begin = _("{title} round {events} ({what})").format(title=title, events=events, what=what)
    if found.why_not == "events":
        why = ngettext("It cannot be told what events of this kind do: that takes three that lie two weeks apart; "
                       "there is {n}.", "It cannot be told what events of this kind do: that takes three that lie two "
                       "weeks apart; there are {n}.", found.n_events)  # fmt: skip
        return f"{begin}. {why.format(n=found.n_events)}"
    if found.why_not == "days":
        return f"{begin}. {_('The line is too short to say what chance would give: that takes 16 weeks.')}"
    far = found.means.drop_nulls(["mean", "low"])
    outside = far.filter(~pl.col("mean").is_between("low", "high"))
    far = far.sort((pl.col("mean") - (pl.col("low") + pl.col("high")) / 2).abs() / (pl.col("high") - pl.col("low")))
    top = far.row(-1, named=True)
    said = _("it stands out most {when}: {mean} against its usual, where chance gives {low} to {high} on 95 of 100; "
             "{outside} of 29 days lie outside; that any day stands out as far happens by chance with {p}")  # fmt: skip
    parts = [begin, said.format(
        when=when(top["lag"]), outside=outside.height, p=wording.p_value(found.p or 0),
        **{name: wording.change(top[name], "mean") for name in ("mean", "low", "high")},
    )]  # fmt: skip
    return f"{': '.join(parts)}."


def when(lag: int) -> str:
    """A day by its distance from the first day of an event."""
    if not lag:
        return _("on the first day")
    days = wording.count(abs(lag), "days")
    return (_("{days} after the first day") if lag > 0 else _("{days} before the first day")).format(days=days)


def called(names: Sequence[str]) -> str:
    """Names, at most five of them."""
    some = ", ".join(names[:5])
    return some if len(names) <= 5 else _("{names} and {n} more").format(names=some, n=len(names) - 5)


def _cell(cell: dict[str, Any], row: str) -> str:
    name = wording.label(cell[row]) if row == "marker" else cell[row]
    days = (
        wording.weekday(cell["first"]) if cell["first"] == cell["last"] else wording.days(cell["first"], cell["last"])
    )
    far = wording.change(cell["deviation"], "mean")
    value = wording.level(cell["prevalence"], cell["value_kind"])
    return _("{name}, {days} ({far} times its spread, {value})").format(name=name, days=days, far=far, value=value)


def _pair(row: dict[str, Any], by: str) -> str:
    names = [wording.label(row[end]) if by == "marker" else row[end] for end in ("a", "b")]
    return _("{a} and {b}, r = {r}").format(a=names[0], b=names[1], r=interval(row))


def _span(drawn: pl.DataFrame) -> str:
    first, last = drawn["first"].min(), drawn["last"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return ""
    return wording.days(first, last)
