"""Delivery of notifications: read what is due, close the warehouse, send, record in one short batch."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
from prefect import flow

from barograph.clock import utc_now
from barograph.home import Home
from barograph.settings import Settings
from barograph.store import Warehouse
from barograph.tables import NOTIFICATIONS
from barograph.webhook import Endpoint, endpoints_of, next_attempt, send
from flows.progress import Reporter

_AT_ONCE = 8


@flow(name="deliver", persist_result=False, validate_parameters=False)
def deliver(home: Home, settings: Settings, reporter: Reporter) -> dict[str, int]:
    """Send every notification that is due, once. Returns how many ended as `delivered`, `waiting`, `dead`.

    The warehouse is closed while sending, so that a slow receiver holds nobody up. Killed midway, what was not
    recorded is sent again under the same id. After 410 a receiver is told nothing more of what is due; while it
    cannot be reached, what is left stays due.
    """
    reporter.stage("deliver")
    endpoints = endpoints_of(settings.receiver)
    with Warehouse(home.warehouse) as warehouse:
        due = warehouse.due(utc_now()).filter(pl.col("receiver").is_in(list(endpoints)))
    if due.is_empty():
        return {}
    rounds = [
        (endpoints[str(name)], part.to_dicts()) for (name,), part in due.group_by("receiver", maintain_order=True)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        rows = [row for told in pool.map(lambda round_: _tell(*round_), rounds) for row in told]
    with Warehouse(home.warehouse) as warehouse:
        warehouse.settle(pl.DataFrame(rows, schema=NOTIFICATIONS.schema))
    return dict(Counter(str(row["status"]) for row in rows))


def _tell(endpoint: Endpoint, due: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send one receiver what is due, in order. Returns the rows of `notifications` that this changed."""
    rows: list[dict[str, Any]] = []
    for position, row in enumerate(due):
        at = utc_now()
        attempt = send(endpoint, row["notification_id"], row["body"], at)
        attempts = row["attempts"] + 1
        again = None if attempt.delivered or attempt.gone else next_attempt(attempts, at)
        status = "delivered" if attempt.delivered else "waiting" if again else "dead"
        rows.append(_kept(row, status=status, attempts=attempts, next_attempt_at=again, last_result=attempt.result))
        if attempt.gone:
            rest = due[position + 1 :]
            rows += [_kept(r, status="dead", next_attempt_at=None, last_result=attempt.result) for r in rest]
        if attempt.gone or not attempt.reached:
            break
    return rows


def _kept(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: row[name] for name in NOTIFICATIONS.columns} | changes
