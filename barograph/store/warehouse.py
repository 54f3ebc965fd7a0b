"""The warehouse: posts and scores, and the masters of all published tables (restricted, one writer).

Every method that writes does so in one transaction, so that a process killed at any moment leaves either all of
it or nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from barograph import tables
from barograph.store.arrivals import Arrivals
from barograph.store.audits import Audits
from barograph.store.database import DISK, create, latest, reach, unwritable
from barograph.store.evidence import Evidence
from barograph.store.labelled import Labelled
from barograph.store.labels import Labels
from barograph.store.origins import Origins
from barograph.store.outbox import Outbox
from barograph.store.pairs import Pairs
from barograph.store.records import Records
from barograph.tables import Table


class Warehouse(Arrivals, Audits, Evidence, Labelled, Labels, Origins, Outbox, Pairs, Records):
    """HOME/warehouse.duckdb, opened for writing by one process at a time.

    Raises `Transient` where another process has it open, `InputError` where HOME cannot be written.
    """

    # posts ------------------------------------------------------------------------------------------------

    def newest_post(self, not_after: datetime, source: str | None = None) -> datetime | None:
        """Time of the newest post not after `not_after`; None where there is none."""
        return self._scalar(
            "SELECT max(created_at) FROM posts WHERE created_at <= ? AND source = coalesce(?, source)",
            [not_after, source],
        )

    def oldest_post(self, source: str) -> datetime | None:
        """Time of the oldest post of a source; None where it has none."""
        return self._scalar("SELECT min(created_at) FROM posts WHERE source = ?", [source])

    def last_issue(self) -> datetime | None:
        """When `series` was last issued; None before the first time."""
        return self._scalar("SELECT max(issue) FROM series")

    def moment(self, now: datetime) -> datetime:
        """`now`, or the last issue of anything within the second after it: where the last run at that time ended."""
        issues = " UNION ALL ".join(f"SELECT max(issue) AS issue FROM {t.name} WHERE issue BETWEEN ? AND ?"
                                    for t in tables.ALL if "issue" in t.columns)  # fmt: skip
        end = now + timedelta(seconds=1) - timedelta(microseconds=1)
        last = self._scalar(f"SELECT max(issue) FROM ({issues})", [now, end] * issues.count("BETWEEN"))
        return last or now

    def issued(self, issue: datetime, *among: Table) -> bool:
        """Whether a table, `series` where none is named, has rows of exactly this issue."""
        return any(
            self._scalar(f"SELECT count(*) > 0 FROM {table.name} WHERE issue = ?", [issue])
            for table in among or (tables.SERIES,)
        )

    # scores -----------------------------------------------------------------------------------------------

    def unscored(self, lexicons: str) -> list[int]:
        """Segments not yet scored with this version of the lexicons, oldest first."""
        rows = self._con.execute(
            "SELECT segment FROM segments WHERE lexicons IS DISTINCT FROM ? ORDER BY 1", [lexicons]
        ).fetchall()
        return [row[0] for row in rows]

    def segment_texts(self, segment: int) -> pl.DataFrame:
        """`post_id, lang, text` of a segment's posts whose text is still kept."""
        return self._frame("SELECT post_id, lang, text FROM posts WHERE segment = ? AND text IS NOT NULL", [segment])

    def save_scores(self, segment: int, scores: pl.DataFrame, lexicons: str) -> None:
        """Replace the scores of a segment's posts whose text is still kept, and mark their days changed."""
        with self._registered(incoming=tables.SCORES.validate(scores)), self._transaction():
            if self._scalar("SELECT lexicons IS NOT NULL FROM segments WHERE segment = ?", [segment]):
                self._con.execute(
                    """DELETE FROM scores WHERE post_id IN
                       (SELECT post_id FROM posts WHERE segment = ? AND text IS NOT NULL)""", [segment]
                )  # fmt: skip
                self._con.execute(
                    "INSERT INTO dirty_days SELECT DISTINCT created_at::DATE FROM posts WHERE segment = ?",
                    [segment],
                )
            self._con.execute("INSERT INTO scores BY NAME SELECT * FROM incoming")
            self._con.execute("UPDATE segments SET lexicons = ? WHERE segment = ?", [lexicons, segment])

    # aggregates -------------------------------------------------------------------------------------------

    def communities(self, now: datetime, posts: int, authors: int) -> list[str]:
        """Communities with at least so many posts and known authors up to `now`, in order of name."""
        rows = self._con.execute(
            """SELECT community FROM posts WHERE created_at <= ? AND community IS NOT NULL
               GROUP BY 1 HAVING count(*) >= ? AND count(DISTINCT hash(author_key)) >= ? ORDER BY 1""",
            [now, posts, authors],
        ).fetchall()
        return [row[0] for row in rows]

    def last_day_without_text(self) -> date | None:
        """The newest day with a post whose text was dropped; None where all texts are kept."""
        return self._scalar("SELECT max(created_at)::DATE FROM posts WHERE text IS NULL")

    def days(self, now: datetime, languages: Sequence[str]) -> pl.DataFrame:
        """`source, community, lang, geo, time_value` of every day with measured posts up to `now`, and their `n`."""
        return self._frame(
            """SELECT source, community, lang, geo, created_at::DATE AS time_value, count(*) AS n
               FROM posts WHERE created_at <= ? AND (lang = 'und' OR lang IN (SELECT unnest(?))) GROUP BY ALL""",
            [now, list(languages)],
        )

    def dirty_days(self, now: datetime) -> list[date]:
        """Days up to `now` to aggregate anew: changed, not yet closed when last aggregated, or never issued by then."""
        rows = self._con.execute(
            """SELECT time_value FROM dirty_days
               UNION (SELECT created_at::DATE FROM posts WHERE created_at <= ?
                      EXCEPT SELECT time_value FROM series WHERE issue <= ?)
               UNION SELECT DISTINCT time_value FROM
               (SELECT time_value, provisional FROM series WHERE issue <= ?
                QUALIFY row_number() OVER (PARTITION BY marker, population, unit, method, time_value
                                           ORDER BY issue DESC) = 1)
               WHERE provisional""", [now, now, now]
        ).fetchall()  # fmt: skip
        return sorted(row[0] for row in rows if row[0] <= now.date())

    def activity(
        self, days: Sequence[date], now: datetime, languages: Sequence[str], dimensions: Mapping[str, Sequence[str]]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Posts per author and day, and how many of them express each marker.

        Returns (activity, expressions), both with `time_value, source, community, lang, geo, cluster, known`
        (cluster: a number for the author, or for the post where the author is not known) and `n`; expressions
        also `marker`. Only posts up to `now` in one of `languages` (or `und`) count; `dimension:NAME` counts a
        post once.
        """
        members = pl.DataFrame(
            [(name, marker) for name, markers in dimensions.items() for marker in markers],
            schema={"dimension": pl.String, "member": pl.String}, orient="row",
        )  # fmt: skip
        wanted = pl.DataFrame({"time_value": pl.Series(list(days), dtype=pl.Date)})
        # Numbers of 64 bits stand for posts, authors and places, as the work grows with the bytes that are grouped;
        # that any two of five million are the same has a chance of one in a million.
        self._con.execute("DROP TABLE IF EXISTS temp.day_posts")
        with self._registered(wanted=wanted, members=members):
            self._con.execute(
                """CREATE TEMP TABLE day_posts AS
                   SELECT hash(post_id) AS post, created_at::DATE AS time_value,
                          hash(source, community, lang, geo) AS place, hash(coalesce(author_key, post_id)) AS cluster,
                          author_key IS NOT NULL AS known
                   FROM posts WHERE created_at <= ? AND created_at::DATE IN (SELECT time_value FROM wanted)
                        AND (lang = 'und' OR lang IN (SELECT unnest(?)))""", [now, list(languages)]
            )  # fmt: skip
            activity = self._frame("SELECT * EXCLUDE post, count(*) AS n FROM day_posts GROUP BY ALL")
            expressions = self._frame("""
                WITH marked AS MATERIALIZED (
                    SELECT d.*, marker FROM scores JOIN day_posts d ON post = hash(post_id) WHERE hits > 0),
                every AS (SELECT * FROM marked UNION ALL
                    SELECT DISTINCT m.* REPLACE ('dimension:' || dimension AS marker)
                    FROM marked m JOIN members ON marker = member)
                SELECT * EXCLUDE post, count(*) AS n FROM every GROUP BY ALL""")
        self._con.execute("DROP TABLE temp.day_posts")
        places = self._frame(
            "SELECT DISTINCT source, community, lang, geo, hash(source, community, lang, geo) AS place FROM posts"
        )
        return activity.join(places, on="place").drop("place"), expressions.join(places, on="place").drop("place")

    def posts_of(self, days: Sequence[date], now: datetime, languages: Sequence[str]) -> pl.DataFrame:
        """The posts of these days up to `now` in one of `languages` (or `und`).

        Columns `post_id, time_value, source, community, lang, geo, cluster, known, text`; cluster is a number for
        the author, or for the post where the author is not known.
        """
        return self._frame(
            """SELECT post_id, created_at::DATE AS time_value, source, community, lang, geo,
                      hash(coalesce(author_key, post_id)) AS cluster, author_key IS NOT NULL AS known, text
               FROM posts WHERE created_at >= ?::DATE AND created_at < ?::DATE + 1 AND created_at <= ?
                    AND created_at::DATE IN (SELECT unnest(?)) AND (lang = 'und' OR lang IN (SELECT unnest(?)))""",
            [min(days), max(days), now, list(days), list(languages)],
        )

    def readings(
        self, days: Sequence[date], now: datetime, languages: Sequence[str]
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The posts of these days up to `now` in one of `languages`, and the calibrated probability of each.

        Returns (places, posts, levels, read), by number to be small: `place, source, community, lang, geo`; `post`
        (from 0 on), `place, time_value, cluster` (as in `activity`), `known`; `level, marker, probability`; `post,
        level`, without the posts that have the probability of a post without evidence.
        """
        wanted = pl.DataFrame({"time_value": pl.Series(list(days), dtype=pl.Date)})
        try:
            with self._registered(wanted=wanted):
                self._con.execute(
                    """CREATE OR REPLACE TEMP TABLE read_posts AS
                       SELECT row_number() OVER () - 1 AS post, hash(source, community, lang, geo) AS place,
                              created_at::DATE AS time_value, hash(coalesce(author_key, post_id)) AS cluster,
                              author_key IS NOT NULL AS known, hash(post_id) AS id
                       FROM posts WHERE created_at <= ? AND created_at::DATE IN (SELECT time_value FROM wanted)
                            AND lang IN (SELECT unnest(?))""", [now, list(languages)]
                )  # fmt: skip
            self._con.execute(
                """CREATE OR REPLACE TEMP TABLE levels AS
                   SELECT row_number() OVER (ORDER BY marker, probability) - 1 AS level, * FROM
                   (SELECT DISTINCT marker, probability FROM scores WHERE probability IS NOT NULL)"""
            )
            return (
                self._frame(
                    """SELECT DISTINCT hash(source, community, lang, geo) AS place, source, community, lang, geo
                       FROM posts WHERE lang IN (SELECT unnest(?))""", [list(languages)]
                ),
                self._frame("SELECT * EXCLUDE id FROM read_posts"),
                self._frame("SELECT * FROM levels"),
                self._frame(
                    """SELECT post::INTEGER AS post, level::INTEGER AS level
                       FROM scores s JOIN read_posts ON id = hash(post_id)
                       JOIN levels l ON s.marker = l.marker AND s.probability = l.probability"""
                ),
            )  # fmt: skip
        finally:
            for table in ("read_posts", "levels"):
                self._con.execute(f"DROP TABLE IF EXISTS temp.{table}")

    # versioned tables -------------------------------------------------------------------------------------

    def latest(self, table: Table, now: datetime) -> pl.DataFrame:
        """Of each fact, the row with the latest issue not after `now`; no later issue is ever read."""
        return self._frame(latest(table, table.name), [now])

    def save(
        self, rows: Mapping[Table, pl.DataFrame], *, aggregated: Sequence[date] = (), now: datetime = datetime.max
    ) -> None:
        """Insert rows of several tables in one transaction, replacing those with the same key.

        With `aggregated`, those days are clean again; not so a day issued after `now` too, as that issue does not
        know of the change yet. Raises `Terminal` where a row breaks its table's contract.
        """
        checked = {table.name: table.validate(frame) for table, frame in rows.items()}
        with self._registered(**{f"new_{name}": f for name, f in checked.items()}), self._transaction():
            for name in checked:
                self._con.execute(f"INSERT OR REPLACE INTO {name} BY NAME SELECT * FROM new_{name}")
            self._con.execute(
                """DELETE FROM dirty_days WHERE list_contains(?, time_value)
                   AND time_value NOT IN (SELECT time_value FROM series WHERE issue > ?)""", [list(aggregated), now]
            )  # fmt: skip

    def save_new(self, rows: Mapping[Table, pl.DataFrame]) -> None:
        """The same, but a row whose key is already there stays as it is."""
        checked = {table.name: table.validate(frame) for table, frame in rows.items()}
        with self._registered(**{f"new_{name}": f for name, f in checked.items()}), self._transaction():
            for name in checked:
                self._con.execute(f"INSERT OR IGNORE INTO {name} BY NAME SELECT * FROM new_{name}")

    def read(self, table: Table) -> pl.DataFrame:
        """All rows of a table, in order of its key."""
        return self._frame(
            f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key) or 'ALL'}"
        )

    # housekeeping -----------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A small fact the monitor keeps about itself."""
        return self._scalar("SELECT value FROM meta WHERE name = ?", [name])

    def set(self, **facts: str) -> None:
        """Keep small facts."""
        with self._transaction():
            for name, value in facts.items():
                self._con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])

    def aggregate_as(self, fingerprint: str) -> None:
        """Have every day aggregated anew where `fingerprint` (of all that shapes a cell) is not the last one."""
        if self.get("aggregated_as") != fingerprint:
            with self._transaction():
                self._con.execute("INSERT INTO dirty_days SELECT DISTINCT created_at::DATE FROM posts")
                self._con.execute("INSERT OR REPLACE INTO meta VALUES ('aggregated_as', ?)", [fingerprint])

    def forget_texts(self, before: datetime) -> int:
        """Drop the text of scored posts older than `before`. Returns how many.

        With a text goes what an annotator said of it, which may quote it: also of a reply to it, read with it.
        """
        with self._transaction():
            dropped = int(
                self._scalar(
                    """UPDATE posts SET text = NULL WHERE created_at < ? AND text IS NOT NULL
                       AND segment IN (SELECT segment FROM segments WHERE lexicons IS NOT NULL)""", [before]
                ) or 0
            )  # fmt: skip
            self._con.execute(
                """UPDATE annotations SET explanation = NULL WHERE explanation IS NOT NULL AND post_id IN
                   (SELECT q.post_id FROM posts q SEMI JOIN annotations USING (post_id)
                    LEFT JOIN posts p ON p.post_id = q.parent_id
                    WHERE q.text IS NULL OR (p.post_id IS NOT NULL AND p.text IS NULL))"""
            )
        return dropped

    def thin(self, table: Table, before: date) -> int:
        """Of each fact keep the last issue of each UTC day before `before` alone. Returns how many rows went."""
        fact = ", ".join(table.series_key)
        with self._transaction():
            gone = self._con.execute(
                f"""DELETE FROM {table.name} WHERE rowid IN (
                        SELECT rowid FROM {table.name} WHERE issue < ?::DATE
                        QUALIFY issue < max(issue) OVER (PARTITION BY {fact}, issue::DATE))
                    RETURNING issue""", [before]
            ).fetchall()  # fmt: skip
        return len(gone)

    def interrupt_runs(self) -> None:
        """Mark runs that never said how they ended."""
        with self._transaction():
            self._con.execute("UPDATE runs SET status = 'interrupted' WHERE status = 'running'")

    def copy_published(self, path: Path) -> None:
        """Write every published table, all issues included, into a new database at `path`."""
        target = str(path).replace("'", "''")
        self._con.execute(f"ATTACH '{target}' AS snapshot")
        try:
            for table in tables.PUBLISHED:
                self._con.execute(create(table, "snapshot.", keyed=False))
                rows = reach("series") if table is tables.LINES else f"SELECT * FROM {table.name}"
                order = ", ".join(table.key)
                self._con.execute(f"INSERT INTO snapshot.{table.name} BY NAME SELECT * FROM ({rows}) ORDER BY {order}")
            self._con.execute("CHECKPOINT snapshot")
        except DISK as error:
            raise unwritable(path, error) from None
        finally:
            with suppress(duckdb.Error):
                self._con.execute("DETACH snapshot")
