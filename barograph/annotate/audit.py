"""Audits: posts of annotators' samples given to people blind, and what they say, as CSV; how far raters agree.

A sheet holds posts. Its rows are named by keyed hashes, in the order of these, and nothing in it tells what annotators
answered, nor how a post was drawn.
"""

import csv
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from barograph.annotate.alpha import of_raters
from barograph.annotate.quoting import clean
from barograph.annotate.reply import UNCLEAR
from barograph.annotate.task import Task
from barograph.errors import InputError, Terminal
from barograph.privacy import Keyed

MOST_MISTAKES = 10
"""Wrong rows that are told of at once."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def code(post_id: str, sheet: str, keyed: Keyed) -> str:
    """What stands for a post in a sheet: 16 hexadecimal digits that only this home can lead back to it."""
    return keyed.hash(f"audit\x1f{sheet}\x1f{post_id}", 8)


def sample(pool: pl.DataFrame, n: int, sheet: str, keyed: Keyed) -> tuple[pl.DataFrame, float]:
    """`n` of the pool at random, or all where it has no more, with their codes; and what share of the pool they are.

    pool: as `auditable` gives it. Each post is drawn with that probability; among all posts it is in the sheet with
    that times its `inclusion_probability`. Raises `Terminal` for an empty pool.
    """
    if not pool.height:
        raise Terminal("got no post to audit; expected some that are in an annotator's sample and still have a text")
    codes = pl.Series("code", [code(post_id, sheet, keyed) for post_id in pool["post_id"]])
    drawn = pool.with_columns(codes).sort("code").head(n)
    return drawn, drawn.height / pool.height


def written(drawn: pl.DataFrame, task: Task, sheet: str) -> str:
    """The sheet as CSV: sheet, post, parent where the task reads it, text, and an empty column for each question."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    parents = ("parent",) if task.reads_parent else ()
    writer.writerow(["sheet", "post", *parents, "text", *task.questions])
    for row in drawn.iter_rows(named=True):
        texts = [safe(clean(row[name] or "")) for name in (*parents, "text")]
        writer.writerow([sheet, row["code"], *texts, *[""] * len(task.questions)])
    return out.getvalue()


def choices(task: Task, question: str) -> str:
    """The answers of a question for people: where one is a side of the topic, with that side's own name."""
    sides = _sides(task, question)
    return ", ".join(f"{one} ({sides[one]})" if one in sides else one for one in task.questions[question])


def codebook(task: Task) -> str:
    """What raters are to read before they answer, as Markdown: topic and sides, the answers, the task's codebook."""
    topic = task.topic
    about = f"Topic: {topic.name}. First side: {topic.sides[0]}. Second side: {topic.sides[1]}.\n\n" if topic else ""
    answers = "".join(f"- {question}: {choices(task, question)}\n" for question in task.questions)
    return f"# {task.name}\n\n{about}Answers:\n\n{answers}\n# Codebook\n\n{task.codebook}\n"


def _sides(task: Task, question: str) -> dict[str, str]:
    """first and second → the side of the topic; none whose name is itself an answer."""
    allowed = task.questions[question]
    sides = zip(("first", "second"), task.topic.sides if task.topic else (), strict=False)
    return {answer: side for answer, side in sides if answer in allowed and _same(side) not in allowed}


def _same(said: str) -> str:
    """Alike for what differs in case and spaces alone."""
    return " ".join(said.casefold().split())


