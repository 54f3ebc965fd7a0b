"""Published snapshots on real files: complete, immutable, found through CURRENT, and readable at any moment."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from barograph import tables
from barograph.errors import Terminal
from barograph.publish import current, newest, publish
from barograph.store import Snapshot, Warehouse
from tests.test_store import DAY, at, batch, cell, python, rejects, run, series


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """One with two versions of a cell, another cell, a run and a post."""
    with Warehouse(tmp_path / "warehouse.duckdb") as opened:
        opened.land("s", batch({"post_id": "s:1", "text": "a secret"}), rejects("text: empty"), at(0))
        rows = [cell(issue=at(2), prevalence=0.2), cell(issue=at(1)), cell(marker="joy", issue=at(3))]
        opened.save({tables.SERIES: series(*rows), tables.RUNS: run(now=at(3))})
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where snapshots go."""
    made = tmp_path / "it's published"  # a quote in the path must not matter
    made.mkdir()
    return made


def number(warehouse: Warehouse, n: int) -> None:
    """Say `n` in a hundred cells and in the run."""
    rows = [cell(population="numbered", time_value=DAY + timedelta(days=day), n_posts=n) for day in range(100)]
    warehouse.save({tables.SERIES: series(*rows), tables.RUNS: run(run_id="numbered", n_read=n)})


def said(snapshot: Snapshot) -> set[int]:
    """Every number that `number` has left in a snapshot."""
    cells = snapshot.read(tables.SERIES, where={"population": "numbered"})
    return {*cells["n_posts"], *snapshot.read(tables.RUNS, where={"run_id": "numbered"})["n_read"]}


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


# What a snapshot holds.


