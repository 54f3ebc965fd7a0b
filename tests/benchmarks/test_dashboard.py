"""The snapshot that the page is measured on holds what it says, and bars are told from claims."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import board, line, tables
from barograph.store import Snapshot
from benchmarks import dashboard, wide

SIZE = wide.Size(days=120, populations=3, markers=3, dimensions=2)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot(wide.snapshot(tmp_path_factory.mktemp("home"), SIZE))


def test_every_line_has_every_day_and_today_is_still_open(snapshot: Snapshot) -> None:
    lines = snapshot.lines()
    assert lines.height == 3 * 3 * 2
    assert set(lines["last_closed"]) == {wide.LAST}
    assert set(lines["first_day"]) == {wide.LAST - timedelta(days=119)}
    series = snapshot.read(tables.SERIES)
    assert series.height == SIZE.rows + lines.height
    assert series.filter("provisional")["time_value"].unique().to_list() == [wide.LAST + timedelta(days=1)]
    assert series.filter(pl.col("n_authors") < wide.MINIMUM_AUTHORS)["prevalence"].null_count() > 0
    assert series.filter(pl.col("lo") > pl.col("prevalence")).is_empty()


def test_the_pages_find_what_they_ask_for(snapshot: Snapshot) -> None:
    rows = board.read(snapshot, "authors", "lexicon")
    assert rows.height == 3 * SIZE.dimensions
    assert rows["ahead"].list.len().max() == wide.HORIZONS
    one = line.read(snapshot, "feeling 01", "community 02", "posts", "lexicon")
    assert one.record is not None
    assert one.record.last == wide.LAST
    assert one.forecasts["target"].to_list() == [wide.LAST + timedelta(days=k) for k in range(1, 8)]
    assert one.shifts["period"].n_unique() == 21  # of three lengths, a week of each
    assert 15 <= one.exceedances.height <= 24  # a fifth of 120 days, fewer where some have no value


def test_what_is_made_is_made_once(tmp_path: Path) -> None:
    small = wide.Size(days=10, populations=1, markers=1, dimensions=1)
    path = wide.snapshot(tmp_path, small)
    made = path.stat().st_mtime_ns
    assert wide.snapshot(tmp_path, small) == path
    assert path.stat().st_mtime_ns == made
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_each_query_is_timed(snapshot: Snapshot) -> None:
    spent = dashboard.queries(snapshot.path, 1)
    assert len(spent) > 30
    assert min(spent) > 0


def test_only_the_whole_snapshot_claims_a_bar() -> None:
    figures = dashboard.BARS | {"warm_s": 2.5}
    assert dashboard.misses(figures, quick=False) == ["warm_s: got 2.5; expected at most 2"]
    assert dashboard.misses(figures, quick=True) == []
