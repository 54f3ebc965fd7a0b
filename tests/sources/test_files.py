"""Files of posts: the same rows whatever the form, whatever the names, values and bytes."""

import csv
import io
import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.sources import files
from tests.sources.written import EVERY_SUFFIX, NOT_JSON, POSTS, encoded, fetch, texts


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
