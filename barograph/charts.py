"""Frames → Altair charts, for pages and reports. Pure functions; nothing here reads a file or knows a page.

Colours are Okabe and Ito's (2008): told apart with any colour vision, at least 3 : 1 against white and against
a dark page. Nothing is told by colour alone: bands are stepped, forecasts dashed, missing days crossed. Days are
drawn as milliseconds of UTC midnight, so that a reader's time zone moves nothing.
"""

from datetime import date

import altair as alt
import polars as pl

from barograph import wording

OBSERVED, FORECAST, THRESHOLD, HIGH = "#0072B2", "#CC79A7", "#D55E00", "#E69F00"
MUTED = "#7B828B"
"""Counts, missing days and events: what stands behind the line."""

_DAY_MS = 86_400_000.0
_AXIS_WIDTH = 46
_CROSS = "M-1,-1L1,1M1,-1L-1,1"
_DATE_LABEL = (
    "datum.index == 0 || utcmonth(datum.value) == 0 && utcdate(datum.value) < 8"
    " ? [utcFormat(datum.value, '%-d %b'), utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%-d %b')"
)


def timeline(
    series: pl.DataFrame, forecasts: pl.DataFrame, exceedances: pl.DataFrame, events: pl.DataFrame, *, height: int = 340
) -> alt.LayerChart:
    """Prevalence of one line day by day with its 95 % intervals, forecast fan, threshold, events and gaps.

    Frames have the columns of their tables and one row a day; exceedances: the observed high-prevalence days.
    The line breaks at a day without a value and at a provisional one.
    """
    kind = str(series["value_kind"][0])
    first, last = _reach(series, forecasts)
    x = alt.X("x:T", scale=alt.Scale(type="utc", domain=[first, last]), axis=_date_axis())
    observed, ahead = days(series, exceedances), _fan(forecasts, kind)
    closed = observed.filter(pl.col("state") == "closed")
    provisional = observed.filter(pl.col("state") == "provisional")
    scale = _value_scale(observed, ahead, kind)
    y = alt.Y("value:Q", scale=scale, axis=_value_axis(kind))
    size = 34 if series.height <= 45 else 18 if series.height <= 120 else 7

    layers: list[alt.Chart] = [*_high_days(observed, x), *_events(events, first, last, x)]
    layers += _band(ahead, x, "q025", "q975", FORECAST, 0.22, scale)
    layers += _band(ahead, x, "q10", "q90", FORECAST, 0.35, scale)
    layers += _band(closed, x, "lo", "hi", OBSERVED, 0.2, scale)
    layers += _threshold(forecasts, first, last, x, scale)
    if ahead.height:
        layers.append(_chart(ahead).mark_line(color=FORECAST, strokeDash=[5, 3], strokeWidth=2).encode(x=x, y=y))
    layers.append(
        _chart(closed).mark_line(color=OBSERVED, strokeWidth=1.8).encode(x=x, y=y, detail="run:N")
    )
    layers.append(_chart(closed).mark_point(color=OBSERVED, filled=True, opacity=1, size=size).encode(x=x, y=y))
    if provisional.height:
        ends = {"y": alt.Y("lo:Q", scale=scale), "y2": "hi:Q"}
        layers.append(_chart(provisional).mark_rule(color=OBSERVED, strokeDash=[2, 2]).encode(x=x, **ends))
        layers.append(
            _chart(provisional).mark_point(color=OBSERVED, filled=True, fill="white", stroke=OBSERVED, opacity=1, size=48)
            .encode(x=x, y=y)
        )  # fmt: skip
    layers += _missing(observed, x)
    layers.append(_hover(observed, ahead, x))
    return alt.layer(*layers).properties(height=height, width="container")


