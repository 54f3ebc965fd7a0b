"""Annotators at work: labels a second and what each costs beside the SDK alone, memory, the cache, and kill -9.

`python -m benchmarks.annotate [--quick]` prints what it found and ends with one JSON line. The endpoint is a process of
its own on the loopback that answers each request after 50 ms; 32 are in flight. The prompt is the real one of the task
`emotions`. The SDK alone asks the same prompts the same way round, once as its documentation shows it (`create`) and
once as it is used here (`post`, which reads no answer into objects); rounds of all three alternate.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

IN_FLIGHT = 32
SECONDS = 0.05
LABELS_PER_SECOND, CPU_MS, FLAT_MIB, KILLS = 250, 1.0, 20.0, 20
"""The bars: so many labels a second, so little of a core beyond the SDK's own, so little memory more, so many kills."""
MODEL = "benchmark-model"
_MARK = b"number-"
"""What stands before the number of a post in its text, and nowhere in the prompt."""
_NOW = datetime(2024, 3, 11, 12)

Ask = Callable[[int], Awaitable[object]]


# the endpoint ---------------------------------------------------------------------------------------------


def _answer() -> bytes:
    from barograph.annotate import task

    answers = dict.fromkeys(task.load("emotions").questions, "none") | {"joy": "weak"}
    said = {"explanation": "The post says how glad its writer is.", "answers": answers, "cues": []}
    body = json.dumps({
        "id": "x", "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(said)}}
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990},
    }).encode()  # fmt: skip
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def _serve(pipe: Connection, seconds: float) -> None:
    answer, heard = _answer(), list[str]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                body = await reader.readexactly(int(length))
                heard.append(body[body.rindex(_MARK) + len(_MARK) :].partition(b".")[0].decode())
                await asyncio.sleep(seconds)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=512)
    pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    while await asyncio.to_thread(pipe.recv):
        pipe.send(heard[:])


def _endpoint(pipe: Connection, seconds: float) -> None:
    asyncio.run(_serve(pipe, seconds))


class Server:
    """The endpoint, in a process of its own."""

    def __init__(self, context: ForkServerContext, seconds: float = SECONDS) -> None:
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_endpoint, args=(theirs, seconds), daemon=True)
        self._process.start()
        self.url: str = self._pipe.recv()

    def heard(self) -> list[str]:
        """Numbers of the posts that it was asked about, in order."""
        self._pipe.send(True)
        found: list[str] = self._pipe.recv()
        return found

    def end(self) -> None:
        """Kill it."""
        self._process.kill()


# speed ----------------------------------------------------------------------------------------------------


def _items(first: int, n: int) -> Any:
    from barograph.annotate.annotation import Item

    words = "I had not thought that today would go so well, and now I sit here and cannot stop smiling"
    return [Item(f"b:{i}", f"{_MARK.decode()}{i}. {words}", "en") for i in range(first, first + n)]


async def _measured(n: int, ask: Ask) -> tuple[float, float]:
    """Labels a second and milliseconds of CPU for each, `ask` being asked 0 … n − 1, 32 at once."""
    coming = iter(range(n))

    async def work() -> None:
        for i in coming:
            await ask(i)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return n / (time.perf_counter() - began), 1000 * (time.process_time() - cpu) / n


def _link(url: str, prompt: Any) -> Any:
    from barograph.annotate.endpoint import Endpoint
    from barograph.annotate.work import Link
    from barograph.settings import Annotator

    settings = Annotator(name="desk", url=url, model=MODEL, in_flight=IN_FLIGHT, price_in=0.15, price_out=0.6)
    return Link(Endpoint(settings, prompt), IN_FLIGHT, 0.15, 0.6)


