"""Landed segments as they are loaded, several at a time: their posts, what every event names, and what is set aside."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from barograph import tables
from barograph.ingest import Ingested, ingest, named
from barograph.landing import Segment
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch

LIVE = ("bluesky", "mastodon")
"""Kinds that tell of posts as they are written, with a time that their author's program says."""
_BACKDATED = "created_at: older than retention_days when it was told"
ROWS = 100_000
"""Segments are loaded together up to so many rows: each time, the ids of all posts are looked through."""


class Group(NamedTuple):
    """Landed segments that are loaded together."""

    segments: list[Segment]
    events: pl.DataFrame
    """As `settle` takes them, but for what has a tombstone. `line` counts through all segments."""
    got: Ingested
    edits: pl.DataFrame
    """Edits of posts so old that a new one would be backdated: columns of `quarantine`, and `row` and `post_id`."""


def groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Segments one after another, together as far as `ROWS` goes."""
    group: list[Segment] = []
    for segment in segments:
        if group and sum(s.rows.height for s in group) + segment.rows.height > ROWS:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def ingested(group: list[Segment], source: Source, keyed: Keyed, clock: datetime, kept: timedelta | None) -> Group:
    """What the posts among the events are, and what every event names.

    A post is from the future where it is later than the clock and than what the source says the time is: a clock that
    was set back makes nothing bad. kept: a post that was that old when the source told it, by its clock, is backdated;
    its text would go at once, and one alone would have every line begin years ago.
    """
    parts = [s.rows.with_columns(file=pl.lit(str(s.number)), stood="line") for s in group]
    rows = pl.concat(parts).with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    latest = max([clock, *(s.covered[1] for s in group if s.covered)])
    posts = rows.filter(pl.col("op").is_in(["post", "update"]))
    got = ingest(Batch("", posts.drop("op", "file", "stood")), source, keyed, latest, None)
    told = min((s.covered[0] for s in group if s.covered), default=None)
    old = pl.col("created_at") < told - kept if kept and told else pl.lit(value=False)
    aged = got.posts.filter(old).join(rows.select("line", "op"), on="line")
    backdated = aged.filter(op="post")
    got = replace(got, posts=got.posts.join(backdated, on="line", how="anti"))
    events = named(rows, source.name, keyed).join(got.posts.select("line", said="post_id"), on="line", how="left")
    events = events.with_columns(pl.coalesce("said", "post_id").alias("post_id"), good=pl.col("said").is_not_null())
    late = aged.select("line", "op", "post_id", reason=pl.lit(_BACKDATED), raw_hash=keyed.column(aged["post_id"]))
    bad = [got.quarantine.select("line", "reason", "raw_hash"), _nameless(rows, events, keyed)]
    bad.append(late.filter(op="post").drop("op", "post_id"))
    stood = rows.select("line", "file", "stood")
    edits = late.filter(op="update").join(stood, on="line").rename({"line": "row", "stood": "line"})
    found = pl.concat(bad).join(stood, on="line").drop("line").rename({"stood": "line"})
    rejected = [s.quarantine.with_columns(file=pl.lit(str(s.number))).select(found.columns) for s in group]
    quarantine = pl.concat([found, *rejected]).with_columns(source=pl.lit(source.name))
    key = tables.QUARANTINE.key
    quarantine = tables.QUARANTINE.validate(quarantine.unique(key, keep="first", maintain_order=True))
    edits = edits.select(*(name for name in key if name != "source"), "raw_hash", "row", "post_id")
    edits = edits.with_columns(source=pl.lit(source.name))
    return Group(group, events.drop("said"), Ingested(got.posts, quarantine, got.reposts, got.later), edits)


def _nameless(rows: pl.DataFrame, events: pl.DataFrame, keyed: Keyed) -> pl.DataFrame:
    """Events that say that something is gone or back, but not what: `line, reason, raw_hash`."""
    op = pl.col("op")
    reason = (
        pl.when(op == "delete", pl.col("post_id").is_null()).then(pl.lit("delete: names no post"))
        .when(op.is_in(["leave", "return"]), pl.col("author_key").is_null()).then(op + ": names no author")
    )  # fmt: skip
    bad = events.select("line", reason=reason).drop_nulls().join(rows, on="line")
    raw = [keyed.hash(repr(row)) for row in bad.select("op", "id", "author").iter_rows()]
    return bad.select("line", "reason").with_columns(raw_hash=pl.Series(raw, dtype=pl.String))
