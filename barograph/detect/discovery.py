"""How many of many tests may be believed: false discovery rates (Benjamini & Hochberg 1995)."""

import numpy as np

from barograph.detect.baseline import Floats


def rates(p: Floats) -> Floats:
    """q of each p (tests, families): the least rate at which it is a discovery of its column; NaN are no tests."""
    order = np.argsort(p, axis=0)  # NaN last
    ranked = np.take_along_axis(p, order, axis=0)
    tests = np.isfinite(p).sum(axis=0)
    scaled = ranked * tests / np.arange(1, len(p) + 1)[:, None]
    least = np.minimum.accumulate(np.where(np.isnan(scaled), np.inf, scaled)[::-1], axis=0)[::-1]
    q = np.full_like(p, np.nan)
    np.put_along_axis(q, order, np.minimum(least, 1), axis=0)
    return np.where(np.isnan(p), np.nan, q)


def limits(q: Floats, alpha: float) -> Floats:
    """The p up to which each column's tests are discoveries: alpha · (how many are, at least 1) / tests."""
    tests = np.isfinite(q).sum(axis=0)
    with np.errstate(invalid="ignore"):
        found = (q <= alpha).sum(axis=0)
    return alpha * np.maximum(found, 1) / np.maximum(tests, 1)
