"""Files of labelled posts: CSV, TSV or JSON lines with text, parent, lang and labels, held against a task."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barograph.annotate.annotation import Item
from barograph.annotate.reply import UNCLEAR
from barograph.annotate.task import Task
from barograph.errors import InputError

YES_NO = ("no", "yes", UNCLEAR)
"""What a question of degrees is read as where a file says only whether a post expresses it."""
SUFFIXES = (".csv", ".tsv", ".jsonl")
_WORDS = {"1": "yes", "0": "no", "true": "yes", "false": "no", "1.0": "yes", "0.0": "no"}
_NOTHING = ("none", "neutral")
"""Words of a label that say no to every question."""
_DEGREES = {"weak": "yes", "moderate": "yes", "strong": "yes", "none": "no"}
_TELLABLE = re.compile(r"[A-Za-z_][\w.-]{0,30}|-?\d{1,3}(\.\d{1,2})?")
"""What of a file is repeated in a message: one short word or number. Without its header a column is named by a post."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Posts with true answers.

    answers: question → the answers it is read with; truth: for each item question → answer, of those that are labelled.
    """

    items: tuple[Item, ...]
    answers: Mapping[str, tuple[str, ...]]
    truth: tuple[Mapping[str, str], ...]


def on_scale(answer: str, answers: tuple[str, ...]) -> str:
    """An answer as the scale of a file has it: of degrees, where the file says yes or no, whether there is any."""
    return answer if answer in answers else _DEGREES.get(answer, UNCLEAR)


def read_labelled(path: Path, task: Task, limit: int | None = None) -> Labelled:
    """The posts of a file with their true answers; of more than `limit` so many, evenly spaced.

    Columns: text; parent where the task reads it; lang (else und); a column for each labelled question, or `label`: the
    answer where the task has one question; else the questions that a post expresses, between , or |, all others being
    no (`none` or `neutral`: all of them), or a JSON object. A question of degrees may be labelled yes and no, 1 and 0.
    Empty: not labelled; of a file whose labels are names of questions: all no. Raises `InputError` naming file, line,
    what was expected, and what was got unless it may be a text.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{path}: got no rows; expected posts with labels")
    needed = ("text", *(("parent",) if task.reads_parent else ()))
    _expect_columns(path, task, needed, set().union(*(row for _, row in rows)))
    if limit is not None and len(rows) > limit:
        rows = [rows[i * len(rows) // limit] for i in range(limit)]
    listed = len(task.questions) > 1 and any(_names(row.get("label")) is not None for _, row in rows)
    items, truth = [], []
    for number, row in rows:
        where = f"{path}: line {number}"
        if empty := [name for name in needed if not str(row.get(name) or "").strip()]:
            raise InputError(f"{where}: {empty[0]} is empty; expected a text")
        parent = str(row["parent"]) if task.reads_parent else None
        items.append(Item(f"{path.stem}:{number}", str(row["text"]), str(row.get("lang") or "und"), parent))
        truth.append(_truth(row, task, where, listed=listed))
    return _scaled(items, truth, task, path)


def _expect_columns(path: Path, task: Task, needed: tuple[str, ...], columns: set[str]) -> None:
    labels = {"label", *task.questions}
    if not columns & {*needed, "lang", *labels}:
        where = "no row has any of the fields" if path.suffix == ".jsonl" else "the first line has none of the columns"
        raise InputError(f"{path}: {where} that are read; {_wanted(task)}")
    got = ", ".join(dict.fromkeys(_told(name) for name in sorted(columns)))
    if missing := [name for name in needed if name not in columns]:
        raise InputError(f"{path}: no column {missing[0]}; got {got}; {_wanted(task)}")
    if not columns & labels:
        raise InputError(f"{path}: no labels; got {got}; {_wanted(task)}")


def _told(value: object) -> str:
    return str(value) if _TELLABLE.fullmatch(str(value)) else "…"


def _scaled(items: list[Item], truth: list[dict[str, str]], task: Task, path: Path) -> Labelled:
    answers: dict[str, tuple[str, ...]] = {}
    for question, allowed in task.questions.items():
        seen = {row[question] for row in truth if question in row}
        if seen:
            answers[question] = allowed if seen <= set(allowed) else YES_NO
    if not answers:
        raise InputError(f"{path}: every label is empty; expected some")
    scaled = [{question: on_scale(answer, answers[question]) for question, answer in row.items()} for row in truth]
    return Labelled(tuple(items), answers, tuple(scaled))


def _truth(row: Mapping[str, Any], task: Task, where: str, *, listed: bool) -> dict[str, str]:
    given = {name: row[name] for name in task.questions if row.get(name) not in (None, "")}
    label = row.get("label")
    label = label.strip() if isinstance(label, str) else label
    if len(task.questions) == 1 and not isinstance(label, dict):
        if label not in (None, ""):
            given.setdefault(next(iter(task.questions)), label)
    elif listed and (names := [] if label == "" else _names(label)) is not None:
        given = _of_names(names, label, task, where) | given
    elif label not in (None, ""):
        given |= _object(label, task, where)
    return {question: _answer(question, answer, task, where) for question, answer in given.items()}


def _names(label: object) -> list[str] | None:
    """The names that a label lists; None of one that is empty or an object."""
    if isinstance(label, str) and label.strip() and not label.lstrip().startswith("{"):
        label = re.split("[,|]", label)
    if not isinstance(label, list):
        return None
    return [name for name in (str(one).strip().lower() for one in label) if name]


def _of_names(names: list[str], label: object, task: Task, where: str) -> dict[str, Any]:
    """Yes to these questions, no to all others."""
    said = [] if len(names) == 1 and names[0] in _NOTHING else names
    if set(said) - set(task.questions):
        raise _wrong_label(label, task, where)
    return {question: "yes" if question in said else "no" for question in task.questions}


def _object(label: object, task: Task, where: str) -> dict[str, Any]:
    try:
        found = json.loads(label) if isinstance(label, str) else label
    except ValueError:
        found = None
    if not isinstance(found, dict) or set(found) - set(task.questions):
        raise _wrong_label(label, task, where)
    return found


def _wrong_label(label: object, task: Task, where: str) -> InputError:
    return InputError(
        f"{where}: label: got {_told(label)!r}; expected names among {', '.join(task.questions)}, none, or a JSON "
        "object of these and answers"
    )


def _answer(question: str, given: object, task: Task, where: str) -> str:
    allowed = task.questions[question]
    word = str(given).strip().lower()
    if word not in allowed:
        word = _WORDS.get(word, word)
    degrees = "weak" in allowed
    if word in allowed or (degrees and word in YES_NO):
        return word
    expected = " or ".join(allowed) + (", or yes and no" if degrees else "")
    raise InputError(f"{where}: {question}: got {_told(given)!r}; expected {expected}")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row with the number of the line that it begins on."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: got a file that ends in {path.suffix!r}; expected {', '.join(SUFFIXES)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _json_lines(path, file) if path.suffix == ".jsonl" else _table(path, file)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected posts with labels") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path}: {why}; expected a readable text file") from None


def _json_lines(path: Path, file: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {number}: got no JSON object; expected one a line")
        yield number, row


def _table(path: Path, file: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    begins = 2
    try:
        for row in reader:
            if None in row or None in row.values():
                raise InputError(f"{path}: line {begins}: got another number of fields than the header has")
            yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {begins}: {error}; expected fields in quotes where they hold breaks") from None


def _wanted(task: Task) -> str:
    parent = ", parent" if task.reads_parent else ""
    return f"expected text{parent}, optionally lang, and label or {', '.join(task.questions)}"
