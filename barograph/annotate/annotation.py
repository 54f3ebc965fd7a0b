"""What is asked of an annotator, and what comes back."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Item:
    """One post to be labelled, with what it replies to where the task reads pairs. Texts are data, never orders."""

    post_id: str
    text: str
    lang: str = "und"
    parent: str | None = None


@dataclass(frozen=True)
class Annotation:
    """An outcome: `ok` or `unclear` with answers, else why there are none.

    answers: question → answer, both from the task's closed lists; empty unless ok or unclear. cues: from the task's
    closed list. reason: of refused, invalid and failed; never words of a post.
    """

    status: str
    answers: dict[str, str] = field(default_factory=dict)
    cues: tuple[str, ...] = ()
    explanation: str | None = None
    reason: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0


class Annotator(Protocol):
    """Who labels. `prompt_version` is a hash of all that can change an answer, the model's name aside."""

    name: str
    model: str

    def prompt_version(self) -> str:
        """16 hexadecimal digits."""

    async def annotate(self, item: Item) -> Annotation:
        """The outcome for one item. Raises nothing but what ends the whole run: `ConfigError` for a refused key."""
