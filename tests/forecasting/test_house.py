"""What is published: as wide as it lately had to be, climatology where that did better, and the reason said."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from forecasting import network
from forecasting.baselines import climatology
from forecasting.evaluation import crps
from forecasting.house import adaptation, auto, predict, skill
from forecasting.quantiles import LEVELS, logit, normal
from forecasting.review import Review, review
from tests.forecasting.panels import END, panel

NAN = float("nan")


def seen(z: np.ndarray, spread: float = 1.0) -> Review:
    """Days of logits z (n, weeks, 7), forecast as normal about 0."""
    return Review(special.expit(z), z, normal(np.zeros(z.shape), np.full(z.shape, spread)))


def week(outside: int, *, at: float = 2.0, known: int = 7) -> list[float]:
    """A week with days outside the 80 % interval of a standard normal, alternating ends."""
    return [*(at * (-1) ** day for day in range(outside)), *[0.0] * (known - outside), *[NAN] * (7 - known)]


def test_the_width_is_moved_by_own_and_common_misses_by_hand() -> None:
    days = [
        [week(2), week(1, at=1.3)],  # 1.3 is outside ± 1.2816 only as long as nothing has been widened
        [week(0), week(0)],
        [week(1, known=3), week(0, known=0)],
        [week(0, known=0), week(7)],
    ]
    ends = END + np.array([0, 0, 1, 2])
    found = adaptation(seen(np.array(days)), ends)
    first = [2 / 7 - 0.2, -0.2, 1 / 3 - 0.2]
    a = 0.1 * first[0] + 0.3 * (first[0] + first[1]) / 2
    b = 0.1 * first[1] + 0.3 * (first[0] + first[1]) / 2
    assert a < 0, "the whole end was too wide, so that 1.3 stays outside"
    second = [1 / 7 - 0.2, -0.2]
    a += 0.1 * second[0] + 0.3 * sum(second) / 2
    b += 0.1 * second[1] + 0.3 * sum(second) / 2
    assert found.tolist() == pytest.approx([a, b, 0.4 * first[2], 0.4 * 0.8])


def test_misses_are_counted_with_the_width_of_that_week() -> None:
    alone = np.array([[week(7, at=5.0), week(7, at=1.5)]])
    width = 0.4 * 0.8
    assert np.exp(width) * 1.2816 > 1.5, "what lay outside at first no longer does"
    assert adaptation(seen(alone), END + np.zeros(1, dtype=int)).tolist() == pytest.approx([width - 0.4 * 0.2])


def test_weeks_of_which_nothing_is_known_or_forecast_move_nothing() -> None:
    given = seen(np.array([[week(2), week(3)]] * 3))
    given.quantiles[1], given.z[2] = NAN, NAN
    alone = adaptation(replace(given, truth=given.truth[:1], z=given.z[:1], quantiles=given.quantiles[:1]), END + np.zeros(1, dtype=int))
    ends = END + np.zeros(3, dtype=int)
    together = adaptation(given, ends)
    assert together[0] == pytest.approx(alone[0])
    assert together[1] == together[2] == pytest.approx(0.3 * (2 / 7 + 3 / 7 - 0.4))
    assert not adaptation(given, END + np.arange(3))[1:].any()


def test_a_day_without_posts_of_a_marker_can_lie_inside() -> None:
    half_a_post = np.full((1, 1, 7), logit(np.array(0.01)))
    quantiles = normal(half_a_post + 0.5, np.full((1, 1, 7), 1.0))
    given = Review(np.zeros((1, 1, 7)), half_a_post, quantiles)
    assert adaptation(given, END + np.zeros(1, dtype=int)).tolist() == pytest.approx([-0.4 * 0.2])


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("common", [True, False])
def test_a_width_that_is_wrong_is_led_to_one_that_holds_80_percent(spread: float, common: bool) -> None:
    z = np.random.default_rng(4).normal(0, 1, (60, 80, 7))
    ends = END + (np.zeros(60, dtype=int) if common else np.arange(60))
    widths = np.exp(adaptation(seen(z, spread), ends)) * spread
    inside = special.ndtr(1.2816 * widths) - special.ndtr(-1.2816 * widths)
    assert inside.mean() == pytest.approx(0.8, abs=0.03)


def test_skill_by_hand() -> None:
    z = np.random.default_rng(2).normal(0, 1, (3, 4, 7))
    z[0, 3] = NAN
    z[1, 0, 0], z[1, 3] = NAN, NAN
    ours, plain = seen(z, 1.0), seen(z, 2.0)
    ours.quantiles[2, 3] = NAN
    by_hand = []
    for row in (0, 2):
        lost = {1.0: 0.0, 2.0: 0.0}
        for value in z[row, :3].ravel():
            for spread in lost:
                for level in LEVELS[1:-1]:
                    over = special.expit(value) - special.expit(spread * special.ndtri(level))
                    lost[spread] += level * over if over > 0 else (level - 1) * over
        by_hand.append(1 - lost[1.0] / lost[2.0])
    found = skill(ours, plain)
    assert found[[0, 2]].tolist() == pytest.approx(by_hand)
    assert np.isnan(found[1]), "20 days say nothing"
    assert skill(plain, plain)[0] == 0


def chancy(n: int, days: int = 140) -> np.ndarray:
    """Shares that only chance moves: nothing is better than climatology."""
    return special.expit(np.random.default_rng(9).normal(-2, 0.3, (n, days)))


def drifting(n: int, days: int = 140) -> np.ndarray:
    """Shares that go far and slowly: climatology knows least of all."""
    return special.expit(np.random.default_rng(9).normal(0, 0.1, (n, days)).cumsum(axis=1) + np.linspace(-4, 0, days))


def test_what_is_published_is_the_network_with_its_distances_from_the_median_adapted() -> None:
    made = panel(np.concatenate([chancy(4), drifting(4)]), posts=1000)
    raw = network.predict(made.last(84), 9).quantiles
    widths = adaptation(review(made, network.predict, 8), made.ends)
    assert (widths != 0).all()
    found = predict(made, 9)
    assert found.models == ["house"] * 8
    np.testing.assert_allclose(found.quantiles[..., 6], raw[..., 6])
    for row, width in enumerate(widths):
        z = logit(raw[row])
        expected = z[:, 6:7] + (z - z[:, 6:7]) * np.exp(width)
        np.testing.assert_allclose(logit(found.quantiles[row]), expected, rtol=1e-6)


def test_without_skill_it_is_climatology_that_is_published_and_said_and_else_it_is_not() -> None:
    y = np.concatenate([chancy(40), drifting(20)])
    made = panel(y, posts=10_000, ends=END + np.arange(60) % 7)
    judged, plain = review(made, network.predict, 8), review(made, climatology, 8)
    lost = [crps(r.quantiles, r.truth).sum(axis=(1, 2)) for r in (judged, plain)]
    without = lost[0] >= lost[1]
    assert without[:40].any(), "chance is not foreseen"
    assert not without[40:].any(), "drift is"
    found, wide, everyday = auto(made, 7), predict(made, 7), climatology(made.last(84), 7)
    for row, fallen in enumerate(without):
        if fallen:
            assert found.fallbacks[row] == "no skill over climatology in the last 8 weeks"
            assert found.models[row] == "climatology"
            np.testing.assert_array_equal(found.quantiles[row], everyday.quantiles[row])
        else:
            assert (found.models[row], found.fallbacks[row]) == ("house", None)
            np.testing.assert_allclose(found.quantiles[row], wide.quantiles[row])


def test_to_do_no_better_is_no_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "predict", climatology)
    assert auto(panel(chancy(3)), 7).models == ["climatology"] * 3
    assert auto(panel(chancy(3)), 7).fallbacks == ["no skill over climatology in the last 8 weeks"] * 3


def test_under_21_judged_days_nothing_is_held_against_the_network() -> None:
    short = auto(panel(chancy(40, 27)), 7)
    assert short.fallbacks == [None] * 40
    longer = panel(chancy(40, 28))
    assert "no skill over climatology in the last 3 weeks" in auto(longer, 7).fallbacks
    holed = longer.y.copy()
    holed[:, -1] = NAN
    assert auto(replace(longer, y=holed), 7).fallbacks == [None] * 40


def test_what_cannot_be_read_keeps_its_own_reason_and_is_climatology() -> None:
    long_ago = [*chancy(1, 56)[0], *[0.3] * 84]
    made = panel([long_ago, list(chancy(1)[0]), [0.1, 0.2]], posts=1000)
    for found in (predict(made, 3), auto(made, 3)):
        assert found.fallbacks[0] == "the series never moves"
        assert found.fallbacks[2] == "2 known days; 7 needed"
        np.testing.assert_allclose(found.quantiles[[0, 2]], climatology(made.last(84), 3).quantiles[[0, 2]])


@pytest.mark.parametrize(("posts", "share"), [(20, 0.03), (100, 0.01), (100_000, 0.05)])
def test_few_posts_do_not_widen_without_end(posts: int, share: float) -> None:
    y = np.random.default_rng(1).binomial(posts, share, (150, 147)) / posts
    made = panel(y[:, :140], posts=posts, ends=END + np.arange(150))
    raw, adapted = (crps(model(made.last(days), 7).quantiles, y[:, 140:]).mean() for model, days in ((network.predict, 84), (predict, 140)))
    assert adapted < 1.05 * raw
