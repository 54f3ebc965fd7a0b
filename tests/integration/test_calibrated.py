"""Both readings on the way from posts to a snapshot, with a small calibrated list made here."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from barograph import publish, tables
from barograph.store import Snapshot
from lexicons import read
from lexicons.calibrate import Calibration, write_calibration
from tests.conftest import Command

START = date(2024, 3, 1)
TEXTS = ("The bus was on time today", "I was cross for a minute", "I am furious and cross")
TRUE = ((0.2, 0.3, 0.5), (0.8, 0.15, 0.05))
"""Share of each text among angry posts and among the others; a calibration at a base rate of .1 follows from it."""
FITTED_AT = 0.1
ANGRY = 0.3


def lexicon(folder: Path, **changes: Any) -> Path:
    """`own_en` with its calibration beside it, and `plain_es` without one.

    Evidence is weight over the root of the number of tokens.
    """
    (folder / "plain_es").mkdir(exist_ok=True)
    (folder / "plain_es" / "terms.csv").write_text("term,marker,weight\nfurioso,own,1\n")
    folder = folder / "own_en"
    folder.mkdir(exist_ok=True)
    (folder / "terms.csv").write_text("term,marker,weight\ncross,own,1\nfurious,own,4\n")
    angry, other = np.array(TRUE)
    p = FITTED_AT * angry / (FITTED_AT * angry + (1 - FITTED_AT) * other)
    fitted = {"marker": "own", "cuts": (0.1, 1.0), "probabilities": tuple(p), "base_rate": FITTED_AT, "tpr": p @ angry,
              "fpr": p @ other, "fitted_on": "posts made up", "version": read(folder / "terms.csv").version} | changes  # fmt: skip
    write_calibration(Calibration(**fitted), folder / "calibration.json")
    return folder / "terms.csv"


def posts(path: Path, days: int = 30, daily: int = 60, seed: int = 1, **columns: Any) -> pl.DataFrame:
    """So many posts a day of 40 authors; returns them with whether each was angry."""
    rng = np.random.default_rng(seed)
    n = days * daily
    angry = rng.random(n) < ANGRY
    text = [TEXTS[rng.choice(3, p=TRUE[0 if is_angry else 1])] for is_angry in angry]
    frame = pl.DataFrame({
        "id": [f"{seed}-{i}" for i in range(n)], "author": [f"a{i}" for i in rng.integers(40, size=n)], "text": text,
        "lang": "en", "created_at": [f"{START + timedelta(days=i // daily)}T12:00:00Z" for i in range(n)],
    }).with_columns(pl.lit(v).alias(k) for k, v in columns.items())  # fmt: skip
    frame.write_parquet(path)
    return frame.with_columns(angry=angry)


def config(path: Path, *more: str) -> Path:
    path.write_text('[[marker]]\nname = "anger"\nlexicons = ["own_en/terms.csv", "plain_es/terms.csv"]\n[[marker]]\nname = "joy"\n'
                    'lexicons = ["plain_es/terms.csv"]\n[[dimension]]\nname = "both"\nmarkers = ["anger", "joy"]\n' + "\n".join(more))  # fmt: skip
    return path


def series(home: Path, **where: Any) -> pl.DataFrame:
    path = publish.current(home / "published")
    assert path is not None
    return Snapshot(path).read(tables.SERIES, where=where)


def test_both_readings_are_published_and_never_mixed(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    own, home = config(tmp_path / "barograph.toml"), tmp_path / "home"
    made = posts(tmp_path / "posts.parquet")
    done = barograph("run", tmp_path / "posts.parquet", "--home", home, "--config", own)
    assert done.returncode == 0, done.stderr

    every = series(home)
    assert set(every.select("marker", "method").unique().rows()) == {
        ("anger", "lexicon"), ("joy", "lexicon"), ("dimension:both", "lexicon"), ("anger", "calibrated"),
    }  # fmt: skip
    assert every.group_by("marker", "unit", "method").len()["len"].unique().to_list() == [30]
    by_posts = every.filter(unit="posts", marker="anger")
    hits = made.group_by("created_at").agg((pl.col("text") != TEXTS[0]).mean()).sort("created_at")["text"]
    assert by_posts.filter(method="lexicon")["prevalence"].to_list() == pytest.approx(hits.to_list())
    calibrated = by_posts.filter(method="calibrated").sort("time_value")
    # 60 posts a day: the seventeenth is the first day with 1,000 behind it.
    assert calibrated["label_source"].to_list() == [
        f"posts made up; base rate {'as fitted: fewer than 1,000 posts in 28 days' if day < 16 else 'of the 28 days'}"
        for day in range(30)
    ]
    # Told of a base rate of .1 it reads too little; with the base rate of the days it is near the truth of .3.
    assert calibrated["prevalence"][:16].mean() == pytest.approx(0.17, abs=0.03)
    assert calibrated["prevalence"][16:].mean() == pytest.approx(made["angry"].mean(), abs=0.04)
    assert hits.mean() - ANGRY > 0.06
    assert (calibrated["lo"] < calibrated["prevalence"]).all()
    path = publish.current(home / "published")
    assert path is not None
    known = Snapshot(path).read(tables.FORECASTS).select("marker", "method").unique()
    assert set(known.rows()) == set(every.select("marker", "method").unique().rows())

    again = barograph("run", tmp_path / "posts.parquet", "--home", home, "--config", own)
    assert "(0 values new or changed, 0 forecasts)" in again.stdout


def test_another_calibration_scores_again(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    own, home = config(tmp_path / "barograph.toml"), tmp_path / "home"
    posts(tmp_path / "posts.parquet", days=2)
    run = ("run", tmp_path / "posts.parquet", "--home", home, "--config", own)
    assert barograph(*run).returncode == 0
    before = series(home, method="calibrated", unit="posts")
    lexicon(tmp_path, probabilities=(0.2, 0.2, 0.2))
    assert barograph(*run).returncode == 0
    assert series(home, method="lexicon", unit="posts")["issue"].max() == before["issue"].max()
    after = series(home, method="calibrated", unit="posts")
    assert after["prevalence"].to_list() == pytest.approx([0.2, 0.2])


def test_replayed_a_day_at_a_time_it_is_the_same(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    own = config(tmp_path / "barograph.toml")
    posts(tmp_path / "posts.parquet", days=10, daily=200)  # from the fifth day on there are 1,000
    for command, home in ((("backfill", "--step", "1d"), "daily"), (("run",), "whole")):
        done = barograph(*command, tmp_path / "posts.parquet", "--home", tmp_path / home, "--config", own)
        assert done.returncode == 0, done.stderr
    key = [c for c in tables.SERIES.columns if c not in ("issue", "stderr", "lo", "hi")]
    daily, whole = (series(tmp_path / home, method="calibrated") for home in ("daily", "whole"))
    assert daily.height == 20
    assert daily.select(key).equals(whole.select(key))
    # A home's key decides which authors are one group of those that the variance is taken over.
    assert (daily["stderr"] / whole["stderr"]).is_between(0.5, 2).all()
    early = pl.col("label_source").str.contains("as fitted")
    assert daily.filter(early).drop("issue").equals(whole.filter(early).drop("issue"))
    assert daily.filter(early).height == 8


def test_a_population_in_another_language_has_the_lexicon_reading_alone(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    own, home = config(tmp_path / "barograph.toml"), tmp_path / "home"
    for where, lang, seed in (("north", "en", 1), ("sur", "es", 2)):
        posts(tmp_path / f"{where}.parquet", community=where, lang=lang, seed=seed, days=20)
    done = barograph("run", tmp_path / "north.parquet", tmp_path / "sur.parquet", "--home", home, "--config", own)
    assert done.returncode == 0, done.stderr
    lines = series(home).select("population", "method").unique()
    assert set(lines.rows()) == {(p, "lexicon") for p in ("all", "north", "sur")} | {("north", "calibrated")}


def test_a_rule_on_a_reading_that_is_not_there_is_refused_before_any_work(barograph: Command, tmp_path: Path) -> None:
    lexicon(tmp_path)
    rule = '[[rule]]\nname = "r"\nmethod = "calibrated"\nmarkers = ["joy"]'
    own = config(tmp_path / "barograph.toml", rule)
    for command in (["check"], ["run", "--source", "simulated"]):
        refused = barograph(*command, "--config", own, "--home", tmp_path / "home")
        assert refused.returncode == 2
        said = "rule 'r': got method calibrated for 'joy', which has in no language just one lexicon with a calibration; expected one of anger"
        assert said in refused.stderr + refused.stdout
