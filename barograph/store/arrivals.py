"""The part of the warehouse that posts come in by: batches of files, and what streams landed."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import polars as pl

from barograph.arrivals import Settled
from barograph.store.removals import Removals


class Landed(NamedTuple):
    """How the rows of one batch fell out."""

    new: int = 0
    duplicate: int = 0
    conflicting: int = 0
    changed: int = 0
    """Posts whose text was replaced."""
    removed: int = 0
    """Posts that are here no more."""
    kept_out: int = 0
    """Rows of posts that were deleted before."""


class Arrivals(Removals):
    """Posts in, each once."""

    def land(self, source: str, posts: pl.DataFrame, rejects: pl.DataFrame, at: datetime) -> Landed:
        """Keep a batch: new posts as one segment, rejected rows in quarantine, changed days marked.

        posts: columns of `posts` but `segment`, plus `line`, the order within the batch. A known post_id, or
        one seen earlier in the batch, is a duplicate where the text is the same, else conflicting: the first
        is kept. rejects: columns of `quarantine`.
        """
        posts = posts.sort("line")
        first = posts["post_id"].is_first_distinct()
        kept, again = posts.filter(first).with_columns(op=pl.lit("post")), posts.filter(~first)
        with self._registered(rejected=rejects), self._transaction():
            self._con.execute("INSERT OR IGNORE INTO quarantine BY NAME SELECT * FROM rejected")
            return self._keep(source, kept, again, at)

    def landed(self, source: str) -> int:
        """The number of the last segment of a stream that was loaded; 0 before the first."""
        return int(self._scalar("SELECT segment FROM landed WHERE source = ?", [source]) or 0)

    def known(self, post_ids: pl.Series) -> pl.DataFrame:
        """`post_id` of those that are here."""
        return self._frame("SELECT post_id FROM posts SEMI JOIN ids USING (post_id)", ids=post_ids.to_frame("post_id"))

    def take(
        self,
        source: str,
        through: int,
        posts: pl.DataFrame,
        settled: Settled,
        hashes: Mapping[str, pl.Series],
        rejects: pl.DataFrame,
        coverage: pl.DataFrame,
        at: datetime,
    ) -> Landed:
        """Keep what a stream landed up to the segment `through`: all of it, or nothing where the process is killed.

        posts: as for `land`, the rows that `settled` names among them. hashes: the keyed hashes of `settled.deleted`
        (deleted) and of the authors of `settled.authors` (authors), in their order. rejects: columns of `quarantine`.
        coverage: all rows of `coverage` that the source has now.
        """
        told = {
            "deleted": settled.deleted.alias("post_id").to_frame().with_columns(id_hash=hashes["deleted"]),
            "emptied": settled.emptied.alias("post_id").to_frame(),
            "left_authors": settled.left.alias("author_key").to_frame(),
            "authors": settled.authors.with_columns(id_hash=hashes["authors"]),
        }
        kept = posts.join(settled.kept.select("line", "op"), on="line").sort("line")
        again = posts.join(settled.again.select("line"), on="line", how="semi")
        with self._registered(**told, rejected=rejects, coverage_now=coverage), self._transaction():
            self._con.execute("INSERT OR IGNORE INTO quarantine BY NAME SELECT * FROM rejected")
            removed = 0
            if any(frame.height for frame in told.values()):
                removed = self._remove(
                    """post_id IN (SELECT post_id FROM deleted UNION SELECT post_id FROM emptied)
                       OR author_key IN (SELECT author_key FROM left_authors)"""
                )
                self._bury("SELECT id_hash FROM deleted UNION SELECT id_hash FROM authors WHERE op = 'leave'", at)
                self._con.execute(
                    """DELETE FROM tombstones WHERE NOT forgotten
                       AND id_hash IN (SELECT id_hash FROM authors WHERE op = 'return')"""
                )
            landed = self._keep(source, kept, again, at)
            self._con.execute("DELETE FROM coverage WHERE source = ?", [source])
            self._con.execute("INSERT INTO coverage BY NAME SELECT * FROM coverage_now")
            self._con.execute("INSERT OR REPLACE INTO landed VALUES (?, ?)", [source, through])
        return landed._replace(removed=removed, kept_out=settled.kept_out)

    def _keep(self, source: str, posts: pl.DataFrame, again: pl.DataFrame, at: datetime) -> Landed:
        """Keep posts, one row each, within a transaction; where `op` is update in place of what is there.

        again: rows that lost against one of `posts`; they are counted.
        """
        ids = posts.select("post_id", "text_hash")
        known = self._frame("SELECT post_id, text_hash AS there FROM posts SEMI JOIN ids USING (post_id)", ids=ids)
        posts = posts.join(known.unique("post_id"), on="post_id", how="left", maintain_order="left")
        update, new = pl.col("op") == "update", pl.col("there").is_null()
        changed = posts.filter(~new, update, pl.col("text_hash") != pl.col("there"))
        fresh = posts.filter(new)
        stand = posts.select(
            "post_id", "op", pl.when(update | new).then("text_hash").otherwise("there").alias("stands")
        )
        seen = pl.concat([posts.filter(~new & ~update), again.select("post_id", "text_hash")], how="diagonal")
        seen = seen.select("post_id", "text_hash").join(stand, on="post_id")
        same, edited = seen["text_hash"] == seen["stands"], seen["op"] == "update"
        landed = Landed(
            new=fresh.height,
            duplicate=int(same.sum()) + posts.filter(~new, update).height - changed.height,
            conflicting=int((~same & ~edited).sum()),
            changed=changed.height + int((~same & edited).sum()),
        )
        if fresh.height or changed.height:
            self._insert(source, fresh.drop("line", "op", "there"), changed, at)
        return landed

    def _insert(self, source: str, fresh: pl.DataFrame, changed: pl.DataFrame, at: datetime) -> None:
        """Put posts into a segment of their own, those with another text in place of the old ones."""
        segment = int(self._scalar("SELECT coalesce(max(segment), 0) + 1 FROM segments") or 0)
        n = fresh.height + changed.height
        with self._registered(fresh=fresh, changed=changed):
            self._con.execute("INSERT INTO segments VALUES (?, ?, ?, ?, NULL)", [segment, source, n, at])
            if changed.height:
                self._con.execute(
                    """CREATE OR REPLACE TEMP TABLE leaving AS
                       SELECT p.* REPLACE (c.text AS text, c.text_hash AS text_hash, c.lang AS lang, ? AS segment)
                       FROM posts p JOIN changed c USING (post_id)""", [segment]
                )  # fmt: skip
                self._unlink(texts_only=True)
                self._con.execute("DELETE FROM posts WHERE post_id IN (SELECT post_id FROM leaving)")
                self._con.execute("INSERT INTO posts BY NAME SELECT * FROM leaving")
                # Issued at once, the day would tell what one person's post expressed before and after.
                self._con.execute("INSERT INTO thinned_days SELECT DISTINCT created_at::DATE FROM leaving")
                self._con.execute("DROP TABLE temp.leaving")
            self._con.execute(f"INSERT INTO posts BY NAME SELECT *, {segment} AS segment FROM fresh")
            self._con.execute("INSERT INTO dirty_days SELECT DISTINCT created_at::DATE FROM fresh")
