"""What a killed process started ends by itself."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="whether a process is there is read from /proc")
def test_a_child_ends_once_its_parent_was_killed(tmp_path: Path) -> None:
    """Through `start`, as `up` begins its children: a session of its own, so that no signal to the parent reaches it."""
    program = textwrap.dedent("""
        import sys, time
        from contextlib import ExitStack
        from flows.children import start
        child = start(ExitStack(), [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"])
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert parent.stdout is not None
    child = Path("/proc") / parent.stdout.readline().strip()
    time.sleep(1.5)  # it is up by then, and looks
    assert child.exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not child.exists()


def test_a_child_whose_parent_is_gone_already_does_not_stay() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "flows.tied", "1", "http.server", "0", "--bind", "127.0.0.1"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert child.returncode == 1
