"""The months of one line as boxplots."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import MUTED, OBSERVED, Layers, in_words, tooltip, value_axis
from barograph.language import gettext as _
from barograph.language import heard


def months(boxes: pl.DataFrame, points: pl.DataFrame, kind: str, *, height: int = 320) -> Layers:
    """A box a month, with whiskers; points: days beyond them, and all days of months with too few for a box.

    boxes, points: as `distributions.months` and `distributions.apart` return them; kind: `share` or `mean`.
    """
    order = [wording.month(month) for month in boxes["month"]]
    called = pl.col("month").map_elements(heard(wording.month), return_dtype=pl.String).alias("called")
    ends = [*boxes["high"].drop_nulls(), *points["prevalence"]]
    scale = {"zero": True, "domainMax": 1.08 * max(ends)} if kind == "share" else {"zero": False}
    axis = value_axis(kind)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis)

    x = alt.X(
        "called:N",
        sort=order,
        axis={"title": None, "labelAngle": 0, "labelOverlap": True, "labelFlush": False, "ticks": False},
    )
    said = pl.struct("q25", "median", "q75", "low", "high").map_elements(
        heard(lambda r: None if r["median"] is None else _box(r, kind)), return_dtype=pl.String
    )
    told = boxes.with_columns(
        called,
        said.alias("what"),
        pl.struct("n_days", "n_authors", "n_posts")
        .map_elements(heard(_behind), return_dtype=pl.String)
        .alias("behind"),
    )
    full = told.filter(pl.col("median").is_not_null())
    box = alt.Chart(full).encode(x=x, tooltip=tooltip(called=_("Month"), what=_("Days"), behind=_("Behind it")))
    layers = [
        # Months without a box keep their place.
        alt.Chart(told).mark_point(opacity=0).encode(x=x),
        box.mark_rule(color=OBSERVED, strokeWidth=1.5).encode(y=y("low"), y2=alt.Y2("q25:Q")),
        box.mark_rule(color=OBSERVED, strokeWidth=1.5).encode(y=y("q75"), y2=alt.Y2("high:Q")),
        box.mark_bar(color=OBSERVED, opacity=0.45, width={"band": 0.55}).encode(y=y("q25"), y2=alt.Y2("q75:Q")),
        box.mark_tick(color=OBSERVED, thickness=3, width={"band": 0.55}).encode(y=y("median")),
    ]
    if points.height:
        days = points.with_columns(
            called, pl.col("time_value").map_elements(heard(wording.day), return_dtype=pl.String).alias("day"),
            in_words("prevalence", lambda v: wording.level(v, kind)).alias("what"),
            pl.struct("n_authors", "n_posts").map_elements(heard(_counts), return_dtype=pl.String).alias("behind"),
        )  # fmt: skip
        dots = alt.Chart(days).mark_point(filled=False, color=MUTED, size=26, opacity=0.9)
        layers.append(
            dots.encode(
                x=x, y=y("prevalence"), tooltip=tooltip(day=_("Day"), what=_("Prevalence"), behind=_("Behind it"))
            )
        )
    # Letters below the line of the lowest labels would be cut off.
    return Layers(layers, height, below=6)


def _box(row: dict[str, float], kind: str) -> str:
    said = {name: wording.level(value, kind) for name, value in row.items()}
    return _("median {median}; half of days {q25} to {q75}; whiskers {low} to {high}").format(**said)


def _behind(row: dict[str, int]) -> str:
    days = wording.count(row["n_days"], "days")
    return _("{days}; in the median {behind} a day").format(days=days, behind=_counts(row))


def _counts(row: dict[str, int]) -> str:
    return f"{wording.count(row['n_authors'], 'authors')}, {wording.count(row['n_posts'], 'posts')}"
