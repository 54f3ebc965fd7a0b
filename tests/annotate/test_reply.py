"""Whatever a model says is an outcome: ok, unclear, or invalid with a reason that holds no word of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.annotate.reply import LONGEST, read

QUESTIONS = {"anger": ("none", "weak", "unclear"), "joy": ("none", "weak", "unclear")}
CUES = ("emoji", "irony")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["explanation", "answers", "cues", "anger", "joy"]) | st.text(max_size=3), inner, max_size=4
    ),
    max_leaves=8,
)  # fmt: skip


def said(**changed: object) -> str:
    return json.dumps({"explanation": "so", "answers": {"anger": "weak", "joy": "none"}, "cues": ["irony"], **changed})


def test_an_answer_is_read() -> None:
    found = read(said(), QUESTIONS, CUES)
    assert (found.status, found.answers, found.cues, found.explanation, found.reason) == (
        "ok", {"anger": "weak", "joy": "none"}, ("irony",), "so", None,
    )  # fmt: skip


@pytest.mark.parametrize("wrapped", ["```json\n{}\n```", "```\n{}\n```", "  {}\n", "<think>hm {{</think>\n{}"])
def test_a_fence_or_thoughts_round_it_do_no_harm(wrapped: str) -> None:
    assert read(wrapped.replace("{}", said()), QUESTIONS, CUES).status == "ok"


def test_it_is_unclear_where_every_answer_is() -> None:
    unclear = {"anger": "unclear", "joy": "unclear"}
    assert read(said(answers=unclear), QUESTIONS, CUES).status == "unclear"
    assert read(said(answers=unclear | {"joy": "none"}), QUESTIONS, CUES).status == "ok"


@pytest.mark.parametrize(("reply", "reason"), [
    ("", "not JSON"),
    ("I would say anger", "not JSON"),
    (said() + said(), "not JSON"),
    (f"Sure! {said()}", "not JSON"),
    ("[1]", "not a JSON object"),
    ("[" * 100_000, "not JSON"),
    ("9" * 10_000, "not JSON"),
    (said(mood="x"), "a key beside explanation, answers and cues"),
    ('{"explanation": "", "answers": {"anger": "weak", "joy": "none", "joy": "weak"}, "cues": []}', "a key stands twice"),
    (said(answers={"anger": "weak"}), "answers: joy: expected one of none, weak, unclear"),
    (said(answers={"anger": "Weak", "joy": "none"}), "answers: anger: expected one of none, weak, unclear"),
    (said(answers={"anger": ["weak"], "joy": "none"}), "answers: anger: expected one of none, weak, unclear"),
    (said(answers={"anger": "weak", "joy": "none", "hate": "weak"}), "answers: a question that was not asked"),
    (said(answers=["weak"]), "answers: expected an object"),
    (said(cues=["tears"]), "cues: expected a list of the task's cues"),
    (said(cues=[["irony"]]), "cues: expected a list of the task's cues"),
    (said(cues="irony"), "cues: expected a list of the task's cues"),
    (said(explanation=None), "explanation: expected text"),
])  # fmt: skip
def test_what_does_not_fit_is_invalid_and_says_why_in_our_words(reply: str, reason: str) -> None:
    found = read(reply, QUESTIONS, CUES)
    assert (found.status, found.answers, found.reason) == ("invalid", {}, reason)


def test_an_explanation_is_cut_and_can_be_kept() -> None:
    found = read(said(explanation="\ud800\0" + "x" * 5_000), QUESTIONS, CUES)
    assert found.explanation is not None
    assert len(found.explanation) == LONGEST
    assert "\0" not in found.explanation and found.explanation.encode()


@settings(max_examples=500, derandomize=True)
@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")) | JSON.map(json.dumps))
def test_nothing_a_model_says_raises(reply: str) -> None:
    found = read(reply, QUESTIONS, CUES)
    assert found.status in ("ok", "unclear", "invalid")
    assert (found.reason is None) == bool(found.answers)
