"""Events: what was declared when, which comparisons are made, what is corrected, and the verdicts."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from barograph import polarization, tables
from barograph.polarization.events import event_tests, periods, verdict
from barograph.settings import Event, Topic
from barograph.settings import Test as Declared
from barograph.tables import CONTRASTS
from tests.polarization.frames import AS, pair, read

TOPIC = Topic(name="climate", keywords=("climate",), sides=("for", "against"))
START, END = date(2024, 3, 10), date(2024, 3, 11)
NOW = datetime(2024, 3, 20, 12)
SEEN = datetime(2024, 3, 1, 8)
HOT, COLD, MILD = "c_same_affect_agree", "c_opposite_none_agree", "c_same_none_agree"
LEVELS = {"low": (COLD, COLD, MILD), "high": (HOT, HOT, MILD)}


def declared(known: pl.DataFrame | None = None, *, now: datetime = SEEN, **event: Any) -> list[dict[str, Any]]:
    of_event = Event(**{"name": "vote", "kind": "scheduled", "starts_on": START, "ends_on": END} | event)
    return polarization.declared(
        [Declared(event="vote", topic="climate")], [of_event], [TOPIC], tables.EVENT_TESTS.empty() if known is None else known,
        now=now, clock=datetime(2026, 1, 1),
    )  # fmt: skip


def found(**levels: str) -> polarization.Interactions:
    """Twelve conversations in the middle of each period, low unless told otherwise."""
    days = {"earlier": START - timedelta(5), "before": START - timedelta(2), "during": START, "after": END + timedelta(2)}
    return read(
        [
            pair(f"{name} {i}", LEVELS[levels.get(name, "low")][i % 3], day=day, post_id=f"{name} r{i}", parent_id=f"{name} p{i}")
            for name, day in days.items() for i in range(12)
        ]
    )  # fmt: skip


def measured(tests: list[dict[str, Any]], of: polarization.Interactions | None, **more: Any) -> pl.DataFrame:
    given: dict[str, Any] = {
        "now": NOW, "since": {"climate": date(2024, 2, 1)}, "closing_hours": 6, "minimum_authors": 0,
        "known": tables.EVENT_TESTS.empty(), "populations": {"all": {}},
    }  # fmt: skip
    given |= more
    known, populations = given.pop("known"), given.pop("populations")
    return event_tests(tests, {"climate": of} if of else {}, populations, known, **given)


def corrected(p: list[float | None]) -> Any:
    """Holm's correction by statsmodels; what has no value counts as 1."""
    adjusted = multipletests([1 if value is None else value for value in p], method="holm")[1]
    return [None if one is None else pytest.approx(float(two)) for one, two in zip(p, adjusted, strict=True)]


def by_contrast(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["contrast"]: row for row in frame.iter_rows(named=True)}


def test_periods_are_as_many_days_on_either_side() -> None:
    assert periods(declared()[0]) == {
        "earlier": (date(2024, 3, 4), date(2024, 3, 6)), "before": (date(2024, 3, 7), date(2024, 3, 9)),
        "during": (START, END), "after": (date(2024, 3, 12), date(2024, 3, 14)),
    }  # fmt: skip


# --- declaration ---


@pytest.mark.parametrize(
    ("now", "confirmatory"),
    [(SEEN, True), (datetime(2024, 3, 9, 23, 59), True), (datetime(2024, 3, 10), False), (datetime(2024, 3, 20), False)],
)
def test_a_test_is_confirmatory_where_it_was_seen_before_the_event_began(now: datetime, confirmatory: bool) -> None:
    [test] = declared(now=now)
    assert (test["declared_at"], test["seen_at"], test["confirmatory"]) == (now, datetime(2026, 1, 1), confirmatory)


def test_the_first_run_that_saw_it_counts_and_what_is_changed_is_another_test() -> None:
    known = measured(declared(), None)
    later = datetime(2024, 4, 1)
    [again] = declared(known, now=later)
    assert (again["declared_at"], again["confirmatory"]) == (SEEN, True)
    for change in ({"ends_on": date(2024, 3, 12)}, {"kind": "sudden"}, {"population": "all"}, {"starts_on": date(2024, 3, 9)}):
        [other] = declared(known, now=later, **change)
        assert other["test"] != again["test"]
        assert (other["declared_at"], other["confirmatory"]) == (later, False)
    event = Event(name="vote", starts_on=START, ends_on=END)
    for test, topic in (
        (Declared(event="vote", topic="climate", window=4), TOPIC),
        (Declared(event="vote", topic="climate", outcome="share_extreme"), TOPIC),
        (Declared(event="vote", topic="climate"), Topic(name="climate", keywords=("weather",), sides=("for", "against"))),
    ):
        [other] = polarization.declared([test], [event], [topic], known, now=later, clock=later)
        assert other["declared_at"] == later


