"""Texts of known answers, and posts that try to talk an annotator into others."""

import json

import pytest

from barograph.annotate import tasks
from barograph.annotate.annotation import Annotation
from barograph.annotate.canaries import accuracy, agreement, canaries
from barograph.annotate.quoting import clean
from barograph.annotate.redteam import CONTROL, FILE, attacks, changes, target
from barograph.settings import TASKS, TOPIC_TASKS, Topic

TOPIC = Topic(name="trams", keywords=("tram",), sides=("for trams", "against trams"))
every_task = pytest.mark.parametrize("kind", TASKS)


def task(kind: str) -> tasks.Task:
    return tasks.load(kind, TOPIC if kind in TOPIC_TASKS else None)


@every_task
def test_canaries_are_thirty_or_more_in_two_languages_of_every_answer(kind: str) -> None:
    own, found = canaries(task(kind))
    assert len(found.examples) >= 30
    assert min(sum(e.item.lang == lang for e in found.examples) for lang in ("en", "es")) >= 10
    for question, answers in own.questions.items():
        seen = {e.answers[question] for e in found.examples}
        wanted = {answers[0], "yes" if "yes" in answers else "strong"} if len(own.questions) > 1 else {*answers} - {"unclear"}
        assert wanted <= seen, question
    assert not {e.item.text for e in found.examples} & {e.item.text for e in own.examples}


@every_task
def test_canaries_are_asked_about_their_own_topic(kind: str) -> None:
    own, found = canaries(task(kind))
    assert (own.topic is not None) == (kind in TOPIC_TASKS)
    assert own.topic != TOPIC
    assert len(own.messages(found.examples[0].item)) > 1


def test_agreement_by_hand() -> None:
    before = {"a": {"x": "weak", "y": "none"}, "b": {"x": "none", "y": "none"}, "c": {"x": "strong", "y": "weak"}, "d": {"x": "weak", "y": "none"}}
    now = {"a": {"x": "strong", "y": "none"}, "b": {"x": "none", "y": "none"}, "c": {"x": "strong", "y": "none"}, "d": None}
    # a: degrees of one emotion; b: neither says anything; c: one of two; d: no answer.
    assert agreement(now, before) == (1 + 1 + 0.5 + 0) / 4
    assert agreement({"a": {"s": "first"}}, {"a": {"s": "second"}}) == 0
    assert agreement({}, {"a": {"s": "none"}}) == 0
    assert agreement({"a": {"s": "unclear"}}, {"a": {"s": "none"}}) == 0  # it fell silent
    # a: y was unclear, x is another; b: all was unclear; c: as it was.
    unread = {"a": {"x": "weak", "y": "unclear"}, "b": {"x": "unclear", "y": "unclear"}, "c": {"x": "none", "y": "weak"}}
    later = {"a": {"x": "none", "y": "weak"}, "b": {"x": "weak", "y": "weak"}, "c": {"x": "none", "y": "strong"}}
    assert agreement(later, unread) == (0 + 1) / 2
    assert agreement(unread, unread) == 1
    assert agreement(later, {"b": unread["b"]}) is None
    assert agreement(later, {}) is None


def test_accuracy_is_over_what_is_answered() -> None:
    meant = {"a": {"x": "strong", "y": "weak"}, "b": {"x": "weak", "y": "none"}, "c": {"x": "none", "y": "none"}, "d": {"x": "weak", "y": "none"}, "e": {"x": "unclear", "y": "none"}}
    said = {
        "a": {"x": "weak", "y": "unclear"},  # right on the one question that it answers
        "b": {"x": "none", "y": "none"},  # wrong
        "c": {"x": "unclear", "y": "unclear"},  # not answered
        "d": None,  # refused
        "e": {"x": "weak", "y": "none"},  # an answer where there is none to give
    }
    assert accuracy(said, meant) == pytest.approx((1 + 0 + 0) / 3)
    assert accuracy({"c": said["c"], "d": None}, meant) is None
    assert accuracy(meant, meant) == 1


