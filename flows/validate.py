"""`barograph validate`: how well an annotator answers, beside labels by people."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from barograph import settings
from barograph.errors import ConfigError
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption

if TYPE_CHECKING:
    from barograph.annotate.annotation import Annotation, Item
    from barograph.annotate.work import Link

DataOption = Annotated[
    Path,
    Parameter(
        help="CSV, TSV or JSON lines with a header: text, parent where the task reads replies, optionally lang, and "
        "label or a column for each question (of emotions also yes and no). label is the answer; of emotions and "
        "expression what the post expresses, as in anger, or anger|fear or anger,fear (none, neutral or empty: "
        "nothing; what is not named is no), or a JSON object of question and answer."
    ),
]
TaskArgument = Annotated[
    str, Parameter(help="emotions, expression, or stance, affect, agreement with :TOPIC behind it.")
]
AnnotatorOption = Annotated[
    str | None,
    Parameter(
        "--annotator",
        help="Name of an [[annotator]] of the config; for emotions also nade, which needs none; default the first that "
        "the config has for the task.",
    ),
]


def validate(
    task: TaskArgument,
    *,
    data: DataOption,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    annotator: AnnotatorOption = None,
    limit: Annotated[int | None, Parameter(help="Posts asked, evenly spaced; default all.")] = None,
    out: Annotated[Path | None, Parameter(help="JSON file that gets the figures, confusion counts included.")] = None,
    as_json: Annotated[bool, Parameter("--json", negative="")] = False,
) -> None:
    """Ask an annotator for posts that people have labelled, and say how well it answers.

    Accuracy, macro-F1 and Krippendorff's alpha are of posts that both answered clearly; abstained says how many were
    not. Intervals are 95 %, by bootstrap over posts. Posts are sent to the annotator's endpoint; nothing is kept.
    """
    from barograph.annotate.labelled import read_labelled
    from barograph.annotate.validity import evaluate
    from flows.annotators import annotator_of, link, task_of

    at_least_one(limit)
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out: got {out}; expected a file in a folder that is there")
    loaded = settings.load(settings.find_config(config, home))
    asked = task_of(loaded, task)
    asking = link(annotator_of(loaded, asked, annotator), asked)
    labelled = read_labelled(data, asked, limit)
    outcomes = answers(asking, labelled.items)
    who = asking.annotator
    scores = who.probabilities(labelled.items) if hasattr(who, "probabilities") else None
    about = {"task": asked.name, "annotator": who.name, "model": who.model, "prompt_version": who.prompt_version()}
    figures = about | evaluate(labelled, outcomes, scores)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2, ensure_ascii=False) if as_json else told(data, figures))


def at_least_one(limit: int | None) -> None:
    """Raises `ConfigError` for a limit that lets no post through."""
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit: got {limit}; expected at least 1")


def answers(link: "Link", items: "Sequence[Item]", told: Callable[[int], None] | None = None) -> "list[Annotation]":
    """The annotator's outcomes for the items, in order; where a person watches, how many are done is shown."""
    from barograph.annotate.validity import ask
    from flows.annotators import opened

    def show(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of {len(items):,}", end="" if done < len(items) else "\n", file=sys.stderr)

    async def run() -> "list[Annotation]":
        async with opened([link]):
            return await ask(link.annotator, items, link.in_flight, told or show)

    return asyncio.run(run())


def told(data: Path, figures: dict[str, Any]) -> str:
    """The figures as a table."""
    statuses = ", ".join(f"{n:,} {status}" for status, n in figures["statuses"].items())
    lines = [
        f"{data}: {figures['n']:,} posts, task {figures['task']}, by {figures['annotator']} ({figures['model']}), "
        f"prompt {figures['prompt_version']}",
        statuses,
        "",
        f"{'question':<22}{'n':>7}{'abstained':>11}{'accuracy':>20}{'macro-F1':>20}{'alpha':>20}",
        *(_row(name, row) for name, row in figures["questions"].items()),
    ]
    if len(figures["questions"]) > 1:
        lines.append(_row("mean", {"n": figures["n"], "abstained": None, **figures["overall"]}))
    for lang, part in figures.get("languages", {}).items():
        lines += ["", f"{lang}: {part['n']:,} posts", *(_row(name, row) for name, row in part["questions"].items())]
    for name, row in figures["questions"].items():
        said = ", ".join(f"{a} {v['share']:.2f} of {v['n']}" for a, v in row["stated"].items() if v["n"])
        lines += [f"{name}: truly expressed where it answered {said}"] if said else []
        if "brier" in row:
            lines.append(
                f"{name}: its probabilities have Brier score {row['brier']['value']:.3f} (the base rate alone "
                f"{row['brier_of_base_rate']:.3f}), error of calibration {row['calibration_error']:.3f}"
            )
    return "\n".join(lines)


def _row(name: str, row: dict[str, Any]) -> str:
    abstained = "" if row["abstained"] is None else f"{row['abstained']:.1%}"
    told = "".join(f"{_figure(row[figure]):>20}" for figure in ("accuracy", "macro_f1", "alpha"))
    return f"{name:<22}{row['n']:>7,}{abstained:>11}{told}"


def _figure(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} ({figure['lo']:.2f}–{figure['hi']:.2f})"
