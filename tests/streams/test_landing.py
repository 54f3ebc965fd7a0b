"""Segments are on the disk whole or not at all, one writer at a time, and go on from the cursor of the newest one."""

import multiprocessing
import signal
from pathlib import Path

import pytest

from barograph import landing
from barograph.errors import Terminal, Transient
from barograph.landing import Landing
from barograph.privacy import Keyed
from barograph.sources import Missed, Reject
from tests.streams.landed import after, arrived, event, killed_before

_PLACES = multiprocessing.get_context("forkserver")
_PLACES.set_forkserver_preload(["tests.streams.test_landing"])


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    """A key of its own."""
    return Keyed(tmp_path / "key")


def ids(folder: Path) -> list[str]:
    """Every row that landed, in order."""
    return [name for segment in landing.pending(folder, 0) for name in segment.rows["id"]]


def stream(folder: Path, key: Path, *, until: int, step: int = 0) -> None:
    """Land events from the cursor on, two at a time; die before the step of that number. Runs in a child."""
    if step:
        killed_before(step, "replace", "fsync")
    with Landing(folder, Keyed(key)) as out:
        for at in range(int(out.cursor or 0), until, 2):
            out.keep(arrived(event("post", str(at)), event("post", str(at + 1)), cursor=str(at + 2)))
            out.flush()


def test_killed_before_any_step_it_goes_on_after_what_is_on_the_disk(tmp_path: Path, keyed: Keyed) -> None:
    for step in range(1, 60):
        folder = tmp_path / f"step{step}"
        child = _PLACES.Process(target=stream, args=(folder, tmp_path / "key"), kwargs={"until": 8, "step": step})
        child.start()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL)
        landed = ids(folder)
        assert landed == [str(n) for n in range(len(landed))]
        stream(folder, tmp_path / "key", until=8)
        assert ids(folder) == [str(n) for n in range(8)]
        assert not list(folder.glob("*.part"))
        if child.exitcode == 0:
            assert step == 13  # of four segments, three steps each
            return
    raise AssertionError("it never came to its end")


def test_two_writers_never_interleave(tmp_path: Path, keyed: Keyed) -> None:
    with Landing(tmp_path / "sky", keyed) as first:
        with pytest.raises(Transient, match="is written by another process"), Landing(tmp_path / "sky", keyed):
            raise AssertionError("two at once")
        with Landing(tmp_path / "other", keyed):  # other sources may be written meanwhile
            first.keep(arrived(event("post", "1")))
            first.flush()
    with Landing(tmp_path / "sky", keyed):
        pass


def test_a_segment_is_written_by_size_or_by_age(tmp_path: Path, keyed: Keyed) -> None:
    with Landing(tmp_path / "sky", keyed, rows=3, seconds=3600) as out:
        out.keep(arrived(event("post", "1"), event("post", "2"), cursor="a"))
        assert landing.segments(tmp_path / "sky") == []
        out.keep(arrived(rejects=[Reject(1, "not JSON", b"{")], cursor="b"))
        [path] = landing.segments(tmp_path / "sky")
        assert (out.cursor, landing.read(path).cursor) == ("b", "b")
    with Landing(tmp_path / "aged", keyed, seconds=0) as out:
        out.keep(arrived(cursor="c"))
        assert out.cursor == "c"  # a cursor moves where nothing came


def test_what_is_said_beside_rows_is_in_the_segment(tmp_path: Path, keyed: Keyed) -> None:
    missed = Missed(after(1), after(2), "the cursor was too old")
    with Landing(tmp_path / "sky", keyed) as out:
        out.keep(arrived(event("post", "1"), covered=(after(2), after(3)), missed=[missed], ignored={"likes": 2},
                         rejects=[Reject(2, "not JSON", b"{secret")]))  # fmt: skip
        out.keep(arrived(event("post", "2"), covered=(after(3), after(4)), ignored={"likes": 1, "follows": 4}))
        out.flush()
    [path] = landing.segments(tmp_path / "sky")
    segment = landing.read(path)
    assert segment.rows.select("line", "id").rows() == [(1, "1"), (4, "2")]
    assert segment.quarantine.rows() == [(2, "not JSON", keyed.hash(b"{secret"))]
    assert (segment.covered, segment.missed) == ((after(2), after(4)), (missed,))
    assert segment.ignored == {"likes": 3, "follows": 4}
    assert b"secret" not in path.read_bytes()


def test_released_segments_are_gone_and_the_newest_keeps_its_cursor(tmp_path: Path, keyed: Keyed) -> None:
    folder = tmp_path / "sky"
    with Landing(folder, keyed) as out:
        for n in range(4):
            out.keep(arrived(event("post", str(n)), cursor=str(n)))
            out.flush()
    numbers = [int(path.stem) for path in landing.segments(folder)]
    landing.release(folder, numbers[1])
    assert ids(folder) == ["2", "3"]
    landing.release(folder, numbers[3])
    assert ids(folder) == []
    with Landing(folder, keyed) as out:
        assert out.cursor == "3"
        out.keep(arrived(event("post", "4"), cursor="4"))
        out.flush()
    assert [s.number for s in landing.pending(folder, numbers[3])] == [numbers[3] + 1]


def test_segments_are_in_order_of_their_numbers_however_long_these_are(tmp_path: Path, keyed: Keyed) -> None:
    folder = tmp_path / "sky"
    with Landing(folder, keyed) as out:
        out.keep(arrived(event("post", "old"), cursor="old"))
        out.flush()
    [path] = landing.segments(folder)
    path.rename(folder / "9999999999.parquet")
    with Landing(folder, keyed) as out:
        out.keep(arrived(event("post", "new"), cursor="new"))
        out.flush()
    assert [path.stem.lstrip("0") for path in landing.segments(folder)] == ["9999999999", "10000000000"]
    assert ids(folder) == ["old", "new"]


def test_a_damaged_segment_is_named(tmp_path: Path, keyed: Keyed) -> None:
    with Landing(tmp_path / "sky", keyed) as out:
        out.keep(arrived(event("post", "1")))
        out.flush()
    [path] = landing.segments(tmp_path / "sky")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(Terminal, match=f"{path.name} cannot be read: .*; move it away to go on without it"):
        landing.read(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, keyed: Keyed) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Terminal, match="expected a folder that can be written"):
        Landing(tmp_path / "file" / "sky", keyed)
