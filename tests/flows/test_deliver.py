"""Delivery from the outbox to real receivers on the loopback, whatever these do and whenever it is killed."""

import itertools
import json
import logging
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from standardwebhooks import Webhook

from barograph import tables
from barograph.clock import utc_now
from barograph.errors import BarographError
from barograph.home import Home
from barograph.notify.retries import JITTER
from barograph.settings import Settings
from barograph.store import Warehouse
from flows.deliver import send_due
from tests.notify.receiving import (
    SECRET,
    hang,
    receiver,
    reset,
    serving,
    status,
    unused_port,
)

BODY = json.dumps({"type": "alert.firing", "data": {"marker": "ánimo"}})


# From the outbox to the receiver.


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A prepared one, the signing secret in the environment."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def receivers(**urls: str) -> Settings:
    """Settings with a receiver a keyword."""
    return Settings(receiver=tuple(receiver(name=n, url_env=None, url=url, secret_env="DESK_SECRET") for n, url in urls.items()))


def fill(home: Home, *names: str, to: str = "desk", **values: Any) -> None:
    """Put notifications into the outbox, due one after the other since yesterday."""
    yesterday = utc_now() - timedelta(days=1)
    rows = [
        {"notification_id": name, "alert_id": f"alert of {name}", "state": "firing", "receiver": to, "status": "waiting",
         "attempts": 0, "created_at": yesterday + timedelta(minutes=i), "next_attempt_at": yesterday, **values}
        for i, name in enumerate(names)
    ]  # fmt: skip
    bodies = pl.DataFrame({"notification_id": names, "body": [BODY] * len(names)})
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({tables.NOTIFICATIONS: pl.DataFrame(rows), tables.OUTBOX: bodies})


def kept(home: Home) -> dict[str, dict[str, Any]]:
    """Notification's id → its row."""
    with Warehouse(home.warehouse) as warehouse:
        return {row["notification_id"]: row for row in warehouse.read(tables.NOTIFICATIONS).to_dicts()}


def go(home: Home, settings: Settings, clock: Callable[[], datetime] = utc_now) -> dict[str, int]:
    """Deliver, as the monitor does, without the flow around it."""
    return send_due(home, settings, clock)


def test_what_waits_is_delivered_once(home: Home) -> None:
    with serving(hook=status(200)) as server:
        desk = receivers(desk=server.url("hook"))
        fill(home, "msg_1", "msg_2")
        assert go(home, desk) == {"delivered": 2}
        assert go(home, desk) == {}
    assert server.ids("hook") == ["msg_1", "msg_2"]
    for _, headers, body in server.got:
        assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
    for row in kept(home).values():
        assert (row["status"], row["attempts"], row["last_result"], row["next_attempt_at"]) == ("delivered", 1, "200", None)
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.OUTBOX).height == 0


