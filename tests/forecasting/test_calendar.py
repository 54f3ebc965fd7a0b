"""The calendar: which days are feasts, and what they usually do, found again where it was planted."""

from pathlib import Path

import numpy as np
import pytest

from forecasting import calendar
from forecasting.calendar import KINDS, Calendar, keys, kind_of, learn, weekday

ROOT = Path(__file__).parent.parent.parent
ANGER, JOY, SADNESS = (KINDS.index(kind) for kind in ("anger", "positive", "sadness"))
YEARS = np.arange(np.datetime64("2012-01-01"), np.datetime64("2020-01-01"))
NO_EFFECTS = Calendar(np.zeros((4, 372)), np.zeros((4, 16)))


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def test_a_monday_is_0_before_and_after_1970() -> None:
    found = weekday(days("2024-04-01", "2024-04-07", "1969-12-29", "1970-01-01", "1900-01-01"))
    assert found.tolist() == [0, 6, 0, 3, 0]


@pytest.mark.parametrize(
    "same",
    [
        days("2017-04-16", "2018-04-01", "2019-04-21", "2024-03-31", "2038-04-25"),  # Easter
        days("2018-03-30", "2019-04-19", "2024-03-29"),  # Good Friday
        days("2018-04-02", "2019-04-22"),  # Easter Monday
        days("2018-03-25", "2019-04-14"),  # Palm Sunday
        days("2018-02-13", "2019-03-05", "2024-02-13"),  # Shrove Tuesday
        days("2018-03-11", "2019-03-31", "2024-03-10"),  # Mothering Sunday
        days("2018-05-06", "2019-05-05"),  # Mother's Day in Spain
        days("2018-05-13", "2019-05-12", "2023-05-14"),  # Mother's Day
        days("2018-06-17", "2019-06-16"),  # Father's Day
        days("2017-11-23", "2018-11-22", "2019-11-28", "2023-11-23"),  # Thanksgiving
        days("2018-11-23", "2019-11-29"),  # the day after
    ],
)
def test_a_feast_is_the_same_day_in_every_year(same: np.ndarray) -> None:
    movable = keys(same)[1]
    assert movable[0] >= 0
    assert set(movable) == {movable[0]}
    around = keys(np.concatenate([same - 40, same + 40]))[1]
    assert movable[0] not in around


def test_a_year_has_each_feast_once_and_every_day_a_number_of_its_own() -> None:
    for year in range(1990, 2045):
        whole = np.arange(np.datetime64(f"{year}-01-01"), np.datetime64(f"{year + 1}-01-01"))
        fixed, movable = keys(whole)
        assert len(set(fixed)) == len(whole)
        assert sorted(movable[movable >= 0]) == list(range(16))
    assert keys(days("2019-01-01", "2020-02-29", "2020-03-01", "2019-12-31"))[0].tolist() == [0, 59, 62, 371]


def test_days_of_any_shape_are_told() -> None:
    fixed, movable = keys(YEARS[:60].reshape(3, 20))
    assert fixed.shape == movable.shape == (3, 20)
    assert fixed.ravel().tolist() == keys(YEARS[:60])[0].tolist()


def test_an_effect_is_that_of_the_day_and_the_feast_and_none_without_a_kind() -> None:
    fixed, movable = np.zeros((4, 372)), np.zeros((4, 16))
    christmas, (thanksgiving,) = 11 * 31 + 24, keys(days("2018-11-22"))[1]
    fixed[JOY, christmas], fixed[JOY, 10 * 31 + 21], movable[JOY, thanksgiving] = 3.0, 0.5, 2.0
    made = Calendar(fixed, movable)
    found = made.effects(np.array([JOY, ANGER, -1]), np.tile(days("2018-12-25", "2018-11-22", "2019-11-28", "2018-12-26"), (3, 1)))
    np.testing.assert_array_equal(found, [[3.0, 2.5, 2.0, 0.0], [0.0] * 4, [0.0] * 4])


