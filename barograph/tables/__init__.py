"""Every table: columns, types, units, keys, ranges. The contract between stages and for other programs.

Times are UTC and naive (`TIMESTAMP`); `time_value` and `target` are UTC days. `issue` is when a row was
published: of rows with one key, the one with the latest issue not after `as_of` is what was known then.
"""

from barograph.tables.alerting import COMMANDS, DISPOSITIONS, GROUPED, RULES, SILENCES, SKILL_CARDS
from barograph.tables.column import TIMESTAMP, Column, Table
from barograph.tables.labelling import ANNOTATIONS, AUDITS, CANARIES, CUES, DRAWS, STATUSES
from barograph.tables.polarizing import CLASSES, CONTRASTS, EVENT_TESTS, OUTCOMES, POLARIZATION, VERDICTS
from barograph.tables.private import (
    DIRTY_DAYS,
    LANDED,
    META,
    OUTBOX,
    POSTS,
    QUARANTINE,
    RECEIVERS,
    SCORES,
    SEGMENTS,
    TESTED,
    THINNED_DAYS,
    TOMBSTONES,
)
from barograph.tables.published import (
    ALERTS,
    COVERAGE,
    EVALUATIONS,
    EVENTS,
    EXCEEDANCES,
    FLAGS,
    FORECAST_WEEKS,
    FORECASTS,
    LANGUAGES,
    LARGEST_ACCOUNT,
    LEXICONS,
    LINE,
    LINES,
    METHODS,
    NOTIFICATIONS,
    OTHER,
    QUANTILES,
    RUNS,
    SERIES,
    SHIFT,
    SOURCE_DAYS,
    SOURCES,
    TERM_SHIFTS,
    UNITS,
)

ALL = (
    SERIES, FORECASTS, EXCEEDANCES, POLARIZATION, EVENT_TESTS, TERM_SHIFTS, EVENTS, ALERTS, NOTIFICATIONS,
    EVALUATIONS, FORECAST_WEEKS, SILENCES, DISPOSITIONS, RULES, GROUPED, SKILL_CARDS, CANARIES, CUES, SOURCES,
    SOURCE_DAYS, COVERAGE, FLAGS, LEXICONS, RUNS, POSTS, SCORES, SEGMENTS, LANDED, QUARANTINE, ANNOTATIONS, DRAWS,
    AUDITS, TOMBSTONES, OUTBOX, RECEIVERS, COMMANDS, DIRTY_DAYS, THINNED_DAYS, TESTED, META,
)  # fmt: skip
"""Tables of the warehouse."""
PUBLISHED = (*(table for table in ALL if table.published), LINES)
"""Tables of a snapshot; that of lines is made with it, and has no master in the warehouse."""

__all__ = [
    "ALERTS", "ALL", "ANNOTATIONS", "AUDITS", "CANARIES", "CLASSES", "COMMANDS", "CONTRASTS", "COVERAGE", "CUES",
    "DIRTY_DAYS", "DISPOSITIONS", "DRAWS", "EVALUATIONS", "EVENTS", "EVENT_TESTS", "EXCEEDANCES", "FLAGS",
    "FORECASTS", "FORECAST_WEEKS", "GROUPED", "LANDED", "LANGUAGES", "LARGEST_ACCOUNT", "LEXICONS", "LINE", "LINES",
    "META", "METHODS", "NOTIFICATIONS", "OTHER", "OUTBOX", "OUTCOMES", "POLARIZATION", "POSTS", "PUBLISHED",
    "QUANTILES", "QUARANTINE", "RECEIVERS", "RULES", "RUNS", "SCORES", "SEGMENTS", "SERIES", "SHIFT", "SILENCES",
    "SKILL_CARDS", "SOURCES", "SOURCE_DAYS", "STATUSES", "TERM_SHIFTS", "TESTED", "THINNED_DAYS", "TIMESTAMP",
    "TOMBSTONES", "UNITS", "VERDICTS", "Column", "Table",
]  # fmt: skip
