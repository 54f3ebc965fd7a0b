"""Two periods compared: by hand, against naive implementations, and how often the intervals hold the truth."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from barograph.polarization.contrast import contrast, holm
from barograph.polarization.estimate import Conversations
from barograph.polarization.score import Floats


def cells(
    values: dict[int, list[float]], conversations: dict[int, list[int]] | None = None, weights: dict[int, list[float]] | None = None
) -> tuple[Conversations, Floats]:
    """Conversations with these values in each cell; all different ones of weight 1 unless given."""
    cell = np.concatenate([np.full(len(v), c) for c, v in values.items()])
    names = np.concatenate([(conversations or {}).get(c, 1000 * c + np.arange(len(v))) for c, v in values.items()])
    weight = np.concatenate([(weights or {}).get(c, np.ones(len(v))) for c, v in values.items()])
    none = np.zeros(0, np.int64)
    of = Conversations(cell.astype(np.int64), names.astype(np.int64), weight.astype(float), none, none, none.astype(float), 4)
    return of, np.concatenate([np.array(v, dtype=float) for v in values.values()])[None, :]


def test_the_effect_and_its_standard_form_by_hand() -> None:
    of, values = cells({0: [1, 2, 3, 4, 5], 1: [4, 5, 6, 7, 8]})
    got = contrast(of, values, 0, 1, 10)
    assert got is not None
    assert got.effect == 3
    # Both periods vary by 2.5; Hedges' factor of ten conversations is 1 − 3/31.
    assert got.standardized == pytest.approx(3 / 2.5**0.5 * (1 - 3 / 31))
    assert got.lo < 3 < got.hi
    assert 3 - got.lo == pytest.approx(got.hi - 3)
    back = contrast(of, values, 1, 0, 10)
    assert back is not None
    assert (back.effect, back.standardized) == (-3, pytest.approx(-got.standardized))


def test_conversations_weigh_what_they_were_drawn_with() -> None:
    of, values = cells({0: [0, 10, 2, 3, 4], 1: [5, 5, 5, 5, 6]}, weights={0: [3, 1, 0.5, 0.5, 1]})
    got = contrast(of, values, 0, 1, 10)
    assert got is not None
    assert got.effect == pytest.approx(5.2 - (0 * 3 + 10 + 1 + 1.5 + 4) / 6)


def test_the_interval_and_p_are_those_of_a_naive_bootstrap() -> None:
    """Each draw made and studentised conversation by conversation, with draws of its own."""
    rng = np.random.default_rng(3)
    here, there = rng.normal(4, 1.5, 30), rng.normal(5, 2, 40)
    names = {0: list(range(30)), 1: list(range(20, 60))}  # ten go on
    of, values = cells({0: list(here), 1: list(there)}, names)
    got = contrast(of, values, 0, 1, 10)
    assert got is not None
    parts = {name: [None, None] for name in range(60)}
    for cell, mine in ((0, here), (1, there)):
        for name, value in zip(names[cell], mine, strict=True):
            parts[name][cell] = value

    def difference(some: list[int]) -> tuple[float, float]:
        means = [np.mean([parts[n][c] for n in some if parts[n][c] is not None]) for c in (0, 1)]
        sizes = [sum(parts[n][c] is not None for n in some) for c in (0, 1)]
        each = [
            sum((1 if c else -1) * (parts[n][c] - means[c]) / sizes[c] for c in (0, 1) if parts[n][c] is not None) for n in some
        ]
        return float(means[1] - means[0]), len(some) / (len(some) - 1) * sum(e**2 for e in each)

    effect, variance = difference(list(range(60)))
    drawn = [difference(list(rng.integers(60, size=60))) for _ in range(4000)]
    t = np.array([abs(d - effect) / v**0.5 for d, v in drawn])
    assert got.effect == pytest.approx(effect)
    assert got.hi - got.effect == pytest.approx(np.quantile(t, 0.95) * variance**0.5, rel=0.06)
    assert got.p == pytest.approx((t >= abs(effect) / variance**0.5).mean(), abs=0.02)


def test_the_same_people_in_both_periods_are_compared_with_themselves() -> None:
    """Conversations that differ much from each other but hardly from day to day."""
    base = np.linspace(0, 9, 20)
    later = base + np.tile([0.4, 0.6], 10)
    of, values = cells({0: list(base), 1: list(later)}, {0: list(range(20)), 1: list(range(20))})
    apart, _ = cells({0: list(base), 1: list(later)})
    together, alone = contrast(of, values, 0, 1, 10), contrast(apart, values, 0, 1, 10)
    assert together is not None
    assert alone is not None
    assert together.effect == alone.effect == pytest.approx(0.5)
    assert together.p < 0.001
    assert alone.p > 0.3


def test_conversations_that_do_not_differ_have_no_test() -> None:
    of, values = cells({0: [10] * 8, 1: [10] * 8})
    assert contrast(of, values, 0, 1, 10) is None
    of, values = cells({0: [0] * 8, 1: [10] * 8})
    assert contrast(of, values, 0, 1, 10) is None


def test_bounds_stay_where_an_effect_can_be() -> None:
    of, values = cells({0: [0, 0, 0, 0, 1], 1: [1, 1, 1, 1, 0]})
    got = contrast(of, values, 0, 1, 1)
    assert got is not None
    assert -1 <= got.lo < got.effect < got.hi <= 1


def test_the_same_conversations_give_the_same_numbers_whatever_the_period_beside() -> None:
    rng = np.random.default_rng(8)
    here, there = list(rng.normal(4, 2, 12)), list(rng.normal(5, 2, 15))
    of, values = cells({0: here, 1: there})
    more, others = cells({0: here, 1: there, 3: [1, 2, 3]})
    assert contrast(of, values, 0, 1, 10) == contrast(more, others, 0, 1, 10)


def test_imputations_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(9)
    of, values = cells({0: list(rng.normal(4, 2, 40)), 1: list(rng.normal(5, 2, 40))})
    moved = values + np.where(of.cell == 1, 1, 0) * rng.normal(0, 0.7, 20)[:, None]
    one, several = contrast(of, values, 0, 1, 10), contrast(of, moved, 0, 1, 10)
    assert one is not None
    assert several is not None
    assert several.effect == pytest.approx(float((moved[:, 40:].mean(axis=1) - values[0, :40].mean()).mean()))
    assert several.hi - several.lo > 1.3 * (one.hi - one.lo)
    assert several.p > one.p


@pytest.mark.parametrize(("n", "skewed"), [(15, False), (30, True)])
def test_intervals_hold_the_truth_and_false_alarms_are_as_rare_as_said(n: int, skewed: bool) -> None:
    """200 pairs of periods of n conversations; scores of 0 to 10, a third of them going on."""
    rng = np.random.default_rng(n)
    held = alarms = 0
    for _ in range(200):
        make = (lambda k: 10 * rng.beta(0.4, 1.6, k)) if skewed else (lambda k: rng.uniform(0, 10, k))
        here, there = make(n), make(n)
        there[: n // 3] = (here[: n // 3] + there[: n // 3]) / 2
        of, values = cells({0: list(here), 1: list(there)}, {0: list(range(n)), 1: [*range(n // 3), *range(1000, 1000 + n - n // 3)]})
        got = contrast(of, values, 0, 1, 10)
        assert got is not None
        held += got.lo <= 0 <= got.hi
        alarms += got.p <= 0.05
    assert 0.91 <= held / 200 <= 0.985
    assert held + alarms == 200  # the interval and the p-value are one test


# --- Holm ---


@pytest.mark.parametrize("n", range(1, 25))
def test_holm_is_that_of_statsmodels(n: int) -> None:
    even = np.random.default_rng(n).random((3, n))
    for p in (even[0], even[1].round(1), even[2] ** 6, np.zeros(n), np.ones(n)):  # rounded: with ties
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_by_hand_and_what_is_not_tested_yet_counts_as_one() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    got = holm(np.array([0.01, np.nan, 0.03, np.nan]))
    assert got[[0, 2]].tolist() == pytest.approx([0.04, 0.09])
    assert np.isnan(got[[1, 3]]).all()
    assert holm(np.zeros(0)).tolist() == []


def test_of_the_24_contrasts_of_the_paper_s_size_chance_finds_none() -> None:
    """24 comparisons of the same conversations with nothing to find: uncorrected some are, corrected none is."""
    rng = np.random.default_rng(24)
    p = []
    for _ in range(24):
        of, values = cells({0: list(rng.uniform(0, 10, 25)), 1: list(rng.uniform(0, 10, 25))})
        got = contrast(of, values, 0, 1, 10)
        assert got is not None
        p.append(got.p)
    assert (holm(np.array(p)) > 0.05).all()
