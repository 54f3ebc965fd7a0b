"""What charts show, in sentences: for whoever cannot see them, and beside them for whoever can."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from barograph import wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.line import Line
from barograph.past import Differences
from barograph.stored import stored

NOT_FOR = noted(
    "These are shares of posts, or of authors’ posts, that express a feeling. They are the expressed language of "
    "populations, not illness: no diagnosis of anybody, and no estimate of how many people are ill. Never use them to "
    "find, follow, judge or moderate a person, and never for surveillance. Who posts is not who lives there, and a "
    "marker can rise because a topic came up. Read every value with its interval and the number of authors behind it."
)
"""What none of it must be used for."""


def timeline(line: Line, shown: Line) -> str:
    """One line over its days. line: the whole history; shown: the days drawn."""
    series, ahead, known = shown.series, shown.forecasts, line.last_known
    parts = []
    if known:
        value = wording.interval(known["prevalence"], known["lo"], known["hi"], line.kind)
        latest = _("the latest closed value is {value} on {day}")
        parts.append(latest.format(value=value, day=wording.day(known["time_value"])))
    parts.append(
        _("{high} of {days} had high prevalence and {missing} have no value").format(
            high=shown.exceedances.height, days=wording.count(series.height, "days"),
            missing=series["prevalence"].is_null().sum(),
        )
    )  # fmt: skip
    if shown.flags.height:
        parts.append(flagged(shown.flags))
    if ahead.height:
        low, high = (wording.level(ahead["q50"].quantile(q) or 0, line.kind) for q in (0, 1))
        days = wording.days(ahead["target"][0], ahead["target"][-1])
        parts.append(_("forecast medians for {days} run from {low} to {high}").format(days=days, low=low, high=high))
    period = wording.days(series["time_value"][0], series["time_value"][-1])
    title = expressed(line.key["marker"], line.key["population"])
    return f"{title}, {period}: {'; '.join(parts)}."


def flagged(flags: pl.DataFrame) -> str:
    """Which days were not measured as usual, and the last of them, as a clause. flags: as `flags.standing` has them."""
    last = flags.sort("time_value").row(-1, named=True)
    out = int(flags["left_out"].sum())
    said = _(
        "{days} flagged as not measured as usual, {out} of them left out of thresholds and forecasts (latest: {day}, "
        "{reason})"
    )
    return said.format(
        days=wording.count(flags.height, "days"), out=wording.number(out), day=wording.day(last["time_value"]),
        reason=stored(last["reason"]),
    )  # fmt: skip


def key(shown: Line) -> str:
    """What the colours and signs of a timeline mean, of what is drawn alone."""
    parts = [_("Blue: observed, with its 95 % interval")]
    if shown.series["provisional"].any():
        parts.append(_("hollow: the day has not closed"))
    if shown.series["prevalence"].is_null().any():
        parts.append(_("cross: no value"))
    if shown.forecasts.height:
        parts.append(_("rose: the forecast, 80 and 95 %"))
    if shown.threshold is not None:
        parts.append(_("dashed orange: its threshold, the 80th percentile of 84 days"))
    if shown.exceedances.height:
        parts.append(
            _(
                "yellow: a day of high prevalence, darker where its whole interval is above its own threshold, the "
                "short stroke"
            )
        )
    if shown.events.height:
        parts.append(_("grey: an event"))
    if shown.flags.height:
        parts.append(_("strip below: a flagged day, dark where it is left out of thresholds and forecasts"))
    return "; ".join(parts) + "."


def evidence(alert: Mapping[str, Any]) -> str:
    """What an alert rests on, as a clause; a silent line's, why it is silent. alert: a row of `alerts`."""
    if alert["state"] in ("nodata", "stale", "censored"):
        return stored(alert["reason"])
    limit = _("its threshold") if alert["threshold"] is None else wording.level(alert["threshold"])
    if alert["percentile"] is not None:
        limit = _("{threshold} ({ordinal} percentile)").format(
            threshold=limit, ordinal=wording.ordinal(alert["percentile"])
        )
    day, since = wording.weekday(alert["target"]), wording.weekday(alert["started_on"])
    if alert["p_high"] is not None:
        return _("P = {chance} of being above {threshold} on {day}, held since {since}").format(
            chance=wording.chance(alert["p_high"]), threshold=limit, day=day, since=since
        )
    if alert["value"] is None:
        return _("no value on {day}").format(day=day)
    return _("{value} on {day}, {side} {threshold} since {since}").format(
        value=wording.interval(alert["value"], alert["lo"], alert["hi"]), day=day,
        side=wording.side(alert["value"], alert["threshold"]), threshold=limit, since=since,
    )  # fmt: skip


def smoothed(days: int) -> str:
    """What is drawn in place of the days' own line."""
    return _(
        "The line is the mean of each day and the {before} before it, over days with a value, and none where half of "
        "them have none; its band is the mean of their intervals. Pale points: the days themselves."
    ).format(before=wording.count(days - 1, "days"))


