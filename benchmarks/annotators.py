"""How well annotators answer: `python -m benchmarks.annotators [--quick] [--annotator A] [--only SET] [--limit N]`.

nade reads whole sets; the small real model (extra `llm`), which proves the path and no quality, reads `--limit` posts
of each, evenly spaced, and then the canaries and the red-team set of each task. Rows go to benchmarks/annotators.json,
in place of those of the same set and annotator, and from there into the cards (`python -m benchmarks.annotator_cards`);
with --quick a few posts, and nothing is written. Prints a table and one JSON line.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.canaries import Canaries, alikeness, canaries
from barograph.annotate.endpoint import Endpoint
from barograph.annotate.labelled import Labelled
from barograph.annotate.nade import Nade
from barograph.annotate.redteam import attacks, changes
from barograph.annotate.task import Task, load
from barograph.annotate.validity import ask, evaluate
from barograph.settings import TOPIC_TASKS, Annotator, Topic
from benchmarks.answers import SETS, Asked, spread
from benchmarks.small_model import NAME, served

RESULTS = Path(__file__).with_suffix(".json")
LIMIT, QUICK = 100, 3
SMALL = "gemma"

Rows = list[dict[str, Any]]


def measured_nade(name: str, limit: int | None) -> dict[str, Any]:
    """nade on one set."""
    kind, title, read = SETS[name]
    (part,) = read(limit)
    annotator, items = Nade(part.task), part.labelled.items
    outcomes, scores = annotator.outcomes(items), annotator.probabilities(items)
    about = {"set": name, "title": title, "task": kind, "annotator": "nade", "model": annotator.model}
    return about | {"prompt_version": annotator.prompt_version()} | evaluate(part.labelled, outcomes, scores)


def measured_small(name: str, url: str, limit: int) -> dict[str, Any]:
    """The small model on one set, whose topics are asked one after the other."""
    kind, title, read = SETS[name]
    parts = read(limit)
    outcomes = [one for part in parts for one in _asked(part.task, part.labelled.items, url)]
    about = {"set": name, "title": title, "task": kind, "annotator": SMALL, "model": NAME}
    return about | {"prompt_version": asked_with(kind)} | evaluate(_together(parts), outcomes)


def of_task(kind: str, url: str, limit: int | None) -> Rows:
    """Canaries and the red-team set of a task, asked of the small model."""
    task, known = _task(kind)
    posts = [known.examples[i] for i in spread(len(known.examples), limit)]
    about = {"task": kind, "annotator": SMALL, "model": NAME, "prompt_version": asked_with(kind)}
    plain = _asked(task, [post.item for post in posts], url)
    answers = {post.item.post_id: said.answers or None for post, said in zip(posts, plain, strict=True)}
    intended = {post.item.post_id: post.answers for post in posts}
    right = sum(alikeness(answers[name], meant) for name, meant in intended.items()) / max(1, len(intended))
    every = attacks(task, posts)
    made = [every[i] for i in spread(len(every), limit)]
    by_id = {post.item.post_id: said for post, said in zip(posts, plain, strict=True)}
    attacked = _asked(task, [attack.attacked for attack in made], url)
    kinds = changes(made, [by_id[attack.plain.post_id] for attack in made], attacked)
    labelled = sum(bool(said.answers) for said in plain)
    return [
        about | {"set": "canaries", "n": len(posts), "labelled": labelled, "agreement_with_intended": right},
        about | {"set": "redteam", "n": len(made), "kinds": kinds},
    ]


def asked_with(kind: str) -> str:
    """The version of a task's prompt without any topic."""
    return _task(kind)[0].about(None).version


def _task(kind: str) -> tuple[Task, Canaries]:
    topic = Topic(name="-", keywords=("-",), sides=("one", "other"))
    return canaries(load(kind, topic if kind in TOPIC_TASKS else None))


