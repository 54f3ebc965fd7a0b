"""What the events of a stream come to, in whatever order and however often they are told."""

from typing import NamedTuple

import polars as pl

_LAST = "last"
"""What the author's newest word was before a row: leave or return."""


class Settled(NamedTuple):
    """What is to be done with the posts that are kept, and with what came."""

    kept: pl.DataFrame
    """`line, post_id, op`: the rows that stand, one a post. An `update` takes the place of what is kept."""
    again: pl.DataFrame
    """`line, post_id`: rows of posts that change nothing, as another row of the batch stands."""
    deleted: pl.Series
    """post_id of what was deleted."""
    emptied: pl.Series
    """post_id of what is kept no more, as its new text is no post; it may come back, in the same batch too."""
    left: pl.Series
    """author_key of who left, all of whose posts from before the batch go."""
    authors: pl.DataFrame
    """`author_key, op`: the last word on each author, leave or return."""
    kept_out: int
    """Rows of posts that were deleted, or whose author had left or left later."""


def settle(events: pl.DataFrame) -> Settled:
    """What a batch of events comes to.

    events: `line` (their order), `op` (as `barograph.sources.OPS`), `post_id`, `author_key`, and of posts and updates
    `good`, whether the row can be kept as a post, `buried`, whether the post has a tombstone, and `gone`, whether its
    author has one.

    A delete holds for all rows of its post, as a source may tell of a post again after it. An author's leave takes
    what came before it and keeps out what comes after, until a return.
    """
    events = events.sort("line")
    authors = events.filter(pl.col("op").is_in(["leave", "return"]), pl.col("author_key").is_not_null()).select(
        "author_key", "line", pl.col("op").alias(_LAST)
    )
    leaves = authors.filter(pl.col(_LAST) == "leave").group_by("author_key").agg(pl.col("line").max().alias("left_at"))
    deleted = events.filter(pl.col("op") == "delete")["post_id"].drop_nulls().unique(maintain_order=True)
    posts = (
        events.filter(pl.col("op").is_in(["post", "update"]))
        .join_asof(authors, on="line", by="author_key", strategy="backward", check_sortedness=False)
        .join(leaves, on="author_key", how="left", maintain_order="left")
    )
    gone = pl.coalesce(pl.col(_LAST) == "leave", "gone") | (pl.col("left_at") > pl.col("line")).fill_null(value=False)
    out = pl.col("buried") | gone | pl.col("post_id").is_in(deleted.implode()).fill_null(value=False)
    posts = posts.with_columns(out.alias("out"))
    alive = posts.filter(~pl.col("out"), pl.col("good") | (pl.col("op") == "update"), pl.col("post_id").is_not_null())
    # A text that is no post empties what was told before it. Of what comes after the last update stands, else the
    # first post.
    emptying = alive.filter(~pl.col("good")).group_by("post_id").agg(pl.col("line").max().alias("emptied_at"))
    after = alive.join(emptying, on="post_id", how="left", maintain_order="left")
    after = after.filter(pl.col("emptied_at").is_null() | (pl.col("line") > pl.col("emptied_at")))
    newest = after.filter(pl.col("op") == "update").unique("post_id", keep="last", maintain_order=True)
    first = after.join(newest, on="post_id", how="anti").unique("post_id", keep="first", maintain_order=True)
    kept = pl.concat([newest, first]).sort("line")
    return Settled(
        kept.select("line", "post_id", "op"),
        alive.filter(pl.col("good")).join(kept, on="line", how="anti").select("line", "post_id"),
        deleted,
        emptying.join(newest, on="post_id", how="anti")["post_id"],
        leaves["author_key"],
        authors.group_by("author_key").agg(pl.col(_LAST).last().alias("op")).sort("author_key"),
        posts.filter("out").height,
    )
