"""Calibration: hand arithmetic, scikit-learn as the oracle, what holds for any evidence, and files that are wrong."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lexicons
from barograph.errors import ConfigError
from lexicons.calibrate import LEVELS, Calibration, calibrated, evidence, fit, read_calibration, write_calibration
from lexicons.lexicon import Lexicon
from lexicons.match import match

GOOD = Calibration("anger", (0.5, 1.0), (0.1, 0.4, 0.9), 0.2, 0.6, 0.1, "posts made up for a test", "0123456789ab")


def made_up(marker="anger", calibration=GOOD):
    terms = pl.DataFrame({"term": ["angry", "furious"], "marker": marker, "weight": [1.0, 2.0]})
    return Lexicon(f"{marker}_en", "en", "0123456789ab", terms, calibration=calibration)


def posts(*texts):
    return pl.DataFrame({"post_id": [f"p{i}" for i in range(len(texts))], "text": list(texts)}, schema={"post_id": pl.String, "text": pl.String})


def test_by_hand():
    """Evidence 0 of 100 posts, 10 positive; evidence 1 of 50, 20 positive; evidence 2 of 50, 15: the last two pool."""
    x = np.repeat([0.0, 1.0, 2.0], [100, 50, 50])
    y = np.concatenate([np.arange(100) < 10, np.arange(50) < 20, np.arange(50) < 15])
    found = fit(x, y)
    assert found.cuts == (0.5,)
    assert found.probabilities == (0.1, 0.35)
    assert found.base_rate == 45 / 200


def test_tpr_and_fpr_by_hand():
    """Every fold has the same posts, so that leaving one out changes nothing: 5 × (8 at 0 with 2 positive, 8 at 1 with 6)."""
    x = np.repeat([0.0, 1.0], [8, 8]).repeat(5)
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0]).repeat(5)
    found = fit(x, y)
    assert found.probabilities == (0.25, 0.75)
    assert found.tpr == pytest.approx((2 * 0.25 + 6 * 0.75) / 8)
    assert found.fpr == pytest.approx((6 * 0.25 + 2 * 0.75) / 8)


def test_a_step_takes_25_posts():
    x = np.repeat([0.0, 1.0], [100, 3])
    y = np.concatenate([np.arange(100) < 10, np.ones(3)])
    assert fit(x, y).probabilities == (round(13 / 103, 5),)


@given(seed=st.integers(0, 10**6), n=st.integers(60, 400), digits=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_what_holds_for_any_evidence(seed, n, digits):
    random = np.random.default_rng(seed)
    x = random.normal(size=n).round(digits)
    y = random.random(n) < 1 / (1 + np.exp(1 - 2 * x))
    y[:2] = [True, False]
    found = fit(x, y)
    assert len(found.probabilities) <= LEVELS
    p = found.probability(np.sort(x))
    assert (np.diff(p) >= 0).all() and p.min() >= 0 and p.max() <= 1
    assert found.probability(x).mean() == pytest.approx(y.mean(), abs=2e-5)
    assert found.base_rate == pytest.approx(y.mean(), abs=1e-5)


def test_isotonic_regression_of_scikit_learn_where_steps_are_few():
    sklearn = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is the oracle: pip install '.[bench]'")
    random = np.random.default_rng(4)
    x = random.integers(0, 9, 3000).astype(float)
    y = random.random(3000) < x / 10
    expected = sklearn.IsotonicRegression().fit(x, y).predict(x)
    np.testing.assert_allclose(fit(x, y).probability(x), expected, atol=1e-5)


def test_few_steps_cost_little():
    """16 steps instead of hundreds: the squared error grows by less than a hundredth."""
    sklearn = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is the oracle: pip install '.[bench]'")
    random = np.random.default_rng(5)
    x = random.normal(size=20_000)
    y = random.random(20_000) < 1 / (1 + np.exp(2 - x))
    best = ((sklearn.IsotonicRegression().fit(x, y).predict(x) - y) ** 2).mean()
    assert ((fit(x, y).probability(x) - y) ** 2).mean() < 1.01 * best


@pytest.mark.parametrize(
    ("x", "y"),
    [([0, 1], [1, 1]), ([0, 1], [0, 2]), ([0, np.nan], [0, 1]), ([0, 1, 2], [0, 1]), ([], [])],
)
def test_labels_and_evidence_that_cannot_be_fitted(x, y):
    with pytest.raises(ConfigError, match="expected finite evidence and labels 0 and 1 of one shape"):
        fit(x, y)


def test_evidence_is_weight_over_the_square_root_of_the_tokens():
    three = posts("angry and furious today", "angry", "calm")
    found = evidence(three, match(three, made_up()))
    assert found.rows() == [("p0", "anger", 3 / 2), ("p1", "anger", 1.0)]


def test_calibrated_is_dense_over_posts_and_markers():
    some = posts("furious", "angry at the very long and quiet day", "calm", None, "")
    lists = [made_up(), made_up("hate", replace(GOOD, marker="hate", probabilities=(0.0, 0.5, 1.0))), made_up("joy", None)]
    found = calibrated(some, match(some, lists), lists)
    assert found.columns == ["post_id", "marker", "probability"]
    # angry / √8 = .35, below the first cut; a post of NULL or nothing has evidence 0.
    assert found.rows() == [
        *[(f"p{i}", "anger", p) for i, p in enumerate([0.9, 0.1, 0.1, 0.1, 0.1])],
        *[(f"p{i}", "hate", p) for i, p in enumerate([1.0, 0.0, 0.0, 0.0, 0.0])],
    ]


def test_calibrated_knows_a_marker_that_no_post_has():
    some = posts("calm", "quiet")
    assert calibrated(some, match(some, made_up()), made_up())["probability"].to_list() == [0.1, 0.1]


def test_calibrated_takes_post_ids_as_categories():
    some = posts("furious", "calm")
    found = match(some, made_up()).with_columns(pl.col("post_id").cast(pl.Categorical))
    assert calibrated(some, found, made_up())["probability"].to_list() == [0.9, 0.1]


def test_two_calibrations_of_one_marker():
    some, both = posts("angry"), [made_up(), made_up(calibration=replace(GOOD, cuts=(0.5, 2.0)))]
    with pytest.raises(ConfigError, match="got two calibrations of 'anger'; expected lexicons of one language at a time"):
        calibrated(some, match(some, both), both)


def test_two_languages_may_share_a_calibration():
    some, both = posts("angry"), [made_up(), made_up(calibration=replace(GOOD, version="another", fitted_on="the same"))]
    assert calibrated(some, match(some, both), both)["probability"].to_list() == [0.9]


def test_no_posts_and_no_calibration():
    none = calibrated(posts(), match(posts(), made_up()), made_up())
    assert (none.height, none.columns) == (0, ["post_id", "marker", "probability"])
    assert calibrated(posts("angry"), match(posts("angry"), made_up()), made_up(calibration=None)).height == 0


def test_a_value_at_a_cut_belongs_to_the_step_above():
    assert GOOD.probability([0, 0.49, 0.5, 0.99, 1, 7]).tolist() == [0.1, 0.1, 0.4, 0.4, 0.9, 0.9]


def test_written_and_read(tmp_path):
    write_calibration(GOOD, tmp_path / "calibration.json")
    assert read_calibration(tmp_path / "calibration.json") == GOOD


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cuts": [1.0, 0.5]}, "got the cuts [1.0, 0.5]; expected increasing numbers"),
        ({"cuts": [0.5, 0.5]}, "got the cuts [0.5, 0.5]; expected increasing numbers"),
        ({"cuts": [0.5]}, "got 1 cuts and 3 probabilities; expected one probability more than cuts, at most 16"),
        ({"cuts": 0.5}, "got 0.5 as cuts; expected a list of numbers"),
        ({"probabilities": [0.1, 0.4, "high"]}, "got [0.1, 0.4, 'high'] as probabilities; expected a list of numbers"),
        ({"probabilities": [0.4, 0.1, 0.9]}, "got the probabilities [0.4, 0.1, 0.9]; expected none below the one before"),
        ({"probabilities": [0.1, 0.4, 1.2]}, "got [1.2]; expected probabilities, 0 to 1"),
        ({"base_rate": True}, "got True as base_rate; expected a number"),
        ({"tpr": -0.1}, "got [-0.1]; expected probabilities, 0 to 1"),
        ({"marker": 3}, "got 3 as marker; expected text"),
        ({"extra": 1}, "expected an object of marker, cuts, probabilities"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, change, said):
    path = tmp_path / "calibration.json"
    write_calibration(GOOD, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ConfigError) as error:
        read_calibration(path)
    assert str(error.value).startswith(f"{path}: ") and said in str(error.value)


@pytest.mark.parametrize("content", ["", "[1]", "{", "null", "\ud83d"])
def test_a_file_that_is_no_calibration(tmp_path, content):
    path = tmp_path / "calibration.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match="expected"):
        read_calibration(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_calibration(tmp_path / "calibration.json")


def test_a_calibration_of_other_terms_is_refused(tmp_path):
    (folder := tmp_path / "anger_en").mkdir()
    (folder / "terms.csv").write_text("term,marker,weight\nangry,anger,1\n")
    version = lexicons.read(folder / "terms.csv").version
    write_calibration(replace(GOOD, version=version), folder / "calibration.json")
    assert lexicons.find(str(folder / "terms.csv")).calibration == replace(GOOD, version=version)
    (folder / "terms.csv").write_text("term,marker,weight\nangry,anger,1\nfurious,anger,1\n")
    with pytest.raises(ConfigError, match=f"got a calibration of the terms of version '{version}'; expected .* fit it anew"):
        lexicons.find(str(folder / "terms.csv"))


@pytest.mark.parametrize("name", lexicons.names())
def test_ours_were_calibrated_with_the_terms_they_have(name):
    """After a change of terms, `python -m lexicons.train` fits calibrations anew."""
    lexicon = lexicons.load(name)
    if found := lexicon.calibration:
        assert found.version == lexicon.version
        assert found.marker in lexicon.terms["marker"].to_list()
        assert found.tpr > found.fpr
        assert found.fitted_on.startswith("GoEmotions, training part")
