"""What polarization does round dated events: declared tests, their comparisons, and what these say together.

Four periods: `before`, the window of days right before the event, `earlier`, as many days before those, `during` and
`after`, the window right after it. A test is confirmatory where a run saw it, as it is now, before the event's first
day; else it is exploratory and concludes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from barograph.polarization.contrast import FEWEST, contrast, holm
from barograph.polarization.conversations import counted, members
from barograph.polarization.estimate import Conversations, Interactions, conversations, scores, shares
from barograph.polarization.score import Floats, Rules, rules
from barograph.populations import Where
from barograph.settings import Event, Test, Topic
from barograph.tables import CONTRASTS, EVENT_TESTS

PERIODS = ("earlier", "before", "during", "after")
SIGNIFICANT = 0.05
_NEEDED = {"scheduled": ("before-earlier",), "sudden": ("during-before", "after-before")}
"""By kind of event, the comparisons of which a rise is the pattern."""
_PATTERN = {"scheduled": "anticipation-driven", "sudden": "reactive"}
_MEASURED = (
    "effect", "lo", "hi", "effect_standardized", "p", "n_before", "n_after", "n_authors_before", "n_authors_after",
    "missing_reason", "label_source",
)  # fmt: skip


def declared(
    tests: Sequence[Test], events: Sequence[Event], topics: Sequence[Topic], known: pl.DataFrame, *, now: datetime,
    clock: datetime,
) -> list[dict[str, Any]]:  # fmt: skip
    """Each test of each event it names, with its declaration. known: all rows of `event_tests`, of any issue."""
    first = dict(known.group_by("test").agg(pl.struct(pl.col("declared_at", "seen_at").min())).iter_rows())
    found = []
    for test in tests:
        topic = next(t for t in topics if t.name == test.topic)
        for event in (e for e in events if e.name == test.event):
            given = {
                "event": event.name, "kind": event.kind, "starts_on": event.starts_on,
                "ends_on": event.ends_on or event.starts_on, "topic": topic.name, "population": event.population,
                "outcome": test.outcome, "window_days": test.window,
            }  # fmt: skip
            words = json.dumps([given, topic.keywords, topic.sides], default=str, sort_keys=True)
            name = hashlib.sha256(words.encode()).hexdigest()[:12]
            when = first.get(name, {"declared_at": now, "seen_at": clock})
            before = when["declared_at"].date() < event.starts_on
            found.append({"test": name, **given, **when, "confirmatory": before})
    return found


def periods(test: Mapping[str, Any]) -> dict[str, tuple[date, date]]:
    """First and last day of each period."""
    first, last, one = test["starts_on"], test["ends_on"], timedelta(days=1)
    window = timedelta(days=test["window_days"])
    return {
        "earlier": (first - 2 * window, first - window - one), "before": (first - window, first - one),
        "during": (first, last), "after": (last + one, last + window),
    }  # fmt: skip


def event_tests(
    tests: Sequence[Mapping[str, Any]], found: Mapping[str, Interactions], populations: Mapping[str, Where],
    known: pl.DataFrame, *, now: datetime, since: Mapping[str, date], closing_hours: float, minimum_authors: int,
    table: Rules | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Rows of `event_tests` with `issue` = now: one for each test and comparison.

    tests: as `declared` returns them. found: topic → its reply pairs. known: the latest rows. since: topic → the
    first day that was drawn and of which all texts are kept; what was measured of earlier ones stays as published.
    """
    rows = []
    for test in tests:
        before = {row["contrast"]: row for row in known.filter(pl.col("test") == test["test"]).iter_rows(named=True)}
        first = since.get(test["topic"])
        fresh = _measured(test, found.get(test["topic"]), populations, now, first, closing_hours, minimum_authors,
                          table or rules()[0])  # fmt: skip
        for name in CONTRASTS:
            gone = first is None or min(periods(test)[p][0] for p in name.split("-")) < first
            old = before.get(name)
            measured = old if gone and old and old["effect"] is not None else fresh[name]
            rows.append({**test, "contrast": name, **{key: measured.get(key) for key in _MEASURED}})
    judged = [row for event in _by_event(rows) for row in _judged(event)]
    frame = pl.DataFrame(judged, schema={k: v for k, v in EVENT_TESTS.schema.items() if k != "issue"})
    values = ("effect", "lo", "hi", "effect_standardized")
    return EVENT_TESTS.validate(frame.with_columns(pl.col(values).fill_nan(None).round(12), issue=pl.lit(now)))


