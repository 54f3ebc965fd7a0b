"""What was measured of forecasts, for the house model's card: from the JSON of the last full runs, nothing typed."""

import json
from pathlib import Path
from typing import Any

_BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
CARD = Path(__file__).parent.parent / "forecasting" / "CARD.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
_DAYS = (7, 28, 84)
_TITLES = {
    "scrps": "sCRPS", "brier_skill": "Brier skill", "average_precision": "AP", "coverage_80": "80 % interval holds",
    "precision": "precision", "recall": "recall", "random_recall": "recall by chance",
    "false_alarms_per_week": "false alarms a week",
}  # fmt: skip
_MODELS = (
    "house", "auto", "climatology", "seasonal_naive", "random_walk", "auto_ets", "auto_theta", "mfles", "best",
    "var", "gru",
)  # fmt: skip

Figures = dict[str, float | None]


def card() -> str:
    """The card, its measured part as of the last full runs."""
    before, _, rest = CARD.read_text().partition(BEGIN)
    found, unseen = (_kept(name) for name in ("forecasting", "unseen"))
    window = _window(found["figures"], found["misses"])
    return f"{before}{BEGIN}\n{window}\n{_places(unseen['figures'])}{END}{rest.partition(END)[2]}"


def _kept(name: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads((_BENCHMARKS / f"{name}.json").read_text())
    return line


def _window(found: Figures, misses: list[str]) -> str:
    models = [m for m in _MODELS if f"{m}_7_scrps" in found]
    rows = [
        [f"{model}, {days} days", *(_said(found[f"{model}_{days}_{figure}"]) for figure in _TITLES)]
        for model in models
        for days in _DAYS
    ]
    ratios = [
        [f"{days} days", *(_with_ends(found, f"house_{days}_{name}_ratio") for name in ("scrps", "average_precision"))]
        for days in _DAYS
    ]
    months = sorted({name[-7:] for name in found if name.startswith("coverage_7_")})
    held = [
        [f"{days} days", _said(found[f"coverage_{days}"]), *(_said(found[f"coverage_{days}_{m}"]) for m in months)]
        for days in _DAYS
    ]
    return (
        _table(["model, training days", *_TITLES.values()], rows)
        + "\nThe house model against AutoETS in the same run (95 % of a bootstrap over series and weeks):\n\n"
        + _table(["", "sCRPS", "AP"], ratios)
        + "\nHow often its 80 % interval held, daily origins, by month of the target:\n\n"
        + _table(["", "all", *(m.replace("_", "-") for m in months)], held)
        + _missed(misses)
        + _peaks(found)
    )


def _missed(misses: list[str]) -> str:
    return "".join(["\nWanted and not reached:\n\n", *(f"- {miss}\n" for miss in misses)]) if misses else ""


def _peaks(found: Figures) -> str:
    """The published protocol, with what alarms on random days have."""
    columns = ["hit_2", "hit_3", "hit_week", "precision_2", "precision_3", "precision_week"]
    rows = [
        [f"{model}, {days} days", *(_beside_chance(found, f"found_{model}_{days}", c) for c in columns)]
        for model in ("house", "gru", "var", "climatology")
        for days in (7, 14, 21)
    ]
    every = ["every week", *(_said(found[f"found_every_week_{c}"]) for c in columns)]
    return (
        "\nThe published protocol on every fourth place: share of peaks that an alarm met within 2 or 3 days or in the "
        "same week, and\nof alarms that met a peak; in brackets as many alarms on random days:\n\n"
        + _table(["model, training days", *(c.replace("_", " ") for c in columns)], [*rows, every])
    )


def _beside_chance(found: Figures, key: str, figure: str) -> str:
    return f"{_said(found[f'{key}_{figure}'])} ({_said(found[f'{key}_random_{figure}'])})"


def _places(found: Figures) -> str:
    models = ("unseen", "seen", "unnamed", "auto_ets", "climatology")
    figures = ("scrps", "brier_skill", "average_precision", "coverage_80")
    rows = [
        [f"{model}, {days} days", *(_said(found[f"{model}_{days}_{figure}"]) for figure in figures)]
        for model in models
        for days in _DAYS
    ]
    return (
        "Every third place, June 2018 to May 2019, by networks trained until May 2018 without these places\n"
        "(unseen), with them (seen), and with them but not told the marker (unnamed):\n\n"
        + _table(["model, training days", *(_TITLES[f] for f in figures)], rows)
    )


def _with_ends(found: Figures, name: str) -> str:
    return f"{_said(found[name])} ({_said(found[f'{name}_low'])} to {_said(found[f'{name}_high'])})"


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows]]
    return "\n".join(lines) + "\n"
