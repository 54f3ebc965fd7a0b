"""What forecasts were worth, once the truth is known: pure scores of arrays. Lower is better unless said otherwise.

Quantiles (…, 13) lie at `LEVELS`; `truth` (…) is the share that came. `p_high` is a probability, `high` whether the
day was above its threshold; both are (n, horizon) where a window matters, else of any shape.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forecasting.quantiles import LEVELS

ALERT_LEVEL = 0.5
"""p_high from which on a day is taken as alarmed."""
CONSTANT = 0.2
"""What a forecast that knows nothing says of the 80th percentile."""
BLOCK = 4
"""Weeks in a row that the bootstrap draws together."""
_INNER = slice(1, -1)  # .05 .1 .2 … .9 .95


def pinball(quantiles: np.ndarray, levels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pinball loss (…, k) of quantiles (…, k) at levels (k,): τ(y − q) where y is above q, else (1 − τ)(q − y)."""
    over = truth[..., None] - quantiles
    return np.maximum(levels * over, (levels - 1) * over)


def crps(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Twice the mean pinball loss (…) over the eleven quantiles .05, .1, .2 … .9, .95, in units of the share.

    It approaches the continuous ranked probability score as quantiles become many (Gneiting & Ranjan 2011).
    """
    return 2 * pinball(quantiles[..., _INNER], LEVELS[_INNER], truth).mean(axis=-1)


def scrps(quantiles: np.ndarray, truth: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`crps` over `scale` (…): the mean absolute daily change of the 84 days before. NaN where nothing moved."""
    return crps(quantiles, truth) / np.where(scale > 0, scale, np.nan)


def wis(quantiles: np.ndarray, truth: np.ndarray, levels: np.ndarray = LEVELS) -> np.ndarray:
    """Weighted interval score (…) of the median and K central intervals (Bracher et al. 2021, PLOS Comput Biol 17).

    (½|y − m| + Σ α/2 · IS_α) / (K + ½); at `LEVELS` K is 6, α = .05 .1 .2 .4 .6 .8. α/2 · IS_α is what the two ends
    of an interval have in pinball loss, so that all is twice the mean pinball loss over symmetric levels (2 K + 1,); in
    units of the share.
    """
    return 2 * pinball(quantiles, levels, truth).mean(axis=-1)


def covered(quantiles: np.ndarray, truth: np.ndarray, level: float) -> np.ndarray:
    """Whether the central interval of `level` (.95, .9, .8, .6, .4 or .2) holds the truth (…), its ends included."""
    low = int(np.argmin(abs(LEVELS - (1 - level) / 2)))
    if not np.isclose(LEVELS[low], (1 - level) / 2):
        raise ValueError(f"level: got {level}; expected one that two of the quantiles enclose, e.g. .8, .9 or .95")
    return (quantiles[..., low] <= truth) & (truth <= quantiles[..., -1 - low])


def relative_error(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """|truth − median| / truth (…), a fraction; NaN on days of truth 0."""
    return abs(quantiles[..., len(LEVELS) // 2] - truth) / np.where(truth > 0, truth, np.nan)


def mape(quantiles: np.ndarray, truth: np.ndarray) -> float:
    """Mean of `relative_error`, where days of truth 0 do not count; NaN where none counts."""
    errors = relative_error(quantiles, truth)
    return _mean(errors[~np.isnan(errors)])


def brier(p_high: np.ndarray, high: np.ndarray) -> float:
    """Mean of (p_high − high)² (Brier 1950)."""
    return _mean((p_high - high) ** 2)


def brier_skill(p_high: np.ndarray, high: np.ndarray, constant: float = CONSTANT) -> float:
    """1 − Brier score over that of always saying `constant`: higher is better, 1 is perfect, 0 no better."""
    return 1 - brier(p_high, high) / brier(np.full(np.shape(high), constant), high)


class Reliability(NamedTuple):
    """Of each bin of p_high (its lower border included, of the last also the upper): mean p_high, how often it came."""

    n: np.ndarray
    said: np.ndarray
    came: np.ndarray


def reliability(p_high: np.ndarray, high: np.ndarray, bins: int = 10) -> Reliability:
    """How often a day came when it was said with probability p, in bins of equal width; NaN where a bin is empty."""
    p, came = p_high.ravel(), high.ravel().astype(float)
    at = np.clip((p * bins).astype(int), 0, bins - 1)
    n, said, hits = (np.bincount(at, weights, minlength=bins) for weights in (None, p, came))
    with np.errstate(invalid="ignore"):
        return Reliability(n, said / n, hits / n)


def calibration_error(p_high: np.ndarray, high: np.ndarray, bins: int = 10) -> float:
    """Mean |said − came| over the days of `reliability`; 0 is perfect."""
    found = reliability(p_high, high, bins)
    some = found.n > 0
    return _ratio(float((found.n * abs(found.said - found.came))[some].sum()), float(found.n.sum()))


def average_precision(p_high: np.ndarray, high: np.ndarray) -> float:
    """Σ (R_k − R_{k−1}) P_k over falling limits of p_high, equal ones taken together: higher is better.

    A constant p_high gets the share of high days. NaN without a high day.
    """
    p, came = p_high.ravel(), high.ravel().astype(bool)
    if not came.any():
        return float("nan")
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    hits = np.cumsum(came[order])[last]
    return float((np.diff(hits, prepend=0) / hits[-1] * (hits / (last + 1))).sum())


class Alarms(NamedTuple):
    """What alarms were worth. A rate is NaN where it has no denominator: no alarm, or no high day."""

    precision: float
    recall: float
    f1: float
    false_alarms_per_week: float
    """Days alarmed in vain, in a week of one series."""


def alarms(p_high: np.ndarray, high: np.ndarray, limit: float = ALERT_LEVEL) -> Alarms:
    """Days with p_high of at least `limit` against days that were high, day by day."""
    alarmed = p_high >= limit
    return _worth(float(alarmed.sum()), float((alarmed & (high > 0)).sum()), high)


def random_alarms(n: int, high: np.ndarray) -> Alarms:
    """What `n` alarms on days drawn at random, without repeats, have by expectation.

    Their hits are hypergeometric, n · high days / days. f1 is 2 · hits / (n + high days), linear in the hits, so that
    all four are exact.
    """
    return _worth(n, n * _mean(high), high)


def every_week_alarm(high: np.ndarray) -> Alarms:
    """What an alarm has that stands on all days of every week: full recall, and the precision of knowing nothing."""
    return random_alarms(np.size(high), high)


def _worth(n: float, hits: float, high: np.ndarray) -> Alarms:
    events, days = float(np.sum(high)), np.size(high)
    return Alarms(_ratio(hits, n), _ratio(hits, events), _ratio(2 * hits, n + events), _ratio(7 * (n - hits), days))


class Lead(NamedTuple):
    """How early the beginnings of high periods were alarmed."""

    days: float
    """Mean days from the origin to the first high day of those that were alarmed; NaN where none was."""
    caught: float
    """Share of first high days that were alarmed."""


def lead_time(p_high: np.ndarray, high: np.ndarray, before: np.ndarray, limit: float = ALERT_LEVEL) -> Lead:
    """Lead of alarms on the first day of each high period. p_high, high: (n, horizon), step h is h + 1 days ahead.

    before: (n,), whether the origin itself was high. A first day is a high one whose day before was not.
    """
    high = high.astype(bool)
    first = high & ~np.column_stack([before.astype(bool), high[:, :-1]])
    hit = first & (p_high >= limit)
    ahead = np.broadcast_to(np.arange(1, high.shape[1] + 1), high.shape)
    return Lead(_mean(ahead[hit]), _ratio(float(hit.sum()), float(first.sum())))


def bootstrap(
    statistic: Callable[[np.ndarray], float | np.ndarray],
    series: np.ndarray,
    weeks: np.ndarray,
    draws: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the central interval of `statistic` under a block bootstrap over series and weeks.

    series, weeks: (n,), what series and week (any sortable values) a window is of. Both are drawn with repeats,
    independently, and a window counts as often as its series times its week (pigeonhole bootstrap; Owen 2007). Weeks
    are drawn as runs of `BLOCK`, since neighbours resemble each other (blocks on a circle; Politis & Romano 1992).
    `statistic` maps positions of windows, some repeated, to a number or an array; NaN draws do not count.
    """
    rng = np.random.default_rng(seed)
    (names, of), (times, at) = (np.unique(of, return_inverse=True) for of in (series, weeks))
    runs = -(-len(times) // BLOCK)
    found = []
    for _ in range(draws):
        drawn = rng.integers(len(times), size=runs)[:, None] + np.arange(BLOCK)
        week = np.bincount(drawn.ravel()[: len(times)] % len(times), minlength=len(times))
        one = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        rows = np.repeat(np.arange(len(of)), one[of] * week[at])
        if len(rows):
            found.append(statistic(rows))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)  # a figure that no draw has is NaN
        low, high = np.nanquantile(np.asarray(found, dtype=float), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if np.size(values) else float("nan")
