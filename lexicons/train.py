"""Learns the lexicons MARKER_en_learned from GoEmotions, and calibrates them and our English lists.

`python -m lexicons.train` writes terms.csv, calibration.json and CARD.md; run by hand after a list has changed. Needs
scikit-learn (the extra `bench`) and a few minutes.

**Model.** The log-odds that a post expresses a marker are its intercept and its evidence (`lexicons.calibrate`): the
weights of its terms over √n_tokens. While learning, a post is described by its words and pairs of words, and by what
each of our English lists, whatever its marker, says of it; a logistic regression with an L2 penalty weighs these. The
lists stand for what people know of words that the labelled posts hold rarely or never. So a term's weight is the
weight of its own text under this regression: of the words in it, of the pair, and of the lists that know it.
Features are scaled by √idf, which allows rare ones more.

**Pruning.** A word is kept where its weight is `WORD` or more, either way; a phrase where it differs by `PHRASE` from
the words in it that are kept. Proper names and terms in artefacts.txt are left out: they tell of the data set.
"""

import argparse
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from lexicons import names, read
from lexicons.calibrate import LENGTH_POWER, dense, evidence, fit, read_calibration, write_calibration
from lexicons.goemotions import MARKERS, read_goemotions
from lexicons.labels import said
from lexicons.lexicon import LEARNED, Lexicon
from lexicons.match import LONGEST, count_tokens, cut, match

PENALTY = 5.0
"""Of the squared weights, as 1 / C of scikit-learn. It and the numbers below were chosen on a fifth of GoEmotions'
training part and on TweetEval's training part; AUC is flat around them."""
TRUST = 3.0
"""How many times less a list is penalised than a common word: there are few lists and much behind each."""
WORD, PHRASE = 1.0, 2.0
"""Least weight of a word; least difference of a phrase. Against .8 for words, this costs .002 to .003 of AUC and saves
a quarter of the occurrences in a post, which are mostly of function words."""
_POSTS, _PAIRS = 4, 20  # posts that must hold a word, a pair of words, for the regression to see it
BORROWED = ("anger", "disgust", "fear", "joy", "negative", "positive", "sadness", "surprise")
"""Markers whose Spanish list takes over the calibration of the English one. On EmoEvent's training part, tweets in
Spanish, this halves the error of shares against the share with a hit; EmoEvent has no licence, so nothing is fitted."""
_FOLDS = 5
_HOME = Path(__file__).parent
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[\u2600-\u27bf\U0001f300-\U0001f3fa\U0001f400-\U0001faff]")
_BREAK = re.compile(r"[.!?…\n]+|\[[A-Z]+\]")

Floats = npt.NDArray[np.float64]


def sentences(text: str) -> list[list[str]]:
    """The words and emoji of a text as written but for accents, cut at breaks and placeholders like [NAME]."""
    plain = re.sub(r"[\u0300-\u036f\ufe0f]", "", unicodedata.normalize("NFD", text)).replace("’", "'")
    return [_TOKEN.findall(part) for part in _BREAK.split(plain)]


def words_and_pairs(text: str) -> list[str]:
    """What the regression sees of a text."""
    small = [[word.lower() for word in words] for words in sentences(text)]
    return [term for words in small for term in (*words, *map(" ".join, pairwise(words)))]


def proper_names(texts: Sequence[str]) -> set[str]:
    """Words that are written with a capital at least half the time where no sentence begins."""
    inner = [word for text in texts for words in sentences(text) for word in words[1:] if not word.isupper()]
    total, capital = Counter(map(str.lower, inner)), Counter(word.lower() for word in inner if word.istitle())
    return {word for word, n in capital.items() if n >= total[word] / 2}


