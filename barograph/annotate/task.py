"""A task: what annotators are asked of a post, how it is put to them, and how their reply is read.

Each is a folder in barograph/annotate/tasks: task.toml (questions with their answers, cues), codebook.md, system.md and
user.md (the prompt), examples.jsonl and canaries.jsonl. A folder of the analyst's may stand in for some of these files.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from string import Template
from typing import Any, Literal

from barograph.annotate import quoting, reply
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.similar import Neighbours
from barograph.errors import ConfigError, Terminal
from barograph.settings import TASKS, TOPIC_TASKS, Topic

FOLDER = Path(__file__).parent / "tasks"
REPLACEABLE = ("codebook.md", "system.md", "examples.jsonl")
"""Files that a folder of the analyst's may have instead of ours."""
MOST_CUES = 5
_COMPARED = 2_000
"""Characters of which similar examples are looked for."""
FORM = 1
"""Raised by hand where what the code does with posts or replies changes and `_PROBE` does not show it."""

_PROBE = Item(
    "probe",
    "a<b </post> <|im_end|> [INST] <3\u202e\u200b\U000e0041 ❤\ufe0f\r\n\n\n\n" + "x" * 2 * quoting.MOST,
    parent="y",
)


@dataclass(frozen=True)
class Example:
    """A post with its answers, written by us. topic: of a task about topics, as the example has it."""

    item: Item
    answers: Mapping[str, str]
    cues: tuple[str, ...] = ()
    explanation: str = ""
    topic: Topic | None = None

    def said(self) -> str:
        """The reply that a model should have given."""
        return json.dumps(self._told(), ensure_ascii=False)

    def line(self) -> str:
        """As it stands in a file of examples."""
        about = {"lang": self.item.lang, "text": self.item.text}
        if self.item.parent is not None:
            about["parent"] = self.item.parent
        topic = {"topic": {"name": self.topic.name, "sides": list(self.topic.sides)}} if self.topic else {}
        return json.dumps(about | topic | self._told(), ensure_ascii=False)

    def _told(self) -> dict[str, Any]:
        return {"explanation": self.explanation, "answers": dict(self.answers), "cues": list(self.cues)}


@dataclass(frozen=True, eq=False)
class Task:
    """What is asked. kind: name of the folder; name: as in `annotations`, with the topic behind a colon.

    questions: question → its closed list of answers, `unclear` among them; cues: closed list; reads_parent: whether a
    post is read with what it replies to; shots: how many examples a prompt shows.
    """

    kind: str
    topic: Topic | None
    questions: Mapping[str, tuple[str, ...]]
    cues: tuple[str, ...]
    reads_parent: bool
    codebook: str
    system: str
    template: str
    examples: tuple[Example, ...] = field(repr=False)
    shots: int
    choice: Literal["fixed", "similar"] = "fixed"

    @property
    def name(self) -> str:
        """As in `annotations`."""
        return f"{self.kind}:{self.topic.name}" if self.topic else self.kind

    def about(self, topic: Topic | None) -> "Task":
        """The same task about another topic."""
        return replace(self, topic=topic)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema of a reply: explanation, then answers, then cues; only what strict modes of endpoints take."""
        answers = {name: {"type": "string", "enum": list(allowed)} for name, allowed in self.questions.items()}
        return _object({
            "explanation": {"type": "string"},
            "answers": _object(answers),
            "cues": {"type": "array", "items": {"type": "string", "enum": list(self.cues)}, "maxItems": MOST_CUES},
        })  # fmt: skip

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits: a hash of all of the task that can change an answer."""
        whole = [FORM, self.kind, self.system, self._turns, self.shots, self.choice, self.schema, self.messages(_PROBE)]
        return blake2b(json.dumps(whole).encode(), digest_size=8).hexdigest()

    def messages(self, item: Item) -> list[dict[str, str]]:
        """The chat: the system's words, examples as turns, the post between delimiters that it does not contain.

        Raises `Terminal` where the task reads what a post replies to and `item` lacks it.
        """
        chat = [{"role": "system", "content": self.system}]
        for place in self._chosen(item):
            chat += self._turns[place]
        return [*chat, {"role": "user", "content": self._question(item, self.topic)}]

    def read(self, said: str) -> Annotation:
        """The outcome that a model's reply is. Never raises."""
        return reply.read(said, self.questions, self.cues)

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours([self._both(example.item) for example in self.examples])

    def _both(self, item: Item) -> str:
        return f"{item.parent}\n{item.text}" if self.reads_parent else item.text

    @cached_property
    def _turns(self) -> list[list[dict[str, str]]]:
        """Each example as the two turns that it is in a chat."""
        return [
            [
                {"role": "user", "content": self._question(example.item, example.topic or self.topic)},
                {"role": "assistant", "content": example.said()},
            ]
            for example in self.examples
        ]

    def _chosen(self, item: Item) -> list[int]:
        """Places of the examples that are shown with a post."""
        if self.choice == "fixed":
            return list(range(min(self.shots, len(self.examples))))
        return self._neighbours.nearest(quoting.clean(self._both(item)[:_COMPARED]), self.shots)

    def _question(self, item: Item, topic: Topic | None) -> str:
        texts = {"post": item.text}
        if self.reads_parent:
            if item.parent is None:
                raise Terminal(f"task {self.name}: got a post without what it replies to; expected a reply with it")
            texts = {"parent": item.parent, "reply": item.text}
        seen = {kind: quoting.shown(text) for kind, text in texts.items()}
        digits = quoting.mark(*(text for text, _ in seen.values()))
        blocks = [quoting.block(kind, text, digits) for kind, (text, _) in seen.items()]
        cuts = [
            f"The {kind} is longer: {left} more characters are not shown." for kind, (_, left) in seen.items() if left
        ]
        first, second = topic.sides if topic else ("", "")
        words = {"topic": topic.name if topic else "", "first": first, "second": second, "mark": digits}
        # The template is filled before the post is put in, so that a post with a $ in it fills nothing.
        head, _, tail = self.template.partition("$data")
        return "".join([
            Template(head).substitute(words), "\n\n".join(blocks), Template(tail).substitute(words),
            *(f"\n{cut}" for cut in cuts),
        ])  # fmt: skip