def test_markers_have_the_kind_of_what_they_are_about() -> None:
    assert [KINDS[kind_of(m)] for m in ("joy", "joy_learned", "dimension:anger", "fear", "despair")] == [
        "positive", "positive", "anger", "anxiety", "sadness",
    ]  # fmt: skip
    assert [kind_of(m) for m in ("", "surprise", "Joy", "joyful", "negative")] == [-1] * 5


def test_every_word_with_a_kind_is_a_marker_of_the_project_or_its_plain_name() -> None:
    lexicons = {path.name.removesuffix("_learned").rsplit("_", 1)[0] for path in (ROOT / "lexicons").iterdir() if path.is_dir()}
    assert set(calendar._KIND) <= lexicons | {"happiness"}
    assert [calendar._KIND[kind] for kind in KINDS] == list(range(4)), "a kind is named by one of its markers"


def planted(rng: np.random.Generator, n: int, made: Calendar, kind: int) -> np.ndarray:
    """Logits (n, days) that wander and keep a week, moved on the days of `made` in units of the median daily change."""
    noise = rng.normal(0, 0.05, (n, len(YEARS)))
    week = rng.normal(0, 0.1, (n, 7))[:, weekday(YEARS)]
    drift = rng.normal(0, 0.003, (n, len(YEARS))).cumsum(axis=1)
    quiet = drift + week + noise
    unit = 1.2 * np.median(np.abs(np.diff(quiet, axis=1)), axis=1, keepdims=True)
    return quiet + unit * made.effects(np.full(n, kind), np.broadcast_to(YEARS, (n, len(YEARS)))) - 3


def test_planted_effects_are_found_again_and_nothing_else() -> None:
    fixed, movable = np.zeros((4, 372)), np.zeros((4, 16))
    (feast,) = keys(days("2018-11-22"))[1]
    fixed[JOY, [0, 6 * 31 + 3, 11 * 31 + 24]] = 4.0, 2.0, 6.0
    movable[JOY, feast] = -3.0
    rng = np.random.default_rng(5)
    z = np.concatenate([planted(rng, 20, Calendar(fixed, movable), JOY), planted(rng, 20, NO_EFFECTS, ANGER)])
    z[rng.random(z.shape) < 0.05] = np.nan
    made = learn(z, np.repeat([JOY, ANGER], 20), YEARS)
    where = fixed[JOY] != 0
    np.testing.assert_allclose(made.fixed[JOY, where], fixed[JOY, where], rtol=0.2)
    np.testing.assert_allclose(made.movable[JOY, feast], -3.0, rtol=0.2)
    assert np.abs(made.fixed[JOY, ~where]).max() < 0.5
    assert np.abs(np.delete(made.movable[JOY], feast)).max() < 0.5
    assert np.abs(made.fixed[ANGER]).max() < 0.5
    assert not made.fixed[SADNESS].any()
    assert not made.movable[SADNESS].any()


def test_what_happened_once_is_no_calendar() -> None:
    rng = np.random.default_rng(6)
    z = planted(rng, 10, NO_EFFECTS, SADNESS)
    kinds = np.full(10, SADNESS)
    quiet = learn(z, kinds, YEARS)
    z[:, np.datetime64("2016-11-08") == YEARS] += 2.0
    made = learn(z, kinds, YEARS)
    assert abs(made.fixed[SADNESS, 10 * 31 + 7]) <= abs(quiet.fixed[SADNESS, 10 * 31 + 7]) + 0.3
    assert not learn(z[:, :700], kinds, YEARS[:700]).fixed.any(), "two years teach nothing"


def test_a_series_without_daily_changes_teaches_nothing() -> None:
    still = np.full((2, len(YEARS)), -2.0)
    still[0, keys(YEARS)[0] == 11 * 31 + 24] = -1.9
    made = learn(np.concatenate([still, np.full((1, len(YEARS)), np.nan)]), np.full(3, JOY), YEARS)
    assert not made.fixed.any()
    assert not made.movable.any()
