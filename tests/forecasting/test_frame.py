"""Forecasts of shares: sound for any history, blind to what they must not see, honest about how sure they are."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy import special, stats

from barograph.errors import Terminal
from barograph.tables import FORECASTS, QUANTILES
from forecasting import forecast

START = date(2024, 1, 1)
Share = float | None

wild = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 1e-12, 0.5, 0.1]), st.floats(0, 1),
)  # fmt: skip
histories = st.one_of(
    st.lists(wild, min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.builds(lambda value, n, tail: [value] * n + [None] * tail, st.floats(0, 1), st.integers(1, 100), st.integers(0, 8)),
    st.builds(lambda week, n: week * n, st.lists(st.floats(0, 1), min_size=7, max_size=7), st.integers(1, 14)),
)


def history(*series: Sequence[Share], posts: int | None = None) -> pl.DataFrame:
    """Series named s0, s1, … of a value a day from START on."""
    rows = [(f"s{i}", START + timedelta(days=d), y) for i, values in enumerate(series) for d, y in enumerate(values)]
    frame = pl.DataFrame(rows, schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64}, orient="row")
    return frame if posts is None else frame.with_columns(n_posts=pl.lit(posts, pl.Int64))


def walk(n: int, seed: int = 1) -> list[float]:
    """A share that wanders."""
    return list(special.expit(np.random.default_rng(seed).normal(0, 0.2, n).cumsum() - 2))


def check(ahead: pl.DataFrame) -> None:
    """Every row is a distribution of a share."""
    columns = [*QUANTILES, "mean"]
    values = ahead.select(columns).to_numpy()
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values[:, :-1], axis=1) >= 0).all(), "quantiles cross"
    mean, low, high = values[:, -1], values[:, 0], values[:, -2]
    assert ((mean >= low - 1e-12) & (mean <= high + 1e-12)).all(), "the mean is outside"


# Any history.


@settings(max_examples=120, deadline=None, derandomize=True)
@given(series=st.lists(histories, min_size=1, max_size=4), posts=st.sampled_from([None, 1, 7, 10**6]))
def test_every_history_that_is_not_stale_has_a_sound_forecast(series: list[list[Share]], posts: int | None) -> None:
    ahead = forecast(history(*series, posts=posts))
    check(ahead)
    for i, values in enumerate(series):
        mine = ahead.filter(pl.col("unique_id") == f"s{i}")
        fresh = any(y is not None for y in values[-7:])
        assert mine["horizon"].to_list() == (list(range(1, 8)) if fresh else [])
        last = START + timedelta(days=len(values) - 1)
        assert mine["target"].to_list() == [last + timedelta(days=h) for h in mine["horizon"]]


def test_a_forecast_keeps_to_the_contract_of_its_table() -> None:
    ahead = forecast(history(walk(40), [0.2] * 3)).with_columns(
        marker="unique_id", population=pl.lit("all"), unit=pl.lit("posts"), method=pl.lit("lexicon"),
        issue=pl.lit(START).cast(pl.Datetime("us")),
    )  # fmt: skip
    FORECASTS.validate(ahead.drop("unique_id"))


@pytest.mark.timeout(120)
def test_two_thousand_series_are_forecast_in_one_go_and_each_as_if_it_were_alone() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 0.3, (2000, 20)).cumsum(axis=1) - 2
    series = [list(values) for values in special.expit(z)]
    together = forecast(history(*series), model="ets")
    check(together)
    assert together.height == 2000 * 7
    alone = forecast(history(series[1234]), model="ets")
    mine = together.filter(pl.col("unique_id") == "s1234")
    assert_frame_equal(mine.drop("unique_id"), alone.drop("unique_id"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1.0001, -0.0001])
def test_what_is_no_share_is_refused_by_series_and_day(bad: float) -> None:
    with pytest.raises(Terminal) as error:
        forecast(history([0.1, 0.2], [0.1, 0.2, bad, 0.3]))
    assert str(error.value) == f"s1 on 2024-01-03: y is {bad}; expected a share from 0 to 1"


def test_a_day_that_occurs_twice_is_refused_by_series_and_day() -> None:
    twice = pl.concat([history([0.1, 0.2]), history([0.3])])
    with pytest.raises(Terminal) as error:
        forecast(twice)
    assert str(error.value) == "s0 on 2024-01-01: the day occurs twice; expected one row a day"


def test_nothing_in_nothing_out() -> None:
    nothing = forecast(history())
    assert nothing.columns == ["unique_id", "target", "horizon", "model", "mean", *QUANTILES, "fallback"]
    assert nothing.height == 0
    assert forecast(history([None] * 20)).schema == nothing.schema


# What it must not depend on.


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    ordered = history(walk(50), [0.1] * 5, [*walk(20), None, 0.2, None])
    assert_frame_equal(forecast(ordered.sample(fraction=1, shuffle=True, seed=seed)), forecast(ordered))


def test_days_before_the_last_84_do_not_matter() -> None:
    recent = walk(84)
    plain = forecast(history(recent), model="ets")
    for before in ([0.9] * 30, [0.0, 1.0] * 15, [None] * 30):
        longer = forecast(history([*before, *recent]), model="ets").with_columns(target=pl.col("target") - timedelta(days=30))
        assert_frame_equal(longer, plain)


def test_other_series_do_not_matter_nor_what_they_know_later() -> None:
    mine = walk(40)
    alone = forecast(history(mine), model="ets")
    with_others = forecast(history(mine, [*walk(90, seed=2), None, None], [1.0] * 90, [0.1, None]), model="ets")
    assert_frame_equal(with_others.filter(pl.col("unique_id") == "s0"), alone)


@pytest.mark.parametrize("tail", [1, 3, 6])
@pytest.mark.parametrize("known", [3, 20, 60])
def test_unknown_days_at_the_end_lengthen_the_way_to_go(known: int, tail: int) -> None:
    short = walk(known)
    from_end = forecast(history([*short, *[None] * tail]), model="ets")
    from_known = forecast(history(short), horizon=7 + tail, model="ets")
    assert from_end["target"].to_list() == from_known["target"].to_list()[tail:]
    columns = ["target", "mean", *QUANTILES]
    assert_frame_equal(from_end.select(columns), from_known.select(columns).tail(7))
    assert from_end["horizon"].to_list() == [1, 2, 3, 4, 5, 6, 7]


def test_a_series_without_a_value_in_its_last_seven_days_is_too_stale() -> None:
    assert forecast(history([*walk(40), *[None] * 6])).height == 7
    assert forecast(history([*walk(40), *[None] * 7])).height == 0


def test_the_horizon_can_be_chosen() -> None:
    three, seven, ten = (forecast(history(walk(40)), horizon=h, model="ets") for h in (3, 7, 10))
    assert ten["horizon"].to_list() == list(range(1, 11))
    assert_frame_equal(seven.head(3), three)
    assert ten["q50"][:7].to_list() == pytest.approx(seven["q50"].to_list())


# What it says, by hand.


def z_quantiles(centre: float, spread: float) -> list[float]:
    """Quantiles of a share whose logit is normal."""
    return list(special.expit(centre + spread * stats.norm.ppf(list(QUANTILES.values()))))


def few_days(z: np.ndarray) -> tuple[float, float]:
    """Mean and spread of a few days, drawn to half a logit as a hundredth of a day."""
    n = len(z)
    variance = (0.01 * 0.5**2 + z.var() * n) / (n - 0.99) * (1 + 1 / n)
    return z.mean(), np.sqrt(variance)


def test_of_a_few_days_the_mean_is_expected_and_their_spread() -> None:
    ahead = forecast(history([0.1, 0.1, 0.2]))
    for row in ahead.select(list(QUANTILES)).rows():
        assert row == pytest.approx(z_quantiles(*few_days(special.logit([0.1, 0.1, 0.2]))))
    alone = forecast(history([0.1]))
    assert alone.select(list(QUANTILES)).row(0) == pytest.approx(z_quantiles(special.logit(0.1), 0.5))


def test_a_share_that_never_moves_is_expected_to_stay() -> None:
    ahead = forecast(history([0.25] * 60))
    assert ahead["q50"].to_list() == pytest.approx([0.25] * 7)
    assert ahead["q025"].to_list() == pytest.approx([z_quantiles(special.logit(0.25), 0.5)[0]] * 7)


@pytest.mark.parametrize(("posts", "floor"), [(None, 0.0005), (10, 0.05), (200, 0.0025), (1, 0.5)])
def test_none_and_all_are_kept_half_a_post_away_from_certainty(posts: int | None, floor: float) -> None:
    none, all_ = forecast(history([0.0] * 5, posts=posts)), forecast(history([1.0] * 5, posts=posts))
    assert none["q50"][0] == pytest.approx(floor)
    assert all_["q50"][0] == pytest.approx(1 - floor)


def test_the_mean_is_that_of_the_distribution() -> None:
    ahead = forecast(history([0.02, 0.4, 0.1]))
    centre, spread = few_days(special.logit([0.02, 0.4, 0.1]))
    draws = special.expit(stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) * spread + centre)
    assert ahead["mean"][0] == pytest.approx(draws.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("values", "model", "why"),
    [
        ([0.1], "climatology", "1 known days; 7 needed"),
        (walk(6), "climatology", "6 known days; 7 needed"),
        ([*walk(3), None, *walk(3)], "climatology", "6 known days; 7 needed"),
        ([0.1] * 30, "climatology", "the series never moves"),
        ([*walk(50), *[0.1] * 84], "climatology", "the series never moves"),
        ([*walk(50), *[None] * 100, 0.1], "climatology", "1 known days; 7 needed"),
        (walk(7), "ETS(A,N,N)", None),
        (walk(27), "ETS(A,N,N)", None),
        (walk(28), "ETS(A,N,A)", None),
        (walk(200), "ETS(A,N,A)", None),
    ],
)
def test_a_plainer_model_says_why(values: list[Share], model: str, why: str | None) -> None:
    ahead = forecast(history(values), model="ets")
    assert set(ahead["model"]) == {model}
    assert set(ahead["fallback"]) == {why}


def test_two_values_that_one_post_a_day_cannot_tell_apart_are_a_series_that_never_moves() -> None:
    ahead = forecast(history([0.0, 1.0] * 20, posts=1), model="ets")
    assert set(ahead["fallback"]) == {"the series never moves"}
    assert ahead["q975"][0] - ahead["q025"][0] > 0.4  # and no certainty


def test_a_weekly_rhythm_is_carried_on() -> None:
    rng = np.random.default_rng(5)
    z = -2 + np.where(np.arange(84) % 7 == 6, 1.0, 0.0) + rng.normal(0, 0.1, 84)
    ahead = forecast(history(list(special.expit(z))), model="ets")
    assert int(np.argmax(ahead["mean"].to_numpy())) == 6
    assert ahead["q025"][6] > max(ahead["q975"][:6])


def test_intervals_cover_about_what_they_say() -> None:
    rng = np.random.default_rng(11)
    z = np.zeros((300, 91))
    for day in range(1, 91):
        z[:, day] = 0.8 * z[:, day - 1] + rng.normal(0, 0.3, 300)
    y = special.expit(z - 2.5)
    ahead = forecast(history(*(list(values[:84]) for values in y)), model="ets").sort("unique_id", "horizon")
    order = np.argsort([f"s{i}" for i in range(300)])
    truth = y[order, 84:].ravel()
    for low, high, nominal in (("q025", "q975", 0.95), ("q10", "q90", 0.8), ("q30", "q70", 0.4)):
        inside = ((truth >= ahead[low].to_numpy()) & (truth <= ahead[high].to_numpy())).mean()
        assert inside == pytest.approx(nominal, abs=0.08)
    assert (truth > ahead["q50"].to_numpy()).mean() == pytest.approx(0.5, abs=0.08)
