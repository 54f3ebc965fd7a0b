"""What `up` runs on its schedules: failures told apart, names and messages without data, which run does what."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Running, Scheduled

from barograph import publish, tables
from barograph.errors import Terminal, Transient
from barograph.home import Home
from barograph.settings import Source
from barograph.sources.simulated import Simulation
from barograph.store import Snapshot
from flows import leftover, schedule, scheduled

pytestmark = pytest.mark.usefixtures("prefect_server")

START = date(2024, 1, 1)
WORDS = "words that somebody wrote"


def ended(name: str) -> FlowRun:
    """The one run whose name begins so."""
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(like_=name))
        (run,) = client.read_flow_runs(flow_run_filter=named)
        return run


def said(name: str) -> str:
    state = ended(name).state
    assert state is not None
    return state.message or ""


def tried(run: FlowRun) -> int:
    with get_client(sync_client=True) as client:
        (attempt,) = client.read_task_runs(
            task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
        )
        return attempt.run_count


def failing(name: str, failures: list[Exception]) -> Callable[[], State[str]]:
    """A flow as those of `up` that fails so, one after another, and then does not."""

    def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done at last"

    @scheduled._flow(name)
    def of_a_test() -> State[str]:
        return scheduled._run(work)

    return of_a_test


def test_a_transient_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(scheduled, "_DELAYS", [0.0, 0.0])
    failing("patient", [Transient("the home is in use"), OSError(28, "No space left on device")])()
    run = ended("patient")
    assert run.state is not None
    assert (run.state.name, run.state.message, tried(run)) == ("Completed", "done at last", 3)
    told = capfd.readouterr().err.splitlines()
    assert [line.partition(" UTC: ")[2] for line in told] == [
        "start failed: the home is in use; trying again",
        "start failed: the disk is full; free space: what was kept is safe; trying again",
    ]


def test_a_terminal_failure_is_not(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(scheduled, "_DELAYS", [0.0, 0.0])
    with pytest.raises(Terminal, match="token was refused"):
        failing("hasty", [Terminal("the token was refused")])()
    run = ended("hasty")
    assert run.state is not None
    assert run.state.name == "Failed"
    assert run.state.message is not None
    assert "start failed: the token was refused" in run.state.message
    assert tried(run) == 1
    assert capfd.readouterr().err.rstrip().endswith("UTC: start failed: the token was refused")


def test_an_unexpected_failure_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scheduled, "_DELAYS", [0.0, 0.0])
    with pytest.raises(Terminal) as caught:
        failing("surprised", [ValueError(WORDS)])()
    run = ended("surprised")
    assert run.state is not None
    assert run.state.message is not None
    assert "start failed: ValueError at test_scheduled.py:" in run.state.message
    assert WORDS not in run.state.message + capfd.readouterr().err + str(caught.value)
    assert tried(run) == 1


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty days of posts, up to a day that has closed long ago."""
    folder = tmp_path_factory.mktemp("posts")
    posts = Simulation(start=START, posts_per_day=40).posts(START, date(2024, 2, 29))
    posts.write_parquet(folder / "posts.parquet")
    config = folder / "barograph.toml"
    config.write_text("""
        [[source]]
        name = "desk"
        path = "posts.parquet"
        [[marker]]
        name = "anxiety"
        lexicons = ["anxiety_en", "anxiety_es"]
    """)
    return config