def test_a_test_is_of_every_event_of_its_name() -> None:
    events = [Event(name="vote", starts_on=START), Event(name="vote", starts_on=date(2024, 6, 1)), Event(name="x", starts_on=START)]
    got = polarization.declared([Declared(event="vote", topic="climate")], events, [TOPIC], tables.EVENT_TESTS.empty(), now=SEEN, clock=SEEN)
    assert [(test["starts_on"], test["ends_on"]) for test in got] == [(START, START), (date(2024, 6, 1),) * 2]


def test_what_is_declared_is_published_before_there_is_anything_to_say() -> None:
    got = measured(declared(), None, now=SEEN, since={})
    assert got["contrast"].to_list() == list(CONTRASTS)
    assert got["missing_reason"].unique().to_list() == ["no reply pairs read"]
    assert got["verdict"].to_list() == [None] * 4
    assert got["confirmatory"].all()


# --- comparisons ---


def test_comparisons_are_the_later_less_the_earlier() -> None:
    got = by_contrast(measured(declared(), found(before="high")))
    # Scores of 0, 0 and 6 have a mean of 2; of 10, 10 and 6 one of 26/3.
    assert {name: row["effect"] for name, row in got.items()} == {
        "before-earlier": pytest.approx(20 / 3), "during-before": pytest.approx(-20 / 3),
        "after-before": pytest.approx(-20 / 3), "after-during": pytest.approx(0),
    }  # fmt: skip
    row = got["before-earlier"]
    assert (row["n_before"], row["n_after"], row["n_authors_before"], row["n_authors_after"]) == (12, 12, 24, 24)
    assert [one["p_holm"] for one in got.values()] == corrected([one["p"] for one in got.values()])
    assert row["lo"] > 0
    assert row["label_source"] == "desk"


def test_the_share_of_extreme_conversations_is_compared_alike() -> None:
    event = Event(name="vote", starts_on=START, ends_on=END)
    tests = polarization.declared([Declared(event="vote", topic="climate", outcome="share_extreme")], [event], [TOPIC],
                                  tables.EVENT_TESTS.empty(), now=SEEN, clock=SEEN)  # fmt: skip
    got = by_contrast(measured(tests, found(before="high")))
    assert got["before-earlier"]["missing_reason"] is None
    assert got["before-earlier"]["effect"] == pytest.approx(2 / 3)
    assert got["after-during"]["missing_reason"] == "conversations do not differ"


def test_only_days_of_the_periods_and_people_of_the_population_count() -> None:
    rows = [pair(f"x{i}", HOT, day=START - timedelta(7), post_id=f"xr{i}", parent_id=f"xp{i}") for i in range(9)]
    rows += [pair(f"y{i}", HOT, day=START, community="other", post_id=f"yr{i}", parent_id=f"yp{i}") for i in range(9)]
    rows += [
        pair(f"{n} {i}", LEVELS["low"][i % 3], day=day, community="ours", post_id=f"{n} r{i}", parent_id=f"{n} p{i}")
        for n, day in (("before", START - timedelta(1)), ("during", END)) for i in range(6)
    ]  # fmt: skip
    got = by_contrast(measured(declared(population="ours"), read(rows), populations={"ours": {"community": ["ours"]}}))
    assert (got["during-before"]["n_before"], got["during-before"]["n_after"]) == (6, 6)
    assert got["during-before"]["effect"] == 0
    assert got["before-earlier"]["missing_reason"] == "fewer than 5 conversations in a period"
    everybody = by_contrast(measured(declared(), read(rows)))
    assert everybody["during-before"]["n_after"] == 15
    nobody = measured(declared(population="gone"), read(rows))
    assert nobody["missing_reason"].unique().to_list() == ["no such population"]


def test_nothing_is_looked_at_before_its_last_day_has_closed() -> None:
    at = {
        datetime(2024, 3, 10, 5, 59): [],
        datetime(2024, 3, 10, 6): ["before-earlier"],
        datetime(2024, 3, 12, 6): ["before-earlier", "during-before"],
        datetime(2024, 3, 15, 6): list(CONTRASTS),
    }
    for now, there in at.items():
        got = measured(declared(), found(before="high"), now=now).filter(pl.col("effect").is_not_null())
        assert got["contrast"].to_list() == there
    waiting = by_contrast(measured(declared(), found(), now=datetime(2024, 3, 12, 6)))["after-before"]
    assert waiting["missing_reason"] == "its last day, 2024-03-14, has not closed"
    # A family is as large as it was declared, whatever of it there is yet: what was found stays found.
    early = by_contrast(measured(declared(), found(before="high"), now=datetime(2024, 3, 10, 6)))["before-earlier"]
    late = by_contrast(measured(declared(), found(before="high")))["before-earlier"]
    assert early["p_holm"] == pytest.approx(4 * late["p"])
    assert late["p_holm"] <= early["p_holm"]


def test_few_authors_are_not_shown() -> None:
    got = measured(declared(), found(), minimum_authors=25)
    assert got["effect"].to_list() == [None] * 4
    assert got["missing_reason"].unique().to_list() == ["fewer than 25 authors in a period"]
    assert got["p"].to_list() == got["lo"].to_list() == got["effect_standardized"].to_list() == [None] * 4


