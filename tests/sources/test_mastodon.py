"""A Mastodon server over HTTP: what it streams, what it tells later, what it no longer has, and what is no event."""

import itertools
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.errors import ConfigError, Terminal
from barograph.settings import Source
from barograph.sources import background, backoff, mastodon, statuses
from tests.conftest import SHARED
from tests.sources.arriving import PATIENCE, land, reasons, rows, until
from tests.sources.instance import Instance, status

NOW = datetime.now(UTC).replace(microsecond=0)
"""When the present test began."""


@pytest.fixture(autouse=True)
def begun(monkeypatch):
    """Tests are gathered minutes before they run."""
    monkeypatch.setitem(globals(), "NOW", datetime.now(UTC).replace(microsecond=0))


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Waits between two tries are short here."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(background, "BATCH_SECONDS", 0.02)


@pytest.fixture
def instance():
    with Instance() as running:
        yield running


def source(instance, **more):
    return Source(name="toots", kind="mastodon", hosts=(instance.host,), **more)


class Reading:
    """A source that is read in this thread, while what it should do next is said step by step."""

    def __init__(self, source, cursor=None):
        self.stop, self.batches = threading.Event(), []
        self._fetched = mastodon.fetch(source, cursor, self.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.batches += list(self._fetched)

    def until(self, done):
        """Read on until `done(self)`."""
        deadline = time.monotonic() + PATIENCE
        while not done(self):
            assert time.monotonic() < deadline, "the source did not bring what was expected"
            self.batches.append(next(self._fetched))

    def texts(self, op="post"):
        return [r["text"] for r in rows(self.batches) if r["op"] == op] if self.batches else []

    @property
    def missed(self):
        return [m for a in self.batches for m in a.missed]

    @property
    def cursor(self):
        return self.batches[-1].cursor


def ago(seconds, said, **more):
    return status(NOW - timedelta(seconds=seconds), said, **more)


# --- the real exchanges ---


@pytest.fixture(scope="module")
def exchanges():
    folder = SHARED / "fixtures" / "mastodon"
    if not folder.is_dir():
        pytest.skip("no recorded exchanges: set BAROGRAPH_SHARED to the folder that holds data/fixtures/mastodon")
    found = []
    for path in sorted(folder.glob("*.yaml")):
        for one in yaml.load(path.read_text(), yaml.CSafeLoader)["interactions"]:
            body = one["response"]["body"]["string"]
            found.append((one["request"], json.loads(body) if body.startswith(("{", "[")) else None))
    return found


def posted(exchanges, visibility="public"):
    """Text as it was sent → the status that came of it."""
    sent = [(parse_qs(r["body"] or "").get("status"), got) for r, got in exchanges if r["method"] == "POST"]
    return {said[0]: got for said, got in sent if said and got.get("visibility") == visibility}


def test_the_server_of_these_tests_pages_as_a_real_one_did(exchanges, instance):
    pages = [(r["uri"], got) for r, got in exchanges if "/timelines/tag/" in r["uri"]]
    known = {s["id"]: s for _, got in exchanges for s in (got if isinstance(got, list) else [got]) if s and "tags" in s}
    instance.statuses = list(known.values())
    for uri, got in pages:
        url = urlsplit(uri)
        answer = requests.get(f"{instance.host}{url.path}?{url.query}", timeout=10).json()
        assert [s["id"] for s in answer] == [s["id"] for s in got]
    assert len(pages) > 5 and any(got for _, got in pages)


def test_recorded_statuses_are_read_as_they_were_written(exchanges, instance):
    sent = posted(exchanges)
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        for one in [*posted(exchanges, "unlisted").values(), *sent.values()]:
            instance.say("update", one)
        reading.until(lambda r: len(r.texts()) >= len(sent))
    assert len(sent) == 30 and reading.texts() == list(sent)
    assert sum(a.ignored.get("not public", 0) for a in reading.batches) == 10
    for row, recorded in zip(rows(reading.batches), sent.values(), strict=True):
        assert (row["id"], row["lang"], row["author"]) == (recorded["id"], recorded["language"], recorded["account"]["acct"])
        assert row["created_at"] == recorded["created_at"]
    assert reasons(reading.batches) == []


def test_recorded_statuses_are_caught_up_with_page_by_page(exchanges, instance, monkeypatch):
    monkeypatch.setattr(mastodon, "PAGE", 10)
    sent = posted(exchanges)
    instance.statuses = sorted(sent.values(), key=lambda s: int(s["id"]))
    first = instance.statuses[0]
    cursor = str(mastodon.Cursor(int(first["id"]) >> 16, (int(first["id"]) >> 16,)))
    with Reading(source(instance), cursor) as reading:
        reading.until(lambda _r: instance.connections)
    assert {r["id"] for r in rows(reading.batches)} == {s["id"] for s in sent.values()}
    assert {int(q["limit"]) for _, q in instance.asked} == {1, 10} and reading.missed == []


# --- what is said ---


def test_posts_edits_and_deletes_come_in_order(instance):
    a, b = ago(5, "One"), ago(4, "Two", in_reply_to_id="77", spoiler_text="food", language=None)
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        instance.post(a, b, listed=False)
        instance.say("status.update", a | {"content": "<p>One!</p>", "edited_at": "2026"})
        instance.say("status.update", a | {"content": "", "edited_at": "2026"})
        instance.say("delete", b["id"])
        reading.until(lambda r: any(row["op"] == "delete" for row in rows(r.batches)))
    assert [(r["op"], r["id"], r["text"]) for r in rows(reading.batches)] == [
        ("post", a["id"], "One"), ("post", b["id"], "Two"), ("update", a["id"], "One!"),
        ("update", a["id"], ""), ("delete", b["id"], None),
    ]  # fmt: skip
    second = rows(reading.batches)[1]
    assert (second["parent_id"], second["title"], second["lang"], second["author"]) == (
        "77", "food", None, "someone@example.org",
    )  # fmt: skip


def test_only_public_posts_of_people_with_words_count(instance):
    others = [
        ago(9, "a", visibility="unlisted"), ago(9, "b", visibility="private"), ago(9, "c", visibility="direct"),
        ago(9, "d", account={"acct": "news", "bot": True}), ago(9, ""), ago(8, "", spoiler_text="Only a warning"),
        ago(7, "", reblog={"id": "1"}),
    ]  # fmt: skip
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        instance.post(*others, listed=False)
        instance.say("notification", {"id": "5"})
        instance.post(ago(1, "Last"), listed=False)
        reading.until(lambda r: "Last" in r.texts())
    assert [(r["title"], r["repost"]) for r in rows(reading.batches)] == [
        ("Only a warning", None), (None, "true"), (None, None),
    ]  # fmt: skip
    ignored = {}
    for arrived in reading.batches:
        for reason, n in arrived.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + n
    assert ignored == {"not public": 3, "automated account": 1, "without a word": 1, "event notification": 1}


@pytest.mark.parametrize(("html", "said"), [
    ("<p>a &amp; b<br />c</p><p>d</p>", "a & b\nc\n\nd"),
    ('<p>#<a href="x" class="mention hashtag">#<span>exams</span></a>.</p>', "##exams."),
    ('<p class="quote-inline">RE: <a href="x">y</a></p><p>Mine</p>', "Mine"),
    ('<a href="https://a.example/b"><span class="invisible">https://</span><span>a.example/b</span></a>', "https://a.example/b"),
    ("", ""), ("plain <3", "plain <3"), ("<script>x</script>\x00ok", "ok"),
])  # fmt: skip
def test_html_is_read_as_a_page_shows_it(html, said):
    assert statuses.text(html).replace("�", "") == said


# --- what is no event ---


def test_garbage_is_set_aside_and_the_connection_kept(instance):
    garbage = [
        b"\xff\xfe\n", b"event: update\ndata: {not json\n\n", b"event: update\ndata: [1]\n\n",
        b"event: update\ndata: {}\n\n", b"event: delete\ndata: ../x\n\n", b"event: surprise\ndata: 1\n\n",
        b'event: update\ndata: {"id": "12", "account": {}, "visibility": "public"}\n\n', b"data: nameless\n\n",
        b"event: update\n\n", b"\n\n\n", b":thump\n", b"id: 5\nretry: 10\n",
    ]  # fmt: skip
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        for raw in garbage:
            for byte in range(0, len(raw), 7):
                instance.send(raw[byte : byte + 7])
        instance.post(ago(1, "Still here"), listed=False)
        reading.until(lambda r: r.texts())
    assert reasons(reading.batches) == [
        "event: of no known name", "event: not JSON", "status: got no object with an account",
        "status: got no object with an account", "delete: no id", "event: of no known name",
        "id: tells no time as ids of Mastodon do", "event: of no known name",
    ]  # fmt: skip
    assert instance.connections == 1


class Chunks:
    """What arrives of a connection, piece by piece."""

    def __init__(self, pieces):
        self._pieces = list(pieces)

    def read1(self, _most):
        return self._pieces.pop(0) if self._pieces else b""


STREAM = b':)\nevent: update\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: delete\ndata: 12\n\nnonsense\n:thump\nevent: update\ndata: half'


@settings(derandomize=True)
@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=8))
def test_events_are_the_same_however_they_are_cut(cuts):
    at = sorted({0, *cuts, len(STREAM)})
    pieces = [STREAM[a:b] for a, b in itertools.pairwise(at)]
    assert list(statuses.events(Chunks(pieces))) == [
        None, ("update", b'{"a":\n1}'), ("delete", b"12"), ("", b"nonsense"), None,
    ]  # fmt: skip


