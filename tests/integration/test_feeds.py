"""Sources other than Bluesky, by the command: from another program, folder or dump to the snapshot, killed in between."""

import json
import os
import signal
import subprocess
import sys
import time

import polars as pl
import zstandard

from barograph import publish, tables
from barograph.landing import pending, segments
from barograph.sources import folder


def command(tmp_path, *arguments, **how):
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
    )  # fmt: skip


def lines(texts, prefix):
    return "".join(
        json.dumps({"id": f"{prefix}{n}", "created_at": f"2024-05-{1 + n % 28:02}", "author": f"a{n}", "text": text}) + "\n"
        for n, text in enumerate(texts)
    )


CONFIG = """
[[source]]
name = "pipe"
kind = "stdin"
[[source]]
name = "drops"
kind = "folder"
path = "incoming"
"""


def test_what_programs_write_and_drop_reaches_the_snapshot_once(barograph, tmp_path, monkeypatch):
    cwd = tmp_path / "cwd"
    (cwd / "barograph.toml").write_text(CONFIG)
    (cwd / "incoming").mkdir()
    said = ["I am so anxious about the exam", "a calm and lovely day"] * 60
    writer = command(cwd, "stream", "pipe", stdin=subprocess.PIPE)
    # At least once from the writer is once in the warehouse.
    out, err = writer.communicate((lines(said, "p") + "nonsense\n") * 2, timeout=100)
    assert (writer.returncode, err.count("\n"), err.startswith("streaming pipe into ")) == (0, 1, True)
    assert out == "pipe: 240 post, 0 update, 0 delete, 0 leave, 0 return; 2 quarantined, 0 ignored, 0 gaps\n"
    monkeypatch.setattr(folder, "REST", 0.0)
    (cwd / "incoming" / "a.jsonl").write_text(lines(said, "d"))
    done = barograph("stream", "drops", "--for", "2s")
    assert done.stdout.startswith("drops: 120 post, "), done.stderr
    assert [p.name for p in (cwd / "incoming").rglob("*.jsonl")] == ["a.jsonl"]
    assert (cwd / "incoming" / "taken" / "a.jsonl").is_file()
    done = barograph("run")
    assert done.returncode == 0, done.stderr
    snapshot = publish.newest(cwd / "barograph-home" / "published")
    found = snapshot.read(tables.SOURCES).sort("source").select("source", "kind", "n_posts", "n_quarantined").rows()
    assert found == [("drops", "folder", 120, 0), ("pipe", "stdin", 120, 2)]


def test_a_source_whose_folder_is_away_does_not_begin(barograph, tmp_path):
    (tmp_path / "cwd" / "barograph.toml").write_text(CONFIG)
    wrong = barograph("stream", "drops")
    assert (wrong.returncode, "got no such folder" in wrong.stderr) == (2, True)


def test_a_dump_lands_whole_however_often_its_reader_is_killed(tmp_path):
    n = 40_000
    dumped = pl.DataFrame({
        "id": [f"{i:x}" for i in range(n)], "created_utc": pl.int_range(1_700_000_000, 1_700_000_000 + n, eager=True),
        "author": "a", "subreddit": "s", "body": "I am so tired of it", "parent_id": "t3_1",
    })  # fmt: skip
    (tmp_path / "dump.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(dumped.write_ndjson().encode()))
    (tmp_path / "barograph.toml").write_text('[[source]]\nname = "old"\nkind = "reddit"\npath = "dump.jsonl.zst"\n')
    landing, kills = tmp_path / "barograph-home" / "landing" / "old", 0
    for _ in range(20):
        before = len(segments(landing)) if landing.is_dir() else 0
        reader = command(tmp_path, "stream", "old", env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
        deadline = time.monotonic() + 60
        while reader.poll() is None and not (landing.is_dir() and len(segments(landing)) > before):
            assert time.monotonic() < deadline, "nothing landed"
            time.sleep(0.002)
        if reader.poll() is None:
            reader.send_signal(signal.SIGKILL)
            kills += 1
        reader.communicate()
        if reader.returncode == 0:
            break
    landed = pl.concat([s.rows["id"] for s in pending(landing, 0)])
    assert reader.returncode == 0 and kills >= 1
    assert set(landed) == {f"t1_{i:x}" for i in range(n)}
    assert len(landed) == n, "a cursor says exactly where it was left"
