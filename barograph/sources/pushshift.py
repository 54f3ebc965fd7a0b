"""Dumps of Reddit of the kind that Pushshift made: JSON lines of submissions or comments, each file read once."""

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import orjson
import polars as pl

from barograph.settings import Source
from barograph.sources import ARRIVED, Arrived, files, unreadable
from barograph.sources.dump import Place, place_of, read

GONE = ("[deleted]", "[removed]", "[deleted by user]", "[ Removed by Reddit ]")
"""Texts and titles that stand where one was taken away."""


@dataclass(frozen=True)
class Read:
    """Dumps that were read whole, and how far the last one was."""

    whole: tuple[Place, ...] = ()
    at: Place | None = None

    @classmethod
    def read(cls, written: str) -> "Read":
        """Of the JSON text that `str` gives. Raises `Terminal`."""
        try:
            raw = orjson.loads(written)
            return cls(tuple(Place(**p) for p in raw["whole"]), Place(**raw["at"]) if raw["at"] else None)
        except (ValueError, TypeError, KeyError):
            raise unreadable('{"whole": […], "at": …}') from None

    def __str__(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def dumps(source: Source, done: Read, stop: threading.Event) -> Iterator[Arrived]:
    """Submissions and comments of the dumps in `path`, until they end. Raises `InputError` where there is none."""
    for path in files.find(source.path):
        begin = place_of(path, str(path))
        if begin in done.whole:
            continue
        for rows, rejects, behind in read(path, {}, begin, done.at):
            done = replace(done, at=behind)
            yield Arrived(_as_reddit_names(rows), str(done), rejects=rejects)
            if stop.is_set():
                return
        done = Read((*done.whole, begin))
        yield Arrived(ARRIVED.to_frame(), str(done))


def _as_reddit_names(rows: pl.DataFrame) -> pl.DataFrame:
    """Ids with what they are in front, and what says that it is gone as deletes."""
    kind = pl.when(pl.col("title").is_not_null()).then(pl.lit("t3_")).otherwise(pl.lit("t1_"))
    named = pl.when(pl.col("id").str.contains("^t[0-9]_")).then("id").otherwise(kind + pl.col("id"))
    gone = pl.col("text").str.strip_chars().is_in(GONE) | pl.col("title").is_in(GONE)
    gone = gone.fill_null(value=False) & pl.col("id").is_not_null()
    rows = rows.with_columns(named.alias("id"), pl.when(gone).then(pl.lit("delete")).otherwise("op").alias("op"))
    others = [name for name in rows.columns if name not in ("line", "op", "id")]
    return rows.with_columns(pl.when(pl.col("op") != "delete").then(name).alias(name) for name in others)
