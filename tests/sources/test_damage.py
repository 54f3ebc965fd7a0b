"""Damage within a file of posts is kept small, counted and named."""

import gzip
import json
import random
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.sources.written import CUT_OFF, NOT_JSON, POSTS, UNREADABLE, fetch, texts


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
