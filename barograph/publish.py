"""Published snapshots: immutable, versioned, and found through CURRENT, which is replaced atomically."""

import os
from pathlib import Path

from barograph.durable import durable
from barograph.errors import Terminal
from barograph.store import Snapshot, Warehouse

_KEPT = 3


def publish(warehouse: Warehouse, folder: Path) -> Path:
    """Write the next snapshot into `folder` and point CURRENT at it. The last three are kept.

    A reader sees the old snapshot or the new one, never a part: the file is complete and on disk before its
    name exists, and its name before CURRENT says so. A reused path would keep showing old rows to a process
    that has it open, hence a new name each time.
    """
    for part in folder.glob("*.part*"):
        part.unlink()
    number = max((_number(path) for path in (*_snapshots(folder), current(folder)) if path), default=0) + 1
    path = folder / f"{number:06d}.duckdb"
    part = folder / f"{path.name}.part"
    warehouse.copy_published(part)
    durable(part)
    os.replace(part, path)
    pointer = folder / "CURRENT.part"
    pointer.write_text(path.name + "\n")
    durable(pointer)
    os.replace(pointer, folder / "CURRENT")
    durable(folder)
    for old in _snapshots(folder)[:-_KEPT]:
        old.unlink()
    return path


def current(folder: Path) -> Path | None:
    """The newest snapshot, as CURRENT says; None before the first."""
    try:
        return folder / (folder / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None


def newest(folder: Path) -> Snapshot | None:
    """The newest snapshot, attached; None before the first. Where it was dropped just now, the one after it."""
    path = current(folder)
    while path is not None:
        try:
            return Snapshot(path)
        except Terminal:
            if (later := current(folder)) == path:
                raise
            path = later
    return None


def _snapshots(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("*.duckdb") if path.stem.isdecimal()), key=_number)


def _number(path: Path) -> int:
    return int(path.stem)
