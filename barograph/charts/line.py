"""One line day by day as a chart, or several."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from barograph import days
from barograph.charts.frame import (
    FORECAST,
    MUTED,
    OBSERVED,
    THRESHOLD,
    Frame,
    Layers,
    tooltip,
    value_axis,
    value_scale,
)
from barograph.charts.marks import alerts as mark_alerts
from barograph.charts.marks import events as mark_events
from barograph.charts.marks import flagged as mark_flagged
from barograph.charts.marks import high_days, visible
from barograph.charts.several import ROOM, Other, curve, names
from barograph.days import DAY_MS
from barograph.language import gettext as _
from barograph.tables import EXCEEDANCES

_WINDOW_DAYS = 84
_CROSS = "M-1,-1L1,1M1,-1L-1,1"


def timeline(
    series: pl.DataFrame, forecasts: pl.DataFrame, exceedances: pl.DataFrame, events: pl.DataFrame, *,
    flags: pl.DataFrame | None = None, alerts: pl.DataFrame | None = None, smoothed: pl.DataFrame | None = None,
    later: pl.DataFrame | None = None, name: str = "", others: Sequence[Other] = (), height: int = 340,
) -> Layers:  # fmt: skip
    """Prevalence of one line day by day with its 95 % intervals, forecast fan, threshold, events, alerts and gaps.

    Frames have the columns of their tables and one row a day; exceedances: the observed high-prevalence days. The line
    breaks at a day without a value and at a provisional one. flags: as `flags.standing`, alerts: as `Line.marks` has
    them. smoothed: what `smoothing.trailing` made of the days, drawn in place of their own line. later: the line as
    it is known now.

    others: lines beside it, at most MOST − 1; `name` is then its own. Fan, threshold and alerts stay those of the first
    line, in its colour; high-prevalence days, which fill the height, are left out.
    """
    kind = str(series["value_kind"][0])
    observed, ahead = days.observed(series, exceedances, flags), days.ahead(forecasts, kind)
    beside = [(days.observed(o.series, EXCEEDANCES.empty()), _smoothed(o.smoothed, kind)) for o in others]
    mean = _smoothed(smoothed, kind)
    drawn = pl.concat([*_extent(observed, mean), *(part for rows in beside for part in _extent(*rows))])
    frame = Frame(
        days.domain(observed, ahead), value_scale(drawn, ahead, kind), value_axis(kind), room=ROOM if others else 0.0
    )
    fan, limit = (OBSERVED, OBSERVED) if others else (FORECAST, THRESHOLD)
    marks = alerts if alerts is not None and alerts.height else None
    layers = [
        frame.ends(),
        *([] if others else high_days(observed, frame)),
        *mark_events(visible(events, series, forecasts), frame),
        *_band(ahead, frame, "q025", "q975", colour=fan, opacity=0.22),
        *_band(ahead, frame, "q10", "q90", colour=fan, opacity=0.35),
        *_threshold(ahead, frame, limit),
        *_median(ahead, frame, fan),
        *(_later(later, frame) if later is not None else []),
    ]
    size = 34 if observed.height <= 45 else 18 if observed.height <= 120 else 7
    if others:
        lines = [(observed, mean), *beside]
        for place, rows in reversed(list(enumerate(lines))):
            layers += curve(*rows, frame, place, size)
        ends = [
            (title, _last(rows if trend is None else trend))
            for title, (rows, trend) in zip([name, *(o.name for o in others)], lines, strict=True)
        ]
        layers += names(ends, frame, height)
    elif mean is not None:
        layers += [
            *_band(mean, frame, "lo", "hi", colour=OBSERVED, opacity=0.25),
            *_values(observed, frame, size, mean),
        ]
    else:
        closed = observed.filter(pl.col("state") == "closed")
        layers += [*_band(closed, frame, "lo", "hi", colour=OBSERVED, opacity=0.25), *_values(observed, frame, size)]
    layers += [
        *mark_flagged(observed, frame),
        *_missing(observed, frame),
        _hover(observed, ahead, frame, mean, others, beside),
    ]
    if marks is not None:
        layers += mark_alerts(marks, frame)
    return Layers(layers, height, above=20 if marks is not None else 5)


def _band(rows: pl.DataFrame, frame: Frame, low: str, high: str, *, colour: str, opacity: float) -> list[alt.Chart]:
    """An area over each run of days; a bar for a day alone, on which an area has no width."""
    alone = pl.len().over("run") == 1
    runs, single = rows.filter(~alone), rows.filter(alone)
    ends = {"x": frame.x("x"), "y": frame.y(low), "y2": alt.Y2(f"{high}:Q")}
    layers = []
    if runs.height:
        layers.append(
            alt.Chart(runs.select("x", low, high, "run"))
            .mark_area(color=colour, opacity=opacity)
            .encode(**ends, detail=alt.Detail("run:N"))
        )
    if single.height:
        layers.append(
            alt.Chart(single.select("x", low, high))
            .mark_rule(color=colour, opacity=2 * opacity, strokeWidth=3)
            .encode(**ends)
        )
    return layers


def _values(observed: pl.DataFrame, frame: Frame, size: int, mean: pl.DataFrame | None = None) -> list[alt.Chart]:
    """Closed days as a line with points, provisional ones hollow and apart with their interval dashed.

    mean: the line in place of the days' own, which are then pale.
    """
    closed = observed.filter(pl.col("state") == "closed")
    line = closed if mean is None else mean
    at = {"x": frame.x("x"), "y": frame.y("value")}
    layers = [
        alt.Chart(line.select("x", "value", "run"))
        .mark_line(color=OBSERVED, strokeWidth=1.8 if mean is None else 2.4)
        .encode(**at, detail=alt.Detail("run:N")),
        alt.Chart(closed.select("x", "value"))
        .mark_point(color=OBSERVED, filled=True, opacity=1 if mean is None else 0.4, size=size)
        .encode(**at),
    ]
    rows = observed.filter(pl.col("state") == "provisional").select("x", "value", "lo", "hi")
    if rows.height:
        open_ = alt.Chart(rows)
        ends = {"x": frame.x("x"), "y": frame.y("lo"), "y2": alt.Y2("hi:Q")}
        layers.append(open_.mark_rule(color=OBSERVED, strokeDash=[2, 2]).encode(**ends))
        layers.append(open_.mark_point(filled=False, stroke=OBSERVED, strokeWidth=1.8, opacity=1, size=48).encode(**at))
    return layers


def _later(later: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    """A line as it is known now, behind what was known then."""
    first, last = frame.domain
    rows = days.observed(later, EXCEEDANCES.empty()).filter(
        pl.col("state") == "closed", pl.col("x").is_between(first, last)
    )
    line = alt.Chart(rows.select("x", "value", "run")).mark_line(color=MUTED, strokeDash=[2, 2], strokeWidth=1.5)
    return [line.encode(x=frame.x("x"), y=frame.y("value"), detail=alt.Detail("run:N"))] if rows.height else []


def _median(ahead: pl.DataFrame, frame: Frame, colour: str) -> list[alt.Chart]:
    if not ahead.height:
        return []
    line = alt.Chart(ahead.select("x", "value")).mark_line(color=colour, strokeDash=[5, 3], strokeWidth=2)
    return [line.encode(x=frame.x("x"), y=frame.y("value"))]


def _threshold(ahead: pl.DataFrame, frame: Frame, colour: str) -> list[alt.Chart]:
    """The threshold as it was at the forecast, over the 84 days it was taken from and the days forecast."""
    known = ahead.drop_nulls("threshold")
    if not known.height:
        return []
    start = known["x"][0] - (known["horizon"][0] + _WINDOW_DAYS - 0.5) * DAY_MS
    line = pl.DataFrame({"x": [max(frame.domain[0], start), frame.domain[1]], "value": [known["threshold"][0]] * 2})
    dashed = alt.Chart(line).mark_line(color=colour, strokeDash=[6, 4], strokeWidth=1.4)
    return [dashed.encode(x=frame.x("x"), y=frame.y("value"))]


def _missing(observed: pl.DataFrame, frame: Frame) -> list[alt.Chart]:
    gaps = observed.filter(pl.col("state") == "missing")
    if not gaps.height:
        return []
    cross = alt.Chart(gaps.select("x")).mark_point(
        shape=_CROSS, stroke=MUTED, strokeWidth=1.3, size=22, opacity=1, yOffset=-5
    )
    return [cross.encode(x=frame.x("x"), y=alt.YValue("height"))]  # type: ignore[no-untyped-call]


def _hover(
    observed: pl.DataFrame, ahead: pl.DataFrame, frame: Frame, mean: pl.DataFrame | None, others: Sequence[Other],
    beside: Sequence[tuple[pl.DataFrame, pl.DataFrame | None]],
) -> alt.Chart:  # fmt: skip
    """One invisible column a day that carries the day's tooltip, wherever the pointer is in it."""
    later = ahead.filter(~pl.col("x").is_in(observed["x"].implode()))
    titles = {"day": _("Day"), "what": _("Prevalence"), "behind": _("Behind it"), "note": _("Note")}
    rows = pl.concat([part.select("x", "from", "to", *titles) for part in (observed, later)])
    if mean is not None:
        titles["mean"] = _("Mean")
        rows = rows.join(mean.select("x", "mean"), on="x", how="left", maintain_order="left")
    for place, (other, (theirs, _mean)) in enumerate(zip(others, beside, strict=True)):
        said = pl.concat_str("what", pl.lit("; "), "behind").alias(f"other{place}")
        titles[f"other{place}"] = other.name
        rows = rows.join(theirs.select("x", said), on="x", how="left", maintain_order="left")
    over = alt.selection_point(on="pointerover", clear="pointerout", fields=["from"], empty=False, name="hovered")
    return (
        alt.Chart(rows.drop("x").with_columns(pl.col(pl.String).fill_null("–")))
        .mark_rect(color=MUTED)
        .encode(
            x=frame.x("from"),
            x2=alt.X2("to:T"),
            opacity=alt.OpacityValue(0, condition={"param": over.name, "empty": False, "value": 0.18}),
            tooltip=tooltip(**titles),
        )
        .add_params(over)
    )


def _smoothed(trailing: pl.DataFrame | None, kind: str) -> pl.DataFrame | None:
    return None if trailing is None else days.smoothed(trailing, kind)


def _extent(observed: pl.DataFrame, mean: pl.DataFrame | None) -> list[pl.DataFrame]:
    """What of a line asks for room above and below: with a mean its days' own intervals are not drawn."""
    if mean is None:
        return [observed.select("lo", "hi", "value", "threshold")]
    held = observed.select(pl.col("value").alias("lo"), pl.col("value").alias("hi"), "value", "threshold")
    return [held, mean.select("lo", "hi", "value", threshold=pl.lit(None, pl.Float64))]


def _last(rows: pl.DataFrame) -> float | None:
    known = rows["value"].drop_nulls()
    return float(known[-1]) if known.len() else None