def test_what_is_not_due_or_has_no_receiver_any_more_waits(home: Home) -> None:
    fill(home, "msg_later", next_attempt_at=utc_now() + timedelta(days=1))
    fill(home, "msg_orphan", to="gone from the config")
    before = kept(home)
    with serving(hook=status(200)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {}
    assert go(home, Settings()) == {}
    assert (server.got, kept(home)) == ([], before)


@pytest.mark.parametrize(("attempts", "wait"), [(0, timedelta(seconds=5)), (8, timedelta(hours=24)), (9, None)])
def test_a_failure_waits_for_its_next_time_until_there_is_none(
    home: Home, attempts: int, wait: timedelta | None
) -> None:
    fill(home, "msg_1", attempts=attempts)
    with serving(hook=status(500)) as server:
        before = utc_now()
        assert go(home, receivers(desk=server.url("hook"))) == {"waiting" if wait else "dead": 1}
        after = utc_now()
    row = kept(home)["msg_1"]
    assert (row["attempts"], row["last_result"]) == (attempts + 1, "500")
    if wait:
        assert before + wait <= row["next_attempt_at"] <= after + wait * (1 + JITTER)
    else:
        assert row["next_attempt_at"] is None


def test_after_410_a_receiver_is_told_nothing_more_and_others_are(home: Home) -> None:
    fill(home, "msg_1", "msg_2", "msg_3")
    fill(home, "msg_4", to="pager")
    with serving(gone=status(410), hook=status(200)) as server:
        both = receivers(desk=server.url("gone"), pager=server.url("hook"))
        assert go(home, both) == {"dead": 3, "delivered": 1}
        assert go(home, both) == {}
    assert (server.ids("gone"), server.ids("hook")) == (["msg_1"], ["msg_4"])
    rows = kept(home)
    assert [(rows[name]["last_result"], rows[name]["attempts"]) for name in ("msg_1", "msg_2")] == [("410", 1), ("410", 0)]


def test_a_refused_notification_does_not_hold_up_the_next(home: Home) -> None:
    fill(home, "msg_1", "msg_2")
    answers = iter([status(400), status(200)])
    with serving(hook=lambda handler: next(answers)(handler)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"waiting": 1, "delivered": 1}
    assert [row["status"] for row in kept(home).values()] == ["waiting", "delivered"]


def test_a_receiver_that_cannot_be_reached_is_tried_once_and_the_rest_stays_due(home: Home) -> None:
    fill(home, "msg_1", "msg_2")
    second = kept(home)["msg_2"]
    assert go(home, receivers(desk=f"http://127.0.0.1:{unused_port()}/")) == {"waiting": 1}
    rows = kept(home)
    assert (rows["msg_1"]["attempts"], rows["msg_1"]["last_result"]) == (1, "ConnectError")
    assert rows["msg_2"] == second
    with serving(hook=status(200)) as server:
        go(home, receivers(desk=server.url("hook")))
    assert server.ids("hook") == ["msg_2"]


def test_the_warehouse_is_free_while_a_receiver_takes_its_time(home: Home) -> None:
    fill(home, "msg_1")
    code = "import sys; from pathlib import Path; from barograph.store import Warehouse; Warehouse(Path(sys.argv[1]))"
    opened = []

    def other_process(handler: BaseHTTPRequestHandler) -> None:
        opened.append(subprocess.run([sys.executable, "-c", code, home.warehouse], check=False).returncode)
        status(200)(handler)

    with serving(hook=other_process) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    assert opened == [0]


KILLED = """
import sys; from pathlib import Path
from barograph.home import Home
from barograph.settings import Receiver, Settings
from flows.deliver import send_due
desk = Receiver(name="desk", url=sys.argv[2], secret_env="DESK_SECRET", allow_hosts=("127.0.0.1",))
send_due(Home(Path(sys.argv[1])), Settings(receiver=(desk,)))
"""


def test_killed_between_sending_and_recording_the_same_id_is_sent_again(home: Home) -> None:
    fill(home, "msg_1")
    arrived = threading.Event()

    def never_answer(handler: BaseHTTPRequestHandler) -> None:
        arrived.set()
        hang(handler)

    with serving(first=never_answer, hook=status(200)) as server:
        killed = subprocess.Popen([sys.executable, "-c", KILLED, home.path, server.url("first")])
        try:
            assert arrived.wait(60)
        finally:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        assert kept(home)["msg_1"]["status"] == "waiting"
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    assert server.ids("first") == server.ids("hook") == ["msg_1"]


def test_delivery_leaves_neither_address_nor_secret_behind(
    home: Home, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    fill(home, "msg_1", "msg_2")
    answers = iter([status(500), reset])
    with serving(T0KEN=lambda handler: next(answers)(handler)) as server:
        assert go(home, receivers(desk=server.url("T0KEN"))) == {"waiting": 2}
    with pytest.raises(BarographError) as error:
        go(home, receivers(desk="gopher://T0KEN"))
    said = capsys.readouterr()
    texts = [caplog.text, said.out, said.err, str(error.value), repr(kept(home))]
    files = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    assert files
    assert not re.search(f"T0KEN|{re.escape(SECRET[6:])}", "\n".join(texts))
    assert not any(word in content for content in files for word in (b"T0KEN", SECRET[6:].encode()))


# Over time: the clock is a test's own.


class Hours:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2024, 3, 5, 6)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **wait: float) -> None:
        """Let time go by."""
        self.now += timedelta(**wait)


