"""A person or a post, out of every file of a home: what landed, what annotators answered, the warehouse."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from barograph import landing
from barograph.clock import utc_now
from barograph.errors import ConfigError, InputError
from barograph.home import Home
from barograph.ingest import named
from barograph.privacy import Keyed
from barograph.store import Warehouse, compact
from flows.keys import key_of
from flows.taken import take_in

_ROUNDS = 20
"""So often is looked for what landed meanwhile: each round takes less time than a stream does to write a segment."""


class Forgotten(NamedTuple):
    """What there was of the one who is forgotten."""

    posts: int
    """In the warehouse."""
    segments: int
    """That held rows, or replies that named them."""
    links: int
    """Of replies in the warehouse whose post was not there."""
    sources: list[str]
    """Where it was looked for."""
    again: bool
    """It had been asked for before."""

    @property
    def nothing(self) -> bool:
        """Whether there was no trace."""
        return not (self.posts or self.segments or self.links)


def forget(place: Home, name: str, source: str | None, *, whole: bool) -> Forgotten:
    """Forget an author (whole) or a post, and keep them out, whether there is anything of them or not.

    Links go too where they name the author, as they do on some networks. Raises `InputError` where the home's key is
    not there, `ConfigError` where nothing was read from the source.
    """
    with Warehouse(place.warehouse) as warehouse:
        keyed = key_of(place, warehouse, makes=False)
        take_in(place, warehouse)
        sources = _sources(warehouse.read_sources(), place, source)
        ids = [] if whole else [*(f"{s}:{name}" for s in sources), *(name for s in sources if name.startswith(f"{s}:"))]
        authors = pl.Series([keyed.hash(f"{s}:{name}") for s in sources] if whole else [], dtype=pl.String)
        posts, link = pl.Series(ids, dtype=pl.String), f"/{name}/" if whole else None
        asked = keyed.column(pl.concat([authors, posts]))
        again = not warehouse.tombstones(asked).filter("forgotten").is_empty()
        posts = pl.concat([posts, warehouse.written_by(authors)])
        removed, links, rewritten, seen = 0, 0, set[Path](), set[Path]()
        for _ in range(_ROUNDS):
            # What streams land meanwhile is rewritten too; what lands later goes with the next load.
            there = [(s, path) for s in sources for path in landing.segments(place.landing / s) if path not in seen]
            if seen and not there:
                break
            seen.update(path for _, path in there)
            for s, path in there if whole else ():  # what was not loaded is in no table, but replies may name it
                theirs = _named(path, s, keyed).filter(pl.col("author_key").is_in(authors.implode()))
                posts = pl.concat([posts, theirs["post_id"]])
            posts = posts.drop_nulls().unique()
            # Links first, the rows themselves last: whoever is killed finds again what is there, and so what names it.
            holding = []
            for s, path in there:
                rows = _named(path, s, keyed)
                if _unlink(path, rows, posts, link):
                    rewritten.add(path)
                if _theirs(rows, posts, authors).any():
                    holding.append((s, path))
            gone = warehouse.forget(
                pl.DataFrame({"post_id": posts, "id_hash": keyed.column(posts)}),
                pl.DataFrame({"author_key": authors, "id_hash": keyed.column(authors)}), link, utc_now(),
            )  # fmt: skip
            removed, links = removed + gone[0], links + gone[1]
            for s, path in holding:
                rows = _named(path, s, keyed)
                _rewrite(path, rows.filter(~_theirs(rows, posts, authors)))
            rewritten.update(path for _, path in holding)
        for s in sources:
            landing.sweep(place.landing / s)
    compact(place.warehouse)
    return Forgotten(removed, len(rewritten), links, sources, again)


def _sources(read: list[str], place: Home, asked: str | None) -> list[str]:
    known = sorted({*read, *(path.name for path in place.landing.glob("*") if path.is_dir())})
    if not known:
        raise InputError(f"{place.path}: nothing was read yet; expected the home of a monitor: name it with --home")
    if asked is not None and asked not in known:
        raise ConfigError(f"--source: got {asked!r}; expected one that was read: {', '.join(known)}")
    return known if asked is None else [asked]


def _named(path: Path, source: str, keyed: Keyed) -> pl.DataFrame:
    """The rows of a segment, with what each is named in the warehouse: `post_id, parent, author_key`."""
    rows = landing.read(path).rows
    return rows.hstack(named(rows, source, keyed).select("post_id", "author_key", parent="parent_id"))


def _unlink(path: Path, rows: pl.DataFrame, posts: pl.Series, link: str | None) -> bool:
    """Take links to these posts, and those that hold this text, out of a segment; whether there were any."""
    named = rows["parent"].is_in(posts.implode()).fill_null(value=False)
    if link:
        named |= rows["parent"].str.contains(link, literal=True).fill_null(value=False)
    if named.any():
        _rewrite(path, rows.with_columns(parent_id=pl.when(~named).then("parent_id")))
    return named.any()


def _theirs(rows: pl.DataFrame, posts: pl.Series, authors: pl.Series) -> pl.Series:
    """Which rows are of these posts or authors."""
    found = rows["post_id"].is_in(posts.implode()) | rows["author_key"].is_in(authors.implode())
    return found.fill_null(value=False)


def _rewrite(path: Path, rows: pl.DataFrame) -> None:
    landing.rewrite(path, rows.drop("post_id", "parent", "author_key"))
