"""Rows → posts: when, who, in which language, what they say; and every row ends in exactly one place."""

import json
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.ingest import ingest
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch, Reject, files
from barograph.tables import POSTS, QUARANTINE

CLOCK = datetime(2022, 1, 1)
EXPECTED = "expected ISO 8601, epoch s, ms or µs, or 'Wed Oct 10 20:19:24 +0000 2018'"
MISSING, NO_TIME = f"created_at: missing; {EXPECTED}", f"created_at: not a time; {EXPECTED}"
OLD, FUTURE = "created_at: before 2000", "created_at: in the future"
DAY = "2021-05-03"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    return Keyed(tmp_path_factory.mktemp("home") / "key")


def batch(*rows, rejects=()):
    """Rows of text, numbered from 1; `created_at` is given where a row says none."""
    names = dict.fromkeys(name for row in rows for name in row)
    schema = {"line": pl.Int64} | dict.fromkeys(["created_at", "text", *names], pl.String)
    numbered = [{"line": n, "created_at": DAY, **row} for n, row in enumerate(rows, start=1)]
    return Batch("posts.jsonl", pl.DataFrame(numbered, schema=schema), list(rejects))


@pytest.fixture
def take(keyed):
    """A function that ingests rows given as dicts."""

    def ingested(*rows, source="s", clock=CLOCK, as_of=None, rejects=(), key=keyed, **options):
        return ingest(batch(*rows, rejects=rejects), Source(name=source, **options), key, clock, as_of)

    return ingested


def reasons(got):
    return dict(got.quarantine.select("line", "reason").iter_rows())


def values(got, column):
    return got.posts[column].to_list()


# --- when ---

TIMES = {
    "2021-05-03T10:00:00Z": datetime(2021, 5, 3, 10),
    "2021-05-03T10:00:00z": datetime(2021, 5, 3, 10),
    "2021-05-03t10:00:00Z": datetime(2021, 5, 3, 10),
    "2021-05-03 10:00:00Z": datetime(2021, 5, 3, 10),
    "2021-05-03T10:00:00+02:00": datetime(2021, 5, 3, 8),
    "2021-05-03T10:00:00-0330": datetime(2021, 5, 3, 13, 30),
    "2021-05-03T10:00:00+02": datetime(2021, 5, 3, 8),
    "2021-05-03 10:00:00+00": datetime(2021, 5, 3, 10),
    "2021-05-03 10:00:00.25-07": datetime(2021, 5, 3, 17, 0, 0, 250_000),
    "2021-05-03 10:00:00 UTC": datetime(2021, 5, 3, 10),
    "2021-05-03T10:00Z": datetime(2021, 5, 3, 10),
    "2021-05-03T10:00+02:00": datetime(2021, 5, 3, 8),
    "2021-05-03T10:00:00.1Z": datetime(2021, 5, 3, 10, 0, 0, 100_000),
    "2021-05-03T10:00:00.123456Z": datetime(2021, 5, 3, 10, 0, 0, 123_456),
    "2021-05-03T10:00:00.123456789+00:00": datetime(2021, 5, 3, 10, 0, 0, 123_456),
    "2021-05-03T23:30:00-01:00": datetime(2021, 5, 4, 0, 30),
    "2021-05-03T10:00:00": datetime(2021, 5, 3, 10),
    "2021-05-03 10:00:00.5": datetime(2021, 5, 3, 10, 0, 0, 500_000),
    "2021-05-03T10:00": datetime(2021, 5, 3, 10),
    "2021-05-03 10:00": datetime(2021, 5, 3, 10),
    "2021-05-03": datetime(2021, 5, 3),
    " 2021-05-03\n": datetime(2021, 5, 3),
    "Mon May 03 10:00:00 +0200 2021": datetime(2021, 5, 3, 8),
    "Wed Oct 10 20:19:24 +0000 2018": datetime(2018, 10, 10, 20, 19, 24),
    "1620036000": datetime(2021, 5, 3, 10),
    "1620036000.0": datetime(2021, 5, 3, 10),
    "1620036000.25": datetime(2021, 5, 3, 10, 0, 0, 250_000),
    "1620036000123": datetime(2021, 5, 3, 10, 0, 0, 123_000),
    "1620036000123.0": datetime(2021, 5, 3, 10, 0, 0, 123_000),
    "1620036000123456": datetime(2021, 5, 3, 10, 0, 0, 123_456),
    "946684800000001": datetime(2000, 1, 1, 0, 0, 0, 1),
    "2000-01-01T00:00:00Z": datetime(2000, 1, 1),
    "946684800": datetime(2000, 1, 1),
    "2022-01-01T00:00:00Z": CLOCK,
    "2021-12-31T23:59:59-00:30": FUTURE,
    "2022-01-01T00:00:00.000001Z": FUTURE,
    "2022-01-02": FUTURE,
    "9999-12-31T23:59:59Z": FUTURE,
    "99999999999": FUTURE,
    "1999-12-31T23:59:59.999999Z": OLD,
    "946684799": OLD,
    "1969-12-31": OLD,
    "0001-01-01T00:00:00Z": OLD,
    "0": OLD,
    "-86400": OLD,
    "20210503": OLD,
    None: MISSING,
    "": NO_TIME,
    "yesterday": NO_TIME,
    "2021-13-01": NO_TIME,
    "2021-02-29": NO_TIME,
    "2021-05-03T25:00:00Z": NO_TIME,
    "05/03/2021": NO_TIME,
    "nan": NO_TIME,
    "1620036000123456789": NO_TIME,
    "9" * 400: NO_TIME,
    "٣": NO_TIME,
    "\u202e2021": NO_TIME,
}


