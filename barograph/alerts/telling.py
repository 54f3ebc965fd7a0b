"""Who is to be told of which alert now: what mutes it, what it is told together with, and when it is told again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from barograph.alerts.decide import NotifyReason, Told, tell
from barograph.language import gettext as _
from barograph.settings import SILENT_LINE, Maintenance
from barograph.tables import ALERTS

_SILENT_TOGETHER = ("rule", "population", "state")
"""Lines of one population fall silent together, whatever alerts are grouped by."""


@dataclass(frozen=True)
class Mute:
    """Why nobody is told of an alert."""

    reason: NotifyReason
    words: str
    population: str | None = None
    """The wider one that fires, where that is why."""


@dataclass(frozen=True)
class Policy:
    """How receivers are told."""

    group_by: tuple[str, ...] = ()
    """Columns of `alerts`: what agrees in them and in state is told in one notification. None: each alert alone."""
    wait: timedelta = timedelta(0)
    """How long the first of a group waits for others."""
    repeat: timedelta | None = None
    """How long after it was told a firing alert is told again; None: never."""


def mutes(
    alerts: pl.DataFrame,
    silences: pl.DataFrame,
    maintenance: Sequence[Maintenance],
    wider: Mapping[str, Sequence[str]],
    at: datetime,
) -> dict[str, Mute]:
    """alert → why nobody is told of it at `at` (by the clock).

    alerts: latest rows. silences: latest rows of `silences`; one of which a column is NULL holds for all of it. wider:
    population → those it is a part of, nearest first: the same rule, marker, unit and method firing on one of them
    quiets it.
    """
    on = {_place(row) for row in alerts.iter_rows(named=True) if row["state"] in ("firing", "acknowledged")}
    found: dict[str, Mute] = {}
    running = silences.filter(pl.col("starts_at") <= at, pl.col("ends_at") > at).sort("ends_at", descending=True)
    for alert in alerts.iter_rows(named=True):
        for window in maintenance:
            if window.starts_at <= at < window.ends_at and (
                not window.populations or alert["population"] in window.populations
            ):
                until = f"{window.ends_at:%Y-%m-%d %H:%M} UTC"
                said = _("maintenance {name} until {until}").format(name=repr(window.name), until=until)
                found[alert["alert_id"]] = Mute(NotifyReason.MAINTENANCE, said)
        for silence in running.iter_rows(named=True):
            if matches(silence, alert):
                until = f"{silence['ends_at']:%Y-%m-%d %H:%M} UTC"
                said = _("silenced until {until} by {role}").format(until=until, role=silence["created_by"])
                found[alert["alert_id"]] = Mute(NotifyReason.SILENCED, said)
                break
        for population in wider.get(alert["population"], ()):
            if alert["alert_id"] not in found and alert["rule"] != SILENT_LINE and _place(alert, population) in on:
                words = _("quiet: {population}, which it is part of, fires too").format(population=population)
                found[alert["alert_id"]] = Mute(NotifyReason.INHIBITED, words, population)
    return found


def matches(silence: Mapping[str, Any], alert: Mapping[str, Any]) -> bool:
    """Whether a silence is about an alert."""
    return all(silence[name] in (None, alert[name]) for name in ("alert_id", "rule", "marker", "population"))


def _place(alert: Mapping[str, Any], population: str | None = None) -> tuple[Any, ...]:
    return (alert["rule"], alert["marker"], population or alert["population"], alert["unit"], alert["method"])


def due(
    alerts: pl.DataFrame,
    told: pl.DataFrame,
    muted: Mapping[str, Mute],
    receivers: Sequence[str],
    policy: Policy,
    *,
    at: datetime,
) -> pl.DataFrame:
    """What to tell now: rows of `alerts` with `receiver`, `why`, `times` (told before in this state) and `group`.

    told: `alert_id, receiver, state, created_at` of every notification so far. Rows with one receiver and `group` are
    told in one notification.
    """
    last: dict[tuple[str, str], Told] = {}
    times: dict[tuple[str, str, str], int] = {}
    for row in told.sort("created_at").iter_rows(named=True):
        last[row["alert_id"], row["receiver"]] = Told(row["state"], row["created_at"])
        key = (row["alert_id"], row["receiver"], row["state"])
        times[key] = times.get(key, 0) + 1
    rows: list[dict[str, Any]] = []
    for receiver in receivers:
        for alert in alerts.iter_rows(named=True):
            name = alert["alert_id"]
            mute = muted[name].reason if name in muted else None
            known, seen = last.get((name, receiver), Told()), bool(alert["moved_by"])
            why = tell(alert["state"], known, at, muted=mute, repeat=policy.repeat, seen=seen)
            if why.tells:
                again = times.get((name, receiver, alert["state"]), 0)
                group = _group(alert, policy)
                rows.append({**alert, "receiver": receiver, "why": str(why), "times": again, "group": group})
    schema = {**ALERTS.schema, "receiver": pl.String, "why": pl.String, "times": pl.Int64, "group": pl.String}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    waited = (pl.lit(at) - pl.col("issue").min().over("receiver", "group")) >= policy.wait
    return found.filter(waited | (pl.col("why") != str(NotifyReason.BEGAN)))


def _group(alert: Mapping[str, Any], policy: Policy) -> str:
    names = _SILENT_TOGETHER if alert["rule"] == SILENT_LINE else policy.group_by
    if not names:
        return str(alert["alert_id"])
    return "\n".join([alert["state"], *(str(alert[name]) for name in names)])
