"""What is marked on a timeline beside its values: high-prevalence days, flagged days, events, alerts."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import HIGH, MUTED, THRESHOLD, Frame, tooltip
from barograph.days import DAY_MS, milliseconds
from barograph.language import gettext as _
from barograph.language import heard, noted
from barograph.stored import stored

SHAPES = {"firing": "triangle-down", "acknowledged": "diamond", "resolved": "circle"}
"""State of an alert → the shape that marks when it came to be."""
STATES = {"firing": noted("fired"), "acknowledged": noted("acknowledged"), "resolved": noted("resolved")}
"""The same → what happened."""
_LETTERS = 60
_STRIP = 6
"""Pixels that the strip below flagged days is high."""
_ABOVE = -8
"""Where alerts stand: so many pixels below the upper edge of the plot, which is above it."""


def high_days(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """Periods shaded, darker on days of which the whole interval is above; each day with its own threshold."""
    high = observed.filter(pl.col("threshold").is_not_null()).select("from", "to", "level", "threshold")
    if not high.height:
        return []
    runs = high.group_by((pl.col("from").diff() != DAY_MS).fill_null(value=True).cum_sum().alias("run")).agg(
        pl.col("from").min(), pl.col("to").max()
    )
    across = {"x": frame.x("from"), "x2": alt.X2("to:T")}
    sure = high.filter(pl.col("level") == "red").select("from", "to")
    layers = [alt.Chart(runs.select("from", "to").sort("from")).mark_rect(color=HIGH, opacity=0.2).encode(**across)]
    if sure.height:
        layers.append(alt.Chart(sure).mark_rect(color=HIGH, opacity=0.28).encode(**across))
    limits = alt.Chart(high.select("from", "to", "threshold")).mark_rule(color=THRESHOLD, strokeWidth=1.5)
    return [*layers, limits.encode(**across, y=frame.y("threshold"))]


def flagged(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """A strip below days that are flagged, dark below those that are left out. observed: as `days.observed`."""
    rows = observed.filter(pl.col("left_out").is_not_null()).select("from", "to", "left_out")
    bottom = alt.YValue("height")  # type: ignore[no-untyped-call]
    layers = []
    for (out,), mine in rows.group_by("left_out", maintain_order=True):
        strip = alt.Chart(mine.select("from", "to")).mark_rect(
            color=MUTED, opacity=1 if out else 0.45, y2Offset=-_STRIP
        )
        ends = {"y": bottom, "y2": alt.Y2Value("height")}  # type: ignore[no-untyped-call]
        layers.append(strip.encode(x=frame.x("from"), x2=alt.X2("to:T"), **ends))
    return layers


def visible(events: pl.DataFrame, series: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The events that touch the days of a `timeline` of these frames."""
    drawn = [*series["time_value"], *forecasts["target"]]
    return events.filter(pl.col("ends_on") >= min(drawn), pl.col("starts_on") <= max(drawn))


def events(rows: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """A band from first to last day, its name above, in a lane of its own where neighbours would overlap."""
    first, last = frame.domain
    start, end = milliseconds("starts_on") - DAY_MS / 2, milliseconds("ends_on") + DAY_MS / 2
    shown = (
        rows.select("name", start.alias("from"), end.alias("to"))
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


def alerts(marks: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """A shape above the plot where an alert fired, was acknowledged or resolved. marks: as `Line.marks` has them."""
    first, last = frame.domain
    rows = marks.with_columns(
        milliseconds("day").alias("x"),
        pl.col("day").map_elements(heard(wording.day), return_dtype=pl.String).alias("when"),
        pl.col("what").map_elements(heard(lambda what: _(STATES[what])), return_dtype=pl.String).alias("happened"),
        pl.col("reason").map_elements(heard(stored), return_dtype=pl.String),
    ).filter(pl.col("x").is_between(first, last))
    titles = {"when": _("Day"), "happened": _("Alert"), "rule": _("Rule"), "reason": _("Reason")}
    layers = []
    for (what,), mine in rows.group_by("what", maintain_order=True):
        point = alt.Chart(mine.select("x", *titles)).mark_point(
            shape=SHAPES[str(what)], filled=what == "firing", fill=THRESHOLD if what == "firing" else None,
            stroke=THRESHOLD, strokeWidth=1.6, size=75, opacity=1, yOffset=_ABOVE,
        )  # fmt: skip
        layers.append(point.encode(x=frame.x("x"), y=alt.YValue(0), tooltip=tooltip(**titles)))  # type: ignore[no-untyped-call]
    return layers


def _lanes(events: pl.DataFrame, width: float) -> list[int]:
    """The first lane in which a name does not run into the one before, on a chart some 60 letters wide."""
    free: list[float] = []
    lanes = []
    for name, start in events.select("name", "from").iter_rows():
        lane = next((i for i, end in enumerate(free) if end <= start), len(free))
        free[lane : lane + 1] = [start + (len(name) + 1) * width / _LETTERS]
        lanes.append(lane)
    return lanes
