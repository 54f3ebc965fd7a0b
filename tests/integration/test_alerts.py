"""Alerts through the monitor: what people ask, who is told after a backfill, the past replayed."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from barograph import publish, tables
from barograph.home import Home
from barograph.settings import Settings, Source
from barograph.store import Snapshot, Warehouse
from flows import cli, stages
from flows.decide import alert, keep_record
from flows.detect import detect
from flows.explain import explain
from flows.load import load
from flows.progress import Reporter
from tests.integration.test_explain import CALM, PANIC, write

START, DAYS = date(2024, 3, 1), 44
RECEIVER = {"name": "desk", "url": "http://localhost:9/", "secret_env": "NO_SECRET"}


def stormy(day: int, author: int) -> str:
    """Three to five of sixty speak of panic; from the 38th day to the 41st half of them."""
    return PANIC if author < (30 if 38 <= day < 42 else 3 + day % 3) else CALM


def run(home: Path, posts: Path, last: int, command: str = "run", **values: object) -> stages.Run:
    """The monitor as the n-th day has ended, without delivery: its notifications wait."""
    place = Home(home)
    place.prepare()
    (home / "anxiety_en.csv").write_text("term,marker\npanic attack,x\n")
    settings = Settings.model_validate({
        "marker": [{"name": "anxiety", "lexicons": [str(home / "anxiety_en.csv")]}],
        "minimum_authors": 3, "rule": [{"name": "high", "markers": ["anxiety"], "for": "2d"}], "receiver": [RECEIVER], **values,
    })  # fmt: skip
    source = Source(name="s", path=(str(posts),))
    as_of = START + timedelta(days=last)
    doing = stages.Run(place, settings, (source,), Reporter(silent=True), command, as_of)
    steps = [load, stages.score, stages.aggregate, detect, alert]
    with Warehouse(place.warehouse) as warehouse:
        for step in steps:
            step.fn(doing, warehouse)
        keep_record(doing, warehouse)
        explain.fn(doing, warehouse)
        stages.publish.fn(doing, warehouse)
    return doing


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty authors, a post a day each."""
    return write(tmp_path_factory.mktemp("posts") / "posts.jsonl", stormy, days=DAYS)


