"""Delivery under load and under kill -9.

`python -m benchmarks.delivery [--quick]` prints what it found and ends with one JSON line. 10,000 firing alerts go to
five receivers, one of which answers nothing; then delivery is killed 200 times, at moments drawn with a fixed seed, and
resumed. Receivers are a process of their own on the loopback. They conform to Standard Webhooks: they verify the
signature and accept an id once, so that what comes twice shows as a repeat and not as a second alert.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"of a benchmark, known to all").decode()
_VARIABLE = "BENCHMARK_SECRET"
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_NAMES = ("one", "two", "three", "four")
_DEAD = "dead"
_STATES = ("firing", "resolved")
WITHIN_SECONDS, KILLS = 60.0, 200
"""The bars: the four others have everything so soon, and delivery was killed so often."""


class _Receivers:
    """Four receivers that answer and one that takes connections and says nothing."""

    def __init__(self) -> None:
        self.accepted: dict[str, dict[str, float]] = {name: {} for name in _NAMES}
        self.repeats = 0
        self.order: dict[str, list[str]] = {}

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as come over it."""
        from standardwebhooks import Webhook

        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                name = first.split()[1].strip("/")
                if name == _DEAD:
                    await asyncio.sleep(3600)
                told = Webhook(SECRET).verify(body, headers)
                self._accept(name, headers["webhook-id"], told["data"])
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _accept(self, name: str, notification_id: str, data: dict[str, Any]) -> None:
        if notification_id in self.accepted[name]:
            self.repeats += 1
            return
        self.accepted[name][notification_id] = time.monotonic()
        self.order.setdefault(f"{name}/{data['alert_id']}", []).append(data["state"])


