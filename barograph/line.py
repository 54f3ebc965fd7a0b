"""One line, read from a snapshot: its values, forecast, high-prevalence days, events and alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from barograph.record import Record, recent
from barograph.settings import HIGH_PREVALENCE as HIGH
from barograph.store import Snapshot
from barograph.tables import (
    ALERTS,
    EVALUATIONS,
    EVENTS,
    EXCEEDANCES,
    FORECASTS,
    METHODS,
    OTHER,
    SERIES,
    SHIFT,
    TERM_SHIFTS,
)

BASELINE_DAYS = 28
_ENOUGH = 7
_URGENCY = ("firing", "acknowledged", "pending", "resolved")


@dataclass(frozen=True)
class Line:
    """All that is published on one marker, population, unit and method, newest issue of each fact.

    Frames have the columns of their tables, in order of day. exceedances: the observed high-prevalence days;
    forecasts: the latest issue alone, days after the last closed one; shifts: as word lists read the line's
    marker, population and unit, whatever its method.
    """

    key: Mapping[str, str]
    series: pl.DataFrame
    forecasts: pl.DataFrame
    exceedances: pl.DataFrame
    events: pl.DataFrame
    alerts: pl.DataFrame
    shifts: pl.DataFrame
    evaluations: pl.DataFrame

    @property
    def kind(self) -> str:
        """`share` or `mean`."""
        return str(self.series["value_kind"][0]) if self.series.height else "share"

    @property
    def last_closed(self) -> dict[str, Any] | None:
        """The row of `series` of the latest closed day, whether or not it has a value."""
        return _last(self.series.filter(~pl.col("provisional")))

    @property
    def last_known(self) -> dict[str, Any] | None:
        """The row of `series` of the latest closed day that has a value."""
        return _last(self.series.filter(~pl.col("provisional") & pl.col("prevalence").is_not_null()))

    @property
    def baseline(self) -> tuple[float, int] | None:
        """Median of the 28 closed days before `last_known`, and how many have a value; None under 7."""
        if (last := self.last_known) is None:
            return None
        day = last["time_value"]
        before = self.series.filter(
            ~pl.col("provisional"),
            pl.col("time_value").is_between(day - timedelta(days=BASELINE_DAYS), day - timedelta(days=1)),
        )["prevalence"].drop_nulls()
        median = before.median()
        return (float(median), before.len()) if before.len() >= _ENOUGH and isinstance(median, float) else None

    @property
    def threshold(self) -> float | None:
        """The 80th percentile of the 84 closed days before the latest forecast; None under 28 known days."""
        return self.forecasts["threshold"][0] if self.forecasts.height else None

    @property
    def record(self) -> Record | None:
        """How its published forecasts have lately done; None before any has met its day."""
        return recent(self.evaluations)

    @property
    def likeliest_high(self) -> dict[str, Any] | None:
        """The row of `forecasts` with the greatest P(high), the earliest of equals."""
        rows = self.forecasts.drop_nulls("p_high").sort("p_high", "target", descending=[True, False])
        return rows.row(0, named=True) if rows.height else None

    @property
    def alert(self) -> dict[str, Any] | None:
        """The most urgent of its open alerts, a row of `alerts`; None where none is open."""
        for state in _URGENCY[:-1]:
            if row := _last(self.alerts.filter(pl.col("state") == state)):
                return row
        return None

    def since(self, first: date) -> "Line":
        """The same from `first` on, for a chart; what is computed from history is then computed from less."""
        return replace(
            self,
            series=self.series.filter(pl.col("time_value") >= first),
            exceedances=self.exceedances.filter(pl.col("target") >= first),
            events=self.events.filter(pl.col("ends_on") >= first),
        )

    def table(self) -> pl.DataFrame:
        """Values and forecasts as one table, `kind` observed or forecast, else with the tables' columns."""
        high = self.exceedances.select(
            pl.col("target").alias("time_value"), pl.col("threshold").alias("high_above"), "level"
        )
        observed = self.series.join(high, on="time_value", how="left", maintain_order="left")
        return pl.concat(
            [
                observed.select(pl.lit("observed").alias("kind"), pl.all()),
                self.forecasts.rename({"target": "time_value"}).select(pl.lit("forecast").alias("kind"), pl.all()),
            ],
            how="diagonal",
        )


def read(snapshot: Snapshot, marker: str, population: str, unit: str, method: str) -> Line:
    """What `snapshot` holds on one line; frames of no rows where it holds nothing."""
    key = {"marker": marker, "population": population, "unit": unit, "method": method}
    series = snapshot.read(SERIES, where=key).sort("time_value")
    closed = series.filter(~pl.col("provisional"))["time_value"].max()
    forecasts = snapshot.read(FORECASTS, where=key)
    if isinstance(closed, date):
        forecasts = forecasts.filter(pl.col("target") > closed)
    high = snapshot.read(EXCEEDANCES, where=key | {"detector": HIGH, "kind": "observed"})
    events = snapshot.read(EVENTS)
    return Line(
        key=key,
        series=series,
        forecasts=forecasts.filter(pl.col("issue") == pl.col("issue").max()).sort("target"),
        exceedances=high.sort("target"),
        events=events.filter(pl.col("population").is_in(["*", population])).sort("starts_on", "name"),
        alerts=snapshot.read(ALERTS, where=key).sort("issue"),
        shifts=shifts(snapshot, marker, population, unit),
        evaluations=snapshot.read(EVALUATIONS, where=key),
    )


def shifts(snapshot: Snapshot, marker: str, population: str, unit: str) -> pl.DataFrame:
    """The newest issue of each shift, whole, the latest period first, the largest terms first and the rest last."""
    rows = snapshot.read(TERM_SHIFTS, where={"marker": marker, "population": population, "unit": unit})
    return rows.filter(pl.col("issue") == pl.col("issue").max().over(SHIFT)).sort(
        *(pl.col("period").str.slice(11), "period", pl.col("term") != OTHER, pl.col("contribution").abs(), "term"),
        descending=[True, False, True, True, False],
    )


def usual_method(line: pl.DataFrame) -> str:
    """The best method with a value on at least 90 % of the trailing 84 days, else the one with most values.

    line: rows of `series` of one marker, population and unit, any methods.
    """
    trailing = line.filter(pl.col("time_value") > pl.col("time_value").max() - timedelta(days=84))
    days = trailing["time_value"].n_unique()
    shares = {method: rows["prevalence"].count() / days for (method,), rows in trailing.group_by("method")}
    return str(max(shares, key=lambda m: (shares[m] >= 0.9, METHODS.index(m) if shares[m] >= 0.9 else shares[m])))


def _last(rows: pl.DataFrame) -> dict[str, Any] | None:
    return rows.row(-1, named=True) if rows.height else None