class Learner:
    """Learns weights from labelled posts: their features, and those of every term that may be shipped."""

    def __init__(self, texts: Sequence[str], lists: Sequence[Lexicon], artefacts: set[str]) -> None:
        self.lists = [replace(lexicon, negation=False, first_person=False) for lexicon in lists]
        self._exceptions = {
            lexicon.terms["marker"][0]: list(
                _plain(replace(lexicon, terms=lexicon.terms.filter(pl.col("weight") == 0)))
            )
            for lexicon in lists
        }
        self._markers = sorted({marker for lexicon in lists for marker in lexicon.terms["marker"].unique()})
        found = Counter(term for text in texts for term in set(words_and_pairs(text)))
        seen = sorted(found)
        told = self._told(seen).getnnz(axis=1) > 0
        known = {term for term, yes in zip(seen, told, strict=True) if yes and " " not in term}
        artefacts = (artefacts | proper_names(texts)) - known
        own = [term for term in seen if not artefacts & {*term.split(), term}]
        self._vocabulary = [term for term in own if found[term] >= (_PAIRS if " " in term else _POSTS)]
        self.terms = _told_apart({*self._vocabulary, *known, *(term for lexicon in lists for term in _plain(lexicon))})
        self._of_terms = self.features([term.replace("*", "") for term in self.terms])
        count = CountVectorizer(vocabulary=self.terms, analyzer=words_and_pairs, dtype=np.float64)
        words = np.array([" " not in term for term in self.terms])
        self._phrases = np.flatnonzero(~words)
        self._words = np.flatnonzero(words)
        self._parts = count.transform([self.terms[i].replace("*", "") for i in self._phrases])[:, self._words]

    def features(self, texts: Sequence[str]) -> Any:
        """A sparse row per text: how often it holds each word and pair, and the weight each list finds in it."""
        count = CountVectorizer(vocabulary=self._vocabulary, analyzer=words_and_pairs, dtype=np.float64)
        return sparse.hstack([count.transform(texts), self._told(texts) * TRUST], format="csr")

    def learn(self, marker: str, posts: Any, labels: npt.ArrayLike) -> tuple[dict[str, float], float]:
        """Term → weight, rounded to three digits, and the intercept.

        `posts` are the features of the posts over √n_tokens, one row for each of `labels`. What the list of the same
        marker names as an exception remains one.
        """
        # Lists keep their scale; a word's is √idf.
        idf = np.log(posts.shape[0] / (posts.getnnz(axis=0) + 1)) + 1
        scale = np.sqrt(idf)
        scale[len(self._vocabulary) :] = 1
        model = LogisticRegression(C=1 / PENALTY, solver="liblinear", random_state=0)
        model.fit(posts @ sparse.diags(scale), np.asarray(labels))
        weights = self._of_terms @ (model.coef_[0] * scale)
        kept = np.abs(weights) >= WORD
        within = self._parts @ np.where(kept[self._words], weights[self._words], 0)
        kept[self._phrases] = np.abs(weights[self._phrases] - within) >= PHRASE
        exceptions = np.isin(self.terms, self._exceptions.get(marker, []))
        weights[exceptions], kept[exceptions] = 0, True
        chosen = {self.terms[i]: round(float(weights[i]), 3) for i in np.flatnonzero(kept)}
        return chosen, round(float(model.intercept_[0]), 3)

    def _told(self, texts: Sequence[str]) -> Any:
        """A sparse row per text: the weight that each list finds in it."""
        posts = pl.DataFrame(
            {"post_id": np.arange(len(texts)).astype(str), "text": texts},
            schema={"post_id": pl.String, "text": pl.String},
        )
        found = match(posts, self.lists)
        rows = found["post_id"].cast(pl.String).cast(pl.Int64).to_numpy()
        columns = np.searchsorted(self._markers, found["marker"].cast(pl.String).to_numpy())
        shape = (len(texts), len(self._markers))
        return sparse.csr_matrix((found["weight"].to_numpy(), (rows, columns)), shape=shape)


def _told_apart(terms: Collection[str]) -> list[str]:
    """Those that matching can find and tell apart, sorted: of :( and :-( the first."""
    ordered = sorted(terms)
    words = dict(zip(ordered, cut(ordered), strict=True))
    known = {term for term in ordered if 0 < len(words[term]) <= LONGEST and None not in words[term]}
    return sorted({tuple(words[term]): term for term in reversed(ordered) if term in known}.values())


def _plain(lexicon: Lexicon) -> Iterator[str]:
    """The terms of a list as this module writes words; single words with a wildcard stay out, their forms are in."""
    for term in lexicon.terms["term"]:
        if " " in term.strip() or "*" not in term:
            letters = re.fullmatch(r"[^\W\d_]+(?:[' -][^\W\d_]+)*", term)
            yield " ".join(term.lower().replace("-", " ").split()) if letters else term


def card(lexicon: Lexicon, labels: npt.NDArray[np.bool_]) -> str:
    """CARD.md of a learned lexicon; what was measured, `lexicons.cards` fills in."""
    marker = lexicon.name.removesuffix(f"_en{LEARNED}")
    n, positive, labelled = len(labels), int(labels.sum()), said(MARKERS[marker])
    phrases = sum(" " in term for term in lexicon.terms["term"])
    (intercept,) = lexicon.intercepts.values()
    return f"""# {lexicon.name}

**Construct.** What raters of GoEmotions labelled as {labelled}: an emotion as a reader takes it from one post.

**Reading.** Expressed language, not illness: a term in a post says nothing about its writer's health. The marker
speaks of populations, never of a person.

**Language.** English (`en`). **Licence.** Apache-2.0. **Source.** Learned by `python -m lexicons.train` from the
training part of GoEmotions (Demszky et al. 2020, Apache-2.0): {n:,} Reddit comments, {positive:,} of them positive
({positive / n:.1%}), and from our own English lists. No text of it is kept here.

**Weights.** {lexicon.terms.height:,} terms, {phrases:,} of them phrases. The log-odds of the marker are {intercept:g}
(the row `_intercept`) and the sum of the weights over √n_tokens, as a logistic regression with an L2 penalty gives
them; negative weights speak against the marker. Words below {WORD:g} and phrases that differ by less than {PHRASE:g}
from their words are left out, and so are proper names and the words in `lexicons/artefacts.txt`. The exceptions of
`{marker}_en`, where there is one, stay exceptions.

**Measured validity.** On posts that were used neither to learn nor to calibrate.

<!-- measured -->
<!-- /measured -->

**Known failures.**

- learned on Reddit comments of 2005 to 2019 in English, mostly young, male and American: other networks differ
- a label says what three to five readers took from a comment without its thread, not what its writer felt
- negation and irony beyond single phrases
- function words with a weight: style and topic carry part of the score
"""


