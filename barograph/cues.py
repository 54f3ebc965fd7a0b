"""Which cues the labelled posts of a marker show: rows of `cue_shares`. Cues are words of a task, never of a post."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import product

import numpy as np
import polars as pl

from barograph.answers import UNITS, Tables, answers, measured, sampled, source
from barograph.correction import Sample, labels_alone
from barograph.populations import Where
from barograph.settings import Annotation
from barograph.tables import CUES

SPANS = (1, 7, 28)
"""Closed days at the end of which the cues are counted."""


def cue_shares(
    known: Tables,
    populations: Mapping[str, Where],
    annotations: Sequence[Annotation],
    markers: Sequence[str],
    last: date,
    *,
    now: datetime,
    minimum_authors: int,
) -> pl.DataFrame:
    """Rows of `cue_shares` of the 1, 7 and 28 days that end with `last`, with `issue` = now.

    Of labelled posts that express a marker, the share with each cue that any of them shows, weighted by 1 / inclusion
    probability, with the interval of `correction.labels_alone`. Nothing is said of fewer than `minimum_authors`
    known authors, nor of cues that fewer of them show. A marker of two tasks is that of the first one.
    """
    rows: list[dict[str, object]] = []
    for annotation in annotations:
        mine = measured(known.labels.filter(task=annotation.name), markers).get(annotation.name, [])
        for name in annotation.populations or populations:
            if name not in populations:
                continue
            labels = sampled(known, annotation, populations[name], populations, mine)
            labels = labels.filter(pl.col("inclusion_probability") > 0)
            expressed = answers(labels).filter(pl.col("y") == 1).select("post_id", "marker")
            for span, marker, unit in product(SPANS, mine, UNITS):
                first = last - timedelta(days=span - 1)
                posts = labels.filter(pl.col("time_value").is_between(first, last)).join(
                    expressed.filter(marker=marker), on="post_id", how="semi", maintain_order="left"
                )
                found = _shares(posts if unit == "posts" else posts.filter("known"), unit, minimum_authors)
                what = {"marker": marker, "population": name, "unit": unit, "period": f"{first}/{last}"}
                rows += [{**row, **what} for row in found]
    frame = pl.DataFrame(rows, schema={c: t for c, t in CUES.schema.items() if c != "issue"})
    return frame.unique(CUES.series_key, keep="first", maintain_order=True).with_columns(issue=pl.lit(now))


def _shares(posts: pl.DataFrame, unit: str, minimum_authors: int) -> list[dict[str, object]]:
    least = max(minimum_authors, 1)
    if posts.filter("known")["cluster"].n_unique() < least:
        return []
    shown = [frozenset(json.loads(cues)) if cues else frozenset() for cues in posts["cues"]]
    weight = 1 / posts["inclusion_probability"].to_numpy()
    weight = weight / posts["size"].to_numpy() if unit == "authors" else weight
    _, author = np.unique(posts["cluster"].to_numpy(), return_inverse=True)
    nothing = np.zeros(posts.height)
    rows = []
    for cue in sorted(frozenset().union(*shown)):
        has = np.array([cue in cues for cues in shown])
        if posts.filter(pl.Series(has) & pl.col("known"))["cluster"].n_unique() < least:
            continue
        found = labels_alone(Sample(has.astype(np.float64), nothing, weight, author, nothing.astype(np.int64)))
        rows.append({
            "cue": cue, "share": round(found.prevalence, 12), "lo": round(found.lo, 12), "hi": round(found.hi, 12),
            "n_posts": posts.height, "n_authors": posts.filter("known")["cluster"].n_unique(),
            "label_source": source(posts),
        })  # fmt: skip
    return rows
