"""`barograph up`: the scheduler, a first reading, the dashboard; ended, killed and started again at any moment."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from barograph import landing, publish
from barograph.clock import utc_now
from tests.conftest import Command
from tests.processes import MARK, alive, assert_none_is_left, children, kill, marked

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are found through /proc")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(there: Callable[[], Any]) -> Any:
    """Wait for what this returns to be something."""
    deadline = time.monotonic() + 180
    while not (found := there()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


class Up:
    """A running `barograph up` in a process of its own."""

    def __init__(self, home: Path, config: Path) -> None:
        self.home, self.port, self.mark = home, free_port(), uuid.uuid4().hex
        env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "flows.cli", "up", "--home", str(home), "--config", str(config),
                "--port", str(self.port),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**env, "PREFECT_RUNNER_POLL_FREQUENCY": "1", MARK: self.mark},
        )  # fmt: skip
        self.said = ""

    def until(self, words: str) -> None:
        """Read what it says until it says this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return
        raise AssertionError(self.said)

    def api(self, path: str, **asked: Any) -> Any:
        """Ask Prefect's server."""
        where = re.search(r"runs +(http://127\.0\.0\.1:\d+)", self.said)
        assert where is not None, self.said
        answer = httpx.post(f"{where[1]}/api{path}", json=asked, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def runs(self) -> dict[str, str]:
        """Name of each run, and the state it is in."""
        return {run["name"]: run["state_name"] for run in self.api("/flow_runs/filter")}

    def end(self, number: signal.Signals) -> str:
        """Tell it to end. Returns what it says last."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        return rest


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home, and the config of a small population and a watched folder."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "inbox").mkdir()
    config = folder / "barograph.toml"
    config.write_text("""
        monitor_minutes = 1
        [[source]]
        name = "small"
        kind = "simulated"
        days = 30
        posts_per_day = 60
        [[source]]
        name = "inbox"
        kind = "folder"
        path = "inbox"
        [[marker]]
        name = "anxiety"
        lexicons = ["anxiety_en", "anxiety_es"]
    """)
    return folder / "home", config


@pytest.fixture
def up(place: tuple[Path, Path]) -> Iterator[Up]:
    started = Up(*place)
    try:
        yield started
    finally:
        kill(marked(started.mark))
        started.process.communicate(timeout=20)


def test_up_serves_the_page_and_ends_everything_it_started(
    up: Up, place: tuple[Path, Path], barograph_process: Command
) -> None:
    up.until("Press Ctrl-C")
    assert f"dashboard   http://localhost:{up.port}\n" in up.said, up.said
    assert re.search(r"kept +[\d,]+ new", up.said), up.said
    with urllib.request.urlopen(f"http://localhost:{up.port}/", timeout=20) as page:
        assert page.status == 200
    assert publish.current(up.home / "published") is not None
    kinds = {d["name"]: d for d in up.api("/deployments/filter")}
    assert set(kinds) == {"inbox", "every-few-minutes", "daily", "weekly", "nightly"}
    assert not any(d["paused"] for d in kinds.values())
    assert up.runs()["monitor (up)"] == "Completed"
    refused = barograph_process("up", "--home", up.home, "--config", place[1], "--port", free_port())
    assert refused.returncode == 1
    assert "supervised by another `barograph up`" in refused.stderr
    started = children(up.process.pid)
    assert len(started) >= 4
    assert up.end(signal.SIGTERM).strip().endswith("stopped")
    assert up.process.returncode == 0
    assert not alive(started)


def test_whatever_is_killed_nothing_is_lost_or_left(up: Up, place: tuple[Path, Path]) -> None:
    """A stream's run, which is begun again; the scheduler, with which all begins again; then `up` itself."""
    inbox, post = place[1].parent / "inbox", {"author": "reader", "text": "I am worried about the exam"}
    folder = up.home / "landing" / "inbox"

    def drop(name: str) -> None:
        (inbox / f"{name}.part").write_text(json.dumps(post | {"id": name, "created_at": f"{utc_now()}"}) + "\n")
        (inbox / f"{name}.part").rename(inbox / f"{name}.jsonl")

    up.until("starting the scheduler")
    drop("first")
    run = until(lambda: next((p for p, said in children(up.process.pid).items() if "prefect.engine" in said), None))
    first = until(lambda: landing.segments(folder))[-1]
    os.kill(run, signal.SIGKILL)
    drop("second")
    up.until("its process was killed; beginning again")
    second = until(lambda: found if (found := landing.segments(folder)[-1]) > first else None)
    if "Press Ctrl-C" not in up.said:
        up.until("Press Ctrl-C")
    states = [state for name, state in up.runs().items() if name.startswith("stream inbox 20")]
    assert (states.count("Crashed"), states.count("Running")) == (1, 1)

    before = children(up.process.pid)
    os.kill(next(pid for pid, command in before.items() if "flows.schedule" in command), signal.SIGKILL)
    drop("third")
    up.until("the scheduler ended with code -9; starting everything again")
    up.until("Press Ctrl-C")
    assert not alive(before)
    until(lambda: landing.segments(folder)[-1] > second)  # the newest one stays when it has been loaded
    running = [name for name, state in up.runs().items() if state == "Running" and name.startswith("stream")]
    assert len(running) == 1  # what the killed one left does not count as running
    assert not [name for name, state in up.runs().items() if state == "Late"]

    after = children(up.process.pid)
    up.process.kill()
    up.process.communicate(timeout=20)
    assert_none_is_left(after)
    with duckdb.connect(up.home / "warehouse.duckdb", read_only=True) as con:
        loaded = [post_id for (post_id,) in con.execute("SELECT post_id FROM posts WHERE source = 'inbox'").fetchall()]
    there = {f"inbox:{name}" for path in landing.segments(folder) for name in landing.read(path).rows["id"]}
    assert {*loaded, *there} == {"inbox:first", "inbox:second", "inbox:third"}
    assert len(loaded) == len(set(loaded))


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
