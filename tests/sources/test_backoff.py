"""Waits between tries: doubled, spread, never longer than a minute, however often nothing came of them."""

from itertools import pairwise

import pytest

from barograph.sources import backoff


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.5), (2, 1.0), (5, 8.0), (7, 32.0), (8, 60.0), (100, 60.0)])
def test_a_wait_is_twice_the_last_one_up_to_a_minute(failures: int, longest: float) -> None:
    waits = [backoff.wait(failures) for _ in range(50)]
    assert longest / 2 <= min(waits) <= max(waits) <= longest
    assert any(a != b for a, b in pairwise(waits))


@pytest.mark.parametrize("failures", [1_024, 1_025, 1_026, 10**6])
def test_a_server_that_is_away_for_a_day_is_still_waited_for(failures: int) -> None:
    assert 30 <= backoff.wait(failures) <= 60
