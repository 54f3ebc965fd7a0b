"""One line in numbers and charts: headline, timeline, counts, gaps, sources."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from barograph import charts, wording
from barograph.line import BASELINE_DAYS, Line
from dashboard import panels

_STATES = {"firing": ("Firing", "red"), "acknowledged": ("Acknowledged", "gray"), "pending": ("Pending", "orange")}


def in_range(line: Line, chosen: str) -> Line:
    """The last 30 or 90 days of a line, or all of them."""
    last = line.series["time_value"].max()
    if chosen == "all" or not isinstance(last, date):
        return line
    return line.since(last - timedelta(days=int(chosen) - 1))


def headline(line: Line, run: dict[str, Any] | None) -> None:
    """What the line is, and the four numbers an analyst asks for first."""
    key = line.key
    st.header(f"{wording.label(key['marker'])} expressed in {key['population']}", anchor=False)
    label = line.series["label_source"].drop_nulls()
    read_by = f", as {label[-1]} reads it" if label.len() else ""
    st.caption(f"{wording.UNITS[key['unit']].capitalize()} · method: {key['method']}{read_by}")
    closed, known = line.last_closed, line.last_known
    if closed and run and run["now"] and run["now"].date() - closed["time_value"] > panels.STALE:
        st.warning(
            f"**Stale.** The latest closed day of {key['population']} is {wording.day(closed['time_value'])}, "
            f"{(run['now'].date() - closed['time_value']).days} days before the monitor’s last reading.", icon=":material/history:",
        )  # fmt: skip
    if closed and not known:
        reasons = ", ".join(sorted(set(line.series["missing_reason"].drop_nulls())))
        panels.empty(
            f"Every value of {key['population']} is censored",
            f"Reason: {reasons}. Small groups are not shown, so that no person can be made out; a larger population has values.",
        )  # fmt: skip
    with st.container(key="headline"):
        for cell, metric in zip(st.columns(4), (_level, _change, _ahead, _alert), strict=True):
            with cell:
                metric(line)


def _metric(label: str, value: str, below: str, icon: str | None = None, help: str | None = None) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True, icon=icon, help=help, height="stretch")


def _level(line: Line) -> None:
    closed, known = line.last_closed, line.last_known
    if closed is None:
        _metric("Latest closed day", "None yet", "the first day has not closed")
    elif closed["prevalence"] is None:
        before = f"; last value {wording.level(known['prevalence'], line.kind)} on {wording.short_day(known['time_value'])}" if known else ""
        _metric(f"Latest closed day, {wording.short_day(closed['time_value'])}", "No value", f"{closed['missing_reason']}{before}")
    else:
        value = wording.interval(closed["prevalence"], closed["lo"], closed["hi"], line.kind)
        n = f"{wording.count(closed['n_authors'], 'authors')}, {wording.count(closed['n_posts'], 'posts')}"
        _metric(f"Latest closed day, {wording.day(closed['time_value'])}", value, n, help="With its 95 % interval.")


def _change(line: Line) -> None:
    name = f"Against the {BASELINE_DAYS} days before"
    known, baseline = line.last_known, line.baseline
    if known is None or baseline is None:
        _metric(name, "Unknown", "fewer than 7 known days to compare with")
        return
    median, n = baseline
    of = "" if n == BASELINE_DAYS else f" of {n} known days"
    _metric(name, wording.change(known["prevalence"] - median, line.kind), f"median{of} {wording.level(median, line.kind)}")


def _ahead(line: Line) -> None:
    name = "Highest P(high) ahead"
    likeliest = line.likeliest_high
    meaning = "P(high): probability of exceeding the 80th percentile of the 84 closed days before the forecast."
    if likeliest:
        note = f"; {likeliest['fallback']}" if likeliest["fallback"] else ""
        below = f"{wording.day(likeliest['target'])}, above {wording.level(likeliest['threshold'], line.kind)}{note}"
        _metric(name, f"{likeliest['p_high']:.0%}".replace("%", "\N{NO-BREAK SPACE}%"), below, help=meaning)
    elif line.forecasts.height:
        _metric(name, "No threshold", "fewer than 28 known days in the last 84", help=meaning)
    else:
        _metric(name, "No forecast", "no value in the last 7 closed days", help=meaning)


def _alert(line: Line) -> None:
    if row := line.alert:
        name, _ = _STATES[row["state"]]
        _metric("Alert", name, f"{row['rule']}, since {wording.short_day(row['started_on'])}",
                icon=":material/notifications_active:" if row["state"] == "firing" else ":material/notifications:")  # fmt: skip
    elif (closed := line.last_closed) is None or closed["prevalence"] is None:
        _metric("Alert", "Cannot be tested", "no value on the latest closed day", icon=":material/notifications_off:")
    else:
        _metric("Alert", "None open", "no rule holds on this line", icon=":material/check_circle:")


def timeline(line: Line, shown: Line) -> None:
    """The chart, its legend, a sentence that says the same, and its data."""
    first, last = charts.reach(shown.series)
    sentence = describe(line, shown)
    st.html(_legend(shown))
    chart = charts.timeline(shown.series, shown.forecasts, shown.exceedances, shown.events)
    st.altair_chart(chart, width="stretch", alt=sentence, key="timeline")
    _below(sentence, shown.table(), f"{_name(line)}_{first}_{last}.csv", "timeline_csv")


def counts(shown: Line) -> None:
    """How many authors or posts stand behind each point."""
    unit = "authors" if shown.key["unit"] == "authors" else "posts"
    rows = shown.series.select("time_value", "n_authors", "n_posts", "provisional", "missing_reason")
    n = rows.filter(~pl.col("provisional"))[f"n_{unit}"]
    st.markdown(f"**{unit.capitalize()} behind each day**")
    sentence = (
        f"On closed days between {n.min():,} and {n.max():,} {unit} stand behind a value, {n.median():,.0f} in the median."
        if n.len() else "No day has closed yet."
    )  # fmt: skip
    st.altair_chart(charts.counts(shown.series, shown.forecasts, unit), width="stretch", alt=sentence, key="counts")
    _below(sentence, rows, f"{_name(shown)}_counts.csv", "counts_csv")


def describe(line: Line, shown: Line) -> str:
    """The timeline in one sentence."""
    first, last = charts.reach(shown.series)
    key, known = line.key, line.last_known
    missing = shown.series["missing_reason"].is_not_null().sum()
    parts = []
    if known:
        parts.append(f"the latest value is {wording.interval(known['prevalence'], known['lo'], known['hi'], line.kind)} on {wording.day(known['time_value'])}")
    parts.append(f"{shown.exceedances.height} of {wording.count(shown.series.height, 'days')} had high prevalence and {missing} have no value")
    if line.forecasts.height:
        ahead = line.forecasts
        low, high = wording.level(ahead["q50"].min(), line.kind), wording.level(ahead["q50"].max(), line.kind)  # type: ignore[arg-type]
        parts.append(f"the forecast for {wording.days(ahead['target'][0], ahead['target'][-1])} has medians from {low} to {high}")
    return (
        f"{wording.label(key['marker'])} expressed in {key['population']} by {key['unit']}, "
        f"{wording.days(first, last)}: " + "; ".join(parts) + "."
    )


def gaps(every: pl.DataFrame, shown: Line) -> None:
    """Days without a value and why, for each population in the days shown."""
    first, last = charts.reach(shown.series)
    st.subheader("What is censored, and why", anchor=False)
    mine = every.filter(pl.col("time_value").is_between(first, last))
    reasons = sorted(mine["missing_reason"].drop_nulls().unique())
    table = mine.group_by("population").agg(
        pl.len().alias("Days"), pl.col("prevalence").is_not_null().sum().alias("With a value"),
        *((pl.col("missing_reason") == reason).sum().alias(reason.capitalize()) for reason in reasons),
    ).sort("population").rename({"population": "Population"})  # fmt: skip
    what = f"{wording.label(shown.key['marker'])}, {shown.key['unit']}, {wording.days(first, last)}"
    if not reasons:
        st.markdown(f":gray[Nothing: every population has a value on each of its days ({what}).]")
        return
    st.caption(f"{what}. A day with too few authors is not shown, so that no person can be made out.")
    st.dataframe(table, hide_index=True, width="stretch", alt=f"Days with and without a value by population: {what}.")


def sources(rows: pl.DataFrame) -> None:
    """What each source has brought, and what was set aside."""
    st.subheader("Sources", anchor=False)
    if not rows.height:
        st.markdown(":gray[No source has been read.]")
        return
    table = rows.select(
        pl.col("source").alias("Source"), pl.col("kind").alias("Kind"), pl.col("first_post").alias("First post"),
        pl.col("last_post").alias("Last post"), pl.col("n_posts").alias("Posts"), pl.col("n_quarantined").alias("Quarantined"),
        pl.col("quarantine_reasons").fill_null("–").alias("Why"), pl.col("n_unmeasured").alias("In other languages"),
    )  # fmt: skip
    form = st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone="UTC")
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table, hide_index=True, width="stretch", alt="Posts and quarantined rows of each source.",
        column_config={"First post": form, "Last post": form, "Posts": number, "Quarantined": number, "In other languages": number},
    )  # fmt: skip


def _below(sentence: str, rows: pl.DataFrame, file: str, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(sentence, width="stretch")
        st.download_button(
            "CSV", rows.write_csv(), file, "text/csv", key=key, on_click="ignore", icon=":material/download:", type="tertiary"
        )


def _name(line: Line) -> str:
    return "_".join(line.key.values()).replace(":", "-").replace(" ", "-")


def _legend(shown: Line) -> str:
    """Only what is drawn: swatches as in the chart, with the words for them."""
    entries = [(f"background:{charts.OBSERVED}33;border-top:2px solid {charts.OBSERVED}", "observed, 95&nbsp;% interval")]
    if shown.series["provisional"].any():
        entries.append((f"width:.6em;height:.6em;border-radius:50%;border:2px solid {charts.OBSERVED}", "provisional"))
    if shown.forecasts.height:
        fan = f"linear-gradient({charts.FORECAST}44 25%,{charts.FORECAST}99 25% 75%,{charts.FORECAST}44 75%)"
        entries.append((f"background:{fan}", "forecast, 80 and 95&nbsp;%"))
    if shown.threshold is not None:
        origin = shown.forecasts["target"][0] - timedelta(days=int(shown.forecasts["horizon"][0]))
        level = wording.level(shown.threshold, shown.kind)
        entries.append((f"height:0;border-top:2px dashed {charts.THRESHOLD}",
                        f"threshold {level}: 80th percentile of the 84 days to {wording.short_day(origin)}"))  # fmt: skip
    if shown.exceedances.height:
        entries.append((f"background:{charts.HIGH}66;border-bottom:2px solid {charts.THRESHOLD}", "high-prevalence day, its own threshold"))
    if shown.events.height:
        entries.append((f"background:{charts.MUTED}44;border:1px solid {charts.MUTED}", "event"))
    items = [f"<span><i style='{style}'></i>{text}</span>" for style, text in entries]
    if shown.series["prevalence"].is_null().any():
        items.append(f"<span><b style='color:{charts.MUTED}'>×</b>no value</span>")
    return (
        "<style>.barograph-legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.82rem;line-height:1.3}"
        ".barograph-legend span{display:inline-flex;align-items:center;gap:.4em;opacity:.9}"
        ".barograph-legend i{display:inline-block;width:1.5em;height:.8em;box-sizing:border-box;flex:none}</style>"
        f"<div class='barograph-legend' aria-label='Legend'>{''.join(items)}</div>"
    )
