"""How well an annotator answers, beside krippendorff, scikit-learn and sums by hand."""

import asyncio
import json
import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score

from barograph.annotate import alpha
from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.labelled import YES_NO, Labelled
from barograph.annotate.validity import ask, evaluate, resamples

STANCE = ("none", "first", "second", "unclear")
DEGREES = ("none", "weak", "moderate", "strong", "unclear")


def labelled(truth: list[str], answers: tuple[str, ...] = STANCE, langs: str | None = None) -> Labelled:
    items = tuple(Item(str(i), "x", langs[2 * i : 2 * i + 2] if langs else "en") for i in range(len(truth)))
    return Labelled(items, {"q": answers}, tuple({"q": answer} for answer in truth))


def said(*answers: str | None) -> list[Annotation]:
    return [Annotation("invalid", reason="-") if a is None else Annotation("ok", {"q": a}) for a in answers]


# Krippendorff's alpha ---------------------------------------------------------------------------------------


@settings(max_examples=150, derandomize=True)
@given(st.lists(st.lists(st.integers(-1, 3), min_size=3, max_size=3), min_size=2, max_size=30), st.sampled_from(["nominal", "ordinal"]))
def test_alpha_is_that_of_krippendorff(units: list[list[int]], level: str) -> None:
    table = np.array(units, dtype=np.int64).T
    ours = float(alpha.alpha(alpha.coincidences(table, 4), level))
    given = np.where(table < 0, np.nan, table)
    pairs = [unit[unit >= 0] for unit in table.T if (unit >= 0).sum() > 1]
    if not pairs or len(set(np.concatenate(pairs))) < 2:
        assert math.isnan(ours)
        return
    theirs = krippendorff.alpha(given, value_domain=np.arange(4), level_of_measurement=level)
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_alpha_by_hand() -> None:
    # Two raters, four posts, one apart: coincidences aa 4, ab and ba 1, bb 2; n = 8, totals 5 and 3.
    # α = 1 − (8 − 1) · 2 / (2 · 5 · 3).
    value = alpha.of_raters([["a", "a", "b", "a"], ["a", "a", "b", "b"]], ["a", "b"])
    assert value == pytest.approx(1 - 7 * 2 / 30)


def test_a_level_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected nominal or ordinal"):
        alpha.alpha(np.eye(2), "interval")


# figures ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(STANCE[:3]), st.sampled_from(STANCE[:3])), min_size=2, max_size=40))
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, answered = [t for t, _ in pairs], [a for _, a in pairs]
    found = evaluate(labelled(true), said(*answered))["questions"]["q"]
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(true, answered))
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(true, answered, average="macro"))
    if len({*true, *answered}) > 1:
        places = [[STANCE.index(word) for word in words] for words in (true, answered)]
        assert found["alpha"]["value"] == pytest.approx(krippendorff.alpha(places, level_of_measurement="nominal", value_domain=[0, 1, 2]))


