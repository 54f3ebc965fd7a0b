"""What is not kept for ever: explanations, bodies of what never arrived, issues of evaluations within a day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import tables
from barograph.store import Warehouse

NOON = datetime(2024, 3, 1, 12)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty one."""
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def test_bodies_of_the_dead_and_of_what_waits_for_nobody_are_forgotten(warehouse: Warehouse) -> None:
    cases = {  # name: receiver, status, days after NOON
        "dead": ("desk", "dead", 0), "late": ("desk", "dead", 2), "waits": ("desk", "waiting", 0),
        "lost": ("taken out", "waiting", 0), "young": ("taken out", "waiting", 2),
    }  # fmt: skip
    rows = [{"notification_id": name, "alert_id": "a", "state": "firing", "receiver": to, "status": status, "attempts": 1,
             "created_at": NOON + timedelta(days=days), "last_result": "500",
             "next_attempt_at": NOON if status == "waiting" else None}
            for name, (to, status, days) in cases.items()]  # fmt: skip
    bodies = pl.DataFrame({"notification_id": list(cases), "body": ["{}"] * len(cases)})
    warehouse.save({tables.NOTIFICATIONS: pl.DataFrame(rows, schema=tables.NOTIFICATIONS.schema), tables.OUTBOX: bodies})
    assert warehouse.forget_bodies(NOON, ["desk"]) == 0
    assert warehouse.forget_bodies(NOON + timedelta(days=2), ["desk"]) == 2
    assert warehouse.forget_bodies(NOON + timedelta(days=2), ["desk"]) == 0
    assert set(warehouse.read(tables.OUTBOX)["notification_id"]) == {"late", "waits", "young"}
    kept = {row["notification_id"]: (row["status"], row["kept"]) for row in warehouse.undelivered().to_dicts()}
    assert kept == {
        "dead": ("dead", False), "lost": ("dead", False), "late": ("dead", True), "waits": ("waiting", True),
        "young": ("waiting", True),
    }  # fmt: skip
    assert warehouse.revive(NOON) == ["late"]
    assert set(warehouse.due(NOON + timedelta(days=9))["notification_id"]) == {"late", "waits", "young"}


def test_of_each_day_the_last_issue_is_kept(warehouse: Warehouse) -> None:
    first, second = date(2024, 3, 1), date(2024, 3, 2)
    fact = {"marker": "joy", "population": "all", "unit": "posts", "method": "lexicon", "model": "house", "horizon": 1}
    rows = [
        {**fact, "metric": metric, "period": period, "value": float(hour), "n": 1,
         "issue": datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)}
        for day, metric, period, hours in [
            (first, "wis", "p", (1, 5, 23)), (first, "wis", "q", (2,)), (first, "brier", "p", (1, 2)),
            (second, "wis", "p", (0, 9)),
        ] for hour in hours
    ]  # fmt: skip
    warehouse.save({tables.EVALUATIONS: pl.DataFrame(rows, schema=tables.EVALUATIONS.schema)})
    assert warehouse.thin(tables.EVALUATIONS, first) == 0
    assert warehouse.thin(tables.EVALUATIONS, second) == 3
    left = warehouse.read(tables.EVALUATIONS).select("metric", "period", "issue").sort("metric", "period", "issue")
    assert [(metric, period, issue.day, issue.hour) for metric, period, issue in left.rows()] == [
        ("brier", "p", 1, 2), ("wis", "p", 1, 23), ("wis", "p", 2, 0), ("wis", "p", 2, 9), ("wis", "q", 1, 2),
    ]  # fmt: skip
    assert warehouse.thin(tables.EVALUATIONS, second) == 0


def test_what_annotators_said_of_a_text_goes_with_it_and_with_that_of_what_it_replies_to(warehouse: Warehouse) -> None:
    posts = {"old": (0, None), "reply": (2, "old"), "young": (2, None), "to unknown": (2, "nowhere")}  # days after NOON
    rows = [{"source": "s", "post_id": name, "created_at": NOON + timedelta(days=days), "lang": "en", "text": name,
             "text_hash": name, "parent_id": parent, "line": line}
            for line, (name, (days, parent)) in enumerate(posts.items())]  # fmt: skip
    columns = {name: kind for name, kind in tables.POSTS.schema.items() if name != "segment"} | {"line": pl.Int64}
    warehouse.land("s", pl.DataFrame(rows, schema=columns), tables.QUARANTINE.empty(), NOON)
    warehouse.save_scores(1, tables.SCORES.empty(), "lexicons")
    annotation = {"task": "emotions", "label": "{}", "cues": "[]", "explanation": "as it says", "annotator": "a",
                  "model": "m", "prompt_version": "v", "text_hash": "h", "status": "ok", "inclusion_probability": 1.0,
                  "tokens_in": 1, "tokens_out": 1, "cost": 0.0, "annotated_at": NOON}  # fmt: skip
    every = [{"post_id": name, **annotation} for name in (*posts, "canaries:1@2024-03-01")]
    warehouse.keep_labels(pl.DataFrame(every, schema=tables.ANNOTATIONS.schema))
    assert warehouse.forget_texts(NOON + timedelta(days=1)) == 1
    kept = warehouse.read(tables.ANNOTATIONS)
    assert set(kept.filter(pl.col("explanation").is_not_null())["post_id"]) == {
        "young", "to unknown", "canaries:1@2024-03-01",
    }  # fmt: skip
    assert kept["label"].null_count() == 0
