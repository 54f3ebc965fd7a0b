"""Whether corrected prevalence holds what its interval says, and what it gains over labels alone.

`python -m benchmarks.correction` draws labels from 1,000 simulated populations (prevalence .02 to .3, authors who
differ, lexicons that miss and err, some authors more than others; 100 to 800 labels, drawn uniformly or half of them
with a hit) and from GoEmotions' dev part, with its labels as truth and our English lists as lexicons. The learned lists
and all calibrations were fitted on GoEmotions' train part, so nothing is drawn from that.

It counts how often 95 % intervals hold the prevalence that populations were made with, and divides root mean squared
errors by those of labels alone: of the same labels, and of as many drawn uniformly. Cells below the least numbers of
labelled authors and positive labels are not published; they are measured apart. Prints one JSON line.
"""

import argparse
import json
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

import lexicons
from barograph.correction import FEWEST_AUTHORS, FEWEST_POSITIVES, Crowd, Sample, corrected, labels_alone
from benchmarks import labelled
from lexicons.calibrate import dense, evidence

SEED, POPULATIONS, REPEATS = 11, 1000, 10
AUTHORS = 2000
LABELS = (100, 200, 400, 800)
HELD, OFF, GAIN, ALIKE = (0.93, 0.97), 1.05, 0.8, 0.6
"""The aims: how often an interval holds the truth; RMSE over labels alone, always, and from a correlation of .6 on."""
EDGES = (0.0, 0.2, 0.4, 0.6, 1.0)
Floats = NDArray[np.float64]


class Posts(NamedTuple):
    """All posts of a day: author, whether each expresses the marker, what is predicted of it, whether it has a hit."""

    author: NDArray[np.int64]
    label: Floats
    prediction: Floats
    hit: NDArray[np.bool_]


class Kind(NamedTuple):
    """How a population is made."""

    rate: float
    spread: float
    """How alike authors are: a + b of the beta distribution of their rates."""
    found: float
    """Share of posts with the marker that have a hit, and of the others."""
    wrong: float
    probability: bool
    """Whether predictions are probabilities, at another base rate, or hits."""
    n: int
    strata: bool


def kinds(rng: np.random.Generator, n: int) -> list[Kind]:
    """So many kinds of population, over the whole range."""
    return [
        Kind(
            rate=float(np.exp(rng.uniform(np.log(0.02), np.log(0.3)))), spread=float(rng.uniform(1, 12)),
            found=float(rng.uniform(0.2, 0.97)), wrong=float(rng.uniform(0.002, 0.12)),
            probability=bool(rng.random() < 0.5), n=int(rng.choice(LABELS)), strata=bool(rng.random() < 0.5),
        )
        for _ in range(n)
    ]  # fmt: skip


def population(rng: np.random.Generator, kind: Kind) -> Posts:
    """Posts of authors who post from once to often, and of whom some are misread more than others."""
    author = np.repeat(np.arange(AUTHORS), rng.geometric(0.4, AUTHORS))
    lean = rng.beta(kind.rate * kind.spread, (1 - kind.rate) * kind.spread, AUTHORS)
    label = rng.random(len(author)) < lean[author]
    misread = rng.gamma(2.0, 0.5, AUTHORS)[author]
    hit = rng.random(len(author)) < np.where(label, kind.found, np.minimum(kind.wrong * misread, 1))
    prediction = hit.astype(float)
    if kind.probability:  # as fitted where a marker is expressed in a fifth of all posts
        strength = np.where(hit, rng.uniform(0.5, 2, len(author)), 0.1)
        prediction = strength * 0.2 / (strength * 0.2 + 0.2)
    return Posts(author, label.astype(float), prediction, hit)


def drawn(rng: np.random.Generator, posts: Posts, n: int, *, strata: bool) -> Sample:
    """A Poisson sample of `n` expected labels: uniform, or half of them with a hit where so many posts have one."""
    hits, size = int(posts.hit.sum()), len(posts.label)
    p = np.full(size, n / size)
    if strata and 0 < hits < size:
        wanted = max(n / 2, n - (size - hits)), max(n / 2, n - hits)
        p = np.where(posts.hit, min(1, wanted[0] / hits), min(1, wanted[1] / (size - hits)))
    at = np.flatnonzero(rng.random(size) < p)
    stratum = posts.hit[at].astype(np.int64) * strata
    return Sample(posts.label[at], posts.prediction[at], 1 / p[at], posts.author[at], stratum)


