"""What `barograph up` runs on its schedules, each a Prefect flow of its own name that says on its page how it ended.

A flow's work is one task, as Prefect asks a task whether trying again can help: after a `Transient` failure it is tried
again, after any other it is not. Parameters are paths and names of sources; nothing a person wrote or is called by
gets to Prefect.

What the work needs is imported by the work: the scheduler and a run that streams are small and begin soon.
"""

import errno
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.flows import Flow
from prefect.states import Completed, Scheduled
from prefect.tasks import Task

from barograph import settings as settings_room
from barograph.clock import utc_now
from barograph.errors import Terminal, Transient
from barograph.home import Home
from barograph.settings import Source
from flows.failures import worded
from flows.sources import choose_sources
from flows.tied import tie
from flows.turns import take_turn

_Flow = TypeVar("_Flow", bound=Callable[..., State[Any]])

_DELAYS = [10.0, 60.0, 300.0]
"""Seconds before each further try."""
_OVERLAP = timedelta(seconds=30)
"""A stream goes on for so long after its next run is due, which by then waits for its turn."""
_SOON = timedelta(seconds=5)
SCHEDULER = "BAROGRAPH_SCHEDULER"
"""Variable of the environment: the process that runs are tied to."""
_BEGUN_AGAIN = "begun-again"
"""Tag of a run that stands in for one whose process was killed."""


def _name() -> str:
    """As `stream bluesky 2026-03-01 10:00:00 UTC`."""
    of = runtime.flow_run.parameters.get("stream")
    at = runtime.flow_run.scheduled_start_time
    return " ".join([runtime.flow_run.flow_name, *([of] if of else []), f"{at:%Y-%m-%d %H:%M:%S} UTC"])


def _can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure is worth another try."""
    return isinstance(state.result(raise_on_failure=False), Transient)


def _attempt(work: Callable[[], str]) -> str:
    """The work, its failures as one of the two families, said on the console in words without any data."""
    what = runtime.flow_run.name
    try:
        return worded(work)()
    except Exception as error:  # noqa: BLE001  (whatever it is, it is one of the two families from here on)
        failure = _failure(error)
        again = isinstance(failure, Transient) and runtime.task_run.run_count <= len(_DELAYS)
        _say(f"{what}: {failure}{'; trying again' if again else ''}")
        raise failure from None


def _failure(error: Exception) -> Transient | Terminal:
    stage = next(iter(getattr(error, "__notes__", ())), "stage: start").removeprefix("stage: ")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Transient(f"{stage} failed: the disk is full; free space: what was kept is safe")
    kind = Transient if isinstance(error, Transient) else Terminal
    return kind(f"{stage} failed: {error}")


def _run(work: Callable[[], str]) -> State[Any]:
    """The work as a task of the flow that runs, tied to the scheduler that began it. What it says is on the page."""
    if scheduler := os.environ.get(SCHEDULER):
        tie(int(scheduler))
    attempt = task(
        name="attempt", cache_policy=NO_CACHE, persist_result=False, retries=len(_DELAYS), retry_delay_seconds=_DELAYS,
        retry_condition_fn=_can_help,
    )(_attempt)  # fmt: skip
    return Completed(message=attempt(work))


async def _begin_again(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  (Prefect's)
    """Where the process of a run was killed, have another one soon: of a stream always, of others once."""
    again = flow_run.deployment_id is not None and (flow.name == "stream" or _BEGUN_AGAIN not in flow_run.tags)
    async with get_client() as client:
        name = (await client.read_flow_run(flow_run.id)).name
        _say(f"{name}: its process was killed{'; beginning again' if again else ''}")
        if again and flow_run.deployment_id:
            soon: State[Any] = Scheduled(scheduled_time=datetime.now(UTC) + _SOON)
            await client.create_flow_run_from_deployment(flow_run.deployment_id, state=soon, tags=[_BEGUN_AGAIN])


def _flow(name: str, **options: Any) -> Callable[[_Flow], _Flow]:
    decorate: Any = flow(name=name, flow_run_name=_name, persist_result=False, validate_parameters=False, **options)
    decorated: Callable[[_Flow], _Flow] = decorate
    return decorated


@_flow("monitor")
def monitor(home: str, config: str | None, source: str | None) -> State[Any]:
    """Posts in, aggregates and alerts out; forecasts are left to the daily flow."""

    def work() -> str:
        from flows import parts

        return parts.monitor(home, config, source)

    return _run(work)


@_flow("forecasts", on_crashed=[_begin_again])
def forecasts(home: str, config: str | None, source: str | None) -> State[Any]:
    """Once a day has closed: what was forecast is evaluated, and the days ahead are forecast, tested and published."""

    def work() -> str:
        from flows import parts

        return parts.forecasts(home, config, source)

    return _run(work)


@_flow("retention", on_crashed=[_begin_again])
def retention(home: str, config: str | None, source: str | None) -> State[Any]:
    """What is past its retention goes, and its bytes with it."""

    def work() -> str:
        from flows import parts

        return parts.retention(home, config, source)

    return _run(work)


@_flow("validation", on_crashed=[_begin_again])
def validation(home: str, config: str | None, source: str | None) -> State[Any]:  # noqa: ARG001  (all get the same)
    """Whether what is published is as promised, and how well forecasters and annotators do."""

    def work() -> str:
        from flows.validation import validated

        return "; ".join(validated(Home(Path(home)), settings_room.load(Path(config) if config else None), utc_now()))

    return _run(work)


@_flow("stream", on_crashed=[_begin_again])
def stream(home: str, config: str | None, source: str | None, stream: str) -> State[Any]:
    """One source, from the cursor of what landed last until a little after the next run is due, or as long as `up`."""

    def work() -> str:
        from flows.stream import land
        from flows.stream import told as landed

        place = Home(Path(home))
        settings = settings_room.load(Path(config) if config else None)
        one = next(one for one in choose_sources(settings, (), source) if one.name == stream)
        with take_turn(place.landing / stream, _until(one, datetime.now(UTC))) as stop:
            return landed(stream, land(place, one, stop, None, _say))

    return _run(work)


def _until(source: Source, now: datetime) -> float | None:
    """When a run of a stream leaves its turn to the next one, by `time.time`; None where it never does."""
    if source.forgets:
        return None
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (hour + _OVERLAP).timestamp()


def _say(what: str) -> None:
    """On the console of `up`."""
    print(what, file=sys.stderr, flush=True)