def test_the_monitor_leaves_forecasts_to_the_daily_run(config: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    given = (str(home.path), str(config), None)

    def published() -> Snapshot:
        path = publish.current(home.published)
        assert path is not None
        return Snapshot(path)

    scheduled.monitor(*given)
    assert published().read(tables.SERIES).height
    assert published().read(tables.FORECASTS).is_empty()
    scheduled.forecasts(*given)
    forecasts = published().read(tables.FORECASTS)
    assert forecasts["target"].min() == date(2024, 3, 1)
    scheduled.retention(*given)
    # The monitor has dropped them: they are old by the clock of `up`.
    assert said("retention 20") == "0 texts dropped, and what was deleted is in no byte of the warehouse"
    scheduled.validation(*given)
    assert f"rows of {len(tables.PUBLISHED)} tables are as promised; too few days" in said("validation 20")
    assert len(list((home.path / "validation").glob("*.json"))) == 1
    scheduled.monitor(*given)
    runs = published().read(tables.RUNS).sort("started_at")
    assert runs["command"].to_list() == ["up", "forecasts", "retention", "up"]
    assert set(runs["status"]) == {"done"}
    name = ended("retention 20").name
    assert name.endswith("UTC")
    assert "home" not in name


def test_schedules_are_cron_and_one_of_each_runs_at_once(config: Path) -> None:
    found = {d.flow_name: d for d in schedule.deployments("home", str(config), "")}
    crons = {name: [s.schedule.cron for s in d.schedules or []] for name, d in found.items()}  # type: ignore[union-attr]
    assert crons == {
        "monitor": ["*/5 * * * *"], "forecasts": ["10 6 * * *"], "validation": ["20 4 * * 1"],
        "retention": ["40 2 * * *"],
    }  # fmt: skip
    assert {d.concurrency_limit for d in found.values()} == {1}
    assert set(found) == set(schedule.WAITING)


LASTING = [
    Source(name="toots", kind="mastodon", hosts=("mastodon.example",)),
    Source(name="reddit", kind="reddit", communities=("stress",)),
]
"""What one run tells of these (edits, deletes), none that comes after it could."""
HOURLY = [
    Source(name="sky", kind="bluesky"),
    Source(name="drops", kind="folder", path=("drops",)),
    Source(name="dumps", kind="reddit", path=("dumps",)),
]


def test_a_run_of_a_stream_leaves_to_the_next_one_where_that_loses_nothing() -> None:
    now = datetime(2026, 3, 1, 10, 20, tzinfo=UTC)
    due = datetime(2026, 3, 1, 11, 0, 30, tzinfo=UTC).timestamp()
    assert [scheduled._until(one, now) for one in HOURLY] == [due] * 3
    assert [scheduled._until(one, now) for one in LASTING] == [None] * 2


def test_a_stream_that_lasts_runs_once_and_is_begun_anew_within_the_hour(tmp_path: Path) -> None:
    config = tmp_path / "barograph.toml"
    config.write_text("""
        [[source]]
        name = "sky"
        kind = "bluesky"
        [[source]]
        name = "toots"
        kind = "mastodon"
        hosts = "mastodon.example"
    """)
    found = {d.name: d for d in schedule.deployments("home", str(config), "")}
    assert [(found[name].concurrency_limit, len(found[name].schedules or [])) for name in ("sky", "toots")] == [
        (2, 1), (1, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "when"), [(1, "*/1 * * * *"), (15, "*/15 * * * *"), (7, "0:07:00"), (60, "1:00:00")]
)
def test_the_monitors_minutes_are_even(minutes: int, when: str) -> None:
    (value,) = schedule._every(minutes).values()
    assert str(value) == when


def test_what_a_killed_up_left_is_cleared() -> None:
    """Runs that were to come are gone, those that ran are ended, no schedule brings new ones; others keep theirs."""
    minutely = DeploymentScheduleCreate(schedule=CronSchedule(cron="* * * * *"))
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name("monitor")

        def deployed(name: str, entrypoint: str) -> UUID:
            return client.create_deployment(
                flow_id, name, entrypoint=entrypoint, schedules=[minutely], concurrency_limit=1
            )

        left, other = deployed("left", "flows.scheduled.monitor"), deployed("other", "elsewhere.monitor")
        late = [
            client.create_flow_run_from_deployment(
                left, state=Scheduled(scheduled_time=datetime(2024, 1, 1, n, tzinfo=UTC))
            ).id
            for n in range(12)
        ]
        ran, runs = (client.create_flow_run_from_deployment(one).id for one in (left, other))
        for one in (ran, runs):
            client.set_flow_run_state(one, Running(), force=True)
        leftover.clear()
        assert [one.id for one in client.read_deployments()] == [other]
        states = {run.id: run.state and run.state.name for run in client.read_flow_runs()}
        assert not set(late) & set(states)
        assert (states[ran], states[runs]) == ("Crashed", "Running")
        client.delete_deployment(other)