def test_a_snapshot_holds_every_published_table_and_nothing_else(warehouse: Warehouse, folder: Path) -> None:
    path = publish(warehouse, folder)
    with duckdb.connect(path, read_only=True) as opened:
        held = {name for (name,) in opened.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert held == {table.name for table in tables.PUBLISHED}
    assert b"a secret" not in path.read_bytes()
    snapshot = Snapshot(path)
    for table in tables.PUBLISHED:
        assert dict(snapshot.read(table).schema) == table.schema
    with pytest.raises(Terminal, match="cannot be read"):
        snapshot.read(tables.POSTS)


def test_a_snapshot_holds_all_issues_and_reads_the_latest_or_as_of(warehouse: Warehouse, folder: Path) -> None:
    snapshot = Snapshot(publish(warehouse, folder))

    def prevalences(**choice: object) -> list[tuple[str, float]]:
        return snapshot.read(tables.SERIES, **choice).select("marker", "prevalence").rows()  # type: ignore[arg-type]

    assert prevalences() == [("anxiety", 0.2), ("joy", 0.1)]
    assert prevalences(as_of=at(3)) == [("anxiety", 0.2), ("joy", 0.1)]
    assert prevalences(as_of=at(2)) == [("anxiety", 0.2)]
    assert prevalences(as_of=at(1)) == [("anxiety", 0.1)]
    assert prevalences(as_of=at(0)) == []
    assert prevalences(where={"marker": "joy"}) == [("joy", 0.1)]
    assert prevalences(where={"marker": "joy", "unit": "authors"}) == []
    assert prevalences(where={"marker": "anxiety", "time_value": DAY}, as_of=at(1)) == [("anxiety", 0.1)]
    assert snapshot.read(tables.RUNS, where={"status": "running"}).height == 1
    assert snapshot.read(tables.RUNS, where={"status": "it's over"}).height == 0


def test_rows_come_in_the_order_of_their_key(warehouse: Warehouse, folder: Path) -> None:
    days = [5, 1, 9, 3]
    rows = [cell(marker=marker, time_value=DAY + timedelta(days=day)) for day in days for marker in ("joy", "fear")]
    warehouse.save({tables.SERIES: series(*rows)})
    key = Snapshot(publish(warehouse, folder)).read(tables.SERIES).select(tables.SERIES.series_key).rows()
    assert key == sorted(key)
    assert len(key) == 10  # the fixture's two cells besides


def test_a_line_reaches_as_far_as_the_latest_issue_of_each_day_says(warehouse: Warehouse, folder: Path) -> None:
    def days(marker: str, first: int, **values: object) -> list[dict[str, object]]:
        """Five closed days, the sixth still open."""
        rows = [cell(marker=marker, time_value=DAY + timedelta(days=first + k), **values) for k in range(6)]
        return [*rows[:-1], rows[-1] | {"provisional": True}]

    fear, grief = days("fear", 0), days("grief", -300, unit="authors")
    fear[4] |= {"prevalence": None, "missing_reason": "few"}
    fear.append(fear[0] | {"issue": at(2), "prevalence": None, "missing_reason": "few"})  # found out later
    fear.append(fear[1] | {"issue": at(0), "provisional": True})  # known otherwise before
    new = cell(marker="new", provisional=True)
    warehouse.save({tables.SERIES: series(*fear, *grief, new)})
    snapshot = Snapshot(publish(warehouse, folder))
    reached = snapshot.lines().select("marker", "first_day", "last_closed", "last_known", "known_days").rows()

    def day(n: int) -> date:
        return DAY + timedelta(days=n)

    assert reached == [
        ("anxiety", DAY, DAY, DAY, 1), ("fear", DAY, day(4), day(3), 3), ("grief", day(-300), day(-296), day(-296), 5),
        ("joy", DAY, DAY, DAY, 1), ("new", DAY, None, None, 0),
    ]  # fmt: skip
    recent = snapshot.recent(tables.SERIES, 2, where={"marker": ["fear", "grief", "new"]})
    assert recent.select("marker", "time_value", "provisional").rows() == [
        ("fear", day(3), False), ("fear", day(4), False), ("fear", day(5), True),
        ("grief", day(-297), False), ("grief", day(-296), False), ("grief", day(-295), True),
    ]  # fmt: skip
    assert recent.equals(snapshot.recent(tables.SERIES, 2, where={"marker": ["new", "grief", "fear"]}))
    assert snapshot.recent(tables.SERIES, 2, where={"marker": []}).height == 0
    assert snapshot.read(tables.SERIES, where={"marker": ["joy", "fear"], "time_value": DAY}).height == 2


def test_days_without_a_value_are_counted_by_their_latest_issue(warehouse: Warehouse, folder: Path) -> None:
    few = {"prevalence": None, "missing_reason": "few"}
    days = [cell(population=p, time_value=DAY + timedelta(days=k)) for p in ("b", "a") for k in range(4)]
    later = [days[0] | few | {"issue": at(3)}, days[1] | few | {"issue": at(0)}, days[5] | few | {"issue": at(3)}]
    warehouse.save({tables.SERIES: series(*days, *later)})
    snapshot = Snapshot(publish(warehouse, folder))
    where = {"marker": "anxiety", "population": ["a", "b"]}

    def counted(first: int, last: int, **choice: datetime) -> list[tuple[object, ...]]:
        first_day, last_day = DAY + timedelta(days=first), DAY + timedelta(days=last)
        return snapshot.days_without(first_day, last_day, where, **choice).rows()

    assert counted(0, 3) == [("a", "few", 1), ("a", None, 3), ("b", "few", 1), ("b", None, 3)]
    assert counted(0, 3, as_of=at(2)) == [("a", None, 4), ("b", None, 4)]
    assert counted(2, 9) == [("a", None, 2), ("b", None, 2)]


def test_what_was_asked_before_is_answered_alike_and_the_rest_anew(warehouse: Warehouse, folder: Path) -> None:
    snapshot = Snapshot(publish(warehouse, folder))
    first = snapshot.read(tables.SERIES)
    assert snapshot.read(tables.SERIES) is first
    assert snapshot.read(tables.SERIES, as_of=at(2)).height == 1
    assert snapshot.read(tables.SERIES, where={"marker": "joy"}).height == 1
    assert snapshot.read(tables.SERIES).equals(first)
    assert snapshot.read(tables.RUNS).columns == list(tables.RUNS.columns)


@pytest.mark.parametrize("as_of", [None, at(0), at(1), at(2)])
def test_one_line_is_read_as_it_stands_among_all(warehouse: Warehouse, folder: Path, as_of: datetime | None) -> None:
    days = [DAY + timedelta(days=k) for k in (3, 1, 2)]
    rows = [
        cell(population=p, time_value=day, method=method, issue=at(n), prevalence=n / 10, n_posts=n)
        for p in ("a", "b") for method in ("lexicon", "calibrated") for day in days for n in (2, 0, 1)
    ]  # fmt: skip
    warehouse.save({tables.SERIES: series(*rows)})
    snapshot = Snapshot(publish(warehouse, folder))
    every = snapshot.read(tables.SERIES, as_of=as_of)
    for where in ({"marker": "anxiety", "population": "a", "unit": "posts"}, {"marker": "anxiety", "population": "b",
                  "unit": "posts", "method": "lexicon"}, {"marker": "none", "population": "b", "unit": "posts"}):  # fmt: skip
        mine = every.filter(**where)
        assert snapshot.read(tables.SERIES, as_of=as_of, where=where).equals(mine)
        assert mine.height == {3: 6, 4: 3}[len(where)] * (where["marker"] != "none")


# How snapshots follow each other.


def test_before_the_first_there_is_none(folder: Path) -> None:
    assert (current(folder), newest(folder)) == (None, None)


def test_the_last_three_are_kept_and_current_names_the_last(warehouse: Warehouse, folder: Path) -> None:
    for n in range(1, 6):
        number(warehouse, n)
        path = publish(warehouse, folder)
        assert path.name == f"{n:06d}.duckdb"
        assert (folder / "CURRENT").read_text() == f"{path.name}\n"
        assert current(folder) == path
    assert names(folder) == ["000003.duckdb", "000004.duckdb", "000005.duckdb", "CURRENT"]
    assert [said(Snapshot(folder / f"{n:06d}.duckdb")) for n in (3, 4, 5)] == [{3}, {4}, {5}]


def test_a_snapshot_in_use_stays_readable_and_the_same_after_it_has_been_dropped(
    warehouse: Warehouse, folder: Path
) -> None:
    number(warehouse, 1)
    reader = Snapshot(publish(warehouse, folder))
    for n in range(2, 7):
        number(warehouse, n)
        publish(warehouse, folder)
        assert said(reader) == {1}
    assert not reader.path.exists()
    with pytest.raises(Terminal, match=r"000001\.duckdb cannot be read"):
        Snapshot(reader.path)


def test_what_a_killed_publish_left_behind_is_swept_away(warehouse: Warehouse, folder: Path) -> None:
    publish(warehouse, folder)
    for leftover in ("000002.duckdb.part", "000002.duckdb.part.wal", "CURRENT.part"):
        (folder / leftover).write_bytes(b"half a file")
    assert publish(warehouse, folder).name == "000002.duckdb"
    assert names(folder) == ["000001.duckdb", "000002.duckdb", "CURRENT"]


def test_a_number_is_never_used_again(warehouse: Warehouse, folder: Path) -> None:
    first = publish(warehouse, folder)
    # Killed when the second had its name but CURRENT did not say so yet.
    (folder / "000002.duckdb").write_bytes(first.read_bytes())
    assert current(folder) == first
    assert publish(warehouse, folder).name == "000003.duckdb"
    for path in folder.glob("*.duckdb"):  # somebody tidied up by hand
        path.unlink()
    assert publish(warehouse, folder).name == "000004.duckdb"


def test_the_oldest_go_first_however_long_their_numbers(warehouse: Warehouse, folder: Path) -> None:
    for n in (999_997, 999_998, 999_999):
        (folder / f"{n}.duckdb").touch()
    for _ in range(3):
        publish(warehouse, folder)
    assert names(folder) == ["1000000.duckdb", "1000001.duckdb", "1000002.duckdb", "CURRENT"]


def test_a_pointer_to_nothing_is_an_error_and_no_endless_search(warehouse: Warehouse, folder: Path) -> None:
    publish(warehouse, folder).unlink()
    with pytest.raises(Terminal, match="publish again"):
        newest(folder)


PUBLISH = """
import sys; from pathlib import Path
from barograph.publish import publish
from barograph.store import Warehouse
from tests.test_publish import number
with Warehouse(Path(sys.argv[1])) as warehouse:
    for n in range(1, 1000):
        number(warehouse, n)
        publish(warehouse, Path(sys.argv[2]))
        print(n, flush=True)
"""


@pytest.mark.parametrize("published", [1, 2, 5])
def test_killed_at_any_moment_the_newest_snapshot_is_whole(tmp_path: Path, folder: Path, published: int) -> None:
    with python(PUBLISH, tmp_path / "killed.duckdb", folder) as publisher:
        assert publisher.stdout is not None
        for n in range(1, published + 1):
            assert publisher.stdout.readline() == f"{n}\n"
        publisher.kill()
        done = published + len(publisher.stdout.read().split())
    snapshot = newest(folder)
    assert snapshot is not None
    assert said(snapshot) in ({done}, {done + 1})  # it may have been killed before it could say so
    highest = max(int(path.stem) for path in folder.glob("*.duckdb"))
    with Warehouse(tmp_path / "killed.duckdb") as warehouse:
        number(warehouse, 5000)
        after = publish(warehouse, folder)
    assert int(after.stem) == highest + 1
    assert said(Snapshot(after)) == {5000}
    assert list(folder.glob("*.part*")) == []


# Many readers and one writer.

LAST = 30


def follow(folder: Path) -> list[int]:
    """What each new snapshot says, up to the last. Raises where one is torn or changes while it is held."""
    seen = [0]
    held: Snapshot | None = None
    while seen[-1] != LAST:
        if current(folder) == (held and held.path):
            time.sleep(0.01)  # nothing new: the writer has the processor
        elif (held := newest(folder)) is not None:
            (first,), (again,) = said(held), said(held)
            seen += [first, again]
    return seen


READ = """
import sys; from pathlib import Path
from tests.test_publish import follow
print("ready", flush=True)
print(*follow(Path(sys.argv[1])))
"""


def test_readers_never_see_an_error_a_torn_snapshot_or_an_older_one_again(tmp_path: Path, folder: Path) -> None:
    processes = [python(READ, folder) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        with ThreadPoolExecutor(7) as threads, Warehouse(tmp_path / "writer.duckdb") as writer:
            followed = [threads.submit(follow, folder) for _ in range(7)]
            for n in range(1, LAST + 1):
                number(writer, n)
                publish(writer, folder)
            histories = [future.result() for future in followed]
        for process in processes:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
            histories.append([int(n) for n in out.split()])
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert len(histories) == 10
    assert all(earlier <= later for history in histories for earlier, later in pairwise(history))
