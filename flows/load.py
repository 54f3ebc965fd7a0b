"""The stage that brings posts in: files are read anew, streams as far as they landed. Then `now` is known."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import polars as pl

from barograph import aggregate as aggregation
from barograph import covered, landing, segments, tables
from barograph.arrivals import settle
from barograph.clock import utc_now
from barograph.ingest import Ingested, ingest
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch, files, simulated
from barograph.store import Landed, Warehouse
from flows.keys import key_of
from flows.stages import Run, stage
from flows.taken import take_in

_Item = TypeVar("_Item")


@stage
def load(run: Run, warehouse: Warehouse) -> None:
    """Fetch every source, ingest each batch, land it. Then `now` is known."""
    run.reporter.stage("load")
    keyed = key_of(run.home, warehouse, makes=True)
    warehouse.set(key=keyed.hash("key"))
    run.answers_left += take_in(run.home, warehouse)  # before what they are about may be deleted
    as_of = aggregation.day_end(run.as_of) if run.as_of else None
    for source in run.sources:
        if source.streams:
            _load_landed(run, warehouse, source, keyed)
            continue
        batches = _fetch(source, warehouse, as_of or run.clock)
        read = ((batch, ingest(batch, source, keyed, run.clock, as_of)) for batch in batches)
        for batch, got in _one_ahead(read):
            posts, kept_out = _without_buried(warehouse, got.posts, keyed)
            landed = warehouse.land(source.name, posts, got.quarantine, utc_now())
            _count(run, batch.rows.height + len(batch.rejects), got, landed._replace(kept_out=kept_out))
            run.reporter.advance(batch.progress, f"{run.counts['read']:,} rows")
        warehouse.save_new(
            {tables.EVENTS: _events(_happenings(source, warehouse, as_of or run.clock), as_of or run.clock)}
        )
    newest = warehouse.newest_post(as_of or run.clock)
    # What a run at the same time left behind was issued some microseconds after it.
    run.now = warehouse.moment(as_of or (run.clock if run.live or newest is None else newest))
    declared = [e.model_dump() for e in run.settings.event]
    warehouse.save_new({tables.EVENTS: _events(declared, run.now)})


def _without_buried(warehouse: Warehouse, posts: pl.DataFrame, keyed: Keyed) -> tuple[pl.DataFrame, int]:
    """Posts but those that were deleted, or whose author left; and how many those are."""
    if not warehouse.has_tombstones():
        return posts, 0
    hashes = _hashes(posts, keyed)
    there = warehouse.tombstones(pl.concat(hashes))["id_hash"].implode()
    buried, gone, orphan = (h.is_in(there).fill_null(value=False) for h in hashes)
    kept = posts.with_columns(parent_id=pl.when(~orphan).then("parent_id")).filter(~(buried | gone))
    return kept, posts.height - kept.height


def _hashes(rows: pl.DataFrame, keyed: Keyed) -> list[pl.Series]:
    """What tombstones hold of the posts, the authors and what was replied to."""
    return [keyed.column(rows[name].alias("id_hash")) for name in ("post_id", "author_key", "parent_id")]


# streams --------------------------------------------------------------------------------------------------


def _load_landed(run: Run, warehouse: Warehouse, source: Source, keyed: Keyed) -> None:
    """Load what a stream landed, oldest first, and remove it from where it landed.

    A segment is read once, so posts later than an `as_of` are loaded too: stages read none after `now`.
    """
    folder, done = run.home.landing / source.name, warehouse.landed(source.name)
    there = landing.segments(folder)
    if there and int(there[-1].stem) < done:  # the folder is another one: nothing in it was loaded
        done = 0
    if not there and not done:
        run.unlanded.append(source.name)
    landing.release(folder, done)  # an earlier run may have been killed before it did
    kept = timedelta(days=run.settings.retention_days) if source.kind in segments.LIVE else None
    pending = segments.groups(landing.pending(folder, done))
    # A long run meets posts that are newer than its own clock.
    groups = (segments.ingested(group, source, keyed, max(run.clock, utc_now()), kept) for group in pending)
    loaded = 0
    for ahead in _one_ahead(groups):
        group = _of_what_is_here(warehouse, ahead)
        landed = _take(warehouse, source, keyed, group)
        _count(run, sum(s.rows.height + s.quarantine.height for s in group.segments), group.got, landed)
        landing.release(folder, group.segments[-1].number)
        loaded += len(group.segments)
        run.reporter.advance(loaded / max(len(there), loaded), f"{run.counts['read']:,} rows")


def _of_what_is_here(warehouse: Warehouse, group: segments.Group) -> segments.Group:
    """The group without edits of old posts that are not here: an edit may change a post, not bring an old one in."""
    edits = group.edits
    if edits.is_empty():
        return group
    strange = edits.join(warehouse.known(edits["post_id"]), on="post_id", how="anti")
    lines, bad = strange.select(line="row"), strange.drop("row", "post_id").unique(tables.QUARANTINE.key)
    quarantine = tables.QUARANTINE.validate(pl.concat([group.got.quarantine, bad], how="diagonal"))
    got = replace(group.got, posts=group.got.posts.join(lines, on="line", how="anti"), quarantine=quarantine)
    return group._replace(got=got, events=group.events.join(lines, on="line", how="anti"))


def _take(warehouse: Warehouse, source: Source, keyed: Keyed, group: segments.Group) -> Landed:
    """Keep a group in one transaction."""
    posts, events = group.got.posts, group.events
    by_post, by_author = (keyed.column(events[name].alias(name)) for name in ("post_id", "author_key"))
    by_parent = keyed.column(posts["parent_id"].alias("parent_id"))
    found = warehouse.tombstones(pl.concat([h.alias("h") for h in (by_post, by_author, by_parent)]))
    there, for_ever = found["id_hash"].implode(), found.filter("forgotten")["id_hash"].implode()
    marks = {"buried": by_post.is_in(there), "gone": by_author.is_in(there), "for_ever": by_author.is_in(for_ever)}
    events = events.with_columns(mark.fill_null(value=False).alias(name) for name, mark in marks.items())
    settled = settle(events.filter(~((pl.col("op") == "return") & pl.col("for_ever"))))
    hashes = {"deleted": keyed.column(settled.deleted), "authors": keyed.column(settled.authors["author_key"])}
    orphan = by_parent.is_in(there).fill_null(value=False) | posts["parent_id"].is_in(settled.deleted.implode())
    posts = posts.with_columns(parent_id=pl.when(~orphan.fill_null(value=False)).then("parent_id"))
    return warehouse.take(
        source.name, group.segments[-1].number, posts, settled, hashes, group.got.quarantine,
        _coverage(warehouse, source, group), utc_now(),
    )  # fmt: skip


def _coverage(warehouse: Warehouse, source: Source, group: segments.Group) -> pl.DataFrame:
    """All rows of `coverage` of a source, with these segments."""
    known = warehouse.read(tables.COVERAGE).filter(pl.col("source") == source.name)
    intervals = covered.intervals_of(known)
    for s in group.segments:
        ignored = sum(s.ignored.values())
        n = s.rows.height + s.quarantine.height + ignored
        intervals = covered.told(intervals, s.covered, s.missed, n, ignored)
    return covered.rows(source.name, intervals)


# files ----------------------------------------------------------------------------------------------------


def _fetch(source: Source, warehouse: Warehouse, until: datetime) -> Iterator[Batch]:
    if source.kind == "simulated":
        return simulated.fetch(_simulation(source, warehouse, until), warehouse.newest_post(until, source.name), until)
    return files.fetch(files.find(source.path), source.columns)


def _one_ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The same, but the next one is made (in a thread) while the present one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _simulation(source: Source, warehouse: Warehouse, until: datetime) -> simulated.Simulation:
    """The same population on every run: it began so many days before the first one."""
    oldest = warehouse.oldest_post(source.name)
    start = oldest.date() if oldest else until.date() - timedelta(days=source.days)
    return simulated.Simulation(start=start, seed=source.seed, posts_per_day=source.posts_per_day)


def _happenings(source: Source, warehouse: Warehouse, until: datetime) -> list[dict[str, Any]]:
    if source.kind != "simulated":
        return []
    return _simulation(source, warehouse, until).events(until.date())


def _events(events: list[dict[str, Any]], declared_at: datetime) -> pl.DataFrame:
    rows = [{**e, "ends_on": e["ends_on"] or e["starts_on"], "declared_at": declared_at} for e in events]
    return pl.DataFrame(rows, schema=tables.EVENTS.schema)


def _count(run: Run, read: int, got: Ingested, landed: Landed) -> None:
    reasons = got.quarantine["reason"]
    run.count(read=read, quarantined=len(reasons), repost=got.reposts, later=got.later, **landed._asdict())
    for reason in reasons:
        run.reasons[reason] = run.reasons.get(reason, 0) + 1
