"""Polarization of a topic as charts: its scores by day, and the classes they are made of."""

import altair as alt
import polars as pl

from barograph import topic, wording
from barograph.charts.frame import ALIGNED, MUTED, OBSERVED, THRESHOLD, Layers
from barograph.days import milliseconds
from barograph.language import gettext as _
from barograph.language import heard
from barograph.tables import CLASSES

_COLOURS = ("#D55E00", "#E69F00", "#56B4E9", "#0072B2", "#CC79A7", "#8F3B76", "#009E73", "#7B828B")
"""Okabe and Ito's, one a class: hostile ones warm, friendly ones cool."""


def scores(rows: pl.DataFrame, *, height: int = 280) -> Layers:
    """Mean score by day with its 95 % interval, the band of other tables of scores, and the bounds of low and extreme.

    rows: of `polarization`, one topic and population.
    """
    days = topic.scored(rows).with_columns(
        x=milliseconds("time_value"), day=pl.col("time_value").map_elements(heard(wording.day), return_dtype=pl.String)
    )
    told = days.with_columns(
        what=pl.struct("mean_score", "lo", "hi").map_elements(
            heard(lambda r: topic.score(r["mean_score"], r["lo"], r["hi"])), return_dtype=pl.String
        )
    )
    scale = {"domain": [0, 10], "nice": False}
    x = alt.X("x:T", scale={"type": "utc", "nice": False}, axis={"title": None, "grid": False, "tickCount": 8})

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis={"tickCount": 5, **ALIGNED})

    tooltip = [
        alt.Tooltip(f"{name}:{kind}", title=title)
        for name, kind, title in (
            ("day", "N", _("Day")), ("what", "N", _("Score of 10")), ("n_conversations", "Q", _("Conversations")),
            ("n_interactions", "Q", _("Reply pairs")), ("n_authors", "Q", _("Authors")),
        )
    ]  # fmt: skip
    base = alt.Chart(told)
    bounds = alt.Chart(pl.DataFrame({"bound": [topic.LOW, topic.HIGH]}))
    return Layers(
        [
            base.mark_area(color=MUTED, opacity=0.18).encode(x=x, y=y("band_low"), y2=alt.Y2("band_high:Q")),
            bounds.mark_rule(color=THRESHOLD, strokeDash=[4, 3]).encode(y=y("bound")),
            base.mark_rule(color=OBSERVED, opacity=0.5).encode(x=x, y=y("lo"), y2=alt.Y2("hi:Q")),
            base.mark_line(color=OBSERVED).encode(x=x, y=y("mean_score")),
            base.mark_circle(color=OBSERVED, size=40, opacity=1).encode(x=x, y=y("mean_score"), tooltip=tooltip),
        ],
        height,
    )


def mix(rows: pl.DataFrame, *, height: int = 380) -> alt.Chart:
    """The eight classes of interactions by day, as shares that fill a bar."""
    words = {name: topic.class_words(name) for name in CLASSES}
    shares = topic.scored(rows).unpivot(CLASSES, index="time_value", variable_name="class", value_name="share")
    days = shares.with_columns(
        pl.col("class").replace_strict(words), pl.col("class").replace_strict({c: n for n, c in enumerate(CLASSES)})
        .alias("order"), x=milliseconds("time_value"),
        day=pl.col("time_value").map_elements(heard(wording.day), return_dtype=pl.String),
        what=pl.col("share").map_elements(heard(wording.level), return_dtype=pl.String),
    )  # fmt: skip
    percent = {"tickCount": 5, "format": "%", **ALIGNED}
    colour = {"domain": list(words.values()), "range": list(_COLOURS)}
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=240)
    return (
        alt.Chart(days)
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(x):T", axis={"title": None, "grid": False, "tickCount": 8}),
            y=alt.Y("share:Q", stack="normalize", axis=percent),
            color=alt.Color("class:N", scale=colour, legend=legend),
            order=alt.Order("order:Q"),
            tooltip=[alt.Tooltip("day:N", title=_("Day")), alt.Tooltip("class:N", title=_("Class")),
                     alt.Tooltip("what:N", title=_("Share"))],
        )
        .properties(height=height, width="container")
    )  # fmt: skip
