"""Where answers land: on the disk before anybody goes on, whole whatever was torn, and taken once."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from barograph import tables
from barograph.annotate import landing
from barograph.store import Warehouse

AT = datetime(2026, 3, 1, 12, 0, 0, 5)


def row(post_id: str, **given):
    """One that a model answered."""
    return {
        "post_id": post_id, "task": "emotions", "label": '{"joy":"weak"}', "cues": '["relief"]', "explanation": "a\nb",
        "annotator": "desk model", "model": "m", "prompt_version": "0" * 16, "text_hash": "h", "status": "ok",
        "reason": None, "failures": None, "inclusion_probability": 0.25, "tokens_in": 100, "tokens_out": 20, "cost": 0.5,
        "annotated_at": AT.isoformat(), **given,
    }  # fmt: skip


def known(*post_ids: str) -> pl.DataFrame:
    """Posts as the warehouse takes them."""
    rows = [
        {"post_id": post_id, "source": "a", "lang": "en", "created_at": AT, "text": "t", "text_hash": "h", "line": line}
        for line, post_id in enumerate(post_ids)
    ]
    columns = {name: column.dtype for name, column in tables.POSTS.columns.items() if name != "segment"}
    return pl.DataFrame(rows, schema={**columns, "line": pl.Int64})


def land(folder: Path, *groups, rows: int = landing.ROWS) -> None:
    """Keep groups of rows, all at the same time."""

    async def all_() -> None:
        async with landing.Landing(folder, rows) as landed:
            await asyncio.gather(*(landed.keep(group) for group in groups))

    asyncio.run(all_())


def test_what_is_kept_is_read_as_a_row_of_annotations(tmp_path):
    land(tmp_path / "a", [row("a:1"), row("a:2", label=None, status="refused", reason="the model refused")])
    (path,) = landing.files(tmp_path / "a")
    frame = landing.read(path)
    assert frame.schema == tables.ANNOTATIONS.schema
    assert frame.to_dicts() == [
        {**row("a:1"), "annotated_at": AT},
        {**row("a:2", label=None, status="refused", reason="the model refused"), "annotated_at": AT},
    ]


def test_a_file_is_full_after_so_many_rows_and_a_new_process_begins_a_new_one(tmp_path):
    async def one_by_one() -> None:
        async with landing.Landing(tmp_path, 2) as landed:
            for n in range(5):
                await landed.keep([row(f"a:{n}")])

    asyncio.run(one_by_one())
    land(tmp_path, [row("a:5")])
    assert [landing.read(path)["post_id"].to_list() for path in landing.files(tmp_path)] == [
        ["a:0", "a:1"], ["a:2", "a:3"], ["a:4"], ["a:5"],
    ]  # fmt: skip
    assert landing.files(tmp_path / "never") == []


def test_a_torn_last_line_is_not_there_and_nothing_is_appended_to_it(tmp_path):
    land(tmp_path, [row("a:1")])
    (path,) = landing.files(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole[:length])
        assert landing.read(path)["post_id"].to_list() == ["a:1"]
    land(tmp_path, [row("a:2")])
    assert [landing.read(path)["post_id"].to_list() for path in landing.files(tmp_path)] == [["a:1"], ["a:2"]]
    path.write_bytes(whole[:-1])
    assert landing.read(path).is_empty()


def test_of_rows_with_one_key_the_last_counts(tmp_path):
    land(tmp_path, [row("a:1", status="failed", label=None), row("a:2")], [row("a:1")])
    (path,) = landing.files(tmp_path)
    assert dict(landing.read(path).select("post_id", "status").iter_rows()) == {"a:1": "ok", "a:2": "ok"}


def test_a_disk_that_refuses_is_told_to_everybody_who_waits(tmp_path):
    async def keep() -> list[object]:
        async with landing.Landing(tmp_path / "a") as landed:
            (tmp_path / "a").rmdir()
            (tmp_path / "a").write_text("in the way")
            return await asyncio.gather(landed.keep([row("1")]), landed.keep([row("2")]), return_exceptions=True)

    assert [type(error) for error in asyncio.run(keep())] == [NotADirectoryError] * 2


def test_what_was_kept_is_there_after_kill_9(tmp_path):
    program = f"""
import asyncio, sys
from pathlib import Path
from barograph.annotate import landing
from tests.annotate.test_landing import row
async def all_():
    async with landing.Landing(Path({str(tmp_path)!r}), 50) as landed:
        async def one(worker):
            for n in range(10**6):
                await landed.keep([row(f"{{worker}}:{{n}}")])
                print(f"{{worker}}:{{n}}", flush=True)
        await asyncio.gather(*map(one, range(8)))
asyncio.run(all_())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        told = [process.stdout.readline().strip() for _ in range(400)]
        os.kill(process.pid, signal.SIGKILL)
        told += [line for line in process.stdout.read().split("\n")[:-1] if line]
    there = [post for path in landing.files(tmp_path) for post in landing.read(path)["post_id"]]
    assert set(told) <= set(there)
    assert len(there) == len(set(there))
    assert len(set(there) - set(told)) <= 2 * 8  # on their way to the disk, or to being said


@pytest.mark.parametrize("removed", [True, False])
def test_the_warehouse_takes_what_landed_as_often_as_it_likes_to_the_same_effect(tmp_path, removed):
    land(tmp_path / "a", [row("a:1"), row("a:2")])
    with Warehouse(tmp_path / "w.duckdb") as warehouse:
        warehouse.land("a", known("a:1", "a:2"), tables.QUARANTINE.empty(), AT)
        for _ in range(2):
            for path, rows in landing.pending(tmp_path / "a"):
                warehouse.keep_labels(rows)
                if removed:
                    path.unlink()
        assert warehouse.read(tables.ANNOTATIONS)["post_id"].to_list() == ["a:1", "a:2"]
