"""Killed or interrupted at any stage, then run again: nothing lost, nothing doubled."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from barograph import publish, tables
from barograph.sources.simulated import Simulation
from barograph.store import Snapshot
from tests.conftest import Command

STAGES = ("load", "score", "aggregate", "evaluate", "forecast", "detect", "alert", "explain", "deliver", "publish")
START, LAST = date(2024, 1, 1), date(2024, 3, 10)
# A few markers of both languages and readings: every stage has work, and none more than it takes.
CONFIG = """
[[marker]]
name = "anxiety"
lexicons = ["anxiety_en", "anxiety_es"]
[[marker]]
name = "hope"
lexicons = ["hope_en"]
[[dimension]]
name = "anxiety"
markers = ["anxiety"]
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy days of posts in three files, so that loading takes several transactions."""
    folder = tmp_path_factory.mktemp("inputs")
    posts = Simulation(start=START, posts_per_day=60).posts(START, LAST)
    for part in range(3):
        posts.gather_every(3, part).write_ndjson(folder / f"part{part}.jsonl")
    folder.with_suffix(".toml").write_text(CONFIG)
    return folder


def asked(home: Path, inputs: Path) -> list[str]:
    """What the command is given."""
    return ["run", str(inputs), "--home", str(home), "--config", str(inputs.with_suffix(".toml"))]


def new_home(folder: Path) -> Path:
    """A home with the same key as any other: by its key authors are put into the groups that intervals come from."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "key").write_bytes(bytes(range(32)))
    (home / "key").chmod(0o600)
    return home


def start(home: Path, inputs: Path) -> subprocess.Popen[str]:
    """A run that can be ended without touching the test's own process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *asked(home, inputs)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=dict(os.environ),
    )  # fmt: skip


def published(home: Path) -> dict[str, pl.DataFrame]:
    """Every published table but `runs`, which records each attempt."""
    path = publish.current(home / "published")
    assert path is not None
    return {t.name: Snapshot(path).read(t) for t in tables.PUBLISHED if t is not tables.RUNS}


def kept(home: Path) -> dict[str, tuple[int, ...]]:
    """Rows and distinct keys of what is only in the warehouse."""
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        return {
            name: con.execute(f"SELECT count(*), count(DISTINCT {key}) FROM {name}").fetchone() or ()
            for name, key in (("posts", "post_id"), ("scores", "(post_id, marker)"))
        }


@pytest.fixture(scope="module")
def undisturbed(prefect_server: str, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a run that nobody disturbed."""
    home = new_home(tmp_path_factory.mktemp("undisturbed"))
    out, err = start(home, inputs).communicate(timeout=120)
    assert "snapshot" in out, err
    return home


def until_stage(run: "subprocess.Popen[str]", stage: str) -> None:
    """Read what the run says until the stage begins."""
    assert run.stderr is not None
    for line in run.stderr:
        if line.strip() == f"stage: {stage}":
            return
    raise AssertionError(f"the run ended before {stage}")


def assert_as_if_undisturbed(home: Path, undisturbed: Path) -> None:
    """The same rows, in the same numbers, as without the disturbance."""
    expected = published(undisturbed)
    for name, frame in published(home).items():
        assert frame.equals(expected[name]), name
    assert kept(home) == kept(undisturbed)
    rows, distinct = kept(home)["posts"]
    assert rows == distinct > 10_000
    assert not list((home / "published").glob("*.part*"))


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage_and_run_again(
    barograph: Command, inputs: Path, undisturbed: Path, tmp_path: Path, stage: str
) -> None:
    home = new_home(tmp_path)
    run = start(home, inputs)
    until_stage(run, stage)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=30)
    again = barograph(*asked(home, inputs))
    assert again.returncode == 0, again.stderr
    assert_as_if_undisturbed(home, undisturbed)
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        assert con.execute("SELECT status FROM runs ORDER BY started_at").fetchall()[-1] == ("done",)


def test_killed_again_and_again_at_random_moments(
    barograph: Command, inputs: Path, undisturbed: Path, tmp_path: Path
) -> None:
    home, chance = new_home(tmp_path), random.Random(5)
    for _ in range(6):
        run = start(home, inputs)
        until_stage(run, "load")
        time.sleep(chance.uniform(0, 2.5))
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=30)
    again = barograph(*asked(home, inputs))
    assert again.returncode == 0, again.stderr
    assert_as_if_undisturbed(home, undisturbed)


@pytest.mark.parametrize("stage", ["load", "score", "forecast", "publish"])
def test_interrupted_it_says_so_and_loses_nothing(
    barograph: Command, inputs: Path, undisturbed: Path, tmp_path: Path, stage: str
) -> None:
    home = new_home(tmp_path)
    run = start(home, inputs)
    until_stage(run, stage)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=180)
    if run.returncode != 0:  # a short stage may be over before the signal arrives
        assert run.returncode == 130, err
        assert "barograph: interrupted (stage: " in err
        assert "what was kept is safe: run again to go on" in err
        assert "Traceback" not in err
    assert barograph(*asked(home, inputs)).returncode == 0
    assert_as_if_undisturbed(home, undisturbed)


_HOLD = """
import sys
from pathlib import Path
from barograph.home import Home
home = Home(Path(sys.argv[1]))
home.prepare()
with home.lock("run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_waits_and_says_for_whom(inputs: Path, undisturbed: Path, tmp_path: Path) -> None:
    home = new_home(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    second = start(home, inputs)
    assert second.stderr is not None
    told = second.stderr.readline()
    assert f"is in use by process {holder.pid} (barograph run, since " in told
    assert "waiting up to 60 s" in told
    holder.communicate(timeout=30)
    _, err = second.communicate(timeout=180)
    assert second.returncode == 0, err
    assert_as_if_undisturbed(home, undisturbed)


def test_a_full_disk_is_said_and_what_was_kept_is_safe(barograph_process: Command, inputs: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    try:
        full = barograph_process(*asked(disk / "home", inputs), PREFECT_HOME=str(tmp_path / "prefect"))
        assert full.returncode in (1, 2), full.stdout
        assert "free space" in full.stderr or "cannot be written" in full.stderr
        assert "Traceback" not in full.stderr
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        assert barograph_process(*asked(disk / "home", inputs)).returncode == 0
        rows, distinct = kept(disk / "home")["posts"]
        assert rows == distinct > 10_000
    finally:
        subprocess.run(["umount", str(disk)], check=True)
