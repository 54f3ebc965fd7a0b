"""Files of posts: the same rows whatever the format, and every damage kept small, counted and named."""

import csv
import gzip
import io
import json
import random
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.errors import ConfigError, InputError
from barograph.settings import Settings, Source
from barograph.sources import files
from flows.sources import choose_sources

KINDS = "*.jsonl, *.ndjson, *.csv, *.tsv (each also .gz or .zst), *.parquet"
CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"
UNREADABLE = "file: not readable as posts; expected a whole file with a column or key of text"
NOT_JSON = "line: not JSON; expected one JSON object a line"
EVERY_SUFFIX = [
    ".jsonl", ".ndjson", ".csv", ".tsv", ".jsonl.gz", ".jsonl.zst", ".csv.gz", ".csv.zst", ".tsv.gz", ".tsv.zst",
    ".parquet",
]  # fmt: skip


def generated(n):
    """Posts with everything that formats like to stumble over."""
    chance = random.Random(7)
    words = ["calm", "mañana", 'a "quote"', "one, two", "new\nline", "tab\there", "👩‍👩‍👧", "mixed\r\nbreak", "'", "ö", "#tag"]
    return [
        {
            "id": f"p{i}",
            "parent_id": f"p{chance.randrange(i)}" if i % 3 == 1 else None,
            "created_at": f"2021-05-{1 + i % 28:02}T{i % 24:02}:00:00Z",
            "author": f"author {chance.randrange(40)}" if i % 7 else None,
            "community": chance.choice(["north", "süd"]),
            "lang": chance.choice(["en", "es", None]),
            "text": f"{i} " + " ".join(chance.choices(words, k=chance.randrange(1, 30))),
        }
        for i in range(n)
    ]


POSTS = generated(500)


def encoded(posts, suffix):
    """The bytes of a file of `posts`, written by others' writers."""
    _, kind, *compression = suffix.split(".")
    out = io.BytesIO()
    if kind == "parquet":
        pl.DataFrame(posts).write_parquet(out)
    elif kind in ("csv", "tsv"):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(posts[0]), delimiter="\t" if kind == "tsv" else ",")
        writer.writeheader()
        writer.writerows(posts)
        out.write(text.getvalue().encode())
    else:
        out.writelines(json.dumps(post).encode() + b"\n" for post in posts)
    compress = {"gz": gzip.compress, "zst": zstandard.compress}
    return compress[compression[0]](out.getvalue()) if compression else out.getvalue()


def fetch(path, columns=None):
    """Rows without what is empty in all, and (line, reason) of every reject."""
    batches = list(files.fetch([path], columns or {}))
    rows = [row for batch in batches for row in batch.rows.to_dicts()]
    filled = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return filled, [(reject.line, reject.reason) for batch in batches for reject in batch.rejects]


def texts(rows):
    return [row.get("text") for row in rows]


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def file(name, content=b""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return file


@pytest.fixture
def read(write):
    """A function that writes JSON values, one a line, and reads them back as posts."""

    def rows(*values, columns=None):
        return fetch(write("posts.jsonl", "".join(json.dumps(v) + "\n" for v in values)), columns)

    return rows


# --- one content, many formats ---


@pytest.mark.parametrize("suffix", EVERY_SUFFIX)
def test_the_same_posts_give_the_same_rows_in_every_format(write, suffix):
    rows, rejects = fetch(write(f"posts{suffix}", encoded(POSTS, suffix)))
    assert rejects == []
    assert [{k: v for k, v in row.items() if k != "line"} for row in rows] == [
        {k: v for k, v in post.items() if v is not None} for post in POSTS
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv", ".tsv"])
def test_a_row_carries_the_number_of_its_first_line(write, suffix):
    posts = [{"id": "1", "text": "a\nb\nc"}, {"id": "2", "text": "d"}, {"id": "3", "text": "e"}]
    rows, _ = fetch(write(f"posts{suffix}", encoded(posts, suffix)))
    assert [row["line"] for row in rows] == ([2, 5, 6] if suffix in (".csv", ".tsv") else [1, 2, 3])


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".parquet"])
def test_progress_grows_with_the_bytes_read_and_ends_at_one(write, suffix):
    posts = [{"id": i, "text": random.Random(i).randbytes(20).hex()} for i in range(110_000)]
    path = write(f"posts{suffix}", encoded(posts, suffix))
    progress = [batch.progress for batch in files.fetch([path, path], {})]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    # Of Parquet more rows are one batch than this file has.
    assert progress[:2] == pytest.approx([1 / 2, 1] if suffix == ".parquet" else [5 / 22, 10 / 22], abs=0.06)


