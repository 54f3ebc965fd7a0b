"""The part of the warehouse that counts where posts came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from barograph import tables
from barograph.store.database import Database

_COUNTED, _COUNTS_AS = "source_days_segment", "source_days_count_as"
"""In `meta`: the last segment that was counted, and with which minimum of authors and which languages."""


class Origins(Database):
    """Sources, and their posts day by day."""

    def count_sources(self, kinds: Mapping[str, str], languages: Sequence[str], now: datetime) -> None:
        """Bring `sources` up to date for the sources of `kinds` (name → kind), once `source_days` is.

        No run but the daily batch (`thinned`) tells that a post was deleted: posts are those of `source_days`. While
        days wait for the batch, the ends only move outwards and the count of unmeasured posts stands still.
        """
        named = pl.DataFrame(
            {"source": list(kinds), "kind": list(kinds.values())}, schema={"source": pl.String, "kind": pl.String}
        )
        with self._registered(named=named), self._transaction():
            self._con.execute(
                """INSERT OR REPLACE INTO sources BY NAME
                   WITH reasons AS (SELECT source, reason, count(*) AS n FROM quarantine GROUP BY ALL),
                   rejected AS (
                       SELECT source, sum(n)::BIGINT AS n,
                              string_agg(n || ' × ' || reason, '; ' ORDER BY n DESC, reason) AS reasons
                       FROM reasons GROUP BY 1),
                   told AS (SELECT source, sum(n_posts)::BIGINT AS n FROM source_days GROUP BY 1),
                   here AS (
                       SELECT source, min(created_at) AS first, max(created_at) AS last,
                              count(*) FILTER (lang != 'und' AND lang NOT IN (SELECT unnest(?))) AS unmeasured
                       FROM posts GROUP BY 1),
                   held AS (FROM sources WHERE EXISTS (FROM thinned_days))
                   SELECT source, named.kind, least(here.first, held.first_post) AS first_post,
                          greatest(here.last, held.last_post) AS last_post, coalesce(told.n, 0) AS n_posts,
                          coalesce(rejected.n, 0) AS n_quarantined, rejected.reasons AS quarantine_reasons,
                          coalesce(held.n_unmeasured, here.unmeasured, 0) AS n_unmeasured, ? AS updated_at
                   FROM named LEFT JOIN here USING (source) LEFT JOIN told USING (source)
                   LEFT JOIN rejected USING (source) LEFT JOIN held USING (source)""",
                [list(languages), now],
            )

    def count_source_days(self, languages: Sequence[str], now: datetime, minimum_authors: int) -> None:
        """Bring `source_days` up to date: days that got posts since they were counted, all where they count otherwise.

        Those that lost posts have no row since the daily batch (`thinned`). Until then a day that lost some, or has
        other texts, is counted anew only where there are more posts than were told.

        How many are unmeasured is not said where fewer than `minimum_authors` known authors wrote that day, or wrote
        those.
        """
        other = "FILTER (lang != 'und' AND NOT list_contains($languages, lang))"
        counts_as = f"{minimum_authors} {' '.join(sorted(languages))}"
        with self._transaction():
            last, before = (
                self._scalar("SELECT value FROM meta WHERE name = ?", [name]) for name in (_COUNTED, _COUNTS_AS)
            )
            self._con.execute(
                f"""INSERT OR REPLACE INTO source_days BY NAME
                    WITH there AS (SELECT source, created_at::DATE AS time_value, max(segment) AS newest
                                   FROM posts GROUP BY ALL),
                    touched AS (SELECT source, time_value FROM there WHERE newest > $last
                                OR (source, time_value) NOT IN (SELECT (source, time_value) FROM source_days)),
                    days AS (SELECT source, created_at::DATE AS time_value, count(*) AS n_posts,
                                    count(DISTINCT author_key) AS n_authors, count(*) {other} AS unmeasured,
                                    count(DISTINCT author_key) {other} AS theirs
                             FROM posts SEMI JOIN touched
                             ON posts.source = touched.source AND created_at::DATE = touched.time_value
                             GROUP BY ALL),
                    told AS (SELECT *, n_authors < $least OR (unmeasured > 0 AND theirs < $least) AS few FROM days)
                    SELECT source, time_value, told.n_posts, told.n_authors,
                           CASE WHEN NOT few THEN unmeasured END AS n_unmeasured,
                           CASE WHEN few AND told.n_authors = 0 THEN 'authors unknown'
                                WHEN few THEN 'fewer than ' || $least || ' authors' END AS missing_reason,
                           $now AS updated_at
                    FROM told LEFT JOIN source_days was USING (source, time_value)
                    WHERE time_value NOT IN (SELECT time_value FROM thinned_days) OR $anew
                        OR was.n_posts IS NULL OR told.n_posts > was.n_posts""",
                {
                    "languages": list(languages), "least": minimum_authors, "now": now,
                    "last": int(last) if last and before == counts_as else 0, "anew": before != counts_as,
                },
            )  # fmt: skip
            self._con.execute(
                """INSERT OR REPLACE INTO meta
                   SELECT unnest([?, ?]), unnest([max(segment)::VARCHAR, ?]) FROM segments
                   HAVING max(segment) IS NOT NULL""", [_COUNTED, _COUNTS_AS, counts_as],
            )  # fmt: skip

    def keep_lexicons(self, rows: pl.DataFrame) -> None:
        """Have `lexicons` hold these rows and no others. Raises `Terminal` where one breaks the table's contract."""
        used = tables.LEXICONS.validate(rows)
        with self._registered(used=used), self._transaction():
            self._con.execute(
                "DELETE FROM lexicons WHERE (marker, lexicon) NOT IN (SELECT (marker, lexicon) FROM used)"
            )
            self._con.execute("INSERT OR REPLACE INTO lexicons BY NAME SELECT * FROM used")
