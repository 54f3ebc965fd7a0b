"""An annotator's errors carried through: imputation by hand and by enumeration, Rubin's rules against their formulas."""

import json
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from barograph import polarization
from barograph.errors import ConfigError
from barograph.polarization.errors import IMPUTATIONS, Confusion, combined, imputed, read_confusion
from barograph.polarization.score import rules
from tests.polarization.frames import DAY, pair, read

NOW = datetime(2024, 3, 10)
STANCE = ("first", "second", "none", "unclear")


def confusion(question: str, counts: Any, answers: tuple[str, ...] = STANCE, **more: str) -> Confusion:
    given = {"annotator": "desk", "prompt_version": "v1"} | more
    return Confusion(question, given["annotator"], given["prompt_version"], answers, np.array(counts, dtype=float))


def ids(n: int) -> pl.Series:
    return pl.Series([f"p{i}" for i in range(n)])


# --- imputation ---


def test_answers_are_drawn_as_often_as_they_were_true() -> None:
    """Of 10,000 read as first 7,000 were first, 2,000 second, 1,000 took no side."""
    matrix = confusion("stance", [[7000, 0, 0, 0], [2000, 500, 0, 0], [1000, 0, 9, 0], [0, 0, 0, 0]])
    got = imputed(ids(4000), pl.Series(["first"] * 4000), matrix, n=10)
    shares = [(got == place).mean() for place in (0, 1, -1)]
    # Of 40,000 numbers with one probability each imputation: four standard errors of a share and of the probability.
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=4 * (0.21 / 40_000 + 0.21 / 100_000) ** 0.5)


def test_what_is_not_a_side_stays_none_and_a_perfect_annotator_is_believed() -> None:
    perfect = confusion("stance", np.eye(4) * 1_000_000)
    answers = pl.Series(["first", "second", "none", "unclear", None, "odd"])
    assert imputed(ids(6), answers, perfect).tolist() == [[0, 1, -1, -1, -1, -1]] * IMPUTATIONS
    useless = confusion("stance", np.ones((4, 4)))
    assert (imputed(ids(6), answers, useless)[:, 2:] == -1).all()


def test_little_validation_says_little() -> None:
    """One label alone, and right: the other answers stay possible. With a thousand they hardly do."""
    few, many = (
        imputed(ids(2000), pl.Series(["first"] * 2000), confusion("stance", np.diag([n, n, n, n]))) for n in (1, 1000)
    )
    spread = [(got == 0).mean(axis=1) for got in (few, many)]
    assert spread[0].mean() < 0.85  # Dirichlet(1.25, .25, .25, .25): mean 1.25 / 2
    assert spread[0].std() > 0.1
    assert spread[1].mean() > 0.995
    assert few.shape == (IMPUTATIONS, 2000)


def test_an_answer_never_seen_in_validation_may_be_anything() -> None:
    got = imputed(ids(50), pl.Series(["second"] * 50), confusion("stance", np.diag([50, 0, 0, 0])), n=5000)
    assert [(got == place).mean() for place in (0, 1, -1)] == pytest.approx([0.25, 0.25, 0.5], abs=0.02)


