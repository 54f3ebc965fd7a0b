"""Which periods are explained, when again, and which rows are worth a new issue."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.explain import changed, newest, not_issued, wanted
from barograph.rules import held_days
from tests.test_alerts import alert

START = date(2024, 3, 1)
NOW = datetime(2024, 4, 1, 6)
LINE = {"marker": "fear", "population": "all", "unit": "authors", "method": "lexicon"}


def day(n: int) -> date:
    """The day so many days after START."""
    return START + timedelta(days=n)


def series(days: int, *, issued: dict[int, datetime] | None = None, first: int = 0, **line: str) -> pl.DataFrame:
    """Closed days of one line, each issued at NOW but where `issued` says otherwise."""
    rows = [
        {**LINE, **line, "time_value": day(n), "value_kind": "share", "prevalence": 0.1, "n_posts": 9, "n_authors": 9,
         "provisional": False, "issue": (issued or {}).get(n, NOW)}
        for n in range(first, days)
    ]  # fmt: skip
    return tables.SERIES.validate(pl.DataFrame(rows))


def high(*days: int, **over: Any) -> pl.DataFrame:
    """Observed high-prevalence days of the line."""
    rows = [
        {**LINE, "target": day(n), "horizon": 0, "kind": "observed", "detector": "high prevalence", "percentile": 80.0,
         "value": 0.2, "threshold": 0.1, "level": "red", "issue": NOW, **over}
        for n in days
    ]  # fmt: skip
    return tables.EXCEEDANCES.validate(pl.DataFrame(rows))


def asked(known: pl.DataFrame, *alerts: dict[str, Any], exceedances: pl.DataFrame | None = None, **options: Any) -> list[tuple[int, int, int]]:
    """First and last day explained and first day compared with, as days after START."""
    rows = wanted(
        known, pl.DataFrame(alerts, schema=tables.ALERTS.schema),
        tables.EXCEEDANCES.empty() if exceedances is None else exceedances,
        **({"without_text": day(-1), "since": None} | options),
    )  # fmt: skip
    return [tuple((row[name] - START).days for name in ("first", "last", "reference")) for row in rows.iter_rows(named=True)]  # type: ignore[misc]


def test_the_last_1_7_and_28_days_against_as_many_before() -> None:
    assert asked(series(60)) == [(32, 59, 4), (53, 59, 46), (59, 59, 58)]


def test_a_period_is_not_compared_with_days_before_the_first() -> None:
    assert asked(series(56)) == [(28, 55, 0), (49, 55, 42), (55, 55, 54)]
    assert asked(series(55)) == [(48, 54, 41), (54, 54, 53)]
    assert asked(series(1)) == []
    assert asked(tables.SERIES.empty()) == []


def test_each_population_has_its_own_last_day_and_each_line_its_own_row() -> None:
    known = pl.concat([series(10), series(10, marker="joy"), series(10, unit="posts"), series(8, population="north")])
    rows = wanted(known, tables.ALERTS.empty(), tables.EXCEEDANCES.empty(), without_text=day(-1), since=None)
    assert rows.filter(pl.col("first") == pl.col("last")).select("population", "marker", "unit", "last").rows() == [
        ("all", "fear", "authors", day(9)), ("all", "fear", "posts", day(9)), ("all", "joy", "authors", day(9)),
        ("north", "fear", "authors", day(7)),
    ]  # fmt: skip


def firing(target: int, days: int, **over: Any) -> dict[str, Any]:
    """An alert that fires on a day after so many in a row."""
    return alert(**({"marker": "fear", "target": day(target), "days": days, "started_on": day(target - days + 1)} | over))


def test_a_firing_alert_is_explained_by_its_run_of_days() -> None:
    alerts = [firing(7, 2), firing(5, 1, alert_id="b", state="pending"), firing(4, 1, alert_id="c", state="resolved")]
    assert [r for r in asked(series(10), *alerts) if r[1] < 9] == [(6, 7, 4)]


def test_a_forecast_alert_is_explained_by_the_days_it_was_made_on() -> None:
    row = firing(14, 2, p_high=0.9, started_on=day(6))  # made on days 6 and 7 for the 14th
    (held,) = held_days(pl.DataFrame([row], schema=tables.ALERTS.schema)).to_dicts()
    assert (held["first"], held["last"]) == (day(6), day(7))
    row = firing(7, 2, started_on=day(3))  # it was silent in between: only the last days in a row are its run
    (held,) = held_days(pl.DataFrame([row], schema=tables.ALERTS.schema)).to_dicts()
    assert (held["first"], held["last"]) == (day(6), day(7))


def test_high_days_in_a_row_are_one_period_explained_when_it_is_over() -> None:
    found = pl.concat([high(5, 6, 7, 9, 19), high(12, detector="my rule"), high(13, kind="forecast", horizon=1)])
    periods = [(first, last, before) for first, last, before in asked(series(20), exceedances=found) if last < 19]
    assert periods == [(5, 7, 2), (9, 9, 8)]
    assert (19, 19, 18) in asked(series(20), exceedances=found)  # the last day, as such
    assert (18, 19, 16) not in asked(series(20), exceedances=high(18, 19))  # it may go on
    assert (18, 19, 16) in asked(series(21), exceedances=high(18, 19))


def test_nothing_is_compared_with_days_whose_texts_are_gone() -> None:
    assert asked(series(60), without_text=day(4)) == [(53, 59, 46), (59, 59, 58)]
    assert asked(series(60), without_text=day(57)) == [(59, 59, 58)]
    assert asked(series(60), without_text=day(58)) == []


def test_what_was_explained_is_asked_again_only_where_a_day_changed() -> None:
    found, since = high(5, 6, 9), NOW
    assert asked(series(60), exceedances=found, since=since) == []
    late = NOW + timedelta(minutes=5)
    assert asked(series(60, issued={5: late}), exceedances=found, since=since) == [(5, 6, 3), (32, 59, 4)]
    assert asked(series(60, issued={3: late}), exceedances=found, since=since) == [(5, 6, 3)]
    assert asked(series(60, issued={59: late}), exceedances=found, since=since) == [(32, 59, 4), (53, 59, 46), (59, 59, 58)]
    # The day that ended a run has just closed.
    assert (9, 9, 8) in asked(series(11, issued={10: late}), exceedances=found, since=since)


# What is worth a new issue.


def rows(issue: datetime | None = None, term_to_part: dict[str, float] | None = None, **over: Any) -> pl.DataFrame:
    """One shift; without an issue as it is before it is saved."""
    parts = term_to_part or {"worried": 0.03, "(other)": 0.01}
    frame = tables.TERM_SHIFTS.validate(pl.DataFrame([
        {"population": "all", "marker": "fear", "unit": "posts", "period": "2024-03-02/2024-03-02",
         "reference": "2024-03-01/2024-03-01", "term": term, "contribution": part, "n_authors": 30, "change": 0.04,
         "period_posts": 9, "reference_posts": 9, "period_authors": 9, "reference_authors": 9, "both_authors": 9,
         "issue": issue or NOW, **over}
        for term, part in parts.items()
    ]))  # fmt: skip
    return frame if issue else frame.drop("issue")


def test_only_shifts_that_say_something_else_are_issued_and_then_whole() -> None:
    assert changed(rows(), rows(NOW)).height == 0
    assert changed(rows(), tables.TERM_SHIFTS.empty()).height == 2
    assert changed(rows(term_to_part={"worried": 0.03, "(other)": 0.02}), rows(NOW)).height == 2
    assert changed(rows(term_to_part={"worried": 0.03}), rows(NOW)).height == 1  # a term is no longer named
    other = rows(marker="joy")
    assert changed(pl.concat([rows(), other]), rows(NOW))["marker"].to_list() == ["joy", "joy"]


def test_what_was_never_issued_is_told_by_population_marker_unit_and_period() -> None:
    request = {"population": "all", "marker": "fear", "unit": "posts", "first": date(2024, 3, 2), "last": date(2024, 3, 2)}
    others = [request | over for over in ({"population": "x"}, {"marker": "joy"}, {"unit": "authors"}, {"last": date(2024, 3, 3)})]
    requests = pl.DataFrame([request, *others])
    assert not_issued(requests, rows(NOW)).to_dicts() == others
    assert not_issued(requests, tables.TERM_SHIFTS.empty()).equals(requests)


def test_numbers_are_published_in_ten_thousandths() -> None:
    from barograph.explain import rows_of
    from lexicons.shift import word_shifts
    from tests.lexicons.test_shift import AFTER, BEFORE, SMALL, counts

    shifts = word_shifts(counts(SMALL), [(AFTER, BEFORE, ["fear"])]).with_columns(contribution=0.123456, rate_hi=0.00004)
    found = rows_of(shifts, "all", "posts", [("a/b", "c/d")])
    assert found["contribution"].unique().to_list() == [0.1235]
    assert found["rate_hi"].unique().to_list() == [0.0]


def test_what_is_compared_is_the_newest_issue() -> None:
    known = pl.concat([rows(NOW, {"worried": 0.03, "afraid": 0.01}), rows(NOW + timedelta(days=1))])
    assert newest(known)["term"].to_list() == ["worried", "(other)"]
    assert changed(rows(), known).height == 0
    assert changed(rows(term_to_part={"worried": 0.03, "afraid": 0.01}), known).height == 2


def test_what_accounts_make_of_it_is_told_in_twentieths_and_over_half_alike() -> None:
    from barograph.explain import rows_of
    from lexicons.shift import word_shifts
    from tests.lexicons.test_shift import AFTER, BEFORE, SMALL, counts

    shifts = word_shifts(counts(SMALL), [(AFTER, BEFORE, ["fear"])])
    raw = pl.Series([None, 0.001, 0.05, 0.051, 0.3, 0.5, 0.501, 1.0])
    shifts = pl.concat([shifts] * 4).with_columns(raw.alias("top_account_share"))
    found = rows_of(shifts, "all", "posts", [("a/b", "c/d")])
    assert found["top_account_share"].to_list() == [None, 0.05, 0.05, 0.1, 0.3, 0.5, 0.55, 0.55]
    assert found["change_top_account_share"].unique().to_list() == [0.5]


@pytest.mark.parametrize("unit", ["posts", "authors"])
def test_the_columns_saved_are_those_of_the_table(unit: str) -> None:
    from barograph.explain import rows_of
    from lexicons.shift import word_shifts
    from tests.lexicons.test_shift import AFTER, BEFORE, SMALL, counts

    found = rows_of(word_shifts(counts(SMALL), [(AFTER, BEFORE, ["fear"])], unit=unit), "all", unit, [("a/b", "c/d")])
    saved = tables.TERM_SHIFTS.validate(found.with_columns(issue=pl.lit(NOW)))
    assert saved.height == 2
    assert saved.drop_nulls().height == 2