def counts(series: pl.DataFrame, forecasts: pl.DataFrame, unit: str, *, height: int = 110) -> alt.LayerChart:
    """Authors or posts behind each point of `timeline`, on the same days; hollow where the day has no value or is open.

    Frames as for `timeline`; forecasts only lend the axis their days. unit: `authors` counts authors, others posts.
    """
    counted = "n_authors" if unit == "authors" else "n_posts"
    first, last = _reach(series, forecasts)
    x = alt.X("from:T", scale=alt.Scale(type="utc", domain=[first, last]), axis=_date_axis())
    rows = days(series, series.clear().select(pl.col("time_value").alias("target"), threshold=0.0, level=pl.lit("")))
    rows = rows.with_columns(series[counted].alias("n"), pl.lit(0).alias("zero"))
    y = alt.Y("n:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=_axis(tickCount=3, format="~s"))
    bars = {"x": x, "x2": "to:T", "y": y, "y2": "zero:Q"}
    tooltip = [alt.Tooltip("day:N", title="Day"), alt.Tooltip("n:Q", title=counted[2:].capitalize(), format=","), "what:N"]
    tooltip[2] = alt.Tooltip("what:N", title="Value")
    full = pl.col("state") == "closed"
    solid = _chart(rows.filter(full)).mark_rect(color=MUTED, opacity=0.75)
    hollow = _chart(rows.filter(~full)).mark_rect(filled=False, stroke=MUTED, strokeWidth=1, fill="transparent")
    return alt.layer(
        solid.encode(**bars, tooltip=tooltip), hollow.encode(**bars, tooltip=tooltip)
    ).properties(height=height, width="container")  # fmt: skip


def days(series: pl.DataFrame, exceedances: pl.DataFrame) -> pl.DataFrame:
    """What `timeline` draws of each day.

    `x`, `from`, `to` (ms UTC), `value, lo, hi`, `state` (closed, provisional, missing), `run` (equal for closed
    days in a row), `threshold` and `level` (of a high-prevalence day), and `day, what, behind, note` in words.
    """
    kind = str(series["value_kind"][0]) if series.height else "share"
    high = exceedances.select(pl.col("target").alias("time_value"), "threshold", "level")
    closed = pl.col("state") == "closed"
    apart = pl.col("time_value").diff().dt.total_days().fill_null(1) != 1
    return (
        series.join(high, on="time_value", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("prevalence").is_null()).then(pl.lit("missing"))
            .when("provisional").then(pl.lit("provisional")).otherwise(pl.lit("closed")).alias("state")
        )
        .with_columns((~closed | apart).cum_sum().alias("run"), *_places("time_value"))
        .with_columns(
            pl.coalesce(
                wording.intervals("prevalence", "lo", "hi", kind),
                pl.concat_str(pl.lit("no value: "), pl.col("missing_reason").fill_null("unknown")),
            ).alias("what"),
            pl.struct("n_authors", "n_posts").map_elements(
                lambda n: f"{wording.count(n['n_authors'], 'authors')}, {wording.count(n['n_posts'], 'posts')}",
                return_dtype=pl.String,
            ).alias("behind"),
            pl.when("provisional").then(pl.lit("provisional: the day has not closed"))
            .when(pl.col("threshold").is_not_null()).then(
                pl.concat_str(pl.lit("high: above "), pl.col("threshold").map_elements(
                    lambda value: wording.level(value, kind), return_dtype=pl.String))
            ).alias("note"),
        )
        .select("x", "from", "to", pl.col("prevalence").alias("value"), "lo", "hi", "state", "run", "threshold",
                "level", "day", "what", "behind", pl.col("note").fill_null("–"))
    )  # fmt: skip


def _fan(forecasts: pl.DataFrame, kind: str) -> pl.DataFrame:
    return forecasts.with_columns(*_places("target")).select(
        "x", "from", "to", pl.col("q50").alias("value"), "q025", "q10", "q90", "q975", pl.lit(0).alias("run"), "threshold",
        "day", wording.intervals("q50", "q025", "q975", kind).alias("what"),
        pl.lit("forecast: median and 95 % interval").alias("behind"),
        pl.col("p_high").map_elements(lambda p: f"P(high) = {p:.0%}", return_dtype=pl.String)
        .fill_null("P(high) unknown: no threshold yet").alias("note"),
    )  # fmt: skip


