"""What people say of alerts, and what the monitor keeps of its rules: silences, verdicts, commands, skill cards."""

import polars as pl

from barograph.tables.column import Column, Table, count, day, number, text, time
from barograph.tables.published import ISSUE

SILENCES = Table(
    "silences", "Alerts of which nobody is told for a time. A column that is NULL stands for all.",
    ("silence_id", "issue"),
    {
        "silence_id": text("names the silence"),
        "alert_id": text("one alert", nullable=True),
        "rule": text("of this rule", nullable=True),
        "marker": text("of this marker", nullable=True),
        "population": text("of this population", nullable=True),
        "created_by": text("role of who made it, never a name"),
        "starts_at": time("by the clock"),
        "ends_at": time("by the clock; earlier than asked where it was lifted"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

DISPOSITIONS = Table(
    "dispositions", "What people found alerts to be. Never changed: of one alert the latest counts.",
    ("disposition_id",),
    {
        "disposition_id": text("the command that said so"),
        "alert_id": text("the alert"),
        "rule": text("its rule"),
        "verdict": text("what it was", "true", "false", "unclear"),
        "began_on": day("first day of what it warned of, where the analyst knows", nullable=True),
        "created_by": text("role of who judged"),
        "decided_at": time("by the clock"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

COMMANDS = Table(
    "commands", "What people asked of the monitor, what came of it, and what they noted.", ("command_id",),
    {
        "command_id": text("names the command; applied once"),
        "command": text("what was asked"),
        "subject": text("the alert or silence it is about", nullable=True),
        "created_by": text("role of who asked"),
        "asked_at": time("by the clock"),
        "outcome": text("what came of it", "applied", "refused"),
        "reason": text("why it was refused, or what it did"),
        "note": text("free text of who asked; never leaves the warehouse", nullable=True),
        **ISSUE,
    },
)  # fmt: skip

RULES = Table(
    "rules", "Every rule as it was configured, a row where it changed; a replay reads them.", ("rule", "issue"),
    {
        "rule": text("name of the rule"),
        "definition": text("its keys and values, JSON"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

GROUPED = Table(
    "grouped", "The other alerts that a notification of several tells of.", ("notification_id", "alert_id"),
    {
        "notification_id": text("as in notifications, which names the gravest alert"),
        "alert_id": text("another alert told with it"),
        "state": text("its state"),
    }, published=True,
)  # fmt: skip

SKILL_CARDS = Table(
    "skill_cards", "How each rule has done: as people judged its alerts, and apart from that by what followed.",
    ("rule", "basis", "issue"),
    {
        "rule": text("name of the rule"),
        "basis": text(
            "dispositions: what people said; series: whether high prevalence followed", "dispositions", "series"
        ),
        "period": text("closed days judged, first/last"),
        "n_lines": count("lines the rule watched"),
        "n_alerts": count("alerts that fired in them"),
        "n_judged": count("alerts of which it is known, unclear ones left out"),
        "n_true": count("alerts that were right"),
        "n_unclear": count("alerts judged unclear, or too young to tell"),
        "precision": number("n_true / n_judged", 0, 1),
        "chance_precision": number("share of all days from which high prevalence followed; series alone", 0, 1),
        "false_alarms_per_week": number("alerts that were wrong a week, on all lines of the rule together", 0),
        "lead_days": number("median days from the day that decided to the first day of what it warned of"),
        "n_periods": count("high-prevalence periods of two days or more; series alone", nullable=True),
        "recall": number("share of them with an alert at most 7 days before, or on their first two days", 0, 1),
        "chance_recall": number("the same of as many alerts a line on days drawn at random", 0, 1),
        "corrected_recall": Column(
            pl.Float64, "(recall − chance_recall) / (1 − chance_recall): 0 is chance, 1 all", nullable=True, high=1
        ),
        **ISSUE,
    }, published=True,
)  # fmt: skip