def test_two_files_of_one_name_are_told_apart_by_their_folders(write):
    one, two, other = (write(name, '{"text": "a"}\n') for name in ("1/posts.jsonl", "2/posts.jsonl", "3/more.jsonl"))
    assert [b.file for b in files.fetch([one, two, other], {})] == [str(one), str(two), "more.jsonl"]


# --- names of columns ---

USUAL_NAMES = {
    "id": ["id", "post_id", "id_str", "tweet_id", "uri"],
    "parent_id": ["parent_id", "in_reply_to_id", "in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to"],
    "created_at": ["created_at", "created_utc", "timestamp", "CREATED_AT", "date"],
    "author": ["author", "author_id", "user_id", "did", "username", "Author"],
    "community": ["community", "subreddit"],
    "lang": ["lang", "language", "langs"],
    "geo": ["geo", "country"],
    "text": ["text", "body", "content", "full_text", "selftext", "Text"],
}


@pytest.mark.parametrize(("ours", "usual"), [(o, name) for o, names in USUAL_NAMES.items() for name in names])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_usual_column_names_are_known(write, suffix, ours, usual):
    post = {"title": "t", usual: "value", "unknown": "x"}
    rows, _ = fetch(write(f"posts{suffix}", encoded([post], suffix)))
    assert [{k: v for k, v in row.items() if k != "line"} for row in rows] == [{"title": "t", ours: "value"}]


def test_the_first_usual_name_counts_whatever_the_order_of_columns(read):
    assert read({"body": "b", "text": "t", "content": "c"})[0] == [{"line": 1, "text": "t"}]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".parquet"])
def test_columns_map_any_other_name_and_come_before_the_usual_ones(write, suffix):
    post = {"Nachricht": "hello", "text": "no", "wann": "2021-05-03", "wer": "me", "id": "1"}
    columns = {"text": "Nachricht", "created_at": "wann", "author": "wer", "id": "absent"}
    rows, _ = fetch(write(f"posts{suffix}", encoded([post], suffix)), columns)
    assert [{k: v for k, v in row.items() if k != "line"} for row in rows] == [
        {"text": "hello", "created_at": "2021-05-03", "author": "me", "id": "1"}
    ]


def test_lines_of_one_file_may_have_different_keys(read):
    rows, rejects = read({"text": "a", "id": 1}, {"id": 2, "body": "b"}, {"n": 3}, {"title": "c"})
    assert rows == [{"line": 1, "text": "a", "id": "1"}, {"line": 2, "text": "b", "id": "2"}, {"line": 4, "title": "c"}]
    assert rejects == [(3, "text: no such key; expected one of text, body, content, full_text, selftext")]


# --- values that are no strings ---


@pytest.mark.parametrize(
    ("key", "value", "ours", "expected"),
    [
        ("id", 1409, "id", "1409"),
        ("id", 1.0, "id", "1"),
        ("id", 2**53 + 1, "id", "9007199254740993"),
        ("id", 2**64 - 1, "id", "18446744073709551615"),
        ("id", 123456789012345678901234567890, "id", "123456789012345678901234567890"),
        ("id", -(2**70), "id", "-1180591620717411303424"),
        ("id", 1.5, "id", "1.5"),
        ("id", float("nan"), "id", None),
        ("id", "  7 ", "id", "  7 "),
        ("author", float("inf"), "author", None),
        ("user", {"id": 7, "id_str": "7", "name": "Ann"}, "author", "7"),
        ("user", {"id": None, "screen_name": "ann"}, "author", "ann"),
        ("author", {"did": "did:plc:abc", "handle": "ann"}, "author", "did:plc:abc"),
        ("account", {"id": "109", "username": "ann"}, "author", "109"),
        ("user", {}, "author", None),
        ("user", {"followers": 3}, "author", None),
        ("place", {"id": "07d9db48bc083000", "country_code": "AR"}, "geo", "AR"),
        ("langs", ["en", "es"], "lang", "en"),
        ("langs", [["es"], "en"], "lang", "es"),
        ("langs", [], "lang", None),
        ("langs", [[]], "lang", None),
        ("langs", None, "lang", None),
        ("created_utc", 1620036000, "created_at", "1620036000"),
        ("created_utc", 1620036000.0, "created_at", "1620036000"),
        ("created_utc", 1620036000.5, "created_at", "1620036000.5"),
        ("retweeted_status", {"id": 5}, "repost", "true"),
        ("retweeted_status", None, "repost", None),
        ("reblog", {}, "repost", None),
        ("is_repost", True, "repost", "true"),
        ("is_repost", False, "repost", None),
        ("is_retweet", 0, "repost", None),
    ],
)
def test_a_value_becomes_text(read, key, value, ours, expected):
    rows, rejects = read({"text": "a", key: value})
    assert (rows, rejects) == ([{"line": 1, "text": "a"} | ({ours: expected} if expected else {})], [])


