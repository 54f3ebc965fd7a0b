"""Labels of a sample on the way to a snapshot: read alone, and carried to all posts."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import publish, tables
from barograph.annotate import sample
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.settings import Annotation
from barograph.store import Snapshot, Warehouse
from tests.conftest import Command
from tests.integration.test_calibrated import ANGRY, START, config, lexicon, posts, series

TASK = """
[[annotator]]
name = "desk"
url = "http://127.0.0.1:9/v1"  # nobody answers there
model = "m"
tries = 1
[[annotation]]
task = "emotions"
annotators = ["desk"]
days = 1
posts = 30
posts_per_day = 1
canary_days = 0
[[rule]]
name = "more anger"
method = "corrected"
markers = ["anger"]
percentile = 80
"""
NOW = datetime(2024, 4, 20)
LATE = START + timedelta(days=28)


def label(home: Path, made: pl.DataFrame, **changes: str) -> int:
    """Draw a sample of each day, and label it as it is; returns how many."""
    place, task = Home(home), Annotation(task="emotions", annotators=("desk",), posts=30)
    with Warehouse(place.warehouse) as warehouse:
        every = warehouse.read(tables.POSTS).with_columns(pl.col("created_at").dt.date().alias("time_value"))
        hits = warehouse.read(tables.SCORES).filter(pl.col("hits") > 0)["post_id"]
        every = every.with_columns(hit=pl.col("post_id").is_in(hits.implode()))
        counts = every.group_by("time_value", "hit").agg(n=pl.len()).with_columns(population=pl.lit("all"))
        draws = sample.decide(counts, task, now=NOW)
        truth = made.select(pl.concat_str(pl.lit(every["source"][0] + ":"), "id").alias("post_id"), "angry")
        drawn = sample.drawn("emotions", every, draws, {"all": {}}, Keyed(place.key)).join(truth, on="post_id")
        answer = pl.col("angry").map_elements(
            lambda angry: json.dumps({"anger": "strong" if angry else "none", "shame": "unclear"}), return_dtype=pl.String
        )
        rows = drawn.with_columns(
            task=pl.lit("emotions"), label=answer, annotator=pl.lit("desk"), model=pl.lit("m"), status=pl.lit("ok"),
            prompt_version=pl.lit("0123456789abcdef"), text_hash=pl.lit(""), tokens_in=1, tokens_out=1,
            annotated_at=pl.lit(NOW), cues=pl.lit('["insult"]'),
        ).with_columns(pl.lit(value).alias(name) for name, value in changes.items()).drop("angry")  # fmt: skip
        drifts = pl.DataFrame({
            "annotator": "desk", "task": "emotions", "model": "m", "prompt_version": "0123456789abcdef", "n": 20,
            "agreement": 0.5, "accuracy": 0.9, "bound": 0.8, "drifting": True, "issue": datetime(2024, 3, 1),
        })  # fmt: skip
        warehouse.save({tables.DRAWS: draws, tables.ANNOTATIONS: rows, tables.CANARIES: drifts})
        warehouse.aggregate_as("with other labels")
    return rows.height


def test_labels_are_read_alone_and_carried_to_all_posts(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    own, home = config(tmp_path / "barograph.toml"), tmp_path / "home"
    made = posts(tmp_path / "posts.parquet", days=45, daily=300)
    own_authors = made.with_columns(author=pl.format("a{}", pl.int_range(pl.len()) * 7919 % 400))
    own_authors.drop("angry").write_parquet(tmp_path / "posts.parquet")
    run = ("run", tmp_path / "posts.parquet", "--home", home, "--config", own)
    assert barograph(*run).returncode == 0
    before = series(home)
    assert set(before["method"]) == {"lexicon", "calibrated"}
    n = label(home, made)
    config(own, TASK)
    done = barograph(*run)
    assert done.returncode == 0, done.stderr

    every = series(home, marker="anger")
    assert set(every["method"]) == {"lexicon", "calibrated", "annotator", "corrected"}
    assert set(series(home, marker="joy")["method"]) == {"lexicon"}
    assert 1200 < n < 1500
    late = every.filter(pl.col("time_value") == LATE)
    for unit in ("posts", "authors"):
        of = {row["method"]: row for row in late.filter(unit=unit).iter_rows(named=True)}
        assert of["corrected"]["prevalence"] == pytest.approx(ANGRY, abs=0.05)
        assert of["corrected"]["lo"] < ANGRY < of["corrected"]["hi"]
        assert of["annotator"]["lo"] < ANGRY < of["annotator"]["hi"]
        # What the lexicon reads is not that; and all labels of 28 days say more than those of two.
        assert of["lexicon"]["prevalence"] > ANGRY + 0.05
        assert of["corrected"]["hi"] - of["corrected"]["lo"] < 0.6 * (of["annotator"]["hi"] - of["annotator"]["lo"])
        assert of["corrected"]["n_posts"] == 300
        assert of["annotator"]["n_posts"] < 80
        assert {of[m]["label_source"] for m in ("annotator", "corrected")} == {"as desk (m, prompt 01234567) reads it"}
    early = every.filter(pl.col("time_value") == START, pl.col("method").is_in(["annotator", "corrected"]))
    assert set(early["missing_reason"]) == {"fewer than 50 labelled authors in 28 days"}
    assert (late["missing_reason"].null_count(), late.height) == (8, 8)

    # What a drifting annotator reads is suspect, whoever else reads it is not.
    path = publish.current(home / "published")
    assert path is not None
    found = Snapshot(path).read(tables.EXCEEDANCES).filter(pl.col("marker") == "anger")
    read_by_desk = pl.col("method").is_in(["annotator", "corrected"])
    said = "annotator desk drifts: 0.5 of its answers are as they were, 0.8 should be"
    assert found.filter(read_by_desk).height > 0
    assert found.filter(read_by_desk)["suspect_reason"].str.contains(said, literal=True).all()
    assert not found.filter(~read_by_desk)["suspect_reason"].str.contains("drifts").any()
    cues = Snapshot(path).read(tables.CUES)
    assert set(cues.select("marker", "cue", "share").iter_rows()) == {("anger", "insult", 1.0)}
    assert "annotated   emotions, all: " in done.stdout
    assert " labels in 28 days; the widest interval is that of anger, ± 0.0" in done.stdout

    again = barograph(*run)
    assert "(0 values new or changed, 0 forecasts)" in again.stdout
