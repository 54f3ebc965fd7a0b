"""Rolling origins: every definition by hand on made-up series, and nothing later is ever seen."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.errors import Terminal
from barograph.tables import QUANTILES
from forecasting import backtest, evaluation, skill
from forecasting.panel import Panel, Predicted
from forecasting.quantiles import LEVELS, above

START = date(2024, 1, 1)
DAY = timedelta(days=1)


def series(name: str, values, start: date = START, **columns) -> pl.DataFrame:
    n = len(values)
    return pl.DataFrame({
        "unique_id": [name] * n, "ds": [start + i * DAY for i in range(n)], "y": pl.Series(values, dtype=pl.Float64),
        **{c: [v] * n for c, v in columns.items()},
    })  # fmt: skip


def waves(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.4, n).round(4)


def persistence(panel: Panel, horizon: int) -> Predicted:
    """The last day, ± .001 a step of the levels."""
    q = np.clip(panel.y[:, -1:] + 0.05 * (LEVELS - 0.5), 0, 1)
    return Predicted(np.repeat(q[:, None], horizon, axis=1), ["last"] * len(panel), [None] * len(panel))


def climatology(panel: Panel, horizon: int) -> Predicted:
    q = np.quantile(panel.y, LEVELS, axis=1).T
    short = ["short" if panel.y.shape[1] < 28 else None] * len(panel)
    return Predicted(np.repeat(q[:, None], horizon, axis=1), ["all days"] * len(panel), short)


# Windows.


def test_a_window_is_84_days_up_to_its_origin_and_the_days_after_it():
    y = waves(84 + 7 + 10)
    found = backtest.windows(series("a/b", y))
    assert len(found) == 2
    for k, row in enumerate((83, 90)):
        past = y[row - 83 : row + 1]
        assert found.panel.ends[k] == np.datetime64(START + row * DAY)
        assert found.panel.y[k].tolist() == past.tolist()
        assert found.truth[k].tolist() == y[row + 1 : row + 8].tolist()
        # The 80th percentile of 84 days lies .4 of the way from the 67th to the 68th.
        ranked = sorted(past)
        assert found.threshold[k] == pytest.approx(ranked[66] + 0.4 * (ranked[67] - ranked[66]))
        assert found.scale[k] == pytest.approx(sum(abs(b - a) for a, b in pairwise(past)) / 83)
    assert found.panel.populations.tolist() == ["b", "b"]
    assert found.skipped == 0


def test_origins_are_the_same_days_for_all_series_and_no_day_after_the_last_is_forecast():
    frame = pl.concat([series("one", waves(200)), series("two", waves(150, 1), START + 31 * DAY)])
    found = backtest.windows(frame, 5, START + 100 * DAY, START + 140 * DAY, 10)
    ends = (found.panel.ends - np.datetime64(START)).astype(int)
    days = list(zip(ends.tolist(), found.panel.names.tolist(), strict=True))
    # 140 − 5 = 135: origins 100, 110, 120, 130. The second series has 84 days from day 114 on.
    assert days == [(100, "one"), (110, "one"), (120, "one"), (120, "two"), (130, "one"), (130, "two")]
    assert found.skipped == 2


@pytest.mark.parametrize("missing", [1, 13, 90, 96, 102])
def test_a_window_with_an_unknown_day_is_left_out_and_counted(missing):
    """104 days give 14 daily origins, the i-th with days i to i + 90: day 13 is in all of them, day 96 in eight."""
    y = waves(104)
    assert len(backtest.windows(series("a", y), step=1)) == 14
    y[missing] = np.nan
    frame = series("a", y).with_columns(pl.col("y").fill_nan(None))
    within = sum(i <= missing <= i + 90 for i in range(14))
    for history in (frame, frame.filter(pl.col("y").is_not_null())):  # unknown, or no row at all
        if within == 14:
            with pytest.raises(Terminal, match="no window fits"):
                backtest.windows(history, step=1)
        else:
            found = backtest.windows(history, step=1)
            assert (len(found), found.skipped) == (14 - within, within)


def test_a_series_of_no_row_and_one_without_a_window_are_refused_with_what_would_fit():
    with pytest.raises(Terminal) as error:
        backtest.windows(series("a", waves(90)))
    assert str(error.value) == (
        "no window fits: the longest run of known days is 90, of a; 91 are needed, 84 without a gap up to an origin and "
        "7 after it"
    )
    with pytest.raises(Terminal, match=r"got no rows; expected series of at least 84 \+ 7 days"):
        backtest.windows(series("a", []))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.with_columns(y=pl.lit(1.5)), "a on 2024-01-01: y is 1.5; expected a share from 0 to 1"),
        (lambda f: f.with_columns(y=pl.lit(float("nan"))), "a on 2024-01-01: y is nan; expected a share from 0 to 1"),
        (lambda f: pl.concat([f, f.tail(1)]), "a on 2024-04-30: the day occurs twice; expected one row a day"),
        (lambda f: f.drop("ds"), "history: no column ds; expected unique_id, ds, y and optionally n_posts, marker, population, flagged"),
    ],
)
def test_what_is_no_series_is_refused_by_name_and_day(spoil, said):
    with pytest.raises(Terminal) as error:
        backtest.windows(spoil(series("a", waves(121))))
    assert str(error.value) == said


# Runs.


@settings(max_examples=40, deadline=None, derandomize=True)
@given(day=st.integers(0, 159), value=st.floats(0, 1), train=st.sampled_from([7, 28, 84]))
def test_no_day_after_an_origin_changes_what_was_forecast_from_it(day, value, train):
    y = waves(160)
    other = y.copy()
    other[day] = value
    made = []
    for values in (y, other):
        found = backtest.windows(series("a", values), step=3)
        (outcome,) = backtest.run(found, {"m": climatology}, [train])
        made.append((found, outcome))
    (found, one), (changed, two) = made
    before = found.panel.ends < np.datetime64(START + day * DAY)
    for a, b in ((one.quantiles, two.quantiles), (one.p_high, two.p_high), (found.threshold, changed.threshold), (found.scale, changed.scale)):
        assert np.array_equal(a[before], b[before])


def test_training_days_limit_what_a_model_sees_and_nothing_else():
    seen = []

    def spy(panel: Panel, horizon: int) -> Predicted:
        seen.append(panel.y.shape[1])
        return persistence(panel, horizon)

    found = backtest.windows(series("a", waves(160)))
    outcomes = list(backtest.run(found, {"spy": spy}, [7, 28, 84]))
    assert set(seen) == {7, 28, 84}
    assert [o.train_days for o in outcomes] == [7, 28, 84]
    for outcome in outcomes:  # what it forecasts rests on the last day alone
        assert np.array_equal(outcome.quantiles, outcomes[0].quantiles)
        assert np.array_equal(outcome.p_high, outcomes[0].p_high)
        expected = above(outcome.quantiles, np.repeat(found.threshold[:, None], 7, axis=1))
        assert np.array_equal(outcome.p_high, expected)


def test_a_threshold_of_nothing_is_passed_only_by_a_whole_post():
    """As the monitor reads it: with ten posts a day no threshold lies below .075."""
    y = np.zeros(95)
    y[-3:] = 0.1
    counted = backtest.windows(series("a", y, n_posts=10))
    assert counted.threshold.tolist() == [0.0]
    (outcome,) = backtest.run(counted, {"last": persistence})
    q = persistence(counted.panel, 7).quantiles
    assert outcome.p_high[0] == pytest.approx(above(q, np.full((1, 7), 0.075))[0])


def test_cells_hold_a_row_a_window_and_day():
    found = backtest.windows(series("a", waves(100)))
    (outcome,) = backtest.run(found, {"all": climatology}, [7])
    rows = backtest.cells(found, outcome)
    assert rows.height == 7 * len(found)
    assert rows.columns == [
        "model", "train_days", "unique_id", "origin", "target", "horizon", "y", "threshold", "high", "scale",
        *QUANTILES, "p_high", "fallback",
    ]  # fmt: skip
    for row in rows.iter_rows(named=True):
        assert row["target"] == row["origin"] + row["horizon"] * DAY
        assert row["high"] == (row["y"] > row["threshold"])
        assert row["fallback"] == "short"
    truth = series("a", waves(100)).select(target="ds", came="y")
    assert (rows.join(truth, on="target").select(pl.col("y") == pl.col("came")).to_series()).all()


# What it comes to.


def test_a_summary_holds_the_scores_of_all_days():
    frame = pl.concat([series(f"s{i}", waves(160, i)) for i in range(3)])
    found = backtest.windows(frame)
    outcomes = list(backtest.run(found, {"last": persistence, "all": climatology}, [7, 84]))
    table = skill.summary(found, outcomes, draws=20)
    assert table.select("model", "train_days").rows() == [("last", 7), ("last", 84), ("all", 7), ("all", 84)]
    for outcome, row in zip(outcomes, table.iter_rows(named=True), strict=True):
        q, truth, high = outcome.quantiles, found.truth, found.high
        assert row["n_windows"] == len(found) == 30
        assert row["n_series"] == 3
        assert row["scrps"] == pytest.approx((evaluation.crps(q, truth) / found.scale[:, None]).mean())
        assert row["wis"] == pytest.approx(evaluation.wis(q, truth).mean())
        assert row["coverage_80"] == pytest.approx(evaluation.covered(q, truth, 0.8).mean())
        assert row["mape"] == pytest.approx(evaluation.mape(q, truth))
        assert row["brier_skill"] == pytest.approx(evaluation.brier_skill(outcome.p_high, high))
        assert row["average_precision"] == pytest.approx(evaluation.average_precision(outcome.p_high, high))
        alarms = evaluation.alarms(outcome.p_high, high)
        assert (row["precision"] or np.nan, row["recall"]) == pytest.approx(alarms[:2], nan_ok=True)
        assert row["always_precision"] == pytest.approx(high.mean())
        n = (outcome.p_high >= 0.5).sum()
        assert row["random_recall"] == pytest.approx(n / high.size)
        assert row["scrps_low"] < row["scrps"] < row["scrps_high"]
        assert row["fallbacks"] == (1.0 if (row["model"], row["train_days"]) == ("all", 7) else 0.0)


def test_a_window_that_never_moved_has_no_scrps_and_spoils_none():
    frame = pl.concat([series("still", np.full(95, 0.2)), series("moves", waves(95))])
    found = backtest.windows(frame)
    (outcome,) = backtest.run(found, {"last": persistence})
    (both,) = skill.summary(found, [outcome], draws=0).iter_rows(named=True)
    alone = found.rows(found.panel.names == "moves")
    (one,) = backtest.run(alone, {"last": persistence})
    assert both["scrps"] == pytest.approx(skill.summary(alone, [one], draws=0)["scrps"][0])
    assert both["n_windows"] == 2


def test_coverage_by_month_is_by_the_day_forecast():
    found = backtest.windows(series("a", waves(84 + 40)), step=1)
    (outcome,) = backtest.run(found, {"all": climatology})
    table = skill.coverage_by_month(found, outcome)
    held = evaluation.covered(outcome.quantiles, found.truth, 0.8)
    counted: dict[date, list[bool]] = {}
    for k, end in enumerate(found.panel.ends.tolist()):
        for h in range(7):
            counted.setdefault((end + (h + 1) * DAY).replace(day=1), []).append(bool(held[k, h]))
    assert table.rows() == [(month, len(kept), pytest.approx(np.mean(kept))) for month, kept in sorted(counted.items())]


def test_weeks_of_origins_are_counted_from_the_first_whatever_the_step() -> None:
    found = backtest.windows(series("joy/a", waves(84 + 7 + 20)), step=3)
    assert found.weeks.tolist() == [0, 0, 0, 1, 1, 2, 2]
