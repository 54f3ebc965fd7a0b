"""An annotator's errors, known from labelled posts, carried into what is made of its answers.

A confusion matrix says how often each true answer was read as which. Given what was read, the true answer is drawn
`IMPUTATIONS` times: first P(true | read) of each, from a Dirichlet distribution with the validation's counts (and one
count more, spread over all answers), so that a small validation says little; then an answer a post. A post has the
same answer in every interaction that it is part of. What is made of each imputation is combined by Rubin's rules
(Rubin 1987; degrees of freedom of Barnard & Rubin 1999).

An answer that scores nothing stays so: nothing is guessed where the annotator abstained. It is assumed that posts read
alike are wrong as often as those of the validation.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from barograph.errors import ConfigError
from barograph.polarization.score import ANSWERS, Floats, Ints

IMPUTATIONS = 20
_SEED = 20_26
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHAPE = 'a JSON object with "task", "annotator", "prompt_version" and "questions"'


@dataclass(frozen=True)
class Confusion:
    """How one annotator, with one prompt, answered one question on labelled posts.

    counts: (n_answers, n_answers), rows the true answer and columns what was read, in the order of `answers`. model:
    None where the file does not say which answered.
    """

    question: str
    annotator: str
    prompt_version: str
    answers: tuple[str, ...]
    counts: Floats
    model: str | None = None


def read_confusion(path: Path, task: str) -> Confusion:
    """The matrix of the question `task` (`stance`, `affect` or `agreement`) in a file that validation wrote.

    Raises `ConfigError` naming the file where it is of another task or no square matrix of counts.
    """
    try:
        given = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; expected a confusion matrix") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}; expected {_SHAPE}") from None
    if not isinstance(given, dict) or not isinstance(given.get("questions"), dict):
        raise ConfigError(f"{path}: expected {_SHAPE}")
    if str(given.get("task")).partition(":")[0] != task:
        raise ConfigError(f"{path}: got the task {given.get('task')!r}; expected {task}")
    question: Any = given["questions"].get(task)
    answers = question.get("answers") if isinstance(question, dict) else None
    if not (isinstance(answers, list) and set(ANSWERS[task]) <= set(answers) and len(set(answers)) == len(answers)):
        raise ConfigError(f"{path}: got {answers!r}; expected answers, {' and '.join(ANSWERS[task])} among them")
    try:
        counts = np.array(question.get("counts"), dtype=np.float64)
    except (TypeError, ValueError):
        counts = np.zeros(0)
    whole = counts.shape == (len(answers),) * 2 and bool(np.all((counts >= 0) & (counts == np.floor(counts))))
    if not whole or counts.sum() == 0:
        raise ConfigError(f"{path}: expected counts of {task}, {len(answers)} rows (true) of as many (read)")
    model = given.get("model")
    return Confusion(
        task, str(given.get("annotator", "")), str(given.get("prompt_version", "")), tuple(answers), counts,
        None if model is None else str(model),
    )  # fmt: skip


def imputed(posts: pl.Series, answers: pl.Series, confusion: Confusion, n: int = IMPUTATIONS) -> Ints:
    """The true answer of each post as drawn, its place in `ANSWERS` or −1: (n, n_posts).

    posts: their ids; answers: what was read. Only answers that score are drawn for.
    """
    first, second = ANSWERS[confusion.question]
    known = list(confusion.answers)
    read = np.array([known.index(a) if a in (first, second) else -1 for a in answers.to_list()], dtype=np.int64)
    place = np.array([{first: 0, second: 1}.get(answer, -1) for answer in known])
    rng = np.random.default_rng([_SEED, *confusion.question.encode()])
    given = rng.gamma(confusion.counts + 1 / len(known), size=(n, len(known), len(known)))
    cumulated = (given / given.sum(axis=1, keepdims=True)).cumsum(axis=1)  # of true answers, of each one read
    u = _uniform(posts, confusion.question, n)
    true = (u[:, None, :] >= cumulated[:, :-1, :][:, :, np.maximum(read, 0)]).sum(axis=1)
    return np.where(read >= 0, place[true], -1)


def _uniform(posts: pl.Series, question: str, n: int) -> Floats:
    """Numbers in [0, 1) that depend on the post, the question and the imputation alone: (n, n_posts)."""
    own = (posts + "\x1f" + question).hash(_SEED).to_numpy().astype(np.uint64)
    x = own[None, :] + np.arange(1, n + 1, dtype=np.uint64)[:, None] * _GOLDEN
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53


def combined(estimates: Floats, variances: Floats, df: Floats) -> tuple[Floats, Floats, Floats]:
    """Estimate, variance and degrees of freedom by Rubin's rules from those of each imputation, (n, …).

    df: of one complete data set, (…). An imputation without an estimate is left out. Of one alone: its own.
    """
    there = ~np.isnan(estimates)
    m = there.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(there, estimates, 0).sum(axis=0) / m
        within = np.where(there, variances, 0).sum(axis=0) / m
        between = np.where(there, (estimates - mean) ** 2, 0).sum(axis=0) / (m - 1)
        between = np.where(m > 1, (1 + 1 / m) * between, 0)
        total = within + between
        part = between / total
        old, own = (m - 1) / part**2, (df + 1) / (df + 3) * df * (1 - part)
        combined_df = np.where(between > 0, 1 / (1 / old + 1 / own), df)
    return mean, total, combined_df
