"""A decision made again from what was known then."""

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from barograph.alerts.decide import Order
from barograph.alerts.evaluate import evaluate, silent_lines
from barograph.settings import SILENT_LINE, Rule
from barograph.tables import ALERTS

_GONE = "its rule is no longer there"


def replay(
    recorded: Mapping[str, Any],
    rules: list[Rule],
    series: pl.DataFrame,
    exceedances: pl.DataFrame,
    alerts: pl.DataFrame,
    *,
    patience: int,
) -> dict[str, Any] | None:
    """The row of `alerts` that is decided anew in place of `recorded`; None where nothing would be.

    rules: as they were configured then. series: closed days as known then; exceedances: all issues up to then; alerts:
    the latest rows before. patience: as for `silent_lines`. What a person asked is taken from `recorded` itself.
    """
    now, orders = recorded["issue"], {}
    if recorded["moved_by"]:
        what: Literal["acknowledge", "resolve"] = "resolve" if recorded["state"] == "resolved" else "acknowledge"
        orders[recorded["alert_id"]] = Order(what, recorded["moved_by"])
    if recorded["rule"] == SILENT_LINE:
        decided = silent_lines(rules, series, alerts, patience=patience, now=now, orders=orders)
    else:
        if recorded["reason"] == _GONE:
            rules = [rule for rule in rules if rule.name != recorded["rule"]]
        decided = evaluate(rules, series, exceedances, alerts, now=now, orders=orders)
    rows = decided.filter(pl.col("alert_id") == recorded["alert_id"]).to_dicts()
    return rows[0] if rows else None


def differences(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Columns in which a replayed row says something else, each with both values."""
    return [
        f"{name}: {recorded[name]} then, {again[name]} now" for name in ALERTS.columns if recorded[name] != again[name]
    ]
