"""Labels of a sample → rows of `series` of the methods `annotator` and `corrected`.

`annotator` is the mean of the labels alone, of as few days back as it takes; `corrected` carries them to all posts of
the day. Neither is issued without the labels that it takes: then the row says which are lacking.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from barograph import correction
from barograph.answers import UNITS, Tables, answers, measured, sampled, source
from barograph.correction import Crowd, Estimate, Ints, Sample
from barograph.populations import Where, inside
from barograph.settings import Annotation
from barograph.tables import SERIES

WINDOW_DAYS = 28
_UNANSWERED = "fewer than half of the posts asked about were answered"


def labelled_series(
    known: Tables,
    populations: Mapping[str, Where],
    annotations: Sequence[Annotation],
    markers: Sequence[str],
    issued: Sequence[date],
    *,
    frozen: date | None,
    now: datetime,
    minimum_authors: int,
    closing_hours: float,
) -> pl.DataFrame:
    """Rows of `series` for the days `issued` since the first label, of every population that is sampled.

    frozen: the last day that other lexicons read: of it and days before only labels count, no residuals. A marker
    of two tasks is read by the first that is configured. Interval: see `correction`.
    """
    rows: list[dict[str, Any]] = []
    done: set[tuple[str, str]] = set()
    for annotation in annotations:
        mine = measured(known.labels.filter(task=annotation.name), markers).get(annotation.name, [])
        first = known.first.get(annotation.name)
        if not mine or first is None:
            continue
        for name in annotation.populations or populations:
            todo = [marker for marker in mine if (name, marker) not in done]
            done |= {(name, marker) for marker in todo}
            if name in populations and todo:
                line = _Population(known, annotation, populations[name], populations, mine, frozen, minimum_authors)
                rows += [
                    {**row, "population": name} for row in line.rows([d for d in issued if d >= first], todo, first)
                ]
    closes = pl.col("time_value").cast(pl.Datetime("us")) + timedelta(days=1, hours=closing_hours)
    return (
        pl.DataFrame(
            rows, schema={c: t for c, t in SERIES.schema.items() if c not in ("value_kind", "provisional", "issue")}
        )
        .with_columns(value_kind=pl.lit("share"), provisional=closes > now, issue=pl.lit(now))
        .select(*SERIES.columns)
    )


class _Population:
    """One task's labels in one population, and all its posts by author."""

    def __init__(
        self, known: Tables, annotation: Annotation, where: Where, populations: Mapping[str, Where],
        markers: Sequence[str], frozen: date | None, minimum_authors: int,
    ) -> None:  # fmt: skip
        self.task, self.frozen, self.least = annotation.name, frozen, minimum_authors
        cell = ["time_value", "cluster"]
        self.labels = sampled(known, annotation, where, populations, markers)
        self.answers = answers(self.labels)
        self.scores = known.scores.join(self.labels.select("post_id", "lang"), on="post_id")
        self.without = known.calibrations.select("marker", "lang", pl.col("probability").alias("without"))
        audits = known.audits.filter(pl.col("task") == self.task, pl.col("inclusion_probability") > 0)
        chance = audits.group_by("post_id").agg(pl.col("inclusion_probability").max().alias("chance"))
        people = answers(audits).group_by("post_id", "marker").agg(pl.col("y").mean().alias("z"))
        self.audits = people.join(chance, on="post_id")
        self.days = set(known.days.filter(inside(where))["time_value"])
        activity, predicted = known.activity.filter(inside(where)), known.predicted.filter(inside(where))
        # Posts of one author in several places, and languages with another prediction of a post without evidence.
        self.places = activity.group_by("lang", *cell, "known").agg(pl.col("n").sum())
        self.sums = predicted.group_by("marker", *cell).agg(pl.col("x").sum())
        clusters = pl.concat([self.labels["cluster"], activity["cluster"]]).unique().sort()
        self.number = pl.DataFrame({"cluster": clusters}).with_row_index("author")

    def rows(self, issued: Sequence[date], markers: Sequence[str], first: date) -> list[dict[str, Any]]:
        """Every row of these days and of every day without a post since the first label."""
        found = [row for marker in markers for row in self._of_marker(marker, [d for d in issued if d in self.days])]
        if not self.days:
            return found
        whole = pl.date_range(max(first, min(self.days)), max(self.days), eager=True).to_list()
        return found + [
            _row(marker, unit, method, day, reason="no posts")
            for day in whole if day not in self.days
            for marker in markers for unit in UNITS for method in ("annotator", "corrected")
        ]  # fmt: skip

    def _of_marker(self, marker: str, days: Sequence[date]) -> list[dict[str, Any]]:
        asked = self.labels.filter(pl.col("inclusion_probability") > 0).join(
            self.answers.filter(marker=marker).select("post_id", "y"), on="post_id", how="left", maintain_order="left"
        )
        asked = self._predicted(asked, marker).join(self.number, on="cluster", maintain_order="left")
        crowds = self._crowds(marker, days)
        rows = []
        for day in days:
            window = asked.filter(pl.col("time_value").is_between(day - timedelta(days=WINDOW_DAYS - 1), day))
            for unit in UNITS:
                mine = window if unit == "posts" else window.filter("known")
                crowd = crowds[day] if unit == "posts" else crowds[day].filter("known")
                rows.append(self._annotator(marker, unit, day, mine))
                rows.append(self._corrected(marker, unit, day, mine, crowd))
        return rows

    def _predicted(self, posts: pl.DataFrame, marker: str) -> pl.DataFrame:
        """`posts` with `f`, what is predicted of each: a probability where calibrated, else a hit or none."""
        scores = self.scores.filter(marker=marker).select("post_id", "hits", "probability")
        fitted = self.without.filter(marker=marker).drop("marker")
        rows = posts.join(scores, on="post_id", how="left", maintain_order="left")
        rows = rows.join(fitted, on="lang", how="left", maintain_order="left")
        hit = (pl.col("hits").fill_null(0) > 0).cast(pl.Float64)
        read = pl.when(pl.col("without").is_null()).then(hit).otherwise(pl.coalesce("probability", "without"))
        return rows.with_columns(read.alias("f")).drop("hits", "probability", "without")

    def _crowds(self, marker: str, days: Sequence[date]) -> dict[date, pl.DataFrame]:
        """Day → `author, known, n`, sum of predictions `x` and of posts in the hit stratum `h`, a row an author."""
        cell = ["time_value", "cluster"]
        base = self.places.join(self.without.filter(marker=marker).drop("marker"), on="lang", how="left")
        base = base.with_columns(pl.col("without").fill_null(0) * pl.col("n"))
        each = base.group_by(*cell, "known").agg(pl.col("n").sum(), pl.col("without").sum())
        for name, of in (("x", marker), ("h", f"hit:{self.task}")):
            own = self.sums.filter(marker=of).select(*cell, pl.col("x").alias(name))
            each = each.join(own, on=cell, how="left").with_columns(pl.col(name).fill_null(0))
        each = each.with_columns(x=pl.col("x") + pl.col("without")).join(self.number, on="cluster").sort("author")
        none = each.clear()
        found = {day: of for (day,), of in each.group_by("time_value")}
        return {day: found.get(day, none) for day in days}

    def _annotator(self, marker: str, unit: str, day: date, window: pl.DataFrame) -> dict[str, Any]:
        given = window.filter(pl.col("y").is_not_null())
        least = max(correction.FEWEST_AUTHORS, self.least)
        # As few days back as it takes for so many authors.
        back = given[::-1].with_columns(seen=pl.col("author").is_first_distinct().cum_sum())
        enough = back.filter(pl.col("seen") >= least)
        if enough.is_empty():
            return _row(marker, unit, "annotator", day, given, reason=_few(least))
        if _unanswered(window):
            return _row(marker, unit, "annotator", day, given, reason=_UNANSWERED)
        since = enough["time_value"][0]
        used = given.filter(pl.col("time_value") >= since)
        found = correction.labels_alone(_sample(window.filter(pl.col("time_value") >= since), unit))
        return _row(marker, unit, "annotator", day, used, found, source=source(given))

    def _corrected(
        self, marker: str, unit: str, day: date, window: pl.DataFrame, crowd: pl.DataFrame
    ) -> dict[str, Any]:
        # What other lexicons predicted says nothing of how these ones err.
        window = window if self.frozen is None else window.filter(pl.col("time_value") > self.frozen)
        given = window.filter(pl.col("y").is_not_null())
        counts = {"n_posts": int(crowd["n"].sum()), "n_authors": int(crowd["known"].sum())}
        if counts["n_authors"] < self.least or crowd.is_empty():
            reason = f"fewer than {self.least} authors" if counts["n_authors"] else "authors unknown"
            return _row(marker, unit, "corrected", day, reason=reason) | counts
        if given["author"].n_unique() < correction.FEWEST_AUTHORS:
            return _row(marker, unit, "corrected", day, reason=_few(correction.FEWEST_AUTHORS)) | counts
        if _unanswered(window):
            return _row(marker, unit, "corrected", day, reason=_UNANSWERED) | counts
        if given["y"].sum() < correction.FEWEST_POSITIVES:
            reason = f"fewer than {correction.FEWEST_POSITIVES} labelled posts that express it in {WINDOW_DAYS} days"
            return _row(marker, unit, "corrected", day, reason=reason) | counts
        n, x, h = (crowd[c].cast(pl.Float64).to_numpy() for c in ("n", "x", "h"))
        sample, author = _sample(window, unit), crowd["author"].to_numpy()
        # Numbers of this cell's own, so that nothing in it depends on which others are computed with it.
        here = np.unique(np.concatenate([author, sample.author]))
        author, sample = (
            np.searchsorted(here, author),
            sample._replace(author=np.searchsorted(here, sample.author)),
        )
        all_posts = Crowd(author, n, x, h) if unit == "posts" else Crowd(author, np.ones_like(n), x / n, h / n)
        found = correction.corrected(sample, all_posts)
        found, also = self._audited(found, marker, unit, given)
        return _row(marker, unit, "corrected", day, found=found, source=source(given) + also) | counts

    def _audited(self, found: Estimate, marker: str, unit: str, given: pl.DataFrame) -> tuple[Estimate, str]:
        """Corrected to what people said of posts that the same annotators labelled, where that are enough."""
        both = self.labels.join(self.audits.filter(marker=marker), on="post_id").join(
            self.answers.filter(marker=marker).select("post_id", "y"), on="post_id"
        ).filter(pl.col("who").is_in(given["who"].unique().implode())).join(self.number, on="cluster")  # fmt: skip
        both = both if unit == "posts" else both.filter("known")
        if both["author"].n_unique() < correction.FEWEST_AUTHORS:
            return found, ""
        weight = (1 / both["chance"] / (both["size"] if unit == "authors" else 1)).to_numpy()
        _, author = np.unique(both["author"].to_numpy(), return_inverse=True)
        return correction.audited(found, (both["z"] - both["y"]).to_numpy(), weight, author), "; corrected to audits"


