"""The stage in which the monitor evaluates itself: forecasts of days that have closed meet what these days showed."""

from datetime import timedelta

import polars as pl

import forecasting
from barograph import detect as detection
from barograph import record, tables
from barograph.store import Warehouse
from flows.stages import Run, shares, stage


@stage
def evaluate(run: Run, warehouse: Warehouse) -> None:
    """Issue the evaluations that changed, of lines of which a closed day was issued since their last evaluation.

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
        # The last day met may be as old as the record is long, and the record begins as long before it.
        since = due.select(pl.col("closed").min() - 2 * goes_back).item()
        met = warehouse.first_forecasts(run.moment, since)
        rows = forecasting.track_record(
            *(frame.join(due, on=tables.LINE, how="semi", maintain_order="left") for frame in (met, series))
        )
        said = list(rows.columns)
        rows = rows.join(known.select(said), on=said, how="anti").with_columns(issue=pl.lit(run.moment))
        warehouse.save({tables.EVALUATIONS: rows})
        known = pl.concat([known.join(rows, on=tables.EVALUATIONS.series_key, how="anti"), rows], how="diagonal")
    run.record_of_forecasts = record.recent(known)