def test_an_event_without_end_is_not_held():
    with pytest.raises(OSError, match="longer than 4 MiB"):
        list(statuses.events(Chunks([b"event: update\ndata: "] + [b"x" * 2**16] * 70)))


@settings(derandomize=True, max_examples=300)
@given(st.data())
def test_no_status_however_damaged_is_a_crash(data):
    whole = status(NOW, "Said")
    anything = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.none(), max_size=2)
    damaged = whole | data.draw(st.dictionaries(st.sampled_from(sorted(whole)), anything, max_size=3))
    try:
        found = statuses.read(damaged, int(NOW.timestamp() * 1000))
    except statuses.Unreadable:
        return
    assert (found.row is None) == (found.ignored is not None)
    assert found.row is None or all(isinstance(v, str | None) for v in found.row.values())


# --- when it cannot be heard ---


def test_what_is_written_while_the_connection_is_cut_is_caught_up_with(instance, monkeypatch):
    monkeypatch.setattr(mastodon, "PAGE", 4)
    with Reading(source(instance)) as reading:
        for go in range(3):
            reading.until(lambda _r, go=go: instance.connections > go)
            instance.post(*(ago(30 - go, f"{go} told {n}", n=n) for n in range(10)))
            reading.until(lambda r, go=go: f"{go} told 9" in r.texts())
            instance.statuses += [ago(29.5 - go, f"{go} untold {n}", n=n) for n in range(10)]
            instance.send(b'event: update\ndata: {"id": "1')  # an event that nobody ends
            instance.cut()
        reading.until(lambda r: "2 untold 9" in r.texts())
    expected = {f"{go} {how} {n}" for go in range(3) for how in ("told", "untold") for n in range(10)}
    assert set(reading.texts()) == expected
    assert reading.missed == [] and reasons(reading.batches) == []


