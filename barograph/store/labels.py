"""The part of the warehouse that annotators' labels and samples of posts are kept in."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from barograph import tables
from barograph.store.database import Database

_HIT = "post_id IN (SELECT post_id FROM scores WHERE hits > 0 AND list_contains(?, marker))"
_THERE = "created_at <= ? AND (lang = 'und' OR lang IN (SELECT unnest(?))) AND text IS NOT NULL"
_POOLED_DAYS = 28
"""Days that `labelled` looks back."""
_OF = "task = ? AND annotator = ? AND model = ? AND prompt_version = ?"


class Spent(NamedTuple):
    """What annotators were asked, read and wrote, and cost."""

    posts: int = 0
    tokens: int = 0
    money: float = 0


class Labels(Database):
    """Posts to sample from, how they stand with an annotator, and labels in."""

    def strata(
        self, days: Sequence[date], now: datetime, languages: Sequence[str], markers: Collection[str]
    ) -> pl.DataFrame:
        """`source, community, lang, geo, time_value, hit, n`: measured posts of these days up to `now`.

        hit: whether they have a hit of one of `markers`. Posts whose text is gone cannot be asked about: left out.
        """
        return self._frame(
            f"""SELECT source, community, lang, geo, created_at::DATE AS time_value, {_HIT} AS hit, count(*) AS n
                FROM posts WHERE created_at::DATE IN (SELECT unnest(?)) AND {_THERE} GROUP BY ALL""",
            [list(markers), list(days), now, list(languages)],
        )

    def sampled_from(
        self, day: date, now: datetime, languages: Sequence[str], markers: Collection[str]
    ) -> pl.DataFrame:
        """`post_id, source, community, lang, geo, time_value, hit` of the posts of one day that `strata` counts."""
        return self._frame(
            f"""SELECT post_id, source, community, lang, geo, ?::DATE AS time_value, {_HIT} AS hit
                FROM posts WHERE created_at >= ?::DATE AND created_at < ?::DATE + 1 AND {_THERE}""",
            [day, list(markers), day, day, now, list(languages)],
        )

    def texts_of(self, post_ids: pl.Series) -> pl.DataFrame:
        """`post_id, text, lang, text_hash` of these posts, those whose text is gone left out."""
        wanted = post_ids.alias("post_id").to_frame()
        return self._frame(
            "SELECT post_id, text, lang, text_hash FROM posts SEMI JOIN wanted USING (post_id) WHERE text IS NOT NULL",
            wanted=wanted,
        )

    def take_over(
        self, drawn: pl.DataFrame, task: str, annotator: str, model: str, prompt_version: str, at: datetime
    ) -> int:
        """Give posts of `drawn` the label that the same text already has from this annotator. Returns how many got one.

        drawn: `post_id, text_hash, inclusion_probability`. What failed is no label. Posts that were already asked keep
        what they have, with the probability of `drawn`.
        """
        who = [task, annotator, model, prompt_version]
        with self._registered(drawn=drawn), self._transaction():
            changed = self._con.execute(
                f"""UPDATE annotations a SET inclusion_probability = d.inclusion_probability FROM drawn d
                    WHERE {_OF} AND a.post_id = d.post_id AND a.inclusion_probability != d.inclusion_probability
                    RETURNING a.post_id""", who
            ).fetchall()  # fmt: skip
            taken = self._con.execute(
                f"""INSERT OR REPLACE INTO annotations BY NAME
                    SELECT a.* REPLACE (d.post_id AS post_id, d.inclusion_probability AS inclusion_probability,
                                        0 AS tokens_in, 0 AS tokens_out, 0.0 AS cost, ? AS annotated_at)
                    FROM (SELECT * FROM annotations WHERE {_OF} AND status != 'failed'
                          QUALIFY row_number() OVER (PARTITION BY text_hash ORDER BY annotated_at, post_id) = 1) a
                    JOIN drawn d USING (text_hash)
                    WHERE d.post_id NOT IN (SELECT post_id FROM annotations WHERE {_OF} AND status != 'failed')
                    RETURNING post_id""", [at, *who, *who]
            ).fetchall()  # fmt: skip
            self._touch([row[0] for row in changed + taken])
        return len(taken)

    def standing(self, task: str, annotator: str, model: str, prompt_version: str) -> pl.DataFrame:
        """`post_id, status, failures, annotated_at` of all that this annotator was asked."""
        return self._frame(
            f"SELECT post_id, status, failures, annotated_at FROM annotations WHERE {_OF}",
            [task, annotator, model, prompt_version],
        )

    def canary_answers(self, task: str, annotator: str, model: str, prompt_version: str) -> pl.DataFrame:
        """`post_id, status, failures, annotated_at, label` of the canaries that this annotator was asked."""
        return self._frame(
            f"""SELECT post_id, status, failures, annotated_at, label FROM annotations
                WHERE {_OF} AND post_id LIKE 'canaries:%'""",
            [task, annotator, model, prompt_version],
        )

    def keep_labels(self, rows: pl.DataFrame) -> None:
        """Keep landed rows of `annotations`, in place of those with the same key, and mark the days of their posts.

        What was answered of a post that is no longer there is not kept.
        """
        with self._registered(landed=tables.ANNOTATIONS.validate(rows)), self._transaction():
            self._con.execute(
                """INSERT OR REPLACE INTO annotations BY NAME SELECT * FROM landed
                   WHERE post_id LIKE 'canaries:%' OR post_id IN (SELECT post_id FROM posts)"""
            )
            self._touch(rows["post_id"].to_list())

    def _touch(self, post_ids: Sequence[str]) -> None:
        """Mark the days of these posts, and those after them that have posts: labels are pooled over 28 days."""
        self._con.execute(
            f"""INSERT INTO dirty_days SELECT DISTINCT p.created_at::DATE FROM posts p JOIN
                (SELECT DISTINCT created_at::DATE AS day FROM posts WHERE post_id IN (SELECT unnest(?))) labelled
                ON p.created_at >= day AND p.created_at < day + {_POOLED_DAYS}""",
            [list(post_ids)],
        )

    def outcomes(self, since: datetime) -> pl.DataFrame:
        """`task, annotator, status, n, lately`: posts asked about, ever and since then by the clock; canaries are 0."""
        return self._frame(
            """SELECT task, annotator, status, count(*) FILTER (post_id NOT LIKE 'canaries:%') AS n,
                      count(*) FILTER (post_id NOT LIKE 'canaries:%' AND annotated_at >= ?) AS lately
               FROM annotations GROUP BY ALL ORDER BY ALL""", [since]
        )  # fmt: skip

    def spent(self, task: str, since: datetime) -> Spent:
        """What was asked for a task from `since` on, by the clock. Texts whose label was taken over were not asked.

        A canary is asked anew each time.
        """
        rows = self._con.execute(
            """SELECT count(*) FILTER (first >= ?), coalesce(sum(tokens), 0)::BIGINT, coalesce(sum(cost), 0) FROM
               (SELECT min(annotated_at) AS first,
                       sum(tokens_in + tokens_out) FILTER (annotated_at >= ?) AS tokens,
                       sum(cost) FILTER (annotated_at >= ?) AS cost
                FROM annotations WHERE task = ? GROUP BY text_hash, annotator, model, prompt_version,
                     CASE WHEN post_id LIKE 'canaries:%' THEN post_id END)""",
            [since, since, since, task],
        ).fetchall()
        return Spent(*rows[0])
