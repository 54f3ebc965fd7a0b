"""Delivery of notifications: read what is due, close the warehouse, send, record in one short batch; then the next."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from barograph.clock import utc_now
from barograph.home import Home
from barograph.notify import RETRIES, Attempt, Send, endpoints_of, next_attempt
from barograph.privacy import Keyed
from barograph.settings import Settings
from barograph.store import Warehouse
from barograph.tables import NOTIFICATIONS, RECEIVERS, Table
from flows.progress import Reporter
from flows.stages import stage

_AT_ONCE = 8
"""Receivers that are sent to at the same time."""
_BATCH = 500
"""Notifications to one receiver that are recorded together: what a crash can make it hear twice."""
_TOGETHER = 0.2
"""Seconds for which a batch that is through waits for others, to be recorded with them."""
_BATCH_SECONDS = 1.0
"""A receiver that takes longer for them is recorded before."""
_SECONDS = 120.0
"""What one delivery takes at most of a run; the rest stays due for the next one."""
_PATIENCE = sum(RETRIES, timedelta(0))
"""What has been due for so long to a receiver that is not reached is dead, tried or not."""

Clock = Callable[[], datetime]


@dataclass
class _Told:
    """What came of one receiver's batch."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """Changed rows of `notifications`."""
    last: Attempt | None = None
    at: datetime | None = None


@stage
def deliver(home: Home, settings: Settings, reporter: Reporter) -> dict[str, int]:
    """Send every notification that is due, as `send_due` does, as a stage."""
    reporter.stage("deliver")
    return send_due(home, settings)


def send_due(home: Home, settings: Settings, clock: Clock = utc_now) -> dict[str, int]:
    """Send every notification that is due. Returns how many ended as `delivered`, `waiting`, `dead`.

    The warehouse is closed while sending, so that a slow receiver holds nobody up. Killed midway, what was not
    recorded is sent again under the same id. After 410 a receiver is told nothing more until its part of the config
    changes or `barograph notifications retry` says so; while it cannot be reached, what is left stays due; what it asks
    for by Retry-After is waited for. States of one alert come in their order.
    """
    endpoints = endpoints_of(settings.receiver)
    if not endpoints:
        return {}
    keyed, end = Keyed(home.key), time.monotonic() + _SECONDS
    hashes = {name: keyed.hash(endpoint.configured_as) for name, endpoint in endpoints.items()}
    ended: dict[str, str] = {}
    with Warehouse(home.warehouse) as warehouse:
        listening, buried = _listening(warehouse, hashes, clock())
        due = warehouse.due(clock(), listening, _BATCH)
    with ExitStack() as connections, ThreadPoolExecutor(_AT_ONCE) as pool:
        sends: dict[str, Send] = {}
        jobs: dict[Future[_Told], str] = {}
        while due.height or jobs:
            for (name,), batch in due.group_by("receiver", maintain_order=True):
                if name not in sends:
                    sends[name] = connections.enter_context(endpoints[name].open())
                jobs[pool.submit(_tell, sends[name], batch.to_dicts(), clock)] = name
            wait(jobs, return_when=FIRST_COMPLETED)
            done, _ = wait(jobs, _TOGETHER)
            told = {jobs.pop(job): job.result() for job in done}
            listening -= {name for name, one in told.items() if _rests(one.last)}
            rows = [row for one in told.values() for row in one.rows]
            ended |= {row["notification_id"]: row["status"] for row in rows}
            known = [row for name, one in told.items() if (row := _known(name, hashes[name], one))]
            with Warehouse(home.warehouse) as warehouse:
                buried += warehouse.settle(_frame(NOTIFICATIONS, rows), _frame(RECEIVERS, known))
                ready = listening - set(jobs.values()) if time.monotonic() < end else ()
                due = warehouse.due(clock(), ready, _BATCH)
    return dict(Counter(ended.values()) + Counter(dead=buried))


def _listening(warehouse: Warehouse, hashes: Mapping[str, str], at: datetime) -> tuple[set[str], int]:
    """Receivers that may be sent to, and how many notifications died as their receivers are gone.

    What was known of a receiver that is configured otherwise now is forgotten.
    """
    rows = [row for row in warehouse.read(RECEIVERS).to_dicts() if row["receiver"] in hashes]
    anew = [
        {**row, "configured_as": hashes[row["receiver"]], "gone_at": None, "not_before": None}
        for row in rows
        if row["configured_as"] != hashes[row["receiver"]]
    ]
    buried = warehouse.settle(NOTIFICATIONS.empty(), _frame(RECEIVERS, anew)) if rows else 0
    changed = {row["receiver"] for row in anew}
    away = {r["receiver"] for r in rows if r["gone_at"] or (r["not_before"] and r["not_before"] > at)} - changed
    return hashes.keys() - away, buried


def _tell(send: Send, due: list[dict[str, Any]], clock: Clock) -> _Told:
    """Send one receiver what is due, in order, until it rests or has taken long enough."""
    told, behind, end = _Told(), set[str](), time.monotonic() + _BATCH_SECONDS
    for position, row in enumerate(due):
        if behind.intersection(row["about"]):  # the state before did not arrive
            continue
        if time.monotonic() > end:
            break
        at = clock()
        try:
            attempt = send(row["notification_id"], row["body"], at)
        except Exception as error:  # noqa: BLE001  (one that cannot be put in words must not hold up all others)
            attempt = Attempt(type(error).__name__, delivered=False)
        told.last, told.at, n = attempt, at, row["attempts"] + 1
        done = attempt.delivered or attempt.gone
        again = None if done else next_attempt(n, at, row["notification_id"], attempt.asked)
        status = "delivered" if attempt.delivered else "waiting" if again else "dead"
        told.rows.append(_kept(row, status=status, attempts=n, next_attempt_at=again, last_result=attempt.result))
        if again:
            behind.update(row["about"])
        if not attempt.reached:
            late = [r for r in due[position + 1 :] if r["next_attempt_at"] < at - _PATIENCE]
            told.rows += [_kept(r, status="dead", next_attempt_at=None, last_result=attempt.result) for r in late]
        if _rests(attempt):
            break
    return told


def _rests(last: Attempt | None) -> bool:
    """Whether a receiver is sent nothing more in this run."""
    return last is not None and (last.gone or not last.reached or last.asked is not None)


def _known(name: str, configured_as: str, told: _Told) -> dict[str, Any] | None:
    """The receiver's row of `receivers`, where it has said something that outlives the run."""
    if told.last is None or told.at is None or not (told.last.gone or told.last.asked):
        return None
    return {
        "receiver": name, "configured_as": configured_as, "gone_at": told.at if told.last.gone else None,
        "not_before": told.at + told.last.asked if told.last.asked else None,
    }  # fmt: skip


def _kept(row: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: row[name] for name in NOTIFICATIONS.columns} | changes


def _frame(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=table.schema, orient="row")
