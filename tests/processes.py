"""Processes as /proc shows them: what descends from one, what carries a mark, what has not ended."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARK = "BAROGRAPH_STARTED_BY_TEST"
"""Variable of the environment by which what a test started is found again, whoever its parent is by then."""


def children(pid: int) -> dict[int, str]:
    """Every living process that descends from this one, and its command."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = status.read_text().rpartition(")")
            parents[int(status.parent.name)] = int(rest.split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    said = {}
    for child in found - {pid}:
        with suppress(OSError):
            said[child] = (Path("/proc") / str(child) / "cmdline").read_text().replace("\0", " ")
    return said


def marked(mark: str) -> set[int]:
    """Every process that was started with this value of `MARK`, by itself or by who started it."""
    wanted, found = f"{MARK}={mark}".encode(), set()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in environment.read_bytes().split(b"\0"):
                found.add(int(environment.parent.name))
    return found


def alive(pids: Iterable[int]) -> set[int]:
    """Those that have not ended; one that nobody has fetched yet has."""
    found = set()
    for pid in pids:
        with suppress(OSError):
            if "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
                found.add(pid)
    return found


def assert_none_is_left(pids: Iterable[int]) -> None:
    """Wait until all of them have ended, up to half a minute."""
    pids, deadline = list(pids), time.monotonic() + 30
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(pids)


def kill(pids: Iterable[int]) -> None:
    """End those that are still there, at once."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
