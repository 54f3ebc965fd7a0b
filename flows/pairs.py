"""Reply pairs on the analyst's topics: found by words, drawn, and what annotators are asked of them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

import lexicons
from barograph import tables
from barograph.annotate import sample
from barograph.clock import last_closed_day
from barograph.polarization.threads import roots
from barograph.populations import Where, inside
from barograph.privacy import Keyed
from barograph.settings import Annotation, Topic
from barograph.store import Warehouse
from flows.stages import Run, populations
from lexicons.formats import Entry
from lexicons.read import build

_ONLY_REPLIES = "agreement"
"""Of the tasks on a topic the one that is about the pair; the others are about each of its posts."""


def keywords(topics: Sequence[Topic]) -> lexicons.Lexicon:
    """The keywords of all topics as terms of a lexicon, topic i as marker `ti`: what matching says of words holds here.

    Raises `ConfigError` for a keyword that no post can hold.
    """
    entries = [
        Entry(f"topic {topic.name!r}: keywords", word.strip(), f"t{i}", 1.0)
        for i, topic in enumerate(topics) for word in dict.fromkeys(topic.keywords)
    ]  # fmt: skip
    return build("topics", "en", entries, "topics", own=True)


def find(run: Run, warehouse: Warehouse, first: date, last: date, topics: Sequence[Topic]) -> pl.DataFrame:
    """The reply pairs of these days, a row for each topic that either text has a keyword of.

    Columns of `Warehouse.reply_pairs`, with `topic`, `conversation` and `hit`, which is false: no task on a topic
    measures a marker, so pairs are drawn from one stratum.
    """
    pairs = warehouse.reply_pairs(first, last, run.moment)
    found = lexicons.match(warehouse.pair_texts(first, last, run.moment), keywords(topics))
    names = pl.DataFrame({"marker": [f"t{i}" for i in range(len(topics))], "topic": [topic.name for topic in topics]})
    about = (
        found.select(pl.col("post_id", "marker").cast(pl.String)).join(names, on="marker").select("post_id", "topic")
    )
    either = pl.concat(
        [
            pairs.join(about, on="post_id"),
            pairs.join(about.rename({"post_id": "parent_id"}), on="parent_id").select(*pairs.columns, "topic"),
        ]
    ).unique(["post_id", "topic"])
    threads = roots(warehouse.links(run.moment))
    return (
        either.join(threads, on="post", how="left")
        .with_columns(pl.coalesce("conversation", "parent").alias("conversation"), hit=pl.lit(value=False))
        .sort("topic", "post_id")
    )


def sampled(annotation: Annotation, there: Mapping[str, Where]) -> dict[str, Where]:
    """The populations that an annotation samples, of those that there are."""
    return {name: there[name] for name in annotation.populations or there if name in there}


def draws_of(warehouse: Warehouse, topic: str) -> pl.DataFrame:
    """Rows of `draws` of all tasks on a topic."""
    return warehouse.read(tables.DRAWS).filter(pl.col("task").str.ends_with(f":{topic}"))


def items(run: Run, warehouse: Warehouse, annotation: Annotation, *, reads_parent: bool) -> pl.DataFrame:
    """What a task on a topic wants labelled, in the order of asking.

    Columns `post_id, text, parent, lang, inclusion_probability, text_hash`; days without draws are drawn, which is
    kept. The three tasks of a topic draw the same replies. Of a reply that is drawn, what it replies to is an item of
    its own, with the probability 0 unless it is drawn itself. parent is NULL unless the task reads it.
    """
    [topic] = [topic for topic in run.settings.topic if topic.name == annotation.topic]
    last = last_closed_day(run.moment, run.settings.closing_hours)
    found = find(run, warehouse, last - timedelta(days=annotation.days - 1), last, [topic])
    where, keyed = sampled(annotation, populations(run, warehouse)), Keyed(run.home.key)
    draws = _decided(run, warehouse, annotation, found, where)
    drawn = sample.drawn(annotation.name, found, draws, where, keyed).with_row_index("position")
    if annotation.task != _ONLY_REPLIES:
        parents = drawn.join(found.select("post_id", "parent_id"), on="post_id").select(
            "position", pl.col("parent_id").alias("post_id"), pl.lit(0.0).alias("inclusion_probability")
        )
        drawn = pl.concat([drawn, parents.select(drawn.columns)])
        drawn = drawn.group_by("post_id").agg(pl.col("position").min(), pl.col("inclusion_probability").max())
    texts = warehouse.texts_with_parents(drawn["post_id"])
    if reads_parent:
        both = (texts["text_hash"] + "\x1f" + texts["parent_hash"].fill_null("")).alias("text_hash")
        texts = texts.with_columns(keyed.column(both).alias("text_hash"))
    else:
        texts = texts.with_columns(parent=pl.lit(None, pl.String))
    columns = ("post_id", "text", "parent", "lang", "inclusion_probability", "text_hash")
    return drawn.join(texts, on="post_id").sort("position", "post_id").select(columns)


def _decided(
    run: Run, warehouse: Warehouse, annotation: Annotation, found: pl.DataFrame, where: dict[str, Where]
) -> pl.DataFrame:
    """The draws of an annotation, those of days without any decided and kept.

    What another task on the topic decided before holds: an interaction is drawn whole.
    """
    known = draws_of(warehouse, str(annotation.topic))
    mine = known.filter(pl.col("task") == annotation.name)
    theirs = known.join(mine, on=["population", "time_value"], how="anti").unique(
        ["population", "time_value", "stratum"]
    )
    taken = theirs.with_columns(task=pl.lit(annotation.name), drawn_at=pl.lit(run.moment))
    counts = [found.select(pl.lit("").alias("population"), "time_value", "hit", pl.lit(0).alias("n")).clear()]
    for name, of in where.items():
        counted = found.filter(inside(of)).group_by("time_value", "hit").agg(pl.len().cast(pl.Int32).alias("n"))
        counts.append(counted.select(pl.lit(name).alias("population"), "time_value", "hit", "n"))
    decided = pl.concat([mine, taken])
    new = sample.decide(pl.concat(counts), annotation, now=run.moment, decided=decided)
    warehouse.save_new({tables.DRAWS: pl.concat([taken, new])})
    return pl.concat([decided, new])
