"""How fast a stream becomes durable and then published, how late, in how much memory, and what of nonsense.

`python -m benchmarks.streaming [--quick]` prints what it found and ends with one JSON line; `n_` of a figure is how
many events it was measured on. Recorded events of Bluesky (BAROGRAPH_SHARED) are made into a load of Jetstream v2; its
server is a process of its own on the same cores as what is measured.

- nonsense: mutated frames through a real connection, each counted as accepted, ignored or quarantined, then ingested;
- fast: `barograph stream` as a process of its own, as fast as it goes;
- steady: at a fixed rate over many events: how late an event is on the disk, and the memory of the process. What has
  landed is removed, as a monitor would;
- published: events come at a fixed rate all the while `barograph run` loads, scores and publishes what landed.
"""

import argparse
import json
import multiprocessing
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from barograph import landing, publish, tables
from barograph.home import Home
from barograph.ingest import ingest
from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import Batch
from barograph.sources.jetstream import Cursor, fetch
from benchmarks import jetstream

FRAMES, EVENTS, MINUTES = 100_000, 10_000_000, 15
INTERVAL = 300
"""Seconds of a monitor's interval."""
LANDED_PER_SECOND, PUBLISHED_PER_SECOND = 20_000, 10_000
OFFERED = 1.05
"""So much more than a bar is sent, so that it can be reached."""
LANDED_SECONDS, PUBLISHED_SECONDS, MEGABYTES = 2.0, INTERVAL + 10.0, 500
"""The bars: at least so many events a second, 99 of 100 at most so late, and at most so much memory."""


def nonsense(n: int) -> dict[str, float]:
    """What n mutated frames of each protocol come to."""
    found, events = Counter[str](), jetstream.recorded()
    with tempfile.TemporaryDirectory() as folder:
        keyed = Keyed(Path(folder) / "key")
        for protocol in ("v1", "v2"):
            frames = list(jetstream.mutated(events, n, 7, v2=protocol == "v2"))
            address, server = jetstream.say(frames)
            source = Source.model_validate({"name": "sky", "kind": "bluesky", "hosts": address, "protocol": protocol})
            stop, counted = threading.Event(), Counter[str]()
            for arrived in fetch(source, None, stop):
                counted.update(accepted=arrived.rows.height, quarantined=len(arrived.rejects))
                counted.update(ignored=sum(arrived.ignored.values()))
                posts = arrived.rows.filter(pl.col("op").is_in(["post", "update"]))
                got = ingest(Batch("", posts), source, keyed, datetime.now(UTC).replace(tzinfo=None), None)
                counted["uncounted"] += posts.height - got.posts.height - len(got.quarantine) - got.reposts
                if counted["accepted"] + counted["quarantined"] + counted["ignored"] >= n:
                    stop.set()
            server.join(10)
            found.update({name: counted[name] for name in ("accepted", "ignored", "quarantined")})
            found.update(frames=n, lost=abs(n - counted["accepted"] - counted["ignored"] - counted["quarantined"]))
            found["lost"] += abs(counted["uncounted"])
    return dict(found)


