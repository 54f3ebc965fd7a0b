"""How well scores put positives above negatives, with bootstrap intervals over posts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64]
INTERVAL = (2.5, 97.5)
SEED = 20


@dataclass(frozen=True)
class Ranking:
    """AUC and average precision: on the posts, and in each resample of them, (n_resamples,)."""

    auc: float
    ap: float
    auc_resampled: Floats
    ap_resampled: Floats

    @property
    def auc_interval(self) -> tuple[float, float]:
        """95 %, percentile bootstrap."""
        low, high = np.percentile(self.auc_resampled, INTERVAL)
        return float(low), float(high)

    @property
    def ap_interval(self) -> tuple[float, float]:
        """95 %, percentile bootstrap."""
        low, high = np.percentile(self.ap_resampled, INTERVAL)
        return float(low), float(high)


def resamples(labels: npt.NDArray[np.bool_], n: int) -> Counts:
    """How often each post is drawn, (n, n_posts), with replacement: positives from positives, negatives likewise."""
    random = np.random.default_rng(SEED)
    counts = np.zeros((n, len(labels)))
    for kind in (True, False):
        at = np.flatnonzero(labels == kind)
        drawn = random.integers(0, len(at), (n, len(at)))
        for row, places in enumerate(drawn):
            counts[row, at] = np.bincount(places, minlength=len(at))
    return counts


def rank(scores: npt.ArrayLike, labels: npt.NDArray[np.bool_], drawn: Counts) -> Ranking:
    """AUC (ties count half) and average precision (a step per distinct score) of `scores` (n_posts,)."""
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    counts = np.vstack([np.ones(len(values)), drawn])[:, order]
    positive = labels[order].astype(np.float64)
    p = np.add.reduceat(counts * positive, starts, axis=1)
    n = np.add.reduceat(counts * (1 - positive), starts, axis=1)
    above = p.cumsum(axis=1)
    p_total, n_total = above[:, -1], n.sum(axis=1)
    auc = (n * (above - p / 2)).sum(axis=1) / (p_total * n_total)
    found = above + n.cumsum(axis=1)
    precision = np.divide(above, found, out=np.zeros_like(above), where=found > 0)
    ap = (p * precision).sum(axis=1) / p_total
    return Ranking(float(auc[0]), float(ap[0]), auc[1:], ap[1:])


def difference(one: Ranking, other: Ranking) -> tuple[float, float, float]:
    """AUC of one minus the other's, and its 95 % interval; both must come from the same resamples."""
    low, high = np.percentile(one.auc_resampled - other.auc_resampled, INTERVAL)
    return one.auc - other.auc, float(low), float(high)
