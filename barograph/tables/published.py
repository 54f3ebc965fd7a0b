"""What leaves the house: aggregates, alerts, and how the monitor itself fares."""

from collections.abc import Mapping

import polars as pl

from barograph.tables.column import Column, Table, count, day, number, text, time

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

LINE_COLUMNS = {
    "marker": text("marker, `dimension:NAME` or `polarization:TOPIC`"),
    "population": text("name of a population"),
    "unit": text("what is counted", *UNITS),
    "method": text("how a post is read", *METHODS),
}
ISSUE = {"issue": time("when this row was published")}

SERIES = Table(
    "series", "Prevalence of each marker per population and UTC day, with its uncertainty.",
    (*LINE, "time_value", "issue"),
    {
        **LINE_COLUMNS,
        "time_value": day("UTC day of the posts"),
        "value_kind": text("a share lies in [0, 1], a mean may not", "share", "mean"),
        "prevalence": number("share of posts, or mean over authors of their own share; NULL where missing"),
        "stderr": number("linearised standard error, clustered by author; calibrated: the base rate's included", 0),
        "lo": number("lower 95 % bound"),
        "hi": number("upper 95 % bound"),
        "n_posts": count("posts read in the cell; annotator: labels behind it"),
        "n_authors": count("distinct known authors in the cell; annotator: of those labels"),
        "provisional": Column(pl.Boolean, "the day had not closed at this issue"),
        "missing_reason": text("why prevalence is NULL", nullable=True),
        "label_source": text(
            "whose reading the value follows; calibrated: what it was fitted on, and which base rate it is read at; "
            "annotator, corrected: annotator, model, prompt",
            nullable=True,
        ),
        **ISSUE,
    }, published=True,
)  # fmt: skip

LINES = Table(
    "lines", "Every line of `series` and how far it reaches, counted when a snapshot is made.", LINE,
    {
        **LINE_COLUMNS,
        "first_day": day("its first day"),
        "last_closed": day("its latest closed day; NULL before the first has closed", nullable=True),
        "last_known": day("its latest closed day that has a value", nullable=True),
        "known_days": count("closed days that have a value"),
    }, published=True,
)  # fmt: skip

FORECASTS = Table(
    "forecasts", "What each line is expected to show on the coming days.",
    (*LINE, "target", "issue"),
    {
        **LINE_COLUMNS,
        "target": day("the day forecast"),
        "horizon": Column(pl.Int64, "days from the last closed day to target", low=1),
        "model": text("the model that made it"),
        "mean": number("mean of the predictive distribution", 0, 1),
        **{name: number(f"quantile at {level}", 0, 1) for name, level in QUANTILES.items()},
        "threshold": number("80th percentile of the trailing 84 closed days", 0, 1),
        "p_high": number("P(prevalence > threshold)", 0, 1),
        "fallback": text("why a plainer model was used", nullable=True),
        **ISSUE,
    }, published=True,
)  # fmt: skip

EXCEEDANCES = Table(
    "exceedances", "Days above a threshold, observed or forecast, or off a baseline; each closed day is tested once.",
    (*LINE, "kind", "detector", "percentile", "target", "issue"),
    {
        **LINE_COLUMNS,
        "target": day("the day tested"),
        "horizon": Column(pl.Int64, "0 for an observed day", low=0),
        "kind": text("what was compared", "observed", "forecast", "surprise", "aberration"),
        "detector": text("name of the detector"),
        "percentile": Column(
            pl.Float64, "of the trailing 84 days; aberration, surprise: 100 less the false discovery rate in percent",
            low=0, high=100,
        ),
        "value": number("prevalence, or the forecast's mean"),
        "threshold": number("the value above which the day was found; surprise: the bound of the forecast's interval"),
        "p": number("p-value, where the detector has one", 0, 1),
        "q": number("false discovery rate at which p is found among the lines of the day", 0, 1),
        "rung": text("the baseline that the line's history allowed", nullable=True),
        "expected_false_alarms": number("alarms a year of one line to expect at this threshold without an outbreak", 0),
        "p_high": number("P(prevalence > threshold), for forecasts", 0, 1),
        "level": text("red: clear of the threshold; yellow: above it; grey: no baseline", "red", "yellow", "grey"),
        "suspect_reason": text("why this may be an artefact", nullable=True),
        **ISSUE,
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
        "population": text("name of a population"),
        "marker": text("name of a marker, or `dimension:NAME`"),
        "unit": text("what is counted", *UNITS),
        "period": text("days explained, first/last"),
        "reference": text("days compared with, first/last"),
        "term": text(f"a lexicon's term, never a quote; `{OTHER}` for all that are not named"),
        "contribution": number("part of the change in prevalence", -1, 1),
        "lo": number("lower 95 % bound"),
        "hi": number("upper 95 % bound"),
        "n_authors": count("known authors who used the term in either period"),
        "top_account_share": number(
            "of all accounts' moves on the term, up or down, the largest one's part, rounded up to .05; "
            ".55 is more than half", 0, 1,
        ),
        "change": number("prevalence of the whole period less that of the whole reference", -1, 1),
        "change_lo": number("lower 95 % bound"),
        "change_hi": number("upper 95 % bound"),
        "mix": number("part of the change due to who posts; NULL where few authors post in both periods"),
        "mix_lo": number("lower 95 % bound"),
        "mix_hi": number("upper 95 % bound"),
        "rate": number("part of the change due to what authors of both periods express; NULL as mix"),
        "rate_lo": number("lower 95 % bound"),
        "rate_hi": number("upper 95 % bound"),
        "change_top_account_share": number("the same of moves on the whole marker", 0, 1),
        "period_posts": count("posts read in the period"),
        "reference_posts": count("posts read in the reference"),
        "period_authors": count("known authors in the period"),
        "reference_authors": count("known authors in the reference"),
        "both_authors": count("known authors in both; NULL where fewer than minimum_authors", nullable=True),
        **ISSUE,
    }, published=True,
)  # fmt: skip
SHIFT = TERM_SHIFTS.key[:5]
"""What names one shift."""

