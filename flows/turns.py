"""Runs of a stream, one after another: each waits until the one before has left the source's landing.

The lock of a landing is the operating system's, so a killed run leaves its turn at once. What the next one begins with
is the cursor of the newest segment.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from filelock import Timeout

from barograph.errors import Transient

_SECONDS = 90


@contextmanager
def take_turn(folder: Path, until: float | None) -> Iterator[threading.Event]:
    """Wait for the landing at `folder` to be free. Yields what says that it is time to stop: at `until`, or on SIGTERM.

    until: by `time.time`; None for never. Raises `Transient` where another process still has the landing after a
    minute and a half.
    """
    stop = threading.Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, stopped)
    timer = threading.Timer(max((until or 0) - time.time(), 0), stop.set)
    timer.daemon = True
    if until is not None:
        timer.start()
    try:
        _wait(folder, stop)
        yield stop
    finally:
        timer.cancel()
        signal.signal(signal.SIGTERM, before)


def _wait(folder: Path, stop: threading.Event) -> None:
    from barograph import landing  # the scheduler, which has this module too, needs no frames

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock, end = landing.lock(folder), time.monotonic() + _SECONDS
    while not stop.is_set():
        with suppress(Timeout):
            lock.acquire(timeout=0.5)
            lock.release()
            return
        if time.monotonic() > end:
            raise Transient(f"{folder} is written by another process; one at a time can stream a source")
