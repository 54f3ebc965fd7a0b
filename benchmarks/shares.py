"""How far estimated shares are from labelled ones, in groups of posts drawn at several base rates.

A window is 1,050 posts of a set, drawn with replacement at a base rate: a month of a small population. It falls into
seven groups of 150 posts, as days do. The error of a reading is the mean over groups of |estimated − labelled share|.
Base rates are the set's own (positives by chance) and, as shift, half and twice of it, at most .6. What is known of a
window besides its posts is nothing; an adjustment estimates the base rate from the window's posts alone.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from lexicons import Calibration

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
GROUP, GROUPS = 150, 7
FEWEST = 25
"""Positives (and negatives) a set must have: fewer, drawn again and again, would be a test of those few."""
LEAST_POWER = 0.2
"""Least tpr − fpr at which a base rate is estimated."""
SEED = 21
_STEPS = 500
_HIGHEST = 0.6

Reading = Callable[[Places], Floats]
"""Places of a window's posts, (GROUPS, GROUP), → the estimated share of each group."""


def windows(labels: npt.NDArray[np.bool_], n: int) -> dict[str, list[Places]]:
    """`own` and `shifted` → windows as places of posts, each (GROUPS, GROUP); n windows per base rate."""
    random = np.random.default_rng(SEED)
    yes, no, own = np.flatnonzero(labels), np.flatnonzero(~labels), float(labels.mean())
    found: dict[str, list[Places]] = {"own": [], "shifted": []}
    for kind, rate in (("own", own), ("shifted", own / 2), ("shifted", min(2 * own, _HIGHEST))):
        for _ in range(n):
            positive = random.random((GROUPS, GROUP)) < rate
            found[kind].append(
                np.where(positive, random.choice(yes, positive.shape), random.choice(no, positive.shape))
            )
    return found


def errors(labels: npt.NDArray[np.bool_], drawn: list[Places], readings: Mapping[str, Reading]) -> dict[str, float]:
    """Reading → mean absolute error of the groups' shares."""
    return {
        name: float(np.mean([np.abs(read(places) - labels[places].mean(axis=1)).mean() for places in drawn]))
        for name, read in readings.items()
    }


def mean_of(values: npt.ArrayLike) -> Reading:
    """The mean of a value per post: of hits, a share of posts; of probabilities, an expected one."""
    numbers = np.asarray(values, dtype=np.float64)
    return lambda places: numbers[places].mean(axis=1)


def line_of(hits: npt.ArrayLike, line: tuple[float, float]) -> Reading:
    """A straight line (slope, intercept) through the share of hits, within [0, 1]."""
    share = mean_of(hits)
    return lambda places: np.clip(line[0] * share(places) + line[1], 0, 1)


def straight_line(hits: npt.ArrayLike, labels: npt.NDArray[np.bool_], n: int) -> tuple[float, float]:
    """Slope and intercept of labelled on hit share by least squares, over groups at all base rates."""
    places = np.concatenate([window for kind in windows(labels, n).values() for window in kind])
    share, labelled = mean_of(hits)(places), labels[places].mean(axis=1)
    if np.ptp(share) == 0:
        return 0.0, float(labelled.mean())
    slope, intercept = np.polyfit(share, labelled, 1)
    return float(slope), float(intercept)


def adjusted(probabilities: Floats, calibration: Calibration) -> Reading:
    """Probabilities read again at the window's own base rate, the fixed point of Saerens et al. (2002), called EMQ."""
    if calibration.tpr - calibration.fpr < LEAST_POWER:
        return mean_of(probabilities)
    fitted = calibration.base_rate

    def read(places: Places) -> Floats:
        p = probabilities[places]
        expressed, absent = p / fitted, (1 - p) / (1 - fitted)
        rate = fitted
        for _ in range(_STEPS):
            posterior = rate * expressed / (rate * expressed + (1 - rate) * absent)
            rate, before = float(posterior.mean()), rate
            if abs(rate - before) < 1e-7:
                break
        return np.asarray(posterior.mean(axis=1))

    return read


def counted(probabilities: Floats, calibration: Calibration) -> Reading:
    """The soft adjusted count of the window (Bella et al. 2010), plus how the group departs from it."""
    power = calibration.tpr - calibration.fpr
    if power < LEAST_POWER:
        return mean_of(probabilities)

    def read(places: Places) -> Floats:
        return np.clip((probabilities[places].mean(axis=1) - calibration.fpr) / power, 0, 1)

    return read
