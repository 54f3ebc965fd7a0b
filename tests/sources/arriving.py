"""What tests of streams share: a source read to a condition, its rows in the order of arrival, its landing."""

import threading
import time

import polars as pl

from barograph.landing import Landing, pending
from barograph.privacy import Keyed

PATIENCE = 60.0
"""Seconds after which a test gives up; it fails then, it never passes by time."""


def until(fetched, stop, done, batches=None):
    """Take batches until `done(batches)`, then stop the source and take what it still brings."""
    batches = [] if batches is None else batches
    deadline = time.monotonic() + PATIENCE
    for arrived in fetched:
        batches.append(arrived)
        if done(batches):
            stop.set()
        assert time.monotonic() < deadline, "the source did not bring what was expected"
    return batches


def rows(batches):
    """All rows, in order of arrival."""
    return pl.concat([a.rows.sort("line") for a in batches]).to_dicts()


def reasons(batches):
    return [reject.reason for a in batches for reject in a.rejects]


def land(folder, fetch, source, done, key, **keeps):
    """Stream a source into its landing until `done(segments so far)`; return what has landed."""
    stop, deadline = threading.Event(), time.monotonic() + PATIENCE
    with Landing(folder, Keyed(key), **({"seconds": 0.0} | keeps)) as landing:
        for arrived in fetch(source, landing.cursor, stop):
            landing.keep(arrived)
            if done(arrived):
                stop.set()
            assert time.monotonic() < deadline, "the source did not bring what was expected"
        landing.flush()
    return list(pending(folder, 0))
