"""Polarization on the whole way: posts and an endpoint that answers, to what is published, forecast and watched."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from barograph import publish, tables
from barograph.store import Snapshot, Warehouse
from tests.annotate.serving import MODEL, completion, says, serving
from tests.conftest import Command

START, DAYS, PAIRS = date(2024, 3, 1), 40, 24
POST, REPLY, SHOUT = "Will the new bridge be built", "We will see it built", "They are scum, build it"
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
url = "URL"
model = "{MODEL}"
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
    """Whether a reply is hostile: two to four a day, most of them from the vote on."""
    return number < 2 + (7 * day) % 3 + 14 * (day >= 34)


def posts(path: Path) -> Path:
    """Pairs of a post and a reply, each by people who write once a day; the last post closes the last day."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"{what}-{day}-{number}", "author": f"{what} {number}", "lang": "en",
            "parent_id": f"post-{day}-{number}" if what == "reply" else None,
            "created_at": f"{START + timedelta(days=day)}T{hour:02d}:{number:02d}:00Z",
            "text": POST if what == "post" else SHOUT if heated(day, number) else REPLY,
        }
        for day in range(DAYS) for number in range(PAIRS) for what, hour in (("post", 8), ("reply", 9))
    ]  # fmt: skip
    rows.append({"id": "end", "author": "end", "created_at": f"{START + timedelta(days=DAYS)}T07:00:00Z", "text": "The end"})
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


async def answer(writer: asyncio.StreamWriter, asked: dict[str, Any]) -> bool | None:
    """All are for the bridge and agree; who shouts is hostile."""
    schema = asked["response_format"]["json_schema"]["schema"]["properties"]
    [question] = schema["answers"]["properties"]
    said = {"stance": "first", "affect": "yes" if SHOUT in asked["messages"][-1]["content"] else "no", "agreement": "agree"}
    label = {"explanation": "because they say so loudly", "answers": {question: said[question]}, "cues": []}
    return await says(completion(json.dumps(label)))(writer, asked)


@pytest.mark.timeout(300)
def test_answers_become_a_line_that_is_published_forecast_and_watched(barograph: Command, tmp_path: Path) -> None:
    home, config, path = tmp_path / "home", tmp_path / "barograph.toml", posts(tmp_path / "posts.jsonl")
    with serving(answer) as server:
        config.write_text(CONFIG.replace("URL", server.url))
        done = barograph("run", path, "--home", home, "--config", config)
        assert done.returncode == 0, done.stderr
        # Each text is asked once: three of stance and affect each, and two pairs of texts.
        assert len(server.heard) == 3 + 3 + 2

    current = publish.current(home / "published")
    assert current is not None
    snapshot = Snapshot(current)
    days = snapshot.read(tables.POLARIZATION, where={"population": "all"}).sort("time_value")
    assert days["time_value"].to_list() == [START + timedelta(days=n) for n in range(DAYS)]
    for day, row in enumerate(days.iter_rows(named=True)):
        hot = sum(heated(day, number) for number in range(PAIRS))
        assert (row["n_conversations"], row["n_authors"], row["n_abstained"]) == (PAIRS, 2 * PAIRS, 0)
        assert row["mean_score"] == pytest.approx((10 * hot + 6 * (PAIRS - hot)) / PAIRS)
        assert row["share_extreme"] == row["c_same_affect_agree"] == pytest.approx(hot / PAIRS)
    assert days["label_source"][0].startswith(f"as desk ({MODEL}, prompt ")
    line = {"marker": "polarization:bridge", "population": "all", "unit": "interactions", "method": "annotator"}
    series = snapshot.read(tables.SERIES, where=line).sort("time_value")
    assert series["prevalence"].to_list() == days["share_extreme"].to_list()
    assert snapshot.read(tables.FORECASTS, where=line).height == 7
    assert snapshot.read(tables.ALERTS, where=line).filter(state="firing")["rule"].to_list() == ["bridge divides"]
    assert "polarization:bridge" in done.stdout

    tests = snapshot.read(tables.EVENT_TESTS)
    assert tests["confirmatory"].to_list() == [False] * 4  # the first run was after the vote
    rise = tests.filter(contrast="after-before").row(0, named=True)
    assert rise["effect"] == pytest.approx(4 * 14 / PAIRS)
    assert rise["p"] < 0.05
    assert rise["verdict"] is None
    everything = b"".join(file.read_bytes() for file in (home / "published").iterdir())
    for secret in (b"reply-3-7", b"because they say so", b"Will the new bridge", b"They are scum"):
        assert secret not in everything
    with Warehouse(home / "warehouse.duckdb") as warehouse:
        labels = warehouse.read(tables.ANNOTATIONS)
    assert labels.height == 5 * PAIRS * DAYS
    drawn = labels.filter(pl.col("inclusion_probability") > 0)
    assert set(drawn["post_id"].str.split(":").list.last().str.split("-").list.first()) == {"reply"}
