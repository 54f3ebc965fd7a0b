"""Frames → Altair charts, for pages and reports. Pure functions; nothing here reads a file or knows a page.

Colours are Okabe and Ito's (2008), the blue lightened: told apart with any colour vision, and seen on a white
page as on a dark one. Nothing is told by colour alone: bands are stepped, forecasts dashed, missing days
crossed. Days are drawn as milliseconds of UTC midnight, so that a reader's time zone moves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from barograph import days, wording
from barograph.days import DAY_MS, milliseconds
from barograph.tables import EXCEEDANCES, OTHER

OBSERVED, FORECAST, THRESHOLD, HIGH = "#1F84C7", "#CC79A7", "#D55E00", "#E69F00"
MUTED = "#7B828B"
"""Counts, missing days and events: what stands behind the line."""

_WINDOW_DAYS = 84
_LETTERS = 60
_ALIGNED: dict[str, Any] = {"title": None, "minExtent": 46, "maxExtent": 46}
"""Charts above one another share their days only where their axes are equally wide."""
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_DATE_LABEL = (
    "datum.index == 0 || utcmonth(datum.value) == 0 && utcdate(datum.value) < 8"
    " ? [utcFormat(datum.value, '%-d %b'), utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%-d %b')"
)


@dataclass(frozen=True)
class _Frame:
    """What all layers of one chart share: its days and, on the timeline, its values."""

    domain: tuple[float, float]
    scale: alt.Scale
    y_axis: alt.Axis

    def x(self, column: str) -> alt.X:
        return alt.X(f"{column}:T", scale=alt.Scale(type="utc", nice=False), axis=_date_axis())

    def y(self, column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=self.scale, axis=self.y_axis)

    def ends(self) -> alt.Chart:
        """Two invisible points that give charts above one another the same days."""
        # A domain in the scale would do, but Vega-Lite reads it differently where a mark has x2, and warns.
        return alt.Chart(pl.DataFrame({"x": self.domain})).mark_point(opacity=0).encode(x=self.x("x"))


def timeline(
    series: pl.DataFrame,
    forecasts: pl.DataFrame,
    exceedances: pl.DataFrame,
    events: pl.DataFrame,
    *,
    height: int = 340,
) -> alt.LayerChart:
    """Prevalence of one line day by day with its 95 % intervals, forecast fan, threshold, events and gaps.

    Frames have the columns of their tables and one row a day; exceedances: the observed high-prevalence days.
    The line breaks at a day without a value and at a provisional one.
    """
    kind = str(series["value_kind"][0])
    observed, ahead = days.observed(series, exceedances), days.ahead(forecasts, kind)
    closed = observed.filter(pl.col("state") == "closed")
    frame = _Frame(_domain(observed, ahead), _value_scale(observed, ahead, kind), _value_axis(kind))
    layers = [
        frame.ends(),
        *_high_days(observed, frame),
        *_events(visible(events, series, forecasts), frame),
        *_band(ahead, frame, "q025", "q975", colour=FORECAST, opacity=0.22),
        *_band(ahead, frame, "q10", "q90", colour=FORECAST, opacity=0.35),
        *_band(closed, frame, "lo", "hi", colour=OBSERVED, opacity=0.25),
        *_threshold(ahead, frame),
        *_median(ahead, frame),
        *_values(observed, frame),
        *_missing(observed, frame),
        _hover(observed, ahead, frame),
    ]
    return _layered(layers, height)


def counts(series: pl.DataFrame, forecasts: pl.DataFrame, unit: str, *, height: int = 110) -> alt.LayerChart:
    """Authors or posts behind each point of `timeline`; pale where it is provisional or missing.

    Frames as for `timeline`; forecasts only lend the axis their days. unit: `authors` or `posts`.
    """
    observed, ahead = days.observed(series, EXCEEDANCES.empty()), days.ahead(forecasts, "share")
    rows = observed.with_columns(series[f"n_{unit}"].alias("n"), pl.lit(0).alias("zero"))
    scale = alt.Scale(zero=True, nice=True)
    frame = _Frame(_domain(observed, ahead), scale, alt.Axis(tickCount=3, format="~s", **_ALIGNED))
    at = {"x": frame.x("from"), "x2": "to:T", "y": frame.y("n"), "y2": "zero:Q"}
    tooltip = _tooltip(day="Day", behind="Behind it", what="Prevalence")
    full = pl.col("state") == "closed"
    solid = alt.Chart(rows.filter(full)).mark_rect(color=MUTED, opacity=0.75)
    pale = alt.Chart(rows.filter(~full)).mark_rect(color=MUTED, opacity=0.3)
    bars = [chart.encode(**at, tooltip=tooltip) for chart in (solid, pale)]
    return _layered([frame.ends(), *bars], height)


def shift(rows: pl.DataFrame) -> alt.LayerChart:
    """The contributions of one shift, a bar a term, the largest on top, with 95 % bounds; the unnamed rest in grey.

    rows: one shift of `term_shifts`, in the order to be drawn. Drawn in points (hundredths).
    """
    points = [(100 * pl.col(name)).alias(name) for name in ("contribution", "lo", "hi")]
    words = pl.struct("contribution", "lo", "hi").map_elements(
        lambda r: wording.change_interval(r["contribution"], r["lo"], r["hi"]), return_dtype=pl.String
    )
    drawn = rows.select(
        "term", *points, words.alias("what"), pl.col("n_authors").cast(pl.String).alias("behind"),
        _words("top_account_share", wording.at_most).alias("account"), (pl.col("term") == OTHER).alias("rest"),
    )  # fmt: skip
    term = alt.Y("term:N", sort=drawn["term"].to_list(), axis=alt.Axis(title=None, labelLimit=150, ticks=False))
    across = alt.Axis(title="points of change", tickCount=5, format="+~g")
    colour = alt.when(alt.datum.rest).then(alt.value(MUTED)).otherwise(alt.value(OBSERVED))
    tooltip = _tooltip(term="Term", what="Contribution", behind="Authors who used it", account="Largest account's move")
    base = alt.Chart(drawn).encode(y=term, tooltip=tooltip)
    bars = base.mark_bar(height=11, opacity=0.75).encode(x=alt.X("contribution:Q", axis=across), color=colour)
    bounds = base.mark_rule(strokeWidth=1.6, color=MUTED).encode(x=alt.X("lo:Q", axis=across), x2="hi:Q")
    return _layered([bars, bounds], 22 * rows.height)


def _words(column: str, say: Callable[[float], str]) -> pl.Expr:
    return pl.col(column).map_elements(say, return_dtype=pl.String).fill_null("–")


def _domain(observed: pl.DataFrame, ahead: pl.DataFrame) -> tuple[float, float]:
    """The chart's first and last ms: half a day before its first day and after its last."""
    every = pl.concat([observed.select("from", "to"), ahead.select("from", "to")])
    return tuple(every.select(pl.col("from").min(), pl.col("to").max()).row(0))


