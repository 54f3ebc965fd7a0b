"""What charts share: colours, axes of days and of prevalence, layers over one another.

Colours are Okabe and Ito's (2008), the blue lightened: told apart with any colour vision, and seen on a white
page as on a dark one. Nothing is told by colour alone: bands are stepped, forecasts dashed, missing days
crossed. Days are drawn as milliseconds of UTC midnight, so that a reader's time zone moves nothing.

Channels are named as such (`alt.X2("to:T")`, `alt.OpacityValue(…)`): Altair takes milliseconds to guess each one that
is a mere string or condition. Axes and scales are dictionaries of what is said of them: an `alt.Axis` of nothing but a
title holds eighty empty places more, and Altair copies each layer of a chart several times.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from barograph.language import heard, reader

OBSERVED, FORECAST, THRESHOLD, HIGH = "#1F84C7", "#CC79A7", "#D55E00", "#E69F00"
MUTED = "#7B828B"
"""Counts, missing days and events: what stands behind the line."""

X_AXIS = 56
"""Pixels that days or values below a chart take of its height."""
ALIGNED: dict[str, Any] = {"title": None, "minExtent": 46, "maxExtent": 46}
"""Charts above one another share their days only where their axes are equally wide."""
_DATE_LABEL = (
    "datum.index == 0 || utcmonth(datum.value) == 0 && utcdate(datum.value) < 8"
    " ? [utcFormat(datum.value, '%-d %b'), utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%-d %b')"
)


@dataclass(frozen=True)
class Frame:
    """What all layers of one chart share: its days and, on the timeline, its values.

    domain: ms of its first and last day. room: the part of their width that is left free after the last.
    """

    domain: tuple[float, float]
    scale: dict[str, Any]
    y_axis: dict[str, Any]
    room: float = 0.0

    def x(self, column: str) -> alt.X:
        """A column of ms as days."""
        return alt.X(
            f"{column}:T",
            scale={"type": "utc", "nice": False},
            axis=date_axis(self.domain[1] if self.room else None),
        )

    def y(self, column: str) -> alt.Y:
        """A column of values on the scale that all layers share."""
        return alt.Y(f"{column}:Q", scale=self.scale, axis=self.y_axis)

    def ends(self) -> alt.Chart:
        """Two invisible points that give charts above one another the same days."""
        # A domain in the scale would do, but Vega-Lite reads it differently where a mark has x2, and warns.
        first, last = self.domain
        ends = [first, last + self.room * (last - first)]
        return alt.Chart(pl.DataFrame({"x": ends})).mark_point(opacity=0).encode(x=self.x("x"))


def tooltip(**titles: str) -> list[alt.Tooltip]:
    """A tooltip of columns that hold words, each with its title."""
    return [alt.Tooltip(f"{column}:N", title=title) for column, title in titles.items()]


@dataclass(frozen=True)
class Layers:
    """Charts over one another, as wide as their place and `height` pixels high, so many left free above and below.

    Altair's own `LayerChart` copies every layer when it is made and again when it is told, to find out what they
    share, and a reader waits for that. Here a layer keeps what is its own; only selections are told with the whole.
    """

    layer: list[alt.Chart]
    height: int
    above: int = 5
    below: int = 0

    def to_dict(self, validate: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002  (as Altair's charts have it)
        """The chart as Vega-Lite. validate: whether each layer is held against its schema."""
        shared: dict[str, Any] = {"datasets": {}, "top_level": False}
        layers, selections = [], []
        for place, chart in enumerate(self.layer):
            told = chart.to_dict(validate=validate, context=shared)
            if own := told.pop("params", None):
                told["name"] = f"layer_{place}"
                selections += [each | {"views": [told["name"]]} for each in own]
            layers.append(told)
        return {
            "$schema": alt.SCHEMA_URL, "layer": layers, "height": self.height, "width": "container",
            "padding": {"left": 0, "top": self.above, "right": 0, "bottom": self.below},
            **({"params": selections} if selections else {}), "datasets": shared["datasets"],
        }  # fmt: skip


def in_words(column: str, say: Callable[[float], str]) -> pl.Expr:
    """What `say` makes of each value of a column; a dash where it is NULL."""
    return pl.col(column).map_elements(heard(say), return_dtype=pl.String).fill_null("–")


def value_scale(observed: pl.DataFrame, ahead: pl.DataFrame, kind: str) -> dict[str, Any]:
    """One explicit domain for all layers; shares start at zero, with head-room for the names of events.

    observed: `lo, hi, value, threshold` of all lines; ahead: as `days.ahead` has it.
    """
    values = [*observed.select("lo", "hi", "value", "threshold"), *ahead.select("q025", "q975", "threshold")]
    every = pl.concat([v.cast(pl.Float64).alias("v") for v in values]).drop_nulls()
    low, high = (float(every.min()), float(every.max())) if every.len() else (0.0, 0.1)
    if kind == "share":
        return {"domain": [0, min(1.0, max(high, 0.01) * 1.12)], "nice": False, "zero": True}
    margin = 0.12 * max(high - low, 0.05)
    return {"domain": [low - margin, high + margin], "nice": False, "zero": False}


def value_axis(kind: str) -> dict[str, Any]:
    """Prevalences: per cent where they are shares."""
    if kind != "share":
        return {"tickCount": 5, **ALIGNED}
    percent = "format(datum.value * 100, '~g') + '\N{NO-BREAK SPACE}%'"
    return {"tickCount": 5, "labelExpr": percent, **ALIGNED}


def signed(step: str = "~g") -> dict[str, Any]:
    """Labels of an axis of differences: +1, 0, −1. step: how digits are written, as d3 has it."""
    return {"labelExpr": f"datum.value == 0 ? '0' : format(datum.value, '+{step}')"}


def date_axis(last: float | None = None) -> dict[str, Any]:
    """Days of UTC, the year where it begins; none written after `last`, in ms."""
    label = _DATE_LABEL if last is None else f"datum.value > {last:.0f} ? '' : {_DATE_LABEL}"
    said = {"labelExpr": label, "labelOverlap": True, "labelFlush": True, "tickCount": 8}
    return {"title": None, "grid": False, **said}


def locale() -> dict[str, Any]:
    """How Vega writes numbers and days for the reader, for a chart's `config`; empty where that is as in English."""
    language = reader().language
    if language == "en":
        return {}
    from babel.dates import get_day_names, get_month_names
    from babel.numbers import get_decimal_symbol, get_group_symbol

    number = {
        "decimal": get_decimal_symbol(language), "thousands": get_group_symbol(language), "grouping": [3],
        "currency": ["", ""],
    }  # fmt: skip
    time: dict[str, Any] = {"dateTime": "%A %e %B %Y, %X", "date": "%d/%m/%Y", "time": "%H:%M:%S", "periods": ["", ""]}
    # A week of Vega's begins on Sunday.
    time["days"], time["shortDays"] = (
        [names[(n - 1) % 7] for n in range(7)]
        for names in (get_day_names("wide", locale=language), get_day_names("abbreviated", locale=language))
    )
    time["months"], time["shortMonths"] = (
        [names[n] for n in range(1, 13)]
        for names in (get_month_names("wide", locale=language), get_month_names("abbreviated", locale=language))
    )
    return {"locale": {"number": number, "time": time}}
