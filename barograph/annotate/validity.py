"""How well an annotator answers: accuracy, macro-F1, Krippendorff's α, abstention, calibration, with intervals.

Answers of `unclear`, and posts without an answer, are left out of accuracy, F1 and α; how many is said beside them.
Intervals are percentiles of a bootstrap over posts.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from barograph.annotate.alpha import alpha
from barograph.annotate.annotation import Annotation, Annotator, Item
from barograph.annotate.labelled import Labelled, on_scale
from barograph.annotate.reply import NEGATIVE, UNCLEAR

RESAMPLES, FEWEST = 1_000, 200
SEED = 17
BINS = 10
"""Of equal numbers of posts, for the error of calibration."""

Floats = npt.NDArray[np.float64]
Figure = dict[str, float | None]
Scores = Mapping[str, Floats]
"""Question → a probability for each post that it expresses it."""


async def ask(
    annotator: Annotator, items: Sequence[Item], in_flight: int = 1, told: Callable[[int], None] = lambda _: None
) -> list[Annotation]:
    """The annotator's outcomes, in order; at most `in_flight` at once. `told` hears how many are done."""
    gate, done = asyncio.Semaphore(in_flight), 0

    async def one(item: Item) -> Annotation:
        nonlocal done
        async with gate:
            found = await annotator.annotate(item)
        done += 1
        told(done)
        return found

    return list(await asyncio.gather(*(one(item) for item in items)))


def evaluate(labelled: Labelled, outcomes: Sequence[Annotation], scores: Scores | None = None) -> dict[str, Any]:
    """What the outcomes come to beside the truth, as JSON: n, statuses, questions, overall, languages.

    A question has n, its answers, counts (true answer × predicted one, posts without an answer left out), abstained
    (share of posts whose truth is clear), and accuracy, macro_f1, alpha, each with lo and hi, NULL where it cannot be
    told; of yes and no also f1 of yes. stated: answer → posts with it and the share of them that express the question.
    scores: of an annotator that gives probabilities; its questions have brier and calibration_error.
    """
    weights = resamples(len(labelled.items))
    languages = sorted({item.lang for item in labelled.items})
    whole = _questions(labelled, outcomes, weights, scores)
    overall = {name: _mean(whole, name) for name in ("accuracy", "macro_f1", "f1", "alpha")}
    found: dict[str, Any] = {
        "n": len(outcomes),
        "statuses": dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
        "questions": {name: _told(rows) for name, rows in whole.items()},
        "overall": overall,
    }
    if len(languages) > 1:
        found["languages"] = {}
        for lang in languages:
            at = [i for i, item in enumerate(labelled.items) if item.lang == lang]
            part = Labelled(
                tuple(labelled.items[i] for i in at), labelled.answers, tuple(labelled.truth[i] for i in at)
            )
            own = {name: values[at] for name, values in scores.items()} if scores else None
            rows = _questions(part, [outcomes[i] for i in at], resamples(len(at)), own)
            found["languages"][lang] = {"n": len(at), "questions": {name: _told(row) for name, row in rows.items()}}
    return found


