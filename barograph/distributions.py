"""How the days of a line are distributed, month by month. Pure functions."""

import polars as pl

LEAST_DAYS = 10
"""Known days below which a month has no box: its days are shown one by one."""
_REACH = 1.5


def months(series: pl.DataFrame) -> pl.DataFrame:
    """The closed days of each month of one line as a boxplot has them, in order of month.

    series: latest rows of one line. Tukey's boxplot (1977): the box from the first to the third quartile (linear
    between days), whiskers to the last day within 1.5 interquartile ranges of it.
    Returns `month` (its first day), `n_days` (known ones), `low, q25, median, q75, high` (outermost the whiskers'
    ends), NULL with fewer than 10 known days, and the medians over days of `n_authors` and `n_posts`.
    """
    known = _known(series)
    value = pl.col("prevalence")
    quartiles = [value.quantile(q, "linear").alias(name) for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75))]
    reach = _REACH * (pl.col("q75") - pl.col("q25"))
    boxes = known.group_by("month").agg(
        pl.len().cast(pl.Int64).alias("n_days"), *quartiles,
        *(pl.col(f"n_{unit}").median().round().cast(pl.Int64) for unit in ("authors", "posts")),
    )  # fmt: skip
    inside = known.join(boxes, on="month").filter(value.is_between(pl.col("q25") - reach, pl.col("q75") + reach))
    whiskers = inside.group_by("month").agg(value.min().alias("low"), value.max().alias("high"))
    drawn = ("low", "q25", "median", "q75", "high")
    enough = pl.col("n_days") >= LEAST_DAYS
    return (
        boxes.join(whiskers, on="month")
        .sort("month")
        .select("month", "n_days", *(pl.when(enough).then(name).alias(name) for name in drawn), "n_authors", "n_posts")
    )


def apart(series: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    """The days that are drawn as points: those beyond a whisker, and all of months without a box.

    series: as for `months`; boxes: what that returned. Returns `month, time_value, prevalence, n_authors, n_posts`.
    """
    within = pl.col("prevalence").is_between("low", "high")
    days = _known(series).join(boxes.select("month", "low", "high"), on="month", maintain_order="left")
    return days.filter(~within.fill_null(value=False)).drop("low", "high")


def _known(series: pl.DataFrame) -> pl.DataFrame:
    days = series.filter(~pl.col("provisional"), pl.col("prevalence").is_not_null()).sort("time_value")
    month = pl.col("time_value").dt.truncate("1mo").alias("month")
    return days.select(month, "time_value", "prevalence", "n_authors", "n_posts")