def _band(rows: pl.DataFrame, frame: _Frame, low: str, high: str, *, colour: str, opacity: float) -> list[alt.Chart]:
    """An area over each run of days; a bar for a day alone, on which an area has no width."""
    alone = pl.len().over("run") == 1
    runs, single = rows.filter(~alone), rows.filter(alone)
    ends = {"x": frame.x("x"), "y": frame.y(low), "y2": f"{high}:Q"}
    layers = []
    if runs.height:
        layers.append(alt.Chart(runs).mark_area(color=colour, opacity=opacity).encode(**ends, detail="run:N"))
    if single.height:
        layers.append(alt.Chart(single).mark_rule(color=colour, opacity=2 * opacity, strokeWidth=3).encode(**ends))
    return layers


def _values(observed: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    """Closed days as a line with points, provisional ones hollow and apart with their interval dashed."""
    closed = alt.Chart(observed.filter(pl.col("state") == "closed"))
    size = 34 if observed.height <= 45 else 18 if observed.height <= 120 else 7
    at = {"x": frame.x("x"), "y": frame.y("value")}
    layers = [
        closed.mark_line(color=OBSERVED, strokeWidth=1.8).encode(**at, detail="run:N"),
        closed.mark_point(color=OBSERVED, filled=True, opacity=1, size=size).encode(**at),
    ]
    rows = observed.filter(pl.col("state") == "provisional")
    if rows.height:
        open_ = alt.Chart(rows)
        ends = {"x": frame.x("x"), "y": frame.y("lo"), "y2": "hi:Q"}
        layers.append(open_.mark_rule(color=OBSERVED, strokeDash=[2, 2]).encode(**ends))
        layers.append(open_.mark_point(filled=False, stroke=OBSERVED, strokeWidth=1.8, opacity=1, size=48).encode(**at))
    return layers


def _median(ahead: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    if not ahead.height:
        return []
    line = alt.Chart(ahead).mark_line(color=FORECAST, strokeDash=[5, 3], strokeWidth=2)
    return [line.encode(x=frame.x("x"), y=frame.y("value"))]


def _high_days(observed: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    """Shaded, the darker where the whole interval is above, each with the threshold it was tested against."""
    high = observed.filter(pl.col("threshold").is_not_null())
    if not high.height:
        return []
    shade = alt.when(alt.datum.level == "red").then(alt.value(0.42)).otherwise(alt.value(0.2))
    across = {"x": frame.x("from"), "x2": "to:T"}
    return [
        alt.Chart(high).mark_rect(color=HIGH).encode(**across, opacity=shade),
        alt.Chart(high).mark_rule(color=THRESHOLD, strokeWidth=1.5).encode(**across, y=frame.y("threshold")),
    ]


def visible(events: pl.DataFrame, series: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The events that touch the days of a `timeline` of these frames."""
    drawn = [*series["time_value"], *forecasts["target"]]
    return events.filter(pl.col("ends_on") >= min(drawn), pl.col("starts_on") <= max(drawn))


def _events(events: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    """A band from first to last day, its name above, in a lane of its own where neighbours would overlap."""
    first, last = frame.domain
    start, end = milliseconds("starts_on") - DAY_MS / 2, milliseconds("ends_on") + DAY_MS / 2
    shown = (
        events.select("name", start.alias("from"), end.alias("to"))
        .with_columns(pl.col("from").clip(lower_bound=first), pl.col("to").clip(upper_bound=last))
        .unique()
        .sort("from", "name")
    )
    if not shown.height:
        return []
    shown = shown.with_columns(pl.Series("lane", _lanes(shown, last - first), dtype=pl.Int64))
    band = alt.Chart(shown).mark_rect(color=MUTED, opacity=0.13).encode(x=frame.x("from"), x2="to:T")
    names = [
        alt.Chart(rows)
        .mark_text(align="left", baseline="top", dx=3, dy=3 + 13 * rows["lane"][0], color=MUTED, fontSize=11)
        .encode(x=frame.x("from"), y=alt.value(0), text="name:N")
        for rows in shown.partition_by("lane")
    ]
    return [band, *names]


def _lanes(events: pl.DataFrame, width: float) -> list[int]:
    """The first lane in which a name does not run into the one before, on a chart some 60 letters wide."""
    free: list[float] = []
    lanes = []
    for name, start in events.select("name", "from").iter_rows():
        lane = next((i for i, end in enumerate(free) if end <= start), len(free))
        free[lane : lane + 1] = [start + (len(name) + 1) * width / _LETTERS]
        lanes.append(lane)
    return lanes


def _threshold(ahead: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    """The threshold as it was at the forecast, over the 84 days it was taken from and the days forecast."""
    known = ahead.drop_nulls("threshold")
    if not known.height:
        return []
    start = known["x"][0] - (known["horizon"][0] + _WINDOW_DAYS - 0.5) * DAY_MS
    line = pl.DataFrame({"x": [max(frame.domain[0], start), frame.domain[1]], "value": [known["threshold"][0]] * 2})
    dashed = alt.Chart(line).mark_line(color=THRESHOLD, strokeDash=[6, 4], strokeWidth=1.4)
    return [dashed.encode(x=frame.x("x"), y=frame.y("value"))]


def _missing(observed: pl.DataFrame, frame: _Frame) -> list[alt.Chart]:
    gaps = observed.filter(pl.col("state") == "missing")
    if not gaps.height:
        return []
    cross = alt.Chart(gaps).mark_point(shape=_CROSS, stroke=MUTED, strokeWidth=1.3, size=22, opacity=1, yOffset=-5)
    return [cross.encode(x=frame.x("x"), y=alt.value("height"))]


def _hover(observed: pl.DataFrame, ahead: pl.DataFrame, frame: _Frame) -> alt.Chart:
    """One invisible column a day that carries the day's tooltip, wherever the pointer is in it."""
    later = ahead.filter(~pl.col("x").is_in(observed["x"].implode()))
    words = ["from", "to", "day", "what", "behind", "note"]
    over = alt.selection_point(on="pointerover", clear="pointerout", fields=["from"], empty=False, name="hovered")
    return (
        alt.Chart(pl.concat([observed.select(words), later.select(words)]))
        .mark_rect(color=MUTED)
        .encode(
            x=frame.x("from"),
            x2="to:T",
            opacity=alt.when(over).then(alt.value(0.18)).otherwise(alt.value(0)),
            tooltip=_tooltip(day="Day", what="Prevalence", behind="Behind it", note="Note"),
        )
        .add_params(over)
    )


def _tooltip(**titles: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:N", title=title) for column, title in titles.items()]


def _layered(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    padding = {"left": 0, "top": 5, "right": 0, "bottom": 0}
    return alt.LayerChart(layer=layers).properties(height=height, width="container", padding=padding)


def _value_scale(observed: pl.DataFrame, ahead: pl.DataFrame, kind: str) -> alt.Scale:
    """One explicit domain for all layers; shares start at zero, with head-room for the names of events."""
    values = [*observed.select("lo", "hi", "value", "threshold"), *ahead.select("q025", "q975", "threshold")]
    every = pl.concat([v.cast(pl.Float64).alias("v") for v in values]).drop_nulls()
    low, high = (float(every.min()), float(every.max())) if every.len() else (0.0, 0.1)
    if kind == "share":
        return alt.Scale(domain=[0, min(1.0, max(high, 0.01) * 1.12)], nice=False, zero=True)
    margin = 0.12 * max(high - low, 0.05)
    return alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)


def _value_axis(kind: str) -> alt.Axis:
    if kind != "share":
        return alt.Axis(tickCount=5, **_ALIGNED)
    percent = "format(datum.value * 100, '~g') + '\N{NO-BREAK SPACE}%'"
    return alt.Axis(tickCount=5, labelExpr=percent, **_ALIGNED)


def _date_axis() -> alt.Axis:
    return alt.Axis(title=None, grid=False, labelExpr=_DATE_LABEL, labelOverlap=True, labelFlush=True, tickCount=8)
