"""DuckDB: the only SQL. The warehouse (restricted, one writer) and the published snapshots (aggregates, read-only).

All times go in and come out as naive UTC.
"""

from barograph.store.arrivals import Landed
from barograph.store.compaction import compact
from barograph.store.database import interrupted
from barograph.store.snapshot import Snapshot
from barograph.store.warehouse import Warehouse

__all__ = ["Landed", "Snapshot", "Warehouse", "compact", "interrupted"]
