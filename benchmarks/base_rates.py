"""How near the shares of samples with base rates far from the calibration's come to the labelled ones.

`python -m benchmarks.base_rates` draws samples of 1,000 labelled posts that express a marker in 2 to 50 % of cases,
from the held-out part of the set that calibrations were fitted on, from another network, and from long posts made of
eight held-out comments, which express what any of these does. It prints the mean absolute error of each reading and
one JSON line.
"""

import argparse
import json

import numpy as np
import polars as pl
from numpy.typing import NDArray

import lexicons
from barograph.calibration import base_rates, likelihoods
from benchmarks import labelled
from lexicons.calibrate import Calibration, dense, evidence, fit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
MARKERS = ("anger", "fear", "sadness", "joy")
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
SIZE, SEED = 1000, 7
JOINED = 8


def readings(probabilities: Floats, hits: Mask, calibration: Calibration) -> dict[str, float]:
    """The share that a sample's posts express a marker, by each reading."""
    levels, counts = np.unique(np.clip(probabilities, 1e-6, 1 - 1e-6), return_counts=True)
    expressed, absent = likelihoods(levels, calibration.base_rate)
    power = calibration.tpr - calibration.fpr
    return {
        "hits": float(hits.mean()),
        "fitted": float(probabilities.mean()),
        "counted": float(np.clip((probabilities.mean() - calibration.fpr) / power, 0, 1)),
        "adjusted": base_rates(counts[:, None].astype(np.float64), expressed, absent).item(),
    }


def joined(data: labelled.Labelled) -> labelled.Labelled:
    """Long posts: each is `JOINED` posts that follow each other, and positive where any of them is."""
    n = data.posts.height // JOINED
    texts = [". ".join(data.texts[JOINED * i : JOINED * (i + 1)]) for i in range(n)]
    posts = pl.DataFrame({"post_id": list(map(str, range(n))), "text": texts})
    labels = {m: np.asarray(y[: n * JOINED].reshape(n, JOINED).any(axis=1)) for m, y in data.labels.items()}
    return labelled.Labelled("joined", data.language, posts, labels)


def scored(data: labelled.Labelled, marker: str) -> tuple[Floats, Mask, Mask]:
    """Evidence of each post by our English list, whether it is labelled with the marker, and whether it has a hit."""
    lexicon = lexicons.load(f"{marker}_en")
    found = evidence(data.posts, lexicons.match(data.posts, lexicon))
    hit = lexicons.match(data.posts, lexicons.without_hints(lexicon))["post_id"]
    level = dense(data.posts, found).get(marker, np.zeros(data.posts.height))
    return level, np.asarray(data.labels[marker], bool), data.posts["post_id"].is_in(hit.implode()).to_numpy()


def errors(level: Floats, labels: Mask, hits: Mask, calibration: Calibration, samples: int) -> dict[str, float]:
    """Mean absolute error of each reading, over samples at every rate."""
    rng, missed = np.random.default_rng(SEED), []
    for rate in RATES:
        for _ in range(samples):
            n = round(rate * SIZE)
            drawn = [rng.choice(np.flatnonzero(labels == one), m) for one, m in ((True, n), (False, SIZE - n))]
            at = np.concatenate(drawn)
            shares = readings(calibration.probability(level[at]), hits[at], calibration)
            missed.append({how: abs(share - rate) for how, share in shares.items()})
    return {how: round(float(np.mean([one[how] for one in missed])), 4) for how in missed[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    samples = 10 if parser.parse_args().quick else 60
    train, dev = labelled.goemotions("train"), labelled.goemotions("dev")
    held_out = dev, labelled.semeval(), joined(dev)
    figures: dict[str, float] = {}
    for marker in MARKERS:
        calibration = fit(*scored(train, marker)[:2], marker=marker)
        for data in held_out:
            found = errors(*scored(data, marker), calibration, samples)
            said = "  ".join(f"{how} {error:.3f}" for how, error in found.items())
            print(f"{data.name:<16}{marker:<10}TPR - FPR {calibration.tpr - calibration.fpr:.2f}  {said}")
            figures |= {f"{data.name} {marker} {how}": error for how, error in found.items()}
    print(json.dumps({"benchmark": "base_rates", "figures": figures, "misses": []}))


if __name__ == "__main__":
    main()