async def _serve(pipe: Connection) -> None:
    receivers = _Receivers()
    server = await asyncio.start_server(receivers.talk, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(pipe.recv) == "count":
        pipe.send(
            {
                "accepted": {name: len(ids) for name, ids in receivers.accepted.items()},
                "last": max((at for ids in receivers.accepted.values() for at in ids.values()), default=0.0),
                "repeats": receivers.repeats,
                "heard": receivers.repeats + sum(map(len, receivers.accepted.values())),
                "out_of_order": sum(states != list(_STATES)[: len(states)] for states in receivers.order.values()),
            }
        )


def _receive(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


def _settings(port: int, names: tuple[str, ...]) -> Any:
    from barograph.settings import Receiver, Settings

    os.environ[_VARIABLE] = SECRET
    address = f"http://127.0.0.1:{port}"
    return Settings(
        receiver=tuple(
            Receiver(name=name, url=f"{address}/{name}", secret_env=_VARIABLE, allow_hosts=("127.0.0.1",))
            for name in names
        )
    )


def _fill(home: Path, alerts: int, names: tuple[str, ...], states: tuple[str, ...]) -> None:
    """Put a notification of every state of every alert to every receiver into the outbox."""
    import polars as pl

    from barograph import tables
    from barograph.alerts.message import Context, notifications
    from barograph.clock import utc_now
    from barograph.home import Home
    from barograph.store import Warehouse

    Home(home).prepare()
    day = utc_now().date() - timedelta(days=2)
    for since, state in enumerate(states):
        at = utc_now() - timedelta(minutes=len(states) - since)
        rows = [
            {"alert_id": f"alert-{i:05}", "fingerprint": f"{i:016x}", "rule": "high for two days", "marker": "anxiety",
             "population": f"place {i:05}", "unit": "authors", "method": "lexicon", "state": state,
             "reason": "2 days in a row above the threshold", "target": day, "value": 0.05, "lo": 0.04, "hi": 0.06,
             "n_posts": 1200, "n_authors": 300, "threshold": 0.03, "percentile": 95.0, "p_high": None, "level": "red",
             "days": 2, "started_on": day, "issue": at}
            for i in range(alerts)
        ]  # fmt: skip
        decided = pl.DataFrame(rows, schema=tables.ALERTS.schema, orient="row")
        due = decided.join(pl.DataFrame({"receiver": names}), how="cross").with_columns(
            group="alert_id", why=pl.lit("new"), times=pl.lit(0)
        )
        told, _, bodies = notifications(due, Context(), now=at, at=at, page="http://localhost:8501/")
        with Warehouse(home / "warehouse.duckdb") as warehouse:
            warehouse.save_new({tables.NOTIFICATIONS: told, tables.OUTBOX: bodies})


def _deliver(home: Path, port: int, names: tuple[str, ...]) -> None:
    """One delivery in a process of its own, which may be killed."""
    from barograph.home import Home
    from flows.deliver import send_due

    send_due(Home(home), _settings(port, names))


def load(context: ForkServerContext, alerts: int) -> dict[str, float]:
    """Seconds until the four others have everything, with a fifth that is dead."""
    with tempfile.TemporaryDirectory() as folder:
        home, names = Path(folder) / "home", (*_NAMES, _DEAD)
        _fill(home, alerts, names, _STATES[:1])
        ours, theirs = context.Pipe()
        server = context.Process(target=_receive, args=(theirs,), daemon=True)
        server.start()
        port, began, runs = ours.recv(), time.monotonic(), 0
        while True:
            runs += 1
            sender = context.Process(target=_deliver, args=(home, port, names))
            sender.start()
            sender.join()
            found = _count(ours)
            if runs == 5 or min(found["accepted"].values()) == alerts:
                break
        server.kill()
    return {
        "alerts": alerts, "seconds": round(found["last"] - began, 1), "runs": runs,
        "least_accepted": min(found["accepted"].values()), "repeats": found["repeats"],
    }  # fmt: skip


def kills(context: ForkServerContext, times: int, alerts: int) -> dict[str, float]:
    """What arrived after so many kills, each while receivers were hearing something, and one run left in peace."""
    chance = random.Random(7)  # noqa: S311 (moments, not secrets)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _fill(home, alerts, _NAMES, _STATES)
        ours, theirs = context.Pipe()
        server = context.Process(target=_receive, args=(theirs,), daemon=True)
        server.start()
        port, killed, found = ours.recv(), 0, _count(ours)
        for _ in range(times):
            before = found["heard"]
            sender = context.Process(target=_deliver, args=(home, port, _NAMES))
            sender.start()
            while sender.is_alive() and _count(ours)["heard"] == before:
                time.sleep(0.01)
            sender.join(chance.uniform(0, 1.1))
            if sender.is_alive() and sender.pid:
                os.kill(sender.pid, signal.SIGKILL)
                killed += 1
            sender.join()
            found = _count(ours)
        under_kills = sum(found["accepted"].values())
        while _left(home):  # a run takes two minutes at most
            _deliver(home, port, _NAMES)
        found = _count(ours)
        server.kill()
    return {
        "kills": killed, "expected": alerts * len(_STATES) * len(_NAMES), "accepted": sum(found["accepted"].values()),
        "accepted_under_kills": under_kills, "repeats": found["repeats"], "out_of_order": found["out_of_order"],
    }  # fmt: skip


def _count(pipe: Connection) -> dict[str, Any]:
    pipe.send("count")
    found: dict[str, Any] = pipe.recv()
    return found


def _left(home: Path) -> int:
    from barograph.store import Warehouse

    with Warehouse(home / "warehouse.duckdb") as warehouse:
        return warehouse.undelivered().height


def main() -> None:
    """Print both, then the JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the alerts and of the kills")
    quick = arguments.parse_args().quick
    # Children begin from a process that has imported everything and used nothing: a kill meets delivery, not imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.deliver", "standardwebhooks", "barograph.alerts"])
    found = {
        "load": load(context, 1_000 if quick else 10_000),
        "kills": kills(context, 20 if quick else KILLS, 1_000 if quick else 10_000),
    }
    for name, values in found.items():
        print(f"{name:<6} " + ", ".join(f"{what} {value:,}" for what, value in values.items()))
    figures: dict[str, float] = {f"{name}_{what}": v for name, values in found.items() for what, v in values.items()}
    trials = {"load": found["load"]["alerts"], "kills": found["kills"]["kills"]}
    figures |= {f"n_{key}": trials[key.partition("_")[0]] for key in figures}
    print(json.dumps({"benchmark": "delivery", "figures": figures, "misses": misses(**found, quick=quick)}))


def misses(load: dict[str, float], kills: dict[str, float], *, quick: bool) -> list[str]:
    """The bars not reached, one sentence each; of fewer alerts the time is no claim."""
    told = []
    if load["least_accepted"] < load["alerts"]:
        told.append(f"load: got {load['least_accepted']:,} at one of the four; expected all {load['alerts']:,}")
    if load["seconds"] > WITHIN_SECONDS and not quick:
        told.append(f"load_seconds: got {load['seconds']:g}; expected at most {WITHIN_SECONDS:g}")
    if kills["accepted"] != kills["expected"]:
        told.append(f"kills: got {kills['accepted']:,} accepted; expected {kills['expected']:,}, each once")
    if kills["out_of_order"]:
        told.append(f"kills_out_of_order: got {kills['out_of_order']:,}; expected none")
    if kills["kills"] < KILLS and not quick:
        told.append(f"kills_kills: got {kills['kills']}; expected {KILLS}, the rest found nothing to deliver")
    return told


if __name__ == "__main__":
    main()
