"""The part of the warehouse that takes posts out, and keeps them out."""

from datetime import date, datetime

import polars as pl

from barograph.store.database import Database

_BATCH = "thinned_on"
"""In `meta`: the UTC day of the last batch."""


class Removals(Database):
    """Posts out, with all that hangs on them; tombstones; the days that are to be aggregated anew for it."""

    def tombstones(self, hashes: pl.Series) -> pl.DataFrame:
        """`id_hash, forgotten` of those of these keyed hashes that have a tombstone."""
        asked = hashes.drop_nulls().unique().alias("id_hash").to_frame()
        return self._frame("SELECT id_hash, forgotten FROM tombstones SEMI JOIN asked USING (id_hash)", asked=asked)

    def has_tombstones(self) -> bool:
        """Whether anything must stay out."""
        return bool(self._scalar("SELECT EXISTS (FROM tombstones)"))

    def thinned(self, today: date) -> list[date]:
        """Have the days that lost posts, or of which texts changed, aggregated anew once a UTC day. Returns them.

        The clock may have jumped: a batch is due on any other day than that of the last one.
        """
        with self._transaction():
            if self._scalar("SELECT value FROM meta WHERE name = ?", [_BATCH]) == today.isoformat():
                return []
            days = [row[0] for row in self._con.execute("SELECT DISTINCT time_value FROM thinned_days").fetchall()]
            self._con.execute("INSERT INTO dirty_days SELECT DISTINCT time_value FROM thinned_days")
            self._con.execute("DELETE FROM source_days WHERE time_value IN (SELECT time_value FROM thinned_days)")
            self._con.execute("DELETE FROM thinned_days")
            self._con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [_BATCH, today.isoformat()])
        return sorted(days)

    def read_sources(self) -> list[str]:
        """The sources that posts came from, those among them whose posts are all gone."""
        return [row[0] for row in self._con.execute("SELECT DISTINCT source FROM segments ORDER BY 1").fetchall()]

    def written_by(self, authors: pl.Series) -> pl.Series:
        """post_id of all posts of these author_keys."""
        asked = authors.alias("author_key").to_frame()
        return self._frame("SELECT post_id FROM posts SEMI JOIN asked USING (author_key)", asked=asked)["post_id"]

    def forget(self, posts: pl.DataFrame, authors: pl.DataFrame, link: str | None, at: datetime) -> tuple[int, int]:
        """Take out posts, and all that some authors wrote, for ever. Returns how many posts, and links besides theirs.

        posts: `post_id, id_hash`; authors: `author_key, id_hash` (keyed hashes of the other). link: replies lose their
        link where it holds this text.
        """
        with self._registered(named=posts, theirs=authors), self._transaction():
            removed = self._remove(
                """post_id IN (SELECT post_id FROM named) OR author_key IN (SELECT author_key FROM theirs)"""
            )
            self._bury("SELECT id_hash FROM named UNION SELECT id_hash FROM theirs", at, forgotten=True)
            links = self._scalar(
                """UPDATE posts SET parent_id = NULL
                   WHERE parent_id IN (SELECT post_id FROM named) OR contains(parent_id, ?)""", [link]
            )  # fmt: skip
        return removed, int(links or 0)

    def thinning(self) -> bool:
        """Whether days that lost posts, or of which texts changed, wait for the next batch."""
        return bool(self._scalar("SELECT EXISTS (FROM thinned_days)"))

    def _remove(self, which: str) -> int:
        """Take out the posts of a condition on `posts`, within a transaction. Returns how many."""
        self._con.execute(
            f"""CREATE OR REPLACE TEMP TABLE leaving AS
                SELECT DISTINCT post_id, created_at::DATE AS day FROM posts WHERE {which}"""
        )
        n = int(self._scalar("SELECT count(*) FROM leaving") or 0)
        if n:
            self._unlink()
            self._con.execute("INSERT INTO thinned_days SELECT DISTINCT day FROM leaving")
            self._con.execute("DELETE FROM posts WHERE post_id IN (SELECT post_id FROM leaving)")
        self._con.execute("DROP TABLE temp.leaving")
        return n

    def _unlink(self, *, texts_only: bool = False) -> None:
        """Take out what was read in the posts of the table `leaving`, and their ids where replies name them.

        texts_only: the posts stay, with other texts; so do links to them.
        """
        # An annotator read a reply together with what it replies to where the hash is not that of the reply alone.
        self._con.execute(
            """CREATE OR REPLACE TEMP TABLE replies AS
               SELECT post_id, text_hash FROM posts WHERE parent_id IN (SELECT post_id FROM leaving)"""
        )
        self._con.execute(
            """DELETE FROM annotations WHERE EXISTS (FROM replies r WHERE r.post_id = annotations.post_id
                                                     AND r.text_hash != annotations.text_hash)"""
        )
        self._con.execute("DROP TABLE temp.replies")
        for table in ("scores", "annotations", "audits"):
            self._con.execute(f"DELETE FROM {table} WHERE post_id IN (SELECT post_id FROM leaving)")
        if not texts_only:
            self._con.execute("UPDATE posts SET parent_id = NULL WHERE parent_id IN (SELECT post_id FROM leaving)")

    def _bury(self, hashes: str, at: datetime, *, forgotten: bool = False) -> None:
        """Give each of a query's `id_hash` a tombstone, within a transaction."""
        self._con.execute(
            f"""INSERT INTO tombstones BY NAME SELECT DISTINCT id_hash, ?::TIMESTAMP AS deleted_at, ? AS forgotten
                FROM ({hashes}) WHERE id_hash IS NOT NULL
                ON CONFLICT DO UPDATE SET forgotten = tombstones.forgotten OR excluded.forgotten""", [at, forgotten]
        )  # fmt: skip