@pytest.fixture(scope="module")
def fired(posts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose alert fires since the day before."""
    home = tmp_path_factory.mktemp("fired") / "home"
    run(home, posts, 38)
    run(home, posts, 40)
    return home


@pytest.fixture
def home(fired: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it."""
    shutil.copytree(fired, tmp_path / "home")
    return tmp_path / "home"


def snapshot(home: Path) -> Snapshot:
    """What a home publishes."""
    found = publish.newest(home / "published")
    assert found is not None
    return found


def states(home: Path) -> list[tuple[str, str]]:
    """Every state the alert went through, and why."""
    rows = snapshot(home).history(tables.ALERTS, as_of=datetime.max)
    return rows.select("state", "reason").rows()


def told(home: Path) -> list[tuple[str, str]]:
    """Receiver and state of every notification."""
    return snapshot(home).read(tables.NOTIFICATIONS).sort("created_at").select("receiver", "state").rows()


def barograph(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The command line in this process: its exit code, and what it printed."""
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out + err


def the_alert(home: Path) -> str:
    """The id of the one alert that is open or was last."""
    return str(snapshot(home).read(tables.ALERTS).sort("issue")["alert_id"][-1])


FIRED = ("firing", "2 days in a row above the threshold")


def test_an_alert_is_told_as_it_begins_and_as_it_ends(home: Path, posts: Path) -> None:
    assert states(home) == [FIRED]
    assert told(home) == [("desk", "firing")]
    run(home, posts, 41)
    run(home, posts, 43)
    assert states(home) == [FIRED, ("resolved", "back below the threshold")]
    assert told(home) == [("desk", "firing"), ("desk", "resolved")]


def test_what_began_in_a_backfill_is_told_by_the_next_run_while_it_fires(posts: Path, tmp_path: Path) -> None:
    for last in (38, 39, 40):
        run(tmp_path / "a", posts, last, "backfill")
    assert [state for state, _ in states(tmp_path / "a")] == ["pending", "firing"]
    assert told(tmp_path / "a") == []
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for _ in range(2):
        run(tmp_path / "a", posts, 40)
        assert told(tmp_path / "a") == [("desk", "firing")]
    # Where it was over before anybody was told, nobody is told that it ended.
    run(tmp_path / "b", posts, 43)
    assert states(tmp_path / "b")[-1][0] == "resolved"
    assert told(tmp_path / "b") == []


def test_the_past_run_again_finds_what_it_would_have_found_and_tells_nobody(posts: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home, posts, 43)
    assert states(home) == []
    run(home, posts, 40)
    then = snapshot(home).history(tables.EXCEEDANCES, as_of=datetime(2024, 4, 10, 23, 59, 59), where={"detector": "high"})
    assert sorted(then["target"].unique()) == [START + timedelta(days=n) for n in (38, 39)]
    assert states(home) == [FIRED]
    assert told(home) == []


def test_an_alert_is_acknowledged_through_the_queue(
    home: Path, posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = the_alert(home)
    code, said = barograph(capsys, "alerts", "ack", name[:6], "--by", "duty desk", "--home", home)
    assert (code, said) == (0, (
        "ack waits for the monitor, which applies it in its next run: "
        "all · anxiety: 50.0% on 2024-04-09, above 8.3% for 2 days [high]\n"
    ))  # fmt: skip
    (file,) = (home / "commands").glob("*.json")
    kept = file.read_text()
    assert "ack by duty desk waits for the monitor's next run" in barograph(capsys, "alerts", "list", "--home", home)[1]
    done = run(home, posts, 40)
    assert done.commands == [f"ack {name} by duty desk: applied, done"]
    assert states(home) == [FIRED, ("acknowledged", "acknowledged by duty desk")]
    assert list((home / "commands").glob("*")) == []
    file.write_text(kept)  # killed before it could be removed
    assert run(home, posts, 40).commands == []
    assert not file.exists()
    assert len(states(home)) == 2
    code, said = barograph(capsys, "alerts", "ack", name, "--home", home)
    assert (code, said) == (2, f"barograph: {name}: the alert is acknowledged; expected firing or nodata or stale or censored\n")
    run(home, posts, 43)
    assert states(home)[-1] == ("resolved", "back below the threshold")
    assert told(home) == [("desk", "firing"), ("desk", "resolved")]


def test_what_a_person_resolved_stays_so_while_the_same_days_go_on(
    home: Path, posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert barograph(capsys, "alerts", "resolve", the_alert(home), "--note", "a bot", "--home", home)[0] == 0
    for last in (40, 41, 42):
        run(home, posts, last)
    assert states(home) == [FIRED, ("resolved", "resolved by analyst")]
    assert told(home) == [("desk", "firing"), ("desk", "resolved")]
    assert '"a bot"' in barograph(capsys, "alerts", "notes", "--home", home)[1]
    assert b"a bot" not in (snapshot(home).path).read_bytes()


def test_nobody_is_told_of_what_is_silenced(home: Path, posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = barograph(capsys, "alerts", "silence", "--rule", "high", "--for", "2h", "--home", home)
    assert code == 0
    assert re.search(r"in its next run: rule high until 20\d\d-\d\d-\d\d \d\d:\d\d UTC\n$", said), said
    run(home, posts, 40)
    shown = barograph(capsys, "alerts", "list", "--home", home)[1]
    assert "silenced until" in shown
    run(home, posts, 43)
    assert told(home) == [("desk", "firing")]
    name = snapshot(home).read(tables.SILENCES)["silence_id"][0]
    assert barograph(capsys, "alerts", "unsilence", name[:8], "--home", home)[0] == 0
    run(home, posts, 43)
    assert told(home) == [("desk", "firing"), ("desk", "resolved")]


def test_a_verdict_is_kept_and_counts_for_the_rule(
    home: Path, posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = the_alert(home)
    for verdict in ("false", "true"):
        assert barograph(capsys, "alerts", "dispose", name, verdict, "--by", "duty desk", "--home", home)[0] == 0
    run(home, posts, 40)
    assert snapshot(home).read(tables.DISPOSITIONS).sort("decided_at")["verdict"].to_list() == ["false", "true"]
    shown = barograph(capsys, "alerts", "show", name, "--home", home)[1]
    assert "people: right 1 of 1 (100.0%), 0.00 false alarms a week; 0 unclear" in shown
    assert "panic attack" in shown  # the word shift of its days


def test_the_record_of_a_rule_begins_with_its_first_decision_also_in_the_run_that_makes_it(home: Path) -> None:
    found = snapshot(home).history(tables.SKILL_CARDS, as_of=datetime.max)
    first = START + timedelta(days=37)  # the last closed day of the first run
    assert found["issue"].min() == snapshot(home).history(tables.RULES, as_of=datetime.max)["issue"].min()
    assert found["period"].str.head(10).unique().to_list() == [str(first)]


def test_what_is_no_command_is_set_aside_and_the_run_goes_on(home: Path, posts: Path) -> None:
    (home / "commands").mkdir()
    (home / "commands" / "1.json").write_text('{"command": "explode"}')
    unknown = {"command": "ack", "alert_id": "none", "at": "2024-04-10T12:00:00"}
    (home / "commands" / "2.json").write_text(json.dumps(unknown))
    done = run(home, posts, 40)
    assert len(done.commands) == 2
    assert "1.json set aside in" in done.commands[0]
    assert done.commands[1] == "ack none by analyst: refused, no alert none"
    assert sorted(path.name for path in (home / "commands").rglob("*.*")) == ["1.json", "1.reason"]


def test_every_decision_is_reproduced_from_what_was_known_then(
    home: Path, posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = the_alert(home)
    barograph(capsys, "alerts", "ack", name, "--home", home)
    run(home, posts, 41)
    more = write(posts.parent / "late.jsonl", lambda *_: CALM, days=DAYS)  # late posts change what is known
    late = more.read_text().replace('"id": "', '"id": "late-').replace("person", "other")
    more.write_text(late)
    run(home, more, 43)
    days = {"2024-04-10": "firing", "2024-04-11": "acknowledged", "2024-04-13": "resolved"}
    for until, state in days.items():
        code, said = barograph(capsys, "alerts", "replay", name, "--as-of", until, "--home", home)
        assert code == 0, said
        assert f"then         {state}: " in said
        assert "replayed     the same, in every column\n" in said
    assert "since then   2024-04-09 was issued again: 50.0% of 60 posts then, 25.0% of 120 posts now" in barograph(
        capsys, "alerts", "replay", name, "--as-of", "2024-04-10", "--home", home
    )[1]  # fmt: skip
    early = barograph(capsys, "alerts", "replay", name, "--as-of", "2024-04-01", "--home", home)[1]
    assert early == f"{name}: nothing was decided by the end of 2024-04-01; the first time was 2024-04-10 23:59 UTC\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["show", "nope"], "nope: no alerts begin so; `barograph alerts list --all` names them"),
        (["silence", "--for", "2h"], "got a silence of everything; expected an alert, rule, marker or population"),
        (["silence", "--rule", "high", "--for", "soon"], "--for: got 'soon'; expected minutes, hours or days"),
        (["silence", "--rule", "hi", "--for", "2h"], "--rule: got 'hi'; expected one of high, "),
        (["silence", "--marker", "fear", "--for", "2h"], "--marker: got 'fear'; expected one of anxiety"),
        (["silence", "--population", "north", "--for", "2h"], "--population: got 'north'; expected one of all"),
        (["unsilence", "x"], "x: no running silences begin so"),
        (["ack", "", "--by", "me@home.org"], "by: got 'me@home.org'; expected a role"),
        (["dispose", "", "maybe"], "maybe"),
    ],
)
def test_a_mistake_says_what_was_expected(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[Any], expected: str
) -> None:
    code, said = barograph(capsys, "alerts", *arguments, "--home", home)
    assert code == 2
    assert expected in said
    assert not list((home / "commands").glob("*"))


def test_what_is_listed_can_be_read_by_programs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(barograph(capsys, "alerts", "list", "--json", "--home", home)[1])
    assert [row["state"] for row in listed["alerts"]] == ["firing"]
    shown = json.loads(barograph(capsys, "alerts", "show", the_alert(home), "--json", "--home", home)[1])
    assert shown["why"]["terms"][0]["term"] == "panic attack"
    assert {"forecast", "events", "skill_card", "derivation", "history", "told"} <= set(shown)


def test_the_rules_are_kept_as_they_were(home: Path, posts: Path) -> None:
    run(home, posts, 40)
    assert snapshot(home).read(tables.RULES).height == 1
    run(home, posts, 40, rule=[{"name": "high", "markers": ["anxiety"], "for": "3d"}])
    rules = snapshot(home).history(tables.RULES, as_of=datetime.max)
    assert [json.loads(text)["for"] for text in rules["definition"]] == ["2d", "3d"]
    assert pl.Series(rules["issue"]).is_sorted()
