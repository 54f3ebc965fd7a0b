"""Krippendorff's alpha: how far raters agree beyond chance, whatever each left out (Krippendorff 2004, chapter 11)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def coincidences(ratings: npt.NDArray[np.int64], n_answers: int) -> Floats:
    """How often two raters of one unit gave each pair of answers, (n_answers, n_answers), symmetric.

    ratings: (n_raters, n_units) of places in the list of answers; −1 where a rater gave none. A unit of m ratings
    counts each of its pairs 1 / (m − 1) times, so that it weighs m; one of a single rating says nothing.
    """
    found = np.zeros((n_answers, n_answers))
    for unit in ratings.T:
        given = np.bincount(unit[unit >= 0], minlength=n_answers).astype(np.float64)
        if (m := given.sum()) >= 2:
            found += (np.outer(given, given) - np.diag(given)) / (m - 1)
    return found


def distances(totals: Floats, level: str) -> Floats:
    """Squared differences of answers, (…, k, k), for totals (…, k): nominal 0 or 1, ordinal by the answers between.

    Raises `ValueError` for a level that is neither.
    """
    k = totals.shape[-1]
    if level == "nominal":
        return np.broadcast_to(1.0 - np.eye(k), (*totals.shape, k))
    if level != "ordinal":
        raise ValueError(f"got level {level!r}; expected nominal or ordinal")
    # From the middle of one answer to the middle of the other, in ratings.
    middles = np.cumsum(totals, axis=-1) - totals / 2
    return (middles[..., :, None] - middles[..., None, :]) ** 2


def alpha(found: Floats, level: str = "nominal") -> Floats:
    """α of coincidences (…, k, k): 1 for full agreement, 0 for that of chance, NaN where all answers are one."""
    totals = found.sum(axis=-1)
    n = totals.sum(axis=-1)
    d = distances(totals, level)
    observed = (found * d).sum(axis=(-2, -1))
    expected = (totals[..., :, None] * totals[..., None, :] * d).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def of_raters(ratings: Sequence[Sequence[str | None]], answers: Sequence[str], level: str = "nominal") -> float:
    """α of raters' answers on the same units; None, or what is not in `answers`, is none. NaN: it cannot be told."""
    places = {answer: i for i, answer in enumerate(answers)}
    table = np.array([[places.get(given or "", -1) for given in row] for row in ratings], dtype=np.int64)
    return float(alpha(coincidences(table, len(answers)), level))