def test_nesting_as_deep_as_json_allows_is_no_obstacle(write):
    deep = b'{"text": "a", "lang": ' + b"[" * 1000 + b'"en"' + b"]" * 1000 + b"}\n"
    deeper = b'{"text": "a", "lang": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    rows, rejects = fetch(write("posts.jsonl", deep + deeper + b'{"text": "b"}\n'))
    assert rows == [{"line": 1, "text": "a", "lang": "en"}, {"line": 3, "text": "b"}]
    assert rejects == [(2, NOT_JSON)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": 5}, "text: got int; expected a string"),
        ({"text": 5.5}, "text: got float; expected a string"),
        ({"text": 2**70, "id": 2**70}, "text: got float; expected a string"),
        ({"text": ["a"]}, "text: got list; expected a string"),
        ({"text": {"a": 1}}, "text: got dict; expected a string"),
        ({"text": True}, "text: got bool; expected a string"),
        ({"text": "a", "title": 5}, "title: got int; expected a string"),
        ([{"text": "a"}], "line: got a JSON list; expected one JSON object a line"),
        ("text", "line: got a JSON str; expected one JSON object a line"),
        (3, "line: got a JSON int; expected one JSON object a line"),
        (None, "line: got a JSON NoneType; expected one JSON object a line"),
        ({"a": 1}, "text: no such key; expected one of text, body, content, full_text, selftext"),
        ({}, "text: no such key; expected one of text, body, content, full_text, selftext"),
    ],
)
def test_what_is_no_post_is_rejected_with_its_reason(read, row, reason):
    rows, rejects = read({"text": "before"}, row, {"text": "after"})
    assert (texts(rows), rejects) == (["before", "after"], [(2, reason)])


