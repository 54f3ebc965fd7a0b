"""Polarization on the whole way: posts by the command line, labels in the warehouse, what is published and watched."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from barograph import publish, settings, tables
from barograph.home import Home
from barograph.store import Snapshot, Warehouse
from flows import pairs
from flows.progress import Reporter
from flows.stages import Run
from tests.conftest import Command

START, DAYS, PAIRS = date(2024, 3, 1), 40, 24
TASKS = "\n".join(
    f'[[annotation]]\ntask = "{task}"\ntopic = "bridge"\nannotators = ["desk"]\nposts = 100\ndays = {DAYS}\ncanary_days = 0'
    for task in ("stance", "affect", "agreement")
)
CONFIG = f"""
minimum_authors = 20
[[topic]]
name = "bridge"
keywords = ["new bridge"]
sides = ["build it", "leave it"]
[[annotator]]
name = "desk"
url = "http://127.0.0.1:9/v1"
model = "m"
tries = 1
timeout = 1
{TASKS}
[[event]]
name = "council vote"
kind = "sudden"
starts_on = {START + timedelta(days=34)}
[[test]]
event = "council vote"
topic = "bridge"
[[rule]]
name = "bridge divides"
markers = ["polarization:bridge"]
unit = "interactions"
method = "annotator"
percentile = 80
for = "2d"
"""


def heated(day: int, number: int) -> bool:
    """Whether a conversation is hostile: two to four a day, most of them from the vote on."""
    return number < 2 + (7 * day) % 3 + 14 * (day >= 34)


def posts(path: Path) -> Path:
    with path.open("w") as file:
        for day in range(DAYS):
            for number in range(PAIRS):
                for what, hour in (("post", 8), ("reply", 9)):
                    file.write(json.dumps({
                        "id": f"{what}-{day}-{number}", "author": f"{what} {number}", "lang": "en",
                        "parent_id": f"post-{day}-{number}" if what == "reply" else None,
                        "created_at": f"{START + timedelta(days=day)}T{hour:02d}:{number:02d}:00Z",
                        "text": "Will the new bridge be built" if what == "post" else "We will see",
                    }) + "\n")  # fmt: skip
    return path


def answered(home: Path, config: Path) -> None:
    """What annotators would have answered."""
    read = settings.load(config)
    with Warehouse(home / "warehouse.duckdb") as warehouse:
        now = datetime.combine(START + timedelta(days=DAYS), datetime.min.time()) + timedelta(hours=7)
        run = Run(Home(home), read, (), Reporter(silent=True), now=now)
        rows: list[dict[str, Any]] = []
        for annotation in read.annotation:
            for item in pairs.items(run, warehouse, annotation, reads_parent=False).iter_rows(named=True):
                _, day, number = item["post_id"].split("-")
                hot = heated(int(day), int(number))
                answer = {"stance": "first", "affect": "yes" if hot else "no", "agreement": "agree"}[annotation.task]
                rows.append({
                    "post_id": item["post_id"], "task": annotation.name, "label": json.dumps({annotation.task: answer}),
                    "annotator": "desk", "model": "m", "prompt_version": "v1", "text_hash": item["text_hash"], "status": "ok",
                    "explanation": "because they said so loudly", "inclusion_probability": item["inclusion_probability"],
                    "tokens_in": 0, "tokens_out": 0, "cost": 0.0, "annotated_at": now,
                })  # fmt: skip
        warehouse.save({tables.ANNOTATIONS: pl.DataFrame(rows)})


@pytest.mark.timeout(300)
def test_labels_become_a_line_that_is_published_forecast_and_watched(barograph: Command, tmp_path: Path) -> None:
    home, config = tmp_path / "home", tmp_path / "barograph.toml"
    config.write_text(CONFIG)
    path = posts(tmp_path / "posts.jsonl")
    last = START + timedelta(days=DAYS - 1)
    # The time of a run is that of its newest post; one more a day later closes the last of ours.
    with path.open("a") as file:
        file.write(json.dumps({"id": "end", "author": "end", "created_at": f"{last + timedelta(days=1)}T07:00:00Z", "text": "The end"}))
    assert barograph("run", path, "--home", home, "--config", config).returncode == 0
    answered(home, config)
    done = barograph("run", path, "--home", home, "--config", config)
    assert done.returncode == 0, done.stderr
    assert "stage: polarize" in done.stderr

    current = publish.current(home / "published")
    assert current is not None
    snapshot = Snapshot(current)
    days = snapshot.read(tables.POLARIZATION, where={"population": "all"}).sort("time_value")
    assert days["time_value"].to_list() == [START + timedelta(days=n) for n in range(DAYS)]
    for day, row in enumerate(days.iter_rows(named=True)):
        hot = sum(heated(day, number) for number in range(PAIRS))
        assert (row["n_conversations"], row["n_authors"]) == (PAIRS, 2 * PAIRS)
        assert row["mean_score"] == pytest.approx((10 * hot + 6 * (PAIRS - hot)) / PAIRS)
        assert row["share_extreme"] == row["c_same_affect_agree"] == pytest.approx(hot / PAIRS)
    line = {"marker": "polarization:bridge", "population": "all", "unit": "interactions", "method": "annotator"}
    assert snapshot.read(tables.SERIES, where=line).sort("time_value")["prevalence"].to_list() == days["share_extreme"].to_list()
    assert snapshot.read(tables.FORECASTS, where=line).height == 7
    firing = snapshot.read(tables.ALERTS, where=line).filter(state="firing")
    assert firing["rule"].to_list() == ["bridge divides"]
    assert "polarization:bridge" in done.stdout

    tests = snapshot.read(tables.EVENT_TESTS)
    assert tests["confirmatory"].to_list() == [False] * 4  # the first run was after the vote
    rise = tests.filter(contrast="after-before").row(0, named=True)
    assert rise["effect"] == pytest.approx(4 * 14 / PAIRS)
    assert rise["p"] < 0.05
    assert rise["verdict"] is None
    everything = b"".join(file.read_bytes() for file in (home / "published").iterdir())
    for secret in (b"reply-3-7", b"because they said so", b"Will the new bridge"):
        assert secret not in everything
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*) FROM annotations WHERE status = 'ok'").fetchone() == (5 * PAIRS * DAYS,)
