"""The stage that flags days of which a population was not measured as usual."""

from datetime import date, timedelta

import polars as pl

from barograph import flags, tables
from barograph.clock import last_closed_day
from barograph.populations import inside
from barograph.store import Warehouse
from flows.stages import Run, populations, stage

_AGAIN = timedelta(days=28)
"""Days whose gaps are looked at again, since what was missed may come late."""


@stage
def flag(run: Run, warehouse: Warehouse) -> None:
    """Issue the flags that are new or say something else, and withdraw those that no longer hold.

    Gaps of older days than 28 before the last run were looked at then, and stay as they are while populations do.
    """
    run.reporter.stage("flag")
    now, closed = run.moment, last_closed_day(run.moment, run.settings.closing_hours)
    known = warehouse.latest(tables.FLAGS, now)
    odd = flags.volumes(warehouse.closed_days(now))
    rows = [flags.changed(odd, known.filter(kind="volume"), date.min)]
    if (coverage := warehouse.read(tables.COVERAGE)).height:
        made_of, _sep, through = (warehouse.get("gaps_through") or "").partition(" ")
        same = made_of == warehouse.get("aggregated_as")
        since = min(date.fromisoformat(through), closed) - _AGAIN if same else date.min
        # A run of other sources than those of the config says nothing of these.
        going_on = {source.name for source in (*run.settings.source, *run.sources)}
        missed = flags.missed(coverage, going_on, closed, now)
        hours = flags.hours(missed).filter(pl.col("time_value") >= since)
        found = flags.gaps(hours, _volumes(run, warehouse, hours["time_value"]))
        rows.append(flags.changed(found, known.filter(kind="gap"), since))
    new = pl.concat(rows)
    if new.height and warehouse.issued(now, tables.FLAGS, tables.FORECASTS, tables.TESTED):
        run.now = now = now + timedelta(microseconds=1)  # an issue is never rewritten
    warehouse.save({tables.FLAGS: new.with_columns(issue=pl.lit(now))})
    if coverage.height:
        warehouse.set(gaps_through=f"{warehouse.get('aggregated_as')} {closed}")
    run.count(flags=new.height)


def _volumes(run: Run, warehouse: Warehouse, days: pl.Series) -> pl.DataFrame:
    """Posts of each population on these days and the 27 before, by source."""
    made = [pl.DataFrame(schema={"population": pl.String, "time_value": pl.Date, "source": pl.String, "n": pl.Int64})]
    if days.len():
        first, last = days.sort()[0], days.sort()[-1]
        posts = warehouse.volumes(first - timedelta(flags.USUAL_DAYS - 1), last, run.moment, run.languages)
        for name, where in populations(run, warehouse).items():
            mine = posts.filter(inside(where)).group_by("time_value", "source").agg(pl.col("n").sum())
            made.append(mine.select(pl.lit(name).alias("population"), "time_value", "source", "n"))
    return pl.concat(made, how="vertical_relaxed")
