"""The word shift of a period as a chart."""

import altair as alt
import polars as pl

from barograph import wording
from barograph.charts.frame import MUTED, OBSERVED, X_AXIS, Layers, in_words, signed, tooltip
from barograph.language import gettext as _
from barograph.language import heard
from barograph.tables import OTHER


def shift(rows: pl.DataFrame) -> Layers:
    """The contributions of one shift, a bar a term, the largest on top, with 95 % bounds; the unnamed rest in grey.

    rows: one shift of `term_shifts`, in the order to be drawn. Drawn in points (hundredths).
    """
    points = [(100 * pl.col(name)).alias(name) for name in ("contribution", "lo", "hi")]
    words = pl.struct("contribution", "lo", "hi").map_elements(
        heard(lambda r: wording.change_interval(r["contribution"], r["lo"], r["hi"])), return_dtype=pl.String
    )
    drawn = rows.select(
        pl.col("term").replace(OTHER, _("(other)")), *points, words.alias("what"),
        pl.col("n_authors").cast(pl.String).alias("behind"),
        in_words("top_account_share", wording.at_most).alias("account"), (pl.col("term") == OTHER).alias("rest"),
    )  # fmt: skip
    term = alt.Y("term:N", sort=drawn["term"].to_list(), axis={"title": None, "labelLimit": 150, "ticks": False})
    across = {"title": _("points of change"), "tickCount": 5, **signed()}
    colour = alt.ColorValue(OBSERVED, condition={"test": "datum.rest", "value": MUTED})
    told = tooltip(
        term=_("Term"), what=_("Contribution"), behind=_("Authors who used it"), account=_("Largest account’s move")
    )
    base = alt.Chart(drawn).encode(y=term, tooltip=told)
    bars = base.mark_bar(height=11, opacity=0.75).encode(x=alt.X("contribution:Q", axis=across), color=colour)
    bounds = base.mark_rule(strokeWidth=1.6, color=MUTED).encode(x=alt.X("lo:Q", axis=across), x2=alt.X2("hi:Q"))
    return Layers([bars, bounds], 22 * rows.height + X_AXIS)