def test_a_silent_connection_is_made_anew(instance):
    with Reading(source(instance, idle_seconds=1)) as reading:
        reading.until(lambda _r: instance.connections)
        instance.statuses.append(ago(1, "Nobody told"))
        reading.until(lambda r: instance.connections >= 2 and r.texts())
    assert set(reading.texts()) == {"Nobody told"}


def test_a_new_process_goes_on_from_the_cursor_which_names_no_post(instance, tmp_path):
    instance.statuses = [ago(500 - n, f"{n}") for n in range(100)]
    known = instance.statuses[10]
    cursor = str(mastodon.Cursor((int(known["id"]) >> 16) + 1, (int(known["id"]) >> 16,)))
    with Reading(source(instance), cursor) as reading:
        reading.until(lambda _r: instance.connections)
    texts = reading.texts()
    assert set(texts) == {str(n) for n in range(100)} and reading.missed == []
    assert not any(s["id"] in reading.cursor for s in instance.statuses)
    instance.statuses.append(ago(0, "new"))
    landed = land(
        tmp_path / "landing", mastodon.fetch, source(instance),
        lambda a: "new" in a.rows["text"].to_list(), tmp_path / "key",
    )  # fmt: skip
    assert "new" in {text for s in landed for text in s.rows["text"]} and landed[-1].cursor


def test_what_the_server_no_longer_has_is_missed(instance):
    instance.statuses = [ago(1000 - n, f"{n}") for n in range(500, 600)]
    gone = ago(5000, "gone")
    seen = int(gone["id"]) >> 16
    with Reading(source(instance), str(mastodon.Cursor(seen + 1, (seen,)))) as reading:
        reading.until(lambda _r: instance.connections)
    [missed] = reading.missed
    naive = NOW.replace(tzinfo=None)
    assert (missed.starts_at, missed.ends_at) == (naive - timedelta(seconds=5000), naive - timedelta(seconds=500))
    covered = [a.covered for a in reading.batches if a.covered]
    assert min(c[0] for c in covered) == missed.ends_at
    assert len(reading.texts()) >= 100


