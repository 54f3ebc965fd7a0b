"""The warehouse without a trace of what was taken out: copied into a new file, which then takes its place.

DuckDB keeps what was deleted in free blocks of its file, through CHECKPOINT and VACUUM too.
"""

import os
import shutil
from pathlib import Path

from barograph.durable import durable
from barograph.errors import Transient
from barograph.store.database import DISK, Database, unwritable


def compact(path: Path) -> None:
    """Put a copy of the warehouse at `path` in its place. Nobody may have it open.

    Killed anywhere, the old file is there, whole, or the new one is. It takes as much room again while it runs.
    Raises `Transient` where the disk is full: the old file stays.
    """
    fresh = path.with_suffix(".compact")
    sweep(path)
    try:
        with Database(path) as warehouse:
            warehouse.copy_all(fresh)
        if path.with_name(f"{path.name}.wal").exists():  # what it holds is of the old file
            raise Transient(f"{path}: its log could not be written into it; free space and run again")
        durable(fresh)
        os.replace(fresh, path)
        durable(path.parent)
    except (*DISK, OSError) as error:
        raise unwritable(path, error) from None
    finally:
        sweep(path)


def sweep(path: Path) -> None:
    """Remove what a process that was killed left beside the warehouse: a half copy, and what did not fit in memory."""
    fresh = path.with_suffix(".compact")
    for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        left.unlink(missing_ok=True)
    for spilled in (path, fresh):
        shutil.rmtree(spilled.with_name(f"{spilled.name}.tmp"), ignore_errors=True)
