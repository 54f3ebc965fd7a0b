"""What annotators and people said of posts beside what lexicons read in them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl

from barograph.store.database import Database

HIT = "hit:"
"""In front of a task: its stratum among markers."""


class Labelled(Database):
    """Labelled posts, and of all posts the sums that their labels are carried over with."""

    def labelled(
        self, days: Sequence[date], now: datetime, languages: Sequence[str], chains: Mapping[str, Sequence[str]]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The posts of these days that annotators were asked of, and all audited ones, up to `now`.

        chains: task → its annotators as they are asked, one after another.
        Returns (labels, sizes). labels: `post_id, task, time_value, source, community, lang, geo, cluster, known` (as
        in `activity`), `label, cues, annotator, model, prompt_version, status, inclusion_probability`: of each post and
        task the answer of the first of the chain who gave one, else of others, the last one of each; else how asking
        ended. sizes: `time_value, source, community, lang, geo, cluster, n`: all posts of their authors on these days.
        """
        places = pl.DataFrame(
            [(task, one, place) for task, chain in chains.items() for place, one in enumerate(chain)],
            schema={"task": pl.String, "annotator": pl.String, "place": pl.Int64}, orient="row",
        )  # fmt: skip
        with self._registered(places=places):
            self._con.execute(
                """CREATE OR REPLACE TEMP TABLE asked AS
                   SELECT a.*, created_at::DATE AS time_value, source, community, lang, geo,
                          hash(coalesce(author_key, post_id)) AS cluster, author_key IS NOT NULL AS known
                   FROM annotations a JOIN posts USING (post_id) LEFT JOIN places USING (task, annotator)
                   WHERE created_at <= ? AND (lang = 'und' OR lang IN (SELECT unnest(?)))
                         AND (created_at::DATE IN (SELECT unnest(?)) OR post_id IN (SELECT post_id FROM audits))
                   QUALIFY row_number() OVER (PARTITION BY post_id, task
                       ORDER BY status IN ('ok', 'unclear') DESC, place NULLS LAST, annotated_at DESC, annotator,
                                prompt_version) = 1""",
                [now, list(languages), list(days)],
            )
        try:
            labels = self._frame(
                """SELECT post_id, task, time_value, source, community, lang, geo, cluster, known, label, cues,
                          annotator, model, prompt_version, status, inclusion_probability
                   FROM asked ORDER BY task, post_id"""
            )
            sizes = self._frame(
                """SELECT created_at::DATE AS time_value, source, community, lang, geo,
                          hash(coalesce(author_key, post_id)) AS cluster, count(*) AS n
                   FROM posts WHERE created_at <= ? AND (lang = 'und' OR lang IN (SELECT unnest(?)))
                        AND (hash(coalesce(author_key, post_id)), created_at::DATE) IN
                            (SELECT (cluster, time_value) FROM asked) GROUP BY ALL""", [now, list(languages)]
            )  # fmt: skip
        finally:
            self._con.execute("DROP TABLE temp.asked")
        return labels, sizes

    def audited(self) -> pl.DataFrame:
        """`post_id, task, rater, label, inclusion_probability` of every audit."""
        return self._frame(
            "SELECT post_id, task, rater, label, inclusion_probability FROM audits ORDER BY task, post_id, rater"
        )

    def first_labelled(self) -> dict[str, date]:
        """Task → the first day with a post that was labelled in a sample."""
        rows = self._con.execute(
            """SELECT task, min(created_at)::DATE FROM annotations JOIN posts USING (post_id)
               WHERE inclusion_probability > 0 AND label IS NOT NULL GROUP BY 1"""
        ).fetchall()
        return dict(rows)

    def read_in(self, post_ids: pl.Series) -> pl.DataFrame:
        """`post_id, marker, hits, probability`: the scores of these posts."""
        chosen = pl.DataFrame({"post_id": post_ids.unique()}, schema={"post_id": pl.String})
        return self._frame(
            "SELECT post_id, marker, hits, probability FROM scores SEMI JOIN chosen USING (post_id)", chosen=chosen
        )

    def predicted(
        self,
        days: Sequence[date],
        now: datetime,
        languages: Sequence[str],
        markers: Mapping[str, Sequence[str]],
        calibrations: pl.DataFrame,
    ) -> pl.DataFrame:
        """`time_value, source, community, lang, geo, cluster, known, marker, x`: sums of predictions by author.

        markers: task → the markers it measures. calibrations: `marker, lang, probability` of a post without evidence.
        x: of a marker with a calibration in the post's language the sum of probability less that of a post without
        evidence, else how many posts have a hit. Of `hit:TASK` how many have a hit of any marker of the task.
        """
        wanted = pl.DataFrame({"time_value": pl.Series(list(days), dtype=pl.Date)})
        of_task = pl.DataFrame(
            [(task, marker) for task, several in markers.items() for marker in several],
            schema={"task": pl.String, "marker": pl.String}, orient="row",
        )  # fmt: skip
        fitted = calibrations.select("marker", "lang", pl.col("probability").alias("without"))
        with self._registered(wanted=wanted, of_task=of_task, fitted=fitted):
            return self._frame(
                f"""WITH read AS MATERIALIZED (
                        SELECT created_at::DATE AS time_value, source, community, lang, geo, post_id,
                               hash(coalesce(author_key, post_id)) AS cluster, author_key IS NOT NULL AS known,
                               marker, hits, probability
                        FROM scores JOIN posts USING (post_id)
                        WHERE created_at <= ? AND created_at::DATE IN (SELECT time_value FROM wanted)
                              AND (lang = 'und' OR lang IN (SELECT unnest(?)))
                              AND marker IN (SELECT marker FROM of_task)),
                    each AS (
                        SELECT r.* EXCLUDE (hits, probability), CASE WHEN f.marker IS NULL THEN (hits > 0)::DOUBLE
                               ELSE coalesce(probability - without, 0) END AS x
                        FROM read r LEFT JOIN fitted f ON r.marker = f.marker AND r.lang = f.lang
                        UNION ALL
                        SELECT DISTINCT r.* EXCLUDE (hits, probability) REPLACE ('{HIT}' || task AS marker), 1.0
                        FROM read r JOIN of_task t ON r.marker = t.marker WHERE hits > 0)
                    SELECT * EXCLUDE (post_id, x), sum(x) AS x FROM each GROUP BY ALL HAVING sum(x) != 0""",
                [now, list(languages)],
            )