def test_what_was_measured_stays_when_its_texts_are_gone() -> None:
    first = measured(declared(), found(before="high"))
    for since in ({"climate": START}, {}):
        again = measured(declared(first), None if not since else found(), known=first, since=since, now=NOW + timedelta(60))
        kept = again.drop("issue").rows() if not since else again.filter(pl.col("contrast") != "after-during").drop("issue").rows()
        assert kept == (first if not since else first.filter(pl.col("contrast") != "after-during")).drop("issue").rows()
    never = measured(declared(), found(), since={"climate": START})
    assert by_contrast(never)["before-earlier"]["missing_reason"] == "its days were not drawn, or their texts are gone"


# --- corrected over all of one event ---


def test_holm_is_over_all_confirmatory_comparisons_of_an_event_and_no_others() -> None:
    event = Event(name="vote", starts_on=START, ends_on=END)
    other = Event(name="other", starts_on=START, ends_on=END)
    tests = [Declared(event="vote", topic="climate"), Declared(event="vote", topic="climate", window=2), Declared(event="other", topic="climate")]
    empty = tables.EVENT_TESTS.empty()
    early = polarization.declared(tests, [event, other], [TOPIC], empty, now=SEEN, clock=SEEN)
    late = polarization.declared([Declared(event="vote", topic="climate", window=1)], [event], [TOPIC], empty, now=NOW, clock=NOW)
    got = measured([*early, *late], found(before="high"))
    for name, n in (("vote", 8), ("other", 4)):  # two tests of four comparisons, and one
        family = got.filter(pl.col("event") == name, pl.col("window_days") > 1)
        assert family.height == n
        assert family["p_holm"].to_list() == corrected(family["p"].to_list())
    exploratory = got.filter(window_days=1)
    assert exploratory["p_holm"].to_list() == [None] * 4
    assert exploratory["confirmatory"].to_list() == [False] * 4


# --- verdicts ---


@pytest.mark.parametrize(
    ("kind", "levels", "expected", "words"),
    [
        ("scheduled", {"before": "high"}, "anticipation-driven", "it rose: before less earlier: +6.67"),
        ("scheduled", {"before": "high", "during": "high", "after": "high"}, "anticipation-driven", "it rose"),
        ("scheduled", {"during": "high", "after": "high"}, "neither", "no rise before the event is shown"),
        ("scheduled", {"earlier": "high"}, "neither", "no rise before the event is shown: before less earlier: -6.67"),
        ("scheduled", {}, "neither", "no rise before the event is shown"),
        ("sudden", {"during": "high"}, "reactive", "it rose"),
        ("sudden", {"after": "high"}, "reactive", "it rose"),
        ("sudden", {"before": "high"}, "neither", "no rise after the event is shown"),
        ("sudden", {}, "neither", "no rise after the event is shown"),
    ],
)
def test_the_verdict_follows_from_when_it_rose(kind: str, levels: dict[str, str], expected: str, words: str) -> None:
    got = measured(declared(kind=kind), found(**levels))
    assert got["verdict"].unique().to_list() == [expected]
    assert got["evidence"][0].startswith(words)
    assert "p = 0.0" in got["evidence"][0] or expected == "neither"


def test_an_exploratory_test_concludes_nothing_however_clear_it_looks() -> None:
    got = measured(declared(now=NOW), found(before="high"))
    assert got["verdict"].to_list() == [None] * 4
    assert got["evidence"][0].startswith(
        "exploratory, first seen 2024-03-20, when the event of 2024-03-10 had begun: nothing is concluded; before less earlier: +6.67"
    )
    assert "uncorrected" in got["evidence"][0]


def test_a_verdict_waits_for_what_decides_it_but_not_for_more() -> None:
    early = measured(declared(kind="sudden"), found(), now=datetime(2024, 3, 12, 6))
    assert early["verdict"].to_list() == [None] * 4
    assert early["evidence"][0].startswith("not decided: ")
    risen = measured(declared(kind="sudden"), found(during="high"), now=datetime(2024, 3, 12, 6))
    assert risen["verdict"].to_list() == ["reactive"] * 4


def test_a_rise_that_may_be_chance_is_none() -> None:
    row: dict[str, Any] = {
        "confirmatory": True, "kind": "scheduled", "effect": 2.0, "lo": -0.1, "hi": 4.1, "p": 0.02, "p_holm": 0.06,
        "missing_reason": None, "starts_on": START, "declared_at": SEEN,
    }  # fmt: skip
    assert verdict(dict.fromkeys(CONTRASTS, row))[0] == "neither"
    assert verdict(dict.fromkeys(CONTRASTS, row | {"p_holm": 0.04}))[0] == "anticipation-driven"
    assert verdict(dict.fromkeys(CONTRASTS, row | {"p_holm": 0.04, "effect": -2.0}))[0] == "neither"


def test_the_answers_of_every_class_are_those_of_the_table() -> None:
    assert set(AS) == set(tables.CLASSES)
