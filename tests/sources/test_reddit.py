"""Reddit: dumps, and listings over HTTP: what is there, what is found gone later, what a listing no longer holds."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import zstandard

from barograph.errors import ConfigError, InputError, Terminal
from barograph.ingest import ingest
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch, background, backoff, dump, reddit
from tests.sources.arriving import land, reasons, rows, until
from tests.sources.subreddits import Subreddits, comment, submission

NOW = int(time.time())


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waits are short here."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(background, "BATCH_SECONDS", 0.02)


# --- dumps ---

DUMPED = [
    {"id": "aaa", "title": "Exams", "selftext": "So tired", "author": "ann", "subreddit": "college", "created_utc": 1620000000},
    {"id": "aab", "title": "A link", "selftext": "", "author": "ben", "subreddit": "college", "created_utc": "1620000001"},
    {"id": "aac", "title": "Gone", "selftext": "[deleted]", "author": "[deleted]", "subreddit": "college", "created_utc": 1620000002},
    {"id": "aaa", "body": "Me too", "author": "cem", "subreddit": "college", "created_utc": 1620000003, "parent_id": "t3_aaa", "link_id": "t3_aaa"},
    {"id": "aad", "body": "[removed]", "author": "dee", "subreddit": "college", "created_utc": 1620000004, "parent_id": "t1_aaa"},
    {"id": "aae", "body": "And me", "author": "[deleted]", "subreddit": "college", "created_utc": 1620000005, "parent_id": "t1_aaa", "name": "t1_aae"},
]  # fmt: skip


@pytest.fixture
def dumped(tmp_path):
    """A function that writes a dump as Pushshift did, with a window of 2 GiB, and names it as a source."""

    def written(name, items=DUMPED, extra=b""):
        raw = b"".join(json.dumps(item).encode() + b"\n" for item in items) + extra
        parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=31, enable_ldm=1)
        (tmp_path / "dumps").mkdir(exist_ok=True)
        (tmp_path / "dumps" / name).write_bytes(zstandard.ZstdCompressor(compression_params=parameters).compress(raw))
        return Source(name="reddit", kind="reddit", path=(str(tmp_path / "dumps"),))

    return written


def never(_batches):
    return False


def read_all(source, cursor=None):
    return until(reddit.fetch(source, cursor, threading.Event()), threading.Event(), never)


def test_submissions_and_comments_of_a_dump_keep_apart(dumped, tmp_path):
    batches = read_all(dumped("RC_2021-05.jsonl.zst"))
    assert [(r["op"], r["id"], r["parent_id"], r["title"], r["text"]) for r in rows(batches)] == [
        ("post", "t3_aaa", None, "Exams", "So tired"), ("post", "t3_aab", None, "A link", ""),
        ("delete", "t3_aac", None, None, None), ("post", "t1_aaa", "t3_aaa", None, "Me too"),
        ("delete", "t1_aad", None, None, None), ("post", "t1_aae", "t1_aaa", None, "And me"),
    ]  # fmt: skip
    posts = rows(batches)
    frame = batches[0].rows.filter(batches[0].rows["op"] == "post").drop("op")
    got = ingest(Batch("dump", frame), Source(name="reddit"), Keyed(tmp_path / "key"), datetime(2022, 1, 1), None)
    assert got.quarantine.is_empty() and posts[1]["author"] == "ben"
    assert got.posts["author_key"].null_count() == 1
    assert got.posts["parent_id"].to_list() == [None, None, "reddit:t3_aaa", "reddit:t1_aaa"]
    assert set(got.posts["parent_id"].drop_nulls()) <= set(got.posts["post_id"])


def test_dumps_are_read_on_from_the_cursor_and_once(dumped, monkeypatch):
    monkeypatch.setattr(dump, "ROWS", 2)
    source = dumped("RS_2021-05.jsonl.zst", DUMPED[:3], b"no json\n")
    dumped("RC_2021-05.jsonl.zst", DUMPED[3:])
    cursor, found, wrong = None, [], []
    for _ in range(20):
        batches = until(reddit.fetch(source, cursor, stop := threading.Event()), stop, rows)
        if not batches or not rows(batches):
            break
        found, wrong, cursor = found + rows(batches), wrong + reasons(batches), batches[-1].cursor
    assert [r["id"] for r in found] == ["t1_aaa", "t1_aad", "t1_aae", "t3_aaa", "t3_aab", "t3_aac"]
    assert wrong == ["line: not JSON; expected one JSON object a line"]
    assert read_all(source, batches[-1].cursor if batches else cursor) == []
    dumped("RA_2021-04.jsonl.zst", DUMPED[:1])
    assert [r["id"] for r in rows(read_all(source, batches[-1].cursor if batches else cursor))] == ["t3_aaa"]


def test_a_dump_that_is_cut_off_is_named(dumped, tmp_path):
    source = dumped("a.jsonl.zst", DUMPED * 5000)
    path = tmp_path / "dumps" / "a.jsonl.zst"
    path.write_bytes(path.read_bytes()[:-20])
    batches = read_all(source)
    assert reasons(batches) in (["file: compressed data is cut off or damaged; expected a complete file"],
                                ["file: not readable as posts; expected a whole file with a column or key of text"])  # fmt: skip
    with pytest.raises(InputError, match="no such file or folder"):
        read_all(Source(name="reddit", kind="reddit", path=(str(tmp_path / "none"),)))


# --- the API ---


@pytest.fixture
def api(monkeypatch):
    with Subreddits() as running:
        for name, value in [("client_id", "client"), ("client_secret", "secret"), ("user_agent", "test:barograph:1 (by nobody)")]:
            monkeypatch.setenv(f"praw_{name}", value)
        monkeypatch.setattr(reddit, "_OAUTH", running.address)
        monkeypatch.setattr(reddit, "_WWW", running.address)
        yield running


SOURCE = Source(name="reddit", kind="reddit", communities=("stress", "Anxiety")).model_copy(update={"poll_seconds": 0.02})


def there(*names, then=lambda: None):
    """Until rows of these ids have come; `then` is called once, when the first row of any has."""
    called = []

    def done(batches):
        found = {r["id"] for r in rows(batches)}
        if found and not called:
            called.append(then())
        return found >= set(names)

    return done


def listen(api, done, cursor=None, source=SOURCE):
    return until(reddit.fetch(source, cursor, stop := threading.Event()), stop, done)


def test_both_listings_come_page_by_page_and_once(api):
    api.items = [submission(f"s{n}", NOW - 500 + n, title=f"S{n}") for n in range(130)]
    api.items += [comment(f"c{n}", NOW - 400 + n, community="Anxiety", parent=f"t3_s{n}") for n in range(130)]
    api.items.append(submission("other", NOW - 300, community="cats"))

    def more():
        api.items += [comment("new", NOW, text="New"), submission("late", NOW - 450, title="Approved late")]

    come = there("t1_new", "t3_late", then=more)
    found = rows(listen(api, lambda batches: come(batches) and api.polls() > 5))
    assert sorted(r["id"] for r in found) == sorted(
        [f"t3_s{n}" for n in range(130)] + [f"t1_c{n}" for n in range(130)] + ["t1_new", "t3_late"]
    )
    first = next(r for r in found if r["id"] == "t1_c7")
    assert (first["parent_id"], first["community"], first["author"], first["title"], first["text"], first["op"]) == (
        "t3_s7", "Anxiety", "someone", None, "Said", "post",
    )  # fmt: skip
    assert float(first["created_at"]) == NOW - 393
    assert all("test:barograph:1" in agent for agent in api.agents)


def test_what_is_gone_on_a_later_look_is_deleted(api, monkeypatch):
    monkeypatch.setattr(reddit, "LOOK_SECONDS", 0.0)
    api.items = [
        submission("kept", NOW), submission("dropped", NOW), submission("taken", NOW), comment("erased", NOW),
        comment("edited", NOW), comment("left", NOW, author="leaver"), submission("old", NOW - 3 * 86400),
    ]  # fmt: skip

    def change():
        api.change("t3_dropped", selftext="[deleted]", author="[deleted]")
        api.change("t3_taken", removed_by_category="moderator", selftext="")
        api.change("t1_erased", body="[removed]")
        api.change("t1_edited", body="Said otherwise")
        api.change("t1_left", author="[deleted]")
        api.change("t3_old", selftext="[deleted]")
        api.items.append(comment("never", NOW, text="[removed]"))

    come = there("t3_kept", then=change)

    def done(batches):
        return come(batches) and sum(r["op"] != "post" for r in rows(batches)) >= 7

    found = [r for r in rows(listen(api, done)) if r["op"] != "post"]
    assert sorted((r["op"], r["id"], r["text"], r["author"]) for r in found if r["op"] != "leave") == [
        ("delete", "t1_erased", None, None), ("delete", "t1_never", None, None), ("delete", "t3_dropped", None, None),
        ("delete", "t3_old", None, None), ("delete", "t3_taken", None, None),
        ("update", "t1_edited", "Said otherwise", "someone"),
    ]  # fmt: skip
    assert [(r["id"], r["author"]) for r in found if r["op"] == "leave"] == [(None, "leaver")]
    assert not any("t3_old" in query.get("id", "").split(",") for _, query in api.asked)


def test_a_new_process_tells_of_edits_from_before_it(api):
    """Whether the one before had seen the old words it cannot know: it is both, and the new words stand."""
    api.items = [submission("a", NOW - 100, text="First words"), comment("b", NOW - 90), comment("c", NOW - 80)]
    cursor = listen(api, there("t3_a", "t1_b", "t1_c"))[-1].cursor
    api.change("t3_a", selftext="Second words", edited=NOW - 10.0)
    api.change("t1_c", body="[deleted]", edited=NOW - 10.0)
    again = rows(listen(api, there("t3_a", "t1_b", "t1_c"), cursor))
    assert sorted((r["op"], r["id"], r["text"]) for r in again) == [
        ("delete", "t1_c", None), ("post", "t1_b", "Said"), ("post", "t3_a", "Second words"),
        ("update", "t3_a", "Second words"),
    ]  # fmt: skip


def test_more_than_a_listing_holds_is_missed_and_the_rest_covered(api, monkeypatch):
    api.most = 100
    monkeypatch.setattr(reddit, "LISTED", 100)
    api.items = [submission("first", NOW - 5000), comment("only", NOW - 5000)]
    cursor = listen(api, lambda batches: batches[-1].cursor)[-1].cursor
    assert "first" not in cursor and "only" not in cursor
    api.items += [submission(f"s{n}", NOW - 1000 + n) for n in range(300)] + [comment("c", NOW - 700)]
    batches = listen(api, lambda batches: batches[-1].missed, cursor)
    [missed] = [m for a in batches for m in a.missed]
    epoch = datetime(1970, 1, 1)
    assert (missed.starts_at, missed.ends_at) == (
        epoch + timedelta(seconds=NOW - 5000), epoch + timedelta(seconds=NOW - 800),
    )  # fmt: skip
    ends = [a.covered[1] for a in batches if a.covered]
    assert not ends or abs(max(ends) - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)


def test_a_quiet_community_is_covered_and_not_missed(api):
    api.items = [submission("first", NOW - 5000)]
    batches = listen(api, lambda batches: sum(bool(a.covered) for a in batches) > 2)
    assert [m for a in batches for m in a.missed] == []


def test_a_landing_goes_on_where_it_was(api, tmp_path):
    api.items = [submission("a", NOW - 100)]
    for name in ("t3_a", "t1_c"):
        landed = land(
            tmp_path / "landing", reddit.fetch, SOURCE, lambda a, name=name: name in a.rows["id"].to_list(), tmp_path / "key"
        )
        api.items.append(comment("c", NOW))
    assert landed[-1].cursor
    assert {r for s in landed for r in s.rows["id"]} == {"t3_a", "t1_c"}


def test_strange_items_are_set_aside(api):
    api.items = [submission("a", NOW), submission("b", NOW, text=None), comment("c", NOW, text=5), comment("d", NOW)]
    come = there("t3_a", "t1_d")
    batches = listen(api, lambda batches: come(batches) and api.polls() > 4)
    assert {r["id"] for r in rows(batches)} == {"t3_a", "t1_d"}
    assert reasons(batches) == ["item: no name or text, as submissions and comments have"] * 2


def test_an_answer_that_is_no_listing_is_waited_out(api, caplog):
    api.items = [submission("a", NOW, author=None), submission("b", NOW)]
    stop = threading.Event()

    def done(batches):
        if len(api.asked) >= 3:
            api.items = api.items[-1:]
        return any(row["id"] for row in rows(batches))

    assert [r["id"] for r in rows(until(reddit.fetch(SOURCE, None, stop), stop, done))] == ["t3_b"]
    assert [m for m in caplog.messages if m.startswith("reddit: OSError; trying again")]


def test_being_asked_to_wait_is_waited_out(api, caplog):
    api.items = [submission("a", NOW, text="Private words")]
    api.fail = [(429, {"retry-after": "0.1"}), (429, {"x-ratelimit-reset": "0"})]
    batches = listen(api, lambda batches: any(r["id"] for r in rows(batches)))
    assert [r["id"] for r in rows(batches)] == ["t3_a"]
    assert [m for m in caplog.messages if "answered 429; trying again in 0.1 s" in m]
    assert "Private words" not in "".join(caplog.messages) and "someone" not in "".join(caplog.messages)


def test_keys_that_are_missing_or_refused_end_it(api, monkeypatch):
    api.secret = "another"
    with pytest.raises(Terminal, match="Reddit refused the keys; expected those of a registered application in praw_client_id"):
        listen(api, never)
    monkeypatch.delenv("praw_client_secret")
    with pytest.raises(ConfigError, match="environment variable praw_client_secret is empty"):
        listen(api, never)


def test_communities_that_nobody_may_read_end_it(api):
    api.closed = {"stress", "Anxiety"}
    with pytest.raises(Terminal, match=r"Reddit shows none of stress, Anxiety \(403\); expected communities that are public"):
        listen(api, never)


@pytest.mark.parametrize("cursor", ['{"until_s": "x"}', "[]", '{"until_s": 5, "newest_s": [1]}', "{"])
def test_a_cursor_that_is_none_says_so(api, cursor):
    with pytest.raises(Terminal, match="move the source's landing folder away"):
        listen(api, never, cursor)
