"""What a killed process started ends by itself."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest

from tests import processes
from tests.conftest import ROOT


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="whether a process is there is read from /proc")
def test_a_child_ends_once_its_parent_was_killed(tmp_path: Path) -> None:
    """Through `start`, as `up` begins its children: a session of its own, so that no signal to the parent reaches it."""
    (tmp_path / "stays.py").write_text("open('up', 'w').close()\nimport time\ntime.sleep(60)\n")
    program = textwrap.dedent("""
        import sys, time
        from contextlib import ExitStack
        from flows.children import start
        start(ExitStack(), [sys.executable, "-m", "stays"])
        time.sleep(60)
    """)
    mark = uuid.uuid4().hex
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path,
        env={**os.environ, processes.MARK: mark, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "up").exists():  # it looks from before it runs anything
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child = processes.marked(mark) - {parent.pid}
        assert len(processes.alive(child)) == 1
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        processes.assert_none_is_left(child)
    finally:
        processes.kill(processes.marked(mark))
        parent.wait(10)


def test_a_child_whose_parent_is_gone_already_does_not_stay() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "flows.tied", "1", "http.server", "0", "--bind", "127.0.0.1"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert child.returncode == 1
