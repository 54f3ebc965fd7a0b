"""Every table: columns, types, units, keys, ranges. The contract between stages and for other programs.

Times are UTC and naive (`TIMESTAMP`); `time_value` and `target` are UTC days. `issue` is when a row was
published: of rows with one key, the one with the latest issue not after `as_of` is what was known then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from barograph.errors import Terminal

TIMESTAMP = pl.Datetime("us")


@dataclass(frozen=True)
class Column:
    """One column: type, meaning, and the values it may hold."""

    dtype: pl.DataType | type[pl.DataType]
    doc: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What it may hold, in words."""
        values = " or ".join(self.allowed) or ("a finite number" if self.dtype == pl.Float64 else "a value")
        if self.low is not None:
            values = f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"
        return values + ("" if self.nullable else ", never NULL")


@dataclass(frozen=True, eq=False)
class Table:
    """A named table with its key. `published` ones leave the warehouse; the rest never do."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(repr=False)
    published: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Column name → Polars type, in order."""
        return {name: column.dtype for name, column in self.columns.items()}

    @property
    def series_key(self) -> tuple[str, ...]:
        """The key without `issue`: what names one fact across its versions."""
        return tuple(name for name in self.key if name != "issue")

    def empty(self) -> pl.DataFrame:
        """A frame of no rows with this table's columns."""
        return pl.DataFrame(schema=self.schema)

    def validate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with exactly this table's columns, in order and cast; columns it lacks are NULL.

        Raises `Terminal` naming table, column and offending value where a column is unknown or of another
        type, a required value is NULL, a number is out of range, a word is not allowed, or a key occurs twice.
        """
        if unknown := [name for name in frame.columns if name not in self.columns]:
            raise Terminal(f"{self.name}: got column {unknown[0]!r}; expected {', '.join(self.columns)}")
        frame = pl.DataFrame([self._cast(frame, name, column) for name, column in self.columns.items()])
        for name, column in self.columns.items():
            self._check(frame, name, column)
        if self.key and (twice := frame.filter(frame.select(self.key).is_duplicated())).height:
            raise Terminal(f"{self.name}: key {dict(twice.select(self.key).row(0, named=True))} occurs twice")
        return frame

    def _cast(self, frame: pl.DataFrame, name: str, column: Column) -> pl.Series:
        given = frame[name] if name in frame.columns else pl.Series(name, [None] * frame.height)
        try:
            if given.dtype.is_float() and column.dtype == pl.Int64:  # a cast would cut it off
                raise pl.exceptions.InvalidOperationError
            return given.cast(column.dtype)
        except pl.exceptions.PolarsError:
            raise Terminal(f"{self.name}.{name}: got {given.dtype}; expected {column.dtype}") from None

    def _check(self, frame: pl.DataFrame, name: str, column: Column) -> None:
        value = pl.col(name)
        wrong = [value.is_null()] if not column.nullable else []
        if frame.schema[name].is_float():
            wrong += [value.is_nan(), value.is_infinite()]
        if column.low is not None:
            wrong.append(value < column.low)
        if column.high is not None:
            wrong.append(value > column.high)
        if column.allowed:
            wrong.append(~value.is_in(column.allowed))
        if wrong and (rows := frame.filter(pl.any_horizontal(wrong).fill_null(value=False))).height:
            raise Terminal(
                f"{self.name}.{name}: got {rows[name][0]!r} in {rows.height} rows; expected {column.expected}"
            )


def _text(doc: str, *allowed: str, nullable: bool = False) -> Column:
    return Column(pl.String, doc, nullable=nullable, allowed=allowed)


def _count(doc: str, *, nullable: bool = False) -> Column:
    return Column(pl.Int64, doc, nullable=nullable, low=0)


def _number(doc: str, low: float | None = None, high: float | None = None) -> Column:
    return Column(pl.Float64, doc, nullable=True, low=low, high=high)


def _day(doc: str, *, nullable: bool = False) -> Column:
    return Column(pl.Date, doc, nullable=nullable)


def _time(doc: str, *, nullable: bool = False) -> Column:
    return Column(TIMESTAMP, doc, nullable=nullable)


LANGUAGES = ("en", "es")
"""Languages that our lexicons are in."""
UNITS = ("posts", "authors", "interactions")
METHODS = ("lexicon", "calibrated", "annotator", "corrected")
QUANTILES: Mapping[str, float] = {
    "q025": 0.025, "q05": 0.05, "q10": 0.1, "q20": 0.2, "q30": 0.3, "q40": 0.4, "q50": 0.5,
    "q60": 0.6, "q70": 0.7, "q80": 0.8, "q90": 0.9, "q95": 0.95, "q975": 0.975,
}  # fmt: skip
LINE = ("marker", "population", "unit", "method")
"""What names one line on a chart. Units and methods are never mixed within one."""

_LINE = {
    "marker": _text("marker, `dimension:NAME` or `polarization:TOPIC`"),
    "population": _text("name of a population"),
    "unit": _text("what is counted", *UNITS),
    "method": _text("how a post is read", *METHODS),
}
_ISSUE = {"issue": _time("when this row was published")}

SERIES = Table(
    "series", "Prevalence of each marker per population and UTC day, with its uncertainty.",
    (*LINE, "time_value", "issue"),
    {
        **_LINE,
        "time_value": _day("UTC day of the posts"),
        "value_kind": _text("a share lies in [0, 1], a mean may not", "share", "mean"),
        "prevalence": _number("share of posts, or mean over authors of their own share; NULL where missing"),
        "stderr": _number("linearised standard error, clustered by author; calibrated: the base rate's included", 0),
        "lo": _number("lower 95 % bound"),
        "hi": _number("upper 95 % bound"),
        "n_posts": _count("posts read in the cell"),
        "n_authors": _count("distinct known authors in the cell"),
        "provisional": Column(pl.Boolean, "the day had not closed at this issue"),
        "missing_reason": _text("why prevalence is NULL", nullable=True),
        "label_source": _text(
            "whose reading the value follows; calibrated: what it was fitted on; and which base rate it is read at",
            nullable=True,
        ),
        **_ISSUE,
    }, published=True,
)  # fmt: skip

FORECASTS = Table(
    "forecasts", "What each line is expected to show on the coming days.",
    (*LINE, "target", "issue"),
    {
        **_LINE,
        "target": _day("the day forecast"),
        "horizon": Column(pl.Int64, "days from the last closed day to target", low=1),
        "model": _text("the model that made it"),
        "mean": _number("mean of the predictive distribution", 0, 1),
        **{name: _number(f"quantile at {level}", 0, 1) for name, level in QUANTILES.items()},
        "threshold": _number("80th percentile of the trailing 84 closed days", 0, 1),
        "p_high": _number("P(prevalence > threshold)", 0, 1),
        "fallback": _text("why a plainer model was used", nullable=True),
        **_ISSUE,
    }, published=True,
)  # fmt: skip

EXCEEDANCES = Table(
    "exceedances", "Days above a threshold, observed or forecast; each closed day is tested once.",
    (*LINE, "kind", "detector", "percentile", "target", "issue"),
    {
        **_LINE,
        "target": _day("the day tested"),
        "horizon": Column(pl.Int64, "0 for an observed day", low=0),
        "kind": _text("what was compared", "observed", "forecast", "surprise", "aberration"),
        "detector": _text("name of the detector"),
        "percentile": Column(pl.Float64, "percentile of the trailing 84 days that is the threshold", low=0, high=100),
        "value": _number("prevalence, or the forecast's mean"),
        "threshold": _number("the percentile's value at the time"),
        "p": _number("p-value, where the detector has one", 0, 1),
        "p_high": _number("P(prevalence > threshold), for forecasts", 0, 1),
        "level": _text("red: clear of the threshold; yellow: above it; grey: no baseline", "red", "yellow", "grey"),
        "suspect_reason": _text("why this may be an artefact", nullable=True),
        **_ISSUE,
    }, published=True,
)  # fmt: skip

CLASSES = tuple(
    f"c_{stance}_{affect}_{agreement}"
    for stance in ("same", "opposite") for affect in ("affect", "none") for agreement in ("agree", "disagree")
)  # fmt: skip
POLARIZATION = Table(
    "polarization", "Affective polarization of conversations on a topic.",
    ("topic", "population", "time_value", "issue"),
    {
        "topic": _text("name of a topic"),
        "population": _text("name of a population"),
        "time_value": _day("UTC day"),
        "n_conversations": _count("conversations scored"),
        "n_interactions": _count("reply pairs scored"),
        "n_authors": _count("distinct authors"),
        "share_abstained": _number("reply pairs left unscored", 0, 1),
        "mean_score": _number("mean over conversations", 0, 10),
        "stderr": _number("clustered by conversation", 0),
        "share_extreme": _number("conversations above 7.5", 0, 1),
        **{name: _number("share of this class among scored reply pairs", 0, 1) for name in CLASSES},
        **_ISSUE,
    }, published=True,
)  # fmt: skip

OTHER = "(other)"
"""Stands in `term_shifts` for all terms that are not named; no term can be called so."""
LARGEST_ACCOUNT = 0.5
"""A term is not named where one account makes more than this of all accounts' moves on it."""

