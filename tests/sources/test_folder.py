"""A watched folder: whole files, once each; nothing half, nothing lost where it is cut short."""

import gzip
import json
import os
import random
import threading
from datetime import datetime

import polars as pl
import pytest

from barograph.errors import Terminal
from barograph.ingest import ingest
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch, dump, folder
from tests.sources.arriving import land, reasons, rows, until

CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"
UNREADABLE = "file: not readable as posts; expected a whole file with a column or key of text"


def lines(*texts, **more):
    return "".join(json.dumps({"created_at": "2021-05-03", "text": text, **more}) + "\n" for text in texts)


@pytest.fixture
def drop(tmp_path):
    """The watched folder as a source, and a function that puts a file into it."""
    (tmp_path / "in").mkdir()

    def dropped(name, content):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return dropped


@pytest.fixture
def source(tmp_path):
    return Source(name="drops", kind="folder", path=(str(tmp_path / "in"),))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No test waits for the seconds that a file rests in the world."""
    monkeypatch.setattr(folder, "REST", 0.0)
    monkeypatch.setattr(folder, "PATIENCE", 3600.0)
    monkeypatch.setattr(folder, "_LOOK", 0.0)
    monkeypatch.setattr(folder, "_WAIT", 0.01)


def settled(n):
    """Until so many files were settled: the source calls for it with a batch of its own."""
    seen = []

    def done(batches):
        last = batches[-1] if isinstance(batches, list) else batches
        if last.landed:
            seen.append(last)
            if isinstance(batches, list):
                last.landed()
        return len(seen) >= n

    return done


def names(at):
    return sorted(str(p.relative_to(at)) for p in at.rglob("*") if p.is_file())


def test_files_are_landed_and_moved_the_oldest_first(drop, source, tmp_path):
    for n, name in enumerate(["c.jsonl", "a.csv", "day/b.parquet"]):
        path = drop(name, "")
        if name.endswith("parquet"):
            pl.DataFrame({"text": ["three"], "created_at": [datetime(2021, 5, 3, 7)]}).write_parquet(path)
        else:
            path.write_text(lines("one") if n == 0 else "text,created_at\ntwo,2021-05-03\n")
        os.utime(path, (1_000 + n, 1_000 + n))
    landed = land(tmp_path / "landing", folder.fetch, source, settled(3), tmp_path / "key")
    found = pl.concat([s.rows for s in landed])
    assert found["text"].to_list() == ["one", "two", "three"]
    assert found["op"].unique().to_list() == ["post"]
    assert found["created_at"][2] == "2021-05-03T07:00:00.000000"
    assert names(tmp_path / "in") == ["taken/a.csv", "taken/c.jsonl", "taken/day/b.parquet"]


def test_json_lines_may_tell_of_deletes(drop, source):
    drop("a.jsonl", lines("one", id="1") + '{"op": "delete", "id": "1"}\n')
    batches = until(folder.fetch(source, None, stop := threading.Event()), stop, settled(1))
    assert [(r["op"], r["id"]) for r in rows(batches)] == [("post", "1"), ("delete", "1")]


def test_a_time_of_another_zone_is_written_in_utc(drop, source, tmp_path):
    times = pl.Series([datetime(2021, 5, 3, 7, 0, 0, 5)]).dt.replace_time_zone("Europe/Madrid")
    pl.DataFrame({"text": ["a"], "created_at": times}).write_parquet(drop("a.parquet", ""))
    [row] = rows(until(folder.fetch(source, None, stop := threading.Event()), stop, settled(1)))
    assert row["created_at"] == "2021-05-03T05:00:00.000005Z"


def test_a_file_is_not_settled_before_it_is_on_the_disk(drop, source, tmp_path):
    path, stop = drop("a.jsonl", lines("one")), threading.Event()
    batches = until(folder.fetch(source, None, stop), stop, lambda b: b[-1].landed)
    assert path.exists()
    [landed] = [a.landed for a in batches if a.landed]
    landed()
    assert names(tmp_path / "in") == ["taken/a.jsonl"]


def test_marks_stay_beside_the_file_and_hold_over_restarts(drop, source, tmp_path):
    marking = source.model_copy(update={"when_taken": "mark"})
    path = drop("a.jsonl", lines("one"))
    until(folder.fetch(marking, None, stop := threading.Event()), stop, settled(1))
    assert names(tmp_path / "in") == ["a.jsonl", "a.jsonl.taken"]
    drop("b.jsonl", lines("two"))
    again = until(folder.fetch(marking, None, stop := threading.Event()), stop, settled(1))
    assert [r["text"] for r in rows(again)] == ["two"]
    path.write_text(lines("one", "and more"))
    again = until(folder.fetch(marking, None, stop := threading.Event()), stop, settled(1))
    assert [r["text"] for r in rows(again)] == ["one", "and more"]


def test_a_name_that_comes_again_replaces_nothing(drop, source, tmp_path):
    for text in ("one", "two", "three"):
        drop("a.jsonl", lines(text))
        until(folder.fetch(source, None, stop := threading.Event()), stop, settled(1))
    assert names(tmp_path / "in") == ["taken/2~a.jsonl", "taken/3~a.jsonl", "taken/a.jsonl"]


def test_half_a_text_is_left_until_its_last_line_ends(drop, source):
    path, stop, looks = drop("a.jsonl", lines("one") + '{"text": "tw'), threading.Event(), []

    def done(batches):
        looks.append(1)
        if len(looks) == 5:
            assert rows(batches) == []
            path.write_text(lines("one", "two"))
        return settle(batches)

    settle = settled(1)
    batches = until(folder.fetch(source, None, stop), stop, done)
    assert [r["text"] for r in rows(batches)] == ["one", "two"]
    assert reasons(batches) == []


@pytest.mark.parametrize("kind", ["gz", "parquet"])
def test_half_a_compressed_file_is_no_fault_until_patience_ends(drop, source, tmp_path, kind, monkeypatch):
    if kind == "gz":
        said = [f"{random.Random(n).random()}" for n in range(9000)]
        whole = gzip.compress(lines(*said).encode())
        path = drop("a.jsonl.gz", whole[: len(whole) // 2])
    else:
        pl.DataFrame({"text": ["0"], "created_at": ["2021-05-03"]}).write_parquet(tmp_path / "whole")
        whole = (tmp_path / "whole").read_bytes()
        path = drop("a.parquet", whole[:-10])
    stop, looks, settle = threading.Event(), [], settled(1)

    def done(batches):
        looks.append(1)
        if len(looks) == 20:
            assert reasons(batches) == []
            path.write_bytes(whole)
        return settle(batches)

    batches = until(folder.fetch(source, None, stop), stop, done)
    assert reasons(batches) == []
    assert {r["text"] for r in rows(batches)} == (set(said) if kind == "gz" else {"0"})
    # One that stays as it is counts as damaged, and no longer lies in the way.
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    drop(path.name, whole[: len(whole) // 2])
    batches = until(folder.fetch(source, None, stop := threading.Event()), stop, settled(1))
    assert reasons(batches) == [CUT_OFF if kind == "gz" else UNREADABLE]
    assert names(tmp_path / "in") == [f"taken/{n}{path.name}" for n in ("2~", "")]


def test_what_changes_while_it_is_read_is_read_again(drop, source, tmp_path):
    path, stop, settle = drop("a.jsonl", lines("one")), threading.Event(), settled(2)

    def done(batches):
        if rows(batches) and path.exists() and path.read_text() == lines("one"):
            path.write_text(lines("one", "two"))
        return settle(batches)

    batches = until(folder.fetch(source, None, stop), stop, done)
    assert [r["text"] for r in rows(batches)] == ["one", "one", "two"]
    assert names(tmp_path / "in") == ["taken/a.jsonl"]


def test_hidden_and_unknown_files_and_those_renamed_in_later_are_left(drop, source, tmp_path):
    for name in (".a.jsonl", "b.jsonl.part", "c.txt", ".tmp/d.jsonl"):
        drop(name, lines("no"))
    stop, settle, looks = threading.Event(), settled(1), []

    def done(batches):
        looks.append(1)
        if len(looks) == 3:
            (tmp_path / "in" / "b.jsonl.part").rename(tmp_path / "in" / "b.jsonl")
        return settle(batches)

    batches = until(folder.fetch(source, None, stop), stop, done)
    assert [r["text"] for r in rows(batches)] == ["no"]
    assert names(tmp_path / "in") == [".a.jsonl", ".tmp/d.jsonl", "c.txt", "taken/b.jsonl"]


def test_a_large_file_is_read_on_from_its_cursor(drop, source, tmp_path, monkeypatch):
    monkeypatch.setattr(dump, "ROWS", 10)
    drop("a.jsonl", lines(*map(str, range(35))) + "no json\n")
    stop, cursor, texts, goes, wrong = threading.Event(), None, [], 0, []
    while not texts or texts[-1] != "34":
        batches = until(folder.fetch(source, cursor, stop := threading.Event()), stop, rows)
        texts += [r["text"] for r in rows(batches)]
        wrong += reasons(batches)
        cursor, goes = batches[-1].cursor, goes + 1
    assert texts == [str(n) for n in range(35)] and goes == 4
    assert wrong == ["line: not JSON; expected one JSON object a line"]
    # All has landed, but it was not moved: it is, without a row read again.
    batches = until(folder.fetch(source, cursor, stop := threading.Event()), stop, settled(1))
    assert rows(batches) == [] and names(tmp_path / "in") == ["taken/a.jsonl"]


def test_landing_posts_without_ids_twice_doubles_none(drop, source, tmp_path):
    content, found = lines("one", "two", author="a") + lines("one", author="b"), []
    for n in range(2):
        drop("a.jsonl", content)
        for segment in land(tmp_path / f"landing{n}", folder.fetch, source, settled(1), tmp_path / "key"):
            batch = Batch(str(segment.number), segment.rows.drop("op"))
            got = ingest(batch, source, Keyed(tmp_path / "key"), datetime(2022, 1, 1), None)
            found += got.posts["post_id"].to_list()
    assert len(found) == 6 and len(set(found)) == 3


def test_a_folder_that_is_away_is_waited_for(drop, source, tmp_path, caplog):
    (tmp_path / "in").rename(tmp_path / "away")
    stop, looks, settle = threading.Event(), [], settled(1)

    def done(batches):
        looks.append(1)
        if len(looks) == 3:
            (tmp_path / "away").rename(tmp_path / "in")
            drop("a.jsonl", lines("one"))
        return settle(batches)

    batches = until(folder.fetch(source, None, stop), stop, done)
    assert [r["text"] for r in rows(batches)] == ["one"]
    assert caplog.messages == [f"{tmp_path / 'in'} cannot be looked at: No such file or directory; looking again"]


def test_a_folder_in_which_nothing_can_be_moved_says_so(drop, source, tmp_path):
    drop("a.jsonl", lines("one"))
    drop("taken", "a file is in the way")
    with pytest.raises(Terminal, match="expected a folder in which files can be moved to taken"):
        until(folder.fetch(source, None, stop := threading.Event()), stop, settled(1))


@pytest.mark.parametrize("cursor", ["{", "[]", '{"until_ms": 5, "seen_ms": []}'])
def test_a_cursor_that_is_none_or_of_another_kind_says_so(source, cursor):
    with pytest.raises(Terminal, match=r"the cursor is not readable; expected \{\"name\": .*landing folder away"):
        next(folder.fetch(source, cursor, threading.Event()))
