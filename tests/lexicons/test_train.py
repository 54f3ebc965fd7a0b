"""Learned lexicons: what ships says what was learned, and the file gives the score."""

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lexicons
from lexicons import load, match, names
from lexicons.goemotions import MARKERS, NAMES

LEARNED = [name for name in names() if name.endswith("_learned")]
HOME = Path(lexicons.__file__).parent
TEXTS = (
    "i am so angry and sad that i want to cry",
    "thank you this made me laugh so hard i love it",
    "what do you mean i don't understand this at all",
    "i'm so sorry i forgot i feel terrible about it",
    "no worries at least it works now what a relief",
    "wow i did not expect that i'm scared of what comes next",
)


def slow_weight(text, weights):
    """Sum over runs of words that are terms, but for those inside a longer one; everything looked at, one by one."""
    words = text.split()
    runs = [(i, j) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    found = [(i, j) for i, j in runs if " ".join(words[i:j]) in weights]
    within = {(i, j) for i, j in found for a, b in found if a <= i and j <= b and b - a > j - i}
    return sum(weights[" ".join(words[i:j])] for i, j in found if (i, j) not in within and not hidden(found, i, j, weights, words))


def hidden(found, i, j, weights, words):
    """Whether an exception holds these words: then nothing counts there."""
    return any(a <= i and j <= b and weights[" ".join(words[a:b])] == 0 for a, b in found)


@pytest.mark.parametrize("name", LEARNED)
def test_the_file_gives_the_score(name):
    lexicon = load(name)
    plain = lexicon.terms.filter(~pl.col("term").str.contains(r"\*"))
    weights = dict(zip(plain["term"], plain["weight"], strict=True))
    posts = pl.DataFrame({"post_id": [str(i) for i in range(len(TEXTS))], "text": TEXTS})
    found = match(posts, lexicons.Lexicon(name, "en", "", plain))
    scores = dict(zip(found["post_id"].cast(pl.String), found["weight"], strict=True))
    for i, text in enumerate(TEXTS):
        assert scores.get(str(i), 0) == pytest.approx(slow_weight(text, weights), abs=1e-9)


def test_every_marker_of_the_mapping_is_learned():
    assert sorted(f"{marker}_en_learned" for marker in MARKERS) == LEARNED
    assert {label for labels in MARKERS.values() for label in labels} < set(NAMES)
    assert all(list(labels) == sorted(labels) for labels in MARKERS.values())


@pytest.mark.parametrize("name", LEARNED)
def test_a_learned_lexicon(name):
    lexicon = load(name)
    marker = f"{name.removesuffix('_en_learned')}_learned"
    assert lexicon.terms["marker"].unique().to_list() == [marker]
    assert set(lexicon.intercepts) == {marker}
    assert lexicon.calibration and lexicon.calibration.marker == marker
    rows = list(csv.reader((HOME / name / "terms.csv").open(encoding="utf-8")))
    assert rows == [["term", "marker", "weight"], *sorted(rows[1:])]
    assert all(len(weight.partition(".")[2]) <= 3 for _, _, weight in rows)
    assert not {"reddit", "upvote", "nba"} & set(lexicon.terms["term"])


def test_they_are_small():
    assert sum(file.stat().st_size for name in LEARNED for file in (HOME / name).iterdir()) < 3_000_000


@pytest.fixture
def learner(monkeypatch):
    """A learner of made-up posts, nothing pruned."""
    pytest.importorskip("sklearn", reason="learning needs scikit-learn: pip install '.[bench]'")
    from lexicons import train

    monkeypatch.setattr(train, "WORD", 0.0)
    monkeypatch.setattr(train, "PHRASE", 0.0)
    texts = ["so angry", "very angry", "so calm", "very calm", "Anna smiles", "then Anna laughs", "too loud"] * 30
    hand = lexicons.Lexicon("anger_en", "en", "", pl.DataFrame({"term": ["angr*", "too loud"], "marker": "anger", "weight": [1.0, 2.0]}))
    return train, texts, hand


def test_what_is_shipped_is_what_the_regression_says(learner):
    """In posts of at most two words, no pairs overlap: then intercept + evidence are the log-odds of the regression."""
    train, texts, hand = learner
    labels = np.array(["angry" in text or (i % 3 == 0) for i, text in enumerate(texts)])
    made = train.Learner(texts, [hand], set())
    short = [text for text in dict.fromkeys(texts) if len(text.split()) == 2 and "Anna" not in text]
    root = np.sqrt([len(text.split()) for text in texts])
    features = train.sparse.diags(1 / root) @ made.features(texts)
    weights, intercept = made.learn("anger", features.tocsr(), labels)

    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(np.log(len(texts) / ((features.toarray() != 0).sum(axis=0) + 1)) + 1)
    scale[-1] = 1
    model = LogisticRegression(C=1 / train.PENALTY, solver="liblinear", random_state=0).fit(features.toarray() * scale, labels)
    expected = model.decision_function(made.features(short).toarray() / np.sqrt(2) * scale)
    found = [intercept + slow_weight(text, weights) / np.sqrt(2) for text in short]
    np.testing.assert_allclose(found, expected, atol=3e-3)


def test_names_and_artefacts_are_left_out(learner):
    train, texts, hand = learner
    made = train.Learner(texts, [hand], {"calm"})
    assert "angry" in made.terms
    assert not [term for term in made.terms if {"anna", "calm"} & set(term.split())]
    assert train.proper_names(texts) == {"anna"}
    assert train.sentences("I'm sad. Né, [NAME] it’s 🙂") == [["I'm", "sad"], ["Ne"], ["it's", "🙂"]]