@pytest.mark.parametrize(("given", "expected"), TIMES.items())
def test_a_time_is_read_as_utc_or_refused_with_its_reason(take, given, expected):
    got = take({"text": "a", "created_at": given})
    if isinstance(expected, str):
        assert (got.posts.height, reasons(got)) == (0, {1: expected})
    else:
        assert (values(got, "created_at"), reasons(got)) == ([expected], {})


def test_times_of_one_batch_need_not_look_alike(take):
    got = take(*({"text": str(n), "created_at": given} for n, given in enumerate(TIMES)))
    wrong = {n: expected for n, expected in enumerate(TIMES.values(), start=1) if isinstance(expected, str)}
    assert values(got, "created_at") == [expected for expected in TIMES.values() if not isinstance(expected, str)]
    assert reasons(got) == wrong


@pytest.mark.parametrize(
    ("zone", "given", "expected"),
    [
        ("Europe/Madrid", "2021-01-15T10:00:00", datetime(2021, 1, 15, 9)),
        ("Europe/Madrid", "2021-07-15 10:00", datetime(2021, 7, 15, 8)),
        ("Europe/Madrid", "2021-07-15", datetime(2021, 7, 14, 22)),
        ("Europe/Madrid", "2021-07-15T10:00:00Z", datetime(2021, 7, 15, 10)),
        ("Europe/Madrid", "2021-07-15T10:00:00-03:00", datetime(2021, 7, 15, 13)),
        ("Europe/Madrid", "1626343200", datetime(2021, 7, 15, 10)),
        ("America/Argentina/Buenos_Aires", "2021-05-03T22:00:00", datetime(2021, 5, 4, 1)),
        ("Asia/Kathmandu", "2021-05-03T00:00:00", datetime(2021, 5, 2, 18, 15)),
        ("Europe/Madrid", "2021-03-28T01:59:59", datetime(2021, 3, 28, 0, 59, 59)),
        ("Europe/Madrid", "2021-03-28T02:30:00", NO_TIME),  # no clock showed it
        ("Europe/Madrid", "2021-03-28T03:00:00", datetime(2021, 3, 28, 1)),
        ("Europe/Madrid", "2021-10-31T02:30:00", datetime(2021, 10, 31, 0, 30)),  # shown twice: the earlier
        ("America/Sao_Paulo", "2018-11-04", NO_TIME),  # a day that began at one o'clock
    ],
)
def test_a_time_without_a_zone_is_read_in_that_of_its_source(take, zone, given, expected):
    got = take({"text": "a", "created_at": given}, timezone=zone)
    assert (values(got, "created_at") or reasons(got)[1]) == ([expected] if got.posts.height else expected)