TERM_SHIFTS = Table(
    "term_shifts",
    "Which terms moved a marker between two periods. The rows of one shift (all columns of the key but term) have one "
    "issue, and their contributions sum to its change, but for rounding to .0001.",
    ("population", "marker", "unit", "period", "reference", "term", "issue"),
    {
        "population": _text("name of a population"),
        "marker": _text("name of a marker, or `dimension:NAME`"),
        "unit": _text("what is counted", *UNITS),
        "period": _text("days explained, first/last"),
        "reference": _text("days compared with, first/last"),
        "term": _text(f"a lexicon's term, never a quote; `{OTHER}` for all that are not named"),
        "contribution": _number("part of the change in prevalence", -1, 1),
        "lo": _number("lower 95 % bound"),
        "hi": _number("upper 95 % bound"),
        "n_authors": _count("known authors who used the term in either period"),
        "top_account_share": _number(
            "of all accounts' moves on the term, up or down, the largest one's part, rounded up to .05; "
            ".55 is more than half", 0, 1,
        ),
        "change": _number("prevalence of the whole period less that of the whole reference", -1, 1),
        "change_lo": _number("lower 95 % bound"),
        "change_hi": _number("upper 95 % bound"),
        "mix": _number("part of the change due to who posts; NULL where few authors post in both periods"),
        "mix_lo": _number("lower 95 % bound"),
        "mix_hi": _number("upper 95 % bound"),
        "rate": _number("part of the change due to what authors of both periods express; NULL as mix"),
        "rate_lo": _number("lower 95 % bound"),
        "rate_hi": _number("upper 95 % bound"),
        "change_top_account_share": _number("the same of moves on the whole marker", 0, 1),
        "period_posts": _count("posts read in the period"),
        "reference_posts": _count("posts read in the reference"),
        "period_authors": _count("known authors in the period"),
        "reference_authors": _count("known authors in the reference"),
        "both_authors": _count("known authors in both; NULL where fewer than minimum_authors", nullable=True),
        **_ISSUE,
    }, published=True,
)  # fmt: skip
SHIFT = TERM_SHIFTS.key[:5]
"""What names one shift."""

