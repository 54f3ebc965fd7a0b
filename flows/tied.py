"""`python -m flows.tied PARENT MODULE …`: a module as a process that ends when its parent has, however that ended.

Who is killed cannot end what it started. So what it started looks after it, and ends at once when it is gone: all that
runs here bears that at any moment, and nothing is left that nobody watches.
"""

import os
import runpy
import sys
import threading
import time
from collections.abc import Sequence

_LOOKS = 0.5
"""Seconds between two looks."""


def tie(parent: int) -> None:
    """From now on end this process, without ado, once `parent` (a process id) is not its parent any more."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOKS)
        os._exit(1)

    threading.Thread(target=look, name="tied", daemon=True).start()


def tied(command: Sequence[str]) -> list[str]:
    """`python -m MODULE …`, tied to this process."""
    python, m, *module = command
    return [python, m, "flows.tied", str(os.getpid()), *module]


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
