"""Many texts asked of a chain of annotators: at once, within a budget, and each answer landed before the next is asked.

What an annotator refuses is recorded as its refusal, and the next one is asked. A text that several posts have is asked
once; each of the posts gets the row.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from barograph.annotate.annotation import Annotation, Annotator, Item
from barograph.clock import utc_now

PATIENCE = 10
"""An annotator that fails so many times in a row, beyond those in flight at once, is left alone for this run: over all
tasks and canaries that share its `Health`."""
_MILLION = 1e6


@dataclass(frozen=True)
class Job:
    """A text to be labelled, for all posts that have it.

    posts: post_id and inclusion probability of each. first: place of the annotator in the chain that is asked first;
    those before it refused. failures: runs in which that one failed before.
    """

    item: Item
    text_hash: str
    posts: Sequence[tuple[str, float]]
    first: int = 0
    failures: int = 0


@dataclass
class Health:
    """How an annotator fares within a run, whatever it is asked."""

    failed: int = 0
    """Times in a row."""
    reason: str = ""
    """Why it failed last."""


@dataclass
class Link:
    """An annotator of a chain, how many requests it takes at once, and its prices per million tokens."""

    annotator: Annotator
    in_flight: int = 1
    price_in: float = 0
    price_out: float = 0
    health: Health = field(default_factory=Health)

    def cost(self, outcome: Annotation) -> float:
        """What one answer costs."""
        return (outcome.tokens_in * self.price_in + outcome.tokens_out * self.price_out) / _MILLION

    @property
    def rests(self) -> bool:
        """Whether it has failed too often to be asked again in this run."""
        return self.health.failed >= PATIENCE + self.in_flight


@dataclass
class Budget:
    """What may be asked, in texts, tokens and money, 0 being no limit; what was already spent of it; and for how long.

    A request begins only where as much as the dearest one so far is left for it and for each one in flight. So the
    first ones, as many as are asked at once, may go beyond it, and later ones where they are dearer than any before.
    """

    posts: int = 0
    tokens: int = 0
    money: float = 0
    seconds: float = 0
    spent_posts: int = 0
    spent_tokens: int = 0
    spent_money: float = 0
    clock: Callable[[], float] = time.monotonic
    reached: str = ""
    """What is used up: posts, tokens, money or minutes."""
    _flying: int = 0
    _most_tokens: int = 0
    _most_money: float = 0
    _end: float | None = None

    def __post_init__(self) -> None:
        self._before = {"posts": self.spent_posts, "tokens": self.spent_tokens, "money": self.spent_money}

    def begin(self) -> bool:
        """Whether one more may be asked; where it may, it counts as in flight until `end`. What is used up stays so."""
        coming = self._flying + 1
        self._end = self.clock() + self.seconds if self._end is None else self._end
        if self.reached:
            return False
        if self.posts and self.spent_posts + coming > self.posts:
            self.reached = "posts"
        elif self.tokens and self._over(self.tokens, self.spent_tokens, coming * self._most_tokens):
            self.reached = "tokens"
        elif self.money and self._over(self.money, self.spent_money, coming * self._most_money):
            self.reached = "money"
        elif self.seconds and self.clock() >= self._end:
            self.reached = "minutes"
        else:
            self._flying += 1
            return True
        return False

    @property
    def told(self) -> str:
        """What is used up, in words, with what was spent of it by this run and before it; empty where nothing is."""
        if self.reached == "minutes":
            return f"minutes {self.seconds / 60:g} a run"
        if not self.reached:
            return ""
        limit, before = getattr(self, self.reached), self._before[self.reached]
        now, form = getattr(self, f"spent_{self.reached}") - before, ",.4f" if self.reached == "money" else ",d"
        return f"{self.reached} {limit:{form.replace('.4f', 'g')}} a day: {now:{form}} now, {before:{form}} before"

    @staticmethod
    def _over(limit: float, spent: float, coming: float) -> bool:
        return spent >= limit or spent + coming > limit

    def end(self, tokens: int, money: float) -> None:
        """One in flight was answered, at that expense."""
        self._flying -= 1
        self.spent_posts += 1
        self.spent_tokens += tokens
        self.spent_money += money
        self._most_tokens, self._most_money = max(self._most_tokens, tokens), max(self._most_money, money)


@dataclass
class Tally:
    """What came of it."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(annotator, status) → texts."""
    left: int = 0
    """Texts that were not asked, or refused and not asked of the next one."""
    cost: float = 0
    tokens: int = 0
    canaries: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The same of texts of known answers, beside these; `left`: not asked. Their expense is in it."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Annotator that was left alone → its last reason."""

    def rests(self, link: Link) -> bool:
        """`link.rests`, which is told."""
        if link.rests:
            self.stopped[link.annotator.name] = link.health.reason
        return link.rests

    def watch(self, annotator: str, canaries: "Tally") -> None:
        """Add what came of its canaries."""
        self.canaries += canaries.outcomes
        self.canaries[annotator, "left"] += canaries.left
        self.stopped |= canaries.stopped
        self.spend(canaries.tokens, canaries.cost)

    def spend(self, tokens: int, cost: float) -> None:
        """Add an expense."""
        self.tokens += tokens
        self.cost += cost


