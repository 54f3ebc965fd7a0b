"""What the posts of a day look like beside those of other days: what tells an artefact from a change in people."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from barograph.store.database import Database

_LEAST_LETTERS = 20
"""Shorter texts are alike by chance."""
_FEWEST_COPIES = 3


class Evidence(Database):
    """Counts of posts by source, hour and text."""

    def volumes(self, first: date, last: date, now: datetime, languages: Sequence[str]) -> pl.DataFrame:
        """`source, community, lang, geo, time_value, hours, n` of the measured posts of these days up to `now`.

        hours: bit h is 1 where there is a post between h and h + 1 o'clock UTC.
        """
        return self._frame(
            """SELECT source, community, lang, geo, created_at::DATE AS time_value,
                      bit_or(1::BIGINT << hour(created_at)) AS hours, count(*) AS n
               FROM posts WHERE created_at::DATE BETWEEN ? AND ? AND created_at <= ?
                    AND (lang = 'und' OR lang IN (SELECT unnest(?))) GROUP BY ALL""",
            [first, last, now, list(languages)],
        )

    def closed_days(self, now: datetime) -> pl.DataFrame:
        """`population, time_value, n_posts` of closed days as known at `now`, of the line with most posts."""
        return self._frame(
            """SELECT population, time_value, max(n_posts) AS n_posts FROM
               (SELECT population, time_value, arg_max(n_posts, issue) AS n_posts,
                       arg_max(provisional, issue) AS provisional
                FROM series WHERE unit = 'posts' AND issue <= ? GROUP BY population, time_value, marker, method)
               WHERE NOT provisional GROUP BY population, time_value ORDER BY population, time_value""", [now]
        )  # fmt: skip

    def copies(
        self, days: Sequence[date], now: datetime, languages: Sequence[str], dimensions: Mapping[str, Sequence[str]]
    ) -> pl.DataFrame:
        """`source, community, lang, geo, time_value, marker, one, n`: posts with a marker and one text, from three on.

        Texts are the same (one number, `one`) where their letters are, in whatever case, links, mentions and all else
        left out; under 20 letters none is. Texts past their retention are not known.
        """
        members = pl.DataFrame(
            [(name, marker) for name, markers in dimensions.items() for marker in markers],
            schema={"dimension": pl.String, "member": pl.String}, orient="row",
        )  # fmt: skip
        with self._registered(members=members):
            return self._frame(
                r"""WITH texts AS MATERIALIZED (
                        SELECT post_id, source, community, lang, geo, created_at::DATE AS time_value,
                               regexp_replace(lower(regexp_replace(text, '(https?://\S+|@\w+)', ' ', 'g')),
                                              '[^\p{L}]+', ' ', 'g') AS letters
                        FROM posts WHERE text IS NOT NULL AND created_at <= ? AND created_at::DATE IN (SELECT unnest(?))
                             AND (lang = 'und' OR lang IN (SELECT unnest(?)))),
                    marked AS MATERIALIZED (
                        SELECT t.*, marker FROM texts t JOIN scores USING (post_id) WHERE hits > 0
                             AND length(letters) >= ?),
                    every AS (SELECT * FROM marked UNION ALL
                        SELECT DISTINCT m.* REPLACE ('dimension:' || dimension AS marker)
                        FROM marked m JOIN members ON marker = member)
                    SELECT source, community, lang, geo, time_value, marker, hash(trim(letters)) AS one, count(*) AS n
                    FROM every GROUP BY ALL HAVING count(*) >= ?""",
                [now, list(days), list(languages), _LEAST_LETTERS, _FEWEST_COPIES],
            )
