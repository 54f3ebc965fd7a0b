"""What an `up` that ended left with Prefect, and the schedules that wait for the first reading of the next one."""

import time
from collections.abc import Sequence

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from barograph.errors import Transient
from flows.children import Child

_OPEN = FlowRunFilter(
    state=FlowRunFilterState(
        type=FlowRunFilterStateType(
            any_=[
                StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED,
            ]
        )
    )
)  # fmt: skip
_AT_ONCE = 200
_SECONDS = 120


def clear() -> None:
    """End every run that is open, and forget every schedule and what it held. Nothing may run by then.

    Runs that never began are removed: else a machine that was off for a week would have a week's runs to do. Where the
    server was killed it would count those that ran as running for good, and their schedule as taken.
    """
    with get_client(sync_client=True) as client:
        while found := client.read_deployments(limit=_AT_ONCE):
            for deployment in found:
                client.delete_deployment(deployment.id)
        while runs := client.read_flow_runs(flow_run_filter=_OPEN, limit=_AT_ONCE):
            for run in runs:
                if run.start_time is None:
                    client.delete_flow_run(run.id)
                else:
                    said = "barograph up was ended while this ran; the next run goes on from what it kept"
                    client.set_flow_run_state(run.id, Crashed(message=said), force=True)


def resume(waiting: Sequence[str], scheduler: Child) -> None:
    """Begin the schedules of these flows, once all are there. Raises `Transient` where the scheduler fails."""
    end = time.monotonic() + _SECONDS
    with get_client(sync_client=True) as client:
        theirs = FlowFilter(name=FlowFilterName(any_=list(waiting)))
        while len(found := client.read_deployments(flow_filter=theirs, limit=_AT_ONCE)) < len(waiting):
            if scheduler.poll() is not None or time.monotonic() > end:
                raise Transient("the scheduler ended, or has not begun")
            time.sleep(0.5)
        for deployment in found:
            client.resume_deployment(deployment.id)
