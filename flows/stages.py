"""The stages as Prefect tasks: each reads a frame from the warehouse, hands it to its room, and keeps the answer.

A run killed in any stage is taken up by the next one: what a stage has not committed is still to do.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypeVar

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

import barograph
import forecasting
from barograph import aggregate as aggregation
from barograph import calibration, tables
from barograph import detect as detection
from barograph.clock import utc_now
from barograph.home import Home
from barograph.populations import Where
from barograph.publish import publish as publish_snapshot
from barograph.readings import Readings
from barograph.record import Record
from barograph.settings import Settings, Source
from barograph.store import Warehouse
from flows import unread
from flows.correct import labelled_rows
from flows.failures import Unexpected, worded
from flows.progress import Reporter
from flows.reading import Reading


def stage(work: Callable[..., Any]) -> Any:
    """A stage as a Prefect task."""
    return task(cache_policy=NO_CACHE, persist_result=False)(worded(work))


_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_INTRADAY = timedelta(days=7)
"""For so long every issue of an evaluation is kept, then each day's last."""
COMMUNITY_POSTS = 1000
"""Posts from which on a community is a population of its own, where the analyst names none."""


@dataclass
class Run:
    """One run of the monitor: what it was asked, the time it takes as now, and what it has counted."""

    home: Home
    settings: Settings
    sources: tuple[Source, ...]
    reporter: Reporter
    command: str = "run"
    as_of: date | None = None
    live: bool = False
    """The clock is `now` (as on a schedule), not the newest post."""
    clock: datetime = field(default_factory=utc_now)
    now: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    firing: list[dict[str, Any]] = field(default_factory=list)
    published: dict[str, Any] = field(default_factory=dict)
    record_of_forecasts: Record | None = None
    unlanded: list[str] = field(default_factory=list)
    """Streams of which nothing has landed yet."""
    silent: int = 0
    """Watched lines that have no value lately."""
    answers_left: Counter[str] = field(default_factory=Counter)
    """Answers of each task that an earlier run had left where they landed, taken in by now."""
    annotated: list[str] = field(default_factory=list)
    """What came of each annotation, in words."""
    commands: list[str] = field(default_factory=list)
    """What came of what people asked, in words."""
    unexplained: str = ""
    """The error, where nobody could be told why markers moved."""
    unlabelled: str = ""
    """The error, where annotators could not be asked."""

    @property
    def moment(self) -> datetime:
        """`now`, once the posts are in."""
        assert self.now is not None, "no stage but load may run before now is known"
        return self.now

    def count(self, **counts: int) -> None:
        """Add to the run's counts."""
        for name, n in counts.items():
            self.counts[name] = self.counts.get(name, 0) + n

    @cached_property
    def reading(self) -> Reading:
        """The lexicons of the analyst's markers."""
        reading = Reading(self.settings.marker)
        reading.check(self.settings.rule)
        return reading

    @property
    def languages(self) -> list[str]:
        """Languages in which posts are measured."""
        return self.reading.languages

    @contextmanager
    def going_on(self, without: Literal["unexplained", "unlabelled"]) -> Iterator[None]:
        """Where a stage within fails, what is measured is still told and published, and the next run tries it again."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (whatever it is, an alert must not wait for labels or reasons)
            cause = error.__cause__ if isinstance(error, Unexpected) else error
            setattr(self, without, f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}")

    def record(self, warehouse: Warehouse, status: str) -> None:
        """Keep how the run stands in `runs`."""
        row = {
            "run_id": f"{self.clock:%Y%m%dT%H%M%S%f}", "command": self.command, "now": self.now,
            "started_at": self.clock, "finished_at": None if status == "running" else utc_now(), "status": status,
            "stage": self.reporter.current, "version": barograph.__version__,
            **{name: self.counts.get(name[2:], 0) for name in tables.RUNS.columns if name.startswith("n_")},
        }  # fmt: skip
        warehouse.save({tables.RUNS: pl.DataFrame([row], schema=tables.RUNS.schema)})


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@stage
def score(run: Run, warehouse: Warehouse) -> None:
    """Match every segment that these lexicons have not read yet."""
    run.reporter.stage("score")
    version = run.reading.version
    if warehouse.get("lexicons") != version:
        # Posts whose text is gone cannot be read with other lexicons: their days stay as they were published.
        if gone := warehouse.last_day_without_text():
            warehouse.set(frozen=gone.isoformat())
        warehouse.set(lexicons=version)
    segments = warehouse.unscored(version)
    texts = (warehouse.segment_texts(segment) for segment in segments)
    scores = zip(segments, _made_ahead(run.reading.scores, texts), strict=True)
    for done, (segment, found) in enumerate(scores, start=1):
        warehouse.save_scores(segment, found, version)
        run.reporter.advance(done / len(segments), f"{done} of {len(segments)} batches")


def _made_ahead(make: Callable[[_Item], _Made], items: Iterable[_Item]) -> Iterator[_Made]:
    """What `make` makes of each item, the next in a thread while the present one is used.

    Items are taken by the thread that asks, so that they may come from the warehouse.
    """
    with ThreadPoolExecutor(1) as thread:
        coming: Future[_Made] | None = None
        for item in items:
            made, coming = coming, thread.submit(make, item)
            if made:
                yield made.result()
        if coming:
            yield coming.result()


def populations(run: Run, warehouse: Warehouse) -> dict[str, Where]:
    """The analyst's populations; without any, `all` and every community with at least 1,000 posts."""
    if run.settings.population:
        return {p.name: p.where.values for p in run.settings.population}
    # One person's own page is no population, however much they write.
    found = warehouse.communities(run.moment, COMMUNITY_POSTS, run.settings.minimum_authors)
    named = {name: {"community": [name]} for name in found}
    return {**named, "all": {}}