EVENTS = Table(
    "events", "Dated events the analyst declared.", ("name", "population", "starts_on"),
    {
        "name": _text("name of the event"),
        "population": _text("whom it concerns; `*` for all"),
        "kind": _text("known beforehand or not", "scheduled", "sudden"),
        "starts_on": _day("first day"),
        "ends_on": _day("last day"),
        "declared_at": _time("`now` of the first run that saw it"),
    }, published=True,
)  # fmt: skip

ALERTS = Table(
    "alerts", "Every state an alert went through.", ("alert_id", "issue"),
    {
        "alert_id": _text("one episode of one rule on one line"),
        "fingerprint": _text("hash of rule and line: the same through all episodes"),
        "rule": _text("name of the rule"),
        **_LINE,
        "state": _text("where it stands", "pending", "firing", "acknowledged", "resolved"),
        "reason": _text("why it moved there"),
        "target": _day("the day that decided"),
        "value": _number("prevalence, or the forecast's mean"),
        "lo": _number("lower 95 % bound"),
        "hi": _number("upper 95 % bound"),
        "n_posts": _count("posts behind the value", nullable=True),
        "n_authors": _count("authors behind the value", nullable=True),
        "threshold": _number("the rule's threshold that day"),
        "percentile": Column(pl.Float64, "how the threshold was derived", low=0, high=100),
        "p_high": _number("P(prevalence > threshold), for forecast rules", 0, 1),
        "level": _text("as in exceedances", "red", "yellow", "grey", nullable=True),
        "days": _count("closed days in a row"),
        "started_on": _day("first day of the run"),
        **_ISSUE,
    }, published=True,
)  # fmt: skip

