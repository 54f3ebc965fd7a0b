"""The corrected mean: by hand, beside ppi-python, and on simulated populations whose truth is known."""

import math
from typing import Any

import numpy as np
import ppi_py
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from barograph.correction import Crowd, Estimate, Sample, audited, corrected, labels_alone, labels_needed

Z, T3 = 1.959963984540054, 3.182446305284263


def sample(y: Any, f: Any, weight: Any = 1.0, author: Any = None, stratum: Any = 0) -> Sample:
    y = np.asarray(y, float)
    return Sample(
        y, np.asarray(f, float), np.broadcast_to(np.asarray(weight, float), y.shape),
        np.arange(len(y)) if author is None else np.asarray(author),
        np.broadcast_to(np.asarray(stratum, np.int64), y.shape),
    )  # fmt: skip


def crowd(f: Any, author: Any = None, hit: Any = None) -> Crowd:
    """Posts, one after another."""
    f = np.asarray(f, float)
    who, place = np.unique(np.arange(len(f)) if author is None else np.asarray(author), return_inverse=True)
    hits = np.zeros(len(f)) if hit is None else np.asarray(hit, float)
    return Crowd(who, *(np.bincount(place, v) for v in (np.ones(len(f)), f, hits)))


def test_five_labels_by_hand() -> None:
    # Authors 0–3 were labelled; author 0 twice, once with a weight of 2. Ten posts, one an author.
    labels = sample([1, 0, 0, 1, 0], [0.5, 0.5, 0, 1, 0], [2, 1, 1, 1, 1], [0, 0, 1, 2, 3])
    everyone = crowd([0.5, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    found = corrected(labels, everyone, tuning=1)
    # Residuals ½, −½, 0, 0, 0 with weights 2, 1, 1, 1, 1: (1 − ½) / 6. Mean prediction ¼.
    assert found.prevalence == pytest.approx(0.25 + 0.5 / 6)
    r = 0.5 / 6
    by_labels = [(2 * (0.5 - r) + (-0.5 - r)) / 6, -r / 6, -r / 6, -r / 6] + [0] * 6
    by_posts = (np.array([0.5, 0, 1, 0, 0, 0, 1, 0, 0, 0]) - 0.25) / 10
    assert found.variance == pytest.approx(10 / 9 * ((by_labels + by_posts) ** 2).sum())
    alone = labels_alone(labels)
    assert alone.prevalence == pytest.approx(3 / 6)
    moved = np.array([(2 * 0.5 - 0.5) / 6, -0.5 / 6, 0.5 / 6, -0.5 / 6])
    assert alone.variance == pytest.approx(4 / 3 * (moved**2).sum())
    # Wilson at n = ¼ / variance, brought down by (z / t₃)².
    n = 0.25 / alone.variance * (Z / T3) ** 2
    half = Z / (1 + Z**2 / n) * math.sqrt(0.25 / n + Z**2 / (4 * n**2))
    assert (alone.lo, alone.hi) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_each_stratum_counts_with_its_part_of_the_day() -> None:
    # A fifth of the day has a hit. Of the labelled with one 3 of 5 express it, of the others 1 of 5.
    y, hit = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0], [1] * 5 + [0] * 5
    labels = sample(y, hit, [2] * 5 + [8] * 5, stratum=hit)
    everyone = crowd([1] * 10 + [0] * 40, hit=[1] * 10 + [0] * 40)
    for tuning in (0, 1, None):  # a hit is the stratum: nothing is left for λ to do
        assert corrected(labels, everyone, tuning=tuning).prevalence == pytest.approx(0.2 * 0.6 + 0.8 * 0.2)
    assert labels_alone(labels).prevalence == pytest.approx(0.28)
    # With hardly a label of its own no stratum is told apart, and the weights say how many posts stand for each.
    few = sample(y[:-1], hit[:-1], [2] * 5 + [10] * 4, stratum=hit[:-1])
    assert corrected(few, everyone, tuning=0).prevalence == pytest.approx((2 * 3 + 10) / 50)


@pytest.mark.parametrize("tuning", [0.0, 0.4, 1.0])
def test_it_is_that_of_ppi_python_where_authors_are_posts_and_all_are_drawn_alike(tuning: float) -> None:
    rng = np.random.default_rng(1)
    y = (rng.random(400) < 0.3).astype(float)
    f = np.clip(0.2 + 0.5 * y + rng.normal(0, 0.2, 400), 0, 1)
    rest = np.clip(0.35 + rng.normal(0, 0.3, 20_000), 0, 1)
    # Labelled posts of other days: of the day itself none, as ppi-python takes it.
    found = corrected(sample(y, f, author=np.arange(400) + len(rest)), crowd(rest), tuning=tuning)
    theirs = ppi_py.ppi_mean_pointestimate(y, f, rest, lam=tuning)
    assert found.prevalence == pytest.approx(float(theirs.item()))
    lo, hi = (float(bound[0]) for bound in ppi_py.ppi_mean_ci(y, f, rest, alpha=0.05, lam=tuning))
    assert 2 * Z * math.sqrt(found.variance) == pytest.approx(hi - lo, rel=0.005)
    # At 400 labels and a prevalence of .3 the normal interval is good, and ours near it.
    assert (found.lo, found.hi) == (pytest.approx(lo, abs=0.005), pytest.approx(hi, abs=0.005))


def test_its_tuning_is_near_that_of_ppi_python() -> None:
    rng = np.random.default_rng(2)
    y = (rng.random(4000) < 0.3).astype(float)
    f = 0.3 * y + rng.normal(0, 0.2, 4000)
    rest = 0.1 + rng.normal(0, 0.25, 40_000)
    found = corrected(sample(y, f, author=np.arange(4000) + len(rest)), crowd(rest))
    theirs = ppi_py.ppi_mean_pointestimate(y, f, rest)
    assert found.tuning == pytest.approx(np.cov(y, f)[0, 1] / (np.var(f) + 0.1 * np.var(rest)), abs=0.02)
    assert found.prevalence == pytest.approx(float(theirs.item()), abs=1e-3)


@hypothesis_settings(derandomize=True, max_examples=100)
@given(st.integers(10, 300), st.integers(0, 10_000), st.booleans())
def test_whatever_the_sample(n: int, seed: int, strata: bool) -> None:
    rng = np.random.default_rng(seed)
    f_all = rng.random(1000)
    hit, author = f_all > 0.7, rng.integers(300, size=1000)
    at = rng.choice(1000, n, replace=False)
    y = (rng.random(n) < rng.choice([0, 0.02, 0.3, 1])).astype(float)
    labels = sample(y, f_all[at], 1 + rng.random(n), author[at], hit[at].astype(int) * strata)
    everyone = crowd(f_all, author, hit)
    found, plain, alone = corrected(labels, everyone), corrected(labels, everyone, tuning=0), labels_alone(labels)
    for each in (found, plain, alone):
        assert 0 <= each.lo <= each.prevalence <= each.hi <= 1
        assert each.hi - each.lo > 0.001
        assert each.variance >= 0
    assert 0 <= found.tuning <= 1
    if not strata:
        assert plain.prevalence == pytest.approx(alone.prevalence)
        assert plain.variance == pytest.approx(alone.variance, rel=0.5 / n**0.5)
    # Weights say how many posts each stands for: only their proportions matter.
    thrice = corrected(labels._replace(weight=3 * labels.weight), everyone)
    assert tuple(thrice) == pytest.approx(tuple(found))


def test_predictions_that_are_the_labels_give_the_mean_of_all_posts() -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(5000) < 0.2).astype(float)
    author = rng.integers(2000, size=5000)
    at = rng.choice(5000, 200, replace=False)
    found = corrected(sample(truth[at], truth[at], author=author[at]), crowd(truth, author))
    assert found.prevalence == pytest.approx(truth.mean(), abs=0.005)
    assert found.tuning == pytest.approx(1, abs=0.06)
    # What is left is which posts there are, not which of them were labelled.
    posts_alone = labels_alone(sample(truth, truth, author=author)).variance
    assert found.variance < 1.4 * posts_alone
    assert labels_alone(sample(truth[at], truth[at], author=author[at])).variance > 15 * posts_alone


