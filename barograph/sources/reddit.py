"""Reddit: dumps of the kind that Pushshift made, or what communities say now, by Reddit's own API.

Submissions are named t3_ID and comments t1_ID, as Reddit does. A listing of the API goes back about a thousand
posts; where what was last seen is beyond that, the time in between is `missed`. The API tells of no delete: posts of
the last two days are looked at again, every ten minutes for as long as a stream runs, and those whose text is
[deleted] or [removed] are deleted. They are remembered in this process alone, so that no file names them; a new one
begins with what the listings hold, and has no look at what they do not.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import praw
import prawcore
import requests
from praw.exceptions import PRAWException

from barograph.clock import SECOND, from_epoch, to_epoch
from barograph.errors import Terminal
from barograph.settings import Source
from barograph.settings.sources import REDDIT_KEYS
from barograph.sources import Arrived, Missed, unreadable
from barograph.sources.background import Outlet, Piece, Row, ServerClock, batches
from barograph.sources.pushshift import GONE, Read, dumps

LOOK_SECONDS, LOOK_FOR_SECONDS = 600.0, 2 * 86_400
"""How often a post is looked at again, and until how old it is."""
LISTED = 950
"""A listing that ends after so many posts need not hold all there are."""
REWIND_SECONDS = 300
_REMEMBERED = 20_000
_OAUTH, _WWW = "https://oauth.reddit.com", "https://www.reddit.com"
_BROKEN = (prawcore.PrawcoreException, PRAWException, requests.RequestException, OSError)
_GAP = "more was written than a listing holds"


def fetch(source: Source, cursor: str | None, stop: threading.Event) -> Iterator[Arrived]:
    """Posts of the dumps that `path` names, until they end; else of `communities`, from about a thousand ago on.

    cursor: of `Read` or `Cursor`, as yielded last. Raises `ConfigError` where keys are missing, `InputError` where
    dumps are, `Terminal` where Reddit refuses keys or communities. A network that is down is waited for.
    """
    if source.path:
        yield from dumps(source, Read.read(cursor) if cursor else Read(), stop)
    else:
        live = _Live(source, Cursor.read(cursor) if cursor else None)
        yield from batches(live.work, cursor, stop)


@dataclass(frozen=True)
class Cursor:
    """Up to when everything was listed, and when the newest of each listing was written; seconds since 1970."""

    until_s: float
    newest_s: Mapping[str, float]
    """Listing (`new` or `comments`) → time."""

    @classmethod
    def read(cls, written: str) -> "Cursor":
        """Of the JSON text that `str` gives. Raises `Terminal`."""
        try:
            raw = orjson.loads(written)
            return cls(float(raw["until_s"]), {str(name): float(at) for name, at in raw["newest_s"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise unreadable('{"until_s": …, "newest_s": {…}}') from None

    def __str__(self) -> str:
        return orjson.dumps(asdict(self)).decode()


@dataclass
class _Known:
    """A post as it was last seen."""

    created_s: float
    looked: float
    said: int
    author: str | None
    gone: bool


class _Live:
    """Communities, over all polls of this process."""

    def __init__(self, source: Source, cursor: Cursor | None) -> None:
        keys = source.reddit_keys()
        session, self._clock = requests.Session(), ServerClock()
        session.hooks["response"].append(lambda response, **_: self._clock.hear(response.headers))
        self._reddit = praw.Reddit(
            client_id=keys[0], client_secret=keys[1], user_agent=keys[2], username=None, password=None,
            refresh_token=None, oauth_url=_OAUTH, reddit_url=_WWW, check_for_updates=False, timeout=30,
            requestor_kwargs={"session": session},
        )  # fmt: skip
        self._reddit.read_only = True
        self._source, self._cursor = source, cursor
        self._known: dict[str, _Known] = {}
        self._listed = False
        """Whether this process has been through the listings once."""

    def work(self, outlet: Outlet) -> None:
        """List, look again, wait, again and again."""
        while not outlet.closed.is_set():
            came = False
            try:
                self._list(outlet)
                came = True
                self._look_again(outlet)
                outlet.closed.wait(self._source.poll_seconds)
            except _BROKEN as error:
                self._consider(error)
                outlet.pause(self._source.name, _why(error), came=came, seconds=_asked_to_wait(error))

    def _consider(self, error: Exception) -> None:
        """What a refusal means. Raises `Terminal` where nothing can help."""
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 401 or isinstance(error, prawcore.OAuthException):
            raise Terminal(
                f"source {self._source.name!r}: Reddit refused the keys; expected those of a registered application "
                f"in {', '.join(REDDIT_KEYS[:2])}"
            ) from None
        if not self._listed and isinstance(error, prawcore.Forbidden | prawcore.NotFound | prawcore.Redirect):
            raise Terminal(
                f"source {self._source.name!r}: Reddit shows none of {', '.join(self._source.communities)} ({status}); "
                "expected communities that are public"
            ) from None

    def _list(self, outlet: Outlet) -> None:
        """Everything that was written since the last time, both listings together."""
        last = self._cursor
        subreddit = self._reddit.subreddit("+".join(self._source.communities))
        found, missed, newest = list[Any](), list[Missed](), dict(last.newest_s if last else {})
        until_s = None
        for name, listing in (("new", subreddit.new(limit=None)), ("comments", subreddit.comments(limit=None))):
            before, items = newest.get(name), list[Any]()
            for item in _sound(listing):
                until_s = until_s or self._clock.now_ms() / 1000
                items.append(item)
                if self._listed and before is not None and _created(item) < before - REWIND_SECONDS:
                    break
            times = [_created(item) for item in items]
            if last and before is not None and len(items) >= LISTED and min(times) > before:
                missed.append(Missed(_at(before), _at(min(times)), _GAP))
            if times:
                newest[name] = min(max(times), self._clock.now_ms() / 1000)
            found += sorted(items, key=_created)
        until_s = until_s or self._clock.now_ms() / 1000
        rows, rejects = self._new(found)
        told = max([last.until_s if last else until_s, *(to_epoch(m.ends_at, SECOND) for m in missed)])
        self._cursor, self._listed = Cursor(max(until_s, told), newest), True
        covered = (_at(told), _at(until_s)) if told < until_s else None
        outlet.put(Piece(str(self._cursor), rows, covered, rejects, missed=tuple(missed)))

    def _new(self, items: list[Any]) -> tuple[tuple[Row, ...], tuple[tuple[str, bytes], ...]]:
        rows, rejects = list[Row](), list[tuple[str, bytes]]()
        for item in items:
            row = read_item(item)
            if isinstance(row, str):
                if (name := str(vars(item).get("name"))) not in self._known:
                    rejects.append((row, repr(vars(item)).encode(errors="replace")))
                    self._known[name] = _Known(0.0, time.monotonic(), 0, None, gone=True)
            else:
                rows += self._change(row, item)
        return tuple(rows), tuple(rejects)

    def _change(self, row: Row, item: Any) -> list[Row]:
        """What a post says that was not known of it, as rows."""
        name, said, gone = str(row["id"]), hash((row.get("title"), row.get("text"))), row["op"] == "delete"
        known = self._known.get(name)
        if known is None:
            self._known[name] = _Known(_created(item), time.monotonic(), said, row.get("author"), gone)
            while len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
            # Whether a process before this one saw it before it was edited is not known: it is either.
            return [row, {**row, "op": "update"}] if vars(item).get("edited") and not gone else [row]
        known.looked = time.monotonic()
        if known.gone:
            return []
        before, known.said = known.said, said
        left = not gone and known.author is not None and row.get("author") is None
        known.gone = gone or left
        if left:
            return [{"op": "leave", "author": known.author}]
        return [row] if gone else [{**row, "op": "update"}] if said != before else []

    def _look_again(self, outlet: Outlet) -> None:
        """Deletes, departures and edits of what was read before."""
        young_s, due = self._clock.now_ms() / 1000 - LOOK_FOR_SECONDS, time.monotonic() - LOOK_SECONDS
        names = [n for n, k in self._known.items() if k.looked <= due and k.created_s > young_s and not k.gone]
        for first in range(0, len(names), 100):
            rows = list[Row]()
            for item in _sound(self._reddit.info(fullnames=names[first : first + 100])):
                row = read_item(item)
                rows += [] if isinstance(row, str) else self._change(row, item)
            if rows:
                outlet.put(Piece(str(self._cursor), tuple(rows)))
            if outlet.closed.is_set():
                return


def _sound(items: Iterator[Any]) -> Iterator[Any]:
    """The same; what `praw` cannot make an item of is an answer as broken as one that is no JSON."""
    try:
        yield from items
    except (TypeError, ValueError, LookupError, AttributeError, AssertionError) as error:
        raise OSError("answered with something else than posts") from error


def read_item(item: Any) -> Row | str:
    """A `praw` submission or comment as a row: a post, or a delete where its text is gone; else why it is none."""
    # What it holds, not its attributes: to ask for one that it does not have is a request to Reddit.
    has = vars(item)
    name, title = has.get("name"), has.get("title")
    text = has.get("selftext" if title is not None else "body")
    if not isinstance(name, str) or not isinstance(text, str) or not isinstance(title, str | None):
        return "item: no name or text, as submissions and comments have"
    if text.strip() in GONE or title in GONE or has.get("removed_by_category"):
        return {"op": "delete", "id": name}
    author, community = has.get("author"), has.get("subreddit")
    return {
        "op": "post", "id": name, "parent_id": has.get("parent_id") if title is None else None,
        "created_at": str(has.get("created_utc")), "author": str(author) if author else None,
        "community": str(community) if community else None, "title": title, "text": text,
    }  # fmt: skip


def _created(item: Any) -> float:
    created = vars(item).get("created_utc")
    return float(created) if isinstance(created, int | float) else 0.0


def _why(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"answered {status}" if status else type(error).__name__


def _asked_to_wait(error: Exception) -> float | None:
    """Seconds that Reddit asks to wait, up to five minutes."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    asked = headers.get("retry-after") or headers.get("x-ratelimit-reset") or ""
    return min(float(asked), 300.0) if asked.replace(".", "", 1).isdecimal() else None


def _at(epoch_s: float) -> datetime:
    return from_epoch(epoch_s, SECOND)
