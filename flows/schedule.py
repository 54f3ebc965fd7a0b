"""Everything that `barograph up` runs, as Prefect deployments on their schedules; a process of its own."""

import asyncio
import os
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import TerminationSignal
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from barograph import settings as settings_room
from barograph.settings import Settings
from flows import scheduled
from flows.sources import choose_sources

WAITING = ("monitor", "forecasts", "validation", "retention")
"""Flows whose schedules begin once the first reading is through; streams begin at once."""


def deployments(home: str, config: str, source: str) -> list[RunnerDeployment]:
    """All of them, those of streams first. `config` and `source` are empty where there is none."""
    settings = settings_room.load(Path(config) if config else None)
    given = {"home": home, "config": config or None, "source": source or None}
    # Of a stream one run reads while the next one waits for its turn; of all else a second one would do nothing, also
    # of a stream that lasts: its hours are there to begin it anew where it has failed.
    streams = [
        _deployed(scheduled.stream, one.name, given | {"stream": one.name}, 1 if one.forgets else 2, cron="0 * * * *")
        for one in choose_sources(settings, (), source or None)
        if one.streams and one.kind != "stdin"
    ]
    return [
        *streams,
        _deployed(scheduled.monitor, "every-few-minutes", given, 1, **_every(settings.monitor_minutes), paused=True),
        _deployed(scheduled.forecasts, "daily", given, 1, cron=_after_closing(settings), paused=True),
        _deployed(scheduled.validation, "weekly", given, 1, cron="20 4 * * 1", paused=True),
        _deployed(scheduled.retention, "nightly", given, 1, cron="40 2 * * *", paused=True),
    ]


def main(home: str, config: str, source: str) -> None:
    """Serve until ended."""
    os.environ[scheduled.SCHEDULER] = str(os.getpid())
    all_ = deployments(home, config, source)
    # As `prefect.serve` does it, which does not say under which id it deploys: twice deployed is twice scheduled.
    runner = Runner(limit=2 * len(all_), pause_on_shutdown=False)
    with get_client(sync_client=True) as client:
        for one in all_:
            id_: Any = runner.add_deployment(one)
            if not one.paused:
                client.create_flow_run_from_deployment(id_)  # now, not at the next full hour
    with suppress(KeyboardInterrupt, TerminationSignal):
        asyncio.run(runner.start())


def _deployed(flow: Any, name: str, parameters: dict[str, Any], at_once: int, **when: Any) -> RunnerDeployment:
    limit = ConcurrencyLimitConfig(limit=at_once, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    deployment: RunnerDeployment = flow.to_deployment(
        name, parameters=parameters, concurrency_limit=limit, entrypoint_type=EntrypointType.MODULE_PATH, **when
    )
    return deployment


def _every(minutes: int) -> dict[str, Any]:
    """A cron schedule where the minutes divide an hour, as cron counts within hours."""
    if minutes < 60 and 60 % minutes == 0:
        return {"cron": f"*/{minutes} * * * *"}
    return {"interval": timedelta(minutes=minutes)}


def _after_closing(settings: Settings) -> str:
    """Ten minutes after a day (UTC) has closed."""
    minutes = round(settings.closing_hours * 60) + 10
    return f"{minutes % 60} {minutes // 60 % 24} * * *"


if __name__ == "__main__":
    main(*sys.argv[1:])
