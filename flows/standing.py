"""How annotators stand, for `barograph status`: noted in a file by who has the warehouse, read without it."""

import json
import os
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from barograph.annotate import landing
from barograph.clock import utc_now
from barograph.home import Home
from barograph.store import Warehouse

DAYS = 28
"""Days by the clock whose outcomes are told."""
_FILE = "standing.json"


def note(home: Home, warehouse: Warehouse) -> None:
    """Write down how each task stands, in place of what was noted before."""
    at = utc_now()
    counts, tasks = warehouse.outcomes(at - timedelta(days=DAYS)), {}
    for (task,), rows in counts.group_by("task", maintain_order=True):
        outcomes: dict[str, dict[str, int]] = {}
        for name, status, n in rows.filter(pl.col("lately") > 0).select("annotator", "status", "lately").iter_rows():
            outcomes.setdefault(name, {})[status] = n
        labels = rows.filter(pl.col("status").is_in(["ok", "unclear"]))["n"].sum()
        spent = warehouse.spent(str(task), datetime.combine(at.date(), time()))._asdict()
        tasks[task] = {"labels": labels, "outcomes": outcomes, "spent": spent}
    home.annotations.mkdir(mode=0o700, exist_ok=True)
    part = home.annotations / f"{_FILE}.part"
    part.write_text(json.dumps({"day": str(at.date()), "tasks": tasks}))
    os.replace(part, home.annotations / _FILE)


def read(home: Home, canaries: pl.DataFrame, today: date) -> list[dict[str, Any]]:
    """A record a task, as it was last noted: `task, labels, outcomes, spent, canaries, landed`.

    outcomes: annotator → status → posts asked about in the 28 days before; spent: of `today` by the clock; canaries:
    the latest row of each annotator; landed: answers that the warehouse has not taken in. canaries: rows of the table.
    """
    try:
        noted = json.loads((home.annotations / _FILE).read_text())
    except FileNotFoundError:
        noted = {"day": "", "tasks": {}}
    landed: Counter[str] = Counter()
    for path in landing.files(home.annotations):
        try:
            landed.update(landing.read(path)["task"])
        except FileNotFoundError:  # a run took it in just now
            continue
    latest = canaries.sort("issue").unique(["annotator", "task"], keep="last", maintain_order=True)
    none = {"labels": 0, "outcomes": {}, "spent": None}
    told = []
    for task in sorted({*noted["tasks"], *landed, *latest["task"]}):
        one = none | noted["tasks"].get(task, {})
        spent = one["spent"] if noted["day"] == str(today) else None
        spent = spent or {"posts": 0, "tokens": 0, "money": 0}
        asked = latest.filter(task=task).drop("task").to_dicts()
        told.append({"task": task, **one, "spent": spent, "canaries": asked, "landed": landed[task]})
    return told


def lines(one: dict[str, Any]) -> list[str]:
    """A record of `read`, in words."""
    parts = [f"{one['task']}: {one['labels']:,} labels"]
    for name, outcomes in one["outcomes"].items():
        said = ", ".join(f"{n:,} {status}" for status, n in outcomes.items())
        parts.append(f"in {DAYS} days {name}: {said}")
    spent = one["spent"]
    if spent["posts"] or spent["tokens"]:
        cost = f", cost {spent['money']:,.4f}" if spent["money"] else ""
        parts.append(f"today {spent['posts']:,} asked, {spent['tokens']:,} tokens{cost}")
    if one["landed"]:
        parts.append(f"{one['landed']:,} answers landed that the next run takes in")
    return [f"labels      {'; '.join(parts)}", *(f"  {_of_canaries(row)}" for row in one["canaries"])]


def _of_canaries(row: dict[str, Any]) -> str:
    name, day = row["annotator"], f"canaries of {row['issue']:%Y-%m-%d}"
    if row["agreement"] is None:
        return f"{name} answered none of its {day} at first"
    does = "drifts" if row["drifting"] else "does not drift"
    return f"{name} {does}: it answers {row['agreement']:.0%} as it first did, bound {row['bound']:.0%}, {day}"
