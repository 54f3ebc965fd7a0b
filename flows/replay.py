"""A decision made again from the snapshot: what was known then, and what is known of the same day now."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from barograph import alerts as alerting
from barograph import tables
from barograph.alerts.words import describe
from barograph.detect import closed_series
from barograph.settings import SILENT_LINE, Rule
from barograph.store import Snapshot


def replayed(snapshot: Snapshot, recorded: Mapping[str, Any], patience: int) -> str:
    """The decision that a row of `alerts` holds, made again, and how it compares, in words.

    patience: closed days without a value from which on a line is silent, as configured now.
    """
    now = recorded["issue"]
    known = [Rule.model_validate_json(d) for d in snapshot.read(tables.RULES, as_of=now)["definition"]]
    mine = [rule for rule in known if recorded["rule"] in (rule.name, SILENT_LINE)]
    # Of a silent line every line counts, as it is held against the last closed day of any.
    line = {name: recorded[name] for name in tables.LINE} if recorded["rule"] != SILENT_LINE else {}
    series = closed_series(snapshot.read(tables.SERIES, as_of=now, where=line))
    again = alerting.replay(
        recorded, mine, series, snapshot.history(tables.EXCEEDANCES, as_of=now, where=line),
        snapshot.read(tables.ALERTS, as_of=now - timedelta(microseconds=1)),
        patience=patience,
    )  # fmt: skip
    here = pl.all_horizontal(pl.col(name) == recorded[name] for name in tables.LINE)
    day = series.filter(here).select(pl.col("time_value").max()).item()
    lines = [
        f"{recorded['alert_id']}, decided with what was known at {now:%Y-%m-%d %H:%M:%S} UTC",
        f"last closed  {day}",
        f"then         {recorded['state']}: {recorded['reason']}",
        f"             {describe(recorded)}",
    ]
    if again is None:
        lines.append("replayed     nothing would be decided")
    elif unlike := alerting.differences(recorded, again):
        lines += ["replayed     not the same", *(f"             {difference}" for difference in unlike)]
    else:
        lines.append("replayed     the same, in every column")
    later = snapshot.read(tables.SERIES, where={name: recorded[name] for name in tables.LINE} | {"time_value": day})
    before = series.filter(here, pl.col("time_value") == day)
    if later.height and before.height and later["prevalence"][0] != before["prevalence"][0]:
        was, is_ = before.row(0, named=True), later.row(0, named=True)
        lines.append(f"since then   {day} was issued again: {_value(was)} then, {_value(is_)} now")
    return "\n".join(lines)


def _value(row: Mapping[str, Any]) -> str:
    return "no value" if row["prevalence"] is None else f"{row['prevalence']:.1%} of {row['n_posts']:,} posts"
