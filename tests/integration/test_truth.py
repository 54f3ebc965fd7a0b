"""The simulator knows the true prevalence; the monitor's 95 % intervals have to hold it 95 times in a hundred."""

from pathlib import Path

import polars as pl
import pytest

from barograph import publish, tables
from barograph.store import Snapshot
from tests.conftest import Command


@pytest.mark.parametrize(("seed", "posts_per_day"), [(7, 250), (3, 120)])
def test_intervals_hold_the_true_prevalence(
    barograph: Command, tmp_path: Path, seed: int, posts_per_day: int
) -> None:
    out, home = tmp_path / "simulated", tmp_path / "home"
    simulate = ("simulate", "--out", out, "--days", 100, "--seed", seed, "--posts-per-day", posts_per_day)
    assert barograph(*simulate).returncode == 0
    done = barograph("run", out / "posts.parquet", "--home", home)
    assert done.returncode == 0, done.stderr

    path = publish.current(home / "published")
    assert path is not None
    truth = pl.read_parquet(out / "truth.parquet").rename({"prevalence": "truth"})
    series = Snapshot(path).read(tables.SERIES, where={"method": "lexicon"})
    cells = series.join(truth, on=["marker", "population", "time_value", "unit"])
    cells = cells.filter(pl.col("prevalence").is_not_null())
    inside = cells.select(pl.col("truth").is_between("lo", "hi").alias("inside"), "unit")
    assert cells.height >= 1000
    for unit in ("posts", "authors"):
        held = inside.filter(pl.col("unit") == unit)["inside"]
        assert len(held) >= 1000
        assert 0.93 <= held.sum() / len(held) <= 0.97, unit
    # Not because they are wide: a typical cell of this size is known to within a few points.
    assert cells.select((pl.col("hi") - pl.col("lo")).median()).item() < 0.1
    # The small community is censored, not published with an interval that hides a handful of people.
    hollow = Snapshot(path).read(tables.SERIES, where={"population": "hollow"})
    assert hollow.height > 0
    assert hollow["prevalence"].is_null().all()