Keep = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]
"""Makes rows of `annotations` durable, and returns when they are."""


async def ask(
    task: str, jobs: Iterable[Job], chain: Sequence[Link], keep: Keep, budget: Budget,
    tally: Tally | None = None, *, done: Callable[[], object] = lambda: None, now: Callable[[], datetime] = utc_now,
) -> Tally:  # fmt: skip
    """Ask all jobs, in their order, of the annotators of `chain`.

    tally: counted on, where there is one; done: called after each text; now: the clock of rows.
    Raises what `keep` raises and `ConfigError` where an endpoint refuses key or model; what landed before stays.
    """
    tally, coming = tally or Tally(), iter(jobs)
    slots = [asyncio.Semaphore(link.in_flight) for link in chain]

    async def work() -> None:
        for job in coming:
            if not await one(job):
                tally.left += 1
            done()

    async def one(job: Job) -> bool:
        """Whether the job was done: somebody answered, or none is left to be asked."""
        for place in range(job.first, len(chain)):
            link = chain[place]
            async with slots[place]:
                if tally.rests(link) or not budget.begin():
                    return False
                outcome = Annotation("failed")
                try:
                    outcome = await link.annotator.annotate(job.item)
                finally:
                    budget.end(outcome.tokens_in + outcome.tokens_out, link.cost(outcome))
                failures = job.failures if place == job.first else 0
                await keep(_rows(task, job, link, outcome, failures, now()))
            _count(tally, link, outcome)
            if outcome.status != "refused":
                return True
        return True

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(link.in_flight for link in chain)):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return tally


def _count(tally: Tally, link: Link, outcome: Annotation) -> None:
    name = link.annotator.name
    tally.outcomes[name, outcome.status] += 1
    tally.spend(outcome.tokens_in + outcome.tokens_out, link.cost(outcome))
    link.health.failed = link.health.failed + 1 if outcome.status == "failed" else 0
    if outcome.status == "failed":
        link.health.reason = outcome.reason or ""


def _rows(task: str, job: Job, link: Link, outcome: Annotation, failures: int, at: datetime) -> list[dict[str, Any]]:
    """A row of `annotations` for each post of the job. The first one bears what it cost."""
    labelled = outcome.status in ("ok", "unclear")
    row = {
        "task": task, "label": orjson.dumps(outcome.answers).decode() if labelled else None,
        "cues": orjson.dumps(outcome.cues).decode() if labelled else None, "explanation": outcome.explanation,
        "annotator": link.annotator.name, "model": link.annotator.model,
        "prompt_version": link.annotator.prompt_version(), "text_hash": job.text_hash, "status": outcome.status,
        "reason": outcome.reason, "failures": failures + 1 if outcome.status == "failed" else None,
        "annotated_at": at.isoformat(),
    }  # fmt: skip
    spent = {"tokens_in": outcome.tokens_in, "tokens_out": outcome.tokens_out, "cost": link.cost(outcome)}
    free = dict.fromkeys(spent, 0)
    return [
        {"post_id": post, **row, "inclusion_probability": p, **(free if n else spent)}
        for n, (post, p) in enumerate(job.posts)
    ]
