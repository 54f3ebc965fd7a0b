"""The stage in which the monitor evaluates itself: forecasts of days that have closed meet what these days showed."""

from datetime import date, timedelta

import polars as pl

import forecasting
from barograph import detect as detection
from barograph import record, tables
from barograph.store import Warehouse
from flows.stages import Run, shares, stage


@stage
def evaluate(run: Run, warehouse: Warehouse) -> None:
    """Issue the evaluations that changed, of lines of which a closed day was issued since their last evaluation.

    Week by week they are kept beside it: of all forecasts that there are where no weeks are kept yet, else of those
    that met their day no longer ago than a record goes back.

    Only what was issued up to `now` is read. Each day ahead counts with its first forecast, never a later revision.
    A line silent for as long as a record goes back meets nothing more.
    """
    run.reporter.stage("evaluate")
    series = shares(detection.closed_series(warehouse.latest(tables.SERIES, run.moment)))
    known = warehouse.latest(tables.EVALUATIONS, run.moment)
    goes_back = timedelta(days=forecasting.RECORD_DAYS)
    done = known.group_by(tables.LINE).agg(pl.col("issue").max().alias("evaluated"))
    lines = series.group_by(tables.LINE).agg(pl.col("issue").max(), pl.col("time_value").max().alias("closed"))
    due = lines.join(done, on=tables.LINE, how="left").filter(
        pl.col("evaluated").is_null() | (pl.col("issue") > pl.col("evaluated")),
        pl.col("closed") > pl.col("closed").max() - goes_back,
    )
    if due.height:
        first_time = not warehouse.has_weeks()
        first_closed, last_closed = due.select(pl.col("closed").min(), pl.col("closed").max().alias("last")).row(0)
        # The last day met may be as old as the record is long, and the record begins as long before it.
        oldest = date.min if first_time else first_closed - 2 * goes_back
        weeks_since = date.min if first_time else last_closed - goes_back + timedelta(days=1)
        made, mine = (
            frame.join(due, on=tables.LINE, how="semi", maintain_order="left")
            for frame in (warehouse.first_forecasts(run.moment, oldest), series)
        )
        met = forecasting.met(made, mine, None if first_time else forecasting.RECORD_DAYS)
        rows = forecasting.record(met)
        said = list(rows.columns)
        rows = rows.join(known.select(said), on=said, how="anti").with_columns(issue=pl.lit(run.moment))
        warehouse.save({tables.EVALUATIONS: rows})
        weeks = forecasting.weeks(met, weeks_since).with_columns(issue=pl.lit(run.moment))
        warehouse.replace_weeks(due.select(tables.LINE), weeks_since, weeks)
        known = pl.concat([known.join(rows, on=tables.EVALUATIONS.series_key, how="anti"), rows], how="diagonal")
    run.record_of_forecasts = record.recent(known)
