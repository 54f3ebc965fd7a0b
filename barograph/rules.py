"""Which lines an alert rule watches: where it is tested and where it is told must agree."""

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
