"""Labels of a sample and a prediction for every post → the prevalence among all posts, with its uncertainty.

The difference estimator (Särndal, Swensson & Wretman 1992, ch. 6), which for predictions of a model is called
prediction-powered inference (Angelopoulos et al. 2023; tuning: Angelopoulos, Duchi & Zrnic 2023). However wrong the
predictions are, the mean residual of the labelled sample puts them right; the better they are, the less is left to it.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FEWEST_AUTHORS = 50
"""Labelled authors below which nothing is corrected."""
FEWEST_POSITIVES = 10
"""Labelled posts that express the marker, below which a sample says little of how the lexicon errs."""
FOLDS = 5
_LEAST_OF_STRATUM = 5
_TINY = 1e-300
_ROUNDING = 1e-18
"""A variance up to this is what is left of 0 after rounding."""
_COVERAGE = 0.975
_Z = float(stats.norm.ppf(_COVERAGE))
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sample(NamedTuple):
    """Labelled posts, (n_labels,) each."""

    label: Floats
    """1 where the post expresses the marker, else 0."""
    prediction: Floats
    """Of the same post without its label, of any scale."""
    weight: Floats
    """1 / inclusion probability; unit authors: over the author's posts of that day too."""
    author: Ints
    """Number of the author from 0 on, shared with `Crowd`."""
    stratum: Ints
    """0 or 1: posts drawn alike."""


class Crowd(NamedTuple):
    """All posts of the day by author, (n_authors,) each."""

    author: Ints
    """Number, as in `Sample`."""
    size: Floats
    """Posts; unit authors: 1."""
    prediction: Floats
    """Sum over the posts of `size`; unit authors: mean."""
    in_stratum: Floats
    """How much of `size` is in stratum 1."""


class Estimate(NamedTuple):
    """A prevalence in [0, 1], the variance of its estimator, its 95 % interval, and the tuning that was used."""

    prevalence: float
    variance: float
    lo: float
    hi: float
    tuning: float


