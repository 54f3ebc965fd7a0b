"""What forecasts came to, as charts: skill and coverage week by week, what was said beside what came, fallbacks."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import (
    ALIGNED,
    FORECAST,
    HIGH,
    MUTED,
    OBSERVED,
    THRESHOLD,
    Frame,
    Layers,
    in_words,
    tooltip,
)
from barograph.days import DAY_MS, milliseconds
from barograph.language import gettext as _
from barograph.language import heard

_PERCENT = "format(datum.value * 100, '~g') + '\N{NO-BREAK SPACE}%'"
_GREEN, _SKY = "#009E73", "#56B4E9"
_SHARES = (OBSERVED, HIGH, FORECAST, _GREEN, THRESHOLD, _SKY, MUTED)
"""Okabe and Ito's: the model first, then a colour a reason why it was not used."""
_LEGEND_LINE = 36
_LEAST_SKILL = -1.0
"""A worse week is drawn at the lower edge: one bad week must not flatten all others."""


def skill(rows: pl.DataFrame, baseline: str, *, height: int = 280) -> Layers:
    """Skill over a baseline by week, and with its 95 % band that of the eight weeks up to each.

    rows: as `record.by_week`; baseline: a key of `record.BASELINES`. A line at 0 is no better than the baseline.
    """
    name = baseline.replace(" ", "_")
    drawn = _told(rows).with_columns(
        pl.col(f"skill_{name}").clip(lower_bound=_LEAST_SKILL).alias("value"),
        pl.col(f"trailing_{name}").alias("trailing"),
        pl.col(f"lo_{name}").clip(lower_bound=_LEAST_SKILL).alias("lo"),
        pl.col(f"hi_{name}").clip(upper_bound=1.0).alias("hi"),
        in_words(f"skill_{name}", wording.skill).alias("what"),
        pl.struct(f"trailing_{name}", f"lo_{name}", f"hi_{name}")
        .map_elements(heard(lambda r: wording.skill(*r.values())), return_dtype=pl.String)
        .alias("lately"),
    )
    every = [v for c in ("value", "lo", "hi", "trailing") for v in drawn[c] if v is not None]
    low, high = min(every, default=0.0), max(every, default=0.0)
    scale = {"domain": [min(low, -0.1) - 0.05, max(high, 0.1) + 0.05], "nice": False}
    frame = Frame(_ends(drawn), scale, {"tickCount": 5, "format": "~g", **ALIGNED})
    told = tooltip(days=_("Week"), what=_("Skill"), lately=_("Eight weeks up to it"), behind=_("Behind it"))
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color=THRESHOLD, strokeDash=[6, 4], strokeWidth=1.4)
    base = alt.Chart(drawn)
    banded = alt.Chart(drawn.drop_nulls(["lo", "hi"]))
    return Layers(
        [
            frame.ends(),
            banded.mark_area(color=OBSERVED, opacity=0.2).encode(x=frame.x("x"), y=frame.y("lo"), y2=alt.Y2("hi:Q")),
            zero.encode(y=frame.y("zero")),
            base.mark_line(color=OBSERVED, strokeWidth=2.2).encode(x=frame.x("x"), y=frame.y("trailing")),
            base.mark_point(color=MUTED, strokeWidth=1.6, opacity=1).encode(
                x=frame.x("x"), y=frame.y("value"), size=_sized(), tooltip=told
            ),
        ],
        height,
    )


def coverage(rows: pl.DataFrame, level: int, *, height: int = 220) -> Layers:
    """Share of forecasts by week whose interval held the day, beside its level and what chance does to that.

    rows: as `record.by_week`; level: 80 or 95, in percent.
    """
    drawn = _told(rows).with_columns(
        pl.col(f"coverage_{level}").alias("value"), pl.col(f"low_{level}").alias("low"),
        pl.col(f"high_{level}").alias("high"), in_words(f"coverage_{level}", wording.chance).alias("what"),
        pl.struct(f"low_{level}", f"high_{level}")
        .map_elements(heard(lambda r: wording.between(*r.values())), return_dtype=pl.String).alias("chance"),
        (~pl.col(f"coverage_{level}").is_between(f"low_{level}", f"high_{level}")).alias("outside"),
    )  # fmt: skip
    least = min([*drawn["value"], *drawn["low"]], default=0.0)
    scale = {"domain": [max(0.0, least - 0.05), 1.0], "nice": False, "zero": False}
    frame = Frame(_ends(drawn), scale, {"tickCount": 5, "labelExpr": _PERCENT, **ALIGNED})
    told = tooltip(days=_("Week"), what=_("Held"), chance=_("By chance"), behind=_("Behind it"))
    right = alt.Chart(pl.DataFrame({"level": [level / 100]})).mark_rule(color=THRESHOLD, strokeDash=[6, 4])
    base = alt.Chart(drawn)
    shape = alt.ShapeValue("circle", condition={"test": "datum.outside", "value": "diamond"})
    return Layers(
        [
            frame.ends(),
            # A step a week, since each week has its own number of days.
            base.mark_rect(color=MUTED, opacity=0.22).encode(
                x=frame.x("from"), x2=alt.X2("to:T"), y=frame.y("low"), y2=alt.Y2("high:Q")
            ),
            right.encode(y=frame.y("level")),
            base.mark_line(color=OBSERVED, strokeWidth=1.6).encode(x=frame.x("x"), y=frame.y("value")),
            base.mark_point(color=OBSERVED, filled=True, opacity=1, size=42).encode(
                x=frame.x("x"), y=frame.y("value"), shape=shape, tooltip=told
            ),
        ],
        height,
    )