def test_a_post_is_drawn_alike_wherever_it_stands() -> None:
    matrix = confusion("stance", [[5, 5, 0, 0], [5, 5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    answers = pl.Series(["first", "second"] * 50)
    got = imputed(ids(100), answers, matrix)
    order = np.random.default_rng(1).permutation(100)
    assert (imputed(ids(100).gather(order), answers.gather(order), matrix) == got[:, order]).all()
    assert (imputed(pl.Series(["x", "x"]), pl.Series(["first", "first"]), matrix).std(axis=1) == 0).all()
    other = confusion("affect", matrix.counts[:2, :2], ("yes", "no"))
    as_affect = imputed(ids(100), pl.Series(["yes", "no"] * 50), other)
    assert (as_affect != got).any()  # the questions of one post are drawn apart


# --- Rubin's rules ---


def test_rubins_rules_by_hand() -> None:
    # Estimates 1, 2, 3 with variances .5, .5, 2: mean 2, within 1, between 1, total 1 + 4/3.
    mean, variance, df = combined(np.array([[1.0], [2], [3]]), np.array([[0.5], [0.5], [2]]), np.array([20.0]))
    assert (mean[0], variance[0]) == (2, pytest.approx(7 / 3))
    part = (4 / 3) / (7 / 3)
    assert df[0] == pytest.approx(1 / (1 / (2 / part**2) + 1 / (21 / 23 * 20 * (1 - part))))


def test_imputations_that_agree_change_nothing_and_those_without_a_value_are_left_out() -> None:
    mean, variance, df = combined(np.full((5, 1), 4.0), np.full((5, 1), 0.3), np.array([9.0]))
    assert (mean[0], variance[0], df[0]) == (4, pytest.approx(0.3), 9)
    one = combined(np.array([[np.nan], [4.0]]), np.array([[np.nan], [0.3]]), np.array([9.0]))
    assert [float(x[0]) for x in one] == [4, 0.3, 9]
    assert all(np.isnan(x[0]) for x in combined(np.full((2, 1), np.nan), np.full((2, 1), np.nan), np.array([9.0]))[:2])


# --- the whole ---


def row(rows: list[dict[str, Any]], **confusions: Confusion) -> dict[str, Any]:
    return polarization.polarization(
        "t", read(rows, **confusions), {"all": {}}, [DAY], now=NOW, minimum_authors=0
    ).row(0, named=True)  # fmt: skip


def test_the_mean_is_what_enumerating_all_true_answers_gives_and_its_error_is_wider() -> None:
    """Agreement is wrong in one of five: 10 becomes 8, as affect stays and the side too."""
    rows = [pair(f"c{i}", "c_same_affect_agree") for i in range(400)]
    matrix = confusion("agreement", [[8000, 1000], [2000, 9000]], ("agree", "disagree"))
    got, plain = row(rows, agreement=matrix), row(rows)
    assert plain["mean_score"] == 10
    assert got["mean_score"] == pytest.approx(0.8 * 10 + 0.2 * 8, abs=0.03)
    assert got["c_same_affect_disagree"] == pytest.approx(0.2, abs=0.015)
    assert plain["stderr"] == 0
    # One draw a conversation: variance of the mean within, and nearly as much again between imputations.
    within = 0.16 * 4 / 400
    assert within**0.5 < got["stderr"] < 2 * within**0.5
    assert (got["n_interactions"], got["n_abstained"]) == (400, 0)


def test_two_questions_wrong_at_once_are_what_enumerating_them_gives() -> None:
    rows = [pair(f"c{i}", "c_opposite_none_disagree") for i in range(600)]
    stance = confusion("stance", np.array([[9, 1, 0, 0], [1, 9, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) * 1000)
    affect = confusion("affect", np.array([[0, 3], [0, 7]]) * 1000, ("yes", "no"))
    got = row(rows, stance=stance, affect=affect)
    expected = 0.0
    for reply, parent, mine, theirs in product((0.9, 0.1), (0.9, 0.1), (0.3, 0.7), (0.3, 0.7)):
        same = (reply == 0.1) != (parent == 0.1)
        hostile = 0.3 in (mine, theirs)
        name = f"c_{'same' if same else 'opposite'}_{'affect' if hostile else 'none'}_disagree"
        expected += reply * parent * mine * theirs * rules()[0].scores[name]
    assert got["mean_score"] == pytest.approx(expected, abs=0.12)


def test_uncertain_validation_widens_the_interval() -> None:
    rows = [pair(f"c{i}", "c_same_none_agree") for i in range(160)]
    matrices = [
        confusion("agreement", np.array([[4, 1], [1, 4]]) * n, ("agree", "disagree")) for n in (1, 1000)
    ]
    few, many = (row(rows, agreement=matrix) for matrix in matrices)
    assert few["stderr"] > 3 * many["stderr"] > row(rows)["stderr"] == 0
    assert few["hi"] - few["lo"] > many["hi"] - many["lo"]


def test_the_source_says_whether_errors_are_carried_through() -> None:
    rows = [pair("a"), pair("b")]
    whole = {
        "stance": confusion("stance", np.eye(4)), "affect": confusion("affect", np.eye(2), ("yes", "no")),
        "agreement": confusion("agreement", np.eye(2), ("agree", "disagree")),
    }  # fmt: skip
    assert row(rows)["label_source"] == "desk"
    assert row(rows, **whole)["label_source"] == "desk; errors as validated"
    assert row(rows, stance=whole["stance"])["label_source"] == "desk; errors as validated in part"
    for other in ({"annotator": "night"}, {"prompt_version": "v0"}):  # errors of another annotator or prompt are not its own
        got = row(rows, stance=confusion("stance", np.ones((4, 4)), **other))
        assert got == row(rows)


# --- the file ---

FILE = {
    "task": "affect:climate", "annotator": "desk", "prompt_version": "v1",
    "questions": {"affect": {"answers": ["yes", "no", "unclear"], "counts": [[8, 1, 1], [2, 9, 0], [0, 0, 0]]}},
}  # fmt: skip


def test_a_file_of_validation_is_read(tmp_path: Path) -> None:
    path = tmp_path / "confusion.json"
    path.write_text(json.dumps(FILE))
    got = read_confusion(path, "affect")
    assert (got.question, got.annotator, got.prompt_version, got.answers) == ("affect", "desk", "v1", ("yes", "no", "unclear"))
    assert got.counts.tolist() == [[8, 1, 1], [2, 9, 0], [0, 0, 0]]


def question(**changes: Any) -> dict[str, Any]:
    return FILE | {"questions": {"affect": FILE["questions"]["affect"] | changes}}  # type: ignore[index]


COUNTS = "expected counts of affect, 3 rows (true) of as many (read)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], 'expected a JSON object with "task", "annotator", "prompt_version" and "questions"'),
        (FILE | {"task": "stance"}, "got the task 'stance'; expected affect"),
        (FILE | {"questions": {}}, "got None; expected answers, yes and no among them"),
        (question(answers=["yes"]), "got ['yes']; expected answers, yes and no among them"),
        (question(answers=["yes", "no", "no"]), "got ['yes', 'no', 'no']; expected answers, yes and no among them"),
        (question(counts=[[1, 2], [3, 4]]), COUNTS),
        (question(counts=[[1, 2, 3], [4, 5]]), COUNTS),
        (question(counts=[[1, 1, 1], [1, 1, 1], [1, 1, -1]]), COUNTS),
        (question(counts=[[0.5, 1, 1], [1, 1, 1], [1, 1, 1]]), COUNTS),
        (question(counts=[[0, 0, 0], [0, 0, 0], [0, 0, 0]]), COUNTS),
        (question(counts=None), COUNTS),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "confusion.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as error:
        read_confusion(path, "affect")
    assert str(error.value) == f"{path}: {message}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file or directory; expected a confusion matrix"):
        read_confusion(tmp_path / "none.json", "affect")
    (tmp_path / "text").write_text("{")
    with pytest.raises(ConfigError, match=r"text: not JSON"):
        read_confusion(tmp_path / "text", "affect")


def test_coverage_with_errors_known_is_that_of_the_truth() -> None:
    """100 samples of 60 conversations, read wrong in one of five of either answer; the interval holds the true mean."""
    rng, held, plain = np.random.default_rng(11), 0, 0
    matrix_of = np.array([[0.8, 0.2], [0.2, 0.8]])
    for _ in range(100):
        true = rng.random(60) < 0.7  # agree; 10 where it agrees, 8 where not, so 9.4
        said = np.where(rng.random(60) < matrix_of[0, 0], true, ~true)
        validated = rng.random(200) < 0.7
        read_as = np.where(rng.random(200) < 0.8, validated, ~validated)
        counts = [[(validated & read_as).sum(), (validated & ~read_as).sum()],
                  [(~validated & read_as).sum(), (~validated & ~read_as).sum()]]  # fmt: skip
        rows = [
            pair(f"c{i}", ("first", "first", "yes", "yes", "agree" if agree else "disagree")) for i, agree in enumerate(said)
        ]
        got = row(rows, agreement=confusion("agreement", counts, ("agree", "disagree")))
        as_read = row(rows)
        held += got["lo"] <= 9.4 <= got["hi"]
        plain += abs(as_read["mean_score"] - 9.4) <= stats.t.ppf(0.975, 59) * as_read["stderr"]
    assert held >= 90
    assert plain < held