def load(
    kind: str,
    topic: Topic | None = None,
    examples: Literal["fixed", "similar"] = "fixed",
    folder: Path | None = None,
) -> Task:
    """The task of that name, about `topic` where it is about one.

    folder: of the analyst's, with codebook.md, system.md or examples.jsonl that stand in for ours. Raises `ConfigError`
    for a name that is none, a topic that is missing or too much, or a file of the folder that cannot be read.
    """
    if kind not in TASKS:
        raise ConfigError(f"task: got {kind!r}; expected one of {', '.join(TASKS)}")
    if (kind in TOPIC_TASKS) != (topic is not None):
        raise ConfigError(
            f"task {kind}: got {f'topic {topic.name!r}' if topic else 'no topic'}; "
            f"expected {'none' if topic else 'the name of a [[topic]]'}"
        )
    if folder is not None and not any((folder / name).is_file() for name in REPLACEABLE):
        raise ConfigError(
            f"{folder}: got none of {', '.join(REPLACEABLE)}; expected a folder with at least one of them"
        )
    about = tomllib.loads(_text(kind, "task.toml", None))
    questions = {name: tuple(answers) for name, answers in about["questions"].items()}
    cues = tuple(about["cues"])
    codebook = _text(kind, "codebook.md", folder).strip()
    return Task(
        kind, topic, questions, cues, about["reads_parent"], codebook,
        _text(kind, "system.md", folder).strip().replace("$codebook", codebook),
        _text(kind, "user.md", None).strip(),
        read_examples(_path(kind, "examples.jsonl", folder), questions, cues),
        about["shots"], examples,
    )  # fmt: skip


def read_examples(path: Path, questions: Mapping[str, tuple[str, ...]], cues: tuple[str, ...]) -> tuple[Example, ...]:
    """Examples or canaries of a file, a JSON object a line: text, lang, answers, and parent, cues, explanation, topic.

    Of a task about topics `topic` has name and sides. Raises `ConfigError` naming file, line and what was expected.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(_example(json.loads(line), f"{path.stem}:{number}", questions, cues))
        except (KeyError, TypeError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else error
            raise ConfigError(f"{path}: line {number}: {what}; expected text, lang and answers of the task") from None
    return tuple(found)


def _example(
    row: Mapping[str, Any], name: str, questions: Mapping[str, tuple[str, ...]], cues: tuple[str, ...]
) -> Example:
    answers = {question: row["answers"].get(question, allowed[0]) for question, allowed in questions.items()}
    told = {"explanation": row.get("explanation", ""), "answers": answers, "cues": row.get("cues", [])}
    if unknown := set(row["answers"]) - set(questions):
        raise ValueError(f"got question {min(unknown)!r}")
    if (outcome := reply.read(json.dumps(told), questions, cues)).status == "invalid":
        raise ValueError(outcome.reason)
    topic = row.get("topic")
    return Example(
        Item(name, row["text"], row["lang"], row.get("parent")), answers, outcome.cues, told["explanation"],
        Topic(name=topic["name"], keywords=("-",), sides=tuple(topic["sides"])) if topic else None,
    )  # fmt: skip


def _path(kind: str, name: str, folder: Path | None) -> Path:
    own = folder / name if folder is not None else None
    return own if own is not None and own.is_file() else FOLDER / kind / name


def _text(kind: str, name: str, folder: Path | None) -> str:
    path = _path(kind, name, folder)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path}: {why}; expected a readable text file") from None


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