def _measured(
    test: Mapping[str, Any], found: Interactions | None, populations: Mapping[str, Where], now: datetime,
    since: date | None, closing_hours: float, minimum_authors: int, table: Rules,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Each comparison of one test."""
    days, where = periods(test), {} if test["population"] == "*" else populations.get(test["population"])
    empty: dict[str, Any] = {"n_before": 0, "n_after": 0, "n_authors_before": 0, "n_authors_after": 0}
    if where is None:
        return {name: {**empty, "missing_reason": "no such population"} for name in CONTRASTS}
    if found is None or since is None:
        return {name: {**empty, "missing_reason": "no reply pairs read"} for name in CONTRASTS}
    day = found.frame["time_value"].to_numpy().astype("datetime64[D]")
    cell = np.full(len(day), -1, np.int64)
    for i, name in enumerate(PERIODS):
        cell[(day >= np.datetime64(days[name][0])) & (day <= np.datetime64(days[name][1]))] = i
    of = conversations(found, np.where(members(found.frame, where), cell, -1), len(PERIODS))
    counts = {series.name: series.to_list() for series in counted(found, of)}
    score = scores(of, found.codes, table.array)
    values, top = (score, 10.0) if test["outcome"] == "mean_score" else (shares(score)[1], 1.0)
    answer = {}
    for name in CONTRASTS:
        later, earlier = (PERIODS.index(period) for period in name.split("-"))
        row = {
            f"n_{what}{side}": counts[f"n_{what or 'conversations'}".rstrip("_")][at]
            for what in ("", "authors_") for side, at in (("before", earlier), ("after", later))
        }  # fmt: skip
        closed = max(days[PERIODS[i]][1] for i in (earlier, later))
        closes = datetime.combine(closed, datetime.min.time()) + timedelta(days=1, hours=closing_hours)
        authors = min(row["n_authors_before"], row["n_authors_after"])
        if closes > now:
            row["missing_reason"] = f"its last day, {closed}, has not closed"
        elif min(days[PERIODS[i]][0] for i in (earlier, later)) < since:
            row["missing_reason"] = "its days were not drawn, or their texts are gone"
        elif authors < minimum_authors:
            row["missing_reason"] = f"fewer than {minimum_authors} authors in a period"
        else:
            row |= _compared(of, values, earlier, later, top)
            row["label_source"] = found.label_source
        answer[name] = row
    return answer


def _compared(of: Conversations, values: Floats, earlier: int, later: int, top: float) -> dict[str, Any]:
    there = [(~np.isnan(values[:, of.cell == cell])).sum(axis=1).min() for cell in (earlier, later)]
    if min(there) < FEWEST:
        return {"missing_reason": f"fewer than {FEWEST} conversations in a period"}
    if (got := contrast(of, values, earlier, later, top)) is None:
        return {"missing_reason": "conversations do not differ"}
    return {"effect": got.effect, "lo": got.lo, "hi": got.hi, "effect_standardized": got.standardized, "p": got.p}


def _by_event(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("event", "kind", "starts_on", "ends_on", "population"))
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one event with corrected p-values, over all its confirmatory comparisons, and verdicts."""
    mine = [row for row in rows if row["confirmatory"]]
    adjusted = holm(np.array([np.nan if row["p"] is None else row["p"] for row in mine]))
    for row, p in zip(mine, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p) else float(p)
    for row in rows:
        own = {other["contrast"]: other for other in rows if other["test"] == row["test"]}
        row["verdict"], row["evidence"] = verdict(own)
    return rows


def verdict(comparisons: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, str]:
    """What the comparisons of one test say, and why. comparisons: contrast → its row of `event_tests`.

    Anticipation-driven: a scheduled event, and a significant rise from `earlier` to `before`. Reactive: a sudden one,
    and a significant rise from `before` to `during` or `after`. None where the test is exploratory, or where what
    decides has no value yet.
    """
    test = next(iter(comparisons.values()))
    told = "; ".join(_told(name, comparisons[name]) for name in CONTRASTS)
    if not test["confirmatory"]:
        seen, began = test["declared_at"].date(), test["starts_on"]
        return (
            None,
            f"exploratory, first seen {seen}, when the event of {began} had begun: nothing is concluded; {told}",
        )
    rose = [name for name in _NEEDED[test["kind"]] if _rises(comparisons[name])]
    if rose:
        return _PATTERN[test["kind"]], f"it rose: {told}"
    if any(comparisons[name]["effect"] is None for name in _NEEDED[test["kind"]]):
        return None, f"not decided: {told}"
    return "neither", f"no rise {'before' if test['kind'] == 'scheduled' else 'after'} the event is shown: {told}"


def _rises(row: Mapping[str, Any]) -> bool:
    return row["effect"] is not None and row["effect"] > 0 and (row.get("p_holm") or 1) < SIGNIFICANT


def _told(name: str, row: Mapping[str, Any]) -> str:
    later, earlier = name.split("-")
    if row["effect"] is None:
        return f"{later} less {earlier}: {row['missing_reason']}"
    p, how = (row["p"], "uncorrected") if row.get("p_holm") is None else (row["p_holm"], "after Holm")
    return f"{later} less {earlier}: {row['effect']:+.2f} ({row['lo']:+.2f} to {row['hi']:+.2f}), p = {p:.3f} {how}"