async def _alone(url: str, n: int, how: str) -> tuple[float, float]:
    import openai

    from barograph.annotate import task

    prompt = task.load("emotions")
    asked: list[Any] = [prompt.messages(item) for item in _items(0, n)]
    form: Any = {"type": "json_schema", "json_schema": {"name": "emotions", "strict": True, "schema": prompt.schema}}
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def create(i: int) -> None:
            said = await client.chat.completions.create(
                model=MODEL, messages=asked[i], temperature=0, response_format=form
            )
            assert said.choices[0].message.content

        async def post(i: int) -> None:
            body = {"model": MODEL, "messages": asked[i], "temperature": 0, "response_format": form}
            assert await client.post("/chat/completions", cast_to=bytes, body=body)

        return await _measured(n, create if how == "create" else post)


async def _ours(url: str, n: int, folder: Path) -> tuple[float, float]:
    from barograph.annotate import task
    from barograph.annotate.landing import Landing
    from barograph.annotate.work import Budget, Job, ask

    link = _link(url, task.load("emotions"))
    jobs = (Job(item, item.post_id, ((item.post_id, 0.5),)) for item in _items(0, n))
    async with Landing(folder) as landing, link.annotator:
        began, cpu = time.perf_counter(), time.process_time()
        tally = await ask("emotions", jobs, [link], landing.keep, Budget(tokens=10**12))
        took, spent = time.perf_counter() - began, time.process_time() - cpu
    assert tally.outcomes == {("desk", "ok"): n}
    return n / took, 1000 * spent / n


def speed(context: ForkServerContext, n: int, rounds: int) -> dict[str, float]:
    """Medians over the rounds."""
    server, found = Server(context), dict[str, list[tuple[float, float]]]()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_ours(server.url, IN_FLIGHT, Path(folder) / "warm"))
        asyncio.run(_alone(server.url, IN_FLIGHT, "create"))
        for round_ in range(rounds):
            for how in ("create", "post"):
                found.setdefault(how, []).append(asyncio.run(_alone(server.url, n, how)))
            found.setdefault("ours", []).append(asyncio.run(_ours(server.url, n, Path(folder) / f"{round_}")))
    server.end()
    rate = {how: statistics.median(r for r, _ in each) for how, each in found.items()}
    cpu = {how: statistics.median(c for _, c in each) for how, each in found.items()}
    return {
        "labels": n * rounds, "labels_per_s": round(rate["ours"]), "sdk_create_per_s": round(rate["create"]),
        "sdk_post_per_s": round(rate["post"]), "cpu_ms": round(cpu["ours"], 2),
        "sdk_create_cpu_ms": round(cpu["create"], 2), "sdk_post_cpu_ms": round(cpu["post"], 2),
        "cpu_ms_beyond_create": round(cpu["ours"] - cpu["create"], 2),
        "cpu_ms_beyond_post": round(cpu["ours"] - cpu["post"], 2),
    }  # fmt: skip


# memory ---------------------------------------------------------------------------------------------------


