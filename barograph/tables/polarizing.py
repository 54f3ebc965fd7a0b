"""Affective polarization as it is published: of conversations by day, and round events."""

from itertools import product

import polars as pl

from barograph.tables.column import Column, Table, count, day, number, text, time
from barograph.tables.published import ISSUE

SAME, OPPOSITE = "same", "opposite"
PARTS = ((SAME, OPPOSITE), ("affect", "none"), ("agree", "disagree"))
CLASSES = tuple("_".join(("c", *parts)) for parts in product(*PARTS))
"""What an interaction may be: whether both posts take one side, whether either is hostile to the other side, and
whether the reply agrees with what it replies to."""

POLARIZATION = Table(
    "polarization",
    "Affective polarization of conversations on a topic. Values are NULL together where too few authors are behind "
    "them: the mean never stands without the mix of classes.",
    ("topic", "population", "time_value", "issue"),
    {
        "topic": text("name of a topic"),
        "population": text("name of a population"),
        "time_value": day("UTC day of the replies"),
        "n_conversations": count("conversations scored"),
        "n_interactions": count("reply pairs scored"),
        "n_abstained": count("reply pairs read but left unscored, as some part of them is unclear or without a side"),
        "n_authors": count("distinct known authors of the scored pairs, of the reply or of what it replies to"),
        "share_abstained": number("reply pairs left unscored, weighted by 1 / inclusion probability", 0, 1),
        "mean_score": number("mean over conversations of the mean of their interactions", 0, 10),
        "stderr": number("of mean_score, clustered by conversation; with the annotator's errors where known", 0),
        "lo": number("lower 95 % bound of mean_score", 0, 10),
        "hi": number("upper 95 % bound of mean_score", 0, 10),
        "band_low": number("least mean_score that any of the other tables of scores gives", 0, 10),
        "band_high": number("greatest mean_score that any of the other tables of scores gives", 0, 10),
        "share_low": number("conversations below 2.5", 0, 1),
        "share_extreme": number("conversations above 7.5; those of 2.5 to 7.5 are what is left", 0, 1),
        "share_extreme_stderr": number("of share_extreme, as stderr", 0),
        "share_extreme_lo": number("lower 95 % bound of share_extreme", 0, 1),
        "share_extreme_hi": number("upper 95 % bound of share_extreme", 0, 1),
        "extreme_band_low": number("least share_extreme that any of the other tables of scores gives", 0, 1),
        "extreme_band_high": number("greatest share_extreme that any of the other tables of scores gives", 0, 1),
        **{name: number("share of this class among scored reply pairs, weighted", 0, 1) for name in CLASSES},
        "missing_reason": text("why the values are NULL", nullable=True),
        "label_source": text("whose reading it is, and whether its errors are carried through", nullable=True),
        **ISSUE,
    }, published=True,
)  # fmt: skip

OUTCOMES = ("mean_score", "share_extreme")
CONTRASTS = ("before-earlier", "during-before", "after-before", "after-during")
"""Periods compared. `earlier` is as many days as `before`, right before it."""
VERDICTS = ("anticipation-driven", "reactive", "neither")

EVENT_TESTS = Table(
    "event_tests",
    "What polarization did round an event: a row for each two periods that a declared test compares, from the run on "
    "that first saw the test.",
    ("test", "contrast", "issue"),
    {
        "test": text("hash of all that defines it (event, topic, outcome, window): what is changed is another test"),
        "event": text("name of the event"),
        "kind": text("known beforehand or not", "scheduled", "sudden"),
        "starts_on": day("the event's first day"),
        "ends_on": day("the event's last day"),
        "topic": text("name of the topic"),
        "population": text("whom the event concerns; `*` for all"),
        "outcome": text("column of polarization that is compared", *OUTCOMES),
        "window_days": count("days of each period beside the event"),
        "contrast": text("which periods, the later less the earlier", *CONTRASTS),
        "effect": number("difference of the means over conversations", -10, 10),
        "lo": number("lower 95 % bound, cluster bootstrap over conversations", -10, 10),
        "hi": number("upper 95 % bound", -10, 10),
        "effect_standardized": number("effect over the pooled standard deviation of conversations (Hedges' g)"),
        "p": number("two-sided, of the same bootstrap", 0, 1),
        "p_holm": number("p after Holm's correction over all confirmatory comparisons of the event; else NULL", 0, 1),
        "n_before": count("conversations of the earlier period of the two"),
        "n_after": count("conversations of the later period of the two"),
        "n_authors_before": count("known authors behind the earlier one"),
        "n_authors_after": count("known authors behind the later one"),
        "confirmatory": Column(pl.Boolean, "declared before the event's first day; else exploratory"),
        "declared_at": time("`now` of the first run that saw the test"),
        "seen_at": time("the same by the clock: later than the event where declared_at is that of a replay"),
        "missing_reason": text("why effect is NULL", nullable=True),
        "verdict": text("what all comparisons of the test say together; NULL until they can", *VERDICTS, nullable=True),
        "evidence": text("the verdict's reasons in words"),
        "label_source": text("whose reading it is", nullable=True),
        **ISSUE,
    }, published=True,
)  # fmt: skip
