"""A disk that fills up: a stream waits for room and goes on; loading and compaction fail with what they had kept."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from barograph import landing, tables
from barograph.errors import Transient
from barograph.home import Home
from barograph.landing import Landing
from barograph.privacy import Keyed
from barograph.store import Warehouse, compact
from tests.streams.landed import arrived, event, home_at, land, loaded, texts

KILOBYTES = 12_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of twelve megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={KILOBYTES}k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return disk / "filler"


def words(n: int) -> str:
    """A text that does not pack well."""
    return " ".join(Keyed.hash(_KEYED, f"{n} {i}") for i in range(40))


class _Fixed(Keyed):
    def __init__(self) -> None:
        self._key = bytes(range(32))


_KEYED = _Fixed()


def test_a_stream_waits_for_room_and_goes_on(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "_PAUSE", 0.05)
    place, said = home_at(disk), list[str]()
    waits = threading.Event()

    def paused(what: str) -> None:
        said.append(what)
        waits.set()

    with Landing(place.landing / "sky", _KEYED, paused=paused) as stream:
        stream.keep(arrived(event("post", "1"), cursor="1"))
        stream.flush()
        filler = fill(disk)
        stream.keep(arrived(event("post", "2", text=words(2)), cursor="2"))
        writer = threading.Thread(target=stream.flush)
        writer.start()
        assert waits.wait(30)
        assert stream.cursor == "1"
        filler.unlink()
        writer.join(30)
        assert stream.cursor == "2"
    assert [what.partition(": ")[2] for what in said] == [
        "the disk is full; free space, it goes on by itself", "there is room again; going on",
    ]  # fmt: skip
    assert set(loaded(place) and texts(place)) == {"1", "2"}


def test_a_stream_that_is_stopped_on_a_full_disk_has_what_it_had(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "_PAUSE", 0.01)
    place = home_at(disk)
    with Landing(place.landing / "sky", _KEYED) as stream:
        stream.keep(arrived(event("post", "1"), cursor="1"))
        stream.flush()
        filler = fill(disk)
        stream.keep(arrived(event("post", "2", text=words(2)), cursor="2"))
        with pytest.raises(Transient, match="the disk is full; free space and start again"):
            stream.flush(stopped=lambda: True)
    filler.unlink()
    with Landing(place.landing / "sky", _KEYED) as stream:
        assert stream.cursor == "1"


def test_what_cannot_be_loaded_stays_where_it_landed(disk: Path) -> None:
    place = home_at(disk)
    land(place, arrived(*(event("post", str(n), text=words(n)) for n in range(200))))
    loaded(place)
    land(place, arrived(*(event("post", str(n), text=words(n)) for n in range(200, 700))))
    filler = fill(disk)
    with pytest.raises(Transient, match="free space"):
        loaded(place)
    assert len(list(landing.pending(place.landing / "sky", 0))) >= 1
    filler.unlink()
    loaded(place)
    assert texts(place) == {str(n): words(n) for n in range(700)}


def test_compaction_on_a_full_disk_leaves_the_old_file(disk: Path) -> None:
    place = home_at(disk)
    land(place, arrived(*(event("post", str(n), text=words(n)) for n in range(200))))
    loaded(place)
    before = _posts(place)
    filler = fill(disk)
    with pytest.raises(Transient, match="could not be written"):
        compact(place.warehouse)
    assert _posts(place).equals(before)
    assert not list(place.path.glob("warehouse.compact*"))
    filler.unlink()
    compact(place.warehouse)
    assert _posts(place).equals(before)


def _posts(place: Home) -> pl.DataFrame:
    with Warehouse(place.warehouse) as warehouse:
        return warehouse.read(tables.POSTS).sort("post_id")
