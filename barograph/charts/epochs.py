"""A line round events of one kind."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import ALIGNED, MUTED, OBSERVED, THRESHOLD, Layers, signed, tooltip
from barograph.language import gettext as _
from barograph.language import heard


def epochs(means: pl.DataFrame, each: pl.DataFrame, *, height: int = 320) -> Layers:
    """The mean deviation by days from the events' first day, over what chance would give, and each event's own, thin.

    means, each: of `epochs.Epochs`.
    """
    axis = {"tickCount": 5} | signed() | ALIGNED | {"title": _("against its usual")}
    days = {"title": _("days from the first day of the event"), "tickCount": 9, "grid": False, **signed("d")}
    x = alt.X("lag:Q", axis=days, scale={"domain": [-14, 14], "nice": False})

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", axis=axis, scale={"zero": True})

    said = means.with_columns(
        pl.col("lag").map_elements(heard(_when), return_dtype=pl.String).alias("when"),
        pl.col("mean").map_elements(heard(lambda v: wording.change(v, "mean")), return_dtype=pl.String).alias("what"),
        pl.struct("low", "high").map_elements(heard(_chance), return_dtype=pl.String).alias("chance"),
        pl.col("n_events")
        .map_elements(heard(lambda n: wording.count(n, "events")), return_dtype=pl.String)
        .alias("behind"),
    )
    told = tooltip(when=_("Day"), what=_("Mean"), chance=_("By chance"), behind=_("Behind it"))
    base = alt.Chart(said)
    own = alt.Chart(each.with_columns(pl.col("starts_on").cast(pl.String).alias("of")))
    zero = alt.Chart(pl.DataFrame({"lag": [0], "mean": [0]}))
    layers = []
    if means["low"].is_not_null().any():
        band = alt.Chart(said.drop_nulls("low"))
        layers.append(band.mark_area(color=MUTED, opacity=0.25).encode(x=x, y=y("low"), y2=alt.Y2("high:Q")))
    layers += [
        zero.mark_rule(color=THRESHOLD, strokeDash=[4, 3], strokeWidth=1.4).encode(x=x),
        zero.mark_rule(color=MUTED, strokeWidth=1).encode(y=y("mean")),
        own.mark_line(color=OBSERVED, opacity=0.28, strokeWidth=1).encode(
            x=x, y=y("deviation"), detail=alt.Detail("of:N")
        ),
        base.mark_line(color=OBSERVED, strokeWidth=2.4).encode(x=x, y=y("mean")),
        base.mark_point(color=OBSERVED, filled=True, size=42, opacity=1).encode(x=x, y=y("mean"), tooltip=told),
    ]
    return Layers(layers, height)


def _when(lag: int) -> str:
    days = wording.count(abs(lag), "days")
    return _("the first day") if not lag else (_("{days} after") if lag > 0 else _("{days} before")).format(days=days)


def _chance(row: dict[str, float | None]) -> str:
    if row["low"] is None or row["high"] is None:
        return "–"
    low, high = (wording.change(value, "mean") for value in (row["low"], row["high"]))
    return _("95 of 100 between {low} and {high}").format(low=low, high=high)
