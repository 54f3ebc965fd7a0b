"""Jetstream's events through real connections of a real server that cuts, stalls, repeats and forgets."""

import json
import logging
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import zstandard
from dateutil.parser import isoparse

from barograph.clock import utc_now
from barograph.errors import Terminal
from barograph.settings import Source
from barograph.sources import ARRIVED, Arrived, Missed, backoff, jetstream
from barograph.sources.jetstream import Cursor, fetch
from benchmarks.jetstream import mutated, say
from tests.conftest import SHARED
from tests.sources import jetstream_server as server
from tests.sources.jetstream_server import START, Jetstream, made, post
from tests.streams import landed

RECORDED = SHARED / "fixtures" / "jetstream" / "expected_v1.jsonl"
EPOCH = datetime(1970, 1, 1)


def when(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)


def source(*hosts: str, protocol: str = "v2", idle: int = 60) -> Source:
    return Source.model_validate(
        {"name": "sky", "kind": "bluesky", "hosts": hosts, "protocol": protocol, "idle_seconds": idle}
    )


def before(events: list[dict], host: str = "elsewhere", seq: int | None = None) -> str:
    """A cursor just before the first event."""
    return str(Cursor(host, events[0]["time_us"], seq))


def read(given: Source, cursor: str | None, until: int, seconds: float = 20) -> list[Arrived]:
    """Batches until so many different events have come as rows, were ignored or rejected, or time is up."""
    stop, batches, seen = threading.Event(), list[Arrived](), set()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        for arrived in fetch(given, cursor, stop):
            assert arrived.rows.schema == ARRIVED
            batches.append(arrived)
            seen |= set(arrived.rows.select("op", "id", "author").iter_rows())
            if len(seen) >= until:
                stop.set()
    finally:
        timer.cancel()
    return batches


def rows(batches: list[Arrived]) -> pl.DataFrame:
    return pl.concat([b.rows for b in batches]).unique(["op", "id", "author"], maintain_order=True)


def expected(events: list[dict]) -> list[tuple]:
    """(op, id, parent, created_at, author, lang, text) as an independent reading of events that v1 says."""
    found = []
    for e in events:
        commit = e.get("commit", {})
        if e["kind"] == "account":
            found.append(("return" if e["account"]["active"] else "leave", None, None, None, e["did"], None, None))
        elif commit.get("collection") == "app.bsky.feed.post":
            key = f"at://{e['did']}/app.bsky.feed.post/{commit['rkey']}"
            if commit["operation"] == "delete":
                found.append(("delete", key, None, None, None, None, None))
            elif (record := commit["record"])["text"]:
                parent = record.get("reply", {}).get("parent", {}).get("uri")
                lang = (record.get("langs") or [None])[0]
                # Nobody writes later than it was sent: of a clock that is fast the time of sending is taken.
                written = min(utc(record["createdAt"]), when(e["time_us"]))
                found.append(("post", key, parent, written, e["did"], lang, record["text"]))
    return found


def as_tuples(frame: pl.DataFrame) -> list[tuple]:
    found = frame.select("op", "id", "parent_id", "created_at", "author", "lang", "text").rows()
    return [(*row[:3], row[3] and utc(row[3]), *row[4:]) for row in found]


def utc(written: str) -> datetime:
    return isoparse(written).astimezone(UTC).replace(tzinfo=None)


