"""The part of the warehouse that polarization reads: replies with what they reply to, and what was answered on them."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from barograph.store.database import Database

OLDEST_PARENT_DAYS = 14
"""A reply to something older is no pair: texts of a pair are then dropped within so many days of each other."""
_PAIRED = """posts r JOIN posts p ON p.post_id = r.parent_id
    WHERE r.created_at::DATE BETWEEN ? AND ? AND r.created_at <= ? AND p.created_at <= ? AND r.post_id != p.post_id
          AND p.created_at >= r.created_at - to_days(?)"""


class Pairs(Database):
    """Reply pairs, their texts, their conversations, and annotators' answers."""

    def reply_pairs(self, first: date, last: date, now: datetime) -> pl.DataFrame:
        """Replies of these days up to `now` whose parent is in `posts`, both with their texts.

        Columns `post_id, parent_id, post, parent, time_value, source, community, lang, geo, author, parent_author`;
        post and parent are numbers for the posts, as in `links`.
        """
        return self._frame(
            f"""SELECT r.post_id, r.parent_id, hash(r.post_id) AS post, hash(r.parent_id) AS parent,
                       r.created_at::DATE AS time_value, r.source, r.community, r.lang, r.geo,
                       r.author_key AS author, p.author_key AS parent_author
                FROM {_PAIRED} AND r.text IS NOT NULL AND p.text IS NOT NULL ORDER BY r.post_id""",
            [first, last, now, now, OLDEST_PARENT_DAYS],
        )

    def pair_texts(self, first: date, last: date, now: datetime) -> pl.DataFrame:
        """`post_id, text` of every post of these pairs, once: replies and what they reply to."""
        return self._frame(
            f"""WITH pairs AS MATERIALIZED (SELECT r.post_id, r.parent_id FROM {_PAIRED}),
                     members AS (SELECT post_id FROM pairs UNION SELECT parent_id FROM pairs)
                SELECT post_id, text FROM posts SEMI JOIN members USING (post_id) WHERE text IS NOT NULL""",
            [first, last, now, now, OLDEST_PARENT_DAYS],
        )

    def links(self, now: datetime) -> pl.DataFrame:
        """`post, parent`, numbers, of every reply up to `now` whose parent is in `posts`."""
        return self._frame(
            """SELECT hash(r.post_id) AS post, hash(r.parent_id) AS parent
               FROM posts r JOIN posts p ON p.post_id = r.parent_id WHERE r.created_at <= ? AND p.created_at <= ?
               ORDER BY 1""",
            [now, now],
        )

    def texts_with_parents(self, post_ids: pl.Series) -> pl.DataFrame:
        """`post_id, lang, text, text_hash, parent, parent_hash` of these posts, those whose text is gone left out.

        parent: the text of what it replies to, where that is kept.
        """
        with self._registered(asked=post_ids.alias("post_id").unique().to_frame()):
            return self._frame(
                """SELECT q.post_id, q.lang, q.text, q.text_hash, p.text AS parent, p.text_hash AS parent_hash
                   FROM posts q SEMI JOIN asked USING (post_id) LEFT JOIN posts p ON p.post_id = q.parent_id
                   WHERE q.text IS NOT NULL ORDER BY q.post_id"""
            )

    def answers(self, tasks: Sequence[str]) -> pl.DataFrame:
        """Rows of `annotations` of these tasks, without explanations."""
        return self._frame(
            """SELECT post_id, task, label, annotator, model, prompt_version, status, failures, annotated_at
               FROM annotations WHERE task IN (SELECT unnest(?))""",
            [list(tasks)],
        )

    def posts_between(self, first: date, last: date) -> int:
        """How many posts these days have."""
        return int(self._scalar("SELECT count(*) FROM posts WHERE created_at::DATE BETWEEN ? AND ?", [first, last]))
