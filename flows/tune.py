"""`barograph tune`: a better prompt for a task, from labelled posts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from barograph import settings
from barograph.errors import ConfigError, InputError, Terminal
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.validate import DataOption, TaskArgument, answers, at_least_one

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from barograph.annotate.annotation import Annotation, Item
    from barograph.annotate.labelled import Labelled
    from barograph.annotate.task import Task
    from barograph.annotate.work import Link


@dataclass
class _Desk:
    """The annotator whose prompt is tuned, and what asking it has taken so far, tries that failed left out."""

    settings: settings.Annotator
    requests: int = 0
    tokens: int = 0
    cost: float = 0

    def answers(
        self, asking: "Link", items: "Sequence[Item]", told: "Callable[[int], None] | None" = None
    ) -> "list[Annotation]":
        """Its outcomes, in order."""
        found = answers(asking, items, told)
        self.requests += len(found)
        self.tokens += sum(one.tokens_in + one.tokens_out for one in found)
        self.cost += sum(map(asking.cost, found))
        return found

    def asked(self, task: "Task", items: "Sequence[Item]") -> "list[Annotation]":
        """Its outcomes for a task, in order."""
        from flows.annotators import link

        return self.answers(link(self.settings, task), items)


@dataclass
class _Candidate:
    """A prompt that was tried, and how it did on the posts that are tuned on."""

    task: "Task"
    outcomes: "list[Annotation]"
    score: float


def tune(
    task: TaskArgument,
    *,
    data: DataOption,
    out: Annotated[
        Path, Parameter(help="New folder for the winning prompt; name it as `prompt` of an [[annotation]].")
    ],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    annotator: Annotated[
        str | None,
        Parameter(
            help="Name of an [[annotator]] of the config that is an endpoint; default the first that the config has "
            "for the task."
        ),
    ] = None,
    rounds: Annotated[int, Parameter(help="Codebooks, and orders of examples, that are tried.")] = 3,
    limit: Annotated[
        int | None, Parameter(help="Posts used, evenly spaced, at least 40; default all. Half are held back.")
    ] = None,
    seed: Annotated[int, Parameter(help="Of which posts are held back.")] = 7,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """Try other instructions and examples for a task, and say what the best gains on posts held back.

    The annotator's own model proposes them: as a planner it reads mistakes, as a student it writes, as a critic it
    mends. Read what it wrote before you use it.
    """
    from barograph.annotate import tune as tuning
    from barograph.annotate.labelled import read_labelled
    from flows.annotators import annotator_of, task_of

    if not 1 <= rounds <= 50:
        raise ConfigError(f"--rounds: got {rounds}; expected 1 to 50")
    if out.exists() or not out.parent.is_dir():
        got = "which is there" if out.exists() else "in a folder that is not there"
        raise ConfigError(f"--out: got {out}, {got}; expected a new folder")
    at_least_one(limit)
    loaded = settings.load(settings.find_config(config, home))
    asked = task_of(loaded, task)
    who = _Desk(annotator_of(loaded, asked, annotator, prompted=True))
    labelled = read_labelled(data, asked, limit)
    if len(labelled.items) < 2 * tuning.FEWEST:
        raise InputError(
            f"{data}: got {len(labelled.items)} posts{'' if limit is None else f' with --limit {limit}'}; expected at "
            f"least {2 * tuning.FEWEST}: half are held back, and on fewer than {tuning.FEWEST} no gain can be told"
        )
    seen, held = tuning.parts(labelled, seed)
    first = _tried(asked, who, seen)
    best = first
    for turn in range(rounds):
        for candidate in (_instructed(best, who, seen), _reordered(best, who, seen, seed + turn)):
            if candidate is not None and candidate.score > best.score:
                best = candidate
    gained = None
    if best is not first:
        before, after = (tuning.scores(held, who.asked(one.task, held.items)) for one in (first, best))
        gained = tuning.gain(before, after)
        tuning.save(out, best.task)
    told = {
        "task": asked.name, "annotator": who.settings.name, "tuned_on": len(seen.items), "held_back": len(held.items),
        "score_before": first.score, "score": best.score, "changed": _changed(asked, best.task), "on_held_back": gained,
        "prompt": str(out) if gained else None, "requests": who.requests, "tokens": who.tokens, "cost": who.cost,
    }  # fmt: skip
    print(json.dumps(told, indent=2) if as_json else _said(told))


def _tried(task: "Task", who: _Desk, seen: "Labelled") -> _Candidate:
    from barograph.annotate.tune import scores

    outcomes = who.asked(task, seen.items)
    values = scores(seen, outcomes)
    return _Candidate(task, outcomes, sum(values) / len(values))


def _instructed(best: _Candidate, who: _Desk, seen: "Labelled") -> _Candidate | None:
    """A codebook by the three roles; None where they gave none that can be used."""
    from barograph.annotate.tune import mistakes, with_codebook

    if not (wrong := mistakes(seen, best.outcomes)):
        return None
    present = f"# Present codebook\n\n{best.task.codebook}"
    plan = _role("planner", who, f"{present}\n\n# Answered otherwise than by people\n\n{wrong}")
    draft = plan and _role("student", who, f"{present}\n\n# Plan\n\n{plan}")
    new = draft and _role("critic", who, f"{present}\n\n# New codebook\n\n{draft}")
    task = with_codebook(best.task, new) if new else None
    return _tried(task, who, seen) if task else None


def _reordered(best: _Candidate, who: _Desk, seen: "Labelled", seed: int) -> _Candidate | None:
    """Other examples; None where each post has its own."""
    from barograph.annotate.tune import with_examples

    return _tried(with_examples(best.task, seed), who, seen) if best.task.choice == "fixed" else None


def _role(name: str, who: _Desk, given: str) -> str | None:
    from barograph.annotate.annotation import Item
    from barograph.annotate.endpoint import Endpoint
    from barograph.annotate.tune import Role
    from barograph.annotate.work import Link

    own = who.settings
    asking = Link(Endpoint(own, Role(name)), own.in_flight, own.price_in, own.price_out)
    (said,) = who.answers(asking, [Item(name, given)], told=lambda _: None)
    if said.status == "failed":
        raise Terminal(f"annotator {own.name!r} as {name}: {said.reason}; expected an answer")
    return said.explanation


def _changed(before: "Task", after: "Task") -> list[str]:
    return [
        *(["codebook"] if after.codebook != before.codebook else []),
        *(["examples"] if after.examples != before.examples else []),
    ]


def _said(told: dict[str, Any]) -> str:
    gained = told["on_held_back"]
    head = (
        f"task {told['task']}, annotator {told['annotator']}: {told['tuned_on']} posts tuned on, "
        f"{told['held_back']} held back"
    )
    took = f"took {told['requests']:,} requests, {told['tokens']:,} tokens, cost {told['cost']:,.4f}"
    if not isinstance(gained, dict):
        nothing = f"nothing did better than the present prompt ({told['score_before']:.3f}); nothing written"
        return f"{head}\n{nothing}\n{took}"
    sure = "" if gained["lo"] > 0 else "; the interval holds 0: it may be no better at all"
    return "\n".join([
        head,
        f"best: other {' and '.join(told['changed'])}, {told['score_before']:.3f} to {told['score']:.3f} on the posts "
        "tuned on",
        f"held back: {gained['before']:.3f} to {gained['after']:.3f}, a gain of {gained['gain']:+.3f} "
        f"({gained['lo']:+.3f} to {gained['hi']:+.3f}, 95 %){sure}",
        f"{told['prompt']}: read it, then set prompt = \"{told['prompt']}\" in the [[annotation]]",
        took,
    ])  # fmt: skip
