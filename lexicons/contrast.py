"""Evidence of a marker less a part of that for the opposite polarity: good words set against bad ones."""

import polars as pl

PLEASANT = ("calmness", "hope", "joy", "like", "love", "positive")
UNPLEASANT = (
    "anger", "anxiety", "disappointment", "disgust", "fear", "hostility", "negative", "nervousness", "out_group",
    "sadness", "shame", "stress",
)  # fmt: skip
"""Markers with a polarity, and so with an opposite one. Others (surprise, anticipation) have none."""
PART = 0.25
"""Of the opposite polarity's weight. Mean AUC on the training parts of GoEmotions and TweetEval is highest near it;
on EmoEvent's, Spanish, .1 to .25 are alike."""


def contrast(matches: pl.DataFrame) -> pl.DataFrame:
    """`matches` with, as `weight` of each marker, what is left after `PART` of the opposite polarity's.

    `matches` is what `match` returned, for lexicons of one language with `positive` and `negative` among them. `hits`
    stay as they are. A post with hits of the opposite polarity alone has a row with hits 0 and a weight below 0.
    Markers without a polarity are returned as given, and so is every marker whose opposite no post has. Returns
    `post_id, marker, hits, weight`, sorted by post_id and marker.
    """
    columns = "post_id", "marker", "hits", "weight"
    found = matches.with_columns(pl.col("marker").cast(pl.String)).select(columns)
    marker = pl.col("marker")
    less = found.filter(marker.is_in(["positive", "negative"])).select(
        "post_id", pl.col("hits") * 0, pl.col("weight") * -PART, opposite="marker"
    )
    of_unpleasant = pl.when(marker.is_in(UNPLEASANT)).then(pl.lit("positive"))
    opposite = pl.when(marker.is_in(PLEASANT)).then(pl.lit("negative")).otherwise(of_unpleasant)
    against = found.select("marker", opposite=opposite).unique().drop_nulls()
    both = pl.concat([found, less.join(against, on="opposite").select(columns)])
    return both.group_by("post_id", "marker").agg(pl.col("hits", "weight").sum()).sort("post_id", "marker")
