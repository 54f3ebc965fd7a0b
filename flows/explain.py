"""The stage that says why: which terms moved a marker. It reads texts anew, so that no words of a person are kept."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

import lexicons
from barograph import alerts as alerting
from barograph import detect as detection
from barograph import explain as explaining
from barograph import tables
from barograph.clock import utc_now
from barograph.populations import inside
from barograph.store import Warehouse
from flows.stages import Run, populations, stage
from lexicons import shift

_DAYS_AT_ONCE = 112
"""Days of posts, some of them several times, that one pass holds in memory."""

_DAYS_READ = 28
"""Days of texts that one pass reads: what a word is gets found once in each."""


@stage
def explain(run: Run, warehouse: Warehouse) -> None:
    """Issue the shifts of every period that is new or changed, and tell receivers what moved their alert.

    What is changed is issued anew by the first run of a day alone: the fewer posts lie between two issues, the more
    their difference tells of one author.
    """
    run.reporter.stage("explain")
    settings, who = run.settings, populations(run, warehouse)
    dimensions = [d.model_dump() for d in settings.dimension]
    made_of = json.dumps([who, dimensions, run.reading.version, settings.minimum_authors], sort_keys=True)
    before = warehouse.get("explained") if warehouse.get("explained_as") == made_of else None
    alerts = warehouse.latest(tables.ALERTS, run.moment)
    # A day partly past its retention counts as gone, also where this run has just read it.
    old = (run.moment - timedelta(days=settings.retention_days)).date()
    requests = explaining.wanted(
        detection.closed_series(warehouse.latest(tables.SERIES, run.moment)),
        alerts,
        warehouse.latest(tables.EXCEEDANCES, run.moment),
        without_text=max(old, warehouse.last_day_without_text() or old),
        since=datetime.fromisoformat(before) if before else None,
    ).filter(pl.col("population").is_in(list(who)), pl.col("marker").is_in(settings.watchable))
    known = warehouse.latest(tables.TERM_SHIFTS, run.moment)
    again = before is not None and datetime.fromisoformat(before).date() == run.moment.date()
    if again:
        requests = explaining.not_issued(requests, known)
    found = [tables.TERM_SHIFTS.empty().drop("issue"), *_shifts(run, warehouse, requests, who)]
    rows = explaining.changed(pl.concat(found, how="diagonal"), known)
    if rows.height and known["issue"].max() == run.moment:  # an issue is never rewritten
        run.now = run.moment + timedelta(microseconds=1)
    warehouse.save({tables.TERM_SHIFTS: rows.with_columns(issue=pl.lit(run.moment))})
    shifts = explaining.newest(warehouse.latest(tables.TERM_SHIFTS, run.moment))
    warehouse.save({tables.OUTBOX: alerting.with_reasons(warehouse.due(utc_now()), alerts, shifts)})
    if not again:
        warehouse.set(explained=run.moment.isoformat(), explained_as=made_of)


def _shifts(run: Run, warehouse: Warehouse, requests: pl.DataFrame, who: dict[str, Any]) -> Iterator[pl.DataFrame]:
    """Rows of `term_shifts`, but for the issue, of each period asked for.

    Batches go through time together, so that a day is read once and dropped when none after needs it.
    """
    counts: dict[date, pl.DataFrame] = {}
    spans = requests.group_by("population", "unit", "last", "first", "reference").agg("marker")
    batches = sorted(_batches(spans.sort("last", "first", "population", "unit")), key=lambda batch: batch[2][0][1])
    days_of = [_days(batch) for _, _, batch in batches]
    last_use = {day: done for done, days in enumerate(days_of, start=1) for day in days}
    for done, ((population, unit, batch), days) in enumerate(zip(batches, days_of, strict=True), start=1):
        new = [day for day in days if day not in counts]
        for some in (new[at : at + _DAYS_READ] for at in range(0, len(new), _DAYS_READ)):
            counts.update(_term_counts(run, warehouse, some))
        mine = inside(who[population])
        before = timedelta(days=1)
        found = shift.word_shifts(
            pl.concat([counts[day].filter(mine) for day in days]),
            [((first, last), (reference, first - before), markers) for first, last, reference, markers in batch],
            unit=unit, minimum_authors=run.settings.minimum_authors,
            largest_account=tables.LARGEST_ACCOUNT, terms=explaining.TERMS,
        )  # fmt: skip
        periods = [(f"{first}/{last}", f"{reference}/{first - before}") for first, last, reference, _ in batch]
        yield explaining.rows_of(found, population, unit, periods)
        for day in [day for day in counts if last_use[day] == done]:
            del counts[day]
        run.reporter.advance(done / len(batches), f"{done} of {len(batches)} batches")


def _days(batch: list[tuple[Any, ...]]) -> list[date]:
    """The days whose posts the periods of a batch are about, in order."""
    return sorted({day for _, last, reference, _ in batch for day in explaining.days_between(reference, last)})


def _batches(spans: pl.DataFrame) -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """Population, unit, and (first, last, reference, markers) of periods that are explained in one pass."""
    for (population, unit), mine in spans.group_by("population", "unit", maintain_order=True):
        batch: list[tuple[Any, ...]] = []
        size = 0
        for row in mine.select("first", "last", "reference", "marker").iter_rows():
            size += (row[1] - row[2]).days + 1
            if batch and size > _DAYS_AT_ONCE:
                yield str(population), str(unit), batch
                batch, size = [], (row[1] - row[2]).days + 1
            batch.append(row)
        yield str(population), str(unit), batch


def _term_counts(run: Run, warehouse: Warehouse, days: list[date]) -> dict[date, pl.DataFrame]:
    """The posts of each of these days in parts, as `word_shift` reads them."""
    posts = warehouse.posts_of(days, run.moment, run.languages)
    found = [
        lexicons.occurrences(posts.filter(pl.col("lang").is_in([lang, "und"])), lexs).select(
            "post_id", "marker", "term"
        )
        for lang, lexs in run.reading.lexicons.items()
    ]
    occurrences = pl.concat(frame.cast(pl.String) for frame in found)
    dimensions = {d.name: d.markers for d in run.settings.dimension}
    posts = posts.drop("text").with_columns(pl.col("source", "community", "lang", "geo").cast(pl.Categorical))
    counts = shift.count_terms(posts, occurrences, dimensions)
    return {day: counts.filter(pl.col("time_value") == day) for day in days}
