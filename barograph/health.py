"""How sources fare: when they last brought posts, on which days they brought none or oddly many, what came late."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from barograph import flags
from barograph.flags import FEWEST_DAYS, USUAL_DAYS, VOLUME

LATE, SILENT = timedelta(days=1), timedelta(days=2)
"""Ages of a source's newest post from which on it is late, and silent."""
LATELY_DAYS = 28
"""Days looked back on for gaps and late posts."""
BEHIND = timedelta(hours=1)
"""Time since a stream was last read from which on it is behind."""
_LEAST_ROWS, _TIMES = 10, 2.0
_PUNCTUAL = timedelta(days=2)


@dataclass(frozen=True)
class Health:
    """One source as it stands. state: `fresh`, `late`, `silent`, `empty` (no post yet) or `dropped` (read no more)."""

    source: str
    state: str
    last_post: datetime | None
    gaps: int
    """Days of the last 28 up to its newest post without any."""
    odd: int
    """Days of these with a third, or three times, of its usual posts."""
    n_posts: int
    n_quarantined: int
    n_unmeasured: int

    @property
    def well(self) -> bool:
        """Whether nothing is to be said against it."""
        return self.state == "fresh" and not self.gaps and not self.odd


def sources(rows: pl.DataFrame, days: pl.DataFrame, now: datetime | None) -> list[Health]:
    """The sources, those that fare worst first. rows: `sources`; days: as `volumes`; now: of the last run, if known."""
    return sorted(
        (_health(row, days.filter(pl.col("source") == row["source"]), now) for row in rows.iter_rows(named=True)),
        key=lambda h: (("silent", "empty", "late", "fresh", "dropped").index(h.state), h.well, h.source),
    )


class Stream(NamedTuple):
    """A source that says from when to when it was read."""

    source: str
    first: datetime | None
    """Since when it is read, and up to when; None where it never says so."""
    last: datetime | None
    behind: bool
    """It should have been read since."""
    missed: pl.DataFrame
    """`starts_at, ends_at, reason` of what was missed, newest first; reason NULL: it was not read then."""
    hours: float
    """Missed in the last 28 days."""
    n_events: int
    n_ignored: int


def streams(coverage: pl.DataFrame, sources: pl.DataFrame, now: datetime | None) -> list[Stream]:
    """The sources of `coverage`, in order of name. sources: rows of `sources`; now: of the last run, if known."""
    at = now or coverage["ends_at"].max()
    if not isinstance(at, datetime):
        return []
    lost = flags.missed(coverage, (), at.date(), at)
    lately = pl.max_horizontal("starts_at", pl.lit(at - timedelta(days=LATELY_DAYS)))
    found = []
    for (source,), rows in coverage.sort("source").group_by("source", maintain_order=True):
        covered = rows.filter(state="covered")
        first, last = covered.select(pl.col("starts_at").min(), pl.col("ends_at").max()).row(0)
        # A source that was not read for long is no longer one of the config's.
        read = sources.filter(pl.col("source") == source, pl.col("updated_at") >= at - SILENT).height > 0
        mine = lost.filter(source=source)
        seconds = mine.select((pl.col("ends_at") - lately).dt.total_seconds().clip(0).sum()).item()
        found.append(
            Stream(
                source=str(source), first=first, last=last, behind=read and last is not None and at - last >= BEHIND,
                missed=mine.select("starts_at", "ends_at", "reason").reverse(), hours=seconds / 3600,
                n_events=int(rows["n_events"].sum()), n_ignored=int(rows["n_ignored"].sum()),
            )
        )  # fmt: skip
    return found


def _health(row: dict[str, Any], days: pl.DataFrame, now: datetime | None) -> Health:
    last = row["last_post"]
    age = now - last if now and last else timedelta(0)
    state = "silent" if age > SILENT else "late" if age > LATE else "fresh"
    if last is None:
        state = "empty"
    elif now and row["updated_at"] < now - SILENT:
        state = "dropped"
    kinds = days.sort("time_value").tail(LATELY_DAYS)["kind"].to_list()
    return Health(
        source=row["source"], state=state, last_post=last, gaps=kinds.count("gap"),
        odd=kinds.count("low") + kinds.count("high"), n_posts=row["n_posts"], n_quarantined=row["n_quarantined"],
        n_unmeasured=row["n_unmeasured"],
    )  # fmt: skip


