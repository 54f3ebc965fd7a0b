"""The stage that says what labels show beside prevalence: cues, and how many labels would say more."""

import polars as pl

from barograph import correction, tables
from barograph.answers import sampled
from barograph.clock import last_closed_day
from barograph.cues import cue_shares
from barograph.labelled import WINDOW_DAYS
from barograph.settings import Annotation
from barograph.store import Warehouse
from flows.correct import read
from flows.stages import Run, populations, stage

WANTED = 0.02
"""What is told is how many labels an interval of ± this takes."""


@stage
def labels(run: Run, warehouse: Warehouse) -> None:
    """Issue the shares of cues that changed, and tell how far the labels of the last 28 days reach."""
    settings, now = run.settings, run.moment
    if not settings.annotation or not warehouse.first_labelled():
        return
    last = last_closed_day(now, settings.closing_hours)
    known, of_tasks = read(warehouse, settings, run.languages, [last], now)
    who, markers = populations(run, warehouse), [m.name for m in settings.marker]
    shares = cue_shares(
        known, who, settings.annotation, markers, last, now=now, minimum_authors=settings.minimum_authors
    )
    # While days that lost posts wait for the daily batch, only what was never issued is.
    said = [*tables.CUES.series_key] if warehouse.thinning() else [c for c in tables.CUES.columns if c != "issue"]
    shares = shares.join(warehouse.latest(tables.CUES, now).select(said), on=said, how="anti")
    warehouse.save({tables.CUES: shares})
    series = warehouse.latest(tables.SERIES, now).filter(
        pl.col("time_value") == last, pl.col("method") == "corrected", pl.col("unit") == "posts"
    )
    for annotation in settings.annotation:
        for name in annotation.populations or who:
            if name in who and (mine := of_tasks.get(annotation.name)):
                drawn = sampled(known, annotation, who[name], who, mine).filter(pl.col("inclusion_probability") > 0)
                rows = series.filter(pl.col("population") == name, pl.col("marker").is_in(mine))
                run.annotated.append(reach(annotation, name, drawn, rows))


def reach(annotation: Annotation, population: str, drawn: pl.DataFrame, corrected: pl.DataFrame) -> str:
    """How many labels there are, how many posts gave none, how many a narrow interval takes, and what is not told yet.

    drawn: as `answers.sampled` returns it. corrected: rows of `series` of the task's markers on the last closed day.
    """
    n, given = drawn.height, drawn.filter(pl.col("status") == "ok").height
    told = f"{annotation.name}, {population}: {given:,} labels in {WINDOW_DAYS} days"
    told += f", {(n - given) / n:.0%} of those asked gave none" if n > given else ""
    found = corrected.filter(pl.col("prevalence").is_not_null()).with_columns(width=pl.col("hi") - pl.col("lo"))
    if corrected.is_empty():
        return f"{told}; nothing corrected yet"
    if not found.is_empty():
        widest = found.sort("width", "marker").row(-1, named=True)
        needed = correction.labels_needed(2 * WANTED, widest["lo"], widest["hi"], given)
        told += f"; the widest interval is that of {widest['marker']}, ± {widest['width'] / 2:.3f}"
        told += f": ± {WANTED} takes some {needed:,} labels" if needed > given else ""
    lacking = corrected.filter(pl.col("prevalence").is_null()).group_by("missing_reason").len()
    if not lacking.is_empty():
        why = lacking.sort("len", "missing_reason", descending=[True, False]).iter_rows()
        told += f"; {lacking['len'].sum()} of {corrected.height} markers have no corrected value yet: "
        told += ", ".join(f"{reason} ({count})" for reason, count in why)
    return told
