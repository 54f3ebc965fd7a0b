"""How long a reader waits for the page, on three years of 50 populations and 30 markers.

`python -m benchmarks.dashboard [--quick]` makes such a snapshot (`benchmarks.wide`; kept in the temporary folder for
the next time), serves it as `barograph up` does, and looks at it with Chromium and over plain websockets
(`benchmarks.sessions`). It prints what it found and ends with one JSON line; `n_` of a figure is how many times it was
measured. Measure on a machine that does nothing else: the browser, the server and the sessions share its cores.

- `cold`: a new server's first visitor, `warm`: later ones with an empty cache, until the first page stands whole.
- `change`: from the click on another population, marker, unit or range until the new charts stand, in the browser.
- `crowd`: the browser and 19 sessions ask for another view at the same moment; until each has been told it whole.
- `query`: what the pages ask of a snapshot, each alone, in a process of its own.
- `peak_gb`: the most memory that the server ever took.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barograph import board, line, tables
from barograph.serving import dashboard_command
from barograph.store import Snapshot
from benchmarks import wide
from benchmarks.sessions import Session

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
BARS = {"cold_s": 5.0, "warm_s": 2.0, "change_p95_s": 0.5, "crowd_p95_s": 1.5, "query_p95_ms": 50.0, "peak_gb": 1.0}
"""At most so much."""
SESSIONS = 20
_CHOICES = ("Population", "Marker", "Unit", "Range")
_ASKS = "Period"  # of days: it shows two dates, and else what was shown
_PATIENCE = 60_000
_STANDS = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""
"""The script has ended, and nothing of the page is still to come or of an earlier view."""
_CHART = "document.querySelector('[data-testid=stVegaLiteChart]')"
# Of many days it is a canvas.
_DRAWN = f"""(() => {{ const c = {_CHART}
    return [c?.ariaLabel, c?.querySelector('svg')?.innerHTML ?? c?.querySelector('canvas')?.toDataURL()] }})()"""
_ANEW = f"before => {{ const now = {_DRAWN}; return now[1] && now.every((part, k) => part !== before[k]) }}"
"""The first chart says and shows something else than `before`."""


def quantile(values: list[float], at: float = 0.95) -> float:
    """The 95th percentile, or another."""
    return float(np.quantile(values, at))


@contextmanager
def served(home: Path) -> Iterator[tuple[int, int]]:
    """A server of the page as `barograph up` starts it: its port and its process."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        dashboard_command(port), cwd=home, env={**os.environ, "BAROGRAPH_HOME": str(home)}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, server.pid
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def peak_gb(process: int) -> float:
    """The most memory that a process ever took."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 2**20


def first_page(browser: "Browser", port: int) -> float:
    """Seconds until the first page stands for a new visitor."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(f"http://localhost:{port}")
    page.locator(".board a").first.wait_for(timeout=_PATIENCE)
    page.wait_for_function(_STANDS, timeout=_PATIENCE)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


class Reader:
    """A visitor of the timeline with a browser, who chooses."""

    def __init__(self, browser: "Browser", port: int, chance: random.Random) -> None:
        self._chance = chance
        self._page: Page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        self._page.goto(f"http://localhost:{port}/timeline")
        self._page.wait_for_function(f"{_CHART}?.querySelector('svg, canvas')", timeout=_PATIENCE)
        self._page.wait_for_function(_STANDS, timeout=_PATIENCE)

    def change(self, label: str) -> float:
        """Choose anything else of a control. Returns the seconds from the click until the new chart stands."""
        page, before = self._page, self._page.evaluate(_DRAWN)
        if label in ("Population", "Marker"):
            combobox = page.get_by_role("combobox", name=label)
            combobox.click()
            page.get_by_role("option").first.wait_for()
            # The first ones alone are there before one scrolls; the chart's sentence names the line that is shown.
            names = [name for name in page.get_by_role("option").all_inner_texts() if name not in before[0]]
            combobox.fill(name := self._chance.choice(names))
            option = page.get_by_role("option", name=name, exact=True)
            option.wait_for()
        else:
            radios = page.get_by_role("radiogroup", name=label).get_by_role("radio")
            radios.first.wait_for()
            option = self._chance.choice(
                [radio for radio in radios.all() if not radio.is_checked() and radio.inner_text() != _ASKS]
            )
        began = time.perf_counter()
        option.click()
        page.wait_for_function(_ANEW, arg=before, timeout=_PATIENCE, polling="raf")
        page.wait_for_function(_STANDS, timeout=_PATIENCE, polling="raf")
        return time.perf_counter() - began


