"""What was known of a line at an earlier time, beside what is known now."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from barograph.line import Line


@dataclass(frozen=True)
class Differences:
    """later: days published since. changed: days published then of which the value is another now.

    largest: of these, where both are known, the day that moved most, with its values then and now. then, now: state of
    the line's most urgent open alert, None where none was open.
    """

    later: int
    changed: int
    largest: tuple[date, float, float] | None
    then: str | None
    now: str | None


def differences(then: Line, now: Line) -> Differences:
    """What became of a line since `then`; `now` is the same line as it is known now."""
    known = then.series.select("time_value", pl.col("prevalence").alias("then"))
    both = known.join(now.series.select("time_value", pl.col("prevalence").alias("now")), on="time_value", how="left")
    moved = both.filter(pl.col("then").ne_missing(pl.col("now")))
    most = moved.drop_nulls().sort((pl.col("now") - pl.col("then")).abs(), "time_value", descending=[True, False])
    later = now.series.filter(~pl.col("time_value").is_in(then.series["time_value"].implode()))
    return Differences(
        later=later.height, changed=moved.height, largest=most.row(0) if most.height else None,
        then=then.alert["state"] if then.alert else None, now=now.alert["state"] if now.alert else None,
    )  # fmt: skip