def _sample(asked: pl.DataFrame, unit: str) -> Sample:
    """The labelled posts of those asked; who gave no answer is made up for by others of the same stratum."""
    each = 1 / pl.col("inclusion_probability")
    answered = each.filter(pl.col("y").is_not_null())
    rows = asked.with_columns(weight=each * (each.sum() / answered.sum()).over("stratum"))
    rows = rows.filter(pl.col("y").is_not_null())
    weight = rows["weight"] / rows["size"] if unit == "authors" else rows["weight"]
    author: Ints = rows["author"].cast(pl.Int64).to_numpy()
    return Sample(
        rows["y"].to_numpy(), rows["f"].to_numpy(), weight.to_numpy(), author, rows["stratum"].to_numpy()
    )  # fmt: skip


def _unanswered(asked: pl.DataFrame) -> bool:
    """Whether the posts that were answered stand for less than half of what all stand for that were asked about."""
    each = 1 / asked["inclusion_probability"]
    return bool(each.filter(asked["y"].is_not_null()).sum() < each.sum() / 2)


def _few(authors: int) -> str:
    return f"fewer than {authors} labelled authors in {WINDOW_DAYS} days"


def _row(
    marker: str, unit: str, method: str, day: date, given: pl.DataFrame | None = None, found: Estimate | None = None,
    *, reason: str | None = None, source: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    row = {
        "marker": marker, "unit": unit, "method": method, "time_value": day, "missing_reason": reason,
        "label_source": source, "n_posts": given.height if given is not None else 0,
        "n_authors": given.filter("known")["author"].n_unique() if given is not None else 0,
    }  # fmt: skip
    if found is None:
        return row
    # Rounded, so that the order of a sum is not mistaken for a change that deserves a new issue.
    values = {"prevalence": found.prevalence, "stderr": found.variance**0.5, "lo": found.lo, "hi": found.hi}
    return row | {name: round(value, 12) for name, value in values.items()}
