"""Figures of agreement: by hand and against scikit-learn."""

import json
import re

import numpy as np
import pytest

from benchmarks import ranking, shares, summary
from tests.conftest import ROOT
from tests.lexicons.test_calibrate import GOOD


def test_rank_by_hand():
    """Positives 3, 1; negatives 2, 1, 0: of six pairs 3 > all, 1 > 0, 1 = 1, 1 < 2."""
    labels = np.array([True, True, False, False, False])
    found = ranking.rank([3, 1, 2, 1, 0], labels, np.ones((1, 5)))
    assert found.auc == pytest.approx((3 + 1 + 0.5) / 6)
    assert found.ap == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert found.auc_resampled.tolist() == [found.auc]


def test_rank_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle: pip install '.[bench]'")
    random = np.random.default_rng(3)
    labels = random.random(500) < 0.2
    scores = (random.normal(size=500) + labels).round(1)
    drawn = ranking.resamples(labels, 4)
    found = ranking.rank(scores, labels, drawn)
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert found.ap == pytest.approx(metrics.average_precision_score(labels, scores))
    for i, counts in enumerate(drawn):
        again = np.repeat(np.arange(500), counts.astype(int))
        assert found.auc_resampled[i] == pytest.approx(metrics.roc_auc_score(labels[again], scores[again]))
        assert found.ap_resampled[i] == pytest.approx(metrics.average_precision_score(labels[again], scores[again]))


def test_a_score_is_no_better_than_itself():
    labels = np.arange(20) < 5
    one = ranking.rank(np.arange(20), labels, ranking.resamples(labels, 10))
    assert ranking.difference(one, one) == (0, 0, 0)


def test_windows_have_the_base_rates_they_say():
    labels = np.arange(1000) < 200
    found = shares.windows(labels, 20)
    assert {kind: len(windows) for kind, windows in found.items()} == {"own": 20, "shifted": 40}
    assert labels[np.array(found["own"])].mean() == pytest.approx(0.2, abs=0.01)
    assert labels[np.array(found["shifted"][:20])].mean() == pytest.approx(0.1, abs=0.01)
    assert labels[np.array(found["shifted"][20:])].mean() == pytest.approx(0.4, abs=0.02)


def test_readings_by_hand():
    places = np.array([[0, 1, 2, 3], [0, 0, 0, 1]])
    hits = np.array([1, 0, 1, 0])
    assert shares.mean_of(hits)(places).tolist() == [0.5, 0.75]
    assert shares.line_of(hits, (2.0, -0.75))(places).tolist() == [0.25, 0.75]
    labels = np.array([True, False, False, False])
    errors = shares.errors(labels, [places], {"hits": shares.mean_of(hits)})
    assert errors == {"hits": pytest.approx((0.25 + 0.0) / 2)}


def test_an_adjusted_share_finds_the_base_rate_that_was_drawn():
    """Two levels: 60 % of positives and 10 % of negatives are at the upper one. Fitted at .2, drawn at .5."""
    upper, lower = 0.12 / 0.2, 0.08 / 0.8
    calibration = type(GOOD)("m", (0.5,), (round(lower, 5), round(upper, 5)), 0.2, 0.4, 0.15, "a test", "")
    evidence = np.array([1.0] * 60 + [0.0] * 40 + [1.0] * 10 + [0.0] * 90)
    read = shares.adjusted(calibration.probability(evidence), calibration)
    assert read(np.arange(200)[None, :])[0] == pytest.approx(0.5, abs=1e-3)


def test_a_straight_line_is_found():
    random = np.random.default_rng(6)
    labels = random.random(4000) < 0.3
    slope, intercept = shares.straight_line(labels, labels, 4)
    assert (slope, intercept) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    assert shares.straight_line(np.zeros(4000), labels, 4)[0] == 0


def test_aims_missed_are_named():
    where = {"set": "semeval", "marker": "joy"}
    ranks = [where | {"score": score, "auc": auc} for score, auc in (("hand", 0.7), ("vader", 0.9), ("nrc", 0.6))]
    alone = where | {"of": "hand", "to": "other", "is": "vader", "auc": 0.1, "low": 0.05, "high": 0.2}
    below = where | {"of": "hand_contrast", "to": "other", "is": "vader", "auc": -0.2, "low": -0.3, "high": -0.1}
    errors = {"hand hits": 0.2, "hand adjusted": 0.15, "vader hits": 0.25, "vader line": 0.1}
    prevalence = [where | {"rates": "own", "reading": reading, "error": error} for reading, error in errors.items()]
    measured = {"ranks": ranks, "differences": [alone, below], "prevalence": prevalence, "options": []}
    figures, misses = summary.summarise(measured)
    assert figures["semeval_auc_other"] == 0.9
    assert figures["semeval_own_error_adjusted"] == 0.15
    assert figures["n_semeval_own_error_adjusted"] == 1
    assert misses == [
        "semeval joy: hand_contrast − vader -0.200 [-0.300, -0.100]",
        "hand_contrast above the best other lexicon on 0% of sets and markers; expected 80%",
        "semeval, own base rates: adjusted error of shares 0.150; best public raw 0.250",
    ]
    assert "vader" in summary.table(measured)
    assert "hand_contrast: above the best other lexicon on 0 of 1, surely below on 1" in summary.table(measured)


def test_the_lists_alone_are_held_to_the_aim():
    alone = {"set": "semeval", "marker": "joy", "of": "hand", "to": "other", "is": "vader", "auc": -0.1, "low": -0.2, "high": -0.05}
    with_contrast = alone | {"of": "hand_contrast", "auc": 0.1, "low": 0.05, "high": 0.2}
    figures, misses = summary.summarise({"ranks": [], "differences": [alone, with_contrast], "prevalence": [], "options": []})
    assert (figures["hand_above_other_share"], figures["hand_contrast_above_other_share"]) == (0, 1)
    assert (figures["hand_surely_below_other_share"], figures["hand_contrast_surely_below_other_share"]) == (1, 0)
    assert misses == [
        "semeval joy: hand − vader -0.100 [-0.200, -0.050]",
        "hand above the best other lexicon on 0% of sets and markers; expected 80%",
    ]


def test_the_page_names_every_aim_that_was_missed():
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "benchmarks" / "validity.json").read_text(encoding="utf-8"))
    figures, misses = summary.summarise(measured)
    for said in misses:
        if found := re.fullmatch(r"(\w+?)(?:_val)?, (own|shifted) .* 0(\.\d+); best public raw 0(\.\d+)", said):
            name, rates, ours, public = found.groups()
            assert re.search(rf"(?i)\| {name}[^|]*\| {rates} \|[^|]*\| {ours} \| {public} ", page), said
        elif found := re.fullmatch(r"\w+ (\w+): hand − vader -0(\.\d+) .*", said):
            assert f"{found[1]} (−{found[2]})" in page.replace("\n", " "), said
        else:
            assert said.startswith("hand above the best other lexicon"), said
    for kind, name in (("hand", "the lists alone"), ("hand_contrast", r"read against their opposite \(.*\)")):
        n = figures[f"n_{kind}_above_other_share"]
        above, below = (round(n * figures[f"{kind}_{how}_other_share"]) for how in ("above", "surely_below"))
        assert re.search(rf"\| {name} \| {above} of {n} [^|]*\| {below} of {n} ", page)
