"""How every two lines move together, as a triangle of coloured cells."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import MUTED, OBSERVED, THRESHOLD, Layers, tooltip
from barograph.language import gettext as _
from barograph.language import heard

LIMIT = 0.05
"""False discovery rate up to which a pair is told apart from chance."""
_ROW = 30
_NAMES = 80
"""Pixels that slanted names below take."""
_INK = "#0B1016"
"""Numbers in filled cells: at least 4.5 to 1 against each tint."""
_WRITTEN = 12
"""Lines up to which there is room for numbers in cells."""


def pairs(found: pl.DataFrame, by: str) -> Layers:
    """A cell for each pair of lines: blue against each other, vermilion with, the stronger the closer.

    A pair that is not told apart from chance at a false discovery rate of .05 has no fill, only its number in grey.
    found: as `correlation.correlations` returns it; by: what lines differ in.
    """

    def name(column: str) -> pl.Expr:
        return (
            pl.col(column).map_elements(heard(wording.label), return_dtype=pl.String)
            if by == "marker"
            else pl.col(column)
        )

    names = pl.concat([found["a"], found["b"]]).unique().sort().to_list()
    labels = [wording.label(n) if by == "marker" else n for n in names]
    drawn = found.with_columns(
        name("a"), name("b"), pl.col("r").map_elements(heard(_r), return_dtype=pl.String).alias("written"),
        pl.struct("r", "lo", "hi").map_elements(heard(interval), return_dtype=pl.String).alias("what"),
        pl.col("q").map_elements(heard(_q), return_dtype=pl.String).alias("chance"),
        pl.struct("n_days", "n_effective").map_elements(heard(_behind), return_dtype=pl.String).alias("behind"),
        (pl.col("q") <= LIMIT).alias("told"),
        pl.col("r").map_elements(_tint, return_dtype=pl.String).alias("colour"),
        pl.when(pl.col("q") <= LIMIT).then(pl.lit(_INK)).otherwise(pl.lit(MUTED)).alias("ink"),
    )  # fmt: skip
    axis = {"title": None, "ticks": False, "domain": False, "labelLimit": 140, "labelBound": False, "labelFlush": False}
    # Below the triangle names have room; slanted they fit a narrow page.
    x = alt.X(
        "a:N",
        sort=labels[:-1],
        axis={
            "title": None,
            "ticks": False,
            "domain": False,
            "labelAngle": -40,
            "labelLimit": 110,
            "labelOverlap": False,
        },
    )
    y = alt.Y("b:N", sort=labels[1:], axis=axis)
    said = tooltip(a=_("One"), b=_("Other"), what=_("Spearman’s r"), chance=_("By chance"), behind=_("Behind it"))
    base = alt.Chart(drawn).encode(x=x, y=y, tooltip=said)
    layers = [base.mark_rect(stroke=MUTED, strokeWidth=0.5, strokeOpacity=0.35, fillOpacity=0)]
    if drawn["told"].any():
        filled = alt.Chart(drawn.filter("told")).encode(x=x, y=y, tooltip=said).mark_rect(cornerRadius=2)
        layers.append(filled.encode(color=alt.Color("colour:N", scale=None, legend=None)))
    if len(names) <= _WRITTEN:
        written = base.mark_text(fontSize=11)
        layers.append(written.encode(text=alt.Text("written:N"), color=alt.Color("ink:N", scale=None)))
    return Layers(layers, _ROW * (len(names) - 1) + _NAMES)


def interval(row: dict[str, float]) -> str:
    """0.42 (0.31 to 0.53)."""
    return wording.interval(row["r"], row["lo"], row["hi"], "mean")


def _tint(r: float) -> str:
    """The colour of a filled cell, the same on a white page and on a dark one: so numbers in it can be read on both."""
    full = OBSERVED if r < 0 else THRESHOLD
    share = 0.2 + 0.8 * abs(r)
    parts = (round(255 - share * (255 - int(full[i : i + 2], 16))) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02X}" for part in parts)


def _r(value: float) -> str:
    return wording.change(value, "mean")


def _q(value: float) -> str:
    if value <= LIMIT:
        return _("told apart from chance (q = {q})").format(
            q=wording.level(value, "mean") if value >= 0.01 else "<0.01"
        )
    return _("as much may be chance (q = {q})").format(q=wording.level(value, "mean"))


def _behind(row: dict[str, float]) -> str:
    days = wording.count(int(row["n_days"]), "days")
    return _("{days}, as good as {n} independent ones").format(days=days, n=wording.number(round(row["n_effective"])))