def test_odd_values_give_the_same_rows_in_parquet_as_in_jsonl(write):
    columns = {
        "id": [1.0, None, float(2**40)],
        "parent_id": [2**53 + 1, None, 5],
        "user": [{"name": "x", "id": 7}, {"name": "y", "id": None}, None],
        "langs": [[["en"]], [], None],
        "geo": [["ES", "AR"], [None], []],
        "is_retweet": [0, 1, None],
        "created_utc": [1.62e9, 1.62e12, 1620000000.5],
        "text": ["a", "b", "c"],
    }
    posts = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    pl.DataFrame(posts).write_parquet(parquet := write("posts.parquet"))
    rows, _ = fetch(write("posts.jsonl", encoded(posts, ".jsonl")))
    flags = [row.pop("repost", None) for row in rows]
    same, _ = fetch(parquet)
    assert [row.pop("repost", None) for row in same] == ["0", "1", None]  # as text: what counts as yes is read later
    assert flags == [None, "true", None]
    assert same == rows
    assert rows == [
        {"line": 1, "id": "1", "parent_id": "9007199254740993", "author": "7", "lang": "en", "geo": "ES",
         "created_at": "1620000000", "text": "a"},
        {"line": 2, "author": "y", "created_at": "1620000000000", "text": "b"},
        {"line": 3, "id": "1099511627776", "parent_id": "5", "created_at": "1620000000.5", "text": "c"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([b"\xff\x01"]), "ff01"),
        (pa.array([b"\x00" * 16], pa.binary(16)), "00" * 16),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([Decimal("12.00")]), "12.00"),
        (pa.array([float("nan")]), None),
        (pa.array([float("inf")]), None),
        (pa.array([1.25], pa.float32()), "1.25"),
        (pa.array([True]), "true"),
        (pa.array([date(2021, 5, 3)]), "2021-05-03"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.nulls(1), None),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "1"),
        (pa.array([{"b": 1}]), None),
        (pa.array([[{"id": 5}]]), "5"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_parquet_columns_of_any_type_become_text(write, column, expected):
    pq.write_table(pa.table({"text": ["a"], "id": column}), path := write("posts.parquet"))
    assert fetch(path) == ([{"line": 1, "text": "a"} | ({"id": expected} if expected else {})], [])


@pytest.mark.parametrize(
    "text",
    [pa.array(["a", None, "a"]).dictionary_encode(), pa.array(["a", None, "a"], pa.large_string()),
     pa.array(["a", None, "a"], pa.string_view())],
    ids=["dictionary", "large", "view"],
)  # fmt: skip
def test_parquet_text_may_be_stored_in_any_way(write, text):
    pq.write_table(pa.table({"text": text}), path := write("posts.parquet"))
    assert texts(fetch(path)[0]) == ["a", None, "a"]


def test_parquet_without_any_text_in_its_text_column_is_read(write):
    pq.write_table(pa.table({"text": pa.nulls(2), "id": [1, 2]}), path := write("posts.parquet"))
    assert fetch(path) == ([{"line": 1, "id": "1"}, {"line": 2, "id": "2"}], [])


def test_parquet_times_stay_times(write):
    at = datetime(2021, 5, 3, 10, tzinfo=UTC)
    frame = pl.DataFrame({"text": ["a"], "created_at": [at]})
    frame.write_parquet(path := write("posts.parquet"))
    assert fetch(path)[0] == [{"line": 1, "text": "a", "created_at": at}]


# --- bytes that are no text ---


def test_escaped_lone_surrogates_are_replaced(write):
    content = rb'{"text": "a\ud800b", "author": "\udfff"}' + b"\n" + rb'{"text": "\ud83d\ude00"}' + b"\n"
    assert fetch(write("posts.jsonl", content)) == (
        [{"line": 1, "text": "a\ufffdb", "author": "\ufffd"}, {"line": 2, "text": "😀"}],
        [],
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "caf\xe9"}', "line: not UTF-8"),
        (b"\xff\xfe{\x00", "line: not UTF-8"),
        (b"\x80", "line: not UTF-8"),
        (b'{"text": "a\x00b"}', NOT_JSON),
        (b'{"text": "a"', NOT_JSON),
        (b'{"text": "a"}}', NOT_JSON),
        (b'{"text": "a"} {"text": "b"}', NOT_JSON),
        (b"text", NOT_JSON),
        (b"[", NOT_JSON),
    ],
)
def test_a_bad_line_of_json_costs_only_itself(write, line, reason):
    content = b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n'
    rows, rejects = fetch(write("posts.jsonl", content))
    assert ([(row["line"], row["text"]) for row in rows], rejects) == ([(1, "before"), (3, "after")], [(2, reason)])


def test_byte_order_mark_crlf_blank_lines_and_padding_are_no_rows(write):
    content = b'\xef\xbb\xbf{"text": "a"}\r\n\r\n   \n\t\n{"text": "b"}\r\n\x00\x00\x00\n{"text": "c"}'
    rows, rejects = fetch(write("posts.jsonl", content))
    assert ([(row["line"], row["text"]) for row in rows], rejects) == ([(1, "a"), (5, "b"), (7, "c")], [])


def test_csv_with_byte_order_mark_crlf_and_blank_lines(write):
    content = b'\xef\xbb\xbfid,text\r\n\r\n1,"a, b"\r\n\r\n2,c\r\n'
    rows, rejects = fetch(write("posts.csv", content))
    assert rows == [{"line": 3, "id": "1", "text": "a, b"}, {"line": 5, "id": "2", "text": "c"}]
    assert rejects == []


def test_csv_may_begin_with_blank_lines(write):
    assert fetch(write("posts.csv", "\n\nid,text\n1,a\n"))[0] == [{"line": 4, "id": "1", "text": "a"}]


