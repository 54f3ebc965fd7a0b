"""What never leaves the warehouse: posts, what was read in them, and the monitor's own notes."""

import polars as pl

from barograph.tables.column import Column, Table, count, day, number, text, time
from barograph.tables.published import ISSUE, LINE, LINE_COLUMNS

POSTS = Table(
    "posts", "One post a row; text only for the retention period.", (),
    {
        "post_id": text("source:id"),
        "parent_id": text("source:id of what it replies to", nullable=True),
        "source": text("name of the source"),
        "community": text("where it was posted", nullable=True),
        "lang": text("ISO 639-1, or und where too short to tell"),
        "geo": text("place, as the source says", nullable=True),
        "author_key": text("keyed hash of source and author", nullable=True),
        "created_at": time("when it was posted"),
        "text": text("title and body, normalised; NULL after retention", nullable=True),
        "text_hash": text("keyed hash of the text, to tell a duplicate from a conflict"),
        "segment": count("the batch it came in"),
    },
)  # fmt: skip

SCORES = Table(
    "scores", "Markers a post expresses: a row where it has a hit, or a probability of its own.", (),
    {
        "post_id": text("the post"),
        "marker": text("the marker"),
        "hits": count("occurrences of its terms; 0 where only the calibrated lexicon has some"),
        "weight": Column(pl.Float64, "sum of the weights of those terms"),
        "probability": number(
            "calibrated, at the base rate as fitted; NULL: that of a post without evidence, or no calibration", 0, 1
        ),
    },
)  # fmt: skip

SEGMENTS = Table(
    "segments", "Batches of posts, and the lexicons each was last scored with.", ("segment",),
    {
        "segment": count("number of the batch"),
        "source": text("name of the source"),
        "rows": count("posts kept from it"),
        "loaded_at": time("by the clock"),
        "lexicons": text("version of all lexicons together; NULL until scored", nullable=True),
    },
)  # fmt: skip

LANDED = Table(
    "landed", "How far each stream's segments were loaded.", ("source",),
    {"source": text("name of the source"), "segment": count("number of the last one loaded")},
)  # fmt: skip

QUARANTINE = Table(
    "quarantine", "Rows that could not be read as posts, and why.", ("source", "file", "line", "reason"),
    {
        "source": text("name of the source"),
        "file": text("name of the file"),
        "line": count("line or row within it; 0 for the file itself"),
        "reason": text("what was got and expected"),
        "raw_hash": text("keyed hash of the row, never the row"),
    },
)  # fmt: skip

TOMBSTONES = Table(
    "tombstones",
    "What was deleted and must stay out.",
    ("id_hash",),
    {
        "id_hash": text("keyed hash of the post_id, or of the author_key of an author who left"),
        "deleted_at": time("by the clock"),
        "forgotten": Column(pl.Boolean, "asked for with `barograph forget`: that its author is back does not lift it"),
    },
)

OUTBOX = Table(
    "outbox", "Bodies of notifications that have not arrived, the dead ones among them.", ("notification_id",),
    {"notification_id": text("as in notifications"), "body": text("JSON, as a webhook gets it")},
)  # fmt: skip

RECEIVERS = Table(
    "receivers", "Receivers that want nothing more, or nothing before a time. Never an address or a secret.",
    ("receiver",),
    {
        "receiver": text("name of the receiver"),
        "configured_as": text("keyed hash of how it was configured; where that changes, this row no longer holds"),
        "gone_at": time("when it answered 410: it is sent nothing until `notifications retry`", nullable=True),
        "not_before": time("until when it asked to be left alone", nullable=True),
    },
)  # fmt: skip

DIRTY_DAYS = Table(
    "dirty_days", "Days whose posts changed since they were last aggregated.", (),
    {"time_value": day("UTC day")},
)  # fmt: skip

THINNED_DAYS = Table(
    "thinned_days", "Days that lost posts, or of which texts were changed; aggregated anew with the daily batch, "
    "so that of a closed day two issues differ by one person only where another post of it comes late meanwhile.", (),
    {"time_value": day("UTC day")},
)  # fmt: skip

TESTED = Table(
    "tested", "Up to which day each line has been tested; a closed day is tested once.", (*LINE, "detector", "issue"),
    {**LINE_COLUMNS, "detector": text("name of the detector"), "through": day("last day tested"), **ISSUE},
)  # fmt: skip

META = Table(
    "meta", "Small facts the monitor keeps about itself.", ("name",),
    {"name": text("what"), "value": text("its value")},
)  # fmt: skip
