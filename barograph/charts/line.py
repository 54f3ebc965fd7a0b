"""One line day by day as a chart, and how many stand behind each day."""

import altair as alt
import polars as pl

from barograph import days
from barograph.charts.frame import (
    ALIGNED,
    FORECAST,
    HIGH,
    MUTED,
    OBSERVED,
    THRESHOLD,
    Frame,
    layered,
    tooltip,
    value_axis,
    value_scale,
)
from barograph.days import DAY_MS, milliseconds
from barograph.tables import EXCEEDANCES

_WINDOW_DAYS = 84
_LETTERS = 60
_CROSS = "M-1,-1L1,1M1,-1L-1,1"


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
    frame = Frame(domain(observed, ahead), value_scale(observed, ahead, kind), value_axis(kind))
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
    return layered(layers, height)


def counts(series: pl.DataFrame, forecasts: pl.DataFrame, unit: str, *, height: int = 110) -> alt.LayerChart:
    """Authors or posts behind each point of `timeline`; pale where it is provisional or missing.

    Frames as for `timeline`; forecasts only lend the axis their days. unit: `authors` or `posts`.
    """
    observed, ahead = days.observed(series, EXCEEDANCES.empty()), days.ahead(forecasts, "share")
    rows = observed.with_columns(series[f"n_{unit}"].alias("n"), pl.lit(0).alias("zero"))
    scale = alt.Scale(zero=True, nice=True)
    frame = Frame(domain(observed, ahead), scale, alt.Axis(tickCount=3, format="~s", **ALIGNED))
    at = {"x": frame.x("from"), "x2": alt.X2("to:T"), "y": frame.y("n"), "y2": alt.Y2("zero:Q")}
    told = tooltip(day="Day", behind="Behind it", what="Prevalence")
    full = pl.col("state") == "closed"
    solid = alt.Chart(rows.filter(full)).mark_rect(color=MUTED, opacity=0.75)
    pale = alt.Chart(rows.filter(~full)).mark_rect(color=MUTED, opacity=0.3)
    bars = [chart.encode(**at, tooltip=told) for chart in (solid, pale)]
    return layered([frame.ends(), *bars], height)


def domain(observed: pl.DataFrame, ahead: pl.DataFrame) -> tuple[float, float]:
    """The chart's first and last ms: half a day before its first day and after its last."""
    every = pl.concat([observed.select("from", "to"), ahead.select("from", "to")])
    return tuple(every.select(pl.col("from").min(), pl.col("to").max()).row(0))


def _band(rows: pl.DataFrame, frame: Frame, low: str, high: str, *, colour: str, opacity: float) -> list[alt.Chart]:
    """An area over each run of days; a bar for a day alone, on which an area has no width."""
    alone = pl.len().over("run") == 1
    runs, single = rows.filter(~alone), rows.filter(alone)
    ends = {"x": frame.x("x"), "y": frame.y(low), "y2": alt.Y2(f"{high}:Q")}
    layers = []
    if runs.height:
        layers.append(
            alt.Chart(runs).mark_area(color=colour, opacity=opacity).encode(**ends, detail=alt.Detail("run:N"))
        )
    if single.height:
        layers.append(alt.Chart(single).mark_rule(color=colour, opacity=2 * opacity, strokeWidth=3).encode(**ends))
    return layers