def test_nul_bytes_in_csv_are_dropped(write):
    rows, rejects = fetch(write("posts.csv", b"id,text\n1,a\x00b\n2,\x00\n"))
    assert (rows, rejects) == ([{"line": 2, "id": "1", "text": "ab"}, {"line": 3, "id": "2"}], [])


def test_ragged_csv_rows_are_rejected_one_by_one(write):
    rows, rejects = fetch(write("posts.csv", 'id,text\n1,a,b\n2\n3,"x\ny",z\n4,ok\n,\n'))
    assert rows == [{"line": 6, "id": "4", "text": "ok"}, {"line": 7}]
    assert rejects == [
        (2, "line: got 3 fields; expected 2, as in the header"),
        (3, "line: got 1 fields; expected 2, as in the header"),
        (4, "line: got 3 fields; expected 2, as in the header"),
    ]


def test_a_record_of_csv_that_is_not_utf8_is_rejected_whole(write):
    rows, rejects = fetch(write("posts.csv", b'id,text\n1,"a\nb\xe9\nc"\n2,d\n\xe9\n3,e\n'))
    assert rows == [{"line": 5, "id": "2", "text": "d"}, {"line": 7, "id": "3", "text": "e"}]
    assert rejects == [(2, "line: not UTF-8"), (6, "line: not UTF-8")]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('2,"b', "unexpected end of data"),
        ('2,"b" c', "',' expected after '\"'"),
        ('"', "unexpected end of data"),
        ('2,"""', "unexpected end of data"),
    ],
)
def test_an_unbalanced_quote_costs_only_its_own_line(write, bad, why):
    rows, rejects = fetch(write("posts.csv", f'id,text\n1,"a\nA"\n{bad}\n3,c\n4,d\n5,e\n'))
    assert [(row["line"], row["text"]) for row in rows] == [(2, "a\nA"), (5, "c"), (6, "d"), (7, "e")]
    assert rejects == [(4, f"line: not CSV: {why}")]


def test_an_unbalanced_quote_before_a_quoted_field_does_not_merge_posts(write):
    rows, rejects = fetch(write("posts.csv", 'id,text\n1,"a\n2,"b, c"\n3,d\n'))
    assert texts(rows) == ["b, c", "d"]
    assert rejects == [(2, "line: not CSV: ',' expected after '\"'")]


def test_an_unbalanced_quote_does_not_swallow_a_large_file(write):
    lines = [f"{i},{'word ' * 20}{i}\n" for i in range(60_000)]
    lines[100] = '100,"never closed\n'
    rows, rejects = fetch(write("posts.csv", "id,text\n" + "".join(lines)))
    assert [int(row["id"]) for row in rows] == [i for i in range(60_000) if i != 100]
    assert rejects == [(102, "line: not CSV: field larger than field limit (4194304)")]


def test_tsv_written_without_quoting_is_taken_as_it_stands(write):
    content = 'id\ttext\n1\t"he said\n2\t"so" she said\n3\tplain "word"\n4\t"it is, \'well\' "" quoted"\n'
    rows, rejects = fetch(write("posts.tsv", content))
    assert texts(rows) == ['"he said', '"so" she said', 'plain "word"', 'it is, \'well\' " quoted']
    assert rejects == []


# --- files that end too early ---