def corrected(sample: Sample, crowd: Crowd, *, tuning: float | None = None) -> Estimate:
    """The mean over the day's posts of λ · prediction + mean residual of its stratum.

    The residual, label − λ · prediction, is weighted by `weight` within each stratum. λ in [0, 1] is the one with the
    least variance; each fifth of the authors gets that of the others, so that it does not know their labels. tuning: a
    λ to use instead: 0 leaves the labels and the strata alone.

    variance: linearised, over all authors, each with what its own posts of the day and its own labels move.
    """
    sample = _joined_where_few(sample)
    n_authors = int(max(crowd.author.max(), sample.author.max())) + 1
    total = crowd.size.sum()
    parts = _stratum_parts(crowd, sample.stratum)
    share = parts.sum(axis=1) / total  # of each stratum among the day's posts
    own = np.zeros(len(share))
    np.add.at(own, sample.stratum, sample.weight)
    scaled = sample.weight * (share / np.maximum(own, _TINY))[sample.stratum]

    def moves(values: Floats, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """What each author moves: the mean residual by labels; the day's mean by posts, with `sums` and without."""
        of_stratum = np.bincount(sample.stratum, sample.weight * values, len(own)) / np.maximum(own, _TINY)
        by_labels = _by(sample.author, scaled * (values - of_stratum[sample.stratum]), n_authors)
        strata = of_stratum @ parts
        level, plain = strata.sum() / total, (sums.sum() / total)
        by_strata = _by(crowd.author, (strata - level * crowd.size) / total, n_authors)
        by_sums = _by(crowd.author, (sums - plain * crowd.size) / total, n_authors)
        return by_labels, by_strata, by_sums

    nothing = np.zeros(len(crowd.size))
    y_labels, y_strata, _ = moves(sample.label, nothing)
    f_labels, f_strata, f_sums = moves(sample.prediction, crowd.prediction)
    with_labels, against = y_labels + y_strata, f_labels + f_strata - f_sums
    lambdas = _tunings(with_labels, against) if tuning is None else np.full(FOLDS, tuning)
    each = lambdas[sample.author % FOLDS]
    residual = sample.label - each * sample.prediction
    mean_lambda = float((scaled * each).sum() / scaled.sum())
    prevalence = mean_lambda * crowd.prediction.sum() / total + (scaled * residual).sum()
    r_labels, r_strata, _ = moves(residual, nothing)
    everyone = r_labels + r_strata + mean_lambda * f_sums
    there = _by(crowd.author, crowd.size, n_authors) + _by(sample.author, sample.weight, n_authors)
    variance = _clustered(everyone, there)
    return _bounded(prevalence, variance, mean_lambda, sample, residual, share)


def labels_alone(sample: Sample) -> Estimate:
    """The design-weighted (Hájek) mean of the labels; variance linearised, clustered by author."""
    sample = _joined_where_few(sample)
    weight = sample.weight / sample.weight.sum()
    prevalence = float(weight @ sample.label)
    variance = _clustered(_by(sample.author, weight * (sample.label - prevalence)), _by(sample.author, weight))
    return _bounded(prevalence, variance, 0.0, sample, sample.label, _by(sample.stratum, weight))


def audited(found: Estimate, difference: Floats, weight: Floats, author: Ints) -> Estimate:
    """`found` corrected once more, from annotators' labels to people's, by the mean of people's less annotators'.

    difference: in [-1, 1] on audited posts; weight: 1 / their inclusion probability; author: numbers from 0 on. One
    disagreement more than was found is reckoned with, so that few audits that all agree prove no perfection.
    """
    weight = weight / weight.sum()
    mean = float(weight @ difference)
    sizes = _by(author, weight)
    variance = _clustered(_by(author, weight * (difference - mean)), sizes) + float((sizes**2).sum()) ** 2
    width = variance * _t_quantile(max(int((sizes > 0).sum()) - 1, 1)) ** 2
    prevalence = float(np.clip(found.prevalence + mean, 0, 1))
    below, above = (found.prevalence - found.lo) ** 2 + width, (found.hi - found.prevalence) ** 2 + width
    return Estimate(
        prevalence, found.variance + variance, max(prevalence - math.sqrt(below), 0.0),
        min(prevalence + math.sqrt(above), 1.0), found.tuning,
    )  # fmt: skip


def labels_needed(width: float, lo: float, hi: float, labels: int) -> int:
    """How many labels of the same kind give a 95 % interval of at most `width` (0 to 1).

    lo, hi: the interval that `labels` gave. Its width falls with the root of the number of labels.
    """
    return math.ceil(labels * ((hi - lo) / width) ** 2)


def _joined_where_few(sample: Sample) -> Sample:
    """One stratum, where one of two has hardly a label."""
    n = np.bincount(sample.stratum)
    return sample._replace(stratum=np.zeros_like(sample.stratum)) if n.min() < _LEAST_OF_STRATUM else sample


def _stratum_parts(crowd: Crowd, stratum: Ints) -> Floats:
    """How much of each author's size is in each stratum, (n_strata, n_authors)."""
    if stratum.max() == 0:
        return crowd.size[None, :]
    return np.stack([crowd.size - crowd.in_stratum, crowd.in_stratum])


def _tunings(with_labels: Floats, against: Floats) -> Floats:
    """λ for each fold of authors: of least variance among the other folds."""
    fold = np.arange(len(against)) % FOLDS
    products, squares = (np.bincount(fold, values, FOLDS) for values in (with_labels * against, against**2))
    rest, size = products.sum() - products, squares.sum() - squares
    return np.where(size > _TINY, np.clip(rest / np.maximum(size, _TINY), 0, 1), 0)


def _by(author: Ints, values: Floats, n: int = 0) -> Floats:
    """Sums of `values` by author."""
    return np.bincount(author, values, n).astype(np.float64)


def _clustered(moves: Floats, sizes: Floats) -> float:
    """Variance of a sum of what each author moves, which is 0 on the whole; sizes: 0 of who is not there."""
    m = max(int((sizes > 0).sum()), 2)
    return float((moves**2).sum() * m / (m - 1))


def _bounded(
    prevalence: float, variance: float, tuning: float, sample: Sample, residual: Floats, share: Floats
) -> Estimate:
    """With its interval: that of each stratum after Wilson, put together after Zou & Donner (2008).

    A stratum's labels of share p are worth n = p(1 − p) / variance of its mean residual; where that is 0, or p is,
    Kish's number of authors. The rest of the variance, of which posts there are, is taken for normal.
    """
    below = above = within = 0.0
    for stratum, part in enumerate(share):
        mine = sample.stratum == stratum
        if not mine.any():
            continue
        weight = sample.weight[mine] / sample.weight[mine].sum()
        p, r = float(weight @ sample.label[mine]), residual[mine]
        sizes = _by(sample.author[mine], weight)
        left = _clustered(_by(sample.author[mine], weight * (r - weight @ r)), sizes)
        down, up = _wilson(p, left, 1 / float((sizes**2).sum()), int((sizes > 0).sum()))
        within, below, above = within + part**2 * left, below + (part * down) ** 2, above + (part * up) ** 2
    rest = max(variance - within, 0.0) * _Z**2
    prevalence = float(np.clip(prevalence, 0, 1))
    return Estimate(
        prevalence, variance, max(prevalence - math.sqrt(below + rest), 0.0),
        min(prevalence + math.sqrt(above + rest), 1.0), tuning,
    )  # fmt: skip


def _wilson(p: float, variance: float, authors: float, clusters: int) -> tuple[float, float]:
    """How far Wilson's bounds are below and above a share of this variance, with the t-quantile of its clusters."""
    spread = min(max(p * (1 - p), 0.0), 0.25)
    n = spread / variance if variance > _ROUNDING and spread > _ROUNDING else authors
    n *= (_Z / _t_quantile(max(clusters - 1, 1))) ** 2
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(spread / n + _Z**2 / (4 * n**2))
    return p - max(middle - half, 0.0), min(middle + half, 1.0) - p


@lru_cache(maxsize=10_000)
def _t_quantile(df: int) -> float:
    return float(stats.t.ppf(_COVERAGE, df))
