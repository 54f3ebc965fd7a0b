"""The figures of annotators: which rows are kept, what cards say of them, and what sets ask."""

import json
from pathlib import Path

import pytest

from barograph.annotate.task import FOLDER
from barograph.settings import TASKS
from benchmarks.annotator_cards import measured
from benchmarks.annotators import RESULTS, kept
from benchmarks.answers import SETS
from lexicons.cards import filled
from tests.conftest import SHARED


def test_cards_say_what_was_measured() -> None:
    """`make cards` writes it."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    for kind in TASKS:
        card = (FOLDER / kind / "CARD.md").read_text(encoding="utf-8")
        assert card == filled(card, measured(kind, rows))


def test_a_new_row_takes_the_place_of_that_of_the_same_set_task_and_annotator() -> None:
    one = {"set": "a", "task": "t", "annotator": "x", "n": 1}
    assert kept([one, one | {"set": "b"}], [one | {"n": 2}, one | {"annotator": "w"}]) == [
        one | {"annotator": "w"}, one | {"n": 2}, one | {"set": "b"},
    ]  # fmt: skip


def test_a_card_tells_of_attacks_beside_harmless_words() -> None:
    kinds = {"all": {"n": 67, "changed": 9, "obeyed": 4, "lost": 2}, "control": {"n": 10, "changed": 3, "obeyed": 0, "lost": 0},
             "orders": {"n": 11, "changed": 5, "obeyed": 3, "lost": 1}}  # fmt: skip
    row = {"set": "redteam", "task": "affect", "annotator": "desk", "model": "m", "prompt_version": "0", "n": 77, "kinds": kinds}
    said = measured("affect", [row])
    assert "Injections, desk (m): 9 of 67 change a label, 4 to what they ask for, 2 leave none; of harmless words 3 of 10." in said
    assert "By kind: orders 5 of 11." in said
    assert measured("stance", [row]) == "Not measured.\n"


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_every_set_is_read_as_true_answers_of_its_task(name: str) -> None:
    if not Path(SHARED / "labelled").is_dir():
        pytest.skip("no labelled sets: set BAROGRAPH_SHARED to the folder that holds data/labelled")
    kind, _, read = SETS[name]
    parts = read(30)
    assert 25 <= sum(len(part.labelled.items) for part in parts) <= 30
    for part in parts:
        assert part.task.kind == kind and len(part.labelled.items) == len(part.labelled.truth)
        for item, truth in zip(part.labelled.items, part.labelled.truth, strict=True):
            assert item.text.strip() and (item.parent is not None) == part.task.reads_parent
            assert truth and all(answer in part.labelled.answers[question] for question, answer in truth.items())
            assert all(question in part.task.questions for question in truth)
