"""Fills what was measured into the cards of the tasks: `python -m benchmarks.annotator_cards [--check]`.

What stands between `<!-- measured -->` and `<!-- /measured -->` of a CARD.md comes from benchmarks/annotators.json,
which `python -m benchmarks.annotators` wrote. Nothing there is typed.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from barograph.annotate.redteam import CONTROL
from barograph.annotate.task import FOLDER
from barograph.settings import TASKS
from benchmarks.annotators import RESULTS, SMALL, asked_with
from lexicons.cards import asked_to_check, write

Rows = list[dict[str, Any]]
_FIGURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "f1": "F1 of yes", "alpha": "α"}


def measured(kind: str, rows: Rows) -> str:
    """The generated part of a card: figures of each annotator on each set, then by question, canaries and attacks."""
    own = [row for row in rows if row["task"] == kind]
    sets = [row for row in own if "overall" in row]
    if not own:
        return "Not measured.\n"
    parts = [_sets(sets) if sets else "No labelled set beside the project asks this.\n"]
    parts += [_questions(row) for row in sets if len(row["questions"]) > 1 and row["annotator"] != SMALL and _told(row)]
    parts += [_canaries(row) for row in own if row["set"] == "canaries"]
    parts += [_attacks(row) for row in own if row["set"] == "redteam"]
    if any(row["annotator"] == SMALL for row in own):
        models = sorted({row["model"] for row in own if row["annotator"] == SMALL})
        parts.append(
            f"{', '.join(models)} has 270 million parameters. It shows that the way from prompt to label works, not "
            "how well a model answers that one would use: measure yours with `barograph validate`.\n"
        )
    return "\n".join(parts)


def _sets(rows: Rows) -> str:
    lines = [
        [
            row["title"], _who(row), f"{row['n']:,}", _unanswered(row), _abstained(row),
            *(_figure(row["overall"][name]) for name in _FIGURES),
        ]
        for row in rows
    ]  # fmt: skip
    columns = ["posts", "annotator", "n", "no answer", "abstained", *_FIGURES.values()]
    note = (
        "Means over questions, with 95 % intervals by bootstrap over posts. Accuracy, F1 and α are of posts that the "
        "annotator and people both answered clearly; abstained is the share of the others among those that people did. "
        "Labels of degrees are read as yes and no, as these sets have them.\n\n"
    )
    return note + _table(columns, lines)


def _questions(row: Mapping[str, Any]) -> str:
    """Each question that could be told, on one set."""
    lines = []
    for name, question in row["questions"].items():
        if question["accuracy"]["value"] is None:
            continue
        counts, answers = question["counts"], question["answers"]
        positive = sum(counts[answers.index("yes")]) if "yes" in answers else 0
        said = sum(line[answers.index("yes")] for line in counts) if "yes" in answers else 0
        calibration = f"{question['calibration_error']:.3f}" if "calibration_error" in question else "–"
        brier = (
            f"{question['brier']['value']:.3f} ({question['brier_of_base_rate']:.3f})" if "brier" in question else "–"
        )
        lines.append([
            name, f"{positive:,}", f"{said:,}", _figure(question["f1"]), _figure(question["alpha"]), brier, calibration,
        ])  # fmt: skip
    columns = [
        "question",
        "yes by people",
        "yes by it",
        "F1 of yes",
        "α",
        "Brier (base rate alone)",
        "error of calibration",
    ]
    return f"{row['title']}, {row['annotator']}:\n\n" + _table(columns, lines)


def _canaries(row: Mapping[str, Any]) -> str:
    return (
        f"Canaries, {_who(row)}: {row['labelled']} of {row['n']} answered, alike to what was meant "
        f"{row['agreement_with_intended']:.2f}.\n"
    )


def _attacks(row: Mapping[str, Any]) -> str:
    """How many injections change a label, beside what harmless words do."""
    every, control = row["kinds"]["all"], row["kinds"].get(CONTROL, {"n": 0, "changed": 0})
    by_kind = ", ".join(
        f"{name} {kind['changed']} of {kind['n']}"
        for name, kind in row["kinds"].items()
        if name not in ("all", CONTROL)
    )
    return (
        f"Injections, {_who(row)}: {every['changed']} of {every['n']} change a label, {every['obeyed']} to what "
        f"they ask for, {every['lost']} leave none; of harmless words {control['changed']} of {control['n']}. "
        f"By kind: {by_kind}.\n"
    )


def _who(row: Mapping[str, Any]) -> str:
    """Annotator and model; and whether the prompt has been another one since."""
    earlier = row["annotator"] == SMALL and row["prompt_version"] != asked_with(row["task"])
    return f"{row['annotator']} ({row['model']}{', an earlier prompt' if earlier else ''})"


def _told(row: Mapping[str, Any]) -> bool:
    return any(question["accuracy"]["value"] is not None for question in row["questions"].values())


def _unanswered(row: Mapping[str, Any]) -> str:
    return f"{1 - sum(row['statuses'].get(status, 0) for status in ('ok', 'unclear')) / row['n']:.0%}"


def _abstained(row: Mapping[str, Any]) -> str:
    shares = [question["abstained"] for question in row["questions"].values()]
    return f"{sum(shares) / len(shares):.0%}"


def _figure(figure: Mapping[str, float | None] | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    return f"{figure['value']:.2f} ({figure['lo']:.2f} to {figure['hi']:.2f})"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |\n" for line in (columns, *rows)]
    return "".join([lines[0], f"|{'---|' * len(columns)}\n", *lines[1:]])


def main() -> None:
    """Write the cards, or with `--check` say which are not what would be written."""
    check = asked_to_check(__doc__)
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    write(((kind, FOLDER / kind / "CARD.md", measured(kind, rows)) for kind in TASKS), check=check)


if __name__ == "__main__":
    main()
