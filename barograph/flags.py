"""Days of which a population was not measured as usual: a part was missed, or their volume is odd. Pure functions.

Every flagged day stays published and is marked. Thresholds, baselines and forecasts do without those alone that are
another measurement than the days around them, which docs/methods.md shows by how forecasts do.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta

import polars as pl

from barograph.tables import FLAGS

GAP = 1 / 24
"""Least part of a day's usual posts that must be missed for a flag: an hour's."""
HALF = 0.5
"""A day is left out where so much of its usual posts was missed, as moods have hours of their own …"""
MIX = 0.1
"""… or where so much of the rest comes from other sources than it would have."""
SEAM = timedelta(minutes=1)
"""A shorter time between two covered ones lies between two batches."""
USUAL_DAYS = 28
FEWEST_DAYS = 7
"""Known days before, without which nothing is usual."""
FEWEST_WEEKS = 2
VOLUME = 3.0
"""A day with a third, or three times, of the usual posts is another measurement."""

_Span = tuple[datetime, datetime]


def missed(coverage: pl.DataFrame, going_on: Collection[str], closed: date, now: datetime) -> pl.DataFrame:
    """What each stream missed, known up to `now`: `source, starts_at, ends_at, reason`, by source and start.

    coverage: rows of `coverage`. Missed is what its source says it could not give, and whatever is not covered (reason
    NULL) from the day on which its coverage begins; up to where it ends, or of a source in `going_on` up to the end of
    the day `closed`, if that is later. A source that never says what it covers missed what it says alone.
    """
    known = coverage.filter(pl.col("starts_at") < now).with_columns(pl.min_horizontal("ends_at", pl.lit(now)))
    found = [known.filter(state="missed").select("source", "starts_at", "ends_at", "reason")]
    for (source,), mine in known.sort("starts_at").group_by("source"):
        covered = mine.filter(state="covered").select("starts_at", "ends_at").rows()
        if covered:
            end = max(stop for _, stop in covered)
            until = max(end, _midnight(closed + timedelta(days=1))) if source in going_on else end
            told = mine.filter(state="missed").select("starts_at", "ends_at").rows()
            holes = _holes(sorted([*covered, *told]), _midnight(covered[0][0].date()), until)
            rows = [(source, *hole, None) for hole in holes]
            found.append(pl.DataFrame(rows, schema=found[0].schema, orient="row"))
    return pl.concat(found).sort("source", "starts_at", "ends_at")


def hours(missed: pl.DataFrame) -> pl.DataFrame:
    """How much of each UTC day each stream missed: `source, time_value, hours` in (0, 24]. missed: as of `missed`."""
    rows = [
        (source, day, hours)
        for (source,), mine in missed.group_by("source")
        for day, hours in _by_day(mine.select("starts_at", "ends_at").rows()).items()
    ]
    schema = {"source": pl.String, "time_value": pl.Date, "hours": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("source", "time_value")


def gaps(hours: pl.DataFrame, volumes: pl.DataFrame) -> pl.DataFrame:
    """Days of which a population missed at least `GAP` of its usual posts: `flags` but `issue`.

    hours: as of `hours`. volumes: `population, time_value, source` and `n` posts of the days in `hours` and
    the 27 before each, which say what part of a population's posts comes from each source.
    """
    back = pl.DataFrame({"back": pl.int_range(USUAL_DAYS, eager=True)})
    window = hours.select("time_value").unique().join(back, how="cross")
    window = window.with_columns((pl.col("time_value") - pl.duration(days=pl.col("back"))).alias("day"))
    usual = volumes.rename({"time_value": "day"}).join(window, on="day").group_by("population", "time_value", "source")
    each = usual.agg(pl.col("n").sum()).join(hours, on=["source", "time_value"], how="left").sort("source")
    by_day = ("population", "time_value")
    each = each.with_columns((pl.col("n") / pl.col("n").sum().over(by_day)).alias("part"), pl.col("hours").fill_null(0))
    each = each.with_columns((pl.col("part") * (1 - pl.col("hours") / 24)).alias("left"))
    moved = (pl.col("left") / pl.col("left").sum() - pl.col("part")).abs().sum() / 2
    told = pl.format("{} {} h", "source", pl.col("hours").round(1)).filter(pl.col("hours") >= 0.05)
    found = each.group_by(by_day).agg(
        (1 - pl.col("left").sum()).alias("lost"), moved.alias("moved"), told.str.join(", ").alias("sources")
    )  # fmt: skip
    lost = pl.col("lost") + 1e-9  # a sum of parts
    percent = (100 * lost).round().cast(pl.Int64)
    said = pl.format("about {} % of the usual posts missed; {}", percent, "sources")
    return _flags(found.filter(lost >= GAP), "gap", said, (lost >= HALF) | (pl.col("moved") + 1e-9 >= MIX))


def volumes(days: pl.DataFrame) -> pl.DataFrame:
    """Closed days with a third, or three times, of the usual posts: `flags` but `issue`; none is left out.

    days: `population, time_value, n_posts` of closed days. Usual is the median of the 28 days before, 7 known at least.
    A day like those of its weekday before it, where two are known, is not odd.
    """
    days = days.sort("population", "time_value").with_columns(pl.col("time_value").dt.weekday().alias("weekday"))

    def median(fewest: int, *of: str) -> pl.Expr:
        before = pl.col("n_posts").rolling_median_by(
            "time_value", f"{USUAL_DAYS}d", closed="left", min_samples=fewest
        )  # fmt: skip
        return before.over("population", *of)

    n = pl.col("n_posts")
    days = days.with_columns(
        median(FEWEST_DAYS).alias("usual"), median(FEWEST_WEEKS, "weekday").alias("then"),
    )  # fmt: skip
    odd = [(n * VOLUME < pl.col(usual)) | (n > pl.col(usual) * VOLUME) for usual in ("usual", "then")]
    said = pl.format("{} posts, usually {}", n, pl.col("usual").round().cast(pl.Int64))
    return _flags(days.filter(odd[0], odd[1].fill_null(value=True)), "volume", said, pl.lit(value=False))


def changed(found: pl.DataFrame, known: pl.DataFrame, since: date) -> pl.DataFrame:
    """Rows of `flags` but their `issue`: what is new or told otherwise, and with reason NULL what no longer holds.

    found: what `gaps` and `volumes` return. known: the latest issue of each flag. since: the first day looked at;
    flags of earlier ones stay.
    """
    key = ["population", "time_value", "kind"]
    held = known.filter(pl.col("reason").is_not_null())
    new = found.filter(pl.col("time_value") >= since).join(held, on=[*key, "reason", "left_out"], how="anti")
    gone = held.filter(pl.col("time_value") >= since).join(found, on=key, how="anti")
    withdrawn = gone.select(*key, reason=pl.lit(None, pl.String), left_out=pl.lit(value=False))
    return pl.concat([new.select(withdrawn.columns), withdrawn]).sort(key)


def standing(flags: pl.DataFrame) -> pl.DataFrame:
    """Of the latest rows of `flags` those that hold, one a population and day.

    `population, time_value, reason` (of all kinds, each after its name) and `left_out`.
    """
    said = pl.format("{}: {}", "kind", "reason")
    held = flags.filter(pl.col("reason").is_not_null()).sort(FLAGS.key[:3])
    by_day = held.group_by("population", "time_value", maintain_order=True)
    return by_day.agg(said.str.join("; ").alias("reason"), pl.col("left_out").any())


def _flags(days: pl.DataFrame, kind: str, said: pl.Expr, left_out: pl.Expr) -> pl.DataFrame:
    return days.select(
        "population", "time_value", pl.lit(kind).alias("kind"), said.alias("reason"), left_out.alias("left_out")
    ).sort("population", "time_value")


def _holes(spans: Iterable[_Span], start: datetime, until: datetime) -> list[_Span]:
    """What lies between spans, which are in order of their start."""
    holes, at = list[_Span](), start
    for begins, ends in [*spans, (until, until)]:
        stop = min(begins, until)
        if stop - at >= SEAM:
            holes.append((at, stop))
        at = max(at, ends)
    return holes


def _by_day(spans: Iterable[_Span]) -> dict[date, float]:
    """Hours of each UTC day within the spans; what several cover counts once."""
    hours, at = dict[date, float](), datetime.min
    for start, end in sorted(spans):
        at = max(at, start)
        while at < end:
            stop = min(end, _midnight(at.date() + timedelta(days=1)))
            hours[at.date()] = hours.get(at.date(), 0.0) + (stop - at) / timedelta(hours=1)
            at = stop
    return hours


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
