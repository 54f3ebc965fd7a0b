"""Standard input: lines as another process writes them, however they are cut."""

import itertools
import json
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.settings import Source
from barograph.sources import stdin
from barograph.sources.lines import LONGEST_LINE
from tests.sources.arriving import land, reasons, rows, until

SOURCE = Source(name="pipe", kind="stdin")


class Input:
    """Standard input that is the reading end of a pipe."""

    def __init__(self, number):
        self.fileno = lambda: number


def piped(writer, source=SOURCE):
    """What is read of a pipe that `writer`, in a thread and given its descriptor, writes to until it ends."""
    out, into = os.pipe()

    def write():
        try:
            writer(into)
        finally:
            os.close(into)

    thread = threading.Thread(target=write)
    with pytest.MonkeyPatch.context() as place:
        place.setattr(sys, "stdin", Input(out))
        thread.start()
        try:
            return until(stdin.fetch(source, None, threading.Event()), threading.Event(), lambda _batches: False)
        finally:
            thread.join()
            os.close(out)


def line(text, **more):
    return json.dumps({"id": text, "created_at": "2021-05-03", "text": text, **more}).encode() + b"\n"


@settings(derandomize=True, max_examples=40)
@given(cuts=st.lists(st.integers(0, 400), max_size=12), ends=st.booleans())
def test_lines_are_whole_wherever_writing_is_cut(cuts, ends):
    whole = line("one") + b"\n" + line("zwölf") + b"no json\n" + line("three") + b'{"created_at": "x"}\n' + line("four")
    whole = whole if ends else whole[:-1]
    at = sorted({0, *(c % len(whole) for c in cuts), len(whole)})

    def write(into):
        for a, b in itertools.pairwise(at):
            os.write(into, whole[a:b])

    batches = piped(write)
    assert [r["text"] for r in rows(batches)] == ["one", "zwölf", "three", "four"]
    assert [reason[:12] for reason in reasons(batches)] == ["line: not JS", "text: no suc"]


def test_a_line_too_long_is_passed_over_and_never_held():
    def write(into):
        os.write(into, line("one"))
        for _ in range(3 * LONGEST_LINE // 65536):
            os.write(into, b"x" * 65536)
        os.write(into, b"\n" + line("two"))

    batches = piped(write)
    assert [r["text"] for r in rows(batches)] == ["one", "two"]
    assert reasons(batches) == ["line: longer than 4 MiB"]


def test_a_line_may_say_that_a_post_is_changed_or_gone():
    told = [
        {"op": "post", "id": 1, "text": "a"}, {"op": "update", "id": "1", "text": "b", "author": "x"},
        {"op": "delete", "post_id": 1, "text": "not kept"}, {"op": "leave", "username": "x"}, {"op": "return", "author": "x"},
        {"op": "delete", "text": "whose?"}, {"op": "leave", "id": "1"}, {"op": "burn", "id": "1"}, {"op": None, "id": "1"},
        {"op": "update", "id": "2"},
    ]  # fmt: skip
    batches = piped(lambda into: os.write(into, b"".join(json.dumps(line).encode() + b"\n" for line in told)))
    assert [(r["op"], r["id"], r["author"], r["text"]) for r in rows(batches)] == [
        ("post", "1", None, "a"), ("update", "1", "x", "b"), ("delete", "1", None, None),
        ("leave", None, "x", None), ("return", None, "x", None),
    ]  # fmt: skip
    unknown = "op: not known; expected one of post, update, delete, leave, return"
    assert reasons(batches)[:4] == ["op: delete without id", "op: leave without author", unknown, unknown]
    assert reasons(batches)[4].startswith("text: no such key")


def test_columns_name_what_others_call_otherwise():
    source = Source(name="pipe", kind="stdin", columns={"text": "said"})
    [row] = rows(piped(lambda into: os.write(into, b'{"said": "a", "date": "2021-05-03"}\n'), source))
    assert (row["text"], row["created_at"], row["op"]) == ("a", "2021-05-03", "post")


def test_stopping_reads_no_further_and_says_that_a_line_was_cut(monkeypatch):
    out, into = os.pipe()
    monkeypatch.setattr(sys, "stdin", Input(out))
    os.write(into, line("one") + b'{"text"')
    batches = until(stdin.fetch(SOURCE, None, stop := threading.Event()), stop, rows)
    os.write(into, line("two"))
    assert [r["text"] for r in rows(batches)] == ["one"]
    assert reasons(batches) == ["line: not complete when reading stopped"]
    assert os.read(out, 1000) == line("two")
    os.close(into)
    os.close(out)


def test_a_real_process_writes_into_a_landing(tmp_path, monkeypatch):
    program = "import json\nfor n in range(20000): print(json.dumps({'id': n, 'text': f'post {n}', 'date': '2021-05-03'}))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        monkeypatch.setattr(sys, "stdin", process.stdout)
        landed = land(tmp_path / "landing", stdin.fetch, SOURCE, lambda _a: False, tmp_path / "key", rows=5000, seconds=9)
    assert [r["text"] for s in landed for r in s.rows.iter_rows(named=True)] == [f"post {n}" for n in range(20000)]
    assert len(landed) < 10