EVENTS = Table(
    "events", "Dated events the analyst declared.", ("name", "population", "starts_on"),
    {
        "name": text("name of the event"),
        "population": text("whom it concerns; `*` for all"),
        "kind": text("known beforehand or not", "scheduled", "sudden"),
        "starts_on": day("first day"),
        "ends_on": day("last day"),
        "declared_at": time("`now` of the first run that saw it"),
    }, published=True,
)  # fmt: skip

ALERTS = Table(
    "alerts", "Every state an alert went through.", ("alert_id", "issue"),
    {
        "alert_id": text("one episode of one rule on one line"),
        "fingerprint": text("hash of rule and line: the same through all episodes"),
        "rule": text("name of the rule"),
        **LINE_COLUMNS,
        "state": text(
            "where it stands; the last three: its line has fallen silent",
            "pending", "firing", "acknowledged", "resolved", "nodata", "stale", "censored",
        ),
        "reason": text("why it moved there"),
        "moved_by": text("role of the person who moved it there; NULL where the monitor did", nullable=True),
        "target": day("the day that decided"),
        "value": number("prevalence, or the forecast's mean"),
        "lo": number("lower 95 % bound"),
        "hi": number("upper 95 % bound"),
        "n_posts": count("posts behind the value", nullable=True),
        "n_authors": count("authors behind the value", nullable=True),
        "threshold": number("the rule's threshold that day"),
        "percentile": number("the threshold as a percentile of the 84 days before; NULL where it is none", 0, 100),
        "p_high": number("P(prevalence > threshold), for forecast rules", 0, 1),
        "level": text("as in exceedances", "red", "yellow", "grey", nullable=True),
        "days": count("closed days in a row on which it held; without a value, where the line is silent"),
        "started_on": day("first day of the run"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

NOTIFICATIONS = Table(
    "notifications", "What left the house, and whether it arrived. Never an address or a secret.",
    ("notification_id",),
    {
        "notification_id": text("webhook-id: the receiver's idempotency key"),
        "alert_id": text("the alert it tells of"),
        "state": text("the alert's state it tells of"),
        "receiver": text("name of the receiver"),
        "status": text("where it stands", "waiting", "delivered", "dead"),
        "attempts": count("times tried"),
        "created_at": time("when it was decided"),
        "next_attempt_at": time("when it is tried next", nullable=True),
        "last_result": text("HTTP status or kind of failure", nullable=True),
    }, published=True,
)  # fmt: skip

EVALUATIONS = Table(
    "evaluations",
    "How the forecasts first published for each day met it, over the last 84 days of a line that any met.",
    (*LINE, "model", "metric", "horizon", "period", "issue"),
    {
        **LINE_COLUMNS,
        "model": text("the model that made them"),
        "metric": text(
            "`crps`, `crps_climatology`, `wis` (in units of the share), `coverage_80`, `coverage_95`, `brier`; 0 is "
            "no better of `skill_over_climatology`, `brier_skill`"
        ),
        "horizon": Column(pl.Int64, "days ahead; 0 for all", low=0),
        "period": text("days evaluated, first/last"),
        "value": number("value of the measure"),
        "n": count("forecasts that met their day; a day forecast from seven origins counts seven times"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

FORECAST_WEEKS = Table(
    "forecast_weeks",
    "What the forecasts first published for the days of each week came to: sums, which add up over lines, weeks and "
    "days ahead. Replaced where a day of the last 84 is known anew.",
    (*LINE, "model", "horizon", "week", "tenth"),
    {
        **LINE_COLUMNS,
        "model": text("the model that made them"),
        "horizon": Column(pl.Int64, "days ahead", low=1),
        "week": day("Monday of the week of the days forecast; a week that has closed"),
        "tenth": Column(
            pl.Int64, "what was said of high prevalence: 0 a p_high under .1 … 9 one of .9 or more; -1 no threshold",
            low=-1, high=9,
        ),
        "n": count("forecasts that met their day"),
        "crps": number("sum of their CRPS, in units of the share", 0),
        "crps_climatology": number("the same of climatology from the 84 days before each origin", 0),
        "crps_seasonal_naive": number("the same of the same weekday of the week before", 0),
        "n_80": count("those whose 80 % interval held the day"),
        "n_95": count("those whose 95 % interval held the day"),
        "said": number("sum of p_high; 0 without threshold", 0),
        "n_high": count("those whose day had high prevalence; 0 without threshold"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

SOURCES = Table(
    "sources", "What each source has brought so far; what was deleted is counted until the daily batch.", ("source",),
    {
        "source": text("name of the source"),
        "kind": text("kind of the source"),
        "first_post": time("oldest post", nullable=True),
        "last_post": time("newest post", nullable=True),
        "n_posts": count("posts kept"),
        "n_quarantined": count("rows set aside, with a reason"),
        "quarantine_reasons": text("the reasons, most frequent first", nullable=True),
        "n_unmeasured": count("posts in a language that no lexicon covers"),
        "updated_at": time("`now` of the last run that read it"),
    }, published=True,
)  # fmt: skip

SOURCE_DAYS = Table(
    "source_days", "Posts of each source by UTC day; a day without a row has no post.", ("source", "time_value"),
    {
        "source": text("name of the source"),
        "time_value": day("UTC day of the posts"),
        "n_posts": count("posts kept"),
        "n_authors": count("distinct known authors"),
        "n_unmeasured": count("posts in a language that no lexicon covers; NULL where censored", nullable=True),
        "missing_reason": text("why n_unmeasured is NULL", nullable=True),
        "updated_at": time("`now` of the run that counted it last"),
    }, published=True,
)  # fmt: skip

COVERAGE = Table(
    "coverage", "Of each stream, from when to when it was read, and what it could not give; by the source's clock.",
    ("source", "state", "starts_at"),
    {
        "source": text("name of the source"),
        "state": text("all that was posted came, or none of it did", "covered", "missed"),
        "starts_at": time("from when"),
        "ends_at": time("to when"),
        "reason": text("why it was missed; NULL where it was not", nullable=True),
        "n_events": count("events that came"),
        "n_ignored": count("those among them that are no posts and needed nothing done"),
    }, published=True,
)  # fmt: skip

FLAGS = Table(
    "flags", "Days of which a population was not measured as usual.", ("population", "time_value", "kind", "issue"),
    {
        "population": text("name of a population"),
        "time_value": day("the UTC day"),
        "kind": text("a part of the day was missed; or far more or fewer posts than usual", "gap", "volume"),
        "reason": text("what is known of it; NULL where it no longer holds", nullable=True),
        "left_out": Column(pl.Boolean, "thresholds, baselines and forecasts do without the day"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

LEXICONS = Table(
    "lexicons", "The word lists that read each marker, as the last run used them.",
    ("marker", "lexicon"),
    {
        "marker": text("name of the marker"),
        "lexicon": text("name of the list; `NAME_learned` beside it: learned weights, for the method calibrated"),
        "language": text("ISO 639-1"),
        "version": text("hash of its terms and weights"),
        "n_terms": count("terms that are counted"),
        "fitted_on": text("what its calibration was fitted on; NULL: a list without, or not read so", nullable=True),
        "updated_at": time("`now` of the last run that read with it"),
    }, published=True,
)  # fmt: skip

RUNS = Table(
    "runs", "Every run of the monitor and what it counted.", ("run_id",),
    {
        "run_id": text("name of the run"),
        "command": text("run, backfill or, by `up`: up, forecasts or retention"),
        "now": time("the time the run took as now", nullable=True),
        "started_at": time("by the clock"),
        "finished_at": time("by the clock", nullable=True),
        "status": text(
            "how it ended; unexplained: done, but for why markers moved; unlabelled: done, but for annotators",
            "running", "done", "unexplained", "unlabelled", "failed", "interrupted",
        ),
        "stage": text("last stage begun"),
        **{
            f"n_{what}": count(doc)
            for what, doc in {
                "read": "rows read", "new": "posts kept", "duplicate": "posts already known",
                "conflicting": "known ids with another text: the first is kept",
                "repost": "reposts left out", "later": "posts after --as-of, left unread",
                "quarantined": "rows set aside, with a reason",
                "cells": "rows of series published or changed", "forecasts": "rows of forecasts issued",
                "exceedances": "days above a threshold found", "alerts": "alerts firing at the end",
            }.items()
        },
        "version": text("version of barograph"),
    }, published=True,
)  # fmt: skip
