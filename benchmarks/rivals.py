"""What else reads emotion in a post, each under one name: texts → marker → a score per text, higher for more.

Public lexicons score as their own code does; a marker takes the category that is meant like it. What a lexicon has no
category for, it does not answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from lexicons.contrast import PLEASANT, UNPLEASANT

Floats = npt.NDArray[np.float64]
Scores = dict[str, Floats]

_EMPATH = {
    "anger": "anger", "anticipation": "anticipation", "anxiety": "nervousness", "calmness": "contentment",
    "confusion": "confusion", "disappointment": "disappointment", "disgust": "disgust", "fear": "fear",
    "hope": "optimism", "hostility": "hate", "joy": "joy", "like": "affection", "love": "love",
    "negative": "negative_emotion", "nervousness": "nervousness", "out_group": "hate", "positive": "positive_emotion",
    "sadness": "sadness", "shame": "shame", "stress": "nervousness", "surprise": "surprise",
}  # fmt: skip
_EMOTIONS = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise")
_NRC = {e: e for e in (*_EMOTIONS, "positive", "negative")} | {
    "anxiety": "fear", "hope": "anticipation", "hostility": "anger", "like": "trust", "love": "joy",
    "nervousness": "fear", "out_group": "disgust", "stress": "fear",
}  # fmt: skip
_NADE = {e: e for e in _EMOTIONS} | {"anxiety": "fear", "nervousness": "fear"}
_LENS = 1.0  # labMT: words within this of neutral do not count, as its authors advise
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def words(text: str) -> list[str]:
    """Small words, for lexicons whose own tokeniser needs a corpus that is not installed with it."""
    return _WORD.findall(text.lower().replace("’", "'"))


def empath(texts: Sequence[str]) -> Scores:
    """Empath's category, as a share of the words (Fast, Chen & Bernstein 2016)."""
    from empath import Empath

    own, wanted = Empath(), sorted(set(_EMPATH.values()))
    rows = [own.analyze(text, categories=wanted, normalize=True) or dict.fromkeys(wanted, 0.0) for text in texts]
    found = {category: np.array([row[category] for row in rows]) for category in wanted}
    return {marker: found[category] for marker, category in _EMPATH.items()}


def vader(texts: Sequence[str]) -> Scores:
    """VADER's compound valence (Hutto & Gilbert 2014), turned for unpleasant markers."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    own = SentimentIntensityAnalyzer()
    return _valence(np.array([own.polarity_scores(text)["compound"] for text in texts]))


def afinn(texts: Sequence[str]) -> Scores:
    """AFINN's sum of valences (Nielsen 2011), turned for unpleasant markers."""
    from afinn import Afinn

    own = Afinn(emoticons=True)
    return _valence(np.array([own.score(text) for text in texts]))


def nrc(texts: Sequence[str]) -> Scores:
    """The NRC emotion lexicon (Mohammad & Turney 2013) through nrclex, as a share of the words. Comparison only."""
    from nrclex import NRCLex

    own, rows = NRCLex(), []
    for text in texts:
        tokens = words(text)
        own.load_token_list(tokens)
        rows.append({name: n / len(tokens) for name, n in own.raw_emotion_scores.items()})
    return {marker: np.array([row.get(name, 0.0) for row in rows]) for marker, name in _NRC.items()}


def labmt_spanish(texts: Sequence[str]) -> Scores:
    """Mean happiness of a post's Spanish words in labMT (Dodds et al. 2015), turned for unpleasant markers."""
    from labMTsimple.storyLab import emotionFileReader

    happiness = {word: float(row[1]) for word, row in emotionFileReader(_LENS, lang="spanish").items()}
    known = [[happiness[word] for word in words(text) if word in happiness] for text in texts]
    return _valence(np.array([float(np.mean(values)) - 5 if values else 0.0 for values in known]))


def nade(texts: Sequence[str]) -> Scores:
    """The packaged model nade: fastText on emoji, then gradient boosting. Nothing where it is not installed."""
    if not texts or find_spec("nade") is None:
        return {}
    from barograph.annotate.nade import model

    answer = model().predict([text.replace("\n", " ") for text in texts])
    return {marker: np.asarray(answer[emotion], dtype=np.float64) for marker, emotion in _NADE.items()}


LEXICONS: Mapping[str, Mapping[str, Callable[[Sequence[str]], Scores]]] = {
    "en": {"empath": empath, "vader": vader, "afinn": afinn, "nrc": nrc},
    "es": {"labmt": labmt_spanish},
}
"""Language → the public lexicons for it."""


class LinearText:
    """The upper reference: TF-IDF of words and pairs, logistic regression, as scikit-learn has them."""

    def __init__(self, texts: Sequence[str], labels: Mapping[str, npt.NDArray[np.bool_]]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        features = self._vectorizer.fit_transform(texts)
        self._models = {
            marker: LogisticRegression(C=3, solver="liblinear", random_state=0).fit(features, positive)
            for marker, positive in labels.items()
        }

    def __call__(self, texts: Sequence[str]) -> Scores:
        """Probabilities."""
        features = self._vectorizer.transform(texts)
        return {marker: model.predict_proba(features)[:, 1] for marker, model in self._models.items()}


def _valence(pleasant: Floats) -> Scores:
    return dict.fromkeys(PLEASANT, pleasant) | dict.fromkeys(UNPLEASANT, -pleasant)
