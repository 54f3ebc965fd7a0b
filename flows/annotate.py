"""The stage that has a sample of posts labelled: draw, close the warehouse, ask, and take in what landed.

Killed anywhere, the next run takes in what landed first, and asks only for what did not.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from barograph.annotate import landing, plan, sample
from barograph.annotate.work import Budget, Health, Link, Tally, ask
from barograph.clock import last_closed_day, utc_now
from barograph.errors import ConfigError
from barograph.populations import Where, inside
from barograph.privacy import Keyed
from barograph.settings import Annotation
from barograph.store import Warehouse
from barograph.tables import DRAWS
from flows import canaries, pairs, standing
from flows.annotators import link, opened, task_of
from flows.stages import Run, populations, stage
from flows.taken import take_in

_TOLD_EVERY = 20
"""Texts after which the bar moves."""


@stage
def annotate(run: Run) -> None:
    """Have what the analyst's annotations ask for labelled, as far as budgets go."""
    label(run)


@dataclass
class _Work:
    """One annotation's part of a run."""

    annotation: Annotation
    chain: list[Link]
    jobs: pl.DataFrame
    budget: Budget
    watched: list[canaries.Watched]
    taken: int = 0
    """Posts whose text already had a label."""


def label(run: Run, only: str | None = None, limit: int | None = None) -> None:
    """The same, as a function. only: this task alone, as in `annotations`; limit: at most so many texts of each.

    The warehouse must not be open: it is opened to draw and to take in, and closed while asking.
    """
    chosen = [one for one in run.settings.annotation if only in (None, one.name)]
    if only is not None and not chosen:
        known = ", ".join(one.name for one in run.settings.annotation) or "none is"
        raise ConfigError(f"--task: got {only!r}; expected one that is configured: {known}")
    if not chosen and not landing.files(run.home.annotations):  # what landed is taken in, whoever is asked by now
        return
    run.reporter.stage("annotate")
    health: Mapping[str, Health] = defaultdict(Health)
    with Warehouse(run.home.warehouse) as warehouse:
        before = run.answers_left + take_in(run.home, warehouse)
        works = [_prepared(run, warehouse, one, limit, health) for one in chosen]
        standing.note(run.home, warehouse)
    watched, tallies, drifting = [one for work in works for one in work.watched], [Tally() for _ in works], []
    if watched or any(work.jobs.height for work in works):
        asyncio.run(_ask(run, works, tallies))
        with Warehouse(run.home.warehouse) as warehouse:
            take_in(run.home, warehouse)
            drifting = canaries.compare(run, warehouse, watched)
            standing.note(run.home, warehouse)
    for work, tally in zip(works, tallies, strict=True):
        run.annotated.append(told(work.annotation, tally, work.taken, before[work.annotation.name], work.budget.told))
    run.annotated += drifting


# what to ask ----------------------------------------------------------------------------------------------


def closed_days(now: datetime, days: int, closing_hours: float) -> list[date]:
    """The last so many days that have closed at `now`, newest first."""
    last = last_closed_day(now, closing_hours)
    return [last - timedelta(days=back) for back in range(days)]


def items(run: Run, warehouse: Warehouse, annotation: Annotation, markers: Sequence[str]) -> pl.DataFrame:
    """What one annotation wants labelled, in the order of asking: of each closed day the posts that are drawn.

    Columns `post_id, text, parent, lang, inclusion_probability, text_hash`. markers: those that the task measures.
    Days without draws are drawn, which is kept.
    """
    name, now, keyed = annotation.name, run.moment, Keyed(run.home.key)
    days = closed_days(now, annotation.days, run.settings.closing_hours)
    there = populations(run, warehouse)
    where = pairs.sampled(annotation, there)
    draws = warehouse.read(DRAWS).filter(pl.col("task") == name, pl.col("time_value").is_in(days))
    known = set(draws.select("population", "time_value").iter_rows())
    if fresh := [day for day in days if any((each, day) not in known for each in where)]:
        counts = _by_population(warehouse.strata(fresh, now, run.languages, markers), where)
        decided = sample.decide(counts, annotation, now=now, decided=draws)
        warehouse.save_new({DRAWS: decided})
        draws = pl.concat([draws, decided])
    drawn = pl.concat(  # a day at a time: posts are many, those drawn few
        sample.drawn(name, warehouse.sampled_from(day, now, run.languages, markers), draws, where, keyed)
        for day in days
    )
    order = sample.permanent(name, drawn["post_id"], keyed) / drawn["inclusion_probability"]
    found = drawn.with_columns(order=order).join(warehouse.texts_of(drawn["post_id"]), on="post_id")
    return found.sort("order", "post_id").with_columns(parent=pl.lit(None, pl.String)).drop("order")