NOTIFICATIONS = Table(
    "notifications", "What left the house, and whether it arrived. Never an address or a secret.",
    ("notification_id",),
    {
        "notification_id": _text("webhook-id: the receiver's idempotency key"),
        "alert_id": _text("the alert it tells of"),
        "state": _text("the alert's state it tells of"),
        "receiver": _text("name of the receiver"),
        "status": _text("where it stands", "waiting", "delivered", "dead"),
        "attempts": _count("times tried"),
        "created_at": _time("when it was decided"),
        "next_attempt_at": _time("when it is tried next", nullable=True),
        "last_result": _text("HTTP status or kind of failure", nullable=True),
    }, published=True,
)  # fmt: skip

EVALUATIONS = Table(
    "evaluations", "How published forecasts met their truth.",
    (*LINE, "model", "metric", "horizon", "period", "issue"),
    {
        **_LINE,
        "model": _text("the model"),
        "metric": _text("name of the measure"),
        "horizon": Column(pl.Int64, "days ahead; 0 for all", low=0),
        "period": _text("days evaluated, first/last"),
        "value": _number("value of the measure"),
        "n": _count("forecasts evaluated"),
        **_ISSUE,
    }, published=True,
)  # fmt: skip

SOURCES = Table(
    "sources", "What each source has brought so far.", ("source",),
    {
        "source": _text("name of the source"),
        "kind": _text("kind of the source"),
        "first_post": _time("oldest post", nullable=True),
        "last_post": _time("newest post", nullable=True),
        "n_posts": _count("posts kept"),
        "n_quarantined": _count("rows set aside, with a reason"),
        "quarantine_reasons": _text("the reasons, most frequent first", nullable=True),
        "n_unmeasured": _count("posts in a language that no lexicon covers"),
        "updated_at": _time("`now` of the last run that read it"),
    }, published=True,
)  # fmt: skip

RUNS = Table(
    "runs", "Every run of the monitor and what it counted.", ("run_id",),
    {
        "run_id": _text("name of the run"),
        "command": _text("run, up or backfill"),
        "now": _time("the time the run took as now", nullable=True),
        "started_at": _time("by the clock"),
        "finished_at": _time("by the clock", nullable=True),
        "status": _text(
            "how it ended; unexplained: done, but for why markers moved",
            "running", "done", "unexplained", "failed", "interrupted",
        ),
        "stage": _text("last stage begun"),
        **{
            f"n_{what}": _count(doc)
            for what, doc in {
                "read": "rows read", "new": "posts kept", "duplicate": "posts already known",
                "conflicting": "known ids with another text: the first is kept",
                "repost": "reposts left out", "later": "posts after --as-of, left unread",
                "quarantined": "rows set aside, with a reason",
                "cells": "rows of series published or changed", "forecasts": "rows of forecasts issued",
                "exceedances": "days above a threshold found", "alerts": "alerts firing at the end",
            }.items()
        },
        "version": _text("version of barograph"),
    }, published=True,
)  # fmt: skip

