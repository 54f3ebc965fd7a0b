"""How long a source waits before it tries a server again."""

import random

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try, and at most; doubled with each, and of that a random part from a half on."""
_DOUBLED = 16
"""Times that a wait is doubled, at most: it is the longest long before, and no power is too large to be a number."""


def wait(failures: int) -> float:
    """Seconds before the next try after so many failures in a row, from 1 on."""
    longest = min(FIRST_WAIT * 2 ** min(failures - 1, _DOUBLED), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1)  # noqa: S311  (spreads tries, hides nothing)
