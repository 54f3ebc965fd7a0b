"""Days of polarization: by hand, against an independent implementation, and what is never published."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from barograph import polarization, tables
from barograph.polarization.conversations import changed, watched
from barograph.polarization.estimate import conversations, scores
from barograph.polarization.score import rules
from barograph.polarization.threads import roots
from barograph.tables import CLASSES
from tests.polarization.frames import ABSTAINS, AS, DAY, pair, read

NOW = datetime(2024, 3, 10)
SCORE = {name: rules()[0].scores[name] for name in CLASSES}


def day(rows: list[dict[str, Any]], minimum_authors: int = 0, **more: Any) -> dict[str, Any]:
    """The row of DAY in population all."""
    frame = polarization.polarization(
        "climate", read(rows), {"all": {}}, [DAY], now=NOW, minimum_authors=minimum_authors, **more
    )
    return frame.row(0, named=True)


@pytest.mark.parametrize("name", CLASSES)
def test_a_day_of_one_class_has_its_score_and_its_mix(name: str) -> None:
    got = day([pair(f"c{i}", name) for i in range(3)])
    assert (got["mean_score"], got[name], got["share_abstained"]) == (SCORE[name], 1, 0)
    assert sum(got[other] for other in CLASSES) == 1
    assert got["share_extreme"] == (SCORE[name] > 7.5)
    assert got["share_low"] == (SCORE[name] < 2.5)


def test_a_day_by_hand() -> None:
    rows = [
        pair("a", "c_same_affect_agree"), pair("a", "c_same_none_agree"),  # 10, 6: mean 8
        pair("b", "c_opposite_none_agree"),  # 0
        pair("c", "c_opposite_none_disagree"), pair("c", ABSTAINS),  # 4
        pair("d", ABSTAINS),  # none
    ]  # fmt: skip
    got = day(rows)
    assert (got["n_conversations"], got["n_interactions"], got["n_abstained"]) == (3, 4, 2)
    assert got["mean_score"] == pytest.approx((8 + 0 + 4) / 3)
    # Deviations 4, −4, 0 of three conversations: 3/2 · 32 / 9.
    assert got["stderr"] == pytest.approx((3 / 2 * 32 / 9) ** 0.5)
    assert got["share_extreme"] == pytest.approx(1 / 3)
    assert got["share_low"] == pytest.approx(1 / 3)
    assert got["share_abstained"] == pytest.approx(2 / 6)
    assert got["c_same_affect_agree"] == got["c_opposite_none_disagree"] == 0.25
    assert got["n_authors"] == 8
    assert got["missing_reason"] is None
    assert got["label_source"] == "desk"
    # Affect only: a (10, 0) 5, b 0, c 0. Disagreement only: 0, 0, 10. Symmetric: (10, 4) 7, 0, 4. Sorting only: 10, 0, 10.
    # Dispute above echo chamber: (10, 4) 7, 0, 6.
    assert got["band_low"] == pytest.approx(5 / 3)
    assert got["band_high"] == pytest.approx(20 / 3)
    assert (got["extreme_band_low"], got["extreme_band_high"]) == (0, pytest.approx(2 / 3))


def test_interactions_are_weighted_within_a_conversation_and_conversations_by_their_chance_to_be_seen() -> None:
    rows = [
        pair("a", "c_same_affect_agree", p=0.5), pair("a", "c_opposite_none_agree", p=0.25),  # (2·10 + 4·0)/6
        pair("a", None, p=0.5, drawn=False),  # counts for how likely the conversation is seen
        pair("b", "c_same_none_agree", p=0.1),
    ]  # fmt: skip
    got = day(rows)
    seen = 1 - 0.5 * 0.75 * 0.5, 0.1
    score = 20 / 6, 6
    assert got["mean_score"] == pytest.approx((score[0] / seen[0] + score[1] / seen[1]) / (1 / seen[0] + 1 / seen[1]))
    assert got["c_same_affect_agree"] == pytest.approx(2 / 16)
    assert got["c_same_none_agree"] == pytest.approx(10 / 16)


def test_the_mean_over_all_samples_is_that_of_all_conversations() -> None:
    """Every sample of four replies enumerated: the weights undo how likely each conversation is seen."""
    classes = ["c_same_affect_agree", "c_same_affect_agree", "c_same_affect_agree", "c_opposite_none_agree"]
    names, p = ["a", "a", "a", "b"], 0.5
    total = weight = 0.0
    for chosen in range(16):
        drawn = [bool(chosen >> i & 1) for i in range(4)]
        rows = [pair(n, c, p=p, drawn=d) for n, c, d in zip(names, classes, drawn, strict=True)]
        found = read(rows)
        of = conversations(found, np.zeros(4, np.int64), 1)
        score = scores(of, found.codes, rules()[0].array)[0]
        there = ~np.isnan(score)
        total += (of.weight[there] * score[there]).sum() / 16
        weight += of.weight[there].sum() / 16
    assert weight == pytest.approx(2)  # the expected sum of weights is the number of conversations
    assert total / weight == pytest.approx(5)  # (10 + 0) / 2: three replies do not make a conversation three


@pytest.mark.parametrize(
    ("classes", "where"),
    [
        (("c_same_affect_agree", "c_same_affect_agree", "c_same_affect_disagree", "c_same_none_disagree"), "middle"),  # 7.5
        (("c_same_affect_agree", "c_same_affect_agree", "c_same_affect_disagree", "c_opposite_none_disagree"), "extreme"),  # 8
        (("c_same_none_disagree", "c_opposite_none_disagree", "c_same_none_disagree", "c_same_none_disagree"), "middle"),  # 2.5
        (("c_same_none_disagree", "c_same_none_disagree", "c_opposite_none_agree", "c_opposite_none_disagree"), "low"),  # 2
    ],
)
@pytest.mark.parametrize("p", [1.0, 0.3, 1 / 3, 0.07])
def test_a_conversation_at_a_border_is_counted_once(classes: tuple[str, ...], where: str, p: float) -> None:
    got = day([pair("a", name, p=p) for name in classes])
    assert (got["share_low"], got["share_extreme"]) == (float(where == "low"), float(where == "extreme"))


def test_the_standard_error_is_that_of_a_naive_implementation() -> None:
    rng = np.random.default_rng(5)
    rows = [
        pair(f"c{rng.integers(12)}", CLASSES[rng.integers(8)] if rng.random() < 0.8 else ABSTAINS, p=float(rng.choice([0.1, 0.4, 1])),
             drawn=bool(rng.random() < 0.7))
        for _ in range(80)
    ]  # fmt: skip
    got = day(rows)
    seen: dict[str, float] = {}
    inside: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        seen[row["conversation"]] = seen.get(row["conversation"], 1.0) * (1 - row["inclusion_probability"])
        name = next((n for n, answers in AS.items() if answers == row["given"]), None)
        if row["drawn"] and name:
            inside.setdefault(row["conversation"], []).append((1 / row["inclusion_probability"], SCORE[name]))
    y = {name: sum(w * s for w, s in many) / sum(w for w, _ in many) for name, many in inside.items()}
    w = {name: 1 / (1 - seen[name]) for name in y}
    mean = sum(w[n] * y[n] for n in y) / sum(w.values())
    variance = len(y) / (len(y) - 1) * sum((w[n] * (y[n] - mean)) ** 2 for n in y) / sum(w.values()) ** 2
    assert got["n_conversations"] == len(y)
    assert got["mean_score"] == pytest.approx(mean)
    assert got["stderr"] == pytest.approx(variance**0.5)
    assert got["share_extreme"] == pytest.approx(sum(w[n] for n in y if y[n] > 7.5) / sum(w.values()))
    n = (mean / 10) * (1 - mean / 10) / (variance / 100) * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, len(y) - 1)) ** 2
    z, p = stats.norm.ppf(0.975), mean / 10
    middle, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert [got["lo"], got["hi"]] == pytest.approx([10 * (middle - half) / (1 + z**2 / n), 10 * (middle + half) / (1 + z**2 / n)])


@settings(max_examples=60, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([*AS.values(), ABSTAINS]), st.sampled_from([0.2, 0.5, 1.0])),
        min_size=1, max_size=12,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_values_stay_in_their_ranges_and_do_not_depend_on_order(rows, shuffled) -> None:
    pairs = [pair(c, a, p=p, post_id=f"r{i}", parent_id=f"p{i}") for i, (c, a, p) in enumerate(rows)]
    got = day(pairs)
    scored = sum(answers != ABSTAINS for _, answers, _ in rows)
    assert (got["n_interactions"], got["n_abstained"]) == (scored, len(rows) - scored)
    assert (got["mean_score"] is None) == (scored == 0) == (got["missing_reason"] == "all reply pairs abstained")
    if scored:
        assert 0 <= got["lo"] <= got["mean_score"] <= got["hi"] <= 10
        assert 0 <= got["share_extreme_lo"] <= got["share_extreme"] <= got["share_extreme_hi"] <= 1
        assert got["band_low"] <= got["band_high"]
        assert sum(got[name] for name in CLASSES) == pytest.approx(1)
    shuffled.shuffle(pairs)
    assert day(pairs) == got


def test_one_more_that_abstains_moves_nothing_but_the_share_that_abstained() -> None:
    rows = [pair("a", "c_same_affect_agree"), pair("b", "c_same_none_agree"), pair("c", "c_opposite_none_agree")]
    before, after = day(rows), day([*rows, pair("a", ABSTAINS)])
    differ = {name for name in before if before[name] != after[name]}
    assert differ == {"n_abstained", "share_abstained"}


def test_a_pair_that_was_not_wholly_asked_waits() -> None:
    rows = [pair("a", "c_same_affect_agree"), pair("b", None)]
    assert (day(rows)["n_interactions"], day(rows)["n_abstained"]) == (1, 0)


def test_answers_on_another_pair_or_task_do_not_count() -> None:
    got = read([pair("a", ("first", "first", "agree", "no", "agree"))])  # an answer of another question
    assert got.read.tolist() == [-1]


def test_a_post_in_two_pairs_is_the_same_post_in_both() -> None:
    rows = [
        pair("a", ("first", "second", "no", "no", "disagree"), post_id="x", parent_id="top"),
        pair("a", ("second", "second", "no", "yes", "agree"), post_id="y", parent_id="x"),
    ]
    got = day(rows)
    assert got["c_opposite_none_disagree"] == got["c_same_affect_agree"] == 0.5


# --- who and when ---


def test_each_population_and_day_has_a_row_and_says_why_it_is_empty() -> None:
    rows = [
        pair("a", community="x"), pair("b", community="x", drawn=False), pair("c", community="y", drawn=False, p=0.5),
        pair("d", ABSTAINS, community="x", day=DAY + timedelta(1)),
    ]  # fmt: skip
    who = {"all": {}, "x": {"community": ["x"]}, "y": {"community": ["y"]}, "z": {"community": ["z"]}}
    days = [DAY, DAY + timedelta(1), DAY + timedelta(2)]
    got = polarization.polarization("climate", read(rows), who, days, now=NOW, minimum_authors=0)
    reasons = {(row["population"], (row["time_value"] - DAY).days): row["missing_reason"] for row in got.iter_rows(named=True)}
    assert reasons == {
        ("all", 0): None, ("all", 1): "all reply pairs abstained", ("all", 2): "no reply pairs",
        ("x", 0): None, ("x", 1): "all reply pairs abstained", ("x", 2): "no reply pairs",
        ("y", 0): "no reply pairs read", ("y", 1): "no reply pairs", ("y", 2): "no reply pairs",
        ("z", 0): "no reply pairs", ("z", 1): "no reply pairs", ("z", 2): "no reply pairs",
    }  # fmt: skip


def test_few_authors_are_not_shown_and_the_mean_never_stands_without_its_mix() -> None:
    def rows(n: int) -> list[dict[str, Any]]:
        return [pair(f"c{i}", "c_same_affect_agree") for i in range(n)]

    few, enough = day(rows(4), minimum_authors=10), day(rows(5), minimum_authors=10)
    assert (few["n_authors"], few["missing_reason"], enough["missing_reason"]) == (8, "fewer than 10 authors", None)
    values = [
        name for name, column in tables.POLARIZATION.columns.items()
        if column.dtype == pl.Float64
    ]  # fmt: skip
    assert {few[name] for name in values} == {None}
    assert None not in {enough[name] for name in values}


def test_what_abstained_is_told_of_enough_authors_alone() -> None:
    rows = [pair(f"c{i}", ABSTAINS) for i in range(5)]
    assert day(rows, minimum_authors=10)["share_abstained"] == 1
    assert day(rows[:4], minimum_authors=10)["share_abstained"] is None
    assert day(rows[:4], minimum_authors=10)["missing_reason"] == "fewer than 10 authors"


def test_people_are_counted_once_and_those_who_are_not_known_not_at_all() -> None:
    rows = [
        pair("a", author="ana", parent_author="ben"), pair("b", author="ben", parent_author="ana"),
        pair("c", author=None, parent_author="cleo"), pair("d", ABSTAINS, author="dan", parent_author="eve"),
    ]  # fmt: skip
    assert day(rows)["n_authors"] == 3


def test_one_conversation_has_no_standard_error_but_wide_bounds() -> None:
    got = day([pair("a", "c_same_affect_agree")])
    assert (got["mean_score"], got["stderr"]) == (10, None)
    assert got["lo"] < 2
    assert got["hi"] == 10


# --- what is watched ---


def test_the_share_of_extreme_conversations_is_a_line_of_series() -> None:
    frame = polarization.polarization(
        "climate", read([pair("a", "c_same_affect_agree"), pair("b")]), {"all": {}}, [DAY, DAY + timedelta(1)], now=NOW, minimum_authors=0
    )
    first, second = watched(frame, now=NOW, closing_hours=6).sort("time_value").iter_rows(named=True)
    assert first == {
        "marker": "polarization:climate", "population": "all", "unit": "interactions", "method": "annotator", "time_value": DAY,
        "value_kind": "share", "prevalence": 0.5, "stderr": pytest.approx(0.5), "lo": first["lo"], "hi": first["hi"], "n_posts": 2,
        "n_authors": 4, "provisional": False, "missing_reason": None, "label_source": "desk", "issue": NOW,
    }  # fmt: skip
    assert (second["prevalence"], second["missing_reason"]) == (None, "no reply pairs")


def test_only_what_changed_is_issued_again() -> None:
    frame = polarization.polarization("t", read([pair("a"), pair("b", day=DAY + timedelta(1))]), {"all": {}}, [DAY, DAY + timedelta(1)],
                                      now=NOW, minimum_authors=0)  # fmt: skip
    later = frame.with_columns(issue=pl.lit(datetime(2024, 3, 11)))
    assert changed(later, frame, tables.POLARIZATION).height == 0
    moved = later.with_columns(pl.when(pl.col("time_value") == DAY).then(1.5).otherwise("mean_score").alias("mean_score"))
    assert changed(moved, frame, tables.POLARIZATION)["time_value"].to_list() == [DAY]


# --- conversations ---


def links(*pairs: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"post": pl.UInt64, "parent": pl.UInt64}, orient="row")


def test_replies_lead_to_the_first_post_that_is_known() -> None:
    got = dict(roots(links((2, 1), (3, 2), (4, 2), (9, 8))).iter_rows())
    assert got == {2: 1, 3: 1, 4: 1, 9: 8}
    assert roots(links()).height == 0


def test_a_long_chain_is_one_conversation() -> None:
    got = roots(links(*((i + 1, i) for i in range(5, 3000))))
    assert got["conversation"].unique().to_list() == [5]


def test_replies_that_lead_back_to_themselves_are_one_conversation() -> None:
    got = dict(roots(links((7, 9), (9, 8), (8, 7), (1, 9), (5, 1), (4, 4))).iter_rows())
    assert got == {7: 7, 9: 7, 8: 7, 1: 7, 5: 7, 4: 4}


@settings(max_examples=100, derandomize=True)
@given(st.dictionaries(st.integers(0, 30), st.integers(0, 30), max_size=30))
def test_roots_are_those_of_walking_up(parents: dict[int, int]) -> None:
    got = dict(roots(links(*parents.items())).iter_rows())
    for post in parents:
        walked, at = [], post
        while at in parents and at not in walked:
            walked.append(at)
            at = parents[at]
        assert got[post] == (at if at not in walked else min(walked[walked.index(at) :]))
