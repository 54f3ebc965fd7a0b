"""A line made smoother by looking back: each day with the days before it, never a later one."""

import polars as pl

LENGTHS = (7, 28)
"""Days that are taken together; whole weeks, so that each day of the week counts alike."""


def trailing(series: pl.DataFrame, days: int) -> pl.DataFrame:
    """The mean of each closed day that has a value and the `days` − 1 days before it, in order of day.

    series: rows of one line. A day without a value has none here either, nor has one of which half of its days or
    more are missing.

    `time_value, smoothed, smoothed_lo, smoothed_hi, smoothed_days`: the last counts the days with a value. The bounds
    are the means of the days' own bounds, not narrower for their number: days share authors, so that their errors may
    go together. They speak of the mean of those days, not of the last of them.
    """
    known = series.filter(~pl.col("provisional"), pl.col("prevalence").is_not_null()).sort("time_value")
    bounds = [
        pl.when(pl.col(name).null_count() == 0).then(pl.col(name).mean()).alias(f"smoothed_{name}")
        for name in ("lo", "hi")
    ]
    means = known.rolling("time_value", period=f"{days}d", closed="right").agg(
        pl.col("prevalence").mean().alias("smoothed"), *bounds, pl.len().cast(pl.Int64).alias("smoothed_days")
    )
    return means.filter(2 * pl.col("smoothed_days") > days)