class Crowd:
    """So many sessions in a thread of their own, which ask for another view all together."""

    def __init__(self, port: int, n: int, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 (views, not secrets)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        # Two of three look at a line, the others at the first page.
        pages = ["timeline" if k % 3 else "" for k in range(n)]
        self._sessions: list[Session] = [self._wait(Session.open(port, page)) for page in pages]

    def ask(self) -> "asyncio.Future[list[float]]":
        """Let every session choose something else now. The result: seconds until each was told its page whole."""
        asked = [session.choose(*self._other(session)) for session in self._sessions]

        async def together() -> list[float]:
            return await asyncio.gather(*asked)

        return asyncio.run_coroutine_threadsafe(together(), self._loop)  # type: ignore[return-value]

    def _other(self, session: Session) -> tuple[str, str]:
        label = self._chance.choice([name for name in _CHOICES if name in session.controls])
        options = session.controls[label]
        return label, self._chance.choice([o for o in options if o not in (session.chosen(label), _ASKS)])

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


class Timed(Snapshot):
    """A snapshot that notes the milliseconds of each query that it did not answer before."""

    spent: list[float]

    def _answer(self, query: str, values: list[object]) -> Any:
        began = time.perf_counter()
        try:
            return super()._answer(query, values)
        finally:
            self.spent.append(1000 * (time.perf_counter() - began))


def queries(path: Path, trials: int) -> list[float]:
    """Milliseconds of each query that the first page, lines drawn by chance and the alerts make."""
    chance = random.Random(5)  # noqa: S311 (views, not secrets)
    spent: list[float] = []
    for _ in range(trials):
        snapshot = Timed(path)  # a new one has no answers yet
        snapshot.spent = spent
        for table in (tables.RUNS, tables.SOURCES, tables.SILENCES, tables.SKILL_CARDS):
            snapshot.read(table)
        board.read(snapshot, chance.choice(wide.UNITS), wide.METHOD)
        for one in chance.sample(snapshot.lines().select(tables.LINE).rows(), 4):
            line.read(snapshot, *one)
            where = {"marker": one[0], "unit": one[2], "method": one[3]}
            snapshot.days_without(wide.LAST - timedelta(days=chance.choice([30, 90, 2000])), wide.LAST, where)
    return spent


def measure(home: Path, path: Path, *, quick: bool) -> tuple[dict[str, float], dict[str, int]]:
    """Figures, and how many times each was measured."""
    from playwright.sync_api import sync_playwright

    rounds, visits = (2, 2) if quick else (10, 5)
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        spent = alone.apply(queries, (path, 5 if quick else 40))
    with sync_playwright() as driver, served(home) as (port, process):
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cold = first_page(browser, port)
        warm = [first_page(browser, port) for _ in range(visits)]
        reader = Reader(browser, port, random.Random(3))  # noqa: S311 (views, not secrets)
        changes = {label: [reader.change(label) for _ in range(4 if quick else 25)] for label in _CHOICES}
        crowd = Crowd(port, SESSIONS - 1, seed=4)
        waits: list[float] = []
        for turn in range(rounds):
            asked = crowd.ask()
            waits.append(reader.change(_CHOICES[turn % 2]))
            waits += asked.result()
        peak = peak_gb(process)
        browser.close()
    every = [seconds for some in changes.values() for seconds in some]
    figures = {
        "cold_s": cold, "warm_s": max(warm), "change_p95_s": quantile(every), "change_median_s": quantile(every, 0.5),
        **{f"change_{label.lower()}_p95_s": quantile(some) for label, some in changes.items()},
        "crowd_p95_s": quantile(waits), "crowd_median_s": quantile(waits, 0.5),
        "query_p95_ms": quantile(spent), "query_median_ms": quantile(spent, 0.5), "peak_gb": peak,
    }  # fmt: skip
    per_choice = len(changes[_CHOICES[0]])
    measured = {"cold": 1, "warm": visits, "change": len(every), "crowd": len(waits), "query": len(spent), "peak": 1}
    n = {name: per_choice if name.count("_") == 3 else measured[name.partition("_")[0]] for name in figures}
    return {name: round(value, 3) for name, value in figures.items()}, n


def snapshot(size: wide.Size) -> tuple[Path, Path]:
    """The home with the snapshot of this size, and the snapshot: that of an earlier time, where it was made alike."""
    made_by = Path(wide.__file__).read_bytes() + repr([table.schema for table in tables.PUBLISHED]).encode()
    digest = hashlib.sha256(made_by).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"barograph-wide-{size.rows}-{digest}"
    return home, wide.snapshot(home, size)


def misses(figures: dict[str, float], *, quick: bool) -> list[str]:
    """The bars not reached, one sentence each; of a small snapshot nothing is claimed."""
    if quick:
        return []
    return [
        f"{name}: got {figures[name]:g}; expected at most {bar:g}" for name, bar in BARS.items() if figures[name] > bar
    ]


def main() -> None:
    """Make the snapshot, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a year of 10 populations and markers, and fewer trials")
    quick = parser.parse_args().quick
    if shutil.which("chromium") is None:
        parser.exit(1, "Chromium is not installed: apt-get install chromium\n")
    size = wide.QUICK if quick else wide.WHOLE
    home, path = snapshot(size)
    print(f"{size.rows:,} facts of series, {path.stat().st_size / 2**20:.0f} MB; {SESSIONS} sessions")
    found, n = measure(home, path, quick=quick)
    for name, value in found.items():
        print(f"{name:<24}{value:>9.3f}   of {n[name]:>5,}" + (f"   bar {BARS[name]:g}" if name in BARS else ""))
    figures = {key: value for name in found for key, value in ((name, found[name]), (f"n_{name}", n[name]))}
    print(json.dumps({"benchmark": "dashboard", "figures": figures, "misses": misses(found, quick=quick)}))


if __name__ == "__main__":
    main()