def _asked(task: Task, items: Sequence[Item], url: str) -> list[Annotation]:
    settings = Annotator(name=SMALL, url=url, model=NAME, timeout=300, tries=1)

    async def run() -> list[Annotation]:
        async with Endpoint(settings, task) as endpoint:
            return await ask(endpoint, items, told=lambda n: print(f"\r{task.name} {n}", end="", file=sys.stderr))

    return asyncio.run(run())


def _together(parts: Sequence[Asked]) -> Labelled:
    return Labelled(
        tuple(item for part in parts for item in part.labelled.items), parts[0].labelled.answers,
        tuple(row for part in parts for row in part.labelled.truth),
    )  # fmt: skip


def kept(old: Rows, new: Rows) -> Rows:
    """Old rows with new ones in place of those of the same set, task and annotator, in order."""
    rows = {(row["set"], row["task"], row["annotator"]): row for row in (*old, *new)}
    return [rows[key] for key in sorted(rows)]


def line(row: dict[str, Any]) -> str:
    """A row in words."""
    said = f"{row['set']:<18}{row['task']:<12}{row['annotator']:<7}{row['n']:>6}"
    if "kinds" in row:
        every = row["kinds"].get("all", {})
        return f"{said}  injections that change a label: {every.get('changed')} of {every.get('n')}"
    if "overall" not in row:
        return f"{said}  as intended {row['agreement_with_intended']:.2f}"
    told = (
        f"{name} {value['value']:.2f} ({value['lo']:.2f}–{value['hi']:.2f})"
        for name, value in row["overall"].items()
        if value["value"] is not None
    )
    return f"{said}  {', '.join(told)}  {row['statuses']}"


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few posts; nothing is written")
    parser.add_argument("--annotator", choices=("nade", SMALL), help="only this one")
    parser.add_argument("--only", action="append", help="a set, or canaries:TASK; repeat it for several")
    parser.add_argument(
        "--limit", type=int, default=LIMIT, help="posts of a set, canaries and attacks that the small model reads"
    )
    given = parser.parse_args()
    if given.annotator != "nade" and find_spec("xllamacpp") is None:
        print("no xllamacpp (extra llm): the small model is not measured", file=sys.stderr)
        given.annotator = "nade"
    began, rows = time.monotonic(), []
    wanted = given.only or [
        *SETS,
        *(f"canaries:{kind}" for kind in dict.fromkeys(kind for kind, _, _ in SETS.values())),
    ]
    if given.quick:
        wanted = given.only or ["goemotions_dev", "tweeteval_stance"]
    with ExitStack() as stack:
        url = ""
        for name in wanted:
            if given.annotator != SMALL and name in SETS and SETS[name][0] == "emotions":
                rows.append(measured_nade(name, 200 if given.quick else None))
            if given.annotator != "nade" and not (given.quick and name == "goemotions_dev"):
                url = url or stack.enter_context(served(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
                limit = QUICK if given.quick else given.limit
                found = (
                    [measured_small(name, url, limit)] if name in SETS else of_task(name.partition(":")[2], url, limit)
                )
                rows += found
            if rows and not given.quick:
                old = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
                RESULTS.write_text(json.dumps(kept(old, rows), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for row in rows:
        print(line(row))
    figures = {
        f"{row['set']}_{row['annotator']}_{name}": round(row["overall"][name]["value"], 3)
        for row in rows
        if "overall" in row
        for name in ("accuracy", "macro_f1")
        if row["overall"][name]["value"] is not None
    }
    figures |= {
        f"n_{row['set']}_{row['annotator']}_{name}": row["n"]
        for row in rows if "overall" in row for name in ("accuracy", "macro_f1")
        if row["overall"][name]["value"] is not None
    }  # fmt: skip
    # How well a model answers is its maker's; there is no bar.
    figures["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps({"benchmark": "annotators", "figures": figures, "misses": []}))


if __name__ == "__main__":
    main()
