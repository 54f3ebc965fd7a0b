"""One alert, read from a snapshot: all that is known of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from barograph import alerts as alerting
from barograph import tables
from barograph.alerts import Mute
from barograph.store import Snapshot


def facts(snapshot: Snapshot, alert: Mapping[str, Any], muted: Mapping[str, Mute], page: str) -> dict[str, Any]:
    """What an alert (its latest row) carries, and `muted`, `why`, `history`, `told`, `dispositions`.

    muted: alert → why nobody is told of it. page: where the dashboard is.
    """
    name = alert["alert_id"]
    mine, line = {"alert_id": name}, {column: alert[column] for column in tables.LINE}
    context = alerting.Context(
        forecasts=snapshot.read(tables.FORECASTS, where=line), events=snapshot.read(tables.EVENTS),
        exceedances=snapshot.read(tables.EXCEEDANCES, where=line), cards=snapshot.read(tables.SKILL_CARDS),
        alerts=snapshot.read(tables.ALERTS), muted=muted,
    )  # fmt: skip
    return {
        **alerting.carried(alert, context, page),
        "muted": muted[name].words if name in muted else None,
        "why": alerting.why(alert, snapshot.read(tables.TERM_SHIFTS)),
        "history": snapshot.history(tables.ALERTS, as_of=datetime.max, where=mine).to_dicts(),
        "told": snapshot.read(tables.NOTIFICATIONS, where=mine).sort("created_at").to_dicts(),
        "dispositions": snapshot.read(tables.DISPOSITIONS, where=mine).sort("decided_at").to_dicts(),
    }