def reliability(rows: pl.DataFrame, *, height: int = 330) -> Layers:
    """Each tenth of what was said of high prevalence against how often it came, with 95 % bars and n beside it.

    rows: as `record.reliability`. On the dashed line what was said is what came.
    """
    drawn = rows.with_columns(
        pl.col("n").map_elements(heard(wording.number), return_dtype=pl.String).alias("count"),
        in_words("said", wording.chance).alias("says"),
        pl.struct("came", "lo", "hi").map_elements(heard(_shown), return_dtype=pl.String).alias("what"),
    )
    percent = {"tickCount": 5, "labelExpr": _PERCENT}
    scale = {"domain": [0, 1], "nice": False}
    x = alt.X("said:Q", scale=scale, axis=percent, title=_("Said: P(high)"))

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=percent, title=_("Came: share of high days"))

    told = tooltip(says=_("Said"), what=_("Came"), count=_("Forecasts"))
    line = alt.Chart(pl.DataFrame({"said": [0.0, 1.0], "came": [0.0, 1.0]}))
    base = alt.Chart(drawn)
    points = base.mark_point(color=OBSERVED, filled=True, opacity=1)
    bars = alt.Chart(drawn.drop_nulls(["lo", "hi"])).mark_rule(color=OBSERVED, strokeWidth=2, opacity=0.6)
    names = base.mark_text(align="left", baseline="top", dx=7, dy=4, color=MUTED, fontSize=11)
    return Layers(
        [
            line.mark_line(color=THRESHOLD, strokeDash=[6, 4], strokeWidth=1.4).encode(x=x, y=y("came")),
            bars.encode(x=x, y=y("lo"), y2=alt.Y2("hi:Q")),
            base.mark_line(color=OBSERVED, strokeWidth=1.2, opacity=0.5).encode(x=x, y=y("came")),
            points.encode(x=x, y=y("came"), size=_sized(), tooltip=told),
            names.encode(x=x, y=y("came"), text=alt.Text("count:N")),
        ],
        height,
        below=6,  # room for the title below
    )  # fmt: skip


def fallbacks(rows: pl.DataFrame, *, height: int = 300) -> alt.Chart:
    """Which part of each week's forecasts the model made, and for what reasons a plain one stood in.

    rows: `week`, `made` (who or why, in words, the model first where there is one), `n`, in order of week.
    """
    total = pl.col("n").sum().over("week")
    drawn = rows.with_columns(
        milliseconds("week").alias("from"), (pl.col("n") / total).alias("share"), _days_of_week().alias("days"),
        (pl.col("n") / total).map_elements(heard(wording.chance), return_dtype=pl.String).alias("what"),
        pl.struct("n").map_elements(heard(lambda r: wording.count(r["n"], "forecasts")), return_dtype=pl.String)
        .alias("behind"),
    ).with_columns((pl.col("from") + 7 * DAY_MS).alias("to"))  # fmt: skip
    names = rows["made"].unique(maintain_order=True).to_list()
    order = {name: n for n, name in enumerate(names)}
    drawn = drawn.with_columns(pl.col("made").replace_strict(order, return_dtype=pl.Int64).alias("order"))
    above = pl.col("share").cum_sum().over("week", order_by="order")
    drawn = drawn.with_columns(above.alias("top"), (above - pl.col("share")).alias("bottom"))
    axis = {"tickCount": 5, "labelExpr": _PERCENT, **ALIGNED}
    frame = Frame(_ends(drawn), {"domain": [0, 1], "nice": False}, axis)
    colour = {"domain": names, "range": [_SHARES[n % len(_SHARES)] for n in range(len(names))]}
    # Who and why on a line each, so that a phone has room for both.
    legend = alt.Legend(
        title=None,
        orient="bottom",
        columns=1,
        labelLimit=420,
        symbolStrokeWidth=0,
        labelExpr="split(datum.label, ': ')",
    )
    told = tooltip(days=_("Week"), made=_("Made by"), what=_("Share"), behind=_("Forecasts"))
    high = height + _LEGEND_LINE * len(names)
    bars = alt.Chart(drawn, height=high, width="container").mark_rect(stroke="white", strokeWidth=0.6)
    return bars.encode(
        x=frame.x("from"), x2=alt.X2("to:T"), y=frame.y("bottom"), y2=alt.Y2("top:Q"),
        color=alt.Color("made:N", scale=colour, legend=legend), tooltip=told,
    )  # fmt: skip


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """Weeks with their place and words of how many stand behind them."""
    behind = pl.struct("n", "n_lines").map_elements(
        heard(lambda r: f"{wording.count(r['n'], 'forecasts')}, {wording.count(r['n_lines'], 'lines')}"),
        return_dtype=pl.String,
    )
    return rows.with_columns(
        milliseconds("week").alias("from"), (milliseconds("week") + 3.5 * DAY_MS).alias("x"),
        (milliseconds("week") + 7 * DAY_MS).alias("to"), _days_of_week().alias("days"), behind.alias("behind"),
    )  # fmt: skip


def _days_of_week() -> pl.Expr:
    return pl.struct(pl.col("week").alias("first"), pl.col("week").dt.offset_by("6d").alias("last")).map_elements(
        heard(lambda r: wording.days(r["first"], r["last"])), return_dtype=pl.String
    )


def _shown(row: dict[str, float | None]) -> str:
    came, low, high = row.values()
    said = wording.chance(came or 0.0)
    return said if low is None or high is None else f"{said} ({wording.between(low, high)})"


def _sized() -> alt.Size:
    """Larger where more forecasts are behind a point; n stands beside it in words."""
    return alt.Size("n:Q", scale={"type": "sqrt", "range": [24, 170], "zero": False}, legend=None)


def _ends(drawn: pl.DataFrame) -> tuple[float, float]:
    return tuple(drawn.select(pl.col("from").min(), pl.col("to").max()).row(0))