def test_all_that_was_known_being_gone_is_missed_until_now(instance):
    gone = int(ago(5000, "gone")["id"]) >> 16
    with Reading(source(instance), str(mastodon.Cursor(gone + 1, (gone,)))) as reading:
        reading.until(lambda _r: instance.connections)
        reading.until(lambda r: r.missed)
    assert (reading.missed[0].ends_at - NOW.replace(tzinfo=None)) < timedelta(minutes=5)


def test_an_edit_of_a_time_nobody_listened_is_both_a_post_and_an_edit(instance):
    edited = ago(400, "New words", edited_at="2026-08-01T00:00:00Z")
    emptied = ago(399, "", edited_at="2026-08-01T00:00:00Z")
    instance.statuses = [ago(401, "before"), edited, emptied]
    seen = int(instance.statuses[0]["id"]) >> 16
    with Reading(source(instance), str(mastodon.Cursor(seen + 1, (seen,)))) as reading:
        reading.until(lambda r: "New words" in r.texts("update"))
    assert "New words" in reading.texts("post") and "" not in reading.texts("post")
    assert set(reading.texts("update")) == {"New words", ""}


def test_times_are_those_of_the_server(instance):
    instance.ahead = timedelta(hours=5)
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        reading.until(lambda r: instance.send(b":thump\n") or any(a.covered for a in r.batches))
    [covered, *_] = [a.covered for a in reading.batches if a.covered]
    assert timedelta(hours=4) < covered[0] - NOW.replace(tzinfo=None) < timedelta(hours=6)


def test_failures_are_waited_out(instance, caplog):
    instance.fail = [500, 503, (429, {"X-RateLimit-Reset": "2000-01-01T00:00:00Z", "X-RateLimit-Remaining": "0"})]
    with Reading(source(instance)) as reading:
        reading.until(lambda _r: instance.connections)
        instance.post(ago(1, "At last"))
        reading.until(lambda r: r.texts())
    said = "\n".join(caplog.messages)
    assert "MastodonInternalServerError" in said and "asked too often" in said
    assert "At last" not in said and "someone" not in said


def test_a_server_that_is_away_is_waited_for():
    with Instance() as instance:
        where = source(instance)
    with Reading(where) as reading:
        reading.until(lambda r: len(r.batches) > 5)
    assert rows(reading.batches) == [] and reading.cursor is None


def test_refusals_end_it_and_say_what_helps(instance, tmp_path):
    instance.token = "right"
    with pytest.raises(Terminal, match=r"refused to show its timeline public \(422\).*token_file"):
        until(mastodon.fetch(source(instance), None, threading.Event()), threading.Event(), lambda _b: False)
    (tmp_path / "token").write_text("wrong\n")
    with pytest.raises(Terminal, match="token_file") as refused:
        until(
            mastodon.fetch(source(instance, token_file=str(tmp_path / "token")), None, threading.Event()),
            threading.Event(), lambda _b: False,
        )  # fmt: skip
    assert "wrong" not in str(refused.value)
    (tmp_path / "token").write_text("right\n")
    with Reading(source(instance, token_file=str(tmp_path / "token"))) as reading:
        reading.until(lambda _r: instance.connections)
    with pytest.raises(ConfigError, match="No such file"):
        next(mastodon.fetch(source(instance, token_file=str(tmp_path / "none")), None, threading.Event()))


def test_a_hashtag_and_the_local_timeline_are_asked_for_by_name(instance):
    for stream, path in [("hashtag:exams", "tag/exams"), ("public:local", "public"), ("public", "public")]:
        with Reading(source(instance, stream=stream)) as reading:
            reading.until(lambda _r: instance.connections)
        instance.connections = 0
        assert instance.asked[-1][0] == f"/api/v1/timelines/{path}"
        assert ("local" in instance.asked[-1][1]) == (stream == "public:local")


def test_a_cursor_that_is_none_says_so(instance):
    with pytest.raises(Terminal, match="move the source's landing folder away"):
        next(mastodon.fetch(source(instance), '{"host": "x"}', threading.Event()))
