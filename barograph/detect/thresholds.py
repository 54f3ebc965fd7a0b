"""Which days stand above their threshold: observed ones, and ones that are forecast. Pure functions.

A threshold is a percentile of the trailing 84 closed days: never the tested day, never a later one. The 80th
defines *high prevalence*, on which forecasts are evaluated; rules set their own, stricter one.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from barograph.rules import watched
from barograph.settings import HIGH_PREVALENCE, Rule
from barograph.tables import EXCEEDANCES, LINE

HIGH_PERCENTILE = 80.0
WINDOW_DAYS = 84
MINIMUM_DAYS = 28


def closed_series(series: pl.DataFrame, flags: pl.DataFrame | None = None) -> pl.DataFrame:
    """The latest issue of each cell, closed days only, in order of line and day.

    flags: the latest rows of `flags`; where given, `left_out` says which days no threshold or baseline is made of.
    """
    closed = series.filter(~pl.col("provisional")).sort(*LINE, "time_value")
    if flags is None:
        return closed
    out = flags.filter("left_out").select("population", "time_value", "left_out").unique()
    closed = closed.join(out, on=["population", "time_value"], how="left", maintain_order="left")
    return closed.with_columns(pl.col("left_out").fill_null(value=False))


def measured(series: pl.DataFrame) -> pl.Expr:
    """`prevalence` of days as `closed_series` returns them, NULL of those that are left out."""
    kept = ~pl.col("left_out") if "left_out" in series.columns else pl.lit(value=True)
    return pl.when(kept).then("prevalence")


def thresholds(series: pl.DataFrame, percentile: float) -> pl.DataFrame:
    """`series` (sorted by line and day) with `threshold`: the percentile of the 84 days before each day.

    NULL where fewer than 28 of them have a value. Linear interpolation between order statistics. Days that are left out
    count as without one.
    """
    threshold = measured(series).rolling_quantile_by(
        "time_value", window_size=f"{WINDOW_DAYS}d", quantile=percentile / 100, closed="left",
        interpolation="linear", min_samples=MINIMUM_DAYS,
    )  # fmt: skip
    return series.with_columns(threshold.over(LINE).alias("threshold"))


def origin_thresholds(series: pl.DataFrame, percentile: float, origin: date) -> pl.DataFrame:
    """One threshold a line for all days after `origin`, from the 84 closed days up to it; of those left out none."""
    day, value = pl.col("time_value"), measured(series)
    return (
        series.filter(day.is_between(origin - timedelta(days=WINDOW_DAYS - 1), origin))
        .group_by(LINE)
        .agg(pl.when(value.count() >= MINIMUM_DAYS).then(value.quantile(percentile / 100, "linear")).alias("threshold"))
    )


def observed(
    series: pl.DataFrame, tested: pl.DataFrame, rules: Sequence[Rule], *, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Closed days above their threshold: at the 80th percentile for every line, and at each rule's for its own.

    series: as `closed_series` returns it. tested: rows of `tested`; days up to `through` are not tested again.
    Level red where the whole 95 % interval lies above the threshold, else yellow.
    Returns rows of `exceedances` with `issue` = now, and the rows of `tested` that hold from now on.
    """
    wanted: list[tuple[str, float, pl.DataFrame]] = [(HIGH_PREVALENCE, HIGH_PERCENTILE, series)]
    wanted += [(rule.name, rule.percentile, watched(series, rule)) for rule in rules if rule.when == "observed"]
    untested = [
        thresholds(lines, percentile)
        .with_columns(detector=pl.lit(detector), percentile=pl.lit(float(percentile)))
        .join(tested, on=[*LINE, "detector"], how="left")
        .filter(pl.col("through").is_null() | (pl.col("time_value") > pl.col("through")))
        for detector, percentile, lines in wanted
    ]
    found = [
        lines.filter(pl.col("prevalence") > pl.col("threshold"))
        .select(
            *LINE, pl.col("time_value").alias("target"), pl.lit(0, pl.Int64).alias("horizon"),
            pl.lit("observed").alias("kind"), "detector", "percentile",
            pl.col("prevalence").alias("value"), "threshold",
            pl.when(pl.col("lo") > pl.col("threshold")).then(pl.lit("red")).otherwise(pl.lit("yellow")).alias("level"),
            pl.lit(now).alias("issue"),
        )
        for lines in untested
    ]  # fmt: skip
    through = [t.group_by(*LINE, "detector").agg(pl.col("time_value").max().alias("through")) for t in untested]
    return pl.concat(found).sort(EXCEEDANCES.key), pl.concat(through)


def expected(forecasts: pl.DataFrame, rule: Rule, *, now: datetime) -> pl.DataFrame:
    """Days ahead, within the rule's horizon, that are above its threshold with at least its `p_high`.

    forecasts: rows of `forecasts`, their `threshold` and `p_high` at the rule's percentile. Level red from
    halfway between the limit and certainty, else yellow. Returns rows of `exceedances` with `issue` = now.
    """
    clear = (1 + rule.p_high) / 2
    return (
        watched(forecasts, rule)
        .filter((pl.col("p_high") >= rule.p_high) & (pl.col("horizon") <= rule.horizon))
        .select(
            *LINE, "target", "horizon", pl.lit("forecast").alias("kind"), pl.lit(rule.name).alias("detector"),
            pl.lit(float(rule.percentile)).alias("percentile"), pl.col("mean").alias("value"), "threshold", "p_high",
            pl.when(pl.col("p_high") >= clear).then(pl.lit("red")).otherwise(pl.lit("yellow")).alias("level"),
            pl.lit(now).alias("issue"),
        )
    )  # fmt: skip
