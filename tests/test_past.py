"""A line read as it was known, what has become of it since, its periods and what its alerts did."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import line, past, tables
from barograph.line import Line
from barograph.store import Snapshot
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW

EARLIER = NOW - timedelta(days=3)
THEN = NOW - timedelta(days=2)


def read(home: Path, rows: dict[tables.Table, pl.DataFrame], as_of: datetime | None = None) -> Line:
    return line.read(Snapshot(frames.snapshot(home, rows)), **frames.LINE, as_of=as_of)


@pytest.fixture
def history() -> dict[tables.Table, pl.DataFrame]:
    """Known three days ago up to two days before LAST; of these days the last and one gap came out otherwise."""
    day = pl.col("time_value")
    early = frames.series(issue=EARLIER).filter(day <= LAST - timedelta(days=2))
    early = early.with_columns(
        prevalence=pl.when(day == LAST - timedelta(days=2)).then(0.13)
        .when(day == LAST - timedelta(days=5)).then(0.11).otherwise("prevalence")
    )  # fmt: skip
    late = frames.series(missing={7: "fewer than 20 authors"}).filter(
        (day >= LAST - timedelta(days=2)) | day.is_in([LAST - timedelta(days=5), LAST - timedelta(days=7)])
    )
    old = frames.forecasts(issue=EARLIER).with_columns(pl.col("target") - timedelta(days=2), q50=pl.lit(0.07))
    fired = frames.alerts("firing", issue=EARLIER, target=LAST - timedelta(days=3))
    calm = frames.alerts("resolved", target=LAST)
    return {
        tables.SERIES: pl.concat([early, late]), tables.FORECASTS: pl.concat([old, frames.forecasts()]),
        tables.ALERTS: pl.concat([fired, calm]),
        tables.EXCEEDANCES: pl.concat([
            frames.high_days(4).with_columns(issue=pl.lit(EARLIER, pl.Datetime("us"))), frames.high_days(0),
        ]),
        tables.EVENTS: pl.concat([
            frames.events(("exam week", "*", LAST, LAST)).with_columns(declared_at=pl.lit(EARLIER, pl.Datetime("us"))),
            frames.events(("storm", "*", LAST, LAST)),
        ]),
    }  # fmt: skip


def test_a_line_as_of_a_time_holds_what_was_known_then_and_no_more(
    tmp_path: Path, history: dict[tables.Table, pl.DataFrame]
) -> None:
    then = read(tmp_path, history, THEN)
    assert then.series["time_value"].max() == LAST - timedelta(days=2)
    assert then.series["prevalence"][-1] == 0.13
    assert then.forecasts["q50"].to_list() == [0.07] * 7
    assert then.forecasts["target"][0] == LAST - timedelta(days=1)
    assert then.exceedances["target"].to_list() == [LAST - timedelta(days=4)]
    assert then.events["name"].to_list() == ["exam week"]
    assert then.alert is not None
    assert then.alert["state"] == "firing"


def test_what_differs_from_now_is_counted(tmp_path: Path, history: dict[tables.Table, pl.DataFrame]) -> None:
    then, now = read(tmp_path, history, THEN), read(tmp_path, history)
    found = past.differences(then, now)
    # Two closed days and the provisional one came later; two values moved, one day was censored.
    assert (found.later, found.changed) == (3, 3)
    assert found.largest == (LAST - timedelta(days=2), 0.13, 0.1)
    assert (found.then, found.now) == ("firing", None)
    same = past.differences(now, now)
    assert (same.later, same.changed, same.largest) == (0, 0, None)


def test_the_issues_of_a_line_are_its_own(tmp_path: Path, history: dict[tables.Table, pl.DataFrame]) -> None:
    other = frames.series(population="north", issue=NOW + timedelta(days=1))
    rows = history | {tables.SERIES: pl.concat([history[tables.SERIES], other])}
    snapshot = Snapshot(frames.snapshot(tmp_path, rows))
    assert snapshot.issues(tables.SERIES, where=frames.LINE) == [EARLIER, NOW]
    assert snapshot.issues(tables.SERIES, where=frames.LINE | {"marker": "none"}) == []


def test_runs_of_high_days_are_periods(tmp_path: Path) -> None:
    days = frames.high_days(21, 20, 9, 3, 2, 1).with_columns(
        value=pl.Series([0.5, 0.1, 0.2, 0.1, 0.3, 0.2]),
        level=pl.Series(["red", "red", "yellow", "red", "yellow", "red"]),
    )
    found = read(tmp_path, {tables.SERIES: frames.series(), tables.EXCEEDANCES: days}).periods

    def ago(n: int) -> object:
        return LAST - timedelta(days=n)

    assert found.rows() == [
        (ago(21), ago(20), 2, 0.5, ago(21), 2), (ago(9), ago(9), 1, 0.2, ago(9), 0), (ago(3), ago(1), 3, 0.3, ago(2), 2),
    ]  # fmt: skip


def test_marks_are_when_an_alert_changed_its_state_after_it_fired(tmp_path: Path) -> None:
    at = [NOW - timedelta(days=n) for n in (6, 5, 4, 3, 2)]
    moves = [
        ("pending", None, 7), ("firing", None, 6), ("firing", None, 5), ("acknowledged", "analyst", 5), ("resolved", None, 3),
    ]  # fmt: skip
    rows = [
        frames.alerts(state, moved_by=by, target=LAST - timedelta(days=ago), issue=issue)
        for (state, by, ago), issue in zip(moves, at, strict=True)
    ]
    never = [frames.alerts(s, alert_id="a-2", issue=i) for s, i in (("pending", at[0]), ("resolved", at[1]))]
    ahead = frames.alerts("firing", alert_id="a-3", target=LAST + timedelta(days=5), issue=NOW)
    found = read(tmp_path, {tables.SERIES: frames.series(), tables.ALERTS: pl.concat([*rows, *never, ahead])}).marks
    assert found.select("alert_id", "what", "day").rows() == [
        ("a-1", "firing", LAST - timedelta(days=6)),
        ("a-1", "acknowledged", at[3].date()),  # when a person did, whatever day decided
        ("a-1", "resolved", LAST - timedelta(days=3)),
        ("a-3", "firing", NOW.date()),  # of a forecast: when it fired, not the day forecast
    ]


def test_a_forecast_is_drawn_with_the_end_of_its_line_alone(tmp_path: Path) -> None:
    whole = read(tmp_path, {tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts()})
    assert whole.between(LAST - timedelta(days=9), LAST).forecasts.is_empty()
    assert whole.between(LAST - timedelta(days=9), LAST).series.height == 10
    assert whole.since(LAST).forecasts.height == 7


def test_the_table_of_a_line_says_what_is_drawn_of_each_day(
    tmp_path: Path, history: dict[tables.Table, pl.DataFrame]
) -> None:
    rows = {row["time_value"]: row for row in read(tmp_path, history).table().to_dicts()}
    assert rows[LAST]["event"] == "exam week; storm"
    assert (rows[LAST]["alert"], rows[LAST]["high_above"]) == ("resolved: high for two days", 0.09)
    assert rows[LAST - timedelta(days=3)]["alert"] == "firing: high for two days"
    assert rows[LAST - timedelta(days=1)]["alert"] is None
    assert rows[LAST + timedelta(days=7)]["kind"] == "forecast"
