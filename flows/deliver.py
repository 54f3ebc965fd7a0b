"""Delivery of notifications: read what is due, close the warehouse, send, record in one short batch."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import polars as pl
from prefect import flow

from barograph.home import Home
from barograph.ingest import utc_now
from barograph.settings import Settings
from barograph.store import Warehouse
from barograph.tables import NOTIFICATIONS
from barograph.webhook import Endpoint, next_attempt, send
from flows.progress import Reporter

_AT_ONCE = 8


@flow(name="deliver", persist_result=False, validate_parameters=False)
def deliver(home: Home, settings: Settings, reporter: Reporter) -> dict[str, int]:
    """Send every notification that is due, once. Returns how many ended as `delivered`, `waiting`, `dead`.

    The warehouse is closed while sending, so that a slow receiver holds nobody up. Killed midway, what was not
    recorded is sent again under the same id. After 410 a receiver is told nothing more of what is due.
    """
    reporter.stage("deliver")
    endpoints = endpoints_of(settings)
    with Warehouse(home.warehouse) as warehouse:
        due = warehouse.due(utc_now()).filter(pl.col("receiver").is_in(list(endpoints)))
    if due.is_empty():
        return {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        rows = list(pool.map(lambda row: _attempt(endpoints[row["receiver"]], row), due.iter_rows(named=True)))
    with Warehouse(home.warehouse) as warehouse:
        warehouse.save({NOTIFICATIONS: pl.DataFrame(rows, schema=NOTIFICATIONS.schema)})
    return dict(Counter(str(row["status"]) for row in rows))


def endpoints_of(settings: Settings) -> dict[str, Endpoint]:
    """Receiver's name → address and secret. Raises `ConfigError` where one cannot be had."""
    return {r.name: Endpoint(r.name, r.address(), r.secret()) for r in settings.receiver}


def _attempt(endpoint: Endpoint, row: dict[str, object]) -> dict[str, object]:
    at = utc_now()
    attempt = send(endpoint, str(row["notification_id"]), str(row["body"]), at)
    attempts = int(str(row["attempts"])) + 1
    again = None if attempt.delivered or attempt.gone else next_attempt(attempts, at)
    status = "delivered" if attempt.delivered else "waiting" if again else "dead"
    kept = {name: row[name] for name in NOTIFICATIONS.columns}
    return {**kept, "status": status, "attempts": attempts, "next_attempt_at": again, "last_result": attempt.result}