def put(home: Home, clock: Hours, *names: str, **values: Any) -> None:
    """Notifications decided now, in this order."""
    for i, name in enumerate(names):
        fill(home, name, **{"created_at": clock() + timedelta(microseconds=i), "next_attempt_at": clock(), **values})


def test_ten_tries_take_three_days_of_the_clock_and_then_the_letter_is_dead_with_its_body(home: Home) -> None:
    clock, tried = Hours(), []
    put(home, clock, "msg_1")
    with serving(hook=lambda handler: (tried.append(clock()), status(500)(handler))) as server:
        desk = receivers(desk=server.url("hook"))
        while again := kept(home)["msg_1"]["next_attempt_at"]:
            clock.now = again - timedelta(microseconds=1)
            assert go(home, desk, clock) == {}
            clock.now = again
            go(home, desk, clock)
    waits = [later - sooner for sooner, later in itertools.pairwise(tried)]
    schedule = [timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)]
    assert len(waits) == len(schedule)
    assert all(wait <= got <= wait * (1 + JITTER) for got, wait in zip(waits, schedule, strict=True))
    assert {**kept(home)["msg_1"], "created_at": None} == {
        "notification_id": "msg_1", "alert_id": "alert of msg_1", "state": "firing", "receiver": "desk", "status": "dead",
        "attempts": 10, "created_at": None, "next_attempt_at": None, "last_result": "500",
    }  # fmt: skip
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.read(tables.OUTBOX)["body"].to_list() == [BODY]