def terms_of(name: str) -> Lexicon:
    """One of our lexicons as its terms are now, whatever the calibration beside them was fitted on."""
    return read(_HOME / name / "terms.csv")


def lexicon_of(marker: str, weights: dict[str, float], intercept: float) -> Lexicon:
    """A lexicon of these terms, not yet written; its version is that of the file, once read."""
    terms = pl.DataFrame({"term": list(weights), "marker": marker + LEARNED, "weight": list(weights.values())})
    return Lexicon(f"{marker}_en{LEARNED}", "en", "", terms, {marker + LEARNED: intercept})


def evidence_of(posts: pl.DataFrame, lexicon: Lexicon) -> Floats:
    """Evidence of each of `posts` for the only marker of `lexicon`."""
    found = dense(posts, evidence(posts, match(posts, lexicon)))
    return found.get(lexicon.terms["marker"][0], np.zeros(posts.height))


def write(lexicon: Lexicon, folder: Path) -> None:
    """terms.csv: the intercept, then the terms, sorted."""
    ((marker, intercept),) = lexicon.intercepts.items()
    rows = sorted([("_intercept", marker, f"{intercept:g}"), *((t, m, f"{w:g}") for t, m, w in lexicon.terms.rows())])
    folder.mkdir(exist_ok=True)
    with (folder / "terms.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("term", "marker", "weight"), *rows])


def main() -> None:
    """Learn, write and calibrate them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    posts, labels = read_goemotions("train")
    lists = [terms_of(name) for name in names() if name.endswith("_en")]
    learner = Learner(posts["text"].to_list(), lists, artefacts())
    by_length = sparse.diags(count_tokens(posts)["n_tokens"].to_numpy().clip(1) ** -LENGTH_POWER)
    features = (by_length @ learner.features(posts["text"].to_list())).tocsr()
    fold = np.arange(posts.height) % _FOLDS
    for marker in MARKERS:
        y = labels[marker].to_numpy()
        out_of_fold = np.zeros(posts.height)
        for held in range(_FOLDS):
            others = fold != held
            lexicon = lexicon_of(marker, *learner.learn(marker, features[others], y[others]))
            out_of_fold[~others] = evidence_of(posts.filter(~others), lexicon)
        lexicon = lexicon_of(marker, *learner.learn(marker, features, y))
        folder = _HOME / lexicon.name
        write(lexicon, folder)
        (folder / "CARD.md").write_text(card(lexicon, y), encoding="utf-8")
        calibrate(terms_of(lexicon.name), out_of_fold, y, folder)
        for own in lists:
            if own.name == f"{marker}_en":
                calibrate(own, evidence_of(posts, own), y, _HOME / own.name)
        if marker in BORROWED and {f"{marker}_en", f"{marker}_es"} <= set(names()):
            borrow(marker)
        print(f"{lexicon.name}: {lexicon.terms.height} terms")


def calibrate(lexicon: Lexicon, found: Floats, labels: npt.ArrayLike, folder: Path) -> None:
    """Fit and write calibration.json."""
    marker = lexicon.terms["marker"][0]
    name = marker.removesuffix(LEARNED)
    labelled = said(MARKERS[name])
    fitted_on = f"GoEmotions, training part: {len(found):,} Reddit comments, positive where labelled {labelled}"
    found_for = fit(found, labels, marker=marker, fitted_on=fitted_on, version=lexicon.version)
    write_calibration(found_for, folder / "calibration.json")


def borrow(marker: str) -> None:
    """Write the calibration of a Spanish list: that of its English sibling."""
    english = read_calibration(_HOME / f"{marker}_en" / "calibration.json")  # English lists are calibrated first
    spanish = terms_of(f"{marker}_es")
    fitted_on = f"{english.fitted_on}; in English, borrowed from {marker}_en"
    borrowed = replace(english, fitted_on=fitted_on, version=spanish.version)
    write_calibration(borrowed, _HOME / spanish.name / "calibration.json")


def artefacts() -> set[str]:
    """The terms of artefacts.txt, one a line; # begins a reason."""
    lines = (_HOME / "artefacts.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


if __name__ == "__main__":
    main()
