"""How well lexicons agree with human labels, ours and others', post by post and as shares of posts.

`python -m benchmarks.validity [--quick]` prints tables and ends with one JSON line; a full run writes all it measured
to benchmarks/validity.json, from which `make cards` fills the cards. Needs the extra `bench` and the labelled sets.

Scores of ours are the evidence of `lexicons.calibrate`. Their weights and calibrations come from the training part of
GoEmotions; what is reported comes from other posts. AUC and AP (average precision) have bootstrap intervals over
posts, and differences are paired: the same resamples. `other` is the public lexicon with the highest AUC on that very
set and marker, an advantage that no analyst has. `linear` is the upper reference, a linear text model trained on the
same posts; on Spanish on EmoEvent's training part, on Dreaddit and UsVsThem in cross-validation within the set.
`hand` is the list written by hand alone; `hand_contrast` is the same less a quarter of our list of the opposite
polarity (`lexicons.contrast`), as VADER and AFINN set good words against bad ones. The aim is asked of both. Errors of
shares: see `benchmarks.shares`. `local` is what ships nowhere: a calibration fitted on the set's own training part, or
in cross-validation within it, as an analyst with labelled posts can (`lexicons.calibrate.fit`).
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks import labelled, ranking, rivals, shares, summary
from benchmarks.labelled import Labelled
from lexicons import Calibration, Lexicon, contrast, load, match, names, without_hints
from lexicons.calibrate import dense, evidence, fit
from lexicons.lexicon import LEARNED

Floats = npt.NDArray[np.float64]
Rows = list[dict[str, Any]]
FULL = Path(__file__).parent / "validity.json"
FEWEST = 10
"""Positives that a marker needs on a set to be ranked."""
OPTIONS = ("negation", "first_person")
LINE_POSTS = 6_000
"""Of GoEmotions, for the straight lines of the public lexicons."""
QUICK = ("anger", "fear", "hope", "joy", "sadness", "stress", "surprise")
_FOLDS = 5
_PARTS: Mapping[str, Callable[[], Labelled]] = {
    "tweeteval_val": lambda: labelled.tweeteval("train"),
    "emoevent_dev": lambda: labelled.emoevent("train"),
}
_SHIPPED = ("goemotions_dev",)  # its own training part is what ships


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    markers: tuple[str, ...] = ()
    """These alone; all where empty."""
    posts: int = 1_000_000
    train: int = 1_000_000
    resamples: int = 300
    windows: int = 6


@dataclass
class Measured:
    """What was measured, rows of JSON values."""

    ranks: Rows = field(default_factory=list)
    differences: Rows = field(default_factory=list)
    prevalence: Rows = field(default_factory=list)
    options: Rows = field(default_factory=list)


class Trained:
    """What is fitted on training parts: the upper references, and a straight line for each public lexicon."""

    def __init__(self, size: Size) -> None:
        self.size = size
        train = self.of(labelled.goemotions("train").sample(size.train))
        spanish = self.of(labelled.emoevent("train").sample(size.train))
        self._linear = {data.language: rivals.LinearText(data.texts, data.labels) for data in (train, spanish)}
        self._known = {data.language: set(data.labels) for data in (train, spanish)}
        self.base_rates = {marker: float(positive.mean()) for marker, positive in train.labels.items()}
        sample = train.sample(LINE_POSTS)
        self.lines = {
            (name, marker): shares.straight_line(scores > 0, sample.labels[marker], size.windows)
            for name, read in rivals.LEXICONS["en"].items()
            for marker, scores in read(sample.texts).items()
            if marker in sample.labels
        }

    def of(self, data: Labelled) -> Labelled:
        """The markers of `data` that are measured."""
        kept = {m: y for m, y in data.labels.items() if not self.size.markers or m in self.size.markers}
        return replace(data, labels=kept)

    def linear(self, data: Labelled) -> rivals.Scores:
        """Probabilities of the upper reference."""
        if set(data.labels) <= self._known[data.language]:
            return self._linear[data.language](data.texts)
        scores = {marker: np.zeros(data.posts.height) for marker in data.labels}
        fold = np.arange(data.posts.height) % _FOLDS
        for held in range(_FOLDS):
            others = [text for text, at in zip(data.texts, fold, strict=True) if at != held]
            model = rivals.LinearText(others, {m: y[fold != held] for m, y in data.labels.items()})
            for marker, found in model([text for text, at in zip(data.texts, fold, strict=True) if at == held]).items():
                scores[marker][fold == held] = found
        return scores

    def local(self, data: Labelled, own: "Ours", lexicons: Sequence[Lexicon]) -> dict[str, tuple[Floats, Calibration]]:
        """Marker → probabilities, out of sample, and calibration fitted on posts of the same source."""
        found: dict[str, tuple[Floats, Calibration]] = {}
        train = _PARTS[data.name]() if data.name in _PARTS else None
        on_train = Ours(train, lexicons) if train else own
        fold = np.arange(data.posts.height) % _FOLDS
        for marker, labels in (train or data).labels.items():
            name = marker + LEARNED if marker + LEARNED in own.scores else marker
            if data.name in _SHIPPED or name not in own.scores or min(labels.sum(), (~labels).sum()) < shares.FEWEST:
                continue
            scores = on_train.scores[name]
            calibration = fit(scores, labels, marker=marker)
            read = calibration.probability(own.scores[name])
            for held in range(_FOLDS) if train is None else ():
                others = fit(scores[fold != held], labels[fold != held], marker=marker)
                read[fold == held] = others.probability(scores[fold == held])
            found[marker] = read, calibration
        return found


class Ours:
    """Our lexicons on one set: evidence per post and marker, and whether a term that is no hint occurs."""

    def __init__(self, data: Labelled, lexicons: Sequence[Lexicon]) -> None:
        found = match(data.posts, lexicons)
        none = np.zeros(data.posts.height)
        self.scores = dense(data.posts, evidence(data.posts, found))
        self.contrasts = dense(data.posts, evidence(data.posts, contrast(found)))
        expressed = match(data.posts, [without_hints(lexicon) for lexicon in lexicons])
        hits = expressed.select(
            "post_id", marker=pl.col("marker").cast(pl.String), evidence=pl.col("hits").cast(pl.Float64)
        )
        counts = dense(data.posts, hits)
        self.hits = {}
        self.calibrations: dict[str, Calibration] = {}
        for lexicon in lexicons:
            marker = lexicon.terms["marker"][0]
            self.scores.setdefault(marker, none)
            self.hits[marker] = counts.get(marker, none) > 0
            self.contrasts.setdefault(marker, none)
            if lexicon.calibration:
                self.calibrations[marker] = lexicon.calibration


def measure(data: Labelled, trained: Trained, measured: Measured) -> None:
    """Everything about one set."""
    size = trained.size
    lexicons = [load(name) for name in names()]
    lexicons = [lexicon for lexicon in lexicons if lexicon.language == data.language]
    own = Ours(data, lexicons)
    local = trained.local(data, own, lexicons)
    public = {name: read(data.texts) for name, read in rivals.LEXICONS[data.language].items()}
    models = {"linear": trained.linear(data)} | ({"nade": rivals.nade(data.texts)} if data.language == "en" else {})
    changed = {
        option: Ours(
            data,
            [
                replace(lexicon, negation=option == "negation", first_person=option == "first_person")
                for lexicon in lexicons
                if not _is_learned(lexicon)
            ],
        )
        for option in OPTIONS
    }
    for marker, labels in data.labels.items():
        if min(labels.sum(), (~labels).sum()) < FEWEST:
            continue
        where = {"set": data.name, "marker": marker}
        found = {"hand": own.scores.get(marker), "learned": own.scores.get(marker + LEARNED)}
        found["hand_contrast"] = own.contrasts.get(marker)
        found |= {name: scores.get(marker) for name, scores in {**public, **models}.items()}
        drawn = ranking.resamples(labels, size.resamples)
        ranked = {name: ranking.rank(scores, labels, drawn) for name, scores in found.items() if scores is not None}
        others = sorted(set(public) & set(ranked), key=lambda name: ranked[name].auc)
        measured.ranks += [_rank(where, labels, name, rank) for name, rank in ranked.items()]
        pairs = [
            ("hand", "other"),
            ("hand_contrast", "other"),
            ("learned", "other"),
            ("hand", "nade"),
            ("learned", "nade"),
            ("learned", "linear"),
        ]
        for one, two in pairs:
            against = others[-1] if two == "other" and others else two
            if one in ranked and against in ranked:
                values = dict(
                    zip(("auc", "low", "high"), ranking.difference(ranked[one], ranked[against]), strict=True)
                )
                measured.differences.append(where | {"of": one, "to": two, "is": against} | _rounded(values))
        for option, variant in changed.items():
            if marker in variant.scores:
                auc = ranking.rank(variant.scores[marker], labels, drawn).auc
                values = {"auc": auc, "change": auc - ranked["hand"].auc}
                measured.options.append(where | {"option": option} | _rounded(values))
        if min(labels.sum(), (~labels).sum()) >= shares.FEWEST:
            readings = _readings(marker, own, public, models["linear"].get(marker), trained)
            readings |= {"local": shares.adjusted(*local[marker])} if marker in local else {}
            for rates, windows in shares.windows(labels, size.windows).items():
                for reading, error in shares.errors(labels, windows, readings).items():
                    measured.prevalence.append(where | {"rates": rates, "reading": reading, "error": round(error, 4)})


def _readings(
    marker: str, own: Ours, public: Mapping[str, rivals.Scores], linear: Floats | None, trained: Trained
) -> dict[str, shares.Reading]:
    """Every way to read a share of this marker."""
    found = {}
    for kind, name in (("hand", marker), ("learned", marker + LEARNED)):
        if name in own.hits and kind == "hand":
            found["hand hits"] = shares.mean_of(own.hits[name])
        if calibration := own.calibrations.get(name):
            probabilities = calibration.probability(own.scores[name])
            found[f"{kind} calibrated"] = shares.mean_of(probabilities)
            found[f"{kind} adjusted"] = shares.adjusted(probabilities, calibration)
            found[f"{kind} counted"] = shares.counted(probabilities, calibration)
    for name, scores in public.items():
        if marker in scores:
            found[f"{name} hits"] = shares.mean_of(scores[marker] > 0)
            if line := trained.lines.get((name, marker)):
                found[f"{name} line"] = shares.line_of(scores[marker] > 0, line)
    if linear is not None:
        found["linear"] = shares.mean_of(linear)
    if marker in trained.base_rates:
        constant = trained.base_rates[marker]
        found["constant"] = lambda places: np.full(len(places), constant)
    return found


def _is_learned(lexicon: Lexicon) -> bool:
    return lexicon.name.endswith(LEARNED)


def _rank(where: dict[str, str], labels: npt.NDArray[np.bool_], name: str, rank: ranking.Ranking) -> dict[str, Any]:
    intervals = zip(("auc_low", "auc_high", "ap_low", "ap_high"), rank.auc_interval + rank.ap_interval, strict=True)
    counts = {"n": len(labels), "positive": int(labels.sum())}
    return where | {"score": name} | counts | _rounded({"auc": rank.auc, "ap": rank.ap, **dict(intervals)})


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few markers, a sample of posts, nothing is written")
    quick = parser.parse_args().quick
    size = Size(markers=QUICK, posts=600, train=5_000, resamples=50, windows=2) if quick else Size()
    trained, measured = Trained(size), Measured()
    for read in labelled.EVALUATED:
        data = trained.of(read().sample(size.posts))
        if data.labels:
            measure(data, trained, measured)
    if not quick:
        lines = {name: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in vars(measured).items()}
        body = ",\n".join(f'"{name}": {rows}' for name, rows in lines.items())
        FULL.write_text(f"{{\n{body}\n}}\n", encoding="utf-8")
    figures, misses = summary.summarise(vars(measured))
    print(summary.table(vars(measured)))
    print(json.dumps({"benchmark": "validity", "figures": figures, "misses": misses}))


if __name__ == "__main__":
    main()