def test_no_receiver_hears_of_an_end_before_the_beginning(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_z", "msg_b", "msg_a", alert_id="one")
    clock.pass_(seconds=1)
    put(home, clock, "msg_c", alert_id="another")
    answers = iter([500, 200, 200, 500, 200, 200])
    with serving(hook=lambda handler: status(next(answers))(handler)) as server:
        desk = receivers(desk=server.url("hook"))
        assert go(home, desk, clock) == {"waiting": 1, "delivered": 1}
        assert server.ids("hook") == ["msg_z", "msg_c"]
        clock.pass_(seconds=4)
        assert go(home, desk, clock) == {}
        clock.pass_(seconds=2)
        assert go(home, desk, clock) == {"delivered": 1, "waiting": 1}
        clock.pass_(minutes=1)
        assert go(home, desk, clock) == {"delivered": 2}
    assert server.ids("hook") == ["msg_z", "msg_c", "msg_z", "msg_b", "msg_b", "msg_a"]


def test_a_state_that_is_dead_holds_up_the_next_no_longer(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", alert_id="one", attempts=9)
    put(home, clock, "msg_2", alert_id="one")
    answers = iter([500, 200])
    with serving(hook=lambda handler: status(next(answers))(handler)) as server:
        assert go(home, receivers(desk=server.url("hook")), clock) == {"dead": 1, "delivered": 1}


def test_a_receiver_that_asks_to_wait_is_left_alone_in_later_runs_too(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    put(home, clock, "msg_3", to="pager")
    with serving(hook=status(429, **{"Retry-After": "3600"}), pager=status(200)) as server:
        both = receivers(desk=server.url("hook"), pager=server.url("pager"))
        assert go(home, both, clock) == {"waiting": 1, "delivered": 1}
        clock.pass_(minutes=59)
        put(home, clock, "msg_4")
        assert go(home, both, clock) == {}
        server.answers["hook"] = status(200)
        clock.pass_(minutes=1)
        assert go(home, both, clock) == {"delivered": 3}
    assert server.ids("hook") == ["msg_1", "msg_1", "msg_2", "msg_4"]


def test_410_lasts_until_the_receiver_is_configured_otherwise(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    with serving(gone=status(410), hook=status(200)) as server:
        before, after = receivers(desk=server.url("gone")), receivers(desk=server.url("hook"))
        assert go(home, before, clock) == {"dead": 2}
        clock.pass_(days=30)
        put(home, clock, "msg_3")
        assert go(home, before, clock) == {"dead": 1}
        put(home, clock, "msg_4")
        assert go(home, after, clock) == {"delivered": 1}
    assert (server.ids("gone"), server.ids("hook")) == (["msg_1"], ["msg_4"])
    assert {row["last_result"] for row in kept(home).values()} == {"410", "200"}


def test_retrying_sends_dead_letters_again_and_counts_a_gone_receiver_again(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    with serving(hook=status(410)) as server:
        desk = receivers(desk=server.url("hook"))
        go(home, desk, clock)
        with Warehouse(home.warehouse) as warehouse:
            assert warehouse.revive(clock(), ["msg_2"]) == ["msg_2"]
        server.answers["hook"] = status(200)
        assert go(home, desk, clock) == {"delivered": 1}
        put(home, clock, "msg_3")
        assert go(home, desk, clock) == {"delivered": 1}
        with Warehouse(home.warehouse) as warehouse:
            assert warehouse.revive(clock(), receivers=["pager"]) == []
            assert warehouse.revive(clock(), receivers=["desk"]) == ["msg_1"]
        assert go(home, desk, clock) == {"delivered": 1}
    assert server.ids("hook") == ["msg_1", "msg_2", "msg_3", "msg_1"]


def test_what_was_due_for_days_to_a_receiver_that_is_not_reached_is_dead(home: Home) -> None:
    clock = Hours()
    put(home, clock, "msg_1", "msg_2")
    nobody = receivers(desk=f"http://127.0.0.1:{unused_port()}/")
    assert go(home, nobody, clock) == {"waiting": 1}
    clock.pass_(days=4)
    put(home, clock, "msg_3")
    assert go(home, nobody, clock) == {"waiting": 1, "dead": 1}
    assert {name: row["status"] for name, row in kept(home).items()} == {
        "msg_1": "waiting", "msg_2": "dead", "msg_3": "waiting",
    }  # fmt: skip


def test_more_than_a_batch_is_sent_in_order_and_a_dead_receiver_does_not_hold_up_the_others(home: Home) -> None:
    names = [f"msg_{i:04}" for i in range(1200)]
    for to in ("desk", "pager"):
        fill(home, *[f"{name}_{to}" for name in names], to=to)
    with serving(hook=status(200)) as server:
        both = receivers(desk=f"http://127.0.0.1:{unused_port()}/", pager=server.url("hook"))
        assert go(home, both) == {"waiting": 1, "delivered": 1200}
    assert server.ids("hook") == [f"{name}_pager" for name in names]


def test_a_body_that_is_too_long_is_cut_before_it_is_signed_and_says_so(home: Home) -> None:
    fill(home, "msg_1")
    long = {"type": "alert.firing", "data": {"why": {"terms": ["term"] * 10_000}}}
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({tables.OUTBOX: pl.DataFrame({"notification_id": ["msg_1"], "body": [json.dumps(long)]})})
    with serving(hook=status(200)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 1}
    ((_, headers, content),) = server.got
    assert len(content) < 20_000
    data = Webhook(SECRET).verify(content, headers)["data"]
    assert data["truncated"] == [f"why.terms: {len(data['why']['terms'])} of 10000"]


def test_what_cannot_be_put_into_words_is_tried_again_and_holds_up_nobody(home: Home) -> None:
    fill(home, "msg_1", "msg_2")
    fill(home, "msg_3", to="pager")
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({tables.OUTBOX: pl.DataFrame({"notification_id": ["msg_1"], "body": ["no JSON"]})})
    with serving(slack=status(200), hook=status(200)) as server:
        slack = receiver(name="desk", kind="slack", url_env=None, url=server.url("slack"), secret_env=None)
        both = Settings(receiver=(slack, *receivers(pager=server.url("hook")).receiver))
        assert go(home, both) == {"waiting": 1, "delivered": 2}
    row = kept(home)["msg_1"]
    assert (row["status"], row["attempts"], row["last_result"]) == ("waiting", 1, "JSONDecodeError")


def test_of_what_is_decided_at_one_time_ends_come_first(home: Home) -> None:
    """To Alertmanager both are the same line: an end that comes after the next beginning would end that."""
    at = utc_now() - timedelta(hours=1)
    fill(home, "msg_1", "msg_3", created_at=at)
    fill(home, "msg_2", created_at=at, state="resolved")
    with serving(hook=status(200)) as server:
        assert go(home, receivers(desk=server.url("hook"))) == {"delivered": 3}
    assert server.ids("hook") == ["msg_2", "msg_1", "msg_3"]
