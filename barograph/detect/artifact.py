"""Whether a day stands out because something happened to the posts, not to the people: a reason for each such day.

An exceedance with a reason is suspect: it is published, and fires no alert.
"""

from datetime import date

import polars as pl

from barograph.answers import reader
from barograph.tables import LINE

USUAL_DAYS = 28
FEWEST_DAYS = 7
"""Known days before, without which nothing is usual."""
HOURS = 3
"""Hours without a post that had some on nine days of ten."""
HABIT = 0.9
MIX = 0.3
"""Part of the posts that come from elsewhere than usual."""
PART = 0.2
"""Least part of a day's posts with the marker that one account, or one text, must make to be looked at."""
BASELINE_DAYS = 84


def suspected(
    found: pl.DataFrame, series: pl.DataFrame, volumes: pl.DataFrame, repeated: pl.DataFrame, flags: pl.DataFrame, *,
    frozen: date | None,
) -> pl.DataFrame:  # fmt: skip
    """`found` (rows of `exceedances`) with `suspect_reason` where a day that has come is likely an artefact.

    series: closed days, as `closed_series` returns them. volumes: `population, time_value, source, hours` (a bit for
    each hour of the day with a post) and `n` posts, for the days of `found` and the 28 before each. repeated:
    `population, marker, time_value, what` and `n` posts with the marker of the account or text that has most of them.
    flags: the latest rows of `flags`. frozen: the last day that other lexicons read than those after it; None where all
    are read alike.
    """
    reasons = [
        _flagged(flags), _reading(series), _lexicons(series, frozen), _hours(volumes), _mix(volumes),
        _repeated(found, series, repeated),
    ]  # fmt: skip
    rows = found.drop("suspect_reason", strict=False).with_row_index("row")
    come = rows.filter(pl.col("kind") != "forecast").rename({"target": "time_value"})
    told = pl.concat([
        come.join(reason, on=[c for c in (*LINE, "time_value") if c in reason.columns]).select("row", "reason")
        for reason in reasons
    ])  # fmt: skip
    said = told.group_by("row", maintain_order=True).agg(pl.col("reason").str.join("; ").alias("suspect_reason"))
    return rows.join(said, on="row", how="left", maintain_order="left").drop("row")


def drifting(found: pl.DataFrame, series: pl.DataFrame, canaries: pl.DataFrame) -> pl.DataFrame:
    """`found` with a reason more, forecasts included, where a line is read by an annotator that drifts.

    series: as for `suspected`. canaries: the latest row of each annotator and task. A day ahead is read as the last
    closed day of its line.
    """
    rows = found.with_row_index("row")
    sources = series.filter(pl.col("label_source").is_not_null()).select(*LINE, "time_value", "label_source")
    come = rows.filter(pl.col("kind") != "forecast").join(
        sources, left_on=[*LINE, "target"], right_on=[*LINE, "time_value"]
    )
    last = sources.sort("time_value").group_by(LINE).agg(pl.col("label_source").last())
    read = pl.concat([
        each.select("row", "method", "label_source")
        for each in (come, rows.filter(pl.col("kind") == "forecast").join(last, on=LINE))
    ]).filter(pl.col("method").is_in(["annotator", "corrected"]))  # fmt: skip
    said = pl.format(
        "annotator {} drifts: {} of its answers are as they were, {} should be", "annotator",
        pl.col("agreement").round(2), pl.col("bound").round(2),
    )  # fmt: skip
    who = reader("annotator", "model", "prompt_version").alias("who")
    drifts = canaries.filter("drifting").select(who, said.alias("reason"))
    each = read.join(drifts, how="cross").filter(pl.col("label_source").str.contains(pl.col("who"), literal=True))
    told = each.group_by("row", maintain_order=True).agg(pl.col("reason").unique(maintain_order=True).str.join("; "))
    both = pl.concat_str("suspect_reason", "reason", separator="; ", ignore_nulls=True)
    reason = pl.when(both != "").then(both).alias("suspect_reason")
    return rows.join(told, on="row", how="left", maintain_order="left").with_columns(reason).drop("row", "reason")


def _flagged(flags: pl.DataFrame) -> pl.DataFrame:
    """Days of odd volume, and those of which so much was missed that they are left out."""
    odd = flags.filter(pl.col("reason").is_not_null(), pl.col("left_out") | (pl.col("kind") == "volume"))
    return odd.sort("kind").select("population", "time_value", pl.format("{}: {}", "kind", "reason").alias("reason"))


