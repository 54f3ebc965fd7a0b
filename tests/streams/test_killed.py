"""Killed before any of the steps by which files change, then done again: as if it had never been killed."""

import multiprocessing
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from barograph import landing, tables
from barograph.home import Home
from barograph.privacy import Keyed
from barograph.store import Warehouse, compact
from flows.forgetting import forget
from tests.streams.landed import arrived, event, home_at, killed_before, land, loaded, texts
from tests.streams.test_forget import holding

SAID = "the violet heron sang beneath quiet turbines"
_PLACES = multiprocessing.get_context("forkserver")
_PLACES.set_forkserver_preload(["tests.streams.test_killed"])
MOST = 60
"""More steps than any of these takes."""


def until(step: int, work: Callable[[Home], object], path: Path) -> None:
    """Work until before the step of that number, counted from 1, at which the process kills itself. Runs in a child."""
    killed_before(step, "replace", "unlink", "fsync")
    work(Home(path))


def load(place: Home) -> None:
    """The load stage."""
    loaded(place)


def forget_one(place: Home) -> None:
    """Forget one of two authors."""
    forget(place, "gone", "sky", whole=True)


def compact_it(place: Home) -> None:
    """Compaction alone."""
    compact(place.warehouse)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with loaded posts, and segments that are still to be loaded, of two authors."""
    place = home_at(tmp_path_factory.mktemp("made"))
    land(place, arrived(*(event("post", f"{a}{n}", author=a, text=f"{a} {SAID} {n}") for n in range(20) for a in ("gone", "here")),
                        event("post", "here92", author="here", parent_id="gone90")))  # a reply that came first
    loaded(place)
    land(place, arrived(event("post", "gone90", author="gone", text=SAID), event("post", "here90", author="here")),
         arrived(event("delete", "here0"), event("update", "here1", author="here", text="other")),
         arrived(event("post", "here91", author="here", parent_id="gone90"), cursor="last"))  # fmt: skip
    return place.path


def killed_at_each_step(made: Path, tmp_path: Path, work: Callable[[Home], object], check: Callable[[Home], None]) -> int:
    """Work in a child that is killed before each step in turn; then in full, here, and check. How many steps there are."""
    for step in range(1, MOST):
        place = Home(shutil.copytree(made, tmp_path / f"home{step}"))
        child = _PLACES.Process(target=until, args=(step, work, place.path))
        child.start()
        child.join(60)
        assert child.exitcode in (0, -signal.SIGKILL)
        work(place)
        check(place)
        shutil.rmtree(place.path)
        if child.exitcode == 0:
            return step - 1
    raise AssertionError("it never came to its end")


def whole(place: Home, authors: tuple[str, ...]) -> None:
    """Once all is loaded, the posts of these authors are there as they were told, and nothing is left half done."""
    loaded(place)
    there = {f"{a}{n}": f"{a} {SAID} {n}" for a in authors for n in range(20)}
    there |= {"here1": "other", "here90": "post here90", "here91": "post here91", "here92": "post here92"}
    del there["here0"]
    if "gone" in authors:
        there["gone90"] = SAID
    assert texts(place) == there
    [left] = landing.segments(place.landing / "sky")
    assert landing.read(left).cursor == "last"
    assert landing.read(left).rows.is_empty()
    assert not [p for p in place.path.rglob("*") if p.suffix in (".part", ".rewritten", ".compact")]
    with Warehouse(place.warehouse) as warehouse:
        assert warehouse.read(tables.SEGMENTS)["rows"].sum() == 45  # none was loaded twice


def test_loading(made: Path, tmp_path: Path) -> None:
    assert killed_at_each_step(made, tmp_path, load, lambda place: whole(place, ("here", "gone"))) >= 5


def test_compaction(made: Path, tmp_path: Path) -> None:
    assert killed_at_each_step(made, tmp_path, compact_it, lambda place: whole(place, ("here", "gone"))) >= 3


def test_forgetting(made: Path, tmp_path: Path) -> None:
    traces = ("gone the violet heron", "sky:gone", "gone90", Keyed(Home(made).key).hash("sky:gone"))
    for trace in traces:
        assert holding(made, trace), trace

    def check(place: Home) -> None:
        assert holding(place.path, *traces) == set()
        loaded(place)
        assert not any(name.startswith("gone") for name in texts(place))
        assert {"here90", "here91", "here92"} < set(texts(place))
        with Warehouse(place.warehouse) as warehouse:
            assert warehouse.read(tables.POSTS)["parent_id"].null_count() == 22

    assert killed_at_each_step(made, tmp_path, forget_one, check) >= 8