@stage
def aggregate(run: Run, warehouse: Warehouse) -> None:
    """Issue the cells that changed since they were last issued."""
    run.reporter.stage("aggregate")
    settings, now, who = run.settings, run.moment, populations(run, warehouse)
    dimensions = {d.name: d.markers for d in settings.dimension}
    read_as = [(a.name, a.annotators, a.populations, a.strata) for a in settings.annotation]
    warehouse.aggregate_as(
        _hash(
            who, dimensions, run.languages, settings.watchable, settings.minimum_authors, settings.closing_hours,
            *([read_as] if read_as else []),
        )
    )  # fmt: skip
    warehouse.thinned(run.clock.date())
    days = warehouse.dirty_days(now)
    frozen = warehouse.get("frozen") or ""
    fresh = [day for day in days if day.isoformat() > frozen]
    measured = warehouse.days(now, run.languages)
    limits: dict[str, Any] = {
        "now": now, "minimum_authors": settings.minimum_authors, "closing_hours": settings.closing_hours,
    }  # fmt: skip
    activity, expressions = warehouse.activity(fresh, now, run.languages, dimensions)
    calibrations = run.reading.calibrations
    with ThreadPoolExecutor(1) as thread:  # hits are counted while probabilities are
        counted = thread.submit(
            aggregation.aggregate, activity, expressions, measured, who, settings.watchable, **limits
        )
        calibrated = []
        if calibrations.height:
            # Days that other lexicons read say nothing of the base rate that these ones see.
            window = [day for day in calibration.window(fresh) if day.isoformat() > frozen]
            readings = Readings(*warehouse.readings(window, now, calibrations["lang"].unique().to_list()))
            calibrated.append(aggregation.aggregate_calibrated(readings, measured, who, calibrations, fresh, **limits))
        rows = pl.concat([counted.result(), *calibrated])
    labelled = labelled_rows(warehouse, settings, run.languages, who, calibrations, activity, measured, fresh, **limits)
    known = warehouse.latest(tables.SERIES, now)
    rows = pl.concat([rows, labelled])
    emptied = aggregation.emptied(known, measured, who, fresh, now=now, closing_hours=settings.closing_hours)
    rows = pl.concat([rows, emptied.join(rows, on=tables.SERIES.series_key, how="anti")])
    changed = aggregation.changed(rows, known)
    if changed.height and warehouse.issued(now):
        # More was read, but no later post: an issue is never rewritten, so this one comes a moment after it.
        run.now = now = now + timedelta(microseconds=1)
        changed = changed.with_columns(issue=pl.lit(now))
    warehouse.save({tables.SERIES: changed}, aggregated=days, now=now)
    run.count(cells=changed.height)


@stage
def forecast(run: Run, warehouse: Warehouse) -> None:
    """Forecast every line whose last closed day has moved, or changed, since its last forecast."""
    run.reporter.stage("forecast")
    flags = warehouse.latest(tables.FLAGS, run.moment)
    series = shares(detection.closed_series(warehouse.latest(tables.SERIES, run.moment), flags))
    lines = _due(series, flags, warehouse.latest(tables.FORECASTS, run.moment))
    if lines.is_empty():
        return
    events = warehouse.read(tables.EVENTS).filter(pl.col("declared_at") <= run.moment)
    kinds = ["unit", "method"]
    # Lines of one unit and method inform each other, those too that are not due; others never do.
    together = series.join(lines, on=kinds, how="semi", maintain_order="left").partition_by(kinds, maintain_order=True)
    name = pl.concat_str(tables.LINE, separator="\x1f").alias("unique_id")
    measured = (
        pl.col("time_value").alias("ds"),
        pl.col("prevalence").alias("y"),
        "n_posts",
        "marker",
        "population",
        pl.col("left_out").alias("flagged"),
    )
    ahead = pl.concat(
        forecasting.forecast(some.select(name, *measured), until=run.moment.date(), events=events) for some in together
    ).with_columns(
        pl.col("unique_id").str.split_exact("\x1f", 3).struct.rename_fields(list(tables.LINE)).alias("line")
    ).unnest("line").drop("unique_id").join(lines, on=tables.LINE, how="semi")  # fmt: skip
    ahead = with_p_high(ahead, series, detection.HIGH_PERCENTILE)
    warehouse.save({tables.FORECASTS: ahead.with_columns(issue=pl.lit(run.moment))})
    run.count(forecasts=ahead.height)