class _Watched:
    """`barograph stream` as a process of its own, and what it landed so far."""

    def __init__(self, folder: Path, n: int, rate: float) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        listening = socket.create_server(("127.0.0.1", 0))
        self._n = n
        self._server = multiprocessing.get_context("fork").Process(
            target=jetstream.serve, args=(listening, n, rate), daemon=True
        )
        address = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        self.config = folder / "barograph.toml"
        self.config.write_text(
            f'[[source]]\nname = "sky"\nkind = "bluesky"\nhosts = "{address}"\nidle_seconds = 3600\n'
        )
        self._server.start()
        listening.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "stream", "sky", "--home", self.home, "--config", self.config],
            stdout=subprocess.DEVNULL,
        )
        self.landing = self.home / "landing" / "sky"
        self.memory = list[float]()
        """MB that the process held, now and then."""

    def look(self) -> None:
        """Note its memory. Raises `SystemExit` where it has ended."""
        if self._process.poll() is not None:
            raise SystemExit(f"the stream ended with {self._process.returncode}")
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        self.memory.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)

    def end(self) -> None:
        """Stop it in order."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._server.terminate()
        self._server.join()

    def done(self, newest: landing.Segment) -> bool:
        """Whether the last event of the load has landed."""
        return newest.cursor is not None and (Cursor.read(newest.cursor).seq or 0) >= self._n


@contextmanager
def _streaming(n: int, rate: float) -> Iterator[_Watched]:
    with tempfile.TemporaryDirectory() as folder:
        watched = _Watched(Path(folder), n, rate)
        try:
            yield watched
        finally:
            watched.end()


def landed(n: int, rate: float, seconds: float) -> dict[str, float]:
    """Events a second from the first segment to the last, how late they were, and the memory."""
    late, events, first, last, after = list[np.ndarray](), 0, 0.0, 0.0, 0
    until = time.monotonic() + seconds
    with _streaming(n, rate) as watched:
        newest = None
        while time.monotonic() < until and not (newest and watched.done(newest)):
            time.sleep(0.1)
            watched.look()
            for path in landing.segments(watched.landing) if watched.landing.is_dir() else []:
                if int(path.stem) <= after:
                    continue
                newest, at = landing.read(path), path.stat().st_ctime
                written = newest.rows["created_at"].drop_nulls().str.to_datetime("%+", time_unit="us", time_zone="UTC")
                late.append(at - written.dt.epoch("us").to_numpy() / 1e6)
                of = newest.rows.height + newest.quarantine.height + sum(newest.ignored.values())
                # The rate counts from when the first segment was there: what came before it began at its start.
                first, last, events = first or at, at, events + (of if first else 0)
                after = newest.number
            landing.release(watched.landing, after - 1)
    p50, p99 = np.quantile(np.concatenate(late), [0.5, 0.99])
    half = len(watched.memory) // 2
    grown = np.median(watched.memory[half:]) - np.median(watched.memory[half // 2 : half])
    return {
        "events": events, "per_second": round(events / max(last - first, 0.001)),
        "p50_seconds": round(float(p50), 2), "p99_seconds": round(float(p99), 2),
        "peak_mb": round(max(watched.memory)), "growth_mb": round(float(grown)),
    }  # fmt: skip


def published(rate: float, seconds: float, interval: float) -> dict[str, float]:
    """Events that a second of the monitor's runs takes while more come in, how late they were, and what is there."""
    n = int(rate * seconds)
    with _streaming(n, rate) as watched:
        home, before, runs, newest = Home(watched.home), time.time(), list[tuple[float, float]](), None
        while not (newest and watched.done(newest)):
            due = (runs[-1][0] if runs else before) + interval
            while time.time() < due or not landing.segments(watched.landing):
                time.sleep(0.5)
                watched.look()
            newest, started = landing.read(landing.segments(watched.landing)[-1]), time.time()
            subprocess.run(
                [sys.executable, "-m", "flows.cli", "run", "--home", home.path, "--config", watched.config],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            runs.append((started, time.time()))
        snapshot = publish.newest(home.published)
        assert snapshot is not None
        there = int(snapshot.read(tables.SOURCES)["n_posts"].sum())
    # An event that lands just after a run began waits for the next one to end.
    late = [end - (runs[i - 1][0] if i else before) for i, (_, end) in enumerate(runs)]
    return {
        "events": n, "runs": len(runs), "per_second": round(n / sum(end - start for start, end in runs)),
        "latest_seconds": round(max(late), 1), "posts": there, "posts_missing": jetstream.posts_left(n) - there,
        "peak_mb": round(max(watched.memory)),
    }  # fmt: skip


def main() -> None:
    """Print what was found, then the JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a twentieth of everything")
    arguments.add_argument("--only", choices=("nonsense", "fast", "steady", "published"), help="one part alone")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("asked to end"))  # so that no process is left
    part = 20 if given.quick else 1
    parts: dict[str, Callable[[], dict[str, float]]] = {
        "nonsense": lambda: nonsense(FRAMES // part),
        "fast": lambda: landed(2_000_000 // part, 0, MINUTES * 60),
        "steady": lambda: landed(EVENTS // part, OFFERED * LANDED_PER_SECOND, MINUTES * 60),
        "published": lambda: published(OFFERED * PUBLISHED_PER_SECOND, 2 * INTERVAL / part, INTERVAL / part),
    }
    found = {name: of() for name, of in parts.items() if given.only in (None, name)}
    for name, values in found.items():
        print(f"{name:<10}" + ", ".join(f"{what} {value:,}" for what, value in values.items()))
    figures = {f"{name}_{what}": value for name, values in found.items() for what, value in values.items()}
    trials = {name: values.get("frames", values.get("events", 0)) for name, values in found.items()}
    figures |= {f"n_{key}": trials[key.partition("_")[0]] for key in figures}
    print(json.dumps({"benchmark": "streaming", "figures": figures, "misses": misses(found)}))


def misses(found: dict[str, dict[str, float]]) -> list[str]:
    """The bars not reached, one sentence each."""
    told = []
    if (lost := found.get("nonsense", {}).get("lost", 0)) != 0:
        told.append(f"nonsense: got {lost:,} frames that were not counted; expected none")
    if (missing := found.get("published", {}).get("posts_missing", 0)) != 0:
        told.append(f"published_posts_missing: got {missing:,}; expected none, and none twice")
    least = {"fast": LANDED_PER_SECOND, "steady": LANDED_PER_SECOND, "published": PUBLISHED_PER_SECOND}
    for name, bar in least.items():
        if name in found and found[name]["per_second"] < bar:
            told.append(f"{name}_per_second: got {found[name]['per_second']:,}; expected at least {bar:,.0f}")
    most = (
        ("steady", "p99_seconds", LANDED_SECONDS), ("steady", "peak_mb", MEGABYTES), ("steady", "growth_mb", 50),
        ("published", "latest_seconds", PUBLISHED_SECONDS),
    )  # fmt: skip
    for name, what, top in most:
        if name in found and found[name][what] > top:
            told.append(f"{name}_{what}: got {found[name][what]:g}; expected at most {top:g}")
    return told


if __name__ == "__main__":
    main()
