"""A review: every day judged once, by what the model says where nothing after the week before is known."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting import network
from forecasting.baselines import climatology, random_walk
from forecasting.panel import Model, Panel, Predicted
from forecasting.review import review
from tests.forecasting.panels import END, panel, walks

NAN = float("nan")


@pytest.mark.parametrize("model", [climatology, random_walk])
@pytest.mark.parametrize(("days", "weeks"), [(140, 8), (30, 3), (29, 8), (28, 8), (8, 8)])
def test_a_week_is_judged_by_the_forecast_of_a_history_cut_before_it(model: Model, days: int, weeks: int) -> None:
    y = walks(3, days)
    y[1, :5] = NAN
    y[2, -10:-6] = NAN
    ends = END + np.array([0, -3, 40])
    seen = review(panel(y, posts=200, ends=ends), model, weeks)
    judged = min(weeks, (days - 1) // 7)
    assert seen.truth.shape == seen.z.shape == (3, judged, 7)
    assert seen.quantiles.shape == (3, judged, 7, 13)
    for week in range(judged):
        cut = days - 7 * (judged - week)
        before = panel(y[:, max(0, cut - 84) : cut], posts=200, ends=ends - (days - cut))
        by_hand = model(before, 7)
        for row, why in enumerate(by_hand.fallbacks):
            if why is None:
                np.testing.assert_allclose(seen.quantiles[row, week], by_hand.quantiles[row])
                np.testing.assert_array_equal(seen.truth[row, week], y[row, cut : cut + 7])
            else:
                assert np.isnan(seen.quantiles[row, week]).all()
                assert np.isnan(seen.truth[row, week]).all()
                assert np.isnan(seen.z[row, week]).all()


def test_a_model_is_shown_no_day_of_the_week_it_is_judged_by_and_84_before() -> None:
    asked: list[Panel] = []

    def model(histories: Panel, horizon: int) -> Predicted:
        asked.append(histories)
        return climatology(histories, horizon)

    y = np.linspace(0.1, 0.9, 140)[None]
    whole = panel(y, posts=np.nan)
    review(whole, model, 8)
    assert [shown.ends.tolist() for shown in asked] == [[(END - 7 * k).astype(object)] for k in range(8, 0, -1)]
    for week, shown in enumerate(asked):
        np.testing.assert_array_equal(shown.y, y[:, 7 * week : 84 + 7 * week])


def test_what_is_said_of_one_end_does_not_hang_on_other_ends_asked_with_it() -> None:
    y = walks(4, 91)
    ends = END + np.array([0, 0, -7, -7])  # as a backtest asks: the same two series, a week apart
    names = np.array(["a", "b", "a", "b"], dtype=object)
    together = replace(panel(np.vstack([y[:2, 7:], y[:2, :-7]]), ends=ends), names=names)
    apart = [review(together.rows(ends == end), network.predict, 8).quantiles for end in (END, END - 7)]
    np.testing.assert_allclose(review(together, network.predict, 8).quantiles, np.concatenate(apart), rtol=1e-5)


def test_a_share_of_none_is_judged_as_half_a_post() -> None:
    y = walks(1, 21)
    y[0, -2:] = 0.0, 1.0
    seen = review(panel(y, posts=50), climatology, 1)
    np.testing.assert_array_equal(seen.truth[0, 0], y[0, -7:])
    np.testing.assert_allclose(1 / (1 + np.exp(-seen.z[0, 0, -2:])), [0.01, 0.99])
    np.testing.assert_allclose(1 / (1 + np.exp(-seen.z[0, 0, :-2])), y[0, -7:-2])


@pytest.mark.parametrize("days", [1, 7])
def test_a_history_without_a_week_and_a_day_has_no_review(days: int) -> None:
    seen = review(panel(walks(2, days)), climatology, 8)
    assert seen.truth.shape == (2, 0, 7)
    assert seen.quantiles.shape == (2, 0, 7, 13)


def test_nobody_has_no_review() -> None:
    nobody = panel(walks(1, 40)).rows(np.zeros(1, dtype=bool))
    assert len(review(nobody, climatology, 8).truth) == 0
    without_days = replace(nobody, y=nobody.y[:, :0], n_posts=nobody.y[:, :0])
    assert len(review(without_days, climatology, 8).truth) == 0
