"""Clients in a thread: nothing that they handed on is lost where reading stops."""

import threading

from barograph.sources.background import Outlet, Piece, batches
from tests.sources.arriving import PATIENCE, rows


def test_what_was_handed_on_before_a_stop_comes_with_it() -> None:
    """The disk was slow while the delete came, and then the run was over."""
    read, handed, stop = threading.Event(), threading.Event(), threading.Event()

    def work(outlet: Outlet) -> None:
        outlet.put(Piece("1", ({"op": "post", "id": "a"},)))
        read.wait(PATIENCE)
        outlet.put(Piece("2", ({"op": "delete", "id": "a"},)))
        handed.set()
        outlet.closed.wait(PATIENCE)

    got = []
    for arrived in batches(work, None, stop):
        got.append(arrived)
        if not read.is_set() and arrived.rows.height:
            read.set()
            assert handed.wait(PATIENCE)
            stop.set()
    assert [(r["op"], r["id"]) for r in rows(got)] == [("post", "a"), ("delete", "a")]
    assert got[-1].cursor == "2"


def test_a_source_that_is_stopped_at_once_brings_nothing_and_ends() -> None:
    stop, closed = threading.Event(), threading.Event()
    stop.set()

    def work(outlet: Outlet) -> None:
        outlet.closed.wait(PATIENCE)
        closed.set()

    got = list(batches(work, "0", stop))
    assert [(a.rows.height, a.cursor) for a in got] == [(0, "0")]
    assert closed.wait(PATIENCE)
