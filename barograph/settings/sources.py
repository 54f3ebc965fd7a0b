"""Where posts come from: the `[[source]]` tables."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator, model_validator

from barograph.settings import secret
from barograph.settings.access import on_loopback
from barograph.settings.sections import (
    LANGUAGE_PATTERN,
    POST_COLUMNS,
    Name,
    Section,
    Several,
    Whole,
)

STREAMS = ("bluesky", "mastodon", "reddit", "folder", "stdin")
"""Kinds that `barograph stream` reads and that land before they are loaded."""
BLUESKY_HOSTS = ("jetstream.us-east.bsky.network", "jetstream.us-west.bsky.network")
"""Public instances, the first one first."""

REDDIT_KEYS = ("praw_client_id", "praw_client_secret", "praw_user_agent")
"""Environment variables that hold the keys of an application registered with Reddit, and how it names itself."""
_SCHEMES = {"bluesky": ("ws", "wss", "http", "https"), "mastodon": ("http", "https")}
_STREAM = re.compile(r"public(:local)?|hashtag:[^\s#/?&]+")
_COMMUNITY = re.compile(r"[A-Za-z0-9_]{2,21}|u_[A-Za-z0-9_-]{3,20}")

_KEYS = {
    "files": ("path", "columns"),
    "folder": ("path", "columns", "when_taken"),
    "stdin": ("columns",),
    "simulated": ("seed", "days", "posts_per_day"),
    "bluesky": ("hosts", "protocol", "packed", "idle_seconds"),
    "mastodon": ("hosts", "stream", "token_file", "idle_seconds"),
    "reddit": ("path", "communities", "poll_seconds"),
}
"""Keys that a kind has beside name, kind, timezone and lang."""


class Source(Section):
    """Where posts come from."""

    name: Name
    kind: Literal["files", "folder", "bluesky", "mastodon", "reddit", "stdin", "simulated"] = "files"
    path: Several = ()
    """Files, folders or patterns; of a watched folder its one path; of Reddit dumps."""
    columns: dict[Literal[POST_COLUMNS], str] = Field(default_factory=dict)  # type: ignore[valid-type]
    timezone: str = "UTC"
    """Zone of times that carry none."""
    lang: Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)] | None = None
    """Language of every post that says none itself; without it each post is detected."""
    when_taken: Literal["move", "mark"] = "move"
    """A file of a watched folder that has landed is moved into its folder `taken`, or marked by a file NAME.taken."""
    hosts: Several = ()
    """Servers, the first one first: host, host:port or a ws:// or http:// address; without any the usual ones."""
    protocol: Literal["v2", "v1"] = "v2"
    """Of Jetstream."""
    packed: bool = False
    """Whether a server of v2 is asked to pack what it sends (zstd): less to transfer, more to compute."""
    stream: str = "public"
    """Of a Mastodon server: public, public:local, or hashtag:NAME."""
    token_file: str | None = None
    """File that holds the access token a Mastodon server may ask for."""
    idle_seconds: Annotated[Whole, Field(ge=1, le=3600)] = 60
    """A connection that brings nothing for so long is made anew."""
    communities: Several = ()
    """Subreddits read through the API; its keys come from the environment. In their place `path` may name dumps."""
    poll_seconds: Annotated[Whole, Field(ge=1, le=86_400)] = 60
    """How long to wait between two listings."""
    seed: Annotated[Whole, Field(ge=0)] = 7
    days: Annotated[Whole, Field(ge=1, le=3650)] = 200
    posts_per_day: Annotated[Whole, Field(ge=1, le=100_000)] = 250

    @property
    def streams(self) -> bool:
        """Whether its posts land first, by `barograph stream`."""
        return self.kind in STREAMS

    @property
    def forgets(self) -> bool:
        """Whether a new process of its stream misses edits and deletes that the one before would have told."""
        return self.kind == "mastodon" or (self.kind == "reddit" and not self.path)

    def token(self) -> str | None:
        """The access token, where one is given. Raises `ConfigError` where its file is missing or empty."""
        return secret.read(f"source {self.name!r}: token", Path(self.token_file), None) if self.token_file else None

    def reddit_keys(self) -> tuple[str, ...]:
        """The values of `REDDIT_KEYS`. Raises `ConfigError` where one is missing."""
        return tuple(secret.read(f"source {self.name!r}: {name}", None, name) for name in REDDIT_KEYS)

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, timezone: str) -> str:
        if timezone not in available_timezones() - {"Factory", "localtime"}:
            raise ValueError(f"got {timezone!r}; expected an IANA name, e.g. Europe/Madrid")
        return timezone

    @model_validator(mode="after")
    def _keys_are_of_its_kind(self) -> Self:
        general = {"name", "kind", "timezone", "lang"}
        if foreign := sorted(self.model_fields_set - general - set(_KEYS[self.kind])):
            raise ValueError(f'got {foreign[0]} for kind = "{self.kind}"; expected only {", ".join(_KEYS[self.kind])}')
        return self

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind == "folder" and len(self.path) != 1:
            raise ValueError(f'got {len(self.path)} paths; expected the folder to watch, e.g. path = "incoming"')
        if self.kind == "mastodon" and len(self.hosts) != 1:
            raise ValueError(f'got {len(self.hosts)} hosts; expected one server, e.g. hosts = "mastodon.example"')
        if self.kind == "reddit" and bool(self.path) == bool(self.communities):
            got = "both" if self.path else "neither"
            raise ValueError(f"got {got} of path and communities; expected dumps, or communities to ask Reddit for")
        return self

    @model_validator(mode="after")
    def _names_what_can_be_asked_for(self) -> Self:
        for host in self.hosts:
            if not _is_host(host, _SCHEMES[self.kind]):
                first, *others = (f"{scheme}://" for scheme in _SCHEMES[self.kind])
                addresses = f"{', '.join([first, *others[:-1]])} or {others[-1]}"
                raise ValueError(f"hosts: got {host!r}; expected host, host:port, or an address with {addresses}")
            plain = host.startswith(("http://", "ws://"))
            if plain and self.token_file and not on_loopback(urlsplit(host).hostname or ""):
                raise ValueError(f"hosts: got {host!r} with a token_file; expected https, as it is a secret")
        if not _STREAM.fullmatch(self.stream):
            raise ValueError(f"stream: got {self.stream!r}; expected public, public:local or hashtag:NAME")
        if self.packed and self.protocol == "v1":
            raise ValueError("got packed for protocol v1; expected v2, whose servers alone give the dictionary")
        for community in self.communities:
            if not _COMMUNITY.fullmatch(community):
                raise ValueError(f"communities: got {community!r}; expected the name alone, e.g. AskAcademia")
        return self


def _is_host(given: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is host, host:port, or an address of these schemes that says no more than that."""
    try:
        parts = urlsplit(given if "://" in given else f"{schemes[-1]}://{given}")
        port = parts.port
    except ValueError:
        return False
    more = parts.path.rstrip("/") or parts.query or parts.fragment or parts.username is not None
    host = parts.hostname or ""
    good = bool(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host)) or ":" in host
    return parts.scheme in schemes and good and not more and port != 0 and not parts.netloc.endswith(":")
