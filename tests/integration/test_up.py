"""`barograph up`: the scheduler, a first reading, the dashboard; one Ctrl-C ends them all."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from barograph import publish
from tests.conftest import Command


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> set[int]:
    """Every living process that descends from this one."""
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
    return found - {pid}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are found through /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_up_serves_the_page_and_ends_everything_it_started(tmp_path: Path, end: signal.Signals) -> None:
    port, home = free_port(), tmp_path / "home"
    config = tmp_path / "barograph.toml"
    config.write_text("""
        monitor_minutes = 1
        [[source]]
        name = "small"
        kind = "simulated"
        days = 30
        posts_per_day = 60
    """)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    up = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "up", "--home", str(home), "--config", str(config), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=env,
    )  # fmt: skip
    try:
        said = []
        assert up.stdout is not None
        for line in up.stdout:
            said.append(line)
            if "Press Ctrl-C" in line:
                break
        text = "".join(said)
        assert f"dashboard   http://localhost:{port}\n" in text, text
        assert re.search(r"kept +[\d,]+ new", text), text
        with urllib.request.urlopen(f"http://localhost:{port}/", timeout=20) as page:
            assert page.status == 200
        runs = re.search(r"runs +(http://127\.0\.0\.1:\d+)", text)
        assert runs is not None
        with urllib.request.urlopen(runs[1] + "/api/health", timeout=20) as answer:
            assert answer.read() == b"true"
        assert publish.current(home / "published") is not None
        started = children(up.pid)
        assert len(started) >= 3
        up.send_signal(end)
        rest, _ = up.communicate(timeout=60)
        assert rest.strip().endswith("stopped")
        assert up.returncode == 0
        alive = {pid for pid in started if Path(f"/proc/{pid}").exists()}
        assert not alive
    finally:
        if up.poll() is None:
            for pid in children(up.pid) | {up.pid}:
                os.kill(pid, signal.SIGKILL)
            up.wait(20)


def test_the_schedule_takes_the_next_reading(barograph: Command, prefect_server: str, tmp_path: Path) -> None:
    """The deployment that `up` serves: a run asked of Prefect is taken by it, with no one else there."""
    home = tmp_path / "home"
    config = tmp_path / "barograph.toml"
    config.write_text('[[source]]\nname = "small"\nkind = "simulated"\ndays = 10\nposts_per_day = 40\n')
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "flows.schedule", str(home), str(config), ""],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        from prefect.deployments import run_deployment
        from prefect.exceptions import ObjectNotFound

        for _ in range(120):
            try:
                run = run_deployment("monitor/every-few-minutes", timeout=120, poll_interval=0.5)
                break
            except ObjectNotFound:
                assert scheduler.poll() is None
                time.sleep(0.5)
        else:
            pytest.fail("the deployment never appeared")
        assert run.state is not None
        assert run.state.is_completed(), run.state
        assert publish.current(home / "published") is not None
        told = barograph("status", "--home", home)
        assert "last run    up done" in told.stdout
    finally:
        os.killpg(scheduler.pid, signal.SIGTERM)
        try:
            scheduler.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(scheduler.pid, signal.SIGKILL)
            scheduler.wait(20)