def _rss() -> float:
    """Resident memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _remember(pipe: Connection, url: str, n: int, folder: Path) -> None:
    """Label n posts and have the warehouse take them in; send resident memory at every tenth."""
    from barograph.annotate import task
    from barograph.annotate.landing import Landing, files
    from barograph.annotate.work import Budget, ask
    from barograph.home import Home
    from barograph.store import Warehouse
    from flows.taken import take_in

    home, seen, done = Home(folder), list[float](), 0
    home.prepare()
    link, jobs = _link(url, task.load("emotions")), _jobs(n)

    def count() -> None:
        nonlocal done
        done += 1
        if done % (n // 10) == 0:
            seen.append(_rss())

    async def all_() -> None:
        async with Landing(home.annotations) as landing, link.annotator:
            await ask("emotions", jobs, [link], landing.keep, Budget(), done=count)

    asyncio.run(all_())
    landed = sum(path.stat().st_size for path in files(home.annotations)) / 2**20
    with Warehouse(home.warehouse) as warehouse:
        take_in(home, warehouse)
        seen.append(_rss())
        there = len(warehouse.standing("emotions", "desk", MODEL, link.annotator.prompt_version()))
    pipe.send((seen, landed, there))


def _jobs(n: int) -> Any:
    from barograph.annotate.work import Job

    for start in range(0, n, 1000):
        for item in _items(start, min(1000, n - start)):
            yield Job(item, item.post_id, ((item.post_id, 0.5),))


def memory(context: ForkServerContext, n: int) -> dict[str, float]:
    """MiB by which resident memory grows from a tenth of the labels to all, and where the warehouse takes them in."""
    server = Server(context, 0.0)
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_remember, args=(theirs, server.url, n, Path(folder)))
        process.start()
        seen, landed, there = ours.recv()
        process.join()
    server.end()
    return {
        "labels": n, "in_warehouse": there, "mib_at_a_tenth": round(seen[0]),
        "mib_grown": round(max(seen[:-1]) - seen[0], 1),
        "mib_grown_taken_in": round(seen[-1] - seen[0], 1), "mib_landed": round(landed, 1),
    }  # fmt: skip


# the cache, and kill -9 -----------------------------------------------------------------------------------


def _fill(home: Path, n: int, name: str) -> None:
    """A warehouse of n posts of five closed days; of two names the texts are the same."""
    import polars as pl

    from barograph import tables
    from barograph.home import Home
    from barograph.privacy import Keyed
    from barograph.store import Warehouse

    place = Home(home)
    place.prepare()
    keyed, items = Keyed(place.key), _items(0, n)
    rows = [
        {"post_id": f"{name}:{i}", "source": name, "lang": "en", "author_key": f"{i % 97}", "text": item.text,
         "text_hash": keyed.hash(item.text), "created_at": _NOW - timedelta(days=2 + i % 5), "line": i}
        for i, item in enumerate(items)
    ]  # fmt: skip
    schema = {**{k: v for k, v in tables.POSTS.schema.items() if k != "segment"}, "line": pl.Int64}
    with Warehouse(place.warehouse) as warehouse:
        warehouse.land(name, pl.DataFrame(rows, schema=schema), tables.QUARANTINE.empty(), _NOW)


def _label(home: Path, url: str) -> None:
    """The stage once, in a process of its own, which may be killed."""
    from barograph.home import Home
    from barograph.settings import Annotation, Annotator, Settings
    from flows.annotate import label
    from flows.progress import Reporter
    from flows.stages import Run

    settings = Settings(
        annotator=(Annotator(name="desk", url=url, model=MODEL, in_flight=IN_FLIGHT),),
        annotation=(Annotation(task="emotions", annotators=("desk",), posts=100_000, canary_days=0),),
    )
    run = Run(Home(home), settings, (), Reporter(silent=True), now=_NOW)
    label(run)


def _landed(home: Path) -> set[str]:
    """Numbers of the posts whose label is on the disk: in the warehouse or landed."""
    from barograph.annotate.landing import pending
    from barograph.home import Home
    from barograph.store import Warehouse
    from barograph.tables import ANNOTATIONS

    place = Home(home)
    with Warehouse(place.warehouse) as warehouse:
        there = set(warehouse.read(ANNOTATIONS)["post_id"])
    there.update(*(rows["post_id"] for _, rows in pending(place.annotations)))
    return {name.partition(":")[2] for name in there}


def kills(context: ForkServerContext, times: int, posts: int) -> dict[str, float]:
    """After so many kills at moments drawn with a fixed seed and one run in peace; then the same texts once more."""
    chance, server = random.Random(7), Server(context)  # noqa: S311 (moments, not secrets)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _fill(home, posts, "a")
        killed, again, most = 0, 0, 0
        for _ in range(2 * times):
            if killed == times:
                break
            landed, before = _landed(home), len(server.heard())
            worker = context.Process(target=_label, args=(home, server.url))
            worker.start()
            while worker.is_alive() and len(server.heard()) == before:
                time.sleep(0.01)
            worker.join(chance.uniform(0, 0.003 * posts / times))
            if worker.is_alive() and worker.pid:
                os.kill(worker.pid, signal.SIGKILL)
                killed += 1
            worker.join()
            time.sleep(2 * SECONDS)  # what was sent is heard
            asked = server.heard()[before:]
            again += sum(number in landed for number in asked)
            most = max(most, len(set(asked) - _landed(home)))
        under_kills = len(_landed(home))
        _run(context, home, server.url)
        heard = Counter(server.heard())
        labelled = len(_landed(home))
        _fill(home, posts, "b")
        _run(context, home, server.url)
        hits = len(server.heard()) - sum(heard.values())
        copied = len(_both(home)) - labelled
    server.end()
    return {
        "kills": killed, "posts": posts, "labelled": labelled, "labelled_under_kills": under_kills,
        "landed_asked_again": again, "repeated": sum(heard.values()) - len(heard), "most_lost_by_a_kill": most,
        "in_flight": IN_FLIGHT, "taken_over": copied, "requests_for_taken_over": hits,
    }  # fmt: skip


def _run(context: ForkServerContext, home: Path, url: str) -> None:
    worker = context.Process(target=_label, args=(home, url))
    worker.start()
    worker.join()


def _both(home: Path) -> list[str]:
    from barograph.home import Home
    from barograph.store import Warehouse
    from barograph.tables import ANNOTATIONS

    with Warehouse(Home(home).warehouse) as warehouse:
        return warehouse.read(ANNOTATIONS)["post_id"].to_list()


def main() -> None:
    """Print all, then the JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer labels, rounds and kills")
    quick = arguments.parse_args().quick
    # Children begin from a process that has imported everything and used nothing: a kill meets labelling, not imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.annotate", "openai", "aiolimiter", "barograph.annotate.task"])
    found = {
        "speed": speed(context, 600 if quick else 3000, 1 if quick else 3),
        "memory": memory(context, 2_000 if quick else 50_000),
        "kills": kills(context, 3 if quick else KILLS, 600 if quick else 8_000),
    }
    for name, values in found.items():
        print(f"{name:<7} " + ", ".join(f"{what} {value:,}" for what, value in values.items()))
    figures: dict[str, float] = {f"{name}_{what}": v for name, values in found.items() for what, v in values.items()}
    trials = {"speed": found["speed"]["labels"], "memory": found["memory"]["labels"], "kills": found["kills"]["kills"]}
    figures |= {f"n_{key}": trials[key.partition("_")[0]] for key in figures}
    print(json.dumps({"benchmark": "annotate", "figures": figures, "misses": misses(**found, quick=quick)}))


