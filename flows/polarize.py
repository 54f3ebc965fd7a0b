"""The stage that makes polarization of what annotators answered on reply pairs, and tests it round declared events."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from barograph import polarization as polarizing
from barograph import tables
from barograph.annotate import plan, sample
from barograph.answers import reader
from barograph.clock import last_closed_day, utc_now
from barograph.populations import Where
from barograph.privacy import Keyed
from barograph.settings import TOPIC_TASKS, Annotation, Settings, Topic
from barograph.store import Warehouse
from barograph.store.pairs import OLDEST_PARENT_DAYS
from flows import pairs
from flows.stages import Run, populations, stage

_Populations = dict[str, Where]
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
    settings, last = run.settings, last_closed_day(run.moment, run.settings.closing_hours)
    asked = _asked(run, warehouse, last)
    if not asked and not settings.test:
        return
    run.reporter.stage("polarize")
    who = populations(run, warehouse)
    made_of, asked_for = _made_of(run, warehouse, asked, last, who)
    # While days that lost posts wait for the daily batch, an issue of its own would tell what those posts were.
    waits = warehouse.thinning() and warehouse.get("polarized_for") == asked_for
    if warehouse.get("polarized") == made_of or waits:
        return
    limits: dict[str, Any] = {"now": run.moment, "closing_hours": settings.closing_hours}
    known = {table: warehouse.latest(table, run.moment) for table in _ISSUED}
    found = _read_all(run, warehouse, asked, last, who)
    days = _days(run, asked, found, last, who)
    declared = polarizing.declared(
        settings.test, settings.event, settings.topic, warehouse.read(tables.EVENT_TESTS), now=run.moment,
        clock=utc_now(),
    )  # fmt: skip
    tests = polarizing.event_tests(
        declared, found, who, known[tables.EVENT_TESTS], since={one.topic.name: one.since for one in asked},
        minimum_authors=settings.minimum_authors, **limits,
    )  # fmt: skip
    every = {
        tables.POLARIZATION: days, tables.SERIES: polarizing.watched(days, **limits), tables.EVENT_TESTS: tests,
    }  # fmt: skip
    changed = {table: polarizing.changed(frame, known[table], table) for table, frame in every.items()}
    ours = known | {tables.SERIES: known[tables.SERIES].filter(pl.col("marker").is_in(settings.polarized))}
    new = any(frame.height for frame in changed.values())
    if new and run.moment in [frame["issue"].max() for frame in ours.values()]:  # an issue is never rewritten
        run.now = run.moment + timedelta(microseconds=1)
    warehouse.save({table: frame.with_columns(issue=pl.lit(run.moment)) for table, frame in changed.items()})
    warehouse.set(polarized=made_of, polarized_for=asked_for)
    run.annotated += told(days)
    run.count(cells=changed[tables.SERIES].height)


def told(rows: pl.DataFrame) -> list[str]:
    """What came of each topic and population, in a line: rows of `polarization`, as they are now."""
    found = []
    for (topic, population), mine in rows.group_by("topic", "population", maintain_order=True):
        scored, read, abstained = (int(mine[c].sum()) for c in ("n_interactions", "n_interactions", "n_abstained"))
        read += abstained
        if not read:
            continue
        days = mine.filter(pl.col("mean_score").is_not_null()).height
        said = f"polarization:{topic}, {population}: {days} of {mine.height} days have a score; "
        said += f"{scored:,} of {read:,} reply pairs read were scored"
        found.append(said + (f", {abstained:,} had a part that is unclear or no side" if abstained else ""))
    return found


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


def _made_of(run: Run, warehouse: Warehouse, asked: Sequence[_Asked], last: date, who: _Populations) -> tuple[str, str]:
    """A hash of all that polarization is made of: where it is the last one's, there is nothing new to say.

    The second is that of what it is asked for alone, without posts and answers.
    """
    settings = run.settings
    tasks = [annotation.name for one in asked for annotation in one.annotations]
    files = [a.confusion.read_text() for one in asked for a in one.annotations if a.confusion is not None]
    answers = warehouse.answers(tasks)
    came = [
        [(one.topic.name, one.since, one.draws.height) for one in asked], answers.height,
        answers["annotated_at"].max(), answers["status"].value_counts(sort=True).rows(),
        warehouse.posts_between(min((one.since for one in asked), default=last), last),
    ]  # fmt: skip
    asked_for = [
        last, run.as_of,
        *(one.model_dump() for one in (*settings.topic, *settings.test, *settings.event, *settings.annotation)),
        sorted(who.items()), settings.minimum_authors, settings.closing_hours, files,
    ]  # fmt: skip
    whole, part = (
        hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]
        for said in ([*came, *asked_for], asked_for)
    )
    return whole, part


def _read_all(
    run: Run, warehouse: Warehouse, asked: Sequence[_Asked], last: date, who: _Populations
) -> dict[str, polarizing.Interactions]:
    """By topic, what was answered on its pairs."""
    if not asked:
        return {}
    every = pairs.find(run, warehouse, min(one.since for one in asked), last, [one.topic for one in asked])
    found = {}
    for one in asked:
        name, keyed = one.annotations[0].name, Keyed(run.home.key)
        mine = every.filter(pl.col("topic") == one.topic.name, pl.col("time_value") >= one.since)
        where = pairs.sampled(one.annotations[0], who)
        draws = one.draws.unique(["population", "time_value", "stratum"]).with_columns(task=pl.lit(name))
        drawn = sample.drawn(name, mine, draws, where, keyed)["post_id"]
        mine = sample.with_inclusion(name, mine, draws, where)
        mine = mine.with_columns(drawn=pl.col("post_id").is_in(drawn.implode()))
        answers = [chosen(warehouse.answers([annotation.name]), annotation) for annotation in one.annotations]
        confusions = {
            a.task: polarizing.read_confusion(a.confusion, a.task) for a in one.annotations if a.confusion is not None
        }
        found[one.topic.name] = polarizing.interactions(mine, pl.concat(answers), confusions)
    return found


def _days(
    run: Run, asked: Sequence[_Asked], found: dict[str, polarizing.Interactions], last: date, who: _Populations
) -> pl.DataFrame:
    """Rows of `polarization` of the days that can be read anew."""
    rows = [tables.POLARIZATION.empty()]
    for one in asked:
        days = [one.since + timedelta(days=n) for n in range((last - one.since).days + 1)]
        rows.append(
            polarizing.polarization(
                one.topic.name, found[one.topic.name], pairs.sampled(one.annotations[0], who), days, now=run.moment,
                minimum_authors=run.settings.minimum_authors,
            )
        )  # fmt: skip
    return pl.concat(rows)


def chosen(rows: pl.DataFrame, annotation: Annotation) -> pl.DataFrame:
    """Of each post what counts of its rows in `annotations`: a label before none, then the first annotator's, the last.

    Returns `post_id, question, answer, annotator, model, prompt_version, source`; answer is NULL where none labelled
    it. What failed and will be asked again is left out.
    """
    order = {name: i for i, name in enumerate(annotation.annotators)}
    ended = (pl.col("status") != "failed") | (pl.col("failures") >= plan.RUNS)
    ranked = rows.filter(ended, pl.col("annotator").is_in(list(order))).with_columns(
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
        "post_id", pl.lit(annotation.task).alias("question"), "answer", "annotator", "model", "prompt_version",
        reader("annotator", "model", "prompt_version").alias("source"),
    )  # fmt: skip
