"""Whom a drawn post still has to be asked of. Pure functions on frames."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import polars as pl

from barograph.annotate.annotation import Item
from barograph.annotate.work import Job

FIRST_WAIT_MINUTES = 10
"""What failed in one run is asked again after this, then after four times as long, and so on …"""
RUNS = 6
"""… in so many runs at most, which is over two days."""


def split(drawn: pl.DataFrame, standing: pl.DataFrame, at: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Posts to ask an annotator of, with `failures` so far, and those that it refused, which the next one is asked.

    drawn: `post_id` and any other columns; standing: `post_id, status, failures, annotated_at` of that annotator; at:
    by the clock. What is labelled or invalid is in neither, nor what failed and has to wait, or too often.
    """
    known = drawn.join(standing, on="post_id", how="left", maintain_order="left")
    failures = pl.col("failures").fill_null(0)
    wait = pl.duration(minutes=FIRST_WAIT_MINUTES * pl.lit(4, pl.Int64).pow((failures - 1).clip(0)))
    again = (pl.col("status") == "failed") & (failures < RUNS) & (pl.col("annotated_at") + wait <= at)
    columns = drawn.columns
    ask = known.filter(pl.col("status").is_null() | again).select(*columns, failures.alias("failures"))
    return ask, known.filter(pl.col("status") == "refused").select(columns)


def jobs(todo: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What to ask, a row a text, in the order of `position`.

    todo: of each annotator of the chain what `split` says to ask it of, with `position` (in the order of asking) and
    all columns of items: `post_id, text, parent, lang, inclusion_probability, text_hash`.
    """
    every = pl.concat(frame.with_columns(first=pl.lit(place, pl.Int64)) for place, frame in enumerate(todo))
    once = pl.col("post_id", "text", "parent", "lang").first().name.prefix("one_")
    return every.sort("position").group_by("text_hash", "first", maintain_order=True).agg(
        once, pl.col("failures").max(), "post_id", "inclusion_probability"
    )  # fmt: skip


def each(rows: pl.DataFrame) -> Iterator[Job]:
    """The rows of `jobs`, made one by one as they are asked for."""
    for row in rows.iter_rows(named=True):
        item = Item(row["one_post_id"], row["one_text"], row["one_lang"], row["one_parent"])
        posts = tuple(zip(row["post_id"], row["inclusion_probability"], strict=True))
        yield Job(item, row["text_hash"], posts, row["first"], row["failures"])