def read(text: str, task: Task, where: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The sheet's name, and code → answers of the rows that were answered; rows without any answer are left out.

    A side of the topic may be named by its own name; case does not matter.

    Raises `InputError` naming every wrong row, `MOST_MISTAKES` at most, with line, what was got and what was expected.
    """
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","  # as spreadsheets of some languages save it
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = reader.fieldnames or []
    if missing := [name for name in ("sheet", "post", *task.questions) if name not in columns]:
        raise InputError(f"{where}: no column {missing[0]}; expected those of `barograph audit export` for {task.name}")
    answered: dict[str, dict[str, str]] = {}
    sheets: dict[str, int] = {}
    mistakes, begins = [], 2
    try:
        for row in reader:
            line, begins = begins, reader.line_num + 1
            answers, wrong = _answers(row, task)
            sheets.setdefault(row["sheet"] or "", line)
            if row["post"] in answered:
                wrong.append(f"post {row['post']} stands twice; expected it once")
            if wrong:
                mistakes.append(f"{where}: line {line}: {wrong[0]}")
            elif answers:
                answered[row["post"] or ""] = answers
    except csv.Error as error:
        raise InputError(
            f"{where}: line {begins}: {error}; expected the file as it was exported, with answers"
        ) from None
    if len(sheets) > 1:
        line = list(sheets.values())[1]
        mistakes.append(f"{where}: line {line}: sheet {list(sheets)[1]!r}; expected {next(iter(sheets))!r}, as above")
    if mistakes:
        more = len(mistakes) - MOST_MISTAKES
        raise InputError("\n".join(mistakes[:MOST_MISTAKES] + ([f"and {more} more wrong rows"] if more > 0 else [])))
    if not answered:
        raise InputError(f"{where}: got no answered row; expected answers in {', '.join(task.questions)}")
    return next(iter(sheets)), answered


def _answers(row: Mapping[str, str | None], task: Task) -> tuple[dict[str, str], list[str]]:
    given = {}
    for question in task.questions:
        said = _same(row.get(question) or "")
        own = {_same(side): answer for answer, side in _sides(task, question).items()}
        given[question] = own.get(said, said)
    if None in row:
        return {}, ["more fields than the header has; expected the row as exported"]
    if not any(given.values()):
        return {}, []
    wrong = [
        f"{question}: got {given[question]!r}; expected {choices(task, question)}"
        for question, allowed in task.questions.items()
        if given[question] not in allowed
    ]
    return given, wrong


def agreement(readings: pl.DataFrame, task: Task) -> list[dict[str, Any]]:
    """How far each two agree on posts that both answered, and all people together, as JSON rows.

    readings: `post_id, who, person, label`. Columns `of, with` (NULL: all people), question, n, same (share of equal
    answers), alpha (ordinal for degrees; unclear is no answer), NULL where it cannot be told.
    """
    said: dict[tuple[bool, str], dict[str, dict[str, str]]] = {}
    for row in readings.iter_rows(named=True):
        said.setdefault((row["person"], row["who"]), {})[row["post_id"]] = json.loads(row["label"])
    people = [who for who in said if who[0]]
    pairs: list[tuple[str, str | None, Sequence[tuple[bool, str]]]] = [
        (one[1], other[1], (one, other)) for one, other in itertools.combinations(said, 2) if one[0] or other[0]
    ]
    if len(people) > 2:
        pairs.append(("all people", None, people))
    found = []
    for of, beside, who in pairs:
        posts = sorted(
            set.intersection(*(set(said[one]) for one in who)) if beside else set().union(*(said[o] for o in who))
        )
        for question, allowed in task.questions.items():
            ratings = [[said[one].get(post, {}).get(question) for post in posts] for one in who]
            found.append({"of": of, "with": beside, "question": question} | _agreed(ratings, allowed))
    return found


def _agreed(ratings: list[list[str | None]], allowed: Sequence[str]) -> dict[str, Any]:
    decided = [answer for answer in allowed if answer != UNCLEAR]
    both = [unit for unit in zip(*ratings, strict=True) if sum(answer in allowed for answer in unit) > 1]
    same = sum(len({answer for answer in unit if answer is not None}) == 1 for unit in both)
    value = of_raters(ratings, decided, "ordinal" if "weak" in allowed else "nominal") if both else float("nan")
    known = value == value  # noqa: PLR0124  NaN alone is not itself
    return {"n": len(both), "same": same / len(both) if both else None, "alpha": value if known else None}
