"""The stage that tests closed days, each once, and the days ahead."""

from datetime import datetime

import polars as pl

import forecasting
from barograph import detect as detection
from barograph import tables
from barograph.rules import watched
from barograph.settings import Rule
from barograph.store import Warehouse
from flows.stages import ORIGIN, Run, shares, stage, with_p_high


@stage
def detect(run: Run, warehouse: Warehouse) -> None:
    """Test every closed day once against its thresholds, baselines and forecasts, and the days ahead."""
    run.reporter.stage("detect")
    now, rules = run.moment, run.settings.rule
    series = detection.closed_series(warehouse.latest(tables.SERIES, now))
    before = warehouse.read(tables.TESTED)
    forecasts = warehouse.latest(tables.FORECASTS, now)
    each = [
        detection.observed(series, before, rules, now=now),
        detection.aberrations(series, before, rules, now=now),
        detection.surprises(series, _met(series, forecasts), before, rules, now=now),
        *(_ahead(series, forecasts, before, rule, now) for rule in rules if rule.when == "forecast"),
    ]
    found = pl.concat([rows for rows, _ in each], how="diagonal")
    tested = pl.concat([through for _, through in each])
    warehouse.save({tables.EXCEEDANCES: found, tables.TESTED: tested})
    run.count(exceedances=found.height)


def _met(series: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The last forecast of each day that has come, with `above`, P(share > the day's value)."""
    key = [*tables.LINE, "target"]
    days = series.select(*tables.LINE, pl.col("time_value").alias("target"), "prevalence")
    rows = forecasts.join(days, on=key).filter(pl.col("prevalence").is_not_null())
    return rows.with_columns(forecasting.probability_above(rows, rows["prevalence"]).alias("above")).drop("prevalence")


def _ahead(
    series: pl.DataFrame, forecasts: pl.DataFrame, before: pl.DataFrame, rule: Rule, now: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Days ahead that a forecast rule finds, and from which origins."""
    newest = forecasts.filter(pl.col("issue") == pl.col("issue").max().over(tables.LINE))
    ahead = watched(newest, rule).with_columns(ORIGIN, detector=pl.lit(rule.name))
    ahead = ahead.join(before, on=[*tables.LINE, "detector"], how="left")
    ahead = ahead.filter(pl.col("through").is_null() | (pl.col("origin") > pl.col("through")))
    likely = detection.expected(with_p_high(ahead, shares(series), rule.percentile), rule, now=now)
    return likely, ahead.group_by(*tables.LINE, "detector").agg(pl.col("origin").max().alias("through"))
