"""Texts of known answers, asked of each annotator on a schedule: whether it still answers as it first did."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from barograph.annotate import plan
from barograph.annotate.canaries import Answers, Canaries, accuracy, agreement, canaries
from barograph.annotate.task import Task
from barograph.annotate.work import Health, Job, Link
from barograph.privacy import Keyed
from barograph.settings import Annotation
from barograph.settings import Annotator as AnnotatorSettings
from barograph.store import Warehouse
from barograph.tables import CANARIES
from flows.annotators import link
from flows.stages import Run


@dataclass
class Watched:
    """One annotator of one annotation whose canaries are due. jobs: those without an answer of this day.

    reads: the prompt_version that posts are read with; where canaries are about a topic of their own theirs is another.
    """

    annotation: Annotation
    link: Link
    canaries: Canaries
    reads: str
    day: date
    jobs: list[Job] = field(default_factory=list)

    @property
    def who(self) -> tuple[str, str, str, str]:
        """Task, annotator, model, prompt_version of the canaries."""
        one = self.link.annotator
        return self.annotation.name, one.name, one.model, one.prompt_version()


def due(
    run: Run, warehouse: Warehouse, annotation: Annotation, asked: Task, annotators: Mapping[str, AnnotatorSettings],
    at: datetime, health: Mapping[str, Health],
) -> list[Watched]:  # fmt: skip
    """Annotators whose canaries were never asked in this form, or last `canary_days` before `now`. at: by the clock.

    Answers are kept in `annotations`, as of posts named after canary and day of the clock, outside of any sample. What
    a budget left of them is asked as of the day that they were begun on.
    """
    if not annotation.canary_days:
        return []
    of_canaries, found = canaries(asked)
    keyed, told, watched = Keyed(run.home.key), warehouse.latest(CANARIES, run.moment), []
    for name in annotation.annotators:
        reads = link(annotators[name], asked).annotator.prompt_version()
        one = Watched(annotation, link(annotators[name], of_canaries, health[name]), found, reads, at.date())
        task, annotator, model, _ = one.who
        last = told.filter(task=task, annotator=annotator, model=model, prompt_version=reads)["issue"].max()
        if isinstance(last, datetime) and last > run.moment - timedelta(days=annotation.canary_days):
            continue
        known = warehouse.canary_answers(*one.who)
        one.day = _begun(known, len(found.examples), at.date() - timedelta(days=annotation.canary_days)) or one.day
        by_name = {_named(example.item.post_id, one.day): example.item for example in found.examples}
        todo, _ = plan.split(pl.DataFrame({"post_id": list(by_name)}), _standing(known, list(by_name)), at)
        for post_id, failures in todo.iter_rows():
            item = by_name[post_id]
            read = keyed.hash(f"{item.text}\x1f{item.parent or ''}")
            one.jobs.append(Job(item, read, ((post_id, 0.0),), 0, failures))
        watched.append(one)
    return watched


def compare(run: Run, warehouse: Warehouse, watched: list[Watched]) -> list[str]:
    """Keep in `canaries` how far each agrees with its first answers. Returns who drifts, in words.

    One whose canaries were not all answered, or refused, has no row: the next run asks on.
    """
    rows, drifting = [], []
    for one in watched:
        task, annotator, model, _ = one.who
        first, now = _first_and_last(warehouse.canary_answers(*one.who))
        if len(now) < len(one.canaries.examples):
            continue
        same, right = agreement(now, first), accuracy(now, one.canaries.intended)
        bound = one.annotation.canary_agreement
        drifts = same is not None and same < bound
        rows.append({
            "annotator": annotator, "task": task, "model": model, "prompt_version": one.reads, "n": len(now),
            "agreement": same, "accuracy": right, "bound": bound, "drifting": drifts, "issue": run.moment,
        })  # fmt: skip
        if drifts:
            drifting.append(f"{task}: {annotator} drifts: it answers {same:.0%} as it first did, bound {bound:.0%}")
    warehouse.save({CANARIES: pl.DataFrame(rows, schema=CANARIES.schema, orient="row")})
    return drifting


def _standing(known: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """What is known of a round. What failed does not wait, and counts only once anything was answered.

    So a round that an endpoint was down for is the next run's, whenever that is.
    """
    rows = known.filter(pl.col("post_id").is_in(names))
    down = (rows["status"] == "failed").all()
    return rows.clear() if down else rows.with_columns(annotated_at=pl.lit(datetime(1970, 1, 1)))


def _begun(rows: pl.DataFrame, n: int, since: date) -> date | None:
    """The last day that canaries were asked on, where that was after `since` and not all `n` of them have an end."""
    days = [date.fromisoformat(name.partition("@")[2]) for name in rows["post_id"]]
    last = max(days, default=since)
    return last if last > since and len(_first_and_last(rows)[1]) < n else None


def _first_and_last(rows: pl.DataFrame) -> tuple[dict[str, Answers], dict[str, Answers | None]]:
    """Canary → its first answers that there are; and of the last day, None where there are none.

    What failed and is still to be asked is not there.
    """
    rows = rows.with_columns(pl.col("post_id").str.split_exact("@", 1).struct.rename_fields(["canary", "day"])).unnest(
        "post_id"
    )
    newest = rows["day"].max()
    rows = rows.filter((pl.col("status") != "failed") | (pl.col("failures") >= plan.RUNS))
    first: dict[str, Answers] = {}
    last: dict[str, Answers | None] = {}
    for name, day, label in rows.sort("day").select("canary", "day", "label").iter_rows():
        answers = json.loads(label) if label else None
        if answers is not None:
            first.setdefault(name, answers)
        if day == newest:
            last[name] = answers
    return first, last


def _named(item: str, day: date) -> str:
    return f"{item}@{day}"