def covered(batches: list[Arrived]) -> list[tuple[datetime, datetime]]:
    """Covered intervals, those that touch joined."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in (b.covered for b in batches if b.covered):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def gap(batches: list[Arrived]) -> list[Missed]:
    return [m for b in batches for m in b.missed]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait as long as one does out of courtesy."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.02)


@pytest.fixture
def recorded() -> list[dict]:
    """Real events, in order of time as v2 gives them."""
    if not RECORDED.is_file():
        pytest.skip("no recorded events: set BAROGRAPH_SHARED to the folder that holds data/fixtures/jetstream")
    return sorted(map(json.loads, RECORDED.read_text().splitlines()), key=lambda e: e["time_us"])


@pytest.mark.shared
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_recorded_events_come_to_the_expected_rows(protocol: str, recorded: list[dict]) -> None:
    with Jetstream(recorded).running() as there:
        batches = read(source(there.address, protocol=protocol), before(recorded), 18)
    assert as_tuples(pl.concat([b.rows for b in batches])) == expected(recorded)
    counted = sum((Counter(b.ignored) for b in batches), Counter())
    # By hand: of 152 events 17 are posts, one of them without words; one delete, one account, one identity.
    assert pl.concat([b.rows for b in batches])["op"].value_counts().sort("op").rows() == [("delete", 1), ("post", 16), ("return", 1)]
    assert counted == {"no text": 1, "identity": 1, "other collection": 132}
    assert not [r for b in batches for r in b.rejects] and not gap(batches)
    assert covered(batches) == [(when(recorded[0]["time_us"]), when(recorded[-1]["time_us"]))]
    last = Cursor.read(batches[-1].cursor)
    assert last == Cursor(there.address, recorded[-1]["time_us"], 1_000_151 if protocol == "v2" else None)


FAULTS = {
    "cut": ([server.cut(40), server.cut(0), server.cut(70)], 0),
    "ends in order": ([server.everything], 0),
    "half a frame": ([server.half(30), server.half(0)], 0),
    "no WebSocket": ([server.no_websocket(20)], 0),
    "stall": ([server.stall(50)], 0),
    "repeat": ([server.repeat], 0),
    "reorder": ([server.reorder(8), server.reorder(5)], 0),
    "garbage": ([server.garbage([b"", b"{", b"[]", b"\xff\xfe", b'{"kind": 3}'])], 5),
    "garbage and a cut": ([server.garbage([b"\x00" * 5, b"null"], server.cut(90))], 2),
    "too slow": ([server.error("ConsumerTooSlow", 60)], 0),
}


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_whatever_a_connection_does(protocol: str, fault: str) -> None:
    events = made(100)
    faults, n_garbage = FAULTS[fault]
    with Jetstream(events, faults=list(faults)).running() as there:
        batches = read(source(there.address, protocol=protocol, idle=1), before(events, there.address), len(set(expected(events))))
    assert sorted(map(repr, as_tuples(rows(batches)))) == sorted(map(repr, set(expected(events))))
    assert gap(batches) == []
    assert covered(batches) == [(when(START), when(events[-1]["time_us"]))]
    if not (protocol == "v1" and fault == "too slow"):
        assert sum(len(b.rejects) for b in batches) == n_garbage


@pytest.mark.shared
@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("fault", FAULTS)
def test_recorded_events_survive_the_same(protocol: str, fault: str, recorded: list[dict]) -> None:
    with Jetstream(recorded, faults=list(FAULTS[fault][0])).running() as there:
        batches = read(source(there.address, protocol=protocol, idle=1), before(recorded), 18)
    assert sorted(map(repr, as_tuples(rows(batches)))) == sorted(map(repr, expected(recorded)))
    assert gap(batches) == []


# gaps -----------------------------------------------------------------------------------------------------


def seen_until(events: list[dict], n: int, there: Jetstream, protocol: str = "v2") -> str:
    """The cursor of someone who has read the first n events of a server."""
    return str(Cursor(there.address, events[n - 1]["time_us"], there.first + n - 1 if protocol == "v2" else None))


def test_what_is_longer_ago_than_the_server_keeps_is_said_to_be_missing() -> None:
    events = made(100)
    with Jetstream(events, floor=60).running() as there:
        batches = read(source(there.address), seen_until(events, 20, there), len(set(expected(events[60:]))))
    # By number it is told CursorTooOld, by time it gets what there is, from event 60 on: 19 to 60 are missing.
    assert [int(a["cursor"]) for a in there.asked] == [there.first + 19 - 5000, events[19]["time_us"] - 10_000_000]
    assert gap(batches) == [Missed(when(START + 19 * 50_000), when(START + 60 * 50_000), "longer ago than the server keeps (OutdatedCursor)")]
    assert covered(batches) == [(when(START + 60 * 50_000), when(START + 99 * 50_000))]
    assert set(as_tuples(rows(batches))) == set(expected(events[60:]))


def test_v1_says_nothing_of_what_it_no_longer_has_and_yet_it_shows() -> None:
    events = made(100)
    with Jetstream(events, floor=60).running() as there:
        batches = read(source(there.address, protocol="v1"), seen_until(events, 20, there, "v1"), len(set(expected(events[60:]))))
    assert gap(batches) == [
        Missed(when(START + 19 * 50_000), when(START + 60 * 50_000), "the server went on later than where it was left")
    ]


def test_a_server_that_finds_us_too_slow_leaves_a_gap_where_it_has_forgotten_since() -> None:
    events = made(100)

    def too_slow(connection, frames) -> None:
        server.error("ConsumerTooSlow", 31)(connection, frames)
        there.floor = 50

    with Jetstream(events, faults=[too_slow]).running() as there:
        batches = read(source(there.address, protocol="v2"), before(events), len(set(expected(events[:31] + events[50:]))))
    (missing,) = gap(batches)
    assert (missing.starts_at, missing.ends_at) == (when(START + 30 * 50_000), when(START + 50 * 50_000))
    assert covered(batches) == [(when(START), missing.starts_at), (missing.ends_at, when(START + 99 * 50_000))]
    assert sum((Counter(b.ignored) for b in batches), Counter())["notice ConsumerTooSlow"] == 1


@pytest.mark.parametrize("first", [1, 500_000, 999_000, 2_000_000])
def test_a_server_that_numbers_anew_is_asked_by_time(first: int) -> None:
    events = made(100)
    with Jetstream(events).running() as there:
        cursor = seen_until(events, 30, there)
    with Jetstream(events, first=first).running() as anew:
        moved = str(Cursor(anew.address, Cursor.read(cursor).time_us, Cursor.read(cursor).seq))
        batches = read(source(anew.address), moved, len(set(expected(events[30:]))))
    assert gap(batches) == []
    assert set(expected(events[30:])) <= set(as_tuples(rows(batches)))
    assert covered(batches) == [(when(events[29]["time_us"]), when(events[-1]["time_us"]))]


def test_the_next_host_is_asked_by_time_some_seconds_back() -> None:
    events = made(400)  # 20 s
    with Jetstream(events, faults=[server.stall(300)]).running() as one, Jetstream(events, first=77).running() as other:
        batches = read(source(one.address, other.address, idle=1), before(events, one.address), len(set(expected(events))))
    assert int(other.asked[0]["cursor"]) == events[299]["time_us"] - 10_000_000
    assert gap(batches) == []
    assert set(as_tuples(rows(batches))) == set(expected(events))
    assert Cursor.read(batches[-1].cursor) == Cursor(other.address, events[-1]["time_us"], 77 + 399)


def test_without_a_cursor_it_begins_with_what_comes_from_then_on() -> None:
    events = made(60)
    with Jetstream(events, faults=[lambda connection, _: server.say(connection, [server.frame_v2(e, 5 + i) for i, e in enumerate(events[40:])])]).running() as there:
        batches = read(source(there.address), None, len(set(expected(events[40:]))))
    assert "cursor" not in there.asked[0]
    assert gap(batches) == []
    assert covered(batches) == [(when(START + 40 * 50_000), when(START + 59 * 50_000))]


def test_every_state_of_an_account_is_taken_for_what_it_is() -> None:
    said = [
        (True, None), (False, "deleted"), (False, "deactivated"), (False, "takendown"), (False, "suspended"), (False, None),
        (False, "desynchronized"), (False, "throttled"),
    ]  # fmt: skip
    events = [
        {"did": f"did:plc:a{i}", "time_us": START + i, "kind": "account", "account": {"active": active, "status": status}}
        for i, (active, status) in enumerate(said)
    ]
    events.append({"did": "did:plc:anew", "time_us": START + 9, "kind": "sync", "sync": {"rev": "r"}})
    with Jetstream(events).running() as there:
        batches = read(source(there.address), before(events), 8)
    assert pl.concat([b.rows for b in batches]).select("op", "author").rows() == [
        ("return", "did:plc:a0"), ("leave", "did:plc:a1"), ("leave", "did:plc:a2"), ("leave", "did:plc:a3"),
        ("leave", "did:plc:a4"), ("leave", "did:plc:a5"), ("leave", "did:plc:anew"), ("return", "did:plc:anew"),
    ]  # fmt: skip
    assert sum((Counter(b.ignored) for b in batches), Counter()) == {"account out of step": 2}


def test_posts_are_dated_by_who_wrote_them_within_reason() -> None:
    def at(**ahead) -> str:
        return (when(START) + timedelta(**ahead)).isoformat() + "Z"

    written = [at(days=-89), at(days=-91), at(minutes=9), at(minutes=11), "yesterday", at(hours=-2).replace("Z", "+02:00")]
    events = [post(i, createdAt=w) | {"time_us": START} for i, w in enumerate(written)]
    with Jetstream(events).running() as there:
        batches = read(source(there.address), before(events), 5)
    assert pl.concat([b.rows for b in batches])["created_at"].to_list() == [
        written[0], when(START).isoformat() + "+00:00", written[3], "yesterday", written[5],
    ]  # fmt: skip
    assert batches[0].ignored == {"written long before it was sent": 1}


def edit(i: int, **changed) -> dict:
    """Post i with other words."""
    event = post(i, **changed)
    event["commit"]["operation"] = "update"
    return event


def kept(folder: Path, *events: dict) -> dict[str, str]:
    """What is kept in a warehouse after each of these events was told and loaded by itself."""
    place, words = landed.home_at(folder), {}
    given = source("ws://127.0.0.1:1").model_copy(update={"name": landed.SKY.name})
    for event in events:
        with Jetstream([event]).running() as there:
            given = given.model_copy(update={"hosts": (there.address,)})
            batches = read(given, before([event]), 1)
        landed.land(place, *(b for b in batches if b.rows.height), source=given)
        landed.loaded(place, given, clock=utc_now())
        words = landed.texts(place)
    return words


def test_a_text_that_is_taken_back_by_an_edit_is_gone_until_it_has_words_again(tmp_path: Path) -> None:
    taken_back = [post(1, text="one"), edit(1, text=" ")]
    assert kept(tmp_path / "a", *taken_back) == {}
    assert list(kept(tmp_path / "b", *taken_back, edit(1, text="three")).values()) == ["three"]


def test_an_edit_of_an_old_post_takes_the_place_of_its_words(tmp_path: Path) -> None:
    """Old posts that come as new are moved here; one that was read when it was new is not."""
    first, later = post(1), edit(1, text="other words")
    later["time_us"] += int(timedelta(days=120) / timedelta(microseconds=1))
    assert list(kept(tmp_path, first, later).values()) == ["other words"]


def test_an_event_from_the_future_moves_no_cursor() -> None:
    events = [*made(10), post(11) | {"time_us": START + 10**15}]
    with Jetstream(events).running() as there:
        batches = read(source(there.address), before(events), 99, seconds=1)
    assert Cursor.read(batches[-1].cursor).time_us == events[9]["time_us"]
    assert [r.reason for b in batches for r in b.rejects] == ["time: expected ISO 8601 since 2022, not in the future"]


# packed ---------------------------------------------------------------------------------------------------


def test_frames_that_a_server_packs_come_to_the_same() -> None:
    events = made(300)
    samples = [server.frame_v2(event, 10**6 + i) for i, event in enumerate(events)]
    dictionary = zstandard.train_dictionary(4096, samples)
    given = source("x").model_copy(update={"packed": True})
    faults = [server.cut(100), server.garbage([b"\x28\xb5\x2f\xfd nonsense"])]
    with Jetstream(events, dictionary=dictionary, faults=faults).running() as there:
        given = given.model_copy(update={"hosts": (there.address,)})
        batches = read(given, before(events), len(set(expected(events))))
    assert {a["zstdDictionary"] for a in there.asked} == {str(dictionary.dict_id())}
    assert set(as_tuples(rows(batches))) == set(expected(events)) and gap(batches) == []
    assert [r.reason for b in batches for r in b.rejects] == ["frame: expected zstd, packed with the server's dictionary"]


def test_a_server_without_a_dictionary_is_read_as_it_is() -> None:
    events = made(50)
    with Jetstream(events).running() as there:
        given = source(there.address).model_copy(update={"packed": True})
        batches = read(given, before(events), len(set(expected(events))))
    assert set(as_tuples(rows(batches))) == set(expected(events))


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_clock_that_was_set_back_makes_no_event_bad(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    events = made(20)
    monkeypatch.setattr(jetstream, "utc_now", lambda: when(START) - timedelta(days=400))
    with Jetstream(events).running() as there:
        batches = read(source(there.address, protocol=protocol), before(events), len(set(expected(events))))
    assert set(as_tuples(rows(batches))) == set(expected(events)) and not [r for b in batches for r in b.rejects]


def test_a_host_that_hangs_up_again_and_again_is_left_for_the_next() -> None:
    events = made(200)
    with Jetstream(events, step=1000, faults=[server.cut(9)] * 99).running() as bad, Jetstream(events).running() as good:
        batches = read(source(bad.address, good.address), before(events, bad.address), len(set(expected(events))))
    assert len(bad.asked) == 4 and len(good.asked) == 1
    assert set(as_tuples(rows(batches))) == set(expected(events)) and gap(batches) == []


# what will not get better ---------------------------------------------------------------------------------


def test_servers_that_all_refuse_end_it_and_say_so() -> None:
    refusing = Jetstream([], status=403).running(), Jetstream([], status=404).running()
    with refusing[0] as one, refusing[1] as other, pytest.raises(Terminal) as error:
        read(source(one.address, other.address), None, 1)
    assert "answered 404; expected a Jetstream server of protocol v2: see hosts and protocol of the source" in str(error.value)
    assert one.address in str(error.value) and other.address in str(error.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    events = made(10)
    with Jetstream(events, status=status).running() as there:
        threading.Timer(0.5, setattr, (there, "status", 0)).start()
        batches = read(source(there.address), before(events), len(set(expected(events))))
    assert set(as_tuples(rows(batches))) == set(expected(events))
    assert len(there.asked) > 1


def test_one_host_that_is_down_or_refuses_is_passed_over() -> None:
    events = made(10)
    with Jetstream([], status=404).running() as refusing, Jetstream(events).running() as there:
        batches = read(source("127.0.0.1:1", refusing.address, there.address), before(events), len(set(expected(events))))
    assert set(as_tuples(rows(batches))) == set(expected(events))


def test_a_network_that_is_down_is_waited_for_until_asked_to_stop() -> None:
    batches = read(source("127.0.0.1:1"), None, 1, seconds=1)
    assert batches and all(b.rows.is_empty() and b.cursor is None for b in batches)


def test_a_network_that_is_down_for_a_day_is_still_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.0)
    stop, tries = threading.Event(), list[str]()

    def count(said: logging.LogRecord) -> bool:
        tries.append(said.getMessage())
        if len(tries) > 1_100:
            stop.set()
        return False

    monkeypatch.setattr(jetstream, "_log", logging.getLogger("of this test"))
    jetstream._log.addFilter(count)
    assert list(fetch(source("127.0.0.1:1"), None, stop)) == []
    assert len(tries) == 1_101 and set(tries) == {"127.0.0.1:1: no connection: nobody listens there; trying again in 0.0 s"}


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", '{"host": "x"}', '{"host": "x", "time_us": "soon"}', '{"host": 1, "time_us": -1}'])
def test_a_cursor_that_is_none_is_said(cursor: str) -> None:
    with pytest.raises(Terminal, match="the cursor is not readable"):
        next(fetch(source("x"), cursor, threading.Event()))


# nonsense -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_every_mutated_frame_is_counted_once(protocol: str) -> None:
    n = 3000
    frames = list(mutated(made(200), n, 11, v2=protocol == "v2"))
    address, thread = say(frames)
    stop, batches = threading.Event(), list[Arrived]()
    for arrived in fetch(source(address, protocol=protocol), None, stop):
        batches.append(arrived)
        counts = [sum(b.rows.height for b in batches), sum(len(b.rejects) for b in batches), sum(sum(b.ignored.values()) for b in batches)]
        if sum(counts) >= n:
            stop.set()
    thread.join(10)
    assert sum(counts) == n and min(counts) > 20, counts
    found = pl.concat([b.rows for b in batches])
    assert found["op"].is_in(["post", "update", "delete", "leave", "return"]).all()
    assert found.filter(pl.col("op").is_in(["post", "update"])).select("id", "author", "created_at", "text").null_count().row(0) == (0,) * 4
    # A reason says what was expected, and nothing of what was got: no word of anyone's is in it.
    reasons = {r.reason for b in batches for r in b.rejects}
    assert all("expected" in reason for reason in reasons) and len(reasons) < 20
    assert {r.raw for b in batches for r in b.rejects} <= set(frames)