def resamples(n: int) -> Floats:
    """How often each of n posts is drawn, (1 + times, n), with replacement; the first row is the posts themselves.

    times is 1,000; of more than 10,000 posts fewer, 200 at least, as they would fill the memory.
    """
    times = max(FEWEST, min(RESAMPLES, RESAMPLES * 10_000 // max(1, n)))
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(n, np.full(n, 1 / n), size=times) if n else np.zeros((times, 0))
    return np.vstack([np.ones(n), drawn]).astype(np.float64)


def _questions(
    labelled: Labelled, outcomes: Sequence[Annotation], weights: Floats, scores: Scores | None
) -> dict[str, dict[str, Any]]:
    found = {}
    for question, answers in labelled.answers.items():
        rows = [
            (i, truth[question], on_scale(outcome.answers[question], answers) if question in outcome.answers else None)
            for i, (truth, outcome) in enumerate(zip(labelled.truth, outcomes, strict=True))
            if question in truth
        ]
        if rows:
            found[question] = _question(answers, rows, weights)
            if scores and question in scores:
                found[question] |= _calibration(rows, scores[question], weights)
    return found


def _question(answers: tuple[str, ...], rows: Sequence[tuple[int, str, str | None]], weights: Floats) -> dict[str, Any]:
    k, place = len(answers), {answer: i for i, answer in enumerate(answers)}
    answered = [(i, place[true], place[said]) for i, true, said in rows if said is not None]
    cells = np.zeros((weights.shape[1], k * k))
    for i, true, said in answered:
        cells[i, true * k + said] = 1
    counts = (weights @ cells).reshape(-1, k, k)
    decided = [place[answer] for answer in answers if answer != UNCLEAR]
    kept = counts[:, decided][:, :, decided]
    level = "ordinal" if "weak" in answers else "nominal"
    samples = {
        "accuracy": _ratio(np.trace(kept, axis1=1, axis2=2), kept.sum(axis=(1, 2))),
        "macro_f1": _macro_f1(kept),
        "alpha": alpha(kept + kept.transpose(0, 2, 1), level),
    }
    if answers[0] in NEGATIVE and len(decided) == 2:
        samples["f1"] = _f1(kept)[:, 1]
    whole = counts[0].astype(int)
    return {
        "answers": list(answers),
        "n": len(rows),
        "counts": whole.tolist(),
        "abstained": 1 - float(kept[0].sum()) / max(1, sum(true != UNCLEAR for _, true, _ in rows)),
        "stated": _stated(answers, whole),
        "samples": samples,
    }


def _stated(answers: tuple[str, ...], counts: npt.NDArray[np.int64]) -> dict[str, dict[str, float | int | None]]:
    """Of posts with each stated answer, the share that truly express the question: what a stated answer is worth."""
    expressing = [i for i, answer in enumerate(answers) if answer not in (*NEGATIVE, UNCLEAR)]
    if len(expressing) == len(answers) - 1:  # agree or disagree: nothing is expressed or not
        return {}
    true = counts[[i for i, answer in enumerate(answers) if answer != UNCLEAR]].sum(axis=0)
    share = [float(counts[expressing, j].sum() / true[j]) if true[j] else None for j in range(len(answers))]
    return {answer: {"n": int(true[j]), "share": share[j]} for j, answer in enumerate(answers)}


def _calibration(rows: Sequence[tuple[int, str, str | None]], scores: Floats, weights: Floats) -> dict[str, Any]:
    """Brier score, and the mean gap between probability and share over bins of equal size."""
    at = np.array([i for i, true, _ in rows if true != UNCLEAR and np.isfinite(scores[i])], dtype=np.int64)
    if not len(at):
        return {}
    labels = {i: true not in (*NEGATIVE, UNCLEAR) for i, true, _ in rows}
    true, said, drawn = np.array([labels[i] for i in at], dtype=np.float64), scores[at], weights[:, at]
    brier = _ratio((drawn * (said - true) ** 2).sum(axis=1), drawn.sum(axis=1))
    base = true.mean()
    gaps = [
        len(part) * abs(float(said[part].mean() - true[part].mean()))
        for part in np.array_split(np.argsort(said, kind="stable"), BINS)
        if len(part)
    ]
    return {
        "brier": _figure(brier),
        "brier_of_base_rate": float(base * (1 - base)),
        "calibration_error": sum(gaps) / len(at),
        "mean_probability": float(said.mean()),
        "share": float(base),
    }


def _f1(kept: Floats) -> Floats:
    """F1 of each answer, (…, k); NaN where it is neither true nor said anywhere."""
    hits = np.diagonal(kept, axis1=1, axis2=2)
    return _ratio(2 * hits, kept.sum(axis=1) + kept.sum(axis=2))


def _macro_f1(kept: Floats) -> Floats:
    values = _f1(kept)
    there = np.isfinite(values)
    return _ratio(np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1).astype(np.float64))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _figure(samples: Floats) -> Figure:
    """The first value with the 95 % interval of the others."""
    value, drawn = samples[0], samples[1:][np.isfinite(samples[1:])]
    if not np.isfinite(value) or not len(drawn):
        return {"value": None, "lo": None, "hi": None}
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"value": float(value), "lo": float(low), "hi": float(high)}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    samples = row.pop("samples")
    return row | {name: _figure(values) for name, values in samples.items()}


def _mean(rows: Mapping[str, Mapping[str, Any]], name: str) -> Figure:
    """Mean of a figure over the questions that have it, resampled together."""
    every = [row["samples"][name] for row in rows.values() if name in row["samples"]]
    told = np.array([values for values in every if np.isfinite(values[0])])
    if not len(told):
        return _figure(np.full(2, np.nan))
    there = np.isfinite(told)
    return _figure(_ratio(np.where(there, told, 0.0).sum(axis=0), there.sum(axis=0).astype(np.float64)))
