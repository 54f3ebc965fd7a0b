"""Which lines an alert rule watches, and which days an alert rests on: all who use them must agree."""

import polars as pl

from barograph.settings import Rule


def watched(lines: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """The rows of `lines` (any frame with the columns of a line) that a rule watches.

    Without markers of its own it watches every dimension, without populations every population.
    """
    mine = (pl.col("unit") == rule.unit) & (pl.col("method") == rule.method)
    mine &= pl.col("marker").is_in(rule.markers) if rule.markers else pl.col("marker").str.starts_with("dimension:")
    if rule.populations:
        mine &= pl.col("population").is_in(rule.populations)
    return lines.filter(mine)


def held_days(alerts: pl.DataFrame) -> pl.DataFrame:
    """`alerts` with `first` and `last`: the closed days in a row on which the rule held when the row was made."""
    forecast = pl.col("p_high").is_not_null()  # its target lies ahead
    more = pl.duration(days=pl.col("days") - 1)
    last = pl.when(forecast).then(pl.col("started_on") + more).otherwise("target")
    return alerts.with_columns(last=last).with_columns(first=pl.col("last") - more)