def test_rare_markers_are_no_certain_zero() -> None:
    found = labels_alone(sample(np.zeros(100), np.zeros(100)))
    assert (found.prevalence, found.lo) == (0, 0)
    assert 0.03 < found.hi < 0.045  # three in a hundred, and a little
    nothing = corrected(sample(np.zeros(100), np.zeros(100)), crowd(np.zeros(1000)))
    assert (nothing.prevalence, nothing.hi) == (0, pytest.approx(found.hi))


def test_audits_by_hand() -> None:
    found = Estimate(0.3, 0.01**2, 0.28, 0.32, 0.5)
    difference = np.array([-1, 0, 0, 0, 0, 0, 0, 0, 0, 0], float)
    mended = audited(found, difference, np.full(10, 7.0), np.arange(10))
    assert mended.prevalence == pytest.approx(0.2)
    variance = 10 / 9 * (0.9**2 + 9 * 0.1**2) / 100 + 0.1**2
    assert mended.variance == pytest.approx(0.01**2 + variance)
    half = math.sqrt(0.02**2 + variance * 2.2621571628**2)
    assert (mended.lo, mended.hi) == (0, pytest.approx(0.2 + half))
    # Fifty that all agree still may hide what one in fifty would show.
    agreed = audited(found, np.zeros(50), np.ones(50), np.arange(50))
    assert agreed.prevalence == pytest.approx(0.3)
    assert 0.03 < agreed.hi - 0.3 < 0.06


def test_how_many_labels_a_width_needs() -> None:
    assert labels_needed(0.05, 0.2, 0.3, 400) == 1600
    assert labels_needed(0.1, 0.2, 0.3, 400) in (400, 401)


def population(rng: np.random.Generator, rate: float, n: int) -> tuple[Sample, Crowd]:
    """Authors with leanings of their own, a lexicon that misses and errs, a sample with half of the hits."""
    size = rng.geometric(0.5, 1500)
    author = np.repeat(np.arange(1500), size)
    y = rng.random(len(author)) < rng.beta(3 * rate, 3 * (1 - rate), 1500)[author]
    hit = rng.random(len(author)) < np.where(y, 0.7, 0.05)
    p = np.where(hit, min(1, n / 2 / hit.sum()), n / 2 / (~hit).sum())
    drawn = rng.random(len(author)) < p
    f = np.where(hit, 0.5, 0.04)
    labels = sample(y[drawn], f[drawn], 1 / p[drawn], author[drawn], hit[drawn].astype(int))
    return labels, crowd(f, author, hit)


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.3])
def test_its_intervals_hold_the_truth(rate: float) -> None:
    rng = np.random.default_rng(int(100 * rate))
    held = {"corrected": 0, "alone": 0}
    for _ in range(300):
        labels, everyone = population(rng, rate, 200)
        for name, found in (("corrected", corrected(labels, everyone)), ("alone", labels_alone(labels))):
            held[name] += found.lo <= rate <= found.hi
    assert all(0.92 <= n / 300 <= 0.985 for n in held.values()), held