def _places(column: str) -> list[pl.Expr]:
    ms = pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64)
    name = pl.col(column).map_elements(wording.day, return_dtype=pl.String)
    return [ms.alias("x"), (ms - _DAY_MS / 2).alias("from"), (ms + _DAY_MS / 2).alias("to"), name.alias("day")]


def _reach(series: pl.DataFrame, forecasts: pl.DataFrame) -> tuple[float, float]:
    """The chart's first and last ms: half a day before the first day and after the last."""
    every = pl.concat([series.select(pl.col("time_value")), forecasts.select(pl.col("target").alias("time_value"))])
    ends = every.select(*_places("time_value")).select(pl.col("from").min(), pl.col("to").max()).row(0)
    return float(ends[0]), float(ends[1])


def _chart(frame: pl.DataFrame) -> alt.Chart:
    return alt.Chart(frame)


def _band(
    rows: pl.DataFrame, x: alt.X, low: str, high: str, colour: str, opacity: float, scale: alt.Scale
) -> list[alt.Chart]:
    """An area over each run of days; a bar for a day alone, on which an area has no width."""
    alone = pl.len().over("run") == 1
    ends = {"x": x, "y": alt.Y(f"{low}:Q", scale=scale), "y2": f"{high}:Q"}
    runs, single = rows.filter(~alone), rows.filter(alone)
    layers = []
    if runs.height:
        layers.append(_chart(runs).mark_area(color=colour, opacity=opacity, line=False).encode(**ends, detail="run:N"))
    if single.height:
        layers.append(_chart(single).mark_rule(color=colour, opacity=2 * opacity, strokeWidth=3).encode(**ends))
    return layers


def _high_days(observed: pl.DataFrame, x: alt.X) -> list[alt.Chart]:
    high = observed.filter(pl.col("threshold").is_not_null())
    if not high.height:
        return []
    start, end = alt.X("from:T", scale=x.scale, axis=x.axis), "to:T"
    shade = alt.when(alt.datum.level == "red").then(alt.value(0.42)).otherwise(alt.value(0.2))
    own = alt.Y("threshold:Q")
    return [
        _chart(high).mark_rect(color=HIGH, clip=True).encode(x=start, x2=end, opacity=shade),
        _chart(high).mark_rule(color=THRESHOLD, strokeWidth=1.5, clip=True).encode(x=start, x2=end, y=own),
    ]


def _events(events: pl.DataFrame, first: float, last: float, x: alt.X) -> list[alt.Chart]:
    """A band from first to last day, its name above in one of three lanes so that neighbours do not overlap."""
    shown = (
        events.with_columns(
            pl.col("starts_on").cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64).alias("from") - _DAY_MS / 2,
            pl.col("ends_on").cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64).alias("to") + _DAY_MS / 2,
        )
        .filter((pl.col("to") > first) & (pl.col("from") < last))
        .with_columns(pl.col("from").clip(lower_bound=first), pl.col("to").clip(upper_bound=last))
        .unique(["name", "from", "to"], maintain_order=True)
        .select("name", "kind", "from", "to", "starts_on", "ends_on")
    )
    if not shown.height:
        return []
    start = alt.X("from:T", scale=x.scale, axis=x.axis)
    shown = shown.drop("starts_on", "ends_on")
    layers = [_chart(shown).mark_rect(color=MUTED, opacity=0.16, stroke=MUTED, strokeWidth=0.6).encode(x=start, x2="to:T")]
    for lane in range(min(3, shown.height)):
        text = _chart(shown[lane::3]).mark_text(align="left", baseline="top", dx=3, dy=3 + 13 * lane, color=MUTED, fontSize=11)
        layers.append(text.encode(x=start, y=alt.value(0), text="name:N"))
    return layers


