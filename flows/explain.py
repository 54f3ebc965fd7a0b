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
from barograph.store import Warehouse
from flows.stages import Run, populations, stage
from lexicons import shift


@stage
def explain(run: Run, warehouse: Warehouse) -> None:
    """Issue the shifts of every period that is new or changed, and tell receivers what moved their alert."""
    run.reporter.stage("explain")
    settings, who = run.settings, populations(run, warehouse)
    dimensions = [d.model_dump() for d in settings.dimension]
    made_of = json.dumps([who, dimensions, run.lexicon_version, settings.minimum_authors], sort_keys=True)
    before = warehouse.get("explained") if warehouse.get("explained_as") == made_of else None
    alerts = warehouse.latest(tables.ALERTS, run.moment)
    requests = explaining.wanted(
        detection.closed_series(warehouse.latest(tables.SERIES, run.moment)),
        alerts,
        warehouse.latest(tables.EXCEEDANCES, run.moment),
        without_text=warehouse.last_day_without_text(),
        since=datetime.fromisoformat(before) if before else None,
    ).filter(pl.col("population").is_in(list(who)), pl.col("marker").is_in(settings.watchable))
    found = [tables.TERM_SHIFTS.empty().drop("issue"), *_shifts(run, warehouse, requests, who)]
    known = warehouse.latest(tables.TERM_SHIFTS, run.moment)
    rows = explaining.changed(pl.concat(found, how="diagonal"), known)
    if rows.height and known["issue"].max() == run.moment:  # an issue is never rewritten
        run.now = run.moment + timedelta(microseconds=1)
    warehouse.save({tables.TERM_SHIFTS: rows.with_columns(issue=pl.lit(run.moment))})
    shifts = explaining.newest(warehouse.latest(tables.TERM_SHIFTS, run.moment))
    warehouse.save({tables.OUTBOX: alerting.with_reasons(warehouse.due(utc_now()), alerts, shifts)})
    warehouse.set(explained=run.moment.isoformat(), explained_as=made_of)


def _shifts(run: Run, warehouse: Warehouse, requests: pl.DataFrame, who: dict[str, Any]) -> Iterator[pl.DataFrame]:
    """Rows of `term_shifts`, but for the issue, of each period asked for."""
    counts: dict[date, pl.DataFrame] = {}
    span = ["population", "first", "last", "reference"]
    asked = requests.group_by(span).agg("marker", "unit").sort("last", "first", "population")
    for done, (population, first, last, reference, markers, units) in enumerate(asked.iter_rows(), start=1):
        days = explaining.days_between(reference, last)
        for day in days:
            if day not in counts:
                counts[day] = _term_counts(run, warehouse, day)
        rows = pl.concat([counts[day] for day in days])
        rows = rows.filter(
            pl.col("marker").is_null() | pl.col("marker").is_in(markers),
            *(pl.col(column).is_in(list(values)) for column, values in who[population].items()),
        )
        before = first - timedelta(days=1)
        for unit in sorted(set(units)):
            found = shift.word_shift(
                rows, (first, last), (reference, before), unit=unit,
                minimum_authors=run.settings.minimum_authors, terms=explaining.TERMS,
            )  # fmt: skip
            mine = [marker for marker, of in zip(markers, units, strict=True) if of == unit]
            found = found.filter(pl.col("marker").is_in(mine))
            yield explaining.rows_of(found, population, unit, f"{first}/{last}", f"{reference}/{before}")
        run.reporter.advance(done / asked.height, f"{done} of {asked.height} periods")


def _term_counts(run: Run, warehouse: Warehouse, day: date) -> pl.DataFrame:
    """The posts of a day in parts, as `word_shift` reads them."""
    posts = warehouse.day_posts(day, run.moment, run.languages)
    found = [
        lexicons.occurrences(posts.filter(pl.col("lang").is_in([lang, "und"])), lexs).select(
            "post_id", "marker", "term"
        )
        for lang, lexs in run.lexicons.items()
    ]
    occurrences = pl.concat(frame.cast(pl.String) for frame in found).unique()
    dimensions = {d.name: d.markers for d in run.settings.dimension}
    posts = posts.drop("text").with_columns(pl.col("source", "community", "lang", "geo").cast(pl.Categorical))
    return shift.count_terms(posts, occurrences, dimensions)
