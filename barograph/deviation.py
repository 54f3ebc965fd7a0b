"""How far each day of a line is from what was usual on that line before. Pure functions.

    deviation = (prevalence − median) / (interquartile range / 1.349)    of the known closed days among the 84 before

An interquartile range over 1.349 is a standard deviation where values are normal, and outliers do not move it
(Hoaglin, Mosteller & Tukey 1983, ch. 2). No day after the one shown is looked at, so that no later
day changes it; posts that come late may. The 84 days, at least 28 of them known, are those that thresholds are made of.
"""

import polars as pl

from barograph.tables import LINE

USUAL_DAYS = 84
"""Days before the one shown that say what is usual."""
LEAST_KNOWN = 28
_NORMAL = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""
_MOST_CELLS = 6_000
"""Cells above which a week is drawn as one: so many are sent to a page and drawn without a wait."""


def deviations(series: pl.DataFrame) -> pl.DataFrame:
    """Each day of `series` with how unusual it is; in order of line and day.

    series: latest rows of the table, any number of lines.
    Returns the line's columns, `time_value, value_kind, prevalence`, `usual` (the median), `spread` (the standard
    deviation), `deviation` (in these), `n_authors, n_posts, provisional, missing_reason`. The three are NULL where
    fewer than 28 closed days before are known, `deviation` also where these did not differ.
    """
    closed = pl.when(~pl.col("provisional")).then(pl.col("prevalence"))
    window = {"window_size": f"{USUAL_DAYS}d", "closed": "left", "min_samples": LEAST_KNOWN}

    def quantile(level: float) -> pl.Expr:
        of_days = pl.col("closed").rolling_quantile_by(
            "time_value",
            quantile=level,
            interpolation="linear",
            **window,  # type: ignore[arg-type]
        )
        return of_days.over(LINE)

    return (
        series.sort(*LINE, "time_value")
        .with_columns(closed=closed)
        .with_columns(usual=quantile(0.5), spread=(quantile(0.75) - quantile(0.25)) / _NORMAL)
        .with_columns(
            deviation=pl.when(pl.col("spread") > 0).then((pl.col("prevalence") - pl.col("usual")) / pl.col("spread"))
        )
        .select(
            *LINE, "time_value", "value_kind", "prevalence", "usual", "spread", "deviation", "n_authors", "n_posts",
            "provisional", "missing_reason",
        )
    )  # fmt: skip


def cells(days: pl.DataFrame) -> pl.DataFrame:
    """What `deviations` returns as the cells of a heatmap: days, or weeks where there would be more than 6,000.

    Columns: the line's, `first` and `last` day of the cell, `value_kind`, `prevalence` and `deviation` (means over the
    days that have one), `n_days` that have a prevalence, `n_authors` (of a week: the median day's), `n_posts` (the
    sum), `provisional` (whether any is), `missing_reason` (the latest; NULL where there is a prevalence).
    """
    long = days.height > _MOST_CELLS
    day = pl.col("time_value")
    known = pl.col("prevalence").is_not_null()
    return (
        days.sort(*LINE, "time_value")
        .group_by(*LINE, (day.dt.truncate("1w") if long else day).alias("cell"), maintain_order=True)
        .agg(
            day.min().alias("first"), day.max().alias("last"), pl.col("value_kind").first(),
            pl.col("prevalence").mean(), pl.col("deviation").mean(),
            known.sum().cast(pl.Int64).alias("n_days"), pl.col("n_authors").median().round().cast(pl.Int64),
            pl.col("n_posts").sum(), pl.col("provisional").any(),
            pl.when(~known.any()).then(pl.col("missing_reason").last()).alias("missing_reason"),
        )
        .drop("cell")
    )  # fmt: skip
