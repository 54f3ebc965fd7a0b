"""Texts of known answers that annotators are asked again and again: where they answer otherwise, they drift."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from barograph.annotate.reply import NEGATIVE, UNCLEAR
from barograph.annotate.task import FOLDER, Example, Task, read_examples
from barograph.settings import Topic

INTENSITIES = ("weak", "moderate", "strong")
"""Degrees of one answer: a post expresses it."""

Answers = Mapping[str, str]
"""Question → answer."""


@dataclass(frozen=True, eq=False)
class Canaries:
    """The set of a task. Ids of its items are canaries:1 and on; topic: what stance, affect and agreement are about."""

    topic: Topic | None
    examples: tuple[Example, ...]

    @property
    def intended(self) -> dict[str, Answers]:
        """Id → the answers that its authors meant."""
        return {example.item.post_id: example.answers for example in self.examples}


def canaries(task: Task) -> tuple[Task, Canaries]:
    """The canaries of a task, and the task to ask them with: the same, but about the topic that they are about."""
    about = tomllib.loads((FOLDER / task.kind / "task.toml").read_text(encoding="utf-8")).get("canary_topic")
    topic = Topic(name=about["name"], keywords=("-",), sides=tuple(about["sides"])) if about else None
    found = read_examples(FOLDER / task.kind / "canaries.jsonl", task.questions, task.cues)
    return task.about(topic), Canaries(topic, found)


def alike(one: str, other: str) -> bool:
    """Whether two answers say the same of a post: degrees of one emotion do."""
    return one == other or (one in INTENSITIES and other in INTENSITIES)


def agreement(answered: Mapping[str, Answers | None], before: Mapping[str, Answers]) -> float | None:
    """0 to 1, the mean over the texts of `before` of how far `answered` says the same of each; None without any.

    Questions whose answer before was unclear are left out, and texts of no other: who cannot read a language, or does
    not know a question, is not held to it. Of a text it is the share of alike answers among the questions on which
    either says anything but none or no; 1 where neither does, 0 where there is no answer (None, or no such text).
    """
    known = {name: {q: a for q, a in answers.items() if a != UNCLEAR} for name, answers in before.items()}
    each = [alikeness(answered.get(name), answers) for name, answers in known.items() if answers]
    return sum(each) / len(each) if each else None


def accuracy(answered: Mapping[str, Answers | None], intended: Mapping[str, Answers]) -> float | None:
    """The same of answers and what was intended, over all that was answered, and not unclear; None without any."""
    return agreement(intended, {name: answers for name, answers in answered.items() if answers is not None})


def alikeness(one: Answers | None, other: Answers) -> float:
    """`agreement` of one text over all questions of `other`, 0 to 1."""
    if one is None:
        return 0.0
    said = [name for name in other if not {one.get(name), other[name]} <= {*NEGATIVE}]
    return sum(alike(one.get(name, ""), other[name]) for name in said) / len(said) if said else 1.0
