"""`barograph stream` as processes of its own, that are killed and asked to end; and as a command that is given nonsense."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from barograph import landing
from barograph.errors import Transient
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources.jetstream import Cursor
from flows import cli
from flows.stream import land, span
from tests.sources.jetstream_server import Jetstream, made, paced
from tests.sources.test_jetstream import as_tuples, expected, when

N = 3000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "barograph.toml"


def write(config: Path, *hosts: str, protocol: str = "v2") -> None:
    config.write_text(f'[[source]]\nname = "sky"\nkind = "bluesky"\nprotocol = "{protocol}"\nhosts = {list(hosts)}\n')


def start(config: Path, home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "stream", "sky", "--home", home, "--config", config],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def landed(folder: Path) -> list[landing.Segment]:
    return [landing.read(path) for path in landing.segments(folder)] if folder.is_dir() else []


def until(process: "subprocess.Popen[str]", true, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("protocol", "kills"), [("v2", 3), ("v1", 1)])
def test_a_stream_that_is_killed_again_and_again_loses_nothing(protocol: str, kills: int, tmp_path: Path, config: Path) -> None:
    events, home, chance = made(N), tmp_path / "home", random.Random(5)
    folder = home / "landing" / "sky"
    with Jetstream(events, step=1000, began=100, faults=[paced] * 9).running() as there:
        write(config, there.address, protocol=protocol)
        home.mkdir()
        folder.mkdir(parents=True)
        for _ in range(kills):
            before, process = len(landing.segments(folder)), start(config, home)
            until(process, lambda b=before: len(landing.segments(folder)) > b)
            time.sleep(chance.uniform(0, 0.8))
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        process = start(config, home)
        until(process, lambda: len(there.asked) == kills + 1)
        last = events[-1]["time_us"]
        until(process, lambda: (s := landing.segments(folder)) and Cursor.read(landing.read(s[-1]).cursor).time_us == last)
        assert cli.main(["stream", "sky", "--home", str(home), "--config", str(config), "--for", "1s"]) == 1  # one at a time
        process.send_signal(signal.SIGINT if protocol == "v1" else signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith("sky: ") and "0 quarantined" in out and out.endswith(" 0 gaps\n")
    found = landed(folder)
    rows = pl.concat([s.rows for s in found])
    assert set(as_tuples(rows)) == set(expected(events[there.began :]))
    assert len(there.asked) == kills + 1 and [m for s in found for m in s.missed] == []
    spans = [s.covered for s in found if s.covered]
    assert spans[0][0] == when(events[there.began]["time_us"]) and max(end for _, end in spans) == when(last)
    assert all(start <= max(e for _, e in spans[:i]) for i, (start, _) in enumerate(spans) if i)
    assert not list(folder.glob("*.part"))


def test_a_stream_on_a_full_disk_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(small, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    monkeypatch.setattr(landing, "_PAUSE", 0.05)
    events, home, stop, said = made(300), Home(disk), threading.Event(), list[str]()

    def told(what: str) -> None:
        said.append(what)
        stop.set()

    try:
        home.prepare()
        Keyed(home.key)
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with Jetstream(events, began=1).running() as there:
            given = Source.model_validate({"name": "sky", "kind": "bluesky", "hosts": there.address})
            with pytest.raises(Transient, match="free space and start again"):
                land(home, given, stop, None, said=told)
        assert said[0].endswith("the disk is full; free space, it goes on by itself")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_what_cannot_be_streamed_is_said(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('[[source]]\nname = "posts"\npath = "posts.jsonl"\n[[source]]\nname = "sky"\nkind = "bluesky"\n')
    given = ["--home", str(tmp_path / "home"), "--config", str(config)]
    for arguments, said in [
        (["posts"], "stream: got 'posts', of kind 'files'; expected a source that streams: sky, bluesky; one of your own needs a [[source]] in barograph.toml, or --config\n"),
        (["tumblr"], "stream: got 'tumblr'; expected a source that streams: sky, bluesky; one of your own needs a [[source]] in barograph.toml, or --config\n"),
        (["sky", "--for", "soon"], "--for: got 'soon'; expected a time span, e.g. 30s, 10m or 2h\n"),
        (["sky", "--for", "0m"], "--for: got '0m'; expected a time span, e.g. 30s, 10m or 2h\n"),
    ]:
        assert cli.main(["stream", *arguments, *given]) == 2
        assert capsys.readouterr().err == f"barograph: {said}"


def test_spans_are_seconds() -> None:
    assert [span(written) for written in ("30s", "10m", "2h", "1d")] == [30, 600, 7200, 86400]