@settings(max_examples=300, deadline=None)
@given(
    at=st.datetimes(datetime(2000, 1, 3), datetime(2021, 12, 29)),
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    form=st.sampled_from(["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
)
def test_local_times_agree_with_zoneinfo(keyed, at, zone, form):
    written = at.strftime(form)
    local = datetime.strptime(written, form).replace(tzinfo=ZoneInfo(zone))
    utc = local.astimezone(UTC)
    exists = utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local.replace(tzinfo=None)
    got = ingest(batch({"text": "a", "created_at": written}), Source(name="s", timezone=zone), keyed, CLOCK, None)
    assert values(got, "created_at") == ([utc.replace(tzinfo=None)] if exists else [])


@settings(max_examples=200, deadline=None)
@given(
    at=st.datetimes(datetime(2000, 1, 3), datetime(2021, 12, 29)),
    offset=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_the_same_moment_is_the_same_post_time_however_it_is_written(keyed, at, offset):
    aware = at.replace(tzinfo=UTC)
    micros = (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    moved = aware.astimezone(timezone(offset))
    exact = [aware.isoformat(), moved.isoformat(), moved.isoformat(" "), moved.strftime("%Y-%m-%dT%H:%M:%S.%f%z")]
    exact += [at.isoformat(timespec="microseconds") + "Z", at.isoformat(), str(at), str(micros)]
    seconds = [str(micros // 10**6), moved.strftime("%a %b %d %H:%M:%S %z %Y")]
    milliseconds = [str(micros // 10**3)]
    rows = [{"text": "a", "created_at": text} for text in (*exact, *seconds, *milliseconds)]
    got = ingest(batch(*rows), Source(name="s"), keyed, CLOCK, None)
    whole = at.replace(microsecond=0)
    thousandth = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert values(got, "created_at") == [at] * len(exact) + [whole] * len(seconds) + [thousandth] * len(milliseconds)


AT = datetime(2021, 7, 15, 10, 0, 0, 250_000)
EPOCH = 1626343200.25


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([AT.replace(tzinfo=UTC)]), AT),
        (pl.Series([AT.replace(tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"), AT),
        (pl.Series([AT.replace(tzinfo=UTC)]).dt.cast_time_unit("ns"), AT),
        (pl.Series([AT.replace(tzinfo=UTC)]).dt.cast_time_unit("ms"), AT),
        (pl.Series([AT]), AT - timedelta(hours=2)),
        (pl.Series([AT]).dt.cast_time_unit("ns"), AT - timedelta(hours=2)),
        (pl.Series([date(2021, 7, 15)]), datetime(2021, 7, 14, 22)),
        (pl.Series([AT.isoformat() + "Z"]), AT),
        (pl.Series([AT.isoformat()]), AT - timedelta(hours=2)),
        (pl.Series([AT.isoformat() + "Z"], dtype=pl.Categorical), AT),
        (pl.Series([int(EPOCH)]), AT.replace(microsecond=0)),
        (pl.Series([int(EPOCH)], dtype=pl.UInt32), AT.replace(microsecond=0)),
        (pl.Series([int(EPOCH * 1000)]), AT),
        (pl.Series([int(EPOCH * 1_000_000)]), AT),
        (pl.Series([EPOCH]), AT),
        (pl.Series([EPOCH * 1000]), AT),
        (pl.Series([EPOCH * 1_000_000]), AT),
        (pl.Series([str(EPOCH)]), AT),
        (pl.Series([str(EPOCH)]).cast(pl.Decimal(20, 4)), AT),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else None,
)
def test_times_of_parquet_in_any_type(tmp_path, keyed, column, expected):
    nothing = pl.Series([None], dtype=column.dtype)
    frame = pl.DataFrame({"text": ["a", "b"], "timestamp": pl.concat([column, nothing])})
    frame.write_parquet(path := tmp_path / "posts.parquet")
    [rows] = files.fetch([path], {})
    got = ingest(rows, Source(name="s", timezone="Europe/Madrid"), keyed, CLOCK, None)
    assert (values(got, "created_at"), reasons(got)) == ([expected], {2: MISSING})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (int(EPOCH), AT.replace(microsecond=0)),
        (EPOCH, AT),
        (str(EPOCH), AT),
        (int(EPOCH * 1000), AT),
        (EPOCH * 1000, AT),
        (int(EPOCH * 1_000_000), AT),
        (float(int(EPOCH * 1_000_000)), AT),
        (f"{AT.isoformat()}Z", AT),
    ],
)
def test_times_of_jsonl_as_numbers_and_strings(tmp_path, keyed, given, expected):
    path = tmp_path / "posts.jsonl"
    path.write_text(json.dumps({"text": "a", "created_utc": given}))
    [rows] = files.fetch([path], {})
    assert values(ingest(rows, Source(name="s"), keyed, CLOCK, None), "created_at") == [expected]


def test_posts_after_as_of_stay_unread_and_are_counted(take):
    days = ["2021-05-02", "2021-05-03T23:59:59.999999Z", "2021-05-04", "2021-06-01", "2030-01-01", None]
    rows = [{"text": f"on {day}", "created_at": day} for day in days]
    rows.append({"text": "", "created_at": "2021-05-04"})
    got = take(*rows, as_of=datetime(2021, 5, 3, 23, 59, 59, 999_999))
    assert (values(got, "line"), got.later, reasons(got)) == ([1, 2], 4, {6: MISSING})
    got = take(*rows)
    assert (values(got, "line"), got.later) == ([1, 2, 3, 4], 0)
    assert reasons(got) == {5: FUTURE, 6: MISSING, 7: "text: empty"}


# --- what ---


@pytest.mark.parametrize(
    ("row", "is_repost"),
    [
        ({"text": "RT @ann: so true"}, True),
        ({"text": "  RT @ann: so true"}, True),
        ({"text": "\u200bRT @ann: so true"}, True),
        ({"text": "RT this please"}, False),
        ({"text": "so true RT @ann"}, False),
        ({"text": "a", "repost": "true"}, True),
        ({"text": "a", "repost": "True"}, True),
        ({"text": "a", "repost": "1"}, True),
        ({"text": "a", "repost": "1.0"}, True),
        ({"text": "a", "repost": "1409198541"}, True),
        ({"text": None, "repost": "true"}, True),
        ({"text": "a", "repost": "false"}, False),
        ({"text": "a", "repost": "False"}, False),
        ({"text": "a", "repost": " FALSE "}, False),
        ({"text": "a", "repost": "f"}, False),
        ({"text": "a", "repost": "no"}, False),
        ({"text": "a", "repost": "0"}, False),
        ({"text": "a", "repost": "0.0"}, False),
        ({"text": "a", "repost": "None"}, False),
        ({"text": "a", "repost": "NaN"}, False),
        ({"text": "a", "repost": ""}, False),
        ({"text": "a", "repost": None}, False),
    ],
)
def test_reposts_are_left_out_and_counted(take, row, is_repost):
    got = take(row)
    assert (got.reposts, got.posts.height, got.quarantine.height) == (is_repost, not is_repost, 0)


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.csv", "text,is_retweet\na,False\nb,True\nc,0\nd,1\ne,\n", [2, 4, 6]),
        ("a.jsonl", '{"text":"a","retweeted_status":{"id":1}}\n{"text":"b","retweeted_status":null}\n', [2]),
        ("a.jsonl", '{"text":"a","reblog":{"id":1}}\n{"text":"b","reblog":null}\n{"text":"c","reblog":{}}\n', [2, 3]),
        ("a.jsonl", '{"text":"a","is_repost":true}\n{"text":"b","is_repost":false}\n{"text":"c"}\n', [2, 3]),
        ("a.jsonl", '{"text":"a","is_repost":"false"}\n{"text":"b","is_repost":"true"}\n', [1]),
    ],
)
def test_reposts_are_known_by_the_flags_of_their_platforms(tmp_path, keyed, name, content, lines):
    path = tmp_path / name
    path.write_text(content)
    [rows] = files.fetch([path], {})
    dated = rows.rows.with_columns(created_at=pl.lit(DAY))
    got = ingest(Batch(rows.file, dated), Source(name="s"), keyed, CLOCK, None)
    assert (values(got, "line"), got.reposts) == (lines, dated.height - len(lines))


@pytest.mark.parametrize(
    "flags",
    [
        pl.Series([False, True, None]),
        pl.Series([0, 1, None]),
        pl.Series([0.0, 1.0, None]),
        pl.Series(["False", "True", None]),
        pl.Series([None, {"id": 5}, None]),
    ],
    ids=lambda flags: str(flags.dtype),
)
def test_reposts_of_parquet_are_known_in_any_type(tmp_path, keyed, flags):
    pl.DataFrame({"text": ["a", "b", "c"], "date": DAY, "is_retweet": flags}).write_parquet(tmp_path / "a.parquet")
    [rows] = files.fetch([tmp_path / "a.parquet"], {})
    got = ingest(rows, Source(name="s"), keyed, CLOCK, None)
    assert (values(got, "text"), got.reposts) == (["a", "c"], 1)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"text": "body"}, "body"),
        ({"text": "  body\n"}, "body"),
        ({"title": "Title", "text": "body"}, "Title\n\nbody"),
        ({"title": "Title", "text": None}, "Title"),
        ({"title": "Title", "text": " "}, "Title"),
        ({"title": " ", "text": "body"}, "body"),
        ({"title": "RT", "text": "@ann"}, "RT\n\n@ann"),
        ({"text": "e\u0301 n\u0303 A\u030a"}, "é ñ Å"),
        ({"text": "ki\u0000ll\u200b yo\u202eur\u202cself"}, "kill yourself"),
        ({"text": "s\u00adad \u2066sad\u2069 \ufeffsad \u200fsad\u200e \u061csad \x7f\x85\x01sad"}, "sad sad sad sad sad sad"),
        ({"text": "a\tb\nc\r\nd"}, "a\tb\nc\r\nd"),
        ({"text": "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 👍🏽 ❤️ 🇦🇷"}, "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 👍🏽 ❤️ 🇦🇷"),
        ({"text": "می\u200cخواهم क्\u200dष"}, "می\u200cخواهم क्\u200dष"),
        ({"text": "\u200b  sad  \u200b"}, "sad"),
        ({"text": "[deleted] was here"}, "[deleted] was here"),
    ],
)
def test_text_is_cleaned_of_what_hides_words_and_of_nothing_else(take, row, expected):
    assert values(take(row), "text") == [expected]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": None}, "text: empty"),
        ({"text": ""}, "text: empty"),
        ({"text": " \n\t"}, "text: empty"),
        ({"text": "\u200b\u202e\u0000\ufeff"}, "text: empty"),
        ({"title": "", "text": ""}, "text: empty"),
        ({"text": "[deleted]"}, "text: deleted at the source"),
        ({"text": " [removed]\n"}, "text: deleted at the source"),
        ({"title": "Title", "text": "[removed]"}, "text: deleted at the source"),
        ({"title": "Title", "text": "[deleted]"}, "text: deleted at the source"),
        ({"title": "[deleted]", "text": None}, "text: deleted at the source"),
        ({"text": "", "created_at": None}, "text: empty"),
        ({"text": "[deleted]", "created_at": "?"}, "text: deleted at the source"),
        ({"text": "a" * (2**20 + 1)}, "text: longer than 1 MiB"),
        ({"text": "é" * 2**19 + "a"}, "text: longer than 1 MiB"),
        ({"title": "a" * 2**19, "text": "b" * 2**19}, "text: longer than 1 MiB"),
        ({"text": "sad " * 2_500_000}, "text: longer than 1 MiB"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:40],
)
def test_a_row_without_a_text_of_use_is_set_aside(take, row, reason):
    got = take(row)
    assert (got.posts.height, reasons(got)) == (0, {1: reason})


def test_a_text_of_10_mb_that_is_one_mb_when_cleaned_is_a_post(take):
    got = take({"text": "\u200b" * 3_000_000 + "a" * 2**20}, {"text": "é" * 2**19})
    assert [len(text) for text in values(got, "text")] == [2**20, 2**19]


def test_text_hash_follows_the_cleaned_text_alone(take):
    rows = [{"id": str(n), "author": str(n), "text": text} for n, text in enumerate(["é", " e\u0301\u200b", "e"])]
    first, second, third = values(take(*rows), "text_hash")
    assert first == second != third
    assert first == take({"text": "é"}, source="other").posts["text_hash"][0]
    assert re.fullmatch("[0-9a-f]{16}", first)


# --- who ---


def author_key(take, name, **options):
    return values(take({"text": "a", "author": name}, **options), "author_key")[0]


def test_an_author_has_one_key_in_a_source_and_another_in_any_other(take, tmp_path):
    ann = author_key(take, "Ann Smith")
    assert re.fullmatch("[0-9a-f]{32}", ann)
    assert author_key(take, " Ann Smith ") == ann
    others = [
        author_key(take, "ann smith"),
        author_key(take, "Ann Smit"),
        author_key(take, "Ann Smith", source="t"),
        author_key(take, "Ann Smith", key=Keyed(tmp_path / "key")),
    ]
    assert len({ann, *others}) == 5


def test_ids_of_authors_may_be_numbers_that_became_floats(take):
    assert author_key(take, "1409.0") == author_key(take, "1409") != author_key(take, "1409.5")


@pytest.mark.parametrize("nobody", [None, "", "  ", "[deleted]", "[removed]"])
def test_nobody_has_no_key(take, nobody):
    assert author_key(take, nobody) is None


def test_names_and_rejected_rows_leave_no_trace(take):
    rows = [
        {"id": "1", "author": "Ann Smith", "text": "hello"},
        {"author": "Ann Smith", "text": "hello again"},
        {"id": "3", "author": "Ann Smith", "text": "secret words", "created_at": "?"},
    ]
    got = take(*rows, rejects=[Reject(9, NO_TIME, b"Ann Smith: secret words")])
    kept = str(got.posts.rows() + got.quarantine.rows())
    assert values(got, "text") == ["hello", "hello again"]
    assert not [word for word in ("Ann", "Smith", "secret") if word in kept]


# --- which ---


def test_posts_and_their_parents_are_named_within_their_source(take):
    rows = [
        {"id": "1", "parent_id": None}, {"id": " 2 ", "parent_id": "1"}, {"id": "3", "parent_id": ""},
        {"id": "4.0", "parent_id": "2.0"}, {"id": "v1.0", "parent_id": "1.05"}, {"id": "-5.0", "parent_id": " "},
    ]  # fmt: skip
    got = take(*({"text": "a", **row} for row in rows), source="my source")
    assert got.posts.select("post_id", "parent_id").rows() == [
        ("my source:1", None), ("my source:2", "my source:1"), ("my source:3", None),
        ("my source:4", "my source:2"), ("my source:v1.0", "my source:1.05"), ("my source:-5", None),
    ]  # fmt: skip


def test_a_post_without_an_id_gets_a_stable_one_of_author_time_and_text(take, tmp_path):
    post = {"author": "ann", "created_at": DAY, "text": "hello"}
    changed = [{"author": "bob"}, {"author": None}, {"created_at": "2021-05-04"}, {"text": "hallo"}]
    ids = values(take(*({**post, **change} for change in ({}, *changed))), "post_id")
    assert len(set(ids)) == 5
    assert all(name.startswith("s:~") and len(name) == 3 + 24 for name in ids)
    elsewhere = take({"text": "first"}, {**post, "id": " ", "created_at": "2021-05-03T00:00Z", "community": "x"})
    assert values(elsewhere, "post_id")[1] == ids[0]
    assert values(take(post, key=Keyed(tmp_path / "key")), "post_id") != ids[:1]


# --- in which language ---

ENGLISH = "I am so tired of all these exams and nobody seems to care about us"
SPANISH = "Estoy muy cansada de todos estos exámenes y parece que a nadie le importa"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("en", "en"), ("en-US", "en"), ("EN", "en"), ("ES", "es"), ("Fr-CA", "fr"), ("es_419", "es"), ("pt-BR", "pt"), ("qqx", "en"), ("", "en"),
     ("english", "en"), (None, "en"), ("e", "en"), ("und", "en")],
)  # fmt: skip
def test_language_is_as_given_else_detected(take, given, expected):
    assert values(take({"text": ENGLISH, "lang": given}), "lang") == [expected]