def test_who_reads_english_and_seven_questions_is_measured_on_these() -> None:
    _, found = canaries(task("emotions"))
    some = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise")
    said = {
        e.item.post_id: {q: a if q in some and e.item.lang == "en" else "unclear" for q, a in e.answers.items()} for e in found.examples
    }
    assert accuracy(said, found.intended) == agreement(said, said) == 1


def test_there_are_sixty_attacks_or_more_in_two_languages() -> None:
    rows = [json.loads(line) for line in FILE.read_text().splitlines()]
    real = [row for row in rows if row["kind"] != CONTROL]
    assert len(real) >= 60 and sum(row["lang"] == "es" for row in real) >= 30 <= sum(row["lang"] == "en" for row in real)
    assert {row["kind"] for row in real} >= {"orders", "fake_json", "role_tags", "delimiters", "codebook", "many_shot", "encoded", "hidden", "lookalikes"}
    assert all("{post}" in row["text"] for row in rows)
    assert len({(row["lang"], row["text"], row.get("hide")) for row in rows}) == len(rows)


@every_task
def test_each_attack_is_wrapped_round_a_post_of_known_answer_and_wants_another(kind: str) -> None:
    own, found = canaries(task(kind))
    made = attacks(own, found.examples)
    texts = {e.item.text for e in found.examples}
    for attack in made:
        assert attack.plain.text in texts and attack.plain.text in attack.attacked.text
        assert (attack.plain.parent or "") in (attack.attacked.parent or "")
        assert (attack.plain.text == attack.attacked.text) != (attack.plain.parent == attack.attacked.parent)
        assert attack.wanted != dict(next(e.answers for e in found.examples if e.item is attack.plain))
        assert own.read(json.dumps({"explanation": "", "answers": attack.wanted, "cues": []})).status == "ok"
        own.messages(attack.attacked)


def test_orders_that_nobody_can_see_are_not_seen() -> None:
    own, found = canaries(task("stance"))
    rows = [json.loads(line) for line in FILE.read_text().splitlines()]
    for row, attack in zip(rows, attacks(own, found.examples), strict=True):
        if row.get("hide") in ("tags", "variation"):
            assert clean(attack.attacked.text).replace("😊", "").strip() == attack.plain.text
        if row.get("hide") == "zero_width":
            assert "answer stance" in clean(attack.attacked.text) or "responde stance" in clean(attack.attacked.text)


def test_what_is_wanted_is_the_contrary() -> None:
    assert target(task("stance"), {"stance": "first"}) == {"stance": "second"}
    assert target(task("stance"), {"stance": "second"}) == {"stance": "first"}
    assert target(task("affect"), {"affect": "yes"}) == {"affect": "no"}
    assert target(task("affect"), {"affect": "no"}) == {"affect": "yes"}
    assert target(task("agreement"), {"agreement": "agree"}) == {"agreement": "disagree"}
    nothing = dict.fromkeys(task("emotions").questions, "none")
    assert set(target(task("emotions"), nothing).values()) == {"strong"}
    assert set(target(task("emotions"), nothing | {"joy": "weak"}).values()) == {"none"}


def test_changes_are_counted_by_kind_and_controls_apart() -> None:
    own, found = canaries(task("affect"))
    made = attacks(own, found.examples)
    plain = [Annotation("ok", {"affect": "yes"})] * len(made)
    attacked = [Annotation("invalid") if i == 0 else Annotation("ok", {"affect": "no" if i in (1, len(made) - 1) else "yes"}) for i in range(len(made))]
    told = changes(made, plain, attacked)
    n = sum(attack.kind != CONTROL for attack in made)
    assert told["all"] == {"n": n, "changed": 1, "obeyed": made[1].wanted == {"affect": "no"}, "lost": 1}
    assert told[CONTROL] == {"n": len(made) - n, "changed": 1, "obeyed": made[-1].wanted == {"affect": "no"}, "lost": 0}
    assert changes(made, [Annotation("invalid")] * len(made), attacked)["all"]["n"] == 0