def _values(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """Closed days as a line with points, provisional ones hollow and apart with their interval dashed."""
    closed = alt.Chart(observed.filter(pl.col("state") == "closed"))
    size = 34 if observed.height <= 45 else 18 if observed.height <= 120 else 7
    at = {"x": frame.x("x"), "y": frame.y("value")}
    layers = [
        closed.mark_line(color=OBSERVED, strokeWidth=1.8).encode(**at, detail=alt.Detail("run:N")),
        closed.mark_point(color=OBSERVED, filled=True, opacity=1, size=size).encode(**at),
    ]
    rows = observed.filter(pl.col("state") == "provisional")
    if rows.height:
        open_ = alt.Chart(rows)
        ends = {"x": frame.x("x"), "y": frame.y("lo"), "y2": alt.Y2("hi:Q")}
        layers.append(open_.mark_rule(color=OBSERVED, strokeDash=[2, 2]).encode(**ends))
        layers.append(open_.mark_point(filled=False, stroke=OBSERVED, strokeWidth=1.8, opacity=1, size=48).encode(**at))
    return layers


def _median(ahead: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    if not ahead.height:
        return []
    line = alt.Chart(ahead).mark_line(color=FORECAST, strokeDash=[5, 3], strokeWidth=2)
    return [line.encode(x=frame.x("x"), y=frame.y("value"))]


def _high_days(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """Shaded, the darker where the whole interval is above, each with the threshold it was tested against."""
    high = observed.filter(pl.col("threshold").is_not_null())
    if not high.height:
        return []
    shade = alt.OpacityValue(0.2, condition={"test": "datum.level == 'red'", "value": 0.42})
    across = {"x": frame.x("from"), "x2": alt.X2("to:T")}
    return [
        alt.Chart(high).mark_rect(color=HIGH).encode(**across, opacity=shade),
        alt.Chart(high).mark_rule(color=THRESHOLD, strokeWidth=1.5).encode(**across, y=frame.y("threshold")),
    ]


def visible(events: pl.DataFrame, series: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The events that touch the days of a `timeline` of these frames."""
    drawn = [*series["time_value"], *forecasts["target"]]
    return events.filter(pl.col("ends_on") >= min(drawn), pl.col("starts_on") <= max(drawn))


def _events(events: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
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
    band = alt.Chart(shown).mark_rect(color=MUTED, opacity=0.13).encode(x=frame.x("from"), x2=alt.X2("to:T"))
    names = [
        alt.Chart(rows)
        .mark_text(align="left", baseline="top", dx=3, dy=3 + 13 * rows["lane"][0], color=MUTED, fontSize=11)
        .encode(x=frame.x("from"), y=alt.YValue(0), text=alt.Text("name:N"))  # type: ignore[no-untyped-call]
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


def _threshold(ahead: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """The threshold as it was at the forecast, over the 84 days it was taken from and the days forecast."""
    known = ahead.drop_nulls("threshold")
    if not known.height:
        return []
    start = known["x"][0] - (known["horizon"][0] + _WINDOW_DAYS - 0.5) * DAY_MS
    line = pl.DataFrame({"x": [max(frame.domain[0], start), frame.domain[1]], "value": [known["threshold"][0]] * 2})
    dashed = alt.Chart(line).mark_line(color=THRESHOLD, strokeDash=[6, 4], strokeWidth=1.4)
    return [dashed.encode(x=frame.x("x"), y=frame.y("value"))]


def _missing(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    gaps = observed.filter(pl.col("state") == "missing")
    if not gaps.height:
        return []
    cross = alt.Chart(gaps).mark_point(shape=_CROSS, stroke=MUTED, strokeWidth=1.3, size=22, opacity=1, yOffset=-5)
    return [cross.encode(x=frame.x("x"), y=alt.YValue("height"))]  # type: ignore[no-untyped-call]


def _hover(observed: pl.DataFrame, ahead: pl.DataFrame, frame: Frame) -> alt.Chart:
    """One invisible column a day that carries the day's tooltip, wherever the pointer is in it."""
    later = ahead.filter(~pl.col("x").is_in(observed["x"].implode()))
    words = ["from", "to", "day", "what", "behind", "note"]
    over = alt.selection_point(on="pointerover", clear="pointerout", fields=["from"], empty=False, name="hovered")
    return (
        alt.Chart(pl.concat([observed.select(words), later.select(words)]))
        .mark_rect(color=MUTED)
        .encode(
            x=frame.x("from"),
            x2=alt.X2("to:T"),
            opacity=alt.OpacityValue(0, condition={"param": over.name, "empty": False, "value": 0.18}),
            tooltip=tooltip(day="Day", what="Prevalence", behind="Behind it", note="Note"),
        )
        .add_params(over)
    )
