"""A better prompt from labelled posts: proposals of a planner, a student and a critic, judged on posts held back.

Which proposal is best is decided on one part of the posts, what it gains on the other part alone, so that the gain is
that of posts which nobody tuned on.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from barograph.annotate import quoting
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.canaries import alikeness
from barograph.annotate.labelled import Labelled, on_scale
from barograph.annotate.task import FOLDER, Task
from barograph.annotate.validity import resamples

ROLES = ("planner", "student", "critic")
MOST_MISTAKES = 8
"""Posts that a planner is shown."""
LONGEST = 600
"""Characters of each."""
FEWEST = 20
"""Posts of each half: with fewer the interval of a gain says nothing."""


@dataclass(frozen=True)
class Role:
    """One role of the loop, as an endpoint asks it: text in, text out."""

    name: str

    @property
    def version(self) -> str:
        """Nothing of it is kept."""
        return "0" * 16

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the answer."""
        return {
            "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
            "additionalProperties": False,
        }  # fmt: skip

    def messages(self, item: Item) -> list[dict[str, str]]:
        """What the role is told, and what it is given: the text of `item`, which is ours."""
        told = (FOLDER.parent / "roles" / f"{self.name}.md").read_text(encoding="utf-8")
        form = 'Answer with one JSON object: {"text": "…"}.'
        return [{"role": "system", "content": f"{told}\n{form}"}, {"role": "user", "content": item.text}]

    def read(self, said: str) -> Annotation:
        """`ok` with the text as explanation, else `invalid`."""
        try:
            text = json.loads(said)["text"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return Annotation("invalid", reason="not the JSON object that was asked for")
        if not isinstance(text, str) or not text.strip():
            return Annotation("invalid", reason="no text")
        return Annotation("ok", explanation=text.encode("utf-8", "replace").decode().strip())


def parts(labelled: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """Posts to tune on, and as many held back, at random."""
    order = random.Random(seed).sample(range(len(labelled.items)), len(labelled.items))  # noqa: S311  no secret
    half = (len(order) + 1) // 2
    return _part(labelled, sorted(order[:half])), _part(labelled, sorted(order[half:]))


def _part(labelled: Labelled, at: Sequence[int]) -> Labelled:
    return Labelled(tuple(labelled.items[i] for i in at), labelled.answers, tuple(labelled.truth[i] for i in at))


def scores(labelled: Labelled, outcomes: Sequence[Annotation]) -> list[float]:
    """For each post how far it was answered as people did, 0 to 1 (see `canaries.agreement`); 0 without an answer."""
    return [
        alikeness(_answers(labelled, truth, outcome), truth)
        for truth, outcome in zip(labelled.truth, outcomes, strict=True)
    ]


def _answers(labelled: Labelled, truth: Mapping[str, str], outcome: Annotation) -> dict[str, str] | None:
    if not outcome.answers:
        return None
    return {question: on_scale(outcome.answers[question], labelled.answers[question]) for question in truth}


def mistakes(labelled: Labelled, outcomes: Sequence[Annotation]) -> str:
    """The posts that were answered worst, with people's answers and the annotator's, for a planner."""
    order = sorted(enumerate(scores(labelled, outcomes)), key=lambda pair: pair[1])
    told = []
    for i, score in order[:MOST_MISTAKES]:
        if score < 1:
            item, truth = labelled.items[i], labelled.truth[i]
            text = "\n".join(quoting.clean(t)[:LONGEST] for t in (item.parent, item.text) if t)
            said = _answers(labelled, truth, outcomes[i]) or outcomes[i].status
            block = quoting.block("post", text, quoting.mark(text))
            told.append(f"{block}\nPeople: {json.dumps(truth)}\nAnnotator: {json.dumps(said)}")
    return "\n\n".join(told)


def with_codebook(task: Task, new: str) -> Task | None:
    """The task with another codebook; None where it lacks a question, an answer or a cue of the task by its name."""
    names = {*task.questions, *task.cues, *(answer for answers in task.questions.values() for answer in answers)}
    if any(name not in new for name in names):
        return None
    return replace(task, codebook=new.strip(), system=task.system.replace(task.codebook, new.strip()))


def with_examples(task: Task, seed: int) -> Task:
    """The task with its examples in another order, so that others are shown."""
    shuffled = random.Random(seed).sample(task.examples, len(task.examples))  # noqa: S311  no secret
    return replace(task, examples=tuple(shuffled))


def gain(before: Sequence[float], after: Sequence[float]) -> dict[str, float | int]:
    """Mean score after less before on the same posts, with its 95 % interval: paired bootstrap over posts."""
    differences = np.asarray(after) - np.asarray(before)
    means = resamples(len(differences)) @ differences / len(differences)
    low, high = np.percentile(means[1:], (2.5, 97.5))
    return {
        "n": len(differences), "before": float(np.mean(before)), "after": float(np.mean(after)),
        "gain": float(means[0]), "lo": float(low), "hi": float(high),
    }  # fmt: skip


def save(folder: Path, task: Task) -> None:
    """Write the prompt that a config can name: codebook.md, system.md and examples.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "codebook.md").write_text(f"{task.codebook}\n", encoding="utf-8")
    system = task.system.replace(task.codebook, "$codebook")
    (folder / "system.md").write_text(f"{system}\n", encoding="utf-8")
    (folder / "examples.jsonl").write_text("".join(f"{one.line()}\n" for one in task.examples), encoding="utf-8")
