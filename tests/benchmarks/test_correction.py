"""The benchmark of corrected prevalence: its samples are what they say, its figures by hand."""

import numpy as np
import polars as pl
import pytest

from benchmarks.correction import Kind, Posts, bands, crowd, drawn, figures, kinds, measured, missed, population


def test_populations_are_made_at_their_rate_and_samples_drawn_at_theirs() -> None:
    rng = np.random.default_rng(1)
    kind = Kind(rate=0.2, spread=5, found=0.8, wrong=0.05, probability=False, n=400, strata=True)
    several = [population(rng, kind) for _ in range(20)]
    assert np.mean([posts.label.mean() for posts in several]) == pytest.approx(0.2, abs=0.01)
    assert np.mean([posts.hit[posts.label == 1].mean() for posts in several]) == pytest.approx(0.8, abs=0.01)
    for strata in (False, True):
        samples = [drawn(rng, posts, 400, strata=strata) for posts in several]
        assert np.mean([len(one.label) for one in samples]) == pytest.approx(400, abs=15)
        sizes = [len(posts.label) for posts in several]
        assert np.mean([one.weight.sum() for one in samples]) == pytest.approx(np.mean(sizes), rel=0.03)
        assert np.mean([one.stratum.mean() for one in samples]) == pytest.approx(0.5 * strata, abs=0.03)
    made = kinds(rng, 500)
    assert all(0.02 <= one.rate <= 0.3 and one.n >= 100 for one in made)


def test_a_crowd_is_its_posts_by_author() -> None:
    posts = Posts(np.array([0, 0, 2]), np.array([1.0, 0, 0]), np.array([0.5, 0.25, 1]), np.array([True, True, False]))
    found = crowd(posts)
    assert found.size.tolist() == [2, 0, 1]
    assert found.prediction.tolist() == [0.75, 0, 1]
    assert found.in_stratum.tolist() == [2, 0, 0]


def row(corrected: float, alone: float, *, held: bool = True, alike: float = 0.7) -> dict[str, object]:
    return {"rate": 0.04, "n": 100, "strata": False, "alike": alike, "corrected": corrected, "alone": alone, "uniform": 2 * alone,
            "held": held, "held_alone": True, "width": 0.1, "width_alone": 0.2}  # fmt: skip


def test_figures_and_what_they_miss() -> None:
    rows = pl.DataFrame([row(1, -1), row(-1, 1, held=False), row(2, 2, alike=-0.1)])
    told = figures(rows)
    assert told == {
        "samples": 3, "coverage": 0.6667, "coverage_alone": 1, "over_alone": 1, "over_uniform": 0.5, "width_over_alone": 0.5,
    }  # fmt: skip
    assert set(bands(rows, "band")) == {"r 0.0–0.2", "r 0.6–1.0"}
    assert set(bands(rows, "rates", "labels")) == {"p .02–.05 n 100"}
    assert missed("here", told) == ["here: 95 % intervals hold 66.7%; expected 93 to 97 %"]
    worse = {**told, "coverage": 0.95, "over_alone": 1.06, "over_uniform": 0.81}
    assert len(missed("here", worse)) == 1
    assert len(missed("here", worse, alike=True)) == 2
    assert missed("here", {**worse, "over_alone": 1.05, "over_uniform": 0.8}, alike=True) == []


def test_one_sample_is_measured() -> None:
    rng = np.random.default_rng(2)
    kind = Kind(rate=0.3, spread=5, found=0.8, wrong=0.05, probability=True, n=200, strata=True)
    found = measured(rng, population(rng, kind), 0.3, 200, strata=True)
    assert found["published"]
    assert abs(found["corrected"]) < 4
    assert 0.5 < found["alike"] < 1