def misses(speed: dict[str, float], memory: dict[str, float], kills: dict[str, float], *, quick: bool) -> list[str]:
    """The bars not reached, one sentence each; a quick run claims nothing of speed."""
    told = []
    if speed["labels_per_s"] < LABELS_PER_SECOND and not quick:
        told.append(f"speed_labels_per_s: got {speed['labels_per_s']}; expected at least {LABELS_PER_SECOND}")
    if speed["cpu_ms_beyond_post"] > CPU_MS and not quick:
        told.append(f"speed_cpu_ms_beyond_post: got {speed['cpu_ms_beyond_post']}; expected at most {CPU_MS:g}")
    if memory["mib_grown"] > FLAT_MIB:
        told.append(f"memory_mib_grown: got {memory['mib_grown']}; expected at most {FLAT_MIB:g}")
    if kills["landed_asked_again"]:
        told.append(f"kills_landed_asked_again: got {kills['landed_asked_again']}; expected none")
    if kills["most_lost_by_a_kill"] > IN_FLIGHT:
        told.append(f"kills_most_lost_by_a_kill: got {kills['most_lost_by_a_kill']}; expected at most {IN_FLIGHT}")
    if kills["requests_for_taken_over"]:
        told.append(f"kills_requests_for_taken_over: got {kills['requests_for_taken_over']}; expected none")
    if kills["kills"] < KILLS and not quick:
        told.append(f"kills_kills: got {kills['kills']}; expected {KILLS}, the rest found nothing to ask")
    return told


if __name__ == "__main__":
    main()
