"""The part of the warehouse that counts where posts came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from barograph import tables
from barograph.store.database import Database

_COUNTED = "source_days_segment"


class Origins(Database):
    """Sources, and their posts day by day."""

    def count_sources(self, kinds: Mapping[str, str], languages: Sequence[str], now: datetime) -> None:
        """Bring `sources` up to date for the sources of `kinds` (name → kind)."""
        named = pl.DataFrame(
            {"source": list(kinds), "kind": list(kinds.values())}, schema={"source": pl.String, "kind": pl.String}
        )
        with self._registered(named=named), self._transaction():
            self._con.execute(
                """INSERT OR REPLACE INTO sources
                   WITH reasons AS (SELECT source, reason, count(*) AS n FROM quarantine GROUP BY ALL),
                   rejected AS (
                       SELECT source, sum(n)::BIGINT AS n,
                              string_agg(n || ' × ' || reason, '; ' ORDER BY n DESC, reason) AS reasons
                       FROM reasons GROUP BY 1)
                   SELECT source, kind, min(created_at), max(created_at), count(post_id),
                          coalesce(any_value(rejected.n), 0), any_value(rejected.reasons),
                          count(post_id) FILTER (lang != 'und' AND lang NOT IN (SELECT unnest(?))), ?
                   FROM named LEFT JOIN posts USING (source) LEFT JOIN rejected USING (source)
                   GROUP BY source, kind""",
                [list(languages), now],
            )

    def count_source_days(self, languages: Sequence[str], now: datetime, minimum_authors: int) -> None:
        """Bring `source_days` up to date for every day that got posts since it was last counted.

        How many are unmeasured is not said where fewer than `minimum_authors` known authors wrote that day, or wrote
        those.
        """
        other = "FILTER (lang != 'und' AND lang NOT IN (SELECT unnest(?)))"
        known, least = list(languages), minimum_authors
        with self._transaction():
            self._con.execute(
                f"""INSERT OR REPLACE INTO source_days BY NAME
                    WITH counted AS (SELECT coalesce(max(value::BIGINT), 0) AS segment FROM meta WHERE name = ?),
                    touched AS (SELECT DISTINCT source, created_at::DATE AS time_value FROM posts
                                WHERE segment > (SELECT segment FROM counted))
                    SELECT source, time_value, count(*) AS n_posts, count(DISTINCT author_key) AS n_authors,
                           CASE WHEN count(DISTINCT author_key) >= ?
                                 AND (count(*) {other} = 0 OR count(DISTINCT author_key) {other} >= ?)
                                THEN count(*) {other} END AS n_unmeasured,
                           CASE WHEN count(DISTINCT author_key) = 0 AND ? > 0 THEN 'authors unknown'
                                WHEN count(DISTINCT author_key) < ?
                                  OR (count(*) {other} > 0 AND count(DISTINCT author_key) {other} < ?)
                                THEN 'fewer than ' || ? || ' authors' END
                               AS missing_reason, ? AS updated_at
                    FROM (SELECT source, created_at::DATE AS time_value, author_key, lang FROM posts)
                    SEMI JOIN touched USING (source, time_value) GROUP BY source, time_value""",
                [_COUNTED, least, known, known, least, known, least, least, known, known, least, least, now],
            )
            self._con.execute(
                """INSERT OR REPLACE INTO meta
                   SELECT ?, max(segment)::VARCHAR FROM segments HAVING max(segment) IS NOT NULL""", [_COUNTED]
            )  # fmt: skip

    def keep_lexicons(self, rows: pl.DataFrame) -> None:
        """Have `lexicons` hold these rows and no others. Raises `Terminal` where one breaks the table's contract."""
        used = tables.LEXICONS.validate(rows)
        with self._registered(used=used), self._transaction():
            self._con.execute(
                "DELETE FROM lexicons WHERE (marker, lexicon) NOT IN (SELECT (marker, lexicon) FROM used)"
            )
            self._con.execute("INSERT OR REPLACE INTO lexicons BY NAME SELECT * FROM used")