def test_language_declared_for_a_source_stands_in_for_detection(take):
    rows = [{"text": ENGLISH, "lang": None}, {"text": ENGLISH, "lang": "en-GB"}, {"text": "a", "lang": "?"}]
    assert values(take(*rows, lang="es"), "lang") == ["es", "en", "es"]


def test_language_is_detected_and_und_where_there_is_too_little_to_tell(take):
    untold = ["a", "🙂🙂", "123", "?!", "\u200d", "....", "!!!!!!!!", "100 200 300", "😂" * 50, "$$ -- 5€"]
    texts = [ENGLISH, SPANISH, f"{SPANISH}\n\n{SPANISH}", *untold]
    got = take(*({"text": text} for text in texts))
    assert dict(zip(values(got, "text"), values(got, "lang"), strict=True)) == {
        ENGLISH: "en", SPANISH: "es", f"{SPANISH}\n\n{SPANISH}": "es", **dict.fromkeys(untold, "und"),
    }  # fmt: skip


# --- and nothing gets lost ---


def test_what_the_source_rejected_is_quarantined_with_what_is_no_post(take, keyed):
    rejects = [Reject(7, "line: not JSON", b"{"), Reject(0, "file: not readable", b""), Reject(7, "other", b"{")]
    got = take({"text": "a"}, {"text": ""}, {"text": "b", "created_at": "?"}, rejects=rejects)
    assert got.quarantine.select("source", "file", "line", "reason").rows() == [
        ("s", "posts.jsonl", 7, "line: not JSON"), ("s", "posts.jsonl", 0, "file: not readable"),
        ("s", "posts.jsonl", 7, "other"), ("s", "posts.jsonl", 2, "text: empty"), ("s", "posts.jsonl", 3, NO_TIME),
    ]  # fmt: skip
    hashes = got.quarantine["raw_hash"].to_list()
    assert hashes[0] == hashes[2] == keyed.hash(b"{") != hashes[1]


