"""Many lines day by day as coloured cells: how unusual each day was, or its prevalence.

Blue is below the usual and vermilion above it (Okabe and Ito's), the stronger the farther: on a white page and on
a dark one what is usual fades into the page. Nothing by colour alone: days far off bear a triangle, up or down. A day
without a value is hatched, one before there is a usual has a dot, a provisional one a dashed frame.
"""

from collections.abc import Sequence

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import MUTED, OBSERVED, THRESHOLD, X_AXIS, Layers, date_axis, in_words, tooltip
from barograph.days import DAY_MS, milliseconds
from barograph.language import gettext as _
from barograph.language import heard
from barograph.stored import stored

STEPS = (1.0, 2.0, 3.0)
"""Deviations at which a colour grows stronger."""
_OPACITY = (0.07, 0.35, 0.65, 1.0)
_ROW = 22
_CROWDED = 130
"""Columns from which on triangles would touch."""
_HATCH = "M-1,1L1,-1"


def heatmap(
    cells: pl.DataFrame, row: str, order: Sequence[str], events: pl.DataFrame, *, shown: str = "deviation"
) -> Layers:  # fmt: skip
    """A row of cells for each line, from top to bottom in `order`.

    cells: as `deviation.cells` returns them, of lines that differ in the column `row` alone. events: rows of `events`,
    of which a stroke marks the first day, in the rows of the populations that they concern. shown: `deviation`, in
    steps from blue to vermilion, or `prevalence`, the stronger the higher within all that is drawn.
    """
    drawn = _drawn(cells, row, shown).with_columns(_during(cells, events))
    x = alt.X("from:T", scale={"type": "utc", "nice": False}, axis=date_axis())
    names = {"title": None, "ticks": False, "domain": False, "labelLimit": 150, "labelPadding": 6, "labelFlush": False}
    y = alt.Y("row:N", sort=[wording.label(name) if row == "marker" else name for name in order], axis=names,
              scale={"paddingInner": 0.08, "paddingOuter": 0})  # fmt: skip
    told = tooltip(row=_("Line"), days=_("Days"), what=_("Prevalence"), unusual=_("Against its usual"),
                   behind=_("Behind it"), note=_("Note"), event=_("Event"))  # fmt: skip
    over = alt.selection_point(on="pointerover", clear="pointerout", fields=["from", "row"], empty=False, name="cell")
    opacity = alt.Opacity("strength:Q", scale=None, legend=None)
    colour = alt.Color("colour:N", scale=None, legend=None)
    base = alt.Chart(drawn).encode(x=x, x2=alt.X2("to:T"), y=y)
    full = base.transform_filter("datum.state != 'missing'").mark_rect()
    layers = [full.encode(color=colour, opacity=opacity)]
    middle = alt.X("x:T", scale={"type": "utc", "nice": False}, axis=date_axis())
    if drawn["state"].eq("missing").any():
        size = 60 if drawn["from"].n_unique() <= _CROWDED else 22
        gaps = alt.Chart(drawn.filter(pl.col("state") == "missing")).encode(x=middle, y=y)
        layers.append(gaps.mark_point(shape=_HATCH, stroke=MUTED, strokeWidth=1, size=size, opacity=0.7))
    if shown == "deviation" and drawn["state"].eq("young").any():
        young = alt.Chart(drawn.filter(pl.col("state") == "young")).encode(x=middle, y=y)
        layers.append(young.mark_point(filled=True, color=MUTED, size=5, opacity=0.8))
    far = drawn.filter(pl.col("far") != 0)
    if shown == "deviation" and far.height and drawn["from"].n_unique() <= _CROWDED:
        for sign, shape in ((1, "triangle-up"), (-1, "triangle-down")):
            rows = far.filter(pl.col("far") == sign)
            marked = alt.Chart(rows).encode(x=middle, y=y)
            layers += (
                []
                if rows.is_empty()
                else [marked.mark_point(shape=shape, filled=True, color="#FFFFFF", opacity=0.9, size=16)]
            )
    if drawn["state"].eq("provisional").any():
        open_ = alt.Chart(drawn.filter(pl.col("state") == "provisional")).encode(x=x, x2=alt.X2("to:T"), y=y)
        layers.append(open_.mark_rect(filled=False, stroke=MUTED, strokeDash=[2, 2], strokeWidth=1.2, opacity=1))
    begins = drawn.filter("begins")
    if begins.height:
        stroke = alt.Chart(begins).mark_tick(orient="vertical", color=MUTED, thickness=2, opacity=1, bandSize=_ROW)
        layers.append(stroke.encode(x=x, y=y))
    frame = alt.StrokeOpacityValue(0, condition={"param": over.name, "empty": False, "value": 1})
    hover = base.mark_rect(fill="transparent", stroke=MUTED, strokeWidth=2)
    layers.append(hover.encode(strokeOpacity=frame, tooltip=told).add_params(over))
    return Layers(layers, _ROW * len(order) + X_AXIS)


