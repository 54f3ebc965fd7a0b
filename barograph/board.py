"""The board: where every population stands in every dimension, a row each."""

from datetime import timedelta

import polars as pl

from barograph.line import BASELINE_DAYS
from barograph.store import Snapshot
from barograph.tables import ALERTS, FORECASTS, LINE, SERIES

DRAWN_DAYS = 56
"""Days that a small line shows before its forecast."""
_ENOUGH = 7
_URGENCY = {state: n for n, state in enumerate(("firing", "acknowledged", "pending", "censored", "nodata", "stale"))}
_STATE = pl.col("state").replace_strict(_URGENCY, default=None, return_dtype=pl.Int64)


def read(snapshot: Snapshot, unit: str, method: str) -> pl.DataFrame:
    """The board of one unit and method, as `board` makes it."""
    where: dict[str, object] = {"unit": unit, "method": method}
    markers = snapshot.lines().filter(unit=unit, method=method)["marker"].unique()
    if (dimensions := markers.filter(markers.str.starts_with("dimension:"))).len():
        where["marker"] = dimensions.to_list()
    series = snapshot.recent(SERIES, max(DRAWN_DAYS, BASELINE_DAYS + 1), where=where)
    return board(series, snapshot.recent(FORECASTS, 0, where=where), snapshot.read(ALERTS))


def board(series: pl.DataFrame, forecasts: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """A row for each line of one unit and method, in order of population and marker.

    Of dimensions alone, where there are any. series, forecasts, alerts: latest rows of their tables.

    Columns: the line; `time_value, prevalence, lo, hi, n_authors, n_posts, missing_reason` of the latest closed day;
    `usual`, the median of the 28 closed days before it, NULL with fewer than 7 known ones, and `change` from it;
    `state` and `alert_id` of its most urgent open alert; `values` of the last 56 days, NULL where there is none, `lows`
    and `highs` of their intervals; `ahead`, medians of the latest forecast, `p_high`, the greatest of it, and
    `stand_in`, the plainer model that made it where one had to.
    """
    of_dimensions = series.filter(pl.col("marker").str.starts_with("dimension:"))
    series = of_dimensions if of_dimensions.height else series
    closed = series.filter(~pl.col("provisional")).sort(*LINE, "time_value")
    latest = closed.group_by(LINE, maintain_order=True).last().select(
        *LINE, "time_value", "prevalence", "lo", "hi", "n_authors", "n_posts", "missing_reason"
    )  # fmt: skip
    days = closed.join(latest.select(*LINE, pl.col("time_value").alias("last")), on=LINE)
    before = days.filter(
        pl.col("time_value") < pl.col("last"), pl.col("time_value") >= pl.col("last") - timedelta(days=BASELINE_DAYS)
    )
    usual = before.group_by(LINE).agg(
        pl.when(pl.col("prevalence").count() >= _ENOUGH).then(pl.col("prevalence").median()).alias("usual")
    )
    drawn = days.filter(pl.col("time_value") > pl.col("last") - timedelta(days=DRAWN_DAYS))
    lines = drawn.group_by(LINE, maintain_order=True).agg(
        pl.col("prevalence").alias("values"), pl.col("lo").alias("lows"), pl.col("hi").alias("highs")
    )
    newest = forecasts.filter(pl.col("issue") == pl.col("issue").max().over(LINE)).sort(*LINE, "target")
    newest = newest.join(latest.select(*LINE, "time_value"), on=LINE).filter(pl.col("target") > pl.col("time_value"))
    ahead = newest.group_by(LINE, maintain_order=True).agg(
        pl.col("q50").alias("ahead"), pl.col("p_high").max(),
        pl.when(pl.col("fallback").is_not_null()).then("model").first().alias("stand_in"),
    )  # fmt: skip
    open_ = alerts.with_columns(_STATE.alias("urgency")).drop_nulls("urgency").sort("urgency", "issue")
    state = open_.group_by(LINE, maintain_order=True).agg(pl.col("state", "alert_id").first())
    rows = latest
    for more in (usual, lines, ahead, state):
        rows = rows.join(more, on=LINE, how="left", maintain_order="left")
    return rows.with_columns(change=pl.col("prevalence") - pl.col("usual")).sort("population", "marker")


def grave_first(rows: pl.DataFrame) -> list[str]:
    """Populations of a board, those with the most urgent alert first, then by name."""
    alerted = _STATE.filter(_STATE.is_between(0, _URGENCY["pending"])).min().alias("urgency")
    ordered = rows.group_by("population").agg(alerted).sort("urgency", "population", nulls_last=True)
    return ordered["population"].to_list()


def left_out(rows: pl.DataFrame, fewest: int) -> list[str]:
    """Populations that a short board does without: those with no alert open that waits for anybody.

    So many as leave `fewest` on it, where no more than that have such an alert.
    """
    alerted = rows.filter(_STATE.is_between(0, _URGENCY["pending"]))["population"].n_unique()
    return grave_first(rows)[max(fewest, alerted) :]
