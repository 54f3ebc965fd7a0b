"""The table of scores: each row by hand, and what must never be guessed."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph import tables
from barograph.errors import ConfigError
from barograph.polarization import score
from barograph.polarization.score import ABSTAINED, PARTS, class_of, codes, places, read, rules
from barograph.tables import CLASSES

STANCES = ("first", "second", "none", "unclear", None)
AFFECTS = ("yes", "no", "unclear", None)
AGREEMENTS = ("agree", "disagree", "unclear", None)
# As the paper has it, written out: same side?, any affect?, agreement → score.
PAPER = {
    (True, True, "agree"): 10, (True, True, "disagree"): 8, (True, False, "agree"): 6, (True, False, "disagree"): 2,
    (False, True, "disagree"): 8, (False, True, "agree"): 6, (False, False, "disagree"): 4, (False, False, "agree"): 0,
}  # fmt: skip


def published(**parts: str | None) -> float | None:
    """The published score of five answers."""
    name = class_of(**parts)
    return None if name is None else rules()[0].scores[name]


def test_every_combination_of_answers_has_the_paper_s_score_or_none() -> None:
    scored = 0
    for parts in product(STANCES, STANCES, AFFECTS, AFFECTS, AGREEMENTS):
        stance, parent_stance, affect, parent_affect, agreement = parts
        got = published(
            stance=stance, parent_stance=parent_stance, affect=affect, parent_affect=parent_affect, agreement=agreement
        )
        sides = {stance, parent_stance} <= {"first", "second"}
        if not sides or not {affect, parent_affect} <= {"yes", "no"} or agreement not in ("agree", "disagree"):
            assert got is None, parts
            continue
        assert got == PAPER[stance == parent_stance, "yes" in (affect, parent_affect), agreement], parts
        scored += 1
    assert scored == 4 * 4 * 2


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (("unclear", "unclear", "no", "no", "agree"), "two that nobody could tell are not on the same side"),
        (("none", "none", "yes", "no", "agree"), "two that take no side are not on the same side"),
        ((None, None, "yes", "no", "agree"), "two failed replies are not on the same side"),
        (("unclear", "first", "no", "no", "disagree"), "one that nobody could tell is not on the opposite side"),
        (("first", "first", "no", "no", ""), "a blank is not disagreement"),
        (("first", "first", "no", "no", None), "an agreement that is missing is not disagreement"),
        (("first", "second", "yes", "unclear", "agree"), "affect is known of both posts or of none"),
        (("pro", "pro", "no", "no", "agree"), "words of another task are no answers"),
    ],
)
def test_what_is_not_known_is_not_guessed(parts: tuple[str | None, ...], why: str) -> None:
    names = ("stance", "parent_stance", "affect", "parent_affect", "agreement")
    assert class_of(**dict(zip(names, parts, strict=True))) is None, why


def test_which_side_is_called_first_and_which_post_is_hostile_makes_no_difference() -> None:
    turned = {"first": "second", "second": "first"}
    for stance, parent, affect, theirs, agreement in product(*[("first", "second")] * 2, *[("yes", "no")] * 2, ("agree", "disagree")):
        parts = {"affect": affect, "parent_affect": theirs, "agreement": agreement}
        swapped = {"affect": theirs, "parent_affect": affect, "agreement": agreement}
        one = class_of(stance=stance, parent_stance=parent, **parts)
        assert one == class_of(stance=turned[stance], parent_stance=turned[parent], **parts)
        assert one == class_of(stance=parent, parent_stance=stance, **swapped)


def test_the_classes_are_the_columns_that_are_published_in_the_order_of_their_codes() -> None:
    assert set(CLASSES) < set(tables.POLARIZATION.columns)
    for code, name in enumerate(CLASSES):
        _, stance, affect, agreement = name.split("_")
        parts = {
            "stance": 0, "parent_stance": int(stance == "opposite"), "affect": 1, "parent_affect": int(affect == "none"),
            "agreement": int(agreement == "disagree"),
        }  # fmt: skip
        assert codes({key: np.array([value]) for key, value in parts.items()}).tolist() == [code]


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.tuples(*(st.integers(-1, 2) for _ in PARTS)), max_size=30), st.randoms(use_true_random=False))
def test_scores_lie_in_the_range_and_do_not_depend_on_order(rows: list[tuple[int, ...]], shuffled) -> None:
    def of(some: list[tuple[int, ...]]) -> list[int]:
        columns = np.array(some, dtype=np.int64).reshape(-1, len(PARTS)).T
        return codes(dict(zip(PARTS, columns, strict=True))).tolist()

    found = of(rows)
    for row, code in zip(rows, found, strict=True):
        assert (code == ABSTAINED) == any(part not in (0, 1) for part in row)
        for table in rules():
            assert code == ABSTAINED or 0 <= table.array[code] <= 10
    order = list(range(len(rows)))
    shuffled.shuffle(order)
    assert of([rows[i] for i in order]) == [found[i] for i in order]


def test_answers_become_places_and_all_else_is_none() -> None:
    assert places(pl.Series(["second", None, "first", "none", "yes"]), "stance").tolist() == [1, -1, 0, -1, -1]
    assert places(pl.Series([], dtype=pl.String), "affect").tolist() == []


# --- tables of scores ---


def test_ours_are_the_published_one_and_five_others_that_differ_with_a_reason_each() -> None:
    first, *others = rules()
    assert first.name == "published"
    assert len(others) >= 4
    assert all(table.why for table in rules())
    assert len({tuple(table.array) for table in rules()}) == len(rules())


def test_what_the_alternatives_are_for_holds() -> None:
    by_name = {table.name: dict(zip(CLASSES, table.array, strict=True)) for table in rules()}
    turned = by_name["dispute above echo chamber"]
    assert turned["c_opposite_none_disagree"] > turned["c_same_none_agree"]
    assert by_name["published"]["c_opposite_none_disagree"] < by_name["published"]["c_same_none_agree"]
    symmetric = by_name["symmetric"]
    for affect in ("affect", "none"):
        assert symmetric[f"c_same_{affect}_agree"] == symmetric[f"c_opposite_{affect}_disagree"]
        assert symmetric[f"c_same_{affect}_disagree"] == symmetric[f"c_opposite_{affect}_agree"]
    for name in CLASSES:
        assert by_name["affect only"][name] == 10 * ("_affect_" in name)
        assert by_name["disagreement only"][name] == 10 * name.endswith("_disagree")
        assert by_name["sorting only"][name] == 10 * (("_same_" in name) == name.endswith("_agree"))


def text(**changes: object) -> str:
    """A table of scores in TOML; None leaves a class out."""
    given = {name.removeprefix("c_"): 5 for name in CLASSES} | changes
    return '[[rules]]\nname = "own"\nwhy = "ours"\n' + "\n".join(f"{k} = {v}" for k, v in given.items() if v is not None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (text(same_none_agree=None), "table of scores 'own': got 7 classes; expected each of the eight once; wrong: same_none_agree"),
        (text(odd=1), "table of scores 'own': got 9 classes; expected each of the eight once; wrong: odd"),
        (text(same_none_agree=11), "table of scores 'own': same_none_agree: got 11; expected 0 to 10"),
        (text(same_none_agree=-1), "table of scores 'own': same_none_agree: got -1; expected 0 to 10"),
        (text(same_none_agree="true"), "table of scores 'own': same_none_agree: got True; expected 0 to 10"),
        (text(same_none_agree='"6"'), "table of scores 'own': same_none_agree: got '6'; expected 0 to 10"),
        (text(same_none_agree="nan"), "table of scores 'own': same_none_agree: got nan; expected 0 to 10"),
        ("", "tables of scores: got the names []; expected at least one, all different"),
        (text() + "\n" + text(), "tables of scores: got the names ['own', 'own']; expected at least one, all different"),
    ],
)
def test_a_table_that_is_not_whole_is_refused(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(given)
    assert str(error.value) == message


def test_a_class_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        read(text() + "\nsame_none_agree = 4")


def test_the_middle_keeps_both_its_ends() -> None:
    assert (score.LOW, score.HIGH) == (2.5, 7.5)