CHECKED = zstandard.ZstdCompressor(write_checksum=True)
UNSIZED = zstandard.ZstdCompressor(write_content_size=False)
SKIPPED = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00skip!"
LINES = [json.dumps(post).encode() + b"\n" for post in POSTS]
NOISE = [json.dumps({"id": i, "text": random.Random(i).randbytes(400).hex()}).encode() + b"\n" for i in range(400)]
SAME = [json.dumps({"id": i, "text": "a" * 300_000}).encode() + b"\n" for i in range(3)]
ENDS_EARLY = {
    "gzip": ([gzip.compress(b"".join(LINES))], ".gz", LINES),
    "gzip of two members": ([gzip.compress(b"".join(half)) for half in (LINES[:250], LINES[250:])], ".gz", LINES),
    "zstd": ([zstandard.compress(b"".join(LINES))], ".zst", LINES),
    "zstd with checksum": ([CHECKED.compress(b"".join(LINES))], ".zst", LINES),
    "zstd of many blocks": ([UNSIZED.compress(b"".join(NOISE))], ".zst", NOISE),
    "zstd of repeated bytes": ([CHECKED.compress(b"".join(SAME))], ".zst", SAME),
    "zstd of frames": (
        [CHECKED.compress(b"".join(LINES[:100])), SKIPPED, zstandard.compress(b"".join(LINES[100:]))], ".zst", LINES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS_EARLY)
def test_what_stands_before_a_cut_is_kept_and_the_cut_is_told_once(write, name):
    parts, suffix, lines = ENDS_EARLY[name]
    whole = b"".join(parts)
    complete = {len(b"".join(parts[:n])) for n in range(1, len(parts) + 1)}  # a file of fewer parts is whole, too
    cuts = {1, 2, 5, 9, *range(3, len(whole), max(len(whole) // 60, 1)), *range(len(whole) - 6, len(whole) + 1)}
    seen = set()
    for cut in sorted(cuts | complete):
        rows, rejects = fetch(write(f"posts.jsonl{suffix}", whole[:cut]))
        seen.add(len(rows))
        assert texts(rows) == [json.loads(line)["text"] for line in lines[: len(rows)]]
        if cut in complete:
            assert rejects == []
        elif rows:
            assert rejects == [(len(rows) + 1, CUT_OFF)]
        else:
            assert rejects in ([(0, UNREADABLE)], [(1, CUT_OFF)])
    assert {0, len(lines)} <= seen
    assert name in ("zstd", "zstd with checksum") or len(seen) > 2  # a single block is there, or it is not


def test_an_endless_line_before_the_cut_is_no_excuse(write):
    content = zstandard.compress(b'{"text": "a"}\n' + b"x" * 20_000_000)
    assert fetch(write("posts.jsonl.zst", content[:-3])) == ([{"line": 1, "text": "a"}], [(2, CUT_OFF)])


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_flipped_bytes_in_compressed_data_are_noticed(write, suffix):
    whole = gzip.compress(b"".join(NOISE)) if suffix == ".gz" else CHECKED.compress(b"".join(NOISE))
    for at in range(len(whole) // 3, len(whole) // 3 * 2, len(whole) // 20):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        rows, rejects = fetch(write(f"posts.jsonl{suffix}", bytes(damaged)))
        assert len(rows) <= len(NOISE)
        assert CUT_OFF in [reason for _, reason in rejects] or rejects == [(0, UNREADABLE)]


def test_damage_within_parquet_is_told_where_it_begins(write):
    posts = pa.table({"id": range(120_000), "text": [f"post {i}" for i in range(120_000)]})
    pq.write_table(posts, path := write("posts.parquet"), row_group_size=50_000, compression="none", use_dictionary=False)
    second = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    damaged = bytearray(path.read_bytes())
    damaged[second : second + 1000] = b"\xff" * 1000
    rows, rejects = fetch(write("posts.parquet", bytes(damaged)))
    assert [row["id"] for row in rows] == [str(i) for i in range(50_000)]
    assert rejects == [(50_001, CUT_OFF)]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv"])
def test_a_line_of_50_mb_is_passed_over_in_little_memory(write, suffix):
    before, after = ("id,text\n1,a\n", "3,c\n") if suffix == ".csv" else ('{"text": "a"}\n', '{"text": "c"}\n')
    content = before.encode() + b'"' + b"x" * 50_000_000 + b"\n" + after.encode()
    compress = {".gz": gzip.compress, ".zst": zstandard.compress}.get(suffix[6:], bytes)
    path = write(f"posts{suffix}", compress(content))
    del content
    tracemalloc.start()
    try:
        rows, rejects = fetch(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert texts(rows) == ["a", "c"]
    assert rejects == [(3 if suffix == ".csv" else 2, "line: longer than 4 MiB")]
    assert peak < 30_000_000


def test_the_longest_line_is_still_read(write):
    limit = 4 * 1024 * 1024
    frame = len(b'{"text": ""}\n')
    fits, exceeds = (json.dumps({"text": "x" * (limit - frame + n)}) + "\n" for n in (0, 1))
    rows, rejects = fetch(write("posts.jsonl", fits + exceeds + '{"text": "end"}\n'))
    assert [len(text) for text in texts(rows)] == [limit - frame, 3]
    assert rejects == [(2, "line: longer than 4 MiB")]


# --- whatever the bytes ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


@settings(max_examples=200, deadline=None)
@given(
    content=st.lists(
        st.sampled_from([b'{"text": "', b'"}', b"\n", b"\r\n", b",", b'"', b"id,text\n", b"\x00", b"\xff", b"a", b"1,"])
        | st.binary(max_size=8),
        max_size=30,
    ).map(b"".join),
    suffix=st.sampled_from(EVERY_SUFFIX),
)
def test_any_bytes_are_rows_and_rejects_of_different_lines(folder, content, suffix):
    path = folder / f"posts{suffix}"
    path.write_bytes(content)
    batches = list(files.fetch([path], {}))
    lines = [n for b in batches for n in (*b.rows["line"], *(reject.line for reject in b.rejects))]
    assert len(lines) == len(set(lines))
    assert all(0 <= n <= content.count(b"\n") + 2 for n in lines)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=20)), max_size=8), tab=st.booleans())
def test_what_a_csv_writer_wrote_is_read_back(folder, rows, tab):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if tab else ",", quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "text"), *rows])
    path = folder / f"posts.{'tsv' if tab else 'csv'}"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    found, rejects = fetch(path)
    assert rejects == []
    expected = [[value.replace("\0", "") for value in row] for row in rows]
    assert [[row.get("id", ""), row.get("text", "")] for row in found] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "id_str", "x"]), inner, max_size=2),
    max_leaves=6,
)
KEYS = st.sampled_from(["text", "title", "id", "user", "langs", "created_at", "is_repost", "other"])