def beside(names: Sequence[str], lines: Sequence[Line]) -> str:
    """The latest closed value of each of several lines, with how many are behind it; the names as on the chart."""
    parts = []
    for name, line in zip(names, lines, strict=True):
        if (known := line.last_known) is None:
            parts.append(_("{name} has no value").format(name=name))
            continue
        parts.append(
            _("{name} {value} on {day} ({authors}, {posts})").format(
                name=name, value=wording.interval(known["prevalence"], known["lo"], known["hi"], line.kind),
                day=wording.weekday(known["time_value"]), authors=wording.count(known["n_authors"], "authors"),
                posts=wording.count(known["n_posts"], "posts"),
            )
        )  # fmt: skip
    return _("Latest closed values: {values}. Forecast, threshold and alerts are those of {first} alone.").format(
        values="; ".join(parts), first=names[0]
    )


def past(found: Differences, as_of: datetime, kind: str) -> str:
    """That the past is shown, and what differs from now, as Markdown."""
    parts = [_("**The past is shown**, as it was known on {moment}.").format(moment=wording.moment(as_of))]
    if found.later:
        parts.append(_("{days} were published later.").format(days=wording.count(found.later, "days")))
    changed = _("Every day known then has the same value now")
    if found.changed:
        days = wording.count(found.changed, "days")
        changed = _("Of what was known then, {days} changed since").format(days=days)
    if found.largest:
        day, then, now = found.largest
        changed = _("{changed}; most moved {day}, from {then} to {now}").format(
            changed=changed, day=wording.day(day), then=wording.level(then, kind), now=wording.level(now, kind)
        )
    states = [stored(state) if state else _("none open") for state in (found.then, found.now)]
    alert = _("Alert then: {then}; now: {now}.").format(then=states[0], now=states[1])
    return " ".join([*parts, f"{changed}.", alert])


def expressed(marker: str, population: str) -> str:
    """What a line is of: Fear expressed in north."""
    return _("{marker} expressed in {population}").format(marker=wording.label(marker), population=population)


def counts(rows: pl.DataFrame, unit: str) -> str:
    """How many stand behind each day. rows: of `series`; unit: `authors` or `posts`."""
    closed = rows.filter(~pl.col("provisional"))[f"n_{unit}"]
    if not closed.len():
        return _("No day has closed yet.")
    low, middle, high = (wording.number(round(closed.quantile(q) or 0)) for q in (0, 0.5, 1))
    sentences = {
        "authors": _("{low} to {high} authors a closed day, {middle} in the median; pale bars: the day is provisional, "
                     "or has no value above."),
        "posts": _("{low} to {high} posts a closed day, {middle} in the median; pale bars: the day is provisional, "
                   "or has no value above."),
    }  # fmt: skip
    return sentences[unit].format(low=low, middle=middle, high=high)


def trust(line: Line) -> str:
    """What made the forecast, why a plainer model stands in, and how forecasts of this line have done."""
    first = line.forecasts.row(0, named=True)
    made = _("The forecast is by {model}").format(model=wording.model(first["model"]))
    if first["fallback"]:
        made += _(", a plainer model that stands in ({reason})").format(reason=stored(first["fallback"]))
    if (record := line.record) is None:
        return _("{made}. None of this line has met its day yet.").format(made=made)
    return _("{made}. Of those for {days} {record} (0: no better, 1: perfect).").format(
        made=made, days=wording.days(record.first, record.last), record=record.words
    )


def shift(rows: pl.DataFrame, marker: str) -> str:
    """One word shift: the whole, mix and rate, and how many stand behind it. rows: of `term_shifts`, one shift."""
    row = rows.row(0, named=True)
    whole = wording.change_interval(row["change"], row["change_lo"], row["change_hi"])
    against = _("{change} against {days}, counted with word lists")
    parts = [against.format(change=whole, days=wording.days(*days(row["reference"])))]
    if row["rate"] is None:
        parts.append(_("too few authors post in both to tell who posts from what they express"))
    else:
        both = _("{mix} from who posts (mix), {rate} from what the {authors} of both periods express (rate)")
        parts.append(
            both.format(
                mix=wording.change_interval(row["mix"], row["mix_lo"], row["mix_hi"]),
                rate=wording.change_interval(row["rate"], row["rate_lo"], row["rate_hi"]),
                authors=wording.count(row["both_authors"], "authors"),
            )
        )
    if row["change_top_account_share"] is not None:
        largest = _("of all accounts' moves, up or down, the largest makes {share}")
        parts.append(largest.format(share=wording.at_most(row["change_top_account_share"])))
    parts.append(
        _("{authors} and {posts}, against {authors_before} and {posts_before}").format(
            authors=wording.count(row["period_authors"], "authors"),
            posts=wording.count(row["period_posts"], "posts"),
            authors_before=wording.count(row["reference_authors"], "authors"),
            posts_before=wording.count(row["reference_posts"], "posts"),
        )
    )
    return f"{wording.label(marker)}: {'; '.join(parts)}."


def days(period: str) -> tuple[date, date]:
    """First and last day of `2026-03-25/2026-03-31`, as `term_shifts` names periods."""
    first, last = period.split("/")
    return date.fromisoformat(first), date.fromisoformat(last)
