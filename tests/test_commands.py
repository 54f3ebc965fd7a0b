"""The queue of what people ask: written whole, read in order, applied once, and set aside where it is no command."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from barograph import commands, tables
from barograph.commands import (
    Ack,
    Applied,
    Dispose,
    Resolve,
    Silence,
    Unsilence,
    apply,
    parse,
    queued,
    set_aside,
    submit,
)

AT = datetime(2024, 3, 11, 9)
NOW = datetime(2024, 3, 11, 9, 5)


def alerts(**states: str) -> pl.DataFrame:
    """Latest rows of `alerts`: id → state."""
    rows = [{
        "alert_id": name, "fingerprint": name, "rule": "r", "marker": "joy", "population": "all", "unit": "posts",
        "method": "lexicon", "state": state, "reason": "so", "target": AT.date(), "days": 1, "started_on": AT.date(),
        "issue": AT,
    } for name, state in states.items()]  # fmt: skip
    return tables.ALERTS.validate(pl.DataFrame(rows))


def applied(*asked: Any, known: Applied | None = None, **states: str) -> Applied:
    """What these commands come to on alerts in these states, after `known`."""
    before = known.commands if known else tables.COMMANDS.empty()
    quiet = known.silences if known else tables.SILENCES.empty()
    return apply(list(asked), before, alerts(**states), quiet, now=NOW)


def test_what_is_submitted_is_read_back_in_the_order_asked(tmp_path: Path) -> None:
    folder = tmp_path / "commands"
    later = Resolve(alert_id="a", at=AT + timedelta(seconds=1), by="duty desk")
    first = Silence(alert_id="a", at=AT, ends_at=AT + timedelta(hours=4), note="a bot")
    for command in (later, first):
        submit(folder, command)
    assert [command for _, command in queued(folder)] == [first, later]
    assert not list(folder.glob("*.part"))
    assert (folder.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("{}", "Unable to extract tag using discriminator 'command'"),
        ('{"command": "explode", "at": "2024-03-11T09:00:00"}', "does not match any of the expected tags"),
        ('{"command": "ack", "at": "2024-03-11T09:00:00"}', "alert_id: Field required"),
        ('{"command": "ack", "alert_id": "a", "at": "soon"}', "at: Input should be a valid datetime"),
        ('{"command": "ack", "alert_id": "a b", "at": "2024-03-11T09:00:00"}', "alert_id: String should match"),
        ('{"command": "ack", "alert_id": "a", "at": "2024-03-11T09:00:00", "x": 1}', "x: Extra inputs"),
        ('{"command": "ack", "alert_id": "a", "at": "2024-03-11T09:00:00", "by": "me@home.org"}',
         "by: got 'me@home.org'; expected a role, e.g. duty desk: at most 40 characters, no @"),
        ('{"command": "dispose", "alert_id": "a", "verdict": "maybe", "at": "2024-03-11T09:00:00"}', "verdict: Input"),
        ('{"command": "silence", "alert_id": "a", "at": "2024-03-11T09:00:00", "ends_at": "2024-03-11T08:00:00"}',
         "got ends_at 2024-03-11 08:00:00; expected later than it was asked, 2024-03-11 09:00:00"),
        ('{"command": "silence", "at": "2024-03-11T09:00:00", "ends_at": "2024-03-11T10:00:00"}',
         "got a silence of everything; expected an alert, rule, marker or population"),
        ('{"command": "dispose", "alert_id": "a", "verdict": "true", "at": "2024-03-11T09:00:00", "began_on": "2024-03-12"}',
         "got began_on 2024-03-12; expected a day up to 2024-03-11, when it was said"),
        ("x" * (commands.LONGEST + 1), "got 65,537 bytes; expected at most 65,536"),
    ],
)  # fmt: skip
def test_what_is_no_command_is_set_aside_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "wrong.json").write_text(text)
    ((path, said),) = queued(tmp_path)
    assert isinstance(said, str)
    assert reason in said
    set_aside(path, said)
    assert queued(tmp_path) == []
    assert (tmp_path / "refused" / "wrong.json").read_text() == text
    assert (tmp_path / "refused" / "wrong.reason").read_text() == said + "\n"


def test_times_with_a_zone_are_brought_to_utc() -> None:
    command = parse({"command": "ack", "alert_id": "a", "at": "2024-03-11T10:00:00+01:00"})
    assert command.at == AT
    with pytest.raises(ValidationError):
        parse({"command": "ack", "alert_id": "a"})


@pytest.mark.parametrize(
    ("command", "state", "order", "reason"),
    [
        (Ack(alert_id="a", at=AT, by="desk"), "firing", ("acknowledge", "desk"), "done"),
        (Ack(alert_id="a", at=AT), "pending", None, "the alert is pending; expected firing or nodata or stale or censored"),
        (Ack(alert_id="a", at=AT), "acknowledged", None, "the alert is acknowledged; expected firing or nodata or stale or censored"),
        *((Ack(alert_id="a", at=AT), state, ("acknowledge", "analyst"), "done") for state in ("nodata", "stale", "censored")),
        (Resolve(alert_id="a", at=AT), "stale", None, "the alert is stale; expected pending or firing or acknowledged"),
        (Resolve(alert_id="a", at=AT), "pending", ("resolve", "analyst"), "done"),
        (Resolve(alert_id="a", at=AT), "firing", ("resolve", "analyst"), "done"),
        (Resolve(alert_id="a", at=AT), "acknowledged", ("resolve", "analyst"), "done"),
        (Resolve(alert_id="a", at=AT), "resolved", None,
         "the alert is resolved; expected pending or firing or acknowledged"),
        (Resolve(alert_id="b", at=AT), "firing", None, "no alert b"),
    ],
)  # fmt: skip
def test_what_is_asked_for_an_alert(command: Any, state: str, order: Any, reason: str) -> None:
    got = applied(command, a=state)
    assert got.orders == ({"a": order} if order else {})
    row = got.commands.row(0, named=True)
    assert (row["outcome"], row["reason"]) == ("applied" if order else "refused", reason)
    assert (row["command_id"], row["asked_at"], row["issue"]) == (command.id, AT, NOW)


def test_a_command_is_applied_once_however_often_its_file_is_there() -> None:
    command = Ack(alert_id="a", at=AT)
    once = applied(command, command, a="firing")
    assert once.commands.height == 1
    again = applied(command, known=once, a="firing")
    assert (again.commands.height, again.orders) == (0, {})


def test_resolving_outdoes_acknowledging_in_one_run() -> None:
    asked = [Resolve(alert_id="a", at=AT, by="x"), Ack(alert_id="a", at=AT)]
    for order in (asked, asked[::-1]):
        assert applied(*order, a="firing").orders == {"a": ("resolve", "x")}


def test_a_silence_runs_until_it_ends_or_is_lifted() -> None:
    quiet = Silence(rule="r", at=AT, ends_at=AT + timedelta(hours=4), by="duty desk", note="a bot")
    first = applied(quiet, a="firing")
    row = first.silences.row(0, named=True)
    assert (row["silence_id"], row["rule"], row["alert_id"], row["created_by"]) == (quiet.id, "r", None, "duty desk")
    assert (row["starts_at"], row["ends_at"]) == (AT, AT + timedelta(hours=4))
    assert first.commands["note"].to_list() == ["a bot"]
    assert "note" not in first.silences.columns
    lift = Unsilence(silence_id=quiet.id, at=AT + timedelta(hours=1))
    assert applied(lift, known=first).silences["ends_at"].to_list() == [AT + timedelta(hours=1)]
    both = applied(quiet, lift)
    assert both.silences["ends_at"].to_list() == [AT + timedelta(hours=1)]
    late = applied(Unsilence(silence_id=quiet.id, at=AT + timedelta(hours=5)), known=first)
    assert late.commands["reason"].to_list() == ["it has ended already"]
    assert applied(Unsilence(silence_id="none", at=AT)).commands["reason"].to_list() == ["no silence none"]


def test_every_verdict_is_kept() -> None:
    first, second = (Dispose(alert_id="a", verdict=v, at=AT, note="n") for v in ("false", "true"))
    got = applied(first, second, a="resolved")
    assert got.dispositions["verdict"].to_list() == ["false", "true"]
    assert got.dispositions["rule"].to_list() == ["r", "r"]
    assert applied(Dispose(alert_id="z", verdict="true", at=AT)).dispositions.height == 0


def test_what_lies_in_the_queue_is_json_that_a_page_could_write(tmp_path: Path) -> None:
    path = submit(tmp_path, Ack(id="one", alert_id="a", at=AT, by="duty desk"))
    assert path.name == "20240311T090000000000-one.json"
    assert json.loads(path.read_text()) == {
        "id": "one", "by": "duty desk", "at": "2024-03-11T09:00:00", "command": "ack", "alert_id": "a",
    }  # fmt: skip
