"""The part of the warehouse that people's labels are kept in: what they are given, and what they said."""

import polars as pl

from barograph import tables
from barograph.store.database import Database


class Audits(Database):
    """Posts of annotators' samples to be given to people, and what these answered."""

    def auditable(self, task: str) -> pl.DataFrame:
        """`post_id, text, parent, inclusion_probability` of the posts in a sample of this task whose text is there.

        parent: text of what it replies to, NULL where that is not known. Canaries, and posts outside of any sample, are
        left out.
        """
        return self._frame(
            """SELECT p.post_id, p.text, parent.text AS parent, max(a.inclusion_probability) AS inclusion_probability
               FROM annotations a JOIN posts p USING (post_id) LEFT JOIN posts parent ON parent.post_id = p.parent_id
               WHERE a.task = ? AND a.inclusion_probability > 0 AND p.text IS NOT NULL
               GROUP BY ALL ORDER BY p.post_id""",
            [task],
        )

    def sampled(self, task: str) -> dict[str, float]:
        """Post → its inclusion probability in the samples of this task, of all posts in one."""
        rows = self._con.execute(
            """SELECT post_id, max(inclusion_probability) FROM annotations
               WHERE task = ? AND inclusion_probability > 0 GROUP BY post_id""", [task]
        ).fetchall()  # fmt: skip
        return dict(rows)

    def keep_audits(self, rows: pl.DataFrame) -> None:
        """Keep rows of `audits`, in place of those with the same key, and mark all days of labels of their tasks.

        People's answers correct the labels of every day, not those of their own posts alone.
        """
        with self._registered(told=tables.AUDITS.validate(rows)), self._transaction():
            self._con.execute("INSERT OR REPLACE INTO audits BY NAME SELECT * FROM told")
            self._con.execute(
                """INSERT INTO dirty_days SELECT DISTINCT created_at::DATE FROM posts
                   WHERE post_id IN (SELECT post_id FROM told) OR created_at::DATE >=
                         (SELECT min(created_at)::DATE FROM posts JOIN annotations USING (post_id)
                          WHERE task IN (SELECT task FROM told))"""
            )

    def readings_of_audited(self, task: str) -> pl.DataFrame:
        """`post_id, who, person, label` of the posts that people answered: by each rater, and by each annotator.

        Of an annotator it is the label of its latest model and prompt; label: JSON object, question → answer.
        """
        return self._frame(
            """WITH said AS (SELECT post_id, rater AS who, true AS person, label FROM audits WHERE task = ?),
                    asked AS (SELECT post_id, annotator AS who, false AS person, label FROM annotations
                              WHERE task = ? AND label IS NOT NULL AND post_id IN (SELECT post_id FROM said)
                              QUALIFY row_number() OVER (PARTITION BY post_id, annotator
                                                         ORDER BY annotated_at DESC, prompt_version) = 1)
               SELECT * FROM said UNION ALL SELECT * FROM asked ORDER BY person DESC, who, post_id""",
            [task, task],
        )
