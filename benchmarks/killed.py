"""Streams under kill -9: 200 times at random moments, while ten readers read what is published.

`python -m benchmarks.killed [--quick]` prints what it found and ends with one JSON line. A stream of posts, changes,
deletes and authors who leave and come back lands without a pause; the monitor loads, scores, aggregates and publishes;
now and then it forgets an author or compacts. Each is a process of its own, killed at moments drawn with a fixed seed,
each kind of work in turn, and started again. What the stream said was on the disk is held, at the end, against the same
events told one by one. Readers open the newest snapshot over and over: none may fail, tear or go backwards.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

KILLS, READERS = 200, 10
"""The bars."""
WORK = ("landing", "load", "score", "aggregate", "publish", "forget", "compact")
_AUTHORS, _FORGETTABLE, _REWIND = 400, 40, 60
_SOURCE = "sky"
_TEXTS = ("I am so happy and joyful today", "the bus was late again", "nothing but worry and dread", "we had soup")
_BATCH = 50
"""Events of a batch. One lands every so many seconds:"""
_EVERY = 0.2


class Event(NamedTuple):
    """One event of the stream, always the same by its number."""

    op: str
    name: str
    author: str
    text: str
    day: int


def event_of(number: int) -> Event:
    """Every post is of one author; later events name posts from before."""
    chance = random.Random(number)  # noqa: S311 (events, not secrets)
    kind, of = chance.random(), number if number < 50 else number - chance.randrange(1, 400) % number
    if kind < 0.80 or number < 50:
        return Event("post", str(number), _author(number), chance.choice(_TEXTS), number % 5)
    if kind < 0.90:
        return Event("delete", str(of), "", "", 0)
    if kind < 0.96:
        return Event("update", str(of), _author(of), chance.choice((*_TEXTS, "")), of % 5)
    return Event("leave" if kind < 0.98 else "return", "", _author(of), "", 0)


def _author(number: int) -> str:
    return f"author-{number * 7919 % _AUTHORS:03}"


class Told:
    """What the events come to when told one by one."""

    def __init__(self) -> None:
        self.posts: dict[str, tuple[str, str]] = {}
        self._buried: set[str] = set()
        self._left: set[str] = set()

    def tell(self, event: Event) -> None:
        """One event."""
        op, name, author, text, _ = event
        if op == "delete":
            self._buried.add(name)
            self.posts.pop(name, None)
        elif op == "leave":
            self._left.add(author)
            self.posts = {n: p for n, p in self.posts.items() if p[0] != author}
        elif op == "return":
            self._left.discard(author)
        elif name in self._buried or author in self._left:
            return
        elif not text:
            self.posts.pop(name, None)
        elif op == "update" or name not in self.posts:
            self.posts[name] = (author, text)


# the processes --------------------------------------------------------------------------------------------


def _stream(home: Path, on_disk: Any, last: Any) -> None:
    """Land events from a little before the cursor on; say up to which they are on the disk. Stops after `last`."""
    import polars as pl

    from barograph.clock import utc_now
    from barograph.home import Home
    from barograph.landing import Landing
    from barograph.privacy import Keyed
    from barograph.sources import ARRIVED, Arrived

    place, today = Home(home), utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    with Landing(place.landing / _SOURCE, Keyed(place.key), seconds=_EVERY) as landing:
        at = max(int(landing.cursor or 0) - _REWIND, 0)
        if int(landing.cursor or 0) < on_disk.value:
            raise SystemExit(f"the cursor stands at {landing.cursor}, but {on_disk.value} were on the disk")
        while at < last.value:
            numbers = range(at, min(at + _BATCH, last.value))
            rows = [
                {"line": line, "op": e.op, "id": e.name or None, "author": e.author or None, "text": e.text or None,
                 "lang": "en", "created_at": f"{today - timedelta(days=e.day + 1, hours=-e.day)}Z"}
                for line, e in enumerate(map(event_of, numbers), start=1)
            ]  # fmt: skip
            at = numbers[-1] + 1
            landing.keep(Arrived(pl.DataFrame(rows, schema=ARRIVED), str(at), (today, today)))
            time.sleep(_EVERY)
            landing.flush()
            on_disk.value = max(on_disk.value, at)


def _monitor(home: Path, doing: Any, forgotten: Any, wanted: str, rounds: int) -> None:
    """The monitor, so many rounds, with each also what is `wanted`. Says what it is doing."""
    from barograph.home import Home
    from barograph.settings import Marker, Settings, Source
    from barograph.store import Warehouse, compact
    from flows.forgetting import forget
    from flows.load import load
    from flows.progress import Reporter
    from flows.reading import Reading
    from flows.stages import Run, aggregate, publish, score

    place = Home(home)
    settings = Settings(marker=(Marker(name="joy", lexicons=("joy_en",)),), minimum_authors=5)
    reading = Reading(settings.marker)
    for _ in range(rounds):
        with place.lock("run", wait=0):
            run = Run(place, settings, (Source(name=_SOURCE, kind="bluesky"),), Reporter(silent=True), live=True)
            run.reading = reading
            with Warehouse(place.warehouse) as warehouse:
                for stage in (load, score, aggregate, publish):
                    doing.value = stage.fn.__name__.encode()
                    stage.fn(run, warehouse)
            if wanted == "forget":
                doing.value = b"forget"
                forget(place, forgotten.value.decode(), _SOURCE, whole=True)
            elif wanted == "compact":
                doing.value = b"compact"
                compact(place.warehouse)
        doing.value = b""


def _read(home: Path, done: Any, pipe: Any) -> None:
    """Open the newest snapshot over and over, and look whether it is whole and none was newer before."""
    from barograph import publish, tables
    from barograph.home import Home

    folder = Home(home).published
    before: tuple[str, Any, int] = ("", None, 0)
    reads, faults = 0, list[str]()
    while not done.is_set():
        try:
            snapshot = publish.newest(folder)
            if snapshot is not None:
                series, lines = snapshot.read(tables.SERIES), snapshot.read(tables.LINES)
                runs = snapshot.read(tables.RUNS)
                now = (snapshot.path.name, series["issue"].max(), runs.height)
                if set(series.select(tables.LINE).unique().rows()) != set(lines.select(tables.LINE).rows()):
                    faults.append("torn: lines are not those of series")
                if now[0] < before[0] or now[2] < before[2] or (before[1] and now[1] < before[1]):
                    faults.append(f"backwards: {now} after {before}")
                before, reads = now, reads + 1
        except Exception as error:  # noqa: BLE001 (whatever a reader meets is a fault)
            faults.append(f"{type(error).__name__}: {error}")
        done.wait(1.0)
    pipe.send((reads, faults))


# killing --------------------------------------------------------------------------------------------------


class _Trial:
    """A home, its stream and its monitor, and what went wrong."""

    def __init__(self, context: ForkServerContext, home: Path, seed: int) -> None:
        self.home, self.faults, self.gone = home, list[str](), set[str]()
        self.hits: Counter[str] = Counter()
        self._context, self._chance = context, random.Random(seed)  # noqa: S311 (moments, not secrets)
        # Without locks, which a process that is killed would never give back.
        self.on_disk, self._last = context.RawValue("q", 0), context.RawValue("q", 10**9)
        self._doing, self._author = context.RawArray("c", 16), context.RawArray("c", 32)
        self._usual = dict.fromkeys(WORK, 0.2)
        """Seconds that each kind of work takes."""
        self._start_stream()

    def _start_stream(self) -> None:
        self._stream = self._context.Process(target=_stream, args=(self.home, self.on_disk, self._last))
        self._stream.start()

    def _monitor(self, wanted: str, rounds: int) -> Any:
        self._doing.value = b""
        monitor = self._context.Process(target=_monitor, args=(self.home, self._doing, self._author, wanted, rounds))
        monitor.start()
        return monitor

    def kill(self, work: str) -> None:
        """Kill one process while it does this kind of work, or right after."""
        if work == "landing":
            time.sleep(self._chance.uniform(0, 3 * _EVERY))
            self._stream.kill()
            self._stream.join()
            if self._stream.exitcode != -signal.SIGKILL:
                self.faults.append(f"the stream ended with {self._stream.exitcode}")
            self.hits[work] += 1
            self._start_stream()
            return
        if work == "forget":
            self._author.value = f"author-{self._chance.randrange(_FORGETTABLE):03}".encode()
        monitor = self._monitor(work, 100)
        self._wait(monitor, lambda doing: doing != work, 60)
        began = time.monotonic()
        self._wait(monitor, lambda doing: doing == work, self._chance.uniform(0, self._usual[work]))
        hit = self._doing.value.decode()
        if hit != work:
            self._usual[work] = 0.9 * (time.monotonic() - began)
        monitor.kill()
        monitor.join()
        if monitor.exitcode != -signal.SIGKILL:
            self.faults.append(f"the monitor ended with {monitor.exitcode} in {hit}")
        self.hits[hit or "between"] += 1
        if work == "forget":
            self.in_peace(work)
            self.gone.add(self._author.value.decode())

    def _wait(self, monitor: Any, goes_on: Callable[[str], bool], seconds: float) -> None:
        began = time.monotonic()
        while monitor.is_alive() and goes_on(self._doing.value.decode()) and time.monotonic() - began < seconds:
            time.sleep(0.001)

    def in_peace(self, wanted: str) -> None:
        """A round of the monitor that nobody disturbs."""
        monitor = self._monitor(wanted, 1)
        monitor.join(900)
        if monitor.exitcode != 0:
            self.faults.append(f"a round in peace ended with {monitor.exitcode} in {self._doing.value.decode()}")

    def end(self) -> None:
        """Let the stream end, and load all of it."""
        self._last.value = self.on_disk.value + 2 * _BATCH
        self._stream.join(60)
        self.in_peace("compact")


@contextlib.contextmanager
def _readers(context: ForkServerContext, home: Path, faults: list[str]) -> Iterator[list[int]]:
    """Ten of them; when they are done, the list holds how often each read."""
    done, mine, reads = context.Event(), [], list[int]()
    for _ in range(READERS):
        ours, theirs = context.Pipe()
        process = context.Process(target=_read, args=(home, done, theirs), daemon=True)
        process.start()
        mine.append((process, ours))
    yield reads
    done.set()
    for process, ours in mine:
        n, found = ours.recv() if ours.poll(30) else (0, ["a reader ended"])
        process.join(30)
        reads.append(n)
        faults += found


def measure(kills: int, seed: int = 7) -> tuple[dict[str, Any], list[str]]:
    """Kill, start again, compare. Figures, and what went wrong in words."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.load", "flows.forgetting", "flows.reading", "barograph.publish"])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _prepare(home)
        trial = _Trial(context, home, seed)
        with _readers(context, home, trial.faults) as reads:
            for number in range(kills):
                trial.kill(WORK[number % len(WORK)])
                if (number + 1) % 20 == 0:
                    print(f"{number + 1} kills, faults: {trial.faults}", file=sys.stderr, flush=True)
            trial.end()
        figures = {
            "kills": sum(trial.hits.values()), **{f"killed_in_{work}": trial.hits[work] for work in (*WORK, "between")},
            "events": trial.on_disk.value, **_compare(home, trial.on_disk.value, trial.gone),
            "readers": len(reads), "reads": sum(reads), "least_reads": min(reads),
        }  # fmt: skip
    return figures, trial.faults


