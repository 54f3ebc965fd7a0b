"""What a Mastodon server tells: the events of a stream, and statuses as rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from inscriptis import get_text
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.model.config import ParserConfig

from barograph.sources.background import Row

_OLDEST_MS = 1_451_606_400_000
"""2016: Mastodon did not exist, so that an id that tells an earlier time is not of its making."""
_AHEAD_MS = 86_400_000
_LONGEST_EVENT = 2**22
_READ = 2**16
_QUOTED = re.compile(r'<p class="quote-inline">.*?</p>', re.DOTALL)


@dataclass(frozen=True)
class Found:
    """What became of one status or event, and the time in its id."""

    row: Row | None = None
    reject: tuple[str, bytes] | None = None
    ignored: str | None = None
    at_ms: int | None = None


class Unreadable(ValueError):
    """Why something is no status."""


class TooLong(OSError):
    """An event is longer than any can be."""


def read(status: Any, now_ms: int, *, edited: bool = False) -> Found:
    """A status (a Mastodon `Status` entity) as a row. Raises `Unreadable` with the reason where it is none.

    What is not public is ignored, and so are accounts that say they are automated and posts without a word; but where
    one was edited, that its words are gone is told.
    """
    if not isinstance(status, dict) or not isinstance(account := status.get("account"), dict):
        raise Unreadable("status: got no object with an account")
    at = number(status.get("id")) >> 16
    if not _OLDEST_MS <= at <= now_ms + _AHEAD_MS:
        raise Unreadable("id: tells no time as ids of Mastodon do")
    if status.get("visibility") != "public":
        return Found(ignored="not public", at_ms=at)
    if account.get("bot"):
        return Found(ignored="automated account", at_ms=at)
    content, warning = status.get("content") or "", status.get("spoiler_text") or ""
    if not isinstance(content, str) or not isinstance(warning, str):
        raise Unreadable("content: got no text")
    said = text(content)
    if not (said or warning or edited or status.get("reblog")):
        return Found(ignored="without a word", at_ms=at)
    parent, author, lang = status.get("in_reply_to_id"), account.get("acct"), status.get("language")
    return Found(
        {
            "op": "post", "id": str(status["id"]), "parent_id": None if parent is None else str(parent),
            "created_at": str(status.get("created_at") or at),
            "author": str(author) if author else None, "lang": lang if isinstance(lang, str) else None,
            "title": warning or None, "text": said, "repost": "true" if status.get("reblog") else None,
        },
        at_ms=at,
    )  # fmt: skip


def text(html: str) -> str:
    """Posts come as HTML. Of a quoted post only its address would be left: it is left out."""
    return get_text(_QUOTED.sub("", html), _plain()).strip()


@cache
def _plain() -> ParserConfig:
    return ParserConfig(css=STRICT_CSS_PROFILE)


def events(stream: Any) -> Iterator[tuple[str, bytes] | None]:
    """Server-sent events of an open connection, as name and data, until it ends; None for a sign of life.

    stream: has `read1(bytes)`. A line that is of no event comes under an empty name. Raises `TooLong` where an event is
    longer than 4 MiB. What a connection ends within is dropped: the timeline has it.
    """
    name, data, held = "", list[bytes](), b""
    while chunk := stream.read1(_READ):
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            field, _, value = line.rstrip(b"\r").partition(b":")
            value = value.removeprefix(b" ")
            if line.rstrip(b"\r") == b"":
                if data:
                    yield name, b"\n".join(data)
                name, data = "", []
            elif not field:
                yield None
            elif field == b"event":
                name = value.decode(errors="replace")
            elif field == b"data":
                data.append(value)
            elif field not in (b"id", b"retry"):
                yield "", line
        if len(held) + sum(map(len, data)) > _LONGEST_EVENT:
            raise TooLong("sent an event longer than 4 MiB")


def number(identifier: Any) -> int:
    """The id of a status as a number; 0 where it is none."""
    written = str(identifier)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 20 else 0
