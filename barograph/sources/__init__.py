"""Sources of posts, one file each: `fetch` yields batches of rows, named as barograph names them."""

from dataclasses import dataclass, field

import polars as pl

ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id", "post_id", "id_str", "tweet_id", "status_id", "uri"),
    "parent_id": (
        "parent_id", "in_reply_to_id", "in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to",
        "reply_to",
    ),
    "created_at": ("created_at", "created_utc", "timestamp", "datetime", "published_at", "date"),
    "author": ("author", "author_id", "user_id", "did", "user", "username", "account"),
    "community": ("community", "subreddit"),
    "lang": ("lang", "language", "langs"),
    "geo": ("geo", "country", "place", "region"),
    "title": ("title",),
    "text": ("text", "body", "content", "full_text", "selftext"),
    "repost": ("retweeted_status", "reblog", "is_repost", "is_retweet"),
}  # fmt: skip
"""barograph's column → the usual names for it, the first present one counts."""


@dataclass(frozen=True)
class Reject:
    """A row that is no post: where it stood, why, and its bytes (hashed before they are kept)."""

    line: int
    reason: str
    raw: bytes


@dataclass(frozen=True)
class Batch:
    """Rows of one file. `rows` has `line` and any of the columns of `ALIASES`."""

    file: str
    rows: pl.DataFrame
    rejects: list[Reject] = field(default_factory=list)
    progress: float = 1.0
    """Share of the whole input read when this batch was complete, 0 to 1."""


def mapping(seen: list[str], columns: dict[str, str]) -> dict[str, str]:
    """barograph's column → the input's name for it. `columns` (from the config) come before the usual names."""
    lower = {name.lower(): name for name in reversed(seen)}
    found = {ours: lower[alias] for ours, names in ALIASES.items() for alias in reversed(names) if alias in lower}
    return found | {ours: name for ours, name in columns.items() if name in seen}
