"""Processes that a command starts: begun in a session of their own, awaited, watched, and ended whole."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress

from barograph.errors import Transient
from flows.tied import tied

_START_SECONDS = 120
_STOP_SECONDS = 15
"""Time to end by itself: what streams write now, and say to Prefect how runs ended."""

Child = subprocess.Popen[bytes]


def start(
    children: ExitStack, command: list[str], environment: Mapping[str, str] | None = None, *, loud: bool = False
) -> Child:
    """A child, `python -m MODULE …`, in a session of its own: Ctrl-C reaches only us, we end its whole process group.

    Where we are killed and cannot, it ends itself. loud: what it complains about is said where we are.
    """
    child = subprocess.Popen(
        tied(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None if loud else subprocess.DEVNULL,
        start_new_session=True, env=environment,
    )  # fmt: skip
    children.callback(_end, child)
    return child


def wait_for(url: str, child: Child, what: str) -> None:
    """Wait until a child answers. Raises `Transient` where it ended, or has not within two minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Transient(f"{what} ended with code {child.returncode} before it was up")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise Transient(f"{what} did not answer within {_START_SECONDS} s: is the machine busy? Try again; nothing is lost")


def watch(children: Mapping[str, Child]) -> None:
    """Wait for good. Raises `Transient` once one of them has ended."""
    while True:
        for what, child in children.items():
            if child.poll() is not None:
                raise Transient(f"{what} ended with code {child.returncode}")
        time.sleep(1)


def any_port() -> int:
    """A port of the loopback that nobody listens at."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(child: Child) -> None:
    """Ask it to end, wait, and kill what is left of its group, also where the child itself has ended long ago."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_STOP_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
