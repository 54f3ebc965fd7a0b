"""What annotators and people say of posts, how those posts were drawn, and what leaves the house of it: aggregates."""

import polars as pl

from barograph.tables.column import Column, Table, count, day, number, text, time
from barograph.tables.published import ISSUE, UNITS

STATUSES = ("ok", "unclear", "refused", "invalid", "failed")

ANNOTATIONS = Table(
    "annotations", "What an annotator answered on a post, or that it did not; asked once for each text.",
    ("post_id", "task", "annotator", "prompt_version"),
    {
        "post_id": text("the post; of a pair the reply"),
        "task": text("name of the task; with a topic `TASK:TOPIC`"),
        "label": text("JSON object, question → answer; NULL where the status is neither ok nor unclear", nullable=True),
        "cues": text("JSON list of cues from the task's closed list", nullable=True),
        "explanation": text("free text, in the warehouse alone; NULL once a text that was read is gone", nullable=True),
        "annotator": text("name of who labelled"),
        "model": text("what answered, as configured"),
        "prompt_version": text("hash of all that can change an answer"),
        "text_hash": text("keyed hash of all that was read: of a pair both texts"),
        "status": text("outcome; unclear where every question was answered so", *STATUSES),
        "reason": text("why there is no label; never words of a post", nullable=True),
        "failures": count("runs in which it failed, where it has not succeeded since", nullable=True),
        "inclusion_probability": Column(
            pl.Float64, "of the post in the sample; 0: labelled outside of one", low=0, high=1
        ),
        "tokens_in": count("tokens read for it; 0 where a label of the same text was taken over"),
        "tokens_out": count("tokens written for it"),
        "cost": number("in the currency of the configured prices", 0),
        "annotated_at": time("by the clock"),
    },
)  # fmt: skip

DRAWS = Table(
    "draws", "How each closed day was sampled. Decided once, so that late posts are drawn as the others were.",
    ("task", "population", "time_value", "stratum"),
    {
        "task": text("as in annotations"),
        "population": text("name of a population"),
        "time_value": day("UTC day of the posts"),
        "stratum": text("posts drawn alike", "all", "hit", "none"),
        "n_posts": count("posts, or reply pairs, there when it was decided"),
        "probability": Column(pl.Float64, "of each to be drawn for this population", low=0, high=1),
        "drawn_at": time("`now` of the run"),
    },
)  # fmt: skip

AUDITS = Table(
    "audits", "What people answered on posts that were given to them blind.", ("post_id", "task", "rater"),
    {
        "post_id": text("the post"),
        "task": text("as in annotations"),
        "rater": text("role or initials chosen by who imports; one rater a file"),
        "label": text("JSON object, question → answer"),
        "inclusion_probability": Column(
            pl.Float64, "of the post in the audited sample, among all posts; 0: not a sample", low=0, high=1
        ),
        "imported_at": time("by the clock"),
    },
)  # fmt: skip

CANARIES = Table(
    "canaries", "How an annotator answered texts whose answers are known; below its bound it is said to drift.",
    ("annotator", "task", "issue"),
    {
        "annotator": text("name of the annotator"),
        "task": text("as in annotations"),
        "model": text("what answered, as configured"),
        "prompt_version": text("hash of all that can change an answer"),
        "n": count("texts asked"),
        "agreement": number(
            "share answered as when first asked, of what was answered then and not unclear; NULL without any", 0, 1
        ),
        "accuracy": number(
            "share answered as the set's authors meant, of what is answered and not unclear; NULL without any", 0, 1
        ),
        "bound": number("agreement below which it drifts", 0, 1),
        "drifting": Column(pl.Boolean, "agreement is below the bound"),
        **ISSUE,
    }, published=True,
)  # fmt: skip

CUES = Table(
    "cue_shares", "Of the labelled posts that express a marker, how many show each cue.",
    ("marker", "population", "unit", "period", "cue", "issue"),
    {
        "marker": text("name of a marker"),
        "population": text("name of a population"),
        "unit": text("what is counted", *UNITS),
        "period": text("days, first/last"),
        "cue": text("of the task's closed list"),
        "share": number("weighted by 1 / inclusion probability", 0, 1),
        "lo": number("lower 95 % bound"),
        "hi": number("upper 95 % bound"),
        "n_posts": count("labelled posts that express the marker"),
        "n_authors": count("their distinct known authors; a cell of fewer than minimum_authors is not published"),
        "label_source": text("whose reading it is"),
        **ISSUE,
    }, published=True,
)  # fmt: skip