def _prepare(home: Path) -> None:
    from barograph.home import Home

    place = Home(home)
    place.prepare()
    place.landing.mkdir()
    place.key.write_bytes(os.urandom(32))


def _compare(home: Path, events: int, gone: set[str]) -> dict[str, Any]:
    """What is in the warehouse against what was on the disk, told one by one."""
    from barograph import tables
    from barograph.home import Home
    from barograph.privacy import Keyed
    from barograph.store import Warehouse

    told = Told()
    for number in range(events):
        told.tell(event_of(number))
    expected = {f"{_SOURCE}:{name}": text for name, (author, text) in told.posts.items() if author not in gone}
    place = Home(home)
    with Warehouse(place.warehouse) as warehouse:
        posts = warehouse.read(tables.POSTS)
        scored = set(warehouse.read(tables.SCORES)["post_id"])
    kept = dict(posts.select("post_id", "text").iter_rows())
    keyed = Keyed(place.key)
    traces = [name.encode() for name in gone] + [keyed.hash(f"{_SOURCE}:{name}").encode() for name in gone]
    data = place.warehouse.read_bytes()
    return {
        "posts": posts.height,
        "lost": len(expected.keys() - kept.keys()),
        "doubled": posts.height - len(kept),
        "not_deleted": len((kept.keys() | scored) - expected.keys()),
        "other_text": sum(kept[name] != text for name, text in expected.items() if name in kept),
        "traces": sum(trace in data for trace in traces),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="14 kills")
    quick = parser.parse_args().quick
    began = time.monotonic()
    figures, faults = measure(14 if quick else KILLS)
    figures["seconds"] = round(time.monotonic() - began, 1)
    for name, value in figures.items():
        print(f"{name:<24}{value:>12,}")
    none = ("lost", "doubled", "not_deleted", "other_text", "traces")
    misses = [f"{figures[name]} {name}; expected 0" for name in none if figures[name]]
    if not figures["least_reads"]:
        misses.append("a reader read nothing")
    figures |= {f"n_{name}": figures["kills"] for name in figures}
    print(json.dumps({"benchmark": "killed", "figures": figures, "misses": [*misses, *faults[:10]]}))


if __name__ == "__main__":
    main()
