"""What a model said, held against what it was asked. Nothing it may say raises an error."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from barograph.annotate.annotation import Annotation

UNCLEAR = "unclear"
NEGATIVE = ("none", "no")
"""Answers that say that a post does not express what is asked for."""
LONGEST = 2_000
"""Characters of an explanation that are kept."""

_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)
_THOUGHT = re.compile(r"\A<think>.*?</think>", re.DOTALL)


class _Unusable(ValueError):
    """Why a reply is invalid, in words of ours alone: what a model says may hold words of a post."""


def read(reply: str, questions: Mapping[str, Sequence[str]], cues: Sequence[str]) -> Annotation:
    """The outcome that a reply is: ok, unclear where every answer is, or invalid with a reason. Never raises.

    questions: question → its answers. The reply is one JSON object as the task's schema has it, alone, in a code fence
    or behind the thoughts of a model that tells them.
    """
    try:
        said = _parsed(reply)
        answers = _answers(said.get("answers"), questions)
        found = _cues(said.get("cues"), cues)
        explanation = _explanation(said.get("explanation"))
    except _Unusable as error:
        return Annotation("invalid", reason=str(error))
    unclear = all(answer == UNCLEAR for answer in answers.values())
    return Annotation(UNCLEAR if unclear else "ok", answers, found, explanation)


def _parsed(reply: str) -> dict[str, Any]:
    text = _THOUGHT.sub("", reply.strip()).strip()
    if fenced := _FENCE.match(text):
        text = fenced.group(1)
    try:
        said = json.loads(text, object_pairs_hook=_once)
    except _Unusable:
        raise
    except (ValueError, RecursionError):
        raise _Unusable("not JSON") from None
    if not isinstance(said, dict):
        raise _Unusable("not a JSON object")
    if set(said) - {"explanation", "answers", "cues"}:
        raise _Unusable("a key beside explanation, answers and cues")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two answers to one question neither counts."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Unusable("a key stands twice")
    return dict(pairs)


def _answers(given: object, questions: Mapping[str, Sequence[str]]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _Unusable("answers: expected an object")
    if set(given) - set(questions):
        raise _Unusable("answers: a question that was not asked")
    for question, allowed in questions.items():
        if given.get(question) not in allowed:  # also where it is a list: nothing of the kind is allowed
            raise _Unusable(f"answers: {question}: expected one of {', '.join(allowed)}")
    return {question: given[question] for question in questions}


def _cues(given: object, known: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or any(cue not in known for cue in given):
        raise _Unusable("cues: expected a list of the task's cues")
    return tuple(cue for cue in known if cue in given)


def _explanation(given: object) -> str:
    if not isinstance(given, str):
        raise _Unusable("explanation: expected text")
    return given.encode("utf-8", "replace").decode().replace("\0", "")[:LONGEST]  # what a database can keep
