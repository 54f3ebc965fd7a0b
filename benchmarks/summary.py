"""What `benchmarks.validity` measured, in few figures, and which aims they miss."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]
PUBLIC = ("empath", "vader", "afinn", "nrc", "labmt")
EMOTION_SETS = ("goemotions_dev", "semeval", "tweeteval_val")
NEAR = 0.03
"""AUC that learned lexicons may stay below the linear text model."""
MOSTLY = 0.8
"""Share of sets and markers on which lists written by hand shall be above the best other lexicon."""
HALF = 0.5
"""Of the best public lexicon's raw error, what a calibrated one may have."""
_SCORES = ("hand", "learned", "other", "nade", "linear")
_READINGS = ("public hits", "public line", "hand hits", "calibrated", "adjusted", "counted", "linear", "constant")


def summarise(measured: Mapping[str, Rows]) -> tuple[dict[str, float], list[str]]:
    """Figures, each with `n_` of it, the sets and markers behind it; and the aims missed, one sentence each."""
    figures: dict[str, float] = {}

    def add(name: str, values: Iterable[float]) -> None:
        numbers = list(values)
        if numbers:
            figures[name], figures[f"n_{name}"] = round(float(np.mean(numbers)), 4), len(numbers)

    cells = _cells(measured)
    for where in dict.fromkeys(name for name, _ in cells):
        for score in _SCORES:
            add(
                f"{where}_auc_{score}",
                (row[score] for (name, _), row in cells.items() if name == where and score in row),
            )
    misses = []
    for of, to in (("hand", "other"), ("learned", "other"), ("learned", "nade"), ("learned", "linear")):
        rows = [row for row in measured["differences"] if (row["of"], row["to"]) == (of, to)]
        add(f"{of}_above_{to}_share", (row["auc"] > 0 for row in rows))
        add(f"{of}_surely_below_{to}_share", (row["high"] < 0 for row in rows))
        add(f"{of}_minus_{to}_mean", (row["auc"] for row in rows))
        misses += [said for row in rows if (said := _missed(row))]
    if figures.get("hand_above_other_share", 1) < MOSTLY:
        misses.append(
            f"hand above the best other lexicon on {figures['hand_above_other_share']:.0%} of sets and markers"
        )
    for (where, rates), errors in _errors(measured).items():
        for reading, values in errors.items():
            add(f"{where}_{rates}_error_{reading.replace(' ', '_')}", values)
        both = [np.mean(errors[reading]) for reading in ("adjusted", "public hits") if reading in errors]
        if len(both) == len(("ours", "public")) and both[0] > HALF * both[1]:
            misses.append(f"{where}, {rates} base rates: calibrated error {both[0]:.3f}, best public raw {both[1]:.3f}")
    for option in dict.fromkeys(row["option"] for row in measured["options"]):
        add(f"{option}_auc_change", (row["change"] for row in measured["options"] if row["option"] == option))
    return figures, misses


def table(measured: Mapping[str, Rows]) -> str:
    """AUC per set and marker, then errors of shares per set."""
    lines = [f"{'AUC':<16}{'marker':<16}" + "".join(f"{score:>9}" for score in _SCORES)]
    for (where, marker), row in _cells(measured).items():
        values = "".join(f"{row[score]:>9.3f}" if score in row else f"{'':>9}" for score in _SCORES)
        lines.append(f"{where:<16}{marker:<16}{values}  {row.get('is', '')}")
    lines += ["", f"{'error of shares':<24}" + "".join(f"{reading:>13}" for reading in _READINGS)]
    for (where, rates), errors in _errors(measured).items():
        values = "".join(f"{np.mean(errors[r]):>13.3f}" if r in errors else f"{'':>13}" for r in _READINGS)
        lines.append(f"{where:<16}{rates:<8}{values}")
    return "\n".join(lines)


def _missed(row: Mapping[str, Any]) -> str | None:
    """The sentence about a difference that misses its aim."""
    aim = (row["of"], row["to"])
    missed = (
        (aim == ("hand", "other") and row["high"] < 0)
        or (aim == ("learned", "nade") and row["auc"] <= 0)
        or (aim == ("learned", "linear") and row["auc"] < -NEAR)
    )
    interval = f"{row['auc']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    return f"{row['set']} {row['marker']}: {row['of']} − {row['is']} {interval}" if missed else None


def _cells(measured: Mapping[str, Rows]) -> dict[tuple[str, str], dict[str, Any]]:
    """Set and marker → AUC by score; `other` is the best public lexicon's, `is` its name."""
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    for row in measured["ranks"]:
        cell = cells.setdefault((row["set"], row["marker"]), {})
        cell[row["score"]] = row["auc"]
        if row["score"] in PUBLIC and row["auc"] > cell.get("other", 0):
            cell |= {"other": row["auc"], "is": row["score"]}
    return cells


def _errors(measured: Mapping[str, Rows]) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Set and rates → error per marker by reading, over the markers that ours and a public lexicon can both read.

    Ours is the learned lexicon where there is one, else the list written by hand; the public one, per marker, that
    with the least error.
    """
    by_marker: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in measured["prevalence"]:
        by_marker.setdefault((row["set"], row["rates"], row["marker"]), {})[row["reading"]] = row["error"]
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (where, rates, _), errors in by_marker.items():
        for kind in ("hits", "line"):
            if own := [error for reading, error in errors.items() if reading in {f"{name} {kind}" for name in PUBLIC}]:
                errors[f"public {kind}"] = min(own)
        for how in ("calibrated", "adjusted", "counted"):
            if own := [errors[f"{kind} {how}"] for kind in ("learned", "hand") if f"{kind} {how}" in errors]:
                errors[how] = own[0]
        if "public hits" in errors and ("adjusted" in errors or "hand hits" in errors):
            for reading, error in errors.items():
                found.setdefault((where, rates), {}).setdefault(reading, []).append(error)
    return found
