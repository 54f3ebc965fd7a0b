"""The stage that makes polarization of what annotators answered on reply pairs, and tests it round declared events."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from barograph import polarization as polarizing
from barograph import tables
from barograph.annotate import sample
from barograph.clock import utc_now
from barograph.privacy import Keyed
from barograph.settings import TOPIC_TASKS, Annotation, Settings, Topic
from barograph.store import Warehouse
from barograph.store.pairs import OLDEST_PARENT_DAYS
from flows import pairs
from flows.stages import Run, populations, stage

_ISSUED = (tables.POLARIZATION, tables.SERIES, tables.EVENT_TESTS)


class _Asked(NamedTuple):
    """A topic all of whose tasks annotators are asked, and the days that can be read anew."""

    topic: Topic
    annotations: tuple[Annotation, ...]
    draws: pl.DataFrame
    since: date


@stage
def polarize(run: Run, warehouse: Warehouse) -> None:
    """Issue the polarization of each day that changed, and what declared tests say; nothing where there are none."""
    settings, last = run.settings, pairs.last_closed_day(run)
    asked = _asked(run, warehouse, last)
    if not asked and not settings.test:
        return
    run.reporter.stage("polarize")
    made_of = _made_of(run, warehouse, asked, last)
    if warehouse.get("polarized") == made_of:
        return
    who = populations(run, warehouse)
    found, rows = {}, [tables.POLARIZATION.empty()]
    pairs_ = (
        pairs.find(run, warehouse, min(one.since for one in asked), last, [one.topic for one in asked])
        if asked
        else None
    )
    for one in asked:
        assert pairs_ is not None
        where = pairs.sampled(run, warehouse, one.annotations[0])
        mine = pairs_.filter(pl.col("topic") == one.topic.name, pl.col("time_value") >= one.since)
        found[one.topic.name] = _read(run, warehouse, one, mine, where)
        days = [one.since + timedelta(days=n) for n in range((last - one.since).days + 1)]
        rows.append(
            polarizing.polarization(
                one.topic.name, found[one.topic.name], where, days, now=run.moment,
                minimum_authors=settings.minimum_authors,
            )
        )  # fmt: skip
    new = pl.concat(rows)
    limits: dict[str, Any] = {"now": run.moment, "closing_hours": settings.closing_hours}
    known = {table: warehouse.latest(table, run.moment) for table in _ISSUED}
    declared = polarizing.declared(
        settings.test,
        settings.event,
        settings.topic,
        warehouse.read(tables.EVENT_TESTS),
        now=run.moment,
        clock=utc_now(),
    )
    tests = polarizing.event_tests(
        declared, found, who, known[tables.EVENT_TESTS], since={one.topic.name: one.since for one in asked},
        minimum_authors=settings.minimum_authors, **limits,
    )  # fmt: skip
    every = {
        tables.POLARIZATION: new, tables.SERIES: polarizing.watched(new, **limits), tables.EVENT_TESTS: tests,
    }  # fmt: skip
    changed = {table: polarizing.changed(frame, known[table], table) for table, frame in every.items()}
    mine_known = known[tables.SERIES].filter(pl.col("marker").str.starts_with("polarization:"))
    issues = [frame["issue"].max() for frame in (known[tables.POLARIZATION], known[tables.EVENT_TESTS], mine_known)]
    if any(frame.height for frame in changed.values()) and run.moment in issues:  # an issue is never rewritten
        run.now = run.moment + timedelta(microseconds=1)
    warehouse.save({table: frame.with_columns(issue=pl.lit(run.moment)) for table, frame in changed.items()})
    warehouse.set(polarized=made_of)
    run.count(cells=changed[tables.SERIES].height)


def check_topics(settings: Settings) -> None:
    """Raise `ConfigError` where a keyword can occur in no post, or a confusion matrix is none."""
    if settings.topic:
        pairs.keywords(settings.topic)
    for annotation in settings.annotation:
        if annotation.topic and annotation.confusion is not None:
            polarizing.read_confusion(annotation.confusion, annotation.task)


def _asked(run: Run, warehouse: Warehouse, last: date) -> list[_Asked]:
    """Topics with all three tasks, of which a day has been drawn whose texts are all kept."""
    found = []
    gone = warehouse.last_day_without_text()
    for topic in run.settings.topic:
        mine = tuple(a for a in run.settings.annotation if a.topic == topic.name)
        draws = pairs.draws_of(warehouse, topic.name)
        if {a.task for a in mine} != set(TOPIC_TASKS) or draws.is_empty():
            continue
        first = draws["time_value"].min()
        assert isinstance(first, date)
        kept = gone + timedelta(days=1 + OLDEST_PARENT_DAYS) if gone else first
        if (since := max(first, kept)) <= last:
            found.append(_Asked(topic, mine, draws, since))
    return found


def _made_of(run: Run, warehouse: Warehouse, asked: Sequence[_Asked], last: date) -> str:
    """A hash of all that polarization is made of: where it is the last one's, there is nothing new to say."""
    settings = run.settings
    tasks = [annotation.name for one in asked for annotation in one.annotations]
    files = [a.confusion.read_text() for one in asked for a in one.annotations if a.confusion is not None]
    answers = warehouse.answers(tasks)
    said = [
        last, run.as_of, [(one.topic.name, one.since, one.draws.height) for one in asked], answers.height,
        answers["annotated_at"].max(), answers["status"].value_counts(sort=True).rows(),
        warehouse.posts_between(min((one.since for one in asked), default=last), last),
        *(one.model_dump() for one in (*settings.topic, *settings.test, *settings.event, *settings.annotation)),
        sorted(populations(run, warehouse).items()), settings.minimum_authors, settings.closing_hours, files,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]