def _reading(series: pl.DataFrame) -> pl.DataFrame:
    """Another reading than on the day before: what was fitted, which annotator, which base rate."""
    source = pl.col("label_source")
    before = source.shift(1).over(LINE)
    said = pl.format("read otherwise than the day before: {}", source)
    return series.filter(source.ne_missing(before) & source.is_not_null() & before.is_not_null()).select(
        *LINE, "time_value", said.alias("reason")
    )


def _lexicons(series: pl.DataFrame, frozen: date | None) -> pl.DataFrame:
    """Days whose baseline was read with other lexicons than they are."""
    age = (pl.col("time_value") - pl.lit(frozen, pl.Date)).dt.total_days()
    said = pl.lit(f"lexicons changed after {frozen}").alias("reason")
    return series.filter(age.is_between(1, BASELINE_DAYS)).select(*LINE, "time_value", said)


def _hours(volumes: pl.DataFrame) -> pl.DataFrame:
    """Days on which several hours are empty that hardly ever are."""
    of_day = volumes.group_by("population", "time_value").agg(pl.col("hours").bitwise_or())
    each = of_day.with_columns(pl.lit(list(range(24))).alias("hour")).explode("hour")
    seen = ((pl.col("hours") // (2 ** pl.col("hour")).cast(pl.Int64)) % 2 == 1).cast(pl.Float64)
    each = each.select("population", "time_value", "hour", seen.alias("seen")).sort("population", "hour", "time_value")
    habit = pl.col("seen").rolling_mean_by("time_value", f"{USUAL_DAYS}d", closed="left", min_samples=FEWEST_DAYS)
    each = each.with_columns(habit.over("population", "hour").alias("habit"))
    empty = each.filter(pl.col("seen") == 0, pl.col("habit") >= HABIT).group_by("population", "time_value").len("n")
    said = pl.format("coverage: no posts in {} hours that usually have some", "n").alias("reason")
    return empty.filter(pl.col("n") >= HOURS).select("population", "time_value", said)


def _mix(volumes: pl.DataFrame) -> pl.DataFrame:
    """Days whose posts come from other sources than those of the 28 days before."""
    n = volumes.group_by("population", "source", "time_value").agg(pl.col("n").sum())
    days = n.select("population", "time_value").unique()
    whole = days.join(n.select("population", "source").unique(), on="population")
    whole = whole.join(n, on=["population", "source", "time_value"], how="left").with_columns(pl.col("n").fill_null(0))
    whole = whole.sort("population", "source", "time_value")
    past = (
        pl.col("n")
        .cast(pl.Float64)
        .rolling_sum_by("time_value", f"{USUAL_DAYS}d", closed="left", min_samples=FEWEST_DAYS)
    )
    whole = whole.with_columns(past.over("population", "source").alias("past"))
    by_day = ["population", "time_value"]
    now, before = (pl.col(c) / pl.col(c).sum().over(by_day) for c in ("n", "past"))
    moved = whole.with_columns((now - before).alias("more")).sort("more", "source").group_by(by_day).agg(
        pl.col("more").clip(0).sum().alias("moved"), pl.col("source").last()
    )  # fmt: skip
    share = (100 * pl.col("moved")).round().cast(pl.Int64, strict=False)
    said = pl.format("sources: {} % of the posts come from elsewhere than usual, most from {}", share, "source")
    return moved.filter(pl.col("moved") > MIX).select(*by_day, said.alias("reason"))


def _repeated(found: pl.DataFrame, series: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """Days of unit posts that would not stand out without one account's posts, or without all copies of one text."""
    days = found.filter(pl.col("kind") != "forecast", pl.col("unit") == "posts", pl.col("method") == "lexicon")
    days = days.rename({"target": "time_value"})
    days = days.select(*LINE, "time_value", "value", "threshold").join(
        series.select(*LINE, "time_value", "n_posts"), on=[*LINE, "time_value"]
    ).join(repeated, on=["population", "marker", "time_value"])  # fmt: skip
    expressed = pl.col("value") * pl.col("n_posts")
    without = (expressed - pl.col("n")) / (pl.col("n_posts") - pl.col("n"))
    share = (100 * pl.col("n") / expressed).round().cast(pl.Int64)
    said = pl.format("{} makes {} % of the posts with the marker; without it the day does not stand out", "what", share)
    odd = (pl.col("n") >= PART * expressed) & (pl.col("value") > pl.col("threshold")) & (without <= pl.col("threshold"))
    return (
        days.filter(odd)
        .unique([*LINE, "time_value", "what"], maintain_order=True)
        .select(*LINE, "time_value", said.alias("reason"))
    )
