"""The record of a rule: counted by hand on one line, from verdicts and from what followed."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from barograph import tables
from barograph.alerts import cards, changed
from barograph.settings import HIGH_PREVALENCE, Rule

START = date(2024, 1, 1)
NOW = datetime(2024, 6, 1)
LINE = {"marker": "joy", "population": "all", "unit": "authors", "method": "lexicon"}
RULE = Rule(name="r", markers=("joy",))
DAYS = 98  # 70 from the 29th on


def day(n: int) -> date:
    """The n-th day from which on there is a threshold; 0 is the 29th of the line."""
    return START + timedelta(days=28 + n)


def record(fired: list[int], high: list[int], verdicts: dict[int, Any] | None = None, days: int = DAYS, since: int = -99) -> dict[str, Any]:
    """basis → card, where the rule fired with these days as the last closed, and these were high."""
    series = tables.SERIES.validate(pl.DataFrame([
        {**LINE, "time_value": START + timedelta(days=n), "prevalence": 0.1, "value_kind": "share", "n_posts": 9,
         "n_authors": 9, "provisional": False, "issue": NOW} for n in range(days)
    ]))  # fmt: skip
    exceedances = tables.EXCEEDANCES.validate(pl.DataFrame([
        {**LINE, "target": day(n), "horizon": 0, "kind": "observed", "detector": HIGH_PREVALENCE, "percentile": 80.0,
         "level": "red", "issue": NOW} for n in high
    ], schema=tables.EXCEEDANCES.schema))  # fmt: skip
    alerts = tables.ALERTS.validate(pl.DataFrame([
        {"alert_id": str(n), "fingerprint": "f", "rule": "r", **LINE, "state": state, "reason": "", "target": day(n),
         "days": 1, "started_on": day(n), "issue": NOW + timedelta(hours=hours)}
        for n in fired for hours, state in enumerate(("firing", "acknowledged", "resolved"))
    ], schema=tables.ALERTS.schema))  # fmt: skip
    said = tables.DISPOSITIONS.validate(pl.DataFrame([
        {"disposition_id": f"{n}-{i}", "alert_id": str(n), "rule": "r", "verdict": verdict, "created_by": "desk",
         "began_on": day(n + 3) if verdict == "true" else None, "decided_at": NOW + timedelta(hours=i), "issue": NOW}
        for n, several in (verdicts or {}).items() for i, verdict in enumerate(several)
    ], schema=tables.DISPOSITIONS.schema))  # fmt: skip
    found = cards([RULE, Rule(name="other", markers=("fear",))], series, exceedances, alerts, said, since={"r": day(since)}, now=NOW)
    return {row["basis"]: row for row in found.to_dicts()}


def test_what_followed_is_counted_as_by_hand() -> None:
    # Periods: days 10–12 and 30–31; day 50 alone is none. Days 0 to 69 count.
    got = record([8, 29, 45, 66], [10, 11, 12, 30, 31, 50])["series"]
    assert got["period"] == f"{day(0)}/{day(69)}"
    # Two of the week after in a row: after 8 (10, 11) and 29 (30, 31), not after 45; the week after 66 has not closed.
    assert (got["n_alerts"], got["n_judged"], got["n_true"], got["n_unclear"]) == (4, 3, 2, 1)
    assert got["precision"] == pytest.approx(2 / 3)
    # Of days 0 to 62 those from 4 (10, 11) to 10 (11, 12), and from 24 to 29.
    assert got["chance_precision"] == pytest.approx((7 + 6) / 63)
    assert got["false_alarms_per_week"] == pytest.approx(1 / 10)
    assert (got["n_periods"], got["recall"], got["lead_days"]) == (2, 1.0, 1.5)
    # Each is found by an alert in 9 of 70 days; there are four alerts.
    chance = 1 - (1 - 9 / 70) ** 4
    assert got["chance_recall"] == pytest.approx(chance)
    assert got["corrected_recall"] == pytest.approx(1.0)


@pytest.mark.parametrize(("fired", "found", "lead"), [
    (22, 0, None), (23, 1, 7), (30, 1, 0), (31, 1, -1), (32, 0, None),
])  # fmt: skip
def test_a_period_is_found_at_most_a_week_before_or_on_its_first_two_days(fired: int, found: int, lead: int | None) -> None:
    got = record([fired], [30, 31, 32, 33])["series"]
    assert (got["recall"], got["lead_days"]) == (found, lead)
    chance = 9 / 70
    assert got["corrected_recall"] == pytest.approx((found - chance) / (1 - chance))


def test_random_alarms_find_as_much_as_chance_recall_says() -> None:
    """Against a simulation: alarms on days drawn at random, the period well inside."""
    import numpy as np

    draw = np.random.default_rng(5)
    expected = record([1, 2, 3], [40, 41])["series"]["chance_recall"]
    hits = [any(33 <= d <= 41 for d in draw.integers(0, 70, 3)) for _ in range(20_000)]
    assert np.mean(hits) == pytest.approx(expected, abs=0.01)


def test_the_last_verdict_counts() -> None:
    got = record([1, 5, 9, 20], [], {1: ["false", "true"], 5: ["false"], 9: ["true", "unclear"]})["dispositions"]
    assert (got["n_alerts"], got["n_judged"], got["n_true"], got["n_unclear"]) == (4, 2, 1, 1)
    assert (got["precision"], got["lead_days"]) == (0.5, 3.0)
    assert got["false_alarms_per_week"] == pytest.approx(1 / 10)
    assert (got["recall"], got["n_periods"]) == (None, None)


def test_what_was_before_the_rule_decided_anything_counts_neither_way() -> None:
    got = record([45], [10, 11, 30, 31], since=29)["series"]
    assert (got["period"], got["n_periods"], got["recall"]) == (f"{day(29)}/{day(69)}", 1, 0.0)
    assert record([], [], since=70) == {}


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    got = record([], [])
    assert set(got) == {"series", "dispositions"}
    for card in got.values():
        assert {card[name] for name in ("precision", "false_alarms_per_week", "lead_days", "recall", "corrected_recall")} == {None}
    assert record([], [], days=28) == {}


def test_a_card_is_issued_again_only_where_it_says_something_new() -> None:
    card = tables.SKILL_CARDS.validate(pl.DataFrame(list(record([8], [10, 11]).values()), schema=tables.SKILL_CARDS.schema))
    later = card.with_columns(issue=pl.lit(NOW + timedelta(days=1)))
    assert changed(later, card).height == 0
    assert changed(later.with_columns(n_alerts=pl.lit(9)), card).height == 2
    assert changed(card, tables.SKILL_CARDS.empty()).height == 2
