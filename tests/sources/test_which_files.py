"""Which files are read of what was named, and what is said of those that cannot be."""

import gzip

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from barograph.errors import InputError
from barograph.sources import files
from tests.sources.written import EVERY_SUFFIX, NOT_JSON, UNREADABLE

KINDS = "*.jsonl, *.ndjson, *.csv, *.tsv (each also .gz or .zst), *.parquet"

def test_folders_are_searched_throughout_and_each_file_is_read_once(write, tmp_path):
    inside = ["a.jsonl", "b/c.CSV", "b/d/e.parquet", "b/f.tsv.zst", "g.NDJSON.GZ"]
    for name in [*inside, "b/readme.txt", "h.json", "jsonl", "i.gz", "j.zip", "k.parquet.gz"]:
        write(name)
    (tmp_path / "l.jsonl").mkdir()
    assert files.find([str(tmp_path)]) == [tmp_path / name for name in inside]
    again = [str(tmp_path), str(tmp_path / "a.jsonl"), str(tmp_path / "*.jsonl"), str(tmp_path / "b")]
    assert files.find(again) == [tmp_path / name for name in inside]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jsonl", ["a.jsonl"]),
        ("**/*.jsonl", ["a.jsonl", "b/c.jsonl"]),
        ("?.*", ["a.jsonl", "d.csv"]),
        ("b/*", ["b/c.jsonl"]),
    ],
)
def test_patterns_match_files_of_posts(write, tmp_path, pattern, expected):
    for name in ("a.jsonl", "b/c.jsonl", "d.csv", "e.txt", "b/f.md"):
        write(name)
    (tmp_path / "g.csv").mkdir()
    assert files.find([str(tmp_path / pattern)]) == [tmp_path / name for name in expected]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(write):
    path = write("posts[1].jsonl")
    assert files.find([str(path)]) == [path]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.jsonl", "no such file or folder"),
        ("none*.jsonl", "no such file or folder"),
        ("notes/", f"no posts in this folder; expected files named {KINDS}"),
        ("notes/*", f"matches no posts; expected files named {KINDS}"),
        ("notes/a.txt", f"got a file of unknown kind; expected {KINDS}"),
        ("posts.json", f"got a file of unknown kind; expected {KINDS}"),
        ("noname", f"got a file of unknown kind; expected {KINDS}"),
    ],
)
def test_inputs_without_posts_are_refused(write, tmp_path, monkeypatch, given, message):
    for name in ("notes/a.txt", "posts.json", "noname"):
        write(name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        files.check([given], {})
    assert str(error.value) == f"{given}: {message}"


USUAL_TEXT = 'text, body, content, full_text, selftext, or columns = { text = "…" } in its [[source]]'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "the file is empty; expected posts, one a line"),
        ("a.jsonl", b"\n \n", "the file is empty; expected posts, one a line"),
        ("a.csv", b"", "the file is empty; expected posts, one a line"),
        ("a.csv", b"id,text\n", "the file is empty; expected posts, one a line"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "the file is empty; expected posts, one a line"),
        ("a.jsonl.zst", zstandard.compress(b""), "the file is empty; expected posts, one a line"),
        ("a.jsonl", b"dear diary\n", f"none of its first rows is a post: {NOT_JSON}"),
        ("a.jsonl", b'[{"text": "a"}]\n',
         "none of its first rows is a post: line: got a JSON list; expected one JSON object a line"),
        ("a.jsonl", b'{"text": 5}\n', "none of its first rows is a post: text: got int; expected a string"),
        ("a.jsonl", b'{"msg": "a", "id": 5}\n', f"no text: got keys msg, id; expected one of {USUAL_TEXT}"),
        ("a.csv", b"id,message\n1,a\n", f"no text: got columns id, message; expected one of {USUAL_TEXT}"),
        ("a.csv", b"id;text\n1;a\n", f"no text: got columns id;text; expected one of {USUAL_TEXT}"),
        ("a.tsv", b"id,text\n1,a\n", f"no text: got columns id,text; expected one of {USUAL_TEXT}"),
        ("a.csv", b"id,text\n1\n2\n",
         "none of its first rows is a post: line: got 1 fields; expected 2, as in the header"),
        ("a.csv", b"id,text\xe9\n1,a\n", "its header is not readable: line: not UTF-8"),
        ("a.csv", "id,text\n1,a\n".encode("utf-16"), "its header is not readable: line: not UTF-8"),
        ("a.csv", b'"id,text\n1,a\n', "its header is not readable: line: not CSV: unexpected end of data"),
        ("a.jsonl.gz", b'{"text": "a"}\n',
         "not readable: Not a gzipped file (b'{\"'); expected a complete .gz file"),
        ("a.csv.gz", gzip.compress(b"id,text\n1,a\n", mtime=0)[:15],
         "not readable: Compressed file ended before the end-of-stream marker was reached; expected a complete .gz file"),
        ("a.jsonl.zst", zstandard.compress(b'{"text": "a"}\n')[:-2],
         "not readable: it ends within a frame; expected a complete .zst file"),
        ("a.jsonl.zst", b'{"text": "a"}\n',
         "not readable: zstd decompress error: Unknown frame descriptor; expected a complete .zst file"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_with_a_file(write, name, content, message):
    path = write(name, content)
    with pytest.raises(InputError) as error:
        files.check([str(path)], {})
    assert str(error.value) == f"{path}: {message}"


def test_check_names_the_columns_of_a_parquet_file_without_text(write):
    pl.DataFrame({"id": [1], "when": ["2021"], "sentiment": [0.5]}).write_parquet(path := write("tweets.parquet"))
    with pytest.raises(InputError) as error:
        files.check([str(path)], {})
    assert str(error.value) == f"{path}: no text: got columns id, when, sentiment; expected one of {USUAL_TEXT}"


@pytest.mark.parametrize(
    ("column", "kind"),
    [(pa.array([5]), "int64"), (pa.array([["a"]]), "list<element: string>"), (pa.array([b"a"]), "binary")],
)
def test_check_refuses_a_parquet_text_that_is_none(write, column, kind):
    pq.write_table(pa.table({"body": column}), path := write("posts.parquet"))
    with pytest.raises(InputError) as error:
        files.check([str(path)], {})
    assert str(error.value) == f"{path}: column 'body': got {kind}; expected text"


def test_check_refuses_what_is_only_named_parquet(write):
    path = write("posts.parquet", b"PAR1 but not really")
    with pytest.raises(InputError) as error:
        files.check([str(path)], {})
    assert str(error.value).startswith(f"{path}: not readable as Parquet: ")


def test_check_wants_something_to_read():
    with pytest.raises(InputError) as error:
        files.check([], {})
    assert str(error.value) == (
        "a source of kind 'files' needs path, e.g. path = \"posts/*.jsonl.gz\", or files to read"
    )


def test_check_reads_with_the_columns_of_the_config(write):
    path = str(write("posts.jsonl", '{"message": "a"}\n'))
    files.check([path], {"text": "message"})
    with pytest.raises(InputError, match="no text: got keys message"):
        files.check([path], {"text": "mesage"})


GARBAGE = {
    "bad.csv": b"\xff\xfe\x00",
    "bad.jsonl": b"",
    "bad.jsonl.gz": b"no gzip",
    "bad.jsonl.zst": b"no zstd",
    "bad.parquet": b"no parquet",
}


@pytest.mark.parametrize(("name", "content"), GARBAGE.items())
@pytest.mark.parametrize("given", ["posts", "posts/*"])
def test_one_file_of_garbage_in_a_folder_stops_nothing(write, tmp_path, name, content, given):
    write("posts/a.jsonl", '{"text": "a"}\n')
    write("posts/c.csv", "text\nc\n")
    write(f"posts/{name}", content)
    files.check([str(tmp_path / given)], {})
    batches = list(files.fetch(files.find([str(tmp_path / given)]), {}))
    assert {text for batch in batches for text in batch.rows.get_column("text")} == {"a", "c"}
    rejects = [(batch.file, r.line, r.reason) for batch in batches for r in batch.rejects]
    assert rejects == ([] if content == b"" else [(name, 0, UNREADABLE)])
    assert batches[-1].progress == 1


def test_a_folder_of_nothing_but_garbage_is_refused(write, tmp_path):
    for name, content in GARBAGE.items():
        write(name, content)
    with pytest.raises(InputError) as error:
        files.check([str(tmp_path)], {})
    assert str(error.value) == f"{tmp_path / 'bad.csv'}: its header is not readable: line: not UTF-8"


def test_of_several_inputs_each_has_to_be_readable(write):
    good, bad = write("a.jsonl", '{"text": "a"}\n'), write("b.jsonl", "b\n")
    with pytest.raises(InputError, match=r"b\.jsonl: none of its first rows is a post"):
        files.check([str(good), str(bad)], {})


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_a_file_that_vanishes_or_cannot_be_opened_is_one_reject(write, tmp_path, suffix):
    (tmp_path / f"folder{suffix}").mkdir()
    paths = [tmp_path / f"gone{suffix}", tmp_path / f"folder{suffix}", write("a.jsonl", '{"text": "a"}\n')]
    batches = list(files.fetch(paths, {}))
    assert [(b.file, b.rows.height, [(r.line, r.reason) for r in b.rejects]) for b in batches] == [
        (f"gone{suffix}", 0, [(0, UNREADABLE)]),
        (f"folder{suffix}", 0, [(0, UNREADABLE)]),
        ("a.jsonl", 1, []),
    ]
