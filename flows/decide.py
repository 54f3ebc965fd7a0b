"""The stage that decides: what people asked, what becomes of each alert, who is told, how each rule has done."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from barograph import alerts as alerting
from barograph import commands, tables
from barograph import detect as detection
from barograph.settings import Rule, Settings, span
from barograph.store import Warehouse
from barograph.tables import Table
from flows.stages import Run, stage


@stage
def alert(run: Run, warehouse: Warehouse) -> None:
    """Decide for every rule and line; what is to be told goes into the outbox in the same transaction.

    A run that replays the past, by `backfill` or because later days are issued already, tells nobody and leaves what
    people asked for a run of the present.
    """
    run.reporter.stage("alert")
    issued = warehouse.last_issue()
    present = run.command != "backfill" and not (issued and issued > run.moment)
    waiting = commands.queued(run.home.commands) if present else []
    if waiting:  # an issue is never rewritten
        run.now = run.moment + timedelta(microseconds=1)
    now, rules = run.moment, run.settings.rule
    before = warehouse.latest(tables.ALERTS, now)
    asked = commands.apply(
        [command for _, command in waiting if not isinstance(command, str)],
        warehouse.read(tables.COMMANDS), before, warehouse.latest(tables.SILENCES, now), now=now,
    )  # fmt: skip
    orders = {name: alerting.Order(what, by) for name, (what, by) in asked.orders.items()}
    series = detection.closed_series(warehouse.latest(tables.SERIES, now))
    decided = pl.concat([
        alerting.evaluate(
            rules, series, warehouse.read(tables.EXCEEDANCES).filter(pl.col("issue") <= now), before, now=now,
            orders=orders,
        ),
        alerting.silent_lines(rules, series, before, patience=run.settings.silent_days, now=now, orders=orders),
    ])  # fmt: skip
    rows: dict[Table, pl.DataFrame] = {
        tables.ALERTS: decided, tables.COMMANDS: asked.commands, tables.SILENCES: asked.silences,
        tables.DISPOSITIONS: asked.dispositions, tables.RULES: _definitions(rules, warehouse, now),
    }  # fmt: skip
    if present:
        rows |= _record(run, warehouse, decided, asked.dispositions, rows[tables.RULES])
        rows |= _to_tell(run, warehouse, rows, before)
    warehouse.save_new(rows)
    for path, command in waiting:
        _settle(run, path, command, asked.commands)
    firing = warehouse.latest(tables.ALERTS, now).filter(pl.col("state") == "firing")
    run.firing = firing.sort("rule", "population", "marker").to_dicts()
    run.counts["alerts"] = firing.height
    silent = warehouse.latest(tables.ALERTS, now).filter(pl.col("state").is_in(["nodata", "stale", "censored"]))
    run.silent = silent.height


def keep_record(run: Run, warehouse: Warehouse) -> None:
    """Bring the skill cards up to date."""
    empty = (tables.ALERTS.empty(), tables.DISPOSITIONS.empty(), tables.RULES.empty())
    warehouse.save_new(_record(run, warehouse, *empty))


def wider(settings: Settings, alerts: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Each population of these alerts → those that it is a part of."""
    return {name: settings.wider(name) for name in alerts["population"].unique()}


def _to_tell(
    run: Run, warehouse: Warehouse, rows: dict[Table, pl.DataFrame], before: pl.DataFrame
) -> dict[Table, pl.DataFrame]:
    """Notifications of what is due now, with their bodies."""
    now, at, settings = run.moment, run.clock, run.settings
    alerts = _newest(before, rows[tables.ALERTS], "alert_id")
    silences = _newest(warehouse.latest(tables.SILENCES, now), rows[tables.SILENCES], "silence_id")
    muted = alerting.mutes(alerts, silences, settings.maintenance, wider(settings, alerts), at)
    policy = alerting.Policy(
        settings.group_by, span(settings.group_wait), span(settings.repeat_interval) or None
    )  # fmt: skip
    receivers = [receiver.name for receiver in settings.receiver]
    due = alerting.due(alerts, _told(warehouse), muted, receivers, policy, at=at)
    context = alerting.Context(
        forecasts=warehouse.latest(tables.FORECASTS, now), events=warehouse.read(tables.EVENTS),
        exceedances=warehouse.latest(tables.EXCEEDANCES, now),
        cards=_newest(warehouse.latest(tables.SKILL_CARDS, now), rows[tables.SKILL_CARDS], "rule", "basis"),
        alerts=alerts, muted=muted,
    )  # fmt: skip
    told, grouped, bodies = alerting.notifications(due, context, now=now, at=at, page=settings.dashboard_url)
    return {tables.NOTIFICATIONS: told, tables.GROUPED: grouped, tables.OUTBOX: bodies}


def _told(warehouse: Warehouse) -> pl.DataFrame:
    """`alert_id, receiver, state, created_at` of whatever was told, alone or with others."""
    notifications = warehouse.read(tables.NOTIFICATIONS)
    names = ["alert_id", "receiver", "state", "created_at"]
    others = notifications.select("notification_id", "receiver", "created_at").join(
        warehouse.read(tables.GROUPED), on="notification_id"
    )
    return pl.concat([notifications.select(names), others.select(names)])


def _record(
    run: Run, warehouse: Warehouse, decided: pl.DataFrame, verdicts: pl.DataFrame, defined: pl.DataFrame
) -> dict[Table, pl.DataFrame]:
    """The skill cards that say something new. The rows given are those that this run is about to keep."""
    now = run.moment
    rules = pl.concat([warehouse.read(tables.RULES), defined])
    began = rules.group_by("rule").agg(pl.col("issue").min().dt.date() - timedelta(days=1))
    until = pl.col("issue") <= now
    found = alerting.cards(
        run.settings.rule, detection.closed_series(warehouse.latest(tables.SERIES, now)),
        warehouse.latest(tables.EXCEEDANCES, now),
        pl.concat([warehouse.read(tables.ALERTS).filter(until), decided]),
        pl.concat([warehouse.read(tables.DISPOSITIONS).filter(until), verdicts]),
        since=dict(began.iter_rows()), now=now,
    )  # fmt: skip
    return {tables.SKILL_CARDS: alerting.changed(found, warehouse.latest(tables.SKILL_CARDS, now))}


def _definitions(rules: tuple[Rule, ...], warehouse: Warehouse, now: datetime) -> pl.DataFrame:
    """The rules whose definition is not the one last kept: rows of `rules`."""
    known = warehouse.latest(tables.RULES, now)
    written = [{"rule": rule.name, "definition": rule.model_dump_json(by_alias=True), "issue": now} for rule in rules]
    return pl.DataFrame(written, schema=tables.RULES.schema).join(known, on=["rule", "definition"], how="anti")


def _newest(before: pl.DataFrame, after: pl.DataFrame, *key: str) -> pl.DataFrame:
    return pl.concat([before, after]).unique(key, keep="last", maintain_order=True)


def _settle(run: Run, path: Path, command: Any, outcomes: pl.DataFrame) -> None:
    """Take a command's file out of the queue, and say what came of it."""
    if isinstance(command, str):
        commands.set_aside(path, command)
        run.commands.append(f"{path.name} set aside in {path.parent / 'refused'}: {command}")
        return
    for row in outcomes.filter(pl.col("command_id") == command.id).iter_rows(named=True):
        subject = f" {row['subject']}" if row["subject"] else ""
        run.commands.append(f"{row['command']}{subject} by {row['created_by']}: {row['outcome']}, {row['reason']}")
    commands.finish(path)
