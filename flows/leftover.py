"""What an `up` that ended left with Prefect, and the schedules that wait for the first reading of the next one."""

import time
from collections.abc import Sequence

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Crashed

from barograph.errors import Transient
from flows.children import Child

OURS = "flows.scheduled."
"""What the entrypoint of every deployment of `up` begins with."""
FIRST = "monitor (up)"
"""Name of the first reading, which has no deployment."""
_OPEN = FlowRunFilterState(
    type=FlowRunFilterStateType(
        any_=[StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING, StateType.PAUSED]
    )
)
_AT_ONCE = 200
_SECONDS = 120


def clear() -> None:
    """End every run of an `up` that is open, and forget its schedules and what they held. No other `up` may be there.

    Runs that never began are removed: else a machine that was off for a week would have a week's runs to do. Where the
    server was killed it would count those that ran as running for good, and their schedule as taken. What others have
    with the same server is left alone, as is a `barograph run` beside this.
    """
    with get_client(sync_client=True) as client:
        _end(client, FlowRunFilter(state=_OPEN, name=FlowRunFilterName(any_=[FIRST])))
        while ours := [one for one in _deployments(client) if (one.entrypoint or "").startswith(OURS)]:
            for one in ours:
                client.pause_deployment(one.id)  # no new ones come
                _end(client, FlowRunFilter(state=_OPEN, deployment_id=FlowRunFilterDeploymentId(any_=[one.id])))
                client.delete_deployment(one.id)


def _end(client: SyncPrefectClient, which: FlowRunFilter) -> None:
    while runs := client.read_flow_runs(flow_run_filter=which, limit=_AT_ONCE):
        for run in runs:
            if run.start_time is None:
                client.delete_flow_run(run.id)
            else:
                said = "barograph up was ended while this ran; the next run goes on from what it kept"
                client.set_flow_run_state(run.id, Crashed(message=said), force=True)


def _deployments(client: SyncPrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := client.read_deployments(limit=_AT_ONCE, offset=len(found)):
        found += page
    return found


def resume(waiting: Sequence[str], scheduler: Child) -> None:
    """Begin the schedules of these flows, once all are there. Raises `Transient` where the scheduler fails."""
    end = time.monotonic() + _SECONDS
    with get_client(sync_client=True) as client:
        theirs = {f"{OURS}{name}" for name in waiting}
        while len(found := [one for one in _deployments(client) if one.entrypoint in theirs]) < len(waiting):
            if scheduler.poll() is not None or time.monotonic() > end:
                raise Transient("the scheduler ended, or has not begun")
            time.sleep(0.5)
        for deployment in found:
            client.resume_deployment(deployment.id)