def crowd(posts: Posts) -> Crowd:
    """The posts by author."""
    who = np.arange(posts.author.max() + 1)
    size, prediction, hit = (
        np.bincount(posts.author, v).astype(float) for v in (np.ones(len(posts.label)), posts.prediction, posts.hit)
    )
    return Crowd(who, size, prediction, hit)


def measured(rng: np.random.Generator, posts: Posts, truth: float, n: int, *, strata: bool) -> dict[str, float]:
    """One sample's errors, in units of √(p(1 − p) / n), and whether intervals hold the truth."""
    sample = drawn(rng, posts, n, strata=strata)
    scale = np.sqrt(truth * (1 - truth) / n)
    uniform = drawn(rng, posts, n, strata=False) if strata else sample
    found, alone, plain = corrected(sample, crowd(posts)), labels_alone(sample), labels_alone(uniform)
    alike = np.corrcoef(posts.label, posts.prediction)[0, 1] if posts.prediction.std() > 0 else 0.0
    authors = len(np.unique(sample.author))
    return {
        "rate": truth, "n": n, "strata": strata, "alike": float(alike),
        "published": bool(authors >= FEWEST_AUTHORS and sample.label.sum() >= FEWEST_POSITIVES),
        "corrected": float((found.prevalence - truth) / scale), "alone": float((alone.prevalence - truth) / scale),
        "uniform": float((plain.prevalence - truth) / scale),
        "held": bool(found.lo <= truth <= found.hi), "held_alone": bool(alone.lo <= truth <= alone.hi),
        "width": found.hi - found.lo, "width_alone": alone.hi - alone.lo,
    }  # fmt: skip


def simulated(populations: int, repeats: int) -> pl.DataFrame:
    """A row a sample of each simulated population, made anew each time."""
    rng = np.random.default_rng(SEED)
    return pl.DataFrame([
        measured(rng, population(rng, kind), kind.rate, kind.n, strata=kind.strata)
        for kind in kinds(rng, populations) for _ in range(repeats)
    ])  # fmt: skip


def goemotions(repeats: int) -> pl.DataFrame:
    """The same of GoEmotions' dev part, posts drawn from it with replacement; every marker of .02 to .3."""
    data, rng, rows = labelled.goemotions("dev"), np.random.default_rng(SEED), []
    for marker, labels in data.labels.items():
        if not 0.02 <= labels.mean() <= 0.3 or f"{marker}_en" not in lexicons.names():
            continue
        hand = lexicons.without_hints(lexicons.load(f"{marker}_en"))
        hit = data.posts["post_id"].is_in(lexicons.match(data.posts, hand)["post_id"].implode()).to_numpy()
        predictions = {"hits": hit.astype(float)}
        learned = f"{marker}_en_learned"
        lexicon = lexicons.load(learned if learned in lexicons.names() else f"{marker}_en")
        if (fitted := lexicon.calibration) is not None:
            found = evidence(data.posts, lexicons.match(data.posts, lexicon))
            predictions["probability"] = fitted.probability(dense(data.posts, found)[fitted.marker])
        for name, prediction in predictions.items():
            for strata in (False, True):
                for n in LABELS[:3]:
                    for _ in range(repeats):
                        at = rng.integers(len(labels), size=len(labels))
                        posts = Posts(np.arange(len(at)), labels[at].astype(float), prediction[at], hit[at])
                        row = measured(rng, posts, float(labels.mean()), n, strata=strata)
                        rows.append({"marker": marker, "prediction": name, **row})
    return pl.DataFrame(rows)


