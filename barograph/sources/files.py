"""Files and folders: JSONL (plain, gzip, zstd), CSV, TSV, Parquet. Rows that cannot be read become rejects."""

import csv
import glob
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from barograph.errors import InputError
from barograph.sources import ALIASES, Batch, Reject, mapping

BATCH_ROWS = 50_000
LONGEST_LINE = 4 * 1024 * 1024
_PROBED_LINES = 100
_CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"

_TEXT = {".jsonl", ".ndjson", ".csv", ".tsv"}
_OPEN: dict[str, Callable[[Path], IO[bytes]]] = {
    "": lambda path: path.open("rb"),
    ".gz": lambda path: gzip.open(path, "rb"),  # type: ignore[return-value,unused-ignore]
    # Pushshift-style dumps are made with a window of 2 GiB.
    ".zst": lambda path: io.BufferedReader(
        zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(path.open("rb"), read_across_frames=True)
    ),
}
_KINDS = "*.jsonl, *.ndjson, *.csv, *.tsv (each also .gz or .zst), *.parquet"


def find(inputs: Sequence[str]) -> list[Path]:
    """Every file of posts in `inputs`: files, folders (searched throughout) or patterns, each file once.

    Raises `InputError` where an input is not there, is of no known kind, or a folder holds no posts.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file() and _kind(p)]
            if not inside:
                raise InputError(f"{given}: no posts in this folder; expected files named {_KINDS}")
        elif path.is_file():
            if not _kind(path):
                raise InputError(f"{given}: got a file of unknown kind; expected {_KINDS}")
            inside = [path]
        else:
            inside = [Path(p) for p in sorted(glob.glob(given, recursive=True)) if _kind(Path(p))]
            if not inside:
                raise InputError(f"{given}: no such file or folder")
        found |= dict.fromkeys(inside)
    return list(found)


def _kind(path: Path) -> tuple[str, str] | None:
    """(format, compression) by the file's name; None where unknown."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".parquet"]:
        return ".parquet", ""
    compression = suffixes.pop() if suffixes[-1:] and suffixes[-1] in (".gz", ".zst") else ""
    return (suffixes[-1], compression) if suffixes[-1:] and suffixes[-1] in _TEXT else None


def check(inputs: Sequence[str], columns: dict[str, str]) -> None:
    """Make sure that `inputs` can be read as posts; reads only their beginnings.

    A file named outright has to be readable. In a folder or pattern one unreadable file is no reason to stop,
    all of them are. Raises `InputError` naming the file, the columns or keys seen, and what was expected.
    """
    if not inputs:
        raise InputError("a source of kind 'files' needs path, e.g. path = \"posts/*.jsonl.gz\", or files to read")
    for given in inputs:
        errors = []
        inside = find([given])
        for path in inside:
            try:
                _probe(path, columns)
            except InputError as error:
                errors.append(error)
        if len(errors) == len(inside):
            raise errors[0]


def _probe(path: Path, columns: dict[str, str]) -> None:
    batch = next(_read(path, columns, path.name, rows=_PROBED_LINES), None)
    if batch is None:
        raise InputError(f"{path}: the file is empty; expected posts, one a line")
    if batch.rows.is_empty():
        first = batch.rejects[0] if batch.rejects else Reject(0, "it has no rows", b"")
        if first.reason.startswith("text: no such key") and isinstance(row := _object(first.raw), dict):
            raise InputError(_no_text(path, "keys", list(row)))
        raise InputError(f"{path}: none of its first rows is a post: {first.reason}")


def fetch(files: Sequence[Path], columns: dict[str, str]) -> Iterator[Batch]:
    """All rows of `files`, in order. A file that cannot be read, or breaks off midway, ends as a reject of its own."""
    sizes = [max(path.stat().st_size, 1) for path in files]
    before = 0
    for path, size in zip(files, sizes, strict=True):
        name = path.name if sum(p.name == path.name for p in files) == 1 else str(path)
        try:
            for batch in _read(path, columns, name):
                yield replace(batch, progress=(before + batch.progress * size) / sum(sizes))
        except InputError:
            yield Batch(name, _frame([]), [Reject(0, "file: not readable as posts", b"")], (before + size) / sum(sizes))
        before += size


