"""The key of a home, proven to be the one that made it."""

from barograph.errors import InputError
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.store import Warehouse


def key_of(place: Home, warehouse: Warehouse, *, makes: bool) -> Keyed:
    """The key by which this warehouse knows its authors. makes: a home that has none yet, and no authors, gets one.

    Raises `InputError` where it is missing, damaged or another one: no author would be found by it.
    """
    known = warehouse.get("key")
    if not place.key.exists() and (known is not None or not makes):
        raise InputError(
            f"{place.key} is missing: without the key that made this home its authors cannot be told; "
            "restore the file from a backup"
        )
    keyed = Keyed(place.key)
    if known not in (None, keyed.hash("key")):
        raise InputError(
            f"{place.key} is not the key that made this home: with another its authors would count twice, and none be "
            "found; restore the file from a backup"
        )
    return keyed