def test_counts_have_a_row_a_true_answer_and_a_column_a_predicted_one() -> None:
    found = evaluate(labelled(["first", "first", "none", "second"]), said("first", "second", "unclear", None))["questions"]["q"]
    assert found["answers"] == list(STANCE)
    assert found["counts"] == [[0, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_what_was_not_answered_is_abstained_and_not_wrong() -> None:
    found = evaluate(labelled(["first", "first", "none", "unclear"]), said("first", "unclear", None, "first"))
    row = found["questions"]["q"]
    assert row["abstained"] == pytest.approx(2 / 3)  # of three whose truth is clear
    assert row["accuracy"]["value"] == 1
    assert found["statuses"] == {"invalid": 1, "ok": 3}


def test_a_stated_answer_is_worth_the_share_that_truly_express_it() -> None:
    found = evaluate(labelled(["none", "weak", "strong", "none"], DEGREES), said("none", "weak", "weak", "weak"))
    stated = found["questions"]["q"]["stated"]
    assert stated["none"] == {"n": 1, "share": 0.0}
    assert stated["weak"] == {"n": 3, "share": pytest.approx(2 / 3)}
    assert stated["strong"] == {"n": 0, "share": None}


def test_yes_and_no_are_read_of_degrees_and_have_the_f1_of_yes() -> None:
    found = evaluate(labelled(["yes", "yes", "no", "no"], YES_NO), said("weak", "none", "strong", "none"))["questions"]["q"]
    assert found["f1"]["value"] == pytest.approx(f1_score([1, 1, 0, 0], [1, 0, 1, 0]))


def test_degrees_that_are_near_agree_more_by_alpha() -> None:
    near = evaluate(labelled(["none", "weak", "strong"] * 5, DEGREES), said(*["weak", "weak", "strong"] * 5))
    far = evaluate(labelled(["none", "weak", "strong"] * 5, DEGREES), said(*["strong", "weak", "strong"] * 5))
    assert near["questions"]["q"]["alpha"]["value"] > far["questions"]["q"]["alpha"]["value"]


def test_languages_are_told_apart() -> None:
    found = evaluate(labelled(["first", "none", "first", "none"], langs="enenesen"), said("first", "none", "none", "none"))
    assert {lang: part["n"] for lang, part in found["languages"].items()} == {"en": 3, "es": 1}
    assert found["languages"]["en"]["questions"]["q"]["accuracy"]["value"] == 1
    assert found["languages"]["es"]["questions"]["q"]["accuracy"]["value"] == 0
    assert "languages" not in evaluate(labelled(["none"]), said("none"))


def test_an_interval_of_a_share_is_near_the_normal_one() -> None:
    row = evaluate(labelled(["first"] * 300 + ["none"] * 100), said(*["first"] * 400))["questions"]["q"]["accuracy"]
    width = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert row["lo"] == pytest.approx(0.75 - width, abs=0.008) and row["hi"] == pytest.approx(0.75 + width, abs=0.008)


def test_what_cannot_be_told_is_null_and_all_is_json() -> None:
    found = evaluate(labelled(["first", "none"]), said(None, "unclear"))
    row = found["questions"]["q"]
    assert row["accuracy"] == row["alpha"] == {"value": None, "lo": None, "hi": None}
    assert found["overall"]["accuracy"]["value"] is None
    json.loads(json.dumps(found, allow_nan=False))


def test_a_mean_over_questions_leaves_out_what_cannot_be_told() -> None:
    both = Labelled((Item("1", "x"), Item("2", "x")), {"a": YES_NO, "b": YES_NO}, ({"a": "yes", "b": "no"}, {"a": "no"}))
    outcomes = [Annotation("ok", {"a": "yes", "b": "unclear"}), Annotation("ok", {"a": "yes", "b": "no"})]
    found = evaluate(both, outcomes)
    assert found["questions"]["b"]["n"] == 1
    assert found["overall"]["accuracy"]["value"] == found["questions"]["a"]["accuracy"]["value"] == 0.5


def test_probabilities_are_held_against_labels() -> None:
    true = ["yes"] * 30 + ["no"] * 70
    scores = np.r_[np.full(30, 0.8), np.full(70, 0.1)]
    row = evaluate(labelled(true, YES_NO), said(*["none"] * 100), {"q": scores})["questions"]["q"]
    assert row["brier"]["value"] == pytest.approx(brier_score_loss([t == "yes" for t in true], scores))
    assert row["brier_of_base_rate"] == pytest.approx(0.21)
    assert row["calibration_error"] == pytest.approx(0.7 * 0.1 + 0.3 * 0.2)  # ten bins of ten, each of one kind


def test_resamples_are_the_same_every_time_and_draw_each_post_once_on_average() -> None:
    drawn = resamples(50)
    assert (drawn == resamples(50)).all() and (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == 50).all() and drawn[1:].mean() == 1


# asking -----------------------------------------------------------------------------------------------------


class Slow:
    """Answers later posts sooner, and counts how many it has at once."""

    name = model = "slow"

    def __init__(self) -> None:
        self.now = self.most = 0

    def prompt_version(self) -> str:
        return "0" * 16

    async def annotate(self, item: Item) -> Annotation:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001 * (10 - int(item.post_id)))
        self.now -= 1
        return Annotation("ok", {"q": item.post_id})


def test_outcomes_come_in_the_order_of_posts_and_so_many_at_once() -> None:
    slow, heard = Slow(), list[int]()
    found = asyncio.run(ask(slow, [Item(str(i), "x") for i in range(10)], 3, heard.append))
    assert [one.answers["q"] for one in found] == [str(i) for i in range(10)]
    assert slow.most == 3 and heard == list(range(1, 11))
