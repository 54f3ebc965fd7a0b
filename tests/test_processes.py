"""What a test started is found and ended, also where who started it has ended first."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")


def test_what_outlives_who_started_it_is_found_by_its_mark_and_ended() -> None:
    mark = uuid.uuid4().hex
    program = (
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True,"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(left.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, processes.MARK: mark}, capture_output=True, check=True
    )
    left = int(done.stdout)
    try:
        assert left not in processes.children(os.getpid())
        assert processes.marked(mark) == {left}
    finally:
        processes.kill([left])
    processes.assert_none_is_left([left])


def test_who_has_ended_is_not_alive_though_nobody_has_fetched_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{child.pid}").exists()
        assert processes.alive([child.pid, os.getpid()]) == {os.getpid()}
    finally:
        child.wait(10)
