"""What stands beside a word shift as charts: who posts against what they express, and what annotators saw."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import MUTED, OBSERVED, THRESHOLD, X_AXIS, Layers, signed, tooltip
from barograph.language import gettext as _
from barograph.language import heard


def parts(rows: pl.DataFrame) -> Layers:
    """The change of one shift, and its mix and rate, each a bar with its 95 % bounds, in points (hundredths).

    rows: of `term_shifts`, one shift. Mix and rate are left out where they are not known.
    """
    row = rows.row(0, named=True)
    names = {"change": _("Change"), "mix": _("Mix: who posts"), "rate": _("Rate: what the same authors express")}
    drawn = pl.DataFrame(
        [
            {
                "part": names[name], "value": 100 * row[name], "lo": _points(row[f"{name}_lo"]),
                "hi": _points(row[f"{name}_hi"]), "whole": name == "change",
                "what": wording.change_interval(row[name], row[f"{name}_lo"], row[f"{name}_hi"]),
                "behind": _behind(row, name),
            }
            for name in names if row[name] is not None
        ],
        schema_overrides={"lo": pl.Float64, "hi": pl.Float64},
    )  # fmt: skip
    # Above its bar, as beside it the longest name would take half of a narrow chart.
    place = alt.Y("part:N", sort=drawn["part"].to_list(), axis=None)
    across = {"title": _("points of change"), "tickCount": 5, "gridOpacity": 0.6, **signed()}
    base = alt.Chart(drawn).encode(y=place, tooltip=tooltip(part=_("Part"), what=_("Change"), behind=_("Behind it")))
    x = alt.X("value:Q", axis=across)
    colour = alt.ColorValue(OBSERVED, condition={"test": "datum.whole", "value": MUTED})
    zero = alt.Chart(pl.DataFrame({"zero": [0]}))
    names_above = base.mark_text(align="left", baseline="middle", dy=-19, color=MUTED, fontSize=12)
    return Layers([
        base.mark_bar(height=14, opacity=0.75, yOffset=5).encode(x=x, color=colour),
        base.mark_rule(strokeWidth=1.6, color=MUTED, yOffset=5).encode(x=alt.X("lo:Q", axis=across), x2=alt.X2("hi:Q")),
        names_above.encode(x=alt.XValue(0), text=alt.Text("part:N")),  # type: ignore[no-untyped-call]
        zero.mark_rule(color=MUTED, strokeWidth=1).encode(x=alt.X("zero:Q", axis=across)),
    ], 46 * drawn.height + X_AXIS)  # fmt: skip


def cues(now: pl.DataFrame, before: pl.DataFrame) -> Layers:
    """Shares of cues with their 95 % intervals, the most frequent on top; hollow: the same of the days before.

    now, before: of `cue_shares`, one marker, population, unit and period each; before may have no rows.
    """
    what = wording.intervals("share", "lo", "hi", "share").alias("what")
    order = [wording.cue(name) for name in now.sort("share", "cue", descending=[True, False])["cue"]]

    def words(rows: pl.DataFrame, when: str) -> pl.DataFrame:
        return rows.filter(pl.col("cue").is_in(now["cue"].implode())).select(
            pl.col("cue").map_elements(heard(wording.cue), return_dtype=pl.String), "share", "lo", "hi", what,
            pl.concat_str(
                pl.col("n_authors").map_elements(heard(lambda n: wording.count(n, "authors")), return_dtype=pl.String),
                pl.lit(", "),
                pl.col("n_posts").map_elements(heard(lambda n: wording.count(n, "posts")), return_dtype=pl.String),
            ).alias("behind"), pl.lit(when).alias("when"),
        )  # fmt: skip

    told = tooltip(cue=_("Cue"), when=_("Days"), what=_("Share of posts"), behind=_("Behind it"))
    x_axis = {"title": _("share of labelled posts that express it"), "format": "%", "tickCount": 5}
    name = alt.Y("cue:N", sort=order, axis={"title": None, "labelLimit": 150, "ticks": False})

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", axis=x_axis, scale={"zero": True})

    base = alt.Chart(words(now, _("explained"))).encode(y=name, tooltip=told)
    layers = [base.mark_rule(strokeWidth=2, color=OBSERVED).encode(x=x("lo"), x2=alt.X2("hi:Q"))]
    layers.append(base.mark_point(filled=True, size=70, opacity=1, color=OBSERVED).encode(x=x("share")))
    if before.height:
        earlier = alt.Chart(words(before, _("before"))).encode(y=name, tooltip=told)
        dashed = earlier.mark_rule(strokeWidth=1.2, strokeDash=[3, 2], yOffset=7, color=THRESHOLD)
        layers.append(dashed.encode(x=x("lo"), x2=alt.X2("hi:Q")))
        hollow = earlier.mark_point(filled=False, size=45, yOffset=7, color=THRESHOLD)
        layers.append(hollow.encode(x=x("share")))
    return Layers(layers, 26 * now.height + X_AXIS)


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _behind(row: dict[str, object], part: str) -> str:
    if part == "rate":
        return wording.count(int(str(row["both_authors"])), "authors")
    period, reference = (wording.count(int(str(row[f"{when}_authors"])), "authors") for when in ("period", "reference"))
    return _("{authors}, against {authors_before}").format(authors=period, authors_before=reference)
