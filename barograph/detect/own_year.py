"""A baseline of the line's own year: how far five days stand from the twelve weeks before, and how far they usually do.

On the logit scale, D = mean of the last five days − mean of the 84 days that end a week before, less what the same
eleven days of the year before rose (never what they fell): an exam week comes every year. Its spread is measured
rather than assumed: the standard deviation of D itself over the 364 days that end a week before. That makes a line
which often drifts hard to alarm and a steady one easy, where a standard deviation of days takes drift for news.

Constants were chosen on daily marker shares of 2013 to 2016 (`benchmarks/alerts.py`). values, error: as in `ears`.
"""

import numpy as np

from barograph.detect.baseline import LOGIT, Baseline, Floats, known_error, process_variance, rolling, trailing

DAYS = 5
GUARD = 7
LEVEL = 84
MEMORY = 364
SEASON = (359, 369)
"""Days back, first and last: the year before, whole weeks, five days to both sides."""
DF, SCALE = 3.0, 0.5
"""D over its own spread is as t with three degrees of freedom, times this: so it was on 2013 to 2016."""


def own_year(values: Floats, posts: Floats, error: Floats | None = None) -> Baseline:
    """posts: how many each share rests on; one of 0 is read as half a post.

    The limit is on the day's own value, given the days before. NaN where three quarters of any window are unknown,
    so that the first baseline comes after eleven months.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.clip(0.5 / np.maximum(posts, 1), 1e-9, 0.5)
        inside = np.clip(values, half, 1 - half)
        x = LOGIT.to(inside)
        noise = np.where(np.isnan(x), np.nan, known_error(values, error) / (inside * (1 - inside)) ** 2)
    level, _, n_level = rolling(x, GUARD, GUARD + LEVEL - 1)
    recent, _, n = rolling(x, 0, DAYS - 1)
    departure = recent - level
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = rolling(noise, 0, DAYS - 1)[0] / n + rolling(noise, GUARD, GUARD + LEVEL - 1)[0] / n_level
        before = trailing(np.nan_to_num(departure), *SEASON)
        departure -= np.nan_to_num(before.max(axis=2)).clip(0)
        _, variance, _ = rolling(departure, GUARD, GUARD + MEMORY - 1)
        usual, _, _ = rolling(measured, GUARD, GUARD + MEMORY - 1)
        spread = SCALE * np.sqrt(process_variance(variance, usual) + measured)
    # D = x/n + the rest, so the day's own value is centred where D is 0.
    return Baseline(x - n * departure, n * spread, np.full_like(x, DF), LOGIT)
