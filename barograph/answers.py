"""What annotators and people answered of sampled posts: who expresses what, drawn how likely, as whose reading."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from barograph.annotate.sample import with_inclusion
from barograph.populations import Where, inside
from barograph.settings import Annotation

UNITS = ("posts", "authors")
ABSENT, ABSTAINED = ("none", "no"), "unclear"
"""Answers that say a post does not express what is asked; and that say nothing."""
_LEAST_PART = 0.1
"""Part of the labels from which on their annotator is named."""
_LABEL = {"post_id": pl.String, "task": pl.String, "marker": pl.String, "y": pl.Float64}


class Tables(NamedTuple):
    """What the warehouse knows, as its methods return it."""

    labels: pl.DataFrame
    """As `Warehouse.labelled` returns it, with `sizes`."""
    sizes: pl.DataFrame
    audits: pl.DataFrame
    """As `Warehouse.audited` returns it."""
    scores: pl.DataFrame
    """Of the posts of `labels`, as `Warehouse.read_in` returns it."""
    draws: pl.DataFrame
    """Rows of `draws`."""
    activity: pl.DataFrame
    """As `Warehouse.activity` returns it, of the days that are issued."""
    predicted: pl.DataFrame
    """As `Warehouse.predicted` returns it, of the same days."""
    days: pl.DataFrame
    """As `Warehouse.days` returns it."""
    calibrations: pl.DataFrame
    """As for `aggregate_calibrated`."""
    first: Mapping[str, date]
    """As `Warehouse.first_labelled` returns it."""


def answers(labels: pl.DataFrame) -> pl.DataFrame:
    """`post_id, task, marker, y` of each question of the rows' `label`: 1 where the post expresses it, 0 where not.

    What was answered unclear is left out.
    """
    given = labels.filter(pl.col("label").is_not_null()).select("post_id", "task", "label")
    rows = [
        (post_id, task, question, float(answer not in ABSENT))
        for post_id, task, label in given.iter_rows() for question, answer in json.loads(label).items()
        if answer != ABSTAINED
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_LABEL, orient="row")


def reader(annotator: str, model: str, prompt_version: str) -> pl.Expr:
    """Who reads, as `label_source` names it; the arguments are columns."""
    return pl.format("{} ({}, prompt {})", annotator, model, pl.col(prompt_version).str.slice(0, 8))


def measured(labels: pl.DataFrame, markers: Sequence[str]) -> dict[str, list[str]]:
    """Task → the analyst's markers that it has labelled."""
    found = answers(labels).select("task", "marker").unique().filter(pl.col("marker").is_in(list(markers)))
    return {str(task): sorted(of["marker"]) for (task,), of in found.sort("task").group_by("task", maintain_order=True)}


def sampled(
    known: Tables, annotation: Annotation, where: Where, populations: Mapping[str, Where], markers: Sequence[str]
) -> pl.DataFrame:
    """The rows of `known.labels` of one task in the population that `where` lets through, in order of day and post.

    With `hit` (of any of `markers`), `stratum` (0, or 1 for a hit where the task has strata), `size` (posts of the
    author on that day in this population), `who` (whose reading it is) and the `inclusion_probability` that holds by
    now: where a population was sampled later on, what was labelled before might have been drawn for it too.
    """
    hits = known.scores.filter(pl.col("hits") > 0, pl.col("marker").is_in(list(markers)))["post_id"].unique()
    hit, cell = pl.col("post_id").is_in(hits.implode()), ["time_value", "cluster"]
    labels = known.labels.filter(pl.col("task") == annotation.name).with_columns(hit=hit)
    then, p = pl.col("then"), pl.col("inclusion_probability")
    labels = with_inclusion(
        annotation.name, labels.rename({"inclusion_probability": "then"}), known.draws, populations
    ).with_columns(inclusion_probability=pl.when(then > 0).then(pl.max_horizontal(then, p)).otherwise(0.0))
    sizes = known.sizes.filter(inside(where)).group_by(cell).agg(pl.col("n").sum().alias("size"))
    stratum = pl.col("hit").cast(pl.Int64) * (annotation.strata == "lexicon")
    return (
        labels.filter(inside(where))
        .join(sizes, on=cell)
        .with_columns(reader("annotator", "model", "prompt_version").alias("who"), stratum=stratum)
        .sort("time_value", "post_id")
    )


def source(given: pl.DataFrame) -> str:
    """Whose reading it is."""
    named = given.group_by("who").len().filter(pl.col("len") >= _LEAST_PART * given.height)["who"].sort()
    return f"as {' and '.join(named)} read{'s' if len(named) == 1 else ''} it"
