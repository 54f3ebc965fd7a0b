"""The parts of the way that `up` runs apart, each with the home to itself. They return what they did, in words."""

from barograph.store import Warehouse, compact
from flows import stages
from flows.monitor import begun, look_ahead, measure, read, told
from flows.telling import line

_WAIT = 900.0
"""Seconds that what runs once a day waits for the home."""


def monitor(home: str, config: str | None, source: str | None) -> str:
    """From posts to a published snapshot, without forecasts."""
    with begun(home, config, (), source, None, "up", quiet=True) as run:
        read(run)
        with Warehouse(run.home.warehouse) as warehouse:
            measure(run, warehouse)
        return line(told(run))


def forecasts(home: str, config: str | None, source: str | None) -> str:
    """Forecasts of what is in the warehouse, tested, told and published."""
    with begun(home, config, (), source, None, "forecasts", quiet=True, wait=_WAIT) as run:
        with Warehouse(run.home.warehouse) as warehouse:
            run.now = warehouse.moment(run.clock)
            measure(run, warehouse)
            look_ahead(run, warehouse)
        done = told(run)
        return f"{done['counts'].get('forecasts', 0):,} forecasts; {line(done)}"


def retention(home: str, config: str | None, source: str | None) -> str:
    """What is past its retention is dropped; the warehouse is written anew, without the bytes of what was deleted."""
    with begun(home, config, (), source, None, "retention", quiet=True, wait=_WAIT) as run:
        with Warehouse(run.home.warehouse) as warehouse:
            run.now = warehouse.moment(run.clock)
            texts = stages.forget(run, warehouse)
            run.record(warehouse, "done")
        compact(run.home.warehouse)
        return f"{texts:,} texts dropped, and what was deleted is in no byte of the warehouse"