_EXPRESSING = 10.0


def shares(series: pl.DataFrame) -> pl.DataFrame:
    """The lines that are forecast (a mean may leave [0, 1], where forecasts lie), `n_posts` as forecasts take it.

    They take shares for counts: nothing lies between none and one of `n_posts`, and a day is as uncertain as chance
    makes it. Where a post counts with a probability that is not so: such a value stands for as many posts as it takes
    for ten to express the marker, if those are more.
    """
    enough = pl.when(pl.col("method") != "lexicon", pl.col("prevalence") > 0).then(_EXPRESSING / pl.col("prevalence"))
    return series.filter(pl.col("value_kind") == "share").with_columns(pl.max_horizontal("n_posts", enough))


ORIGIN = (pl.col("target") - pl.duration(days=pl.col("horizon"))).alias("origin")
"""The last closed day a forecast was made from."""


def with_p_high(ahead: pl.DataFrame, series: pl.DataFrame, percentile: float) -> pl.DataFrame:
    """Forecasts with the threshold of their origin at a percentile, and the probability to exceed it."""
    rows = ahead.drop("threshold", "p_high", strict=False).with_columns(ORIGIN)
    limits = [
        detection.origin_thresholds(series, percentile, origin).with_columns(origin=pl.lit(origin))
        for origin in rows["origin"].unique()
    ]
    usual = series.group_by(tables.LINE).agg(pl.col("n_posts").filter(pl.col("n_posts") > 0).median().alias("n"))
    if not limits:
        return rows.with_columns(threshold=pl.lit(None, pl.Float64), p_high=pl.lit(None, pl.Float64)).drop("origin")
    rows = rows.join(pl.concat(limits), on=[*tables.LINE, "origin"], how="left").join(usual, on=tables.LINE, how="left")
    return rows.with_columns(forecasting.probability_above(rows, rows["threshold"], rows["n"])).drop("n", "origin")


def _due(series: pl.DataFrame, flags: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Lines to forecast: the last closed day is new, or a closed day or a flag of one was issued since the forecast."""
    told = flags.select("population", "time_value", pl.col("issue").alias("told"))
    told = told.group_by("population", "time_value").agg(pl.col("told").max())
    known = series.join(told, on=["population", "time_value"], how="left").group_by(tables.LINE).agg(
        pl.col("time_value").max().alias("last"), pl.max_horizontal(pl.col("issue", "told").max()).alias("issue")
    )  # fmt: skip
    made = forecasts.group_by(tables.LINE).agg(
        ORIGIN.max(),
        pl.col("issue").max().alias("forecast_at"),
    )
    return (
        known.join(made, on=tables.LINE, how="left")
        .filter(
            pl.col("origin").is_null() | (pl.col("last") > pl.col("origin")) | (pl.col("issue") > pl.col("forecast_at"))
        )
        .select(tables.LINE)
    )  # fmt: skip


def forget(run: Run, warehouse: Warehouse) -> int:
    """Drop what is past its retention: texts, bodies of notifications, issues within a day. Returns how many texts.

    Among them are those that landed for a source that is read no more.
    """
    retention = timedelta(days=run.settings.retention_days)
    texts = warehouse.forget_texts(run.moment - retention)
    warehouse.forget_bodies(run.clock - retention, [receiver.name for receiver in run.settings.receiver])
    warehouse.thin(tables.EVALUATIONS, (run.moment - _INTRADAY).date())
    if run.command in ("run", "retention"):  # not every few minutes: all that waits there is read
        texts += unread.drop(run.home, unread.streaming(*run.settings.source, *run.sources), run.moment - retention)
    return texts


@stage
def publish(run: Run, warehouse: Warehouse) -> None:
    """Drop texts, bodies and issues past their retention, count the sources, write the next snapshot."""
    run.reporter.stage("publish")
    forget(run, warehouse)
    warehouse.count_source_days(run.languages, run.moment, run.settings.minimum_authors)
    warehouse.count_sources({s.name: s.kind for s in run.sources}, run.languages, run.moment)
    warehouse.keep_lexicons(run.reading.used.with_columns(updated_at=pl.lit(run.moment)))
    run.record(warehouse, "unlabelled" if run.unlabelled else "unexplained" if run.unexplained else "done")
    path = publish_snapshot(warehouse, run.home.published)
    series = warehouse.latest(tables.SERIES, run.moment)
    run.published = {
        "snapshot": path.name,
        "days": series["time_value"].n_unique(),
        "populations": series["population"].n_unique(),
        "markers": series["marker"].n_unique(),
        "censored": series.filter(pl.col("missing_reason").str.contains("authors")).height,
        "rows": series.height,
    }
