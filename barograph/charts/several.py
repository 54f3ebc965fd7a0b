"""Further lines over one: each with a colour and a dash of its own, and its name at its end."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import polars as pl

from barograph.charts.frame import OBSERVED, Frame

COLOURS = ("#009E73", "#D55E00", "#B25A8C", "#A67C00", "#7B828B")
"""Of the lines beside the first, which is OBSERVED; seen on a white page as on a dark one."""
DASHES = ([8, 3], [3, 2], [10, 3, 2, 3], [5, 2, 1, 2], [1, 2])
"""Of the same lines; the first is drawn whole."""
MOST = 1 + len(COLOURS)
ROOM = 0.15
"""The part of the chart's width, right of its last day, in which names stand."""
_APART = 18
"""Pixels between names; a plot is less high than its chart, by its axis."""


@dataclass(frozen=True)
class Other:
    """A line beside the first: its name, rows of `series` of its days, and what `smoothing.trailing` makes of them."""

    name: str
    series: pl.DataFrame
    smoothed: pl.DataFrame | None = None


def colour(place: int) -> str:
    """That of the `place`-th of several lines, from 0."""
    return COLOURS[place - 1] if place else OBSERVED


def curve(
    observed: pl.DataFrame, smoothed: pl.DataFrame | None, frame: Frame, place: int, size: int
) -> list[alt.Chart]:
    """The interval of the `place`-th line, the line, and its days; those not closed hollow.

    observed: as `days.observed` has them; smoothed: as `days.smoothed`, drawn in place of the days' own line.
    """
    closed = observed.filter(pl.col("state") == "closed")
    rows = closed if smoothed is None else smoothed
    at = {"x": frame.x("x"), "y": frame.y("value")}
    ends = {"x": frame.x("x"), "y": frame.y("lo"), "y2": alt.Y2("hi:Q"), "detail": alt.Detail("run:N")}
    dash = DASHES[place - 1] if place else [1, 0]
    ink = colour(place)
    band = alt.Chart(rows.select("x", "lo", "hi", "run")).mark_area(color=ink, opacity=0.07 if place else 0.16)
    line = alt.Chart(rows.select("x", "value", "run")).mark_line(color=ink, strokeWidth=1.8, strokeDash=dash)
    layers = [band.encode(**ends), line.encode(**at, detail=alt.Detail("run:N"))]
    if smoothed is None or place == 0:  # pale days of several lines would be a cloud
        points = alt.Chart(closed.select("x", "value"))
        opacity = 1 if smoothed is None else 0.35
        layers.append(points.mark_point(color=ink, filled=True, opacity=opacity, size=size).encode(**at))
    hollow = observed.filter(pl.col("state") == "provisional").select("x", "value")
    if hollow.height:
        layers.append(alt.Chart(hollow).mark_point(filled=False, stroke=ink, opacity=1, size=40).encode(**at))
    return layers


def names(ends: Sequence[tuple[str, float | None]], frame: Frame, height: int) -> list[alt.Chart]:
    """The name of each line right of the last day, at the height of its last value, none over another.

    ends: name and last value of each line, in order of place; None: it has none.
    """
    low, high = frame.scale["domain"]
    apart = _APART * (high - low) / height
    last = sorted((value, place, name) for place, (name, value) in enumerate(ends) if value is not None)
    layers, free = [], low
    for n, (value, place, name) in enumerate(last):
        # From the lowest up, each at least so far above the one before, and room left for those to come.
        at = min(max(value, free), high - (len(last) - 1 - n) * apart)
        free = at + apart
        text = alt.Chart(pl.DataFrame({"x": [frame.domain[1]], "at": [at], "name": [name]})).mark_text(
            align="left", baseline="middle", dx=6, color=colour(place), fontSize=12, fontWeight=600,
            limit=alt.ExprRef(f"{ROOM / (1 + ROOM):.4f} * width - 8"),
        )  # fmt: skip
        layers.append(text.encode(x=frame.x("x"), y=frame.y("at"), text=alt.Text("name:N")))
    return layers
