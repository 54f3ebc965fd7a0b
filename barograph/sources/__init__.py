"""Sources of posts, one file each: `fetch` yields batches of rows, named as barograph names them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files as _files

import polars as pl

from barograph.errors import Terminal

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


def card(kind: str) -> str:
    """The card of a kind of source, as Markdown: terms of use, whom it speaks for, biases, limits, deletes."""
    return (_files(__package__) / "cards" / f"{kind}.md").read_text("utf-8")


def unreadable(expected: str) -> Terminal:
    """What is raised where a cursor is none. expected: how the JSON text of one looks."""
    return Terminal(
        f"the cursor is not readable; expected {expected}: move the source's landing folder away to begin anew"
    )


OPS = ("post", "update", "delete", "leave", "return")
"""What an event of a stream may say: a post; its new text; that it is gone; that its author is gone, or is back."""

ARRIVED = pl.Schema({"line": pl.Int64, "op": pl.String, **dict.fromkeys(ALIASES, pl.String)})
"""Columns of the rows of a stream. `line` is their order within the batch; `delete` has `id` alone, `leave` and
`return` have `author` alone."""


@dataclass(frozen=True)
class Missed:
    """A time of which a source could not give what was posted, and why. Naive UTC, by the source's clock."""

    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True)
class Arrived:
    """A batch of a stream. `rows` has the columns of `ARRIVED`."""

    rows: pl.DataFrame
    cursor: str | None
    """Where to go on after this batch, as the source's declared type is written; None where it cannot."""
    covered: tuple[datetime, datetime] | None = None
    """From when to when these are all events there were, naive UTC by the source's clock."""
    rejects: list[Reject] = field(default_factory=list)
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Events that are no posts and need nothing done, by reason."""
    missed: tuple[Missed, ...] = ()
    landed: Callable[[], None] | None = None
    """Called once the batch is on the disk."""

    @property
    def brings_something(self) -> bool:
        """Whether there is anything in it to be kept but its cursor."""
        told = self.rejects or self.ignored or self.covered or self.missed or self.landed
        return bool(self.rows.height or told)
