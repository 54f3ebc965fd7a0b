"""One line, read from a snapshot: its values, forecast, high-prevalence days, events and alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from barograph.flags import standing
from barograph.record import Record, recent
from barograph.settings import HIGH_PREVALENCE as HIGH
from barograph.store import Snapshot
from barograph.tables import (
    ALERTS,
    EVALUATIONS,
    EVENTS,
    EXCEEDANCES,
    FLAGS,
    FORECASTS,
    METHODS,
    OTHER,
    SERIES,
    SHIFT,
    TERM_SHIFTS,
)

BASELINE_DAYS = 28
_ENOUGH = 7
_MARKED = ("firing", "acknowledged", "resolved")
_URGENCY = ("firing", "acknowledged", "pending", "resolved")


@dataclass(frozen=True)
class Line:
    """All that is published on one marker, population, unit and method, newest issue of each fact.

    Frames have the columns of their tables, in order of day. exceedances: the observed high-prevalence days;
    forecasts: the latest issue alone, days after the last closed one; moves: every state of every alert, in order of
    issue; flags: of its population, as `flags.standing` has them; shifts: as word lists read the line's marker,
    population and unit, whatever its method.
    """

    key: Mapping[str, str]
    series: pl.DataFrame
    forecasts: pl.DataFrame
    exceedances: pl.DataFrame
    events: pl.DataFrame
    flags: pl.DataFrame
    moves: pl.DataFrame
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
    def alerts(self) -> pl.DataFrame:
        """The latest row of each alert, in order of issue."""
        return self.moves.unique("alert_id", keep="last", maintain_order=True)

    @property
    def periods(self) -> pl.DataFrame:
        """The high-prevalence periods, runs of such days: `first, last, days, peak, peak_on, sure`, in order.

        peak: the highest value; sure: days on which the whole interval was above.
        """
        day = pl.col("target")
        peak = pl.col("value").arg_max()
        return (
            self.exceedances.sort("target")
            .with_columns(run=(day.diff() != timedelta(days=1)).fill_null(value=True).cum_sum())
            .group_by("run", maintain_order=True)
            .agg(
                day.first().alias("first"), day.last().alias("last"), pl.len().cast(pl.Int64).alias("days"),
                pl.col("value").max().alias("peak"), day.get(peak).alias("peak_on"),
                (pl.col("level") == "red").sum().cast(pl.Int64).alias("sure"),
            )
            .drop("run")
        )  # fmt: skip

    @property
    def marks(self) -> pl.DataFrame:
        """When its alerts fired, were acknowledged and resolved: `day, what, rule, reason, alert_id`, by issue.

        day: the one that decided, or on which a person did. An alert that never fired is not among them.
        """
        state, before = pl.col("state"), pl.col("state").shift().over("alert_id")
        told = state.is_in(_MARKED) & state.ne_missing(before)
        fired = (state == "firing").cum_max().over("alert_id")
        moved_on = pl.col("issue").dt.date()
        day = pl.when(pl.col("moved_by").is_null()).then(pl.min_horizontal("target", moved_on)).otherwise(moved_on)
        return self.moves.filter(told & fired).select(
            day.alias("day"), state.alias("what"), "rule", "reason", "alert_id"
        )

    @property
    def alert(self) -> dict[str, Any] | None:
        """The most urgent of its open alerts, a row of `alerts`; None where none is open."""
        for state in _URGENCY[:-1]:
            if row := _last(self.alerts.filter(pl.col("state") == state)):
                return row
        return None

    def since(self, first: date) -> "Line":
        """The same from `first` on, for a chart; what is computed from history is then computed from less."""
        return self.between(first, date.max)

    def between(self, first: date, last: date) -> "Line":
        """The same from `first` to `last`; the forecast belongs to the last day of the series."""
        newest = self.series["time_value"].max()
        to_the_end = isinstance(newest, date) and last >= newest
        return replace(
            self,
            series=self.series.filter(pl.col("time_value").is_between(first, last)),
            forecasts=self.forecasts if to_the_end else self.forecasts.clear(),
            exceedances=self.exceedances.filter(pl.col("target").is_between(first, last)),
            events=self.events.filter(pl.col("ends_on") >= first, pl.col("starts_on") <= last),
            flags=self.flags.filter(pl.col("time_value").is_between(first, last)),
        )

    def table(self) -> pl.DataFrame:
        """Values and forecasts as one table, `kind` observed or forecast, else with the tables' columns.

        `high_above` and `level` of high days; `flag` and `left_out`, why a day is flagged and whether it is left out;
        `event` and `alert`, the names of those of a day and what became of them.
        """
        high = self.exceedances.select(
            pl.col("target").alias("time_value"), pl.col("threshold").alias("high_above"), "level"
        )
        moves = pl.concat_str("what", "rule", separator=": ")
        alerts = self.marks.group_by(pl.col("day").alias("time_value")).agg(moves.str.join("; ").alias("alert"))
        spans = self.events.select("name", pl.date_ranges("starts_on", "ends_on").alias("time_value"))
        events = (
            spans.explode("time_value")
            .group_by("time_value")
            .agg(pl.col("name").unique().sort().str.join("; ").alias("event"))
        )
        observed = self.series
        flagged = self.flags.select("time_value", pl.col("reason").alias("flag"), "left_out")
        for more in (high, flagged, events, alerts):
            observed = observed.join(more, on="time_value", how="left", maintain_order="left")
        return pl.concat(
            [
                observed.select(pl.lit("observed").alias("kind"), pl.all()),
                self.forecasts.rename({"target": "time_value"}).select(pl.lit("forecast").alias("kind"), pl.all()),
            ],
            how="diagonal",
        )


def read(
    snapshot: Snapshot, marker: str, population: str, unit: str, method: str, *, as_of: datetime | None = None
) -> Line:
    """What `snapshot` holds on one line, with `as_of` what was known then; frames of no rows where it holds nothing."""
    key = {"marker": marker, "population": population, "unit": unit, "method": method}
    series = snapshot.read(SERIES, where=key, as_of=as_of).sort("time_value")
    closed = series.filter(~pl.col("provisional"))["time_value"].max()
    forecasts = snapshot.read(FORECASTS, where=key, as_of=as_of)
    if isinstance(closed, date):
        forecasts = forecasts.filter(pl.col("target") > closed)
    high = snapshot.read(EXCEEDANCES, where=key | {"detector": HIGH, "kind": "observed"}, as_of=as_of)
    events = snapshot.read(EVENTS).filter(pl.col("declared_at") <= (as_of or datetime.max))
    return Line(
        key=key,
        series=series,
        forecasts=forecasts.filter(pl.col("issue") == pl.col("issue").max()).sort("target"),
        exceedances=high.sort("target"),
        events=events.filter(pl.col("population").is_in(["*", population])).sort("starts_on", "name"),
        flags=standing(snapshot.read(FLAGS, where={"population": population}, as_of=as_of)),
        moves=snapshot.history(ALERTS, as_of=as_of or datetime.max, where=key),
        shifts=shifts(snapshot, marker, population, unit, as_of=as_of),
        evaluations=snapshot.read(EVALUATIONS, where=key, as_of=as_of),
    )


def shifts(
    snapshot: Snapshot, marker: str, population: str, unit: str, *, as_of: datetime | None = None
) -> pl.DataFrame:
    """The newest issue of each shift, whole, the latest period first, the largest terms first and the rest last."""
    where = {"marker": marker, "population": population, "unit": unit}
    rows = snapshot.read(TERM_SHIFTS, where=where, as_of=as_of)
    return rows.filter(pl.col("issue") == pl.col("issue").max().over(SHIFT)).sort(
        *(pl.col("period").str.slice(11), "period", pl.col("term") != OTHER, pl.col("contribution").abs(), "term"),
        descending=[True, False, True, True, False],
    )


def values(
    snapshot: Snapshot, marker: str, population: str, unit: str, method: str, *, as_of: datetime | None = None
) -> Line:
    """What `read` reads, with its `series` alone: of a line that stands beside another no more is shown."""
    key = {"marker": marker, "population": population, "unit": unit, "method": method}
    return Line(
        key=key, series=snapshot.read(SERIES, where=key, as_of=as_of).sort("time_value"), forecasts=FORECASTS.empty(),
        exceedances=EXCEEDANCES.empty(), events=EVENTS.empty(), flags=standing(FLAGS.empty()), moves=ALERTS.empty(),
        shifts=TERM_SHIFTS.empty(), evaluations=EVALUATIONS.empty(),
    )  # fmt: skip


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