def _threshold(forecasts: pl.DataFrame, first: float, last: float, x: alt.X, scale: alt.Scale) -> list[alt.Chart]:
    """The threshold as it was at the forecast, over the 84 days it was taken from and the days forecast."""
    known = forecasts.drop_nulls("threshold")
    if not known.height:
        return []
    origin = known.select(_places("target")[0])["x"][0] - known["horizon"][0] * _DAY_MS
    line = pl.DataFrame({"x": [max(first, origin - 83.5 * _DAY_MS), last], "value": [known["threshold"][0]] * 2})
    y = alt.Y("value:Q", scale=scale)
    return [_chart(line).mark_line(color=THRESHOLD, strokeDash=[6, 4], strokeWidth=1.4).encode(x=x, y=y)]


def _missing(observed: pl.DataFrame, x: alt.X) -> list[alt.Chart]:
    gaps = observed.filter(pl.col("state") == "missing")
    if not gaps.height:
        return []
    cross = _chart(gaps).mark_point(shape=_CROSS, stroke=MUTED, strokeWidth=1.3, size=22, opacity=1, yOffset=-5)
    return [cross.encode(x=x, y=alt.value("height"))]


def _hover(observed: pl.DataFrame, ahead: pl.DataFrame, x: alt.X) -> alt.Chart:
    """One invisible column a day that carries the day's tooltip, wherever the pointer is in it."""
    columns = ["from", "to", "day", "what", "behind", "note"]
    shown = pl.concat([observed.select(columns), ahead.filter(~pl.col("x").is_in(observed["x"].implode())).select(columns)])
    over = alt.selection_point(on="pointerover", clear="pointerout", fields=["from"], empty=False, name="hovered")
    return (
        _chart(shown).mark_rect(color=MUTED).encode(
            x=alt.X("from:T", scale=x.scale, axis=x.axis), x2="to:T",
            opacity=alt.when(over).then(alt.value(0.18)).otherwise(alt.value(0)),
            tooltip=[alt.Tooltip("day:N", title="Day"), alt.Tooltip("what:N", title="Prevalence"),
                     alt.Tooltip("behind:N", title="Behind it"), alt.Tooltip("note:N", title="Note")],
        ).add_params(over)
    )  # fmt: skip


def _value_scale(observed: pl.DataFrame, ahead: pl.DataFrame, kind: str) -> alt.Scale:
    """One explicit domain for all layers; shares start at zero, with head-room for the names of events."""
    values = [*observed.select("lo", "hi", "value", "threshold"), *ahead.select("q025", "q975", "threshold")]
    every = pl.concat([v.cast(pl.Float64).alias("v") for v in values]).drop_nulls()
    low, high = (float(every.min()), float(every.max())) if every.len() else (0.0, 0.1)  # type: ignore[arg-type]
    if kind == "share":
        return alt.Scale(domain=[0, min(1.0, max(high, 0.01) * 1.12)], nice=False, zero=True)
    margin = 0.12 * max(high - low, 0.05)
    return alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)


def _value_axis(kind: str) -> alt.Axis:
    if kind != "share":
        return _axis(tickCount=5)
    return _axis(tickCount=5, labelExpr="format(datum.value * 100, '~g') + '\N{NO-BREAK SPACE}%'")


def _date_axis() -> alt.Axis:
    return alt.Axis(title=None, grid=False, labelExpr=_DATE_LABEL, labelOverlap=True, labelFlush=True, tickCount=8)


def _axis(**options: object) -> alt.Axis:
    """Charts above one another share their days only where their axes are equally wide."""
    return alt.Axis(title=None, minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, **options)


def reach(series: pl.DataFrame) -> tuple[date, date]:
    """First and last day of `series`."""
    first, last = series["time_value"].min(), series["time_value"].max()
    assert isinstance(first, date) and isinstance(last, date), "a chart needs a day"
    return first, last