def figures(rows: pl.DataFrame) -> dict[str, float]:
    """Coverage and RMSE ratios of some samples."""
    error = {name: float(np.sqrt((rows[name].to_numpy() ** 2).mean())) for name in ("corrected", "alone", "uniform")}
    held, alone = (float(rows[name].to_numpy().mean()) for name in ("held", "held_alone"))
    width = float((rows["width"] / rows["width_alone"]).to_numpy().mean())
    return {
        "samples": rows.height, "coverage": round(held, 4), "coverage_alone": round(alone, 4),
        "over_alone": round(error["corrected"] / error["alone"], 3),
        "over_uniform": round(error["corrected"] / error["uniform"], 3), "width_over_alone": round(width, 3),
    }  # fmt: skip


def bands(rows: pl.DataFrame, *by: str) -> dict[str, dict[str, float]]:
    """Figures by columns of `rows`, or by `band` (of correlation), `labels`, `rates` and `design`."""
    alike, rates = (f"r {a}–{b}" for a, b in pairwise(EDGES)), ("p .02–.05", "p .05–.1", "p .1–.3")
    rows = rows.with_columns(
        pl.Series("band", np.array([*alike])[np.digitize(rows["alike"].abs().to_numpy(), EDGES[1:-1])]),
        pl.Series("rates", np.array(rates)[np.digitize(rows["rate"].to_numpy(), (0.05, 0.1))]),
        labels=pl.format("n {}", "n"), design=pl.when("strata").then(pl.lit("stratified")).otherwise(pl.lit("uniform")),
    )  # fmt: skip
    groups = rows.sort(*by).group_by(*by, maintain_order=True)
    return {" ".join(map(str, key)): figures(of) for key, of in groups}


def missed(where: str, told: dict[str, float], *, alike: bool = False) -> list[str]:
    """The aims that these figures miss."""
    found = []
    if not HELD[0] <= told["coverage"] <= HELD[1]:
        found.append(f"{where}: 95 % intervals hold {told['coverage']:.1%}; expected 93 to 97 %")
    if told["over_alone"] > OFF:
        found.append(f"{where}: RMSE {told['over_alone']:.2f} of labels alone; expected at most {OFF}")
    if alike and told["over_uniform"] > GAIN:
        found.append(f"{where}: RMSE {told['over_uniform']:.2f} of labels alone; expected at most {GAIN}")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer populations and samples")
    quick = parser.parse_args().quick
    sets = {"simulated": simulated(300, 4) if quick else simulated(POPULATIONS, REPEATS)}
    if labelled.LABELLED.is_dir():
        sets["goemotions dev"] = goemotions(5 if quick else 60)
    else:
        print("no labelled sets: GoEmotions is left out; set BAROGRAPH_SHARED to the folder that holds data/labelled")
    told: dict[str, dict[str, dict[str, float]]] = {}
    misses: list[str] = []
    for name, rows in sets.items():
        published = rows.filter("published")
        told[name] = {"published": figures(published), "all": figures(rows)}
        for by in (("rates", "labels"), ("design", "band")):
            told[name] |= bands(published, *by)
        misses += missed(name, told[name]["published"])
        for band, found in bands(published, "band").items():
            told[name][band] = found
            misses += [
                said for said in missed(f"{name}, {band}", found, alike=float(band.split()[1].split("–")[0]) >= ALIKE)
                if "RMSE" in said
            ]  # fmt: skip
        if "marker" in rows.columns:
            told[name] |= bands(published, "marker", "prediction")
        print(f"{name:<26}samples  coverage (alone)   RMSE / alone  / uniform   width / alone")
        for what, f in told[name].items():
            held = f"{f['samples']:>7}  {f['coverage']:>8.3f} ({f['coverage_alone']:.3f})"
            gain = f"{f['over_alone']:>12.2f}  {f['over_uniform']:>9.2f}  {f['width_over_alone']:>14.2f}"
            print(f"  {what:<24}{held}  {gain}")
    headline = {
        f"{name}, {what}, {figure}": value for name, all_of in told.items() for what, found in all_of.items()
        if what in ("published", "all") or what.startswith("r ") for figure, value in found.items()
    }  # fmt: skip
    headline |= {f"n_{key}": headline[f"{key.rpartition(', ')[0]}, samples"] for key in headline}
    print(json.dumps({"benchmark": "correction", "figures": headline, "misses": misses}, ensure_ascii=False))


if __name__ == "__main__":
    main()