def _by_population(strata: pl.DataFrame, populations_: dict[str, Where]) -> pl.DataFrame:
    """`population, time_value, hit, n`."""
    counted = strata.select(pl.lit("").alias("population"), "time_value", "hit", "n").clear()
    parts = [
        strata.filter(inside(where)).select(pl.lit(name).alias("population"), "time_value", "hit", "n")
        for name, where in populations_.items()
    ]
    return pl.concat([counted, *parts]).group_by("population", "time_value", "hit").agg(pl.col("n").sum())


def _prepared(
    run: Run, warehouse: Warehouse, annotation: Annotation, limit: int | None, health: Mapping[str, Health]
) -> _Work:
    """Draw, take over labels of texts that have one, and find whom each other text is to be asked of."""
    asked, at = task_of(run.settings, annotation.name), utc_now()
    by_name = {one.name: one for one in run.settings.annotator}
    watched = canaries.due(run, warehouse, annotation, asked, by_name, at, health)
    chain = [link(by_name[name], asked, health[name]) for name in annotation.annotators]
    markers = [m.name for m in run.settings.marker if m.name in asked.questions]
    if annotation.topic:
        found = pairs.items(run, warehouse, annotation, reads_parent=asked.reads_parent)
    else:
        found = items(run, warehouse, annotation, markers)
    left = found.with_row_index("position")
    if asked.reads_parent:
        left = left.filter(pl.col("parent").is_not_null())
    todo, taken = [], 0
    for one in chain:
        who = (annotation.name, one.annotator.name, one.annotator.model, one.annotator.prompt_version())
        taken += warehouse.take_over(left.select("post_id", "text_hash", "inclusion_probability"), *who, at)
        ask_this, left = plan.split(left, warehouse.standing(*who), at)
        todo.append(ask_this)
    spent = warehouse.spent(annotation.name, datetime.combine(at.date(), datetime.min.time()))
    budget = Budget(
        annotation.posts_per_day, annotation.tokens_per_day, annotation.money_per_day, annotation.minutes * 60,
        spent.posts, spent.tokens, spent.money,
    )  # fmt: skip
    return _Work(annotation, chain, plan.jobs(todo).head(2**31 if limit is None else limit), budget, watched, taken)


# asking ---------------------------------------------------------------------------------------------------


async def _ask(run: Run, works: Sequence[_Work], tallies: Sequence[Tally]) -> None:
    """Ask all works, one after another, the canaries of each first. What is answered lands at once."""
    texts = sum(work.jobs.height + sum(len(one.jobs) for one in work.watched) for work in works)
    through = 0

    def done() -> None:
        nonlocal through
        through += 1
        if through % _TOLD_EVERY == 0 or through == texts:
            run.reporter.advance(through / texts, f"{through:,} of {texts:,} texts")

    async with landing.Landing(run.home.annotations) as landed:
        for work, tally in zip(works, tallies, strict=True):
            name, budget = work.annotation.name, work.budget
            for one in work.watched:
                async with opened([one.link]):
                    known = await ask(name, one.jobs, [one.link], landed.keep, budget, done=done)
                tally.watch(one.link.annotator.name, known)
            async with opened(work.chain):
                await ask(name, plan.each(work.jobs), work.chain, landed.keep, budget, tally, done=done)


def told(annotation: Annotation, tally: Tally, taken: int, before: int, reached: str) -> str:
    """What came of one annotation, in a line. before: answers that an earlier run had left; reached: `Budget.told`."""
    parts = [f"{before:,} answers taken in that a run before had left"] if before else []
    for outcomes, whose in ((tally.outcomes, ""), (tally.canaries, "canaries of ")):
        for name in annotation.annotators:
            said = ", ".join(f"{n:,} {status}" for (who, status), n in outcomes.items() if who == name and n)
            parts += [f"{whose}{name}: {said}"] if said else []
    if taken:
        parts.append(f"{taken:,} taken over from the same texts")
    if tally.tokens:
        parts.append(f"{tally.tokens:,} tokens" + (f", cost {tally.cost:,.4f}" if tally.cost else ""))
    if reached:
        parts.append(f"budget reached: {reached}")
    parts += [f"{name} was left alone after failing on and on: {reason}" for name, reason in tally.stopped.items()]
    if tally.left:
        parts.append(f"{tally.left:,} texts left for the next run")
    return f"{annotation.name}: " + ("; ".join(parts) or "nothing to ask")
