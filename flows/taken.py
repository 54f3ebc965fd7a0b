"""Answers of annotators that landed, given to the warehouse."""

from collections import Counter

from barograph.annotate import landing
from barograph.home import Home
from barograph.store import Warehouse


def take_in(home: Home, warehouse: Warehouse) -> Counter[str]:
    """Give what landed to the warehouse, a file at a time. Returns how many answers of each task there were."""
    taken: Counter[str] = Counter()
    for path, rows in landing.pending(home.annotations):
        warehouse.keep_labels(rows)
        path.unlink()
        taken.update(rows["task"])
    return taken