def _read(path: Path, columns: dict[str, str], name: str, rows: int = BATCH_ROWS) -> Iterator[Batch]:
    kind = _kind(path)
    assert kind is not None, path  # find() let nothing else through
    if kind[0] == ".parquet":
        yield from _parquet(path, columns, name, rows)
        return
    with _OPEN[kind[1]](path) as stream:
        size = max(path.stat().st_size, 1)
        read = (
            _csv(stream, columns, path, "\t" if kind[0] == ".tsv" else ",")
            if kind[0] in (".csv", ".tsv")
            else _jsonl(stream, columns)
        )
        lines: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        for item in read:
            (rejects if isinstance(item, Reject) else lines).append(item)  # type: ignore[arg-type]
            if len(lines) + len(rejects) >= rows:
                yield Batch(name, _frame(lines), rejects, min(_position(stream) / size, 1.0))
                lines, rejects = [], []
        if lines or rejects:
            yield Batch(name, _frame(lines), rejects)


def _position(stream: IO[bytes]) -> float:
    """Compressed bytes read so far, where the stream can say so."""
    inner: Any = getattr(stream, "fileobj", None) or getattr(stream, "raw", None) or stream
    try:
        return float(inner.tell())
    except (OSError, AttributeError, ValueError):
        return 0.0


def _frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {"line": pl.Int64, **dict.fromkeys(ALIASES, pl.String)}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes] | Reject]:
    """Numbered lines. One over the limit is passed over without being held in memory."""
    number = 0
    try:
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                head, length = line[:64], len(line)
                while more := stream.readline(LONGEST_LINE):
                    length += len(more)
                    if more.endswith(b"\n"):
                        break
                limit = f"{LONGEST_LINE // 2**20} MiB"
                yield Reject(number, f"line: longer than {limit}", head + str(length).encode())
            else:
                yield number, line
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        if number == 0:
            raise InputError(f"not readable: {error}") from None
        yield Reject(number + 1, _CUT_OFF, b"")


def _jsonl(stream: IO[bytes], columns: dict[str, str]) -> Iterator[dict[str, Any] | Reject]:
    maps: dict[tuple[str, ...], dict[str, str]] = {}
    for item in _lines(stream):
        if isinstance(item, Reject):
            yield item
            continue
        number, line = item
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip(b" \t\r\n\0"):
            continue
        row = _object(line)
        if isinstance(row, str):
            yield Reject(number, row, line)
            continue
        keys = tuple(row)
        if (names := maps.get(keys)) is None:
            names = maps[keys] = mapping(list(keys), columns)
        if "text" not in names and "title" not in names:
            yield Reject(number, f"text: no such key; expected one of {', '.join(ALIASES['text'])}", line)
            continue
        values = {ours: row[theirs] for ours, theirs in names.items()}
        if wrong := next((c for c in ("text", "title") if not isinstance(values.get(c), str | None)), None):
            got = type(values[wrong]).__name__
            yield Reject(number, f"{wrong}: got {got}; expected a string", line)
            continue
        yield {"line": number, **{ours: _scalar(ours, value) for ours, value in values.items()}}