def _read(
    run: Run, warehouse: Warehouse, one: _Asked, found: pl.DataFrame, where: dict[str, sample.Where]
) -> polarizing.Interactions:
    """What was answered on the pairs of a topic."""
    name, keyed = one.annotations[0].name, Keyed(run.home.key)
    draws = one.draws.unique(["population", "time_value", "stratum"]).with_columns(task=pl.lit(name))
    every = sample.with_inclusion(name, found, draws, where)
    drawn = sample.drawn(name, found, draws, where, keyed)["post_id"]
    every = every.with_columns(drawn=pl.col("post_id").is_in(drawn.implode()))
    answers = [chosen(warehouse.answers([annotation.name]), annotation) for annotation in one.annotations]
    confusions = {
        a.task: polarizing.read_confusion(a.confusion, a.task) for a in one.annotations if a.confusion is not None
    }
    return polarizing.interactions(every, pl.concat(answers), confusions)


def chosen(rows: pl.DataFrame, annotation: Annotation) -> pl.DataFrame:
    """Of each post what counts of its rows in `annotations`: a label before none, then the first annotator's, the last.

    Returns `post_id, question, answer, annotator, prompt_version, source`; answer is NULL where none labelled it. What
    failed may yet be answered: it is left out.
    """
    order = {name: i for i, name in enumerate(annotation.annotators)}
    ranked = rows.filter(pl.col("status") != "failed", pl.col("annotator").is_in(list(order))).with_columns(
        answer=pl.col("label").str.json_path_match(f"$.{annotation.task}"),
        place=pl.col("annotator").replace_strict(order, return_dtype=pl.Int64, default=None),
    )
    best = ranked.sort(
        pl.col("answer").is_null(),
        "place",
        pl.col("annotated_at"),
        "prompt_version",
        descending=[False, False, True, False],
    ).unique("post_id", keep="first", maintain_order=True)
    return best.select(
        "post_id", pl.lit(annotation.task).alias("question"), "answer", "annotator", "prompt_version",
        pl.col("annotator").alias("source"),
    )  # fmt: skip
