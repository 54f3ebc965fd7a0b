"""Standard input: posts as JSON, one a line, for as long as another program writes them."""

import os
import select
import sys
import threading
from collections.abc import Iterator

from barograph.settings import Source
from barograph.sources import ARRIVED, Arrived, Reject
from barograph.sources.dump import arrived
from barograph.sources.lines import LONGEST_LINE, parse

_WAIT = 0.25
"""Seconds after which an empty batch comes where no line does."""
_READ = 2**20
"""Bytes read at once, at most."""
_TOO_LONG = f"line: longer than {LONGEST_LINE // 2**20} MiB"
_HALF = "line: not complete when reading stopped"


def fetch(source: Source, cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:  # noqa: ARG001
    """Batches of lines as they come, until standard input ends or `stop` is set. There is no cursor.

    A line that no newline ends yet when `stop` is set becomes a reject; what was not read stays with the writer.
    """
    # By its number, not as a file object: that would read ahead, and could not be waited for.
    stdin = sys.stdin.fileno()
    begun, dropped = b"", 0  # a line's beginning; bytes of one that is too long
    head = b""
    while not stop.is_set():
        if not select.select([stdin], [], [], _WAIT)[0]:
            yield Arrived(ARRIVED.to_frame(), None)
            continue
        got = os.read(stdin, _READ)
        ended, rejects = not got, list[Reject]()
        if dropped:
            rest, newline, got = got.partition(b"\n")
            dropped += len(rest)
            if newline or ended:
                rejects, dropped = [Reject(0, _TOO_LONG, head + str(dropped).encode())], 0
        lines, newline, begun = (begun + got).rpartition(b"\n") if not ended else (begun, b"", b"")
        if len(begun) >= LONGEST_LINE:
            head, dropped, begun = begun[:64], len(begun), b""
        rows, wrong = parse(lines + newline, source.columns)
        if rows.height or rejects or wrong:
            yield Arrived(arrived(rows), None, rejects=rejects + wrong)
        if ended:
            return
    if begun or dropped:
        yield Arrived(ARRIVED.to_frame(), None, rejects=[Reject(0, _HALF, begun or head)])