def steps() -> list[tuple[str, float, str]]:
    """The key of a heatmap of deviations, from lowest to highest: colour, strength, what it stands for."""
    below, above = _("{n} or more below"), _("{n} or more above")
    down = [(OBSERVED, _OPACITY[n + 1], below.format(n=f"{step:g}")) for n, step in reversed(list(enumerate(STEPS)))]
    up = [(THRESHOLD, _OPACITY[n + 1], above.format(n=f"{step:g}")) for n, step in enumerate(STEPS)]
    return [*down, (MUTED, 0.15, _("usual")), *up]


def _drawn(cells: pl.DataFrame, row: str, shown: str) -> pl.DataFrame:
    z, value = pl.col("deviation"), pl.col("prevalence")
    state = (
        pl.when(value.is_null()).then(pl.lit("missing")).when("provisional").then(pl.lit("provisional"))
        .when(z.is_null()).then(pl.lit("young")).otherwise(pl.lit("closed"))
    )  # fmt: skip
    if shown == "deviation":
        step = sum((z.abs() >= step).cast(pl.Int64) for step in STEPS)
        strength = pl.lit(pl.Series(_OPACITY)).gather(step).fill_null(0.0)
        colour = pl.when(z.abs() < STEPS[0]).then(pl.lit(MUTED)).when(z < 0).then(pl.lit(OBSERVED))
        tint: pl.Expr = colour.otherwise(pl.lit(THRESHOLD))
    else:
        strength = (0.06 + 0.94 * value / pl.max_horizontal(value.max(), pl.lit(1e-9))).fill_null(0.0).clip(0, 1)
        tint = pl.lit(OBSERVED)
    name = pl.col(row)
    said = name.map_elements(heard(wording.label), return_dtype=pl.String) if row == "marker" else name
    level = pl.struct("prevalence", "value_kind").map_elements(
        heard(lambda r: None if r["prevalence"] is None else wording.level(r["prevalence"], r["value_kind"])),
        return_dtype=pl.String,
    )
    one = pl.col("first") == pl.col("last")
    days = pl.struct("first", "last").map_elements(heard(_days), return_dtype=pl.String)
    reason = pl.concat_str(
        pl.lit(_("no value: ")),
        pl.col("missing_reason").map_elements(heard(stored), return_dtype=pl.String).fill_null(_("unknown")),
    )
    week = pl.concat_str(
        pl.col("n_days").map_elements(heard(lambda n: wording.count(n, "days")), return_dtype=pl.String),
        pl.lit(_(" with a value")),
    )
    note = pl.when("provisional").then(pl.lit(_("provisional: the day has not closed")))
    return cells.select(
        said.alias("row"), days.alias("days"), state.alias("state"), strength.alias("strength"),
        tint.alias("colour"), milliseconds("first").alias("from"), (milliseconds("last") + DAY_MS).alias("to"),
        ((milliseconds("first") + milliseconds("last") + DAY_MS) / 2).alias("x"),
        pl.when(~pl.col("provisional"), z.abs() >= STEPS[-1]).then(z.sign()).otherwise(0).cast(pl.Int64).alias("far"),
        pl.coalesce(level, reason).alias("what"),
        in_words("deviation", lambda d: _("{n} times its usual spread").format(n=wording.change(d, "mean")))
        .alias("unusual"),
        pl.concat_str(
            pl.col("n_authors").map_elements(heard(lambda n: wording.count(n, "authors")), return_dtype=pl.String),
            pl.lit(", "),
            pl.col("n_posts").map_elements(heard(lambda n: wording.count(n, "posts")), return_dtype=pl.String),
        ).alias("behind"),
        note.when(~one).then(week).otherwise(pl.lit("–")).alias("note"),
    )  # fmt: skip


def _during(cells: pl.DataFrame, events: pl.DataFrame) -> list[pl.Series]:
    """Of each cell `event`, the names of what goes on in it, and `begins`, whether any of it begins there."""
    first, last = cells["first"].min(), cells["last"].max()
    near = events.filter(pl.col("ends_on") >= first, pl.col("starts_on") <= last).sort("starts_on", "name").to_dicts()
    said, begins = [], []
    for cell in cells.select("population", "first", "last").iter_rows(named=True):
        here = [
            event for event in near
            if event["population"] in ("*", cell["population"])
            and event["starts_on"] <= cell["last"] and event["ends_on"] >= cell["first"]
        ]  # fmt: skip
        said.append(", ".join(dict.fromkeys(event["name"] for event in here)) or "–")
        begins.append(any(event["starts_on"] >= cell["first"] for event in here))
    return [pl.Series("event", said, dtype=pl.String), pl.Series("begins", begins, dtype=pl.Boolean)]


def _days(span: dict[str, object]) -> str:
    first, last = span["first"], span["last"]
    return wording.day(first) if first == last else wording.days(first, last)  # type: ignore[arg-type]