def volumes(days: pl.DataFrame) -> pl.DataFrame:
    """Every calendar day of each source from its first to its last: rows of `source_days`, and what is odd about it.

    Adds `usual`, the median of its posts over the 28 days before (NULL with fewer than 7 of them), and `kind`: `gap`
    without a post, `low` or `high` where that is a third of the usual or three times it, as where alerts are held for
    artefacts, else `usual`. Its first and last day may be parts of days: they are never odd.
    """
    ends = [getattr(pl.col("time_value"), end)() for end in ("min", "max")]
    calendar = days.group_by("source").agg(pl.date_ranges(*ends).alias("time_value").explode()).explode("time_value")
    n, usual = pl.col("n_posts"), pl.col("usual")
    first, last = (end.over("source") for end in ends)
    before = n.cast(pl.Float64).shift(1).rolling_median(USUAL_DAYS, min_samples=FEWEST_DAYS).over("source")
    inside = (pl.col("time_value") > first) & (pl.col("time_value") < last)
    return (
        calendar.join(days, on=["source", "time_value"], how="left")
        .sort("source", "time_value")
        .with_columns(n.fill_null(0))
        .with_columns(before.alias("usual"))
        .with_columns(
            pl.when(n == 0).then(pl.lit("gap"))
            .when(inside & (n * VOLUME <= usual)).then(pl.lit("low"))
            .when(inside & (n >= usual * VOLUME) & (usual > 0)).then(pl.lit("high"))
            .otherwise(pl.lit("usual")).alias("kind")
        )
    )  # fmt: skip


def late_share(issues: pl.DataFrame) -> tuple[float, int] | None:
    """Of the posts of the last closed days, the share that came after their day had closed, and of how many days.

    issues: every issue of the rows of `series` of one line. Only days that were first issued as closed within two days
    of their end tell: what is imported later was not late. None where no day tells.
    """
    closed = issues.filter(~pl.col("provisional")).sort("issue")
    of_days = closed.group_by("time_value").agg(
        pl.col("n_posts").first().alias("then"), pl.col("n_posts").last().alias("known"),
        pl.col("issue").first().alias("first"),
    )  # fmt: skip
    day_end = pl.col("time_value").cast(pl.Datetime("us")) + timedelta(days=1)
    told = of_days.filter(pl.col("first") - day_end <= _PUNCTUAL).sort("time_value").tail(LATELY_DAYS)
    known = int(told["known"].sum())
    return (1 - int(told["then"].sum()) / known, told.height) if known else None


def quarantine_rising(runs: pl.DataFrame) -> tuple[float, float] | None:
    """Shares of rows set aside in the last run that read any, and in those before; None unless they have risen.

    Risen are ten rows or more, at more than twice the share of before.
    """
    reading = runs.filter(pl.col("n_read") > 0).sort("started_at")
    before, last = reading.head(-1), reading.tail(1)
    if before.is_empty():
        return None
    then, lately = (int(r["n_quarantined"].sum()) / int(r["n_read"].sum()) for r in (before, last))
    risen = int(last["n_quarantined"][0]) >= _LEAST_ROWS and lately > _TIMES * then
    return (lately, then) if risen else None


def missing(rows: pl.DataFrame) -> pl.DataFrame:
    """Lines without a value on the newest closed day: the line, `last_known` (in these rows), `reason`.

    rows: as `Snapshot.known`. A line that has no row that day has fallen behind.
    """
    line = ["population", "marker", "unit", "method"]
    newest = rows["time_value"].max()
    last = rows.group_by(line).agg(
        pl.col("time_value").filter("known").max().alias("last_known"), pl.col("time_value").max().alias("last"),
        pl.col("missing_reason").sort_by("time_value").last().alias("reason"),
        pl.col("known").sort_by("time_value").last(),
    )  # fmt: skip
    behind = pl.col("last") < newest
    return (
        last.filter(behind | ~pl.col("known"))
        .with_columns(pl.when(behind).then(pl.lit("no closed day so late")).otherwise("reason").alias("reason"))
        .select(*line, "last_known", "reason").sort(line)
    )  # fmt: skip