def _object(line: bytes) -> dict[str, Any] | str:
    """The JSON object on a line, or why there is none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:  # lone surrogates and NaN, which orjson refuses
            value = json.loads(line)
        except UnicodeDecodeError:
            return "line: not UTF-8"
        except (ValueError, RecursionError):
            return "line: not JSON; expected one JSON object a line"
    if not isinstance(value, dict):
        return f"line: got a JSON {type(value).__name__}; expected one JSON object a line"
    return value


def _scalar(column: str, value: Any) -> str | None:
    """A value as text; of an object its identifier, of a list its first item."""
    if value is None or isinstance(value, str):
        return _valid(value)
    if column == "repost":
        return "true" if value else None
    if isinstance(value, dict):
        return next((_scalar(column, value[k]) for k in ("id_str", "id", "did", "country_code") if value.get(k)), None)
    if isinstance(value, list):
        return _scalar(column, value[0]) if value else None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _valid(text: str | None) -> str | None:
    """Text without lone surrogates, which no UTF-8 can hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _csv(
    stream: IO[bytes], columns: dict[str, str], path: Path, delimiter: str
) -> Iterator[dict[str, Any] | Reject]:
    csv.field_size_limit(LONGEST_LINE)
    rejected: list[Reject] = []

    def decoded() -> Iterator[str]:
        for item in _lines(stream):
            if isinstance(item, Reject):
                rejected.append(item)
                continue
            number, line = item
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").replace("\0", "")
            except UnicodeDecodeError:
                rejected.append(Reject(number, "line: not UTF-8", line))

    reader = csv.reader(decoded(), delimiter=delimiter)
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise InputError(f"{path}: not readable as CSV: {error}") from None
    if header is None:
        return
    names = mapping(header, columns)
    if "text" not in names and "title" not in names:
        raise InputError(_no_text(path, "columns", header))
    where = {ours: header.index(theirs) for ours, theirs in names.items()}
    number = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Reject(reader.line_num, f"line: not CSV: {error}", b"")
            continue
        yield from rejected
        rejected.clear()
        if row is None:
            return
        number += 1
        if len(row) != len(header):
            if row:
                reason = f"line: got {len(row)} fields; expected {len(header)}, as in the header"
                yield Reject(reader.line_num, reason, repr(row).encode())
            continue
        yield {"line": reader.line_num, **{ours: row[i] or None for ours, i in where.items()}}


def _parquet(path: Path, columns: dict[str, str], name: str, rows: int) -> Iterator[Batch]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not readable as Parquet: {error}") from None
    with file:
        names = mapping(file.schema_arrow.names, columns)
        if "text" not in names and "title" not in names:
            raise InputError(_no_text(path, "columns", file.schema_arrow.names))
        for column in ("text", "title"):
            if column in names and not _is_text(kind := file.schema_arrow.field(names[column]).type):
                raise InputError(f"{path}: column {names[column]!r}: got {kind}; expected text")
        done, total = 0, max(file.metadata.num_rows, 1)
        for arrow in file.iter_batches(rows, columns=list(dict.fromkeys(names.values()))):
            frame = pl.DataFrame(pl.from_arrow(arrow))
            yield Batch(
                name,
                frame.select(
                    pl.int_range(done + 1, done + 1 + pl.len(), dtype=pl.Int64).alias("line"),
                    *(_plain(ours, pl.col(theirs), frame.schema[theirs]) for ours, theirs in names.items()),
                ),
                progress=(done + frame.height) / total,
            )
            done += frame.height


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)
        or pa.types.is_null(inner)
    )  # fmt: skip


def _plain(ours: str, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A Parquet column as text; times stay times, so that millions of them need no parsing."""
    if isinstance(dtype, pl.Datetime) and ours == "created_at":
        return value.alias(ours)
    if ours == "repost":
        flag = value.fill_null(value=False) if dtype == pl.Boolean else value.is_not_null()
        return pl.when(flag).then(pl.lit("true")).alias(ours)
    if isinstance(dtype, pl.List):
        value = value.list.first()
    if isinstance(dtype, pl.Struct):
        value = value.struct.field(dtype.fields[0].name)
    return value.cast(pl.String).alias(ours)


def _no_text(path: Path, what: str, seen: list[str]) -> str:
    usual = ", ".join(ALIASES["text"])
    return (
        f"{path}: no text: got {what} {', '.join(seen)[:300]}; expected one of {usual}, "
        "or columns = { text = \"…\" } in its [[source]]"
    )
