"""What the network sees: the same as a slow reading day by day, nothing to come, nobody of another end."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import regular
from forecasting.calendar import KINDS, Calendar, weekday
from forecasting.features import Inputs, inputs
from forecasting.panel import Panel
from tests.forecasting.panels import END, panel, walks

NAN = float("nan")
RNG = np.random.default_rng(3)
CALENDAR = Calendar(RNG.normal(0, 1, (len(KINDS), 12 * 31)), RNG.normal(0, 1, (len(KINDS), 16)))
QUIET = Calendar(np.zeros((len(KINDS), 12 * 31)), np.zeros((len(KINDS), 16)))
OWN, TOGETHER = slice(0, 70), slice(70, None)
MOVES = [*range(28, 35), 35, 37]  # of `shared`: the last seven days less the week's habit, and means of 3 and 28 days


def among(y: np.ndarray, markers: str, populations: str, ends: np.ndarray | None = None, posts: float = NAN) -> Panel:
    """Rows of markers in populations, each a word."""
    made = panel(y, posts=posts, populations=populations.split(), ends=ends)
    return replace(made, markers=np.array(markers.split(), dtype=object))


def same(left: Inputs, right: Inputs, *, tolerance: float = 1e-6) -> None:
    for name in ("shared", "targets", "centre", "scale", "calendar"):
        np.testing.assert_allclose(getattr(left, name), getattr(right, name), atol=tolerance, rtol=tolerance, err_msg=name)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def slowly(made: Panel, row: int, horizon: int, calendar: Calendar) -> tuple[list[float], list[list[float]], float, float]:
    """A row read alone, a day at a time: own inputs, inputs of each day ahead, centre, scale. Day 0 is the end."""
    made = made.rows(np.array([row])).last(84)
    width, end = made.y.shape[1], made.ends[0]
    z = {t: made.z[0, width - 1 + t] for t in range(1 - width, 1) if np.isfinite(made.z[0, width - 1 + t])}
    kind = {"anger": 0, "fear": 1, "joy": 2, "sadness": 3}.get(made.markers[0], -1)
    noise = regular.noise(made)[0]
    usual = {t: calendar.effects(np.array([kind]), np.array([[end + t]]))[0, 0] for t in range(-83, horizon + 2)}
    event = {t: float(made.eventful(np.array([[end + t]]))[0, 0]) for t in range(-83, horizon + 2)}
    day = {t: int(weekday(end + t)) for t in range(-83, horizon + 2)}

    def change(x: dict[int, float]) -> float:
        leaps = [abs(x[t] - x[t - 1]) for t in x if t - 1 in x]
        most = 4 * float(np.median(leaps)) if leaps else 0.0
        return (sum(min(leap, most) for leap in leaps) + 3 * (0.05 + noise)) / (len(leaps) + 3)

    scale = change(z)
    scale = change({t: z[t] - scale * usual[t] for t in z})
    x = {t: z[t] - scale * usual[t] for t in z}
    centre = mean([x[t] for t in x if t > -7])
    v = {t: min(max((x[t] - centre) / scale, -24), 24) for t in x}

    rest = {}
    for t, value in v.items():
        middle = min(max(t, -80), -3)
        week = [v[s] for s in range(middle - 3, middle + 4) if s in v]
        level = mean(week) if len(week) == 7 else mean([v[s] for s in v if s > -7])
        rest[t] = min(max(value - level, -8), 8)
    seen = [sum(day[t] == d for t in v) for d in range(7)]
    profile = [sum(rest[t] for t in v if day[t] == d) / (seen[d] + 1) for d in range(7)]
    w = {t: v[t] - profile[day[t]] for t in v}

    def smoothed(rate: float) -> float:
        return sum(w[t] * (1 - rate) ** -t for t in w) / sum((1 - rate) ** -t for t in w)

    def slope(days: int) -> float:
        late = [t for t in w if t > -days]
        return float(np.polyfit(late, [w[t] for t in late], 1)[0]) * days / 2 if len(late) > 1 else 0.0

    def spread(days: int) -> float:
        return float(np.log(np.std([v[t] for t in v if t > -days]) + 0.1))

    own = [
        *(v.get(t, 0.0) for t in range(-13, 1)), *(float(t in v) for t in range(-13, 1)), *(w.get(t, 0.0) for t in range(-6, 1)),
        *(mean([v[t] for t in v if t > -k]) for k in (3, 14, 28, 56, 84)), smoothed(0.15), smoothed(0.4), slope(7), slope(28),
        *(spread(k) for k in (7, 14, 28, 84)), np.log(scale), np.log(min(noise / scale, 5) + 0.01), np.log(len(v)) / 4,
        centre / 3, *(usual[t] for t in range(-6, 1)), *(event[t] for t in range(-6, 1)), *(float(kind == k) for k in range(4)),
    ]  # fmt: skip
    targets = []
    for h in range(1, horizon + 1):
        lags = [t for t in range(0, -84, -1) if day[t] == day[h]][:4]
        turn = 2 * np.pi * int((end + h - (end + h).astype("datetime64[Y]")).astype(int)) / 365.25
        steps = min(h, 14) - 1
        targets.append([
            *(v.get(t, 0.0) for t in lags), profile[day[h]], seen[day[h]] / 12, usual[h - 1], usual[h], usual[h + 1], abs(usual[h]),
            np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn), event[h], *(float(day[h] == d) for d in range(7)),
            1 / (steps + 1), np.log(steps + 1), steps / 14,
        ])  # fmt: skip
    return own, targets, centre, scale


def thinned(n: int, width: int, seed: int) -> np.ndarray:
    """Walks with days missing, but for the last."""
    y = walks(n, width, seed=seed)
    gaps = np.random.default_rng(seed).random(y.shape) < 0.15
    gaps[:, -1] = False
    return np.where(gaps, NAN, y)


@pytest.mark.parametrize("width", [7, 20, 84, 100])
@pytest.mark.parametrize("posts", [NAN, 300.0])
def test_inputs_are_those_of_a_slow_reading(width: int, posts: float) -> None:
    y = np.concatenate([walks(3, width), thinned(3, width, 8)])
    ends = END + np.array([0, 1, 2, 3, 250, 265])
    events = {"b": END + np.array([-3, 4]), "*": END + np.array([250, 262])}
    made = replace(among(y, "joy fear surprise sadness anger joy", "a b c a b c", ends, posts), events=events)
    found = inputs(made, 17, CALENDAR)
    for row in range(len(y)):
        own, targets, centre, scale = slowly(made, row, 17, CALENDAR)
        np.testing.assert_allclose(found.shared[row, OWN], own, rtol=1e-4, atol=2e-5)
        np.testing.assert_allclose(found.targets[row], targets, rtol=1e-4, atol=2e-5)
        assert (found.centre[row], found.scale[row]) == pytest.approx((centre, scale))
        kind = {"anger": 0, "fear": 1, "joy": 2, "sadness": 3}.get(made.markers[row], -1)
        ahead = CALENDAR.effects(np.array([kind]), made.ahead(17)[row : row + 1])[0]
        np.testing.assert_allclose(found.calendar[row], ahead)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_week_is_read_by_hand(sign: int) -> None:
    share = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1 / (1 + np.exp(-0.7 * sign))]  # logits 0 and, on Sunday 31 March, .7
    found = inputs(panel([share]), 2, QUIET)
    scale = (0 * 5 + 0 + 3 * 0.05) / (6 + 3)  # the median change is 0, so that the only leap counts for nothing
    assert found.centre.tolist() == pytest.approx([0.1 * sign])
    assert found.scale.tolist() == pytest.approx([scale])
    np.testing.assert_allclose(found.shared[0, 7:14], [-0.1 * sign / scale] * 6 + [24.0 * sign], rtol=1e-5)
    assert found.shared[0, 14:28].tolist() == [0.0] * 7 + [1.0] * 7
    np.testing.assert_allclose(found.targets[0, :, 0], -0.1 * sign / scale, rtol=1e-5)  # Monday and Tuesday of the week before
    assert found.targets[0, :, 15:22].argmax(axis=1).tolist() == [0, 1]


def test_others_of_the_same_end_are_seen_and_no_others() -> None:
    markers, populations = "joy joy joy love anger surprise joy", "a b c a a a b"
    made = among(walks(7, 40), markers, populations, END + np.array([0, 0, 0, 0, 0, 0, 1]))
    found = inputs(made, 3, CALENDAR).shared
    moves, together = found[:, MOVES], found[:, TOGETHER]
    near = {"rtol": 1e-4, "atol": 1e-5}
    for row, others in enumerate(((1, 2), (0, 2), (0, 1))):
        np.testing.assert_allclose(together[row, :9], moves[list(others)].mean(axis=0), **near)
        assert together[row, 9] == 1
    assert not together[[3, 4, 5, 6], :10].any(), "love, anger, surprise and the joy of a day later are alone"
    kinds = together[:, 10:].reshape(7, 4, 3)
    today_and_means = moves[:, [6, 7, 8]]
    anger, positive = today_and_means[4], today_and_means[[0, 3]].mean(axis=0)
    for row, (of_anger, of_positive) in {0: (anger, 0), 3: (anger, 0), 4: (0, positive), 5: (anger, positive)}.items():
        np.testing.assert_allclose(kinds[row, 0], of_anger, **near)
        np.testing.assert_allclose(kinds[row, 2], of_positive, **near)
    assert not kinds[[1, 2, 6]].any()
    assert not kinds[:, [1, 3]].any()


def test_rows_without_a_name_are_alone() -> None:
    y = walks(4, 40)
    nameless = replace(among(y, "joy joy anger joy", "a a a a"), markers=np.array([""] * 4, dtype=object))
    assert not inputs(replace(nameless, populations=nameless.markers), 3, CALENDAR).shared[:, TOGETHER].any()
    assert not inputs(nameless, 3, CALENDAR).shared[:, 70:80].any()


def test_kinds_can_be_told_from_outside() -> None:
    made = among(walks(3, 40), "joy fear anger", "a a b")
    hidden = inputs(made, 4, CALENDAR, np.array([-1, -1, -1]))
    assert not hidden.shared[:, 66:70].any()
    assert not hidden.calendar.any()
    renamed = replace(made, markers=np.array(["one", "two", "three"], dtype=object))
    same(inputs(renamed, 4, CALENDAR), hidden)


def test_nothing_is_seen_of_what_another_end_knows() -> None:
    y = thinned(6, 90, 4)
    ends = END + np.array([0, 0, 0, 1, 1, -5])
    made = among(y, "joy fear joy joy fear joy", "a a b a a a", ends)
    alone = inputs(made.rows(np.arange(3)), 5, CALENDAR)
    changed = y.copy()
    changed[3:] = walks(3, 90, seed=77)
    other = inputs(among(changed, "joy fear joy joy fear joy", "a a b a a a", ends), 5, CALENDAR)
    for found in (inputs(made, 5, CALENDAR), other):
        np.testing.assert_array_equal(found.shared[:3], alone.shared)
        np.testing.assert_array_equal(found.targets[:3], alone.targets)


@settings(max_examples=20, derandomize=True)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    made = among(thinned(6, 50, 2), "joy fear joy joy anger joy", "a a b a a c", END + np.array([0, 0, 0, 1, 0, 1]))
    turned, straight = inputs(made.rows(np.array(order)), 4, CALENDAR), inputs(made, 4, CALENDAR)
    np.testing.assert_allclose(turned.shared, straight.shared[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(turned.targets, straight.targets[order])


def test_days_that_are_unknown_are_as_days_before_the_first() -> None:
    y = thinned(3, 30, 5)
    short = among(y, "joy joy fear", "a b a", posts=500)
    for before in (1, 40, 60):
        padded = np.pad(y, ((0, 0), (before, 0)), constant_values=NAN)
        same(inputs(among(padded, "joy joy fear", "a b a", posts=500), 9, CALENDAR), inputs(short, 9, CALENDAR))


def test_only_the_last_84_days_are_seen() -> None:
    y = walks(2, 120)
    changed = y.copy()
    changed[:, :36] = 0.9
    same(inputs(panel(changed, posts=50), 7, CALENDAR), inputs(panel(y, posts=50), 7, CALENDAR))
    changed[0, 36] = 0.9
    assert (inputs(panel(changed), 7, CALENDAR).shared[0] != inputs(panel(y), 7, CALENDAR).shared[0]).any()


def test_a_longer_horizon_changes_no_day() -> None:
    made = among(walks(2, 84), "joy fear", "a a")
    long, short = inputs(made, 40, CALENDAR), inputs(made, 3, CALENDAR)
    assert long.targets.shape == (2, 40, 25)
    np.testing.assert_array_equal(long.targets[:, :3], short.targets)
    np.testing.assert_array_equal(long.calendar[:, :3], short.calendar)
    np.testing.assert_array_equal(long.targets[:, 14:, -3:], np.broadcast_to(long.targets[:, 13:14, -3:], (2, 26, 3)))


share = st.one_of(st.sampled_from([NAN, 0.0, 1.0, 0.1, 0.5, 1e-12]), st.floats(0, 1))
history = st.one_of(
    st.lists(share, min_size=1, max_size=60),
    st.builds(lambda value, n, leap: [value] * n + [leap], st.floats(0, 1), st.integers(0, 99), st.floats(0, 1)),
    st.builds(lambda gap, n: [0.2, *[NAN] * gap] * n, st.integers(1, 20), st.integers(1, 6)),
)


@settings(max_examples=150, derandomize=True)
@given(y=st.lists(st.tuples(history, st.floats(0, 1), st.integers(0, 6)), min_size=1, max_size=3),
       posts=st.sampled_from([NAN, 0, 1, 7, 10**7]), horizon=st.integers(1, 20))  # fmt: skip
def test_whatever_is_known_nothing_is_a_hole(y: list[tuple[list[float], float, int]], posts: float, horizon: int) -> None:
    rows = [[*row, last, *[NAN] * gap] for row, last, gap in y]  # one day of the last seven is known
    found = inputs(panel(rows, posts=posts, populations=["a"] * len(rows)), horizon, CALENDAR)
    for name in ("shared", "targets", "centre", "scale", "calendar"):
        assert np.isfinite(getattr(found, name)).all(), name
    assert (found.scale > 0).all()
