"""Runs of a stream hand over to each other."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from barograph.errors import Transient
from barograph.home import Home
from barograph.landing import Landing
from barograph.privacy import Keyed
from flows import turns
from flows.turns import take_turn


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def landing(home: Home) -> Landing:
    return Landing(home.landing / "desk", Keyed(home.key))


def test_the_next_run_waits_until_the_one_before_has_left(home: Home) -> None:
    order = []
    held, left = threading.Event(), threading.Event()

    def before() -> None:
        with landing(home):
            held.set()
            left.wait(30)
            order.append("before")

    thread = threading.Thread(target=before)
    thread.start()
    assert held.wait(30)
    threading.Timer(0.7, left.set).start()
    with take_turn(home.landing / "desk", time.time() + 60) as stop, landing(home):
        order.append("after")
        assert not stop.is_set()
    thread.join(30)
    assert order == ["before", "after"]


def test_a_turn_that_never_comes_is_worth_another_try(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_SECONDS", 0.1)
    with landing(home), pytest.raises(Transient, match="one at a time can stream a source"):  # noqa: SIM117
        with take_turn(home.landing / "desk", time.time() + 60):
            pytest.fail("both have it")


def test_a_turn_ends_at_its_time_and_when_told(home: Home) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with take_turn(home.landing / "desk", time.time() + 0.1) as stop:
        assert stop.wait(30)
    for until in (time.time() + 60, None):
        with take_turn(home.landing / "desk", until) as stop:
            assert not stop.wait(0.1)
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.wait(30)
    assert signal.getsignal(signal.SIGTERM) is handler