@settings(max_examples=200, deadline=None)
@given(st.lists(JSON | st.dictionaries(KEYS, JSON, max_size=5), max_size=6))
def test_any_json_line_is_one_row_or_one_reject(folder, values):
    path = folder / "posts.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))

    def is_post(value):
        named = isinstance(value, dict) and {"text", "title"} & set(value)
        return named and all(isinstance(value.get(key), str | None) for key in ("text", "title"))

    rows, rejects = fetch(path)
    assert [row["line"] for row in rows] == [n for n, value in enumerate(values, start=1) if is_post(value)]
    assert [line for line, _ in rejects] == [n for n, value in enumerate(values, start=1) if not is_post(value)]


# --- which files are read ---


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


# --- which sources a run reads ---


def declared(write, *names):
    return Settings(source=tuple(Source(name=n, path=str(write(f"{n}.jsonl", '{"text": "a"}\n'))) for n in names))


def test_without_inputs_all_declared_sources_are_read(write):
    settings = declared(write, "one", "two")
    assert choose_sources(settings, (), None) == settings.source


def test_one_source_can_be_chosen_by_name(write):
    settings = declared(write, "one", "two")
    assert choose_sources(settings, (), "two") == settings.source[1:]
    assert choose_sources(settings, (), "simulated") == (Source(name="simulated", kind="simulated"),)
    with pytest.raises(ConfigError) as error:
        choose_sources(settings, (), "three")
    assert str(error.value) == "--source: got 'three'; expected one of simulated, bluesky, one, two"


def test_inputs_are_read_as_the_only_files_source_there_is(write):
    path = (str(write("new.jsonl", '{"message": "a"}\n')),)
    own = Source(name="mine", path="old.jsonl", columns={"text": "message"}, lang="es")
    assert choose_sources(Settings(source=(own,)), path, None) == (
        Source(name="mine", path=path, columns={"text": "message"}, lang="es"),
    )
    with pytest.raises(InputError, match="no text: got keys message"):
        choose_sources(declared(write, "one", "two"), path, None)


def test_a_run_needs_something_that_it_can_read():
    with pytest.raises(ConfigError) as error:
        choose_sources(Settings(), (), None)
    assert str(error.value) == (
        "nothing to read: give files or folders, put a [[source]] into barograph.toml, "
        "or try it with --source simulated or --source bluesky"
    )
    with pytest.raises(InputError, match="no such file or folder"):
        choose_sources(Settings(), ("nowhere",), None)
    with pytest.raises(InputError, match="needs path"):
        choose_sources(Settings(source=(Source(name="one"),)), (), None)
