"""Long posts in passages: by hand, Bayes' rule by enumeration, and texts of any kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexicons import calibrated, match
from lexicons.passages import LENGTH, nearest, odds, passages
from tests.lexicons.test_calibrate import GOOD, made_up, posts

SENTENCE = "Nothing much happened on this day, and nobody said a word about anything at all. "


def test_a_long_post_has_the_mean_odds_of_its_passages():
    """Two passages: a sentence, and one with a shorter one behind it that has furious (weight 2) in 19 words."""
    text = 2 * SENTENCE + "It made me furious. "
    assert [len(piece) for piece in passages(posts(text))["text"]] == [len(SENTENCE), len(SENTENCE) + 20]
    some = posts(text, "furious", "calm", 3 * SENTENCE)
    expected = (odds(GOOD.probability(0)) + odds(GOOD.probability(2 / np.sqrt(19)))) / 2
    assert expected == pytest.approx((1 / 9 + 1 / 9) / 2)
    assert calibrated(some, match(some, made_up()), made_up())["probability"].to_list() == [0.1, 0.9, 0.1, 0.1]


def test_the_nearest_probability_there_is():
    """Furious alone, then a sentence: odds 9 and 1/9, mean 4.56, probability .82; of .1, .4 and .9 the last is nearest."""
    some = posts("Furious! " + "calm " * 28 + "day.")
    assert [len(piece) for piece in passages(some)["text"]] == [9, 144]
    assert calibrated(some, match(some, made_up()), made_up())["probability"].to_list() == [0.9]
    assert nearest((0.1, 0.4, 0.9), np.array([1 / 9, 0.3, 0.4, 1.8, 1.9])).tolist() == [0.1, 0.1, 0.4, 0.4, 0.9]


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_bayes_rule(likelihoods, prior):
    """The post expresses it in exactly one passage, each as likely, or in none: enumerated."""
    expressed, absent = np.array(likelihoods).T
    n = len(expressed)
    ways = [np.prod([expressed[k] if k == at else absent[k] for k in range(n)]) for at in range(n)]
    yes, no = prior * np.mean(ways), (1 - prior) * np.prod(absent)
    each = prior * expressed / (prior * expressed + (1 - prior) * absent)
    mean = odds(each).mean()
    assert mean / (1 + mean) == pytest.approx(yes / (yes + no))


@given(st.text(min_size=LENGTH + 1, max_size=4 * LENGTH))
def test_passages_lose_no_words(text):
    pieces = passages(posts(text))["text"].to_list()
    assert all(0 < len(piece) <= LENGTH + 2 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_post_of_another_marker_or_none():
    long = posts(3 * SENTENCE, None, "")
    assert calibrated(long, match(long, made_up()), made_up())["probability"].to_list() == [0.1, 0.1, 0.1]
