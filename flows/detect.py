"""The stage that tests closed days, each once, and the days ahead."""

from datetime import date, datetime, timedelta

import polars as pl

import forecasting
from barograph import detect as detection
from barograph import tables
from barograph.populations import inside
from barograph.rules import watched
from barograph.settings import Rule
from barograph.store import Warehouse
from flows.stages import ORIGIN, Run, populations, shares, stage, with_p_high

_FRESH = timedelta(days=14)
"""Older days fire no alert, so that nobody asks whether they are artefacts."""
_NOTHING = pl.DataFrame(
    schema={"marker": pl.String, "time_value": pl.Date, "n": pl.Int64, "population": pl.String, "what": pl.String}
)


@stage
def detect(run: Run, warehouse: Warehouse) -> None:
    """Test every closed day once against its thresholds, baselines and forecasts, and the days ahead."""
    run.reporter.stage("detect")
    now, rules = run.moment, run.settings.rule
    flags = warehouse.latest(tables.FLAGS, now)
    series = detection.closed_series(warehouse.latest(tables.SERIES, now), flags)
    before = warehouse.latest(tables.TESTED, now).drop("issue")
    forecasts = warehouse.latest(tables.FORECASTS, now)
    each = [
        detection.observed(series, before, rules, now=now),
        detection.aberrations(series, before, rules, now=now),
        detection.surprises(series, _met(series, forecasts), before, rules, now=now),
        *(_ahead(series, forecasts, before, rule, now) for rule in rules if rule.when == "forecast"),
    ]
    found = _suspected(run, warehouse, pl.concat([rows for rows, _ in each], how="diagonal"), series, flags)
    found = detection.drifting(found, series, warehouse.latest(tables.CANARIES, now))
    tested = pl.concat([through for _, through in each])
    warehouse.save({tables.EXCEEDANCES: found, tables.TESTED: tested.with_columns(issue=pl.lit(now))})
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


def _suspected(
    run: Run, warehouse: Warehouse, found: pl.DataFrame, series: pl.DataFrame, flags: pl.DataFrame
) -> pl.DataFrame:
    """What is found, fresh days with the reason why they may be artefacts."""
    now, fresh = run.moment, pl.col("target") >= run.moment.date() - _FRESH
    new = found.filter(fresh, pl.col("kind") != "forecast")
    if new.is_empty():
        return found
    days = new["target"].unique().sort().to_list()
    dimensions = {d.name: d.markers for d in run.settings.dimension}
    volumes = warehouse.volumes(days[0] - timedelta(days=detection.USUAL_DAYS), days[-1], now, run.languages)
    texts = warehouse.copies(days, now, run.languages, dimensions)
    _, accounts = warehouse.activity(days, now, run.languages, dimensions)
    accounts = accounts.filter("known").select(pl.exclude("known")).rename({"cluster": "one"})
    sorts = {"one account": accounts, "one text": texts}
    ours, repeated = [], [_NOTHING]
    wanted = set(new["population"])
    for name, where in populations(run, warehouse).items():
        if name not in wanted:
            continue
        mine = inside(where)
        population = pl.lit(name).alias("population")
        ours.append(volumes.filter(mine).with_columns(population))
        for what, ones in sorts.items():
            sums = ones.filter(mine).group_by("marker", "time_value", "one").agg(pl.col("n").sum())
            most = sums.group_by("marker", "time_value").agg(pl.col("n").max())
            repeated.append(most.select(*_NOTHING.columns[:2], "n", population, pl.lit(what).alias("what")))
    frozen = warehouse.get("frozen")
    told = detection.suspected(
        new, series.filter(pl.col("time_value") >= days[0] - timedelta(days=detection.USUAL_DAYS + 1)),
        pl.concat([volumes.clear().with_columns(population=pl.lit("")), *ours]), pl.concat(repeated), flags,
        frozen=date.fromisoformat(frozen) if frozen else None,
    )  # fmt: skip
    rest = found.filter(~(fresh & (pl.col("kind") != "forecast")))
    return pl.concat([rest, told], how="diagonal")