def test_a_batch_without_rows_has_no_posts_but_all_columns(take):
    got = take()
    assert (got.posts.height, got.quarantine.height, got.reposts, got.later) == (0, 0, 0, 0)
    assert got.posts.columns == [name for name in POSTS.columns if name != "segment"] + ["line"]
    assert got.quarantine.schema == QUARANTINE.schema


def test_rows_may_have_no_column_but_their_text(keyed):
    rows = pl.DataFrame({"line": [1], "text": ["a"]})
    assert reasons(ingest(Batch("f", rows), Source(name="s"), keyed, CLOCK, None)) == {1: MISSING}


TIME = st.sampled_from([*TIMES, "2021-06-01", "2021-04-01"]) | st.none() | st.text(max_size=8)
TEXT = (
    st.none()
    | st.text(max_size=30)
    | st.sampled_from(["", "[deleted]", "RT @a b", ENGLISH, SPANISH, "\u200b", "\u202e", "👩\u200d👩", "\x85", "a" * (2**20 + 1)])
)
ROW = st.fixed_dictionaries(
    {"text": TEXT, "created_at": TIME},
    optional={
        "id": st.none() | st.text(max_size=3) | st.sampled_from(["1", "1.0", "2"]),
        "parent_id": st.none() | st.text(max_size=3),
        "author": st.none() | st.text(max_size=3),
        "title": st.none() | st.text(max_size=5),
        "lang": st.none() | st.text(max_size=5) | st.sampled_from(["en", "ES", "pt-BR"]),
        "repost": st.sampled_from([None, "true", "False", "0", "?"]),
        "community": st.none() | st.text(max_size=3),
        "geo": st.none() | st.text(max_size=3),
    },
)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(ROW, max_size=8),
    as_of=st.sampled_from([None, datetime(2021, 5, 1), datetime(2023, 1, 1)]),
    options=st.sampled_from([{}, {"lang": "es"}, {"timezone": "Europe/Madrid"}]),
    rejected=st.integers(0, 3),
)
def test_every_row_ends_in_exactly_one_place(keyed, rows, as_of, options, rejected):
    rejects = [Reject(len(rows) + n, "line: not JSON", b"") for n in range(1, rejected + 1)]
    got = ingest(batch(*rows, rejects=rejects), Source(name="s", **options), keyed, CLOCK, as_of)
    assert got.posts.height + got.quarantine.height + got.reposts + got.later == len(rows) + rejected
    lines = [*values(got, "line"), *got.quarantine["line"]]
    assert len(lines) == len(set(lines))
    assert set(lines) <= set(range(1, len(rows) + rejected + 1))
    posts = POSTS.validate(got.posts.drop("line").with_columns(segment=pl.lit(1)))
    assert posts["lang"].str.contains("^([a-z]{2}|und)$").all()
    assert all(unicodedata.is_normalized("NFC", text) and text == text.strip() != "" for text in posts["text"])
    again = ingest(batch(*rows, rejects=rejects), Source(name="s", **options), keyed, CLOCK, as_of)
    assert again.posts.equals(got.posts)
    assert again.quarantine.equals(got.quarantine)
