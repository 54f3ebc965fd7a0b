"""How many stand behind each day of a line."""

import altair as alt
import polars as pl

from barograph import days
from barograph.charts.frame import ALIGNED, MUTED, Frame, Layers, tooltip
from barograph.charts.several import ROOM
from barograph.language import gettext as _
from barograph.tables import EXCEEDANCES


def counts(
    series: pl.DataFrame, forecasts: pl.DataFrame, unit: str, *, beside: bool = False, height: int = 110
) -> Layers:
    """Authors or posts behind each point of `timeline`; pale where it is provisional or missing.

    Frames as for `timeline`; forecasts only lend the axis their days. unit: `authors` or `posts`. beside: whether
    lines stand beside it there. What is dragged over is selected as `brush`, `x` its ends in ms.
    """
    observed, ahead = days.observed(series, EXCEEDANCES.empty()), days.ahead(forecasts, "share")
    rows = observed.with_columns(series[f"n_{unit}"].alias("n"), pl.lit(0).alias("zero"))
    scale = {"zero": True, "nice": True}
    frame = Frame(
        days.domain(observed, ahead), scale, {"tickCount": 3, "format": "~s", **ALIGNED}, room=ROOM if beside else 0.0
    )
    at = {"x": frame.x("from"), "x2": alt.X2("to:T"), "y": frame.y("n"), "y2": alt.Y2("zero:Q")}
    told = tooltip(day=_("Day"), behind=_("Behind it"), what=_("Prevalence"))
    shown = rows.select("from", "to", "n", "zero", "day", "behind", "what", "state")
    full = pl.col("state") == "closed"
    bars = [
        alt.Chart(part).mark_rect(color=MUTED, opacity=opacity).encode(**at, tooltip=told)
        for part, opacity in ((shown.filter(full), 0.75), (shown.filter(~full), 0.3))
        if part.height
    ]
    brush = alt.selection_interval(name="brush", encodings=["x"])
    return Layers([frame.ends().add_params(brush), *bars], height)
