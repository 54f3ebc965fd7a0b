"""`barograph notifications`, as a person types it."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import tables
from barograph.clock import utc_now
from barograph.home import Home
from barograph.store import Warehouse
from flows.cli import main
from tests.notify.receiving import SECRET, body, serving, status


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Two dead letters and one that waits."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    made = Home(tmp_path / "home")
    made.prepare()
    at = utc_now() - timedelta(days=5)
    rows = [
        {"notification_id": f"msg_{i}", "alert_id": f"alert-{i}", "state": "firing", "receiver": to, "status": state,
         "attempts": 10 if state == "dead" else 1, "created_at": at + timedelta(hours=i), "last_result": "500",
         "next_attempt_at": None if state == "dead" else utc_now() + timedelta(days=1)}
        for i, (to, state) in enumerate([("desk", "dead"), ("pager", "dead"), ("desk", "waiting")])
    ]  # fmt: skip
    bodies = pl.DataFrame({"notification_id": ["msg_0", "msg_1", "msg_2"], "body": [body()] * 3})
    with Warehouse(made.warehouse) as warehouse:
        frame = pl.DataFrame(rows, schema_overrides={"next_attempt_at": tables.TIMESTAMP})
        warehouse.save({tables.NOTIFICATIONS: frame, tables.OUTBOX: bodies})
    return made


def config(home: Home, **urls: str) -> None:
    """Receivers on the loopback, in the home's own file."""
    parts = [
        f'[[receiver]]\nname = "{name}"\nurl = "{url}"\nsecret_env = "DESK_SECRET"\nallow_hosts = ["127.0.0.1"]\n'
        for name, url in urls.items()
    ]
    (home.path / "barograph.toml").write_text("".join(parts))


def test_a_list_says_what_did_not_arrive_and_why(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notifications", "list", "--home", str(home.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "msg_0  desk  firing alert-0  dead: tried 10 times, last 500"
    assert lines[2].startswith("msg_2  desk  firing alert-2  waiting: tried 1 time, last 500, next ")
    assert lines[3:] == ["2 dead, 1 waiting; `barograph notifications retry` sends the dead again"]


def test_a_list_may_be_narrowed_and_read_by_programs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    main(["notifications", "list", "--home", str(home.path), "--receiver", "desk", "--dead", "--json"])
    assert [row["notification_id"] for row in json.loads(capsys.readouterr().out)] == ["msg_0"]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [([], ["msg_0", "msg_1"]), (["msg_1"], ["msg_1"]), (["--receiver", "desk"], ["msg_0"])],
)
def test_dead_letters_are_sent_again_under_the_same_ids(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], sent: list[str]
) -> None:
    with serving(desk=status(200), pager=status(200)) as server:
        config(home, desk=server.url("desk"), pager=server.url("pager"))
        assert main(["notifications", "retry", *arguments, "--home", str(home.path)]) == 0
    assert sorted(server.ids("desk") + server.ids("pager")) == sent
    n = len(sent)
    assert capsys.readouterr().out == f"{n} revived; sent what was due: {n} delivered\n"


def test_what_is_past_its_retention_is_listed_and_cannot_be_sent(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    config(home, desk="http://127.0.0.1:1/")
    with Warehouse(home.warehouse) as warehouse:
        assert warehouse.forget_bodies(utc_now(), ["desk"]) == 2
    main(["notifications", "list", "--home", str(home.path)])
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "msg_0  desk  firing alert-0  dead: tried 10 times, last 500, its body forgotten"
    assert listed[3] == "2 dead, 1 waiting"
    assert main(["notifications", "retry", "msg_0", "--home", str(home.path)]) == 2
    assert "msg_0: got one whose body is past its retention; expected a dead one" in capsys.readouterr().err
    assert main(["notifications", "retry", "--home", str(home.path)]) == 0
    assert capsys.readouterr().out == "0 revived; 1 waiting: a run sends each when it is due\n"


def test_a_gone_receiver_is_named_and_comes_back(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(desk=status(410)) as server:
        config(home, desk=server.url("desk"))
        main(["notifications", "retry", "--home", str(home.path)])
        main(["notifications", "list", "--home", str(home.path)])
        told = capsys.readouterr().out.splitlines()
        assert told[-2:] == [
            "2 dead, 1 waiting; `barograph notifications retry` sends the dead again",
            "desk answered 410: it is sent nothing until then, or until it is configured otherwise",
        ]
        server.answers["desk"] = status(200)
        main(["notifications", "retry", "--receiver", "desk", "--home", str(home.path)])
    assert capsys.readouterr().out == "2 revived; sent what was due: 2 delivered\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["msg_9"], "msg_9: got none of that id that is dead or waits; expected a dead one"),
        (["msg_2"], "msg_2: got one that waits; expected a dead one"),
        (["--receiver", "nobody"], "--receiver: got 'nobody'; expected one that is configured: desk"),
    ],
)
def test_what_cannot_be_sent_again(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    config(home, desk="http://127.0.0.1:1/")
    assert main(["notifications", "retry", *arguments, "--home", str(home.path)]) == 2
    assert message in capsys.readouterr().err


def test_a_home_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "retry"):
        assert main(["notifications", command, "--home", str(tmp_path / "nowhere")]) == 2
        assert "nothing there yet; expected the home of a monitor" in capsys.readouterr().err
