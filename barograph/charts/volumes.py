"""How many posts a source brought day by day, as a chart, with the days that are odd about it."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import ALIGNED, HIGH, MUTED, OBSERVED, THRESHOLD, Frame, Layers, in_words, tooltip
from barograph.days import DAY_MS, milliseconds
from barograph.language import gettext as _
from barograph.language import heard, noted

KINDS = {
    "usual": noted("as usual"),
    "gap": noted("no post"),
    "low": noted("a third of the usual, or less"),
    "high": noted("three times the usual, or more"),
}
"""What `health.volumes` calls a day → in words."""
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_COLOURS = {"low": THRESHOLD, "high": HIGH}
_SHAPES = {"low": "triangle-down", "high": "triangle-up"}


def volumes(rows: pl.DataFrame, *, height: int = 130) -> Layers:
    """Posts of one source by day; crosses: no post; triangles: far fewer or more than usual.

    rows: of one source, as `health.volumes`.
    """
    drawn = rows.with_columns(
        (milliseconds("time_value") - DAY_MS / 2).alias("from"), (milliseconds("time_value") + DAY_MS / 2).alias("to"),
        milliseconds("time_value").alias("x"), pl.lit(0).alias("zero"),
        pl.col("time_value").map_elements(heard(wording.day), return_dtype=pl.String).alias("day"),
        in_words("n_posts", lambda n: wording.count(int(n), "posts")).alias("what"),
        in_words("usual", lambda n: wording.number(round(n))).alias("before"),
        in_words("n_authors", lambda n: wording.count(int(n), "authors")).alias("behind"),
        pl.col("kind").map_elements(heard(lambda kind: _(KINDS[kind])), return_dtype=pl.String).alias("note"),
    )  # fmt: skip
    domain = tuple(drawn.select(pl.col("from").min(), pl.col("to").max()).row(0))
    most = float(rows["n_posts"].max() or 1)  # type: ignore[arg-type]
    frame = Frame(domain, {"domain": [0, 1.18 * most], "nice": False}, {"tickCount": 3, "format": "~s", **ALIGNED})
    told = tooltip(day=_("Day"), what=_("Posts"), behind=_("Behind it"), before=_("Usual"), note=_("Note"))
    at = {"x": frame.x("from"), "x2": alt.X2("to:T"), "y": frame.y("n_posts"), "y2": alt.Y2("zero:Q")}
    layers = [frame.ends(), alt.Chart(drawn).mark_rect(color=OBSERVED, opacity=0.65).encode(**at, tooltip=told)]
    gaps = drawn.filter(pl.col("kind") == "gap")
    if gaps.height:
        cross = alt.Chart(gaps).mark_point(shape=_CROSS, stroke=MUTED, strokeWidth=1.5, size=26, opacity=1, yOffset=-5)
        low = alt.YValue("height")  # type: ignore[no-untyped-call]
        layers.append(cross.encode(x=frame.x("x"), y=low, tooltip=told))
    for kind, colour in _COLOURS.items():
        odd = drawn.filter(pl.col("kind") == kind)
        if odd.height:
            mark = alt.Chart(odd).mark_point(
                shape=_SHAPES[kind], color=colour, filled=True, opacity=1, size=55, yOffset=-7
            )
            layers.append(mark.encode(x=frame.x("x"), y=frame.y("n_posts"), tooltip=told))
    return Layers(layers, height)
