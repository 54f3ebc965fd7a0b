"""The charts of one line, each with its key, a sentence that says the same, and its data to take away."""

from datetime import date, timedelta

import streamlit as st

from barograph import charts, sentences, wording
from barograph.line import Line
from dashboard import drawn

_STYLE = """<style>
.key {display:flex; flex-wrap:wrap; gap:.25rem 1.1rem; font-size:.82rem; line-height:1.3}
.key span {display:inline-flex; align-items:center; gap:.4em; opacity:.9}
.key i {display:inline-block; width:1.5em; height:.8em; box-sizing:border-box; flex:none}
</style>"""


def in_range(line: Line, chosen: str) -> Line:
    """The last 30 or 90 days of a line, or all of them."""
    last = line.series["time_value"].max()
    if chosen == "all" or not isinstance(last, date):
        return line
    return line.since(last - timedelta(days=int(chosen) - 1))


def timeline(line: Line, shown: Line) -> None:
    """Prevalence by day. line: the whole history; shown: the days drawn."""
    sentence = sentences.timeline(line, shown)
    chart = charts.timeline(shown.series, shown.forecasts, shown.exceedances, shown.events)
    title = sentences.expressed(line.key["marker"], line.key["population"])
    drawn.chart(
        chart, key="timeline", title=title, sentence=sentence, rows=shown.table(), name=_file(shown, "timeline"),
        head=_key(shown),
    )  # fmt: skip
    if line.forecasts.height:
        st.caption(wording.plain(sentences.trust(line)))


def counts(shown: Line) -> None:
    """How many authors or posts stand behind each point."""
    unit = "authors" if shown.key["unit"] == "authors" else "posts"
    rows = shown.series.select("time_value", "n_authors", "n_posts", "provisional", "missing_reason")
    sentence = sentences.counts(rows, unit)
    chart = charts.counts(shown.series, shown.forecasts, unit)
    title = f"{unit.capitalize()} behind each day"
    drawn.chart(chart, key="counts", title=title, sentence=sentence, rows=rows, name=_file(shown, "counts"))


def _file(shown: Line, what: str) -> str:
    words = [
        *shown.key.values(),
        what,
        str(shown.series["time_value"][0]),
        str(shown.series["time_value"][-1]),
    ]
    return "_".join(words)


def _key(shown: Line) -> str:
    """The chart's key: only what is drawn, each swatch as it is drawn."""
    blue, rose, red, grey = charts.OBSERVED, charts.FORECAST, charts.THRESHOLD, charts.MUTED
    entries = [(f"background:{blue}40; border-top:2px solid {blue}", "observed, 95&nbsp;% interval")]
    if shown.series["provisional"].any():
        entries.append((f"width:.7em; height:.7em; border-radius:50%; border:2px solid {blue}", "provisional"))
    if shown.forecasts.height:
        fan = f"linear-gradient({rose}44 25%,{rose}99 25% 75%,{rose}44 75%)"
        entries.append((f"background:{fan}", "forecast, 80 and 95&nbsp;%"))
    if shown.threshold is not None:
        origin = shown.forecasts["target"][0] - timedelta(days=int(shown.forecasts["horizon"][0]))
        level = wording.level(shown.threshold, shown.kind)
        text = f"threshold {level}: 80th percentile of the 84 days to {wording.short_day(origin)}"
        entries.append((f"height:0; border-top:2px dashed {red}", text))
    if shown.exceedances.height:
        swatch = f"background:{charts.HIGH}66; border-bottom:2px solid {red}"
        entries.append((swatch, "high-prevalence day and its own threshold"))
    if charts.visible(shown.events, shown.series, shown.forecasts).height:
        entries.append((f"background:{grey}33", "event"))
    items = [f"<span><i style='{style}'></i>{text}</span>" for style, text in entries]
    if shown.series["prevalence"].is_null().any():
        items.append(f"<span><b style='color:{grey}'>×</b>no value</span>")
    return f"{_STYLE}<div class='key'>{''.join(items)}</div>"