POSTS = Table(
    "posts", "One post a row; text only for the retention period.", (),
    {
        "post_id": _text("source:id"),
        "parent_id": _text("source:id of what it replies to", nullable=True),
        "source": _text("name of the source"),
        "community": _text("where it was posted", nullable=True),
        "lang": _text("ISO 639-1, or und where too short to tell"),
        "geo": _text("place, as the source says", nullable=True),
        "author_key": _text("keyed hash of source and author", nullable=True),
        "created_at": _time("when it was posted"),
        "text": _text("title and body, normalised; NULL after retention", nullable=True),
        "text_hash": _text("keyed hash of the text, to tell a duplicate from a conflict"),
        "segment": _count("the batch it came in"),
    },
)  # fmt: skip

SCORES = Table(
    "scores", "Markers a post expresses: a row where it has a hit, or a probability of its own.", (),
    {
        "post_id": _text("the post"),
        "marker": _text("the marker"),
        "hits": _count("occurrences of its terms; 0 where only the calibrated lexicon has some"),
        "weight": Column(pl.Float64, "sum of the weights of those terms"),
        "probability": _number(
            "calibrated, at the base rate as fitted; NULL: that of a post without evidence, or no calibration", 0, 1
        ),
    },
)  # fmt: skip

SEGMENTS = Table(
    "segments", "Batches of posts, and the lexicons each was last scored with.", ("segment",),
    {
        "segment": _count("number of the batch"),
        "source": _text("name of the source"),
        "rows": _count("posts kept from it"),
        "loaded_at": _time("by the clock"),
        "lexicons": _text("version of all lexicons together; NULL until scored", nullable=True),
    },
)  # fmt: skip

QUARANTINE = Table(
    "quarantine", "Rows that could not be read as posts, and why.", ("source", "file", "line", "reason"),
    {
        "source": _text("name of the source"),
        "file": _text("name of the file"),
        "line": _count("line or row within it; 0 for the file itself"),
        "reason": _text("what was got and expected"),
        "raw_hash": _text("keyed hash of the row, never the row"),
    },
)  # fmt: skip

ANNOTATIONS = Table(
    "annotations", "Labels of an annotator.", ("post_id", "task", "annotator", "prompt_version"),
    {
        "post_id": _text("the post"),
        "task": _text("the task"),
        "label": _text("the label", nullable=True),
        "cues": _text("cues from the task's closed list", nullable=True),
        "explanation": _text("free text; never leaves the warehouse", nullable=True),
        "annotator": _text("who labelled"),
        "prompt_version": _text("hash of all that can change an answer"),
        "status": _text("outcome", "ok", "unclear", "refused", "invalid", "failed"),
        "inclusion_probability": Column(pl.Float64, "of the post in the sample", low=0, high=1),
    },
)  # fmt: skip

TOMBSTONES = Table(
    "tombstones",
    "What was deleted and must stay out.",
    ("id_hash",),
    {"id_hash": _text("keyed hash of the post_id"), "deleted_at": _time("by the clock")},
)

OUTBOX = Table(
    "outbox", "Bodies of notifications that have not arrived yet.", ("notification_id",),
    {"notification_id": _text("as in notifications"), "body": _text("JSON, as it is signed")},
)  # fmt: skip

DIRTY_DAYS = Table(
    "dirty_days", "Days whose posts changed since they were last aggregated.", (),
    {"time_value": _day("UTC day")},
)  # fmt: skip

TESTED = Table(
    "tested", "Up to which day each line has been tested; a closed day is tested once.", (*LINE, "detector"),
    {**_LINE, "detector": _text("name of the detector"), "through": _day("last day tested")},
)  # fmt: skip

META = Table(
    "meta", "Small facts the monitor keeps about itself.", ("name",),
    {"name": _text("what"), "value": _text("its value")},
)  # fmt: skip

ALL = (
    SERIES, FORECASTS, EXCEEDANCES, POLARIZATION, TERM_SHIFTS, EVENTS, ALERTS, NOTIFICATIONS, EVALUATIONS,
    SOURCES, RUNS, POSTS, SCORES, SEGMENTS, QUARANTINE, ANNOTATIONS, TOMBSTONES, OUTBOX,
    DIRTY_DAYS, TESTED, META,
)  # fmt: skip
PUBLISHED = tuple(table for table in ALL if table.published)
