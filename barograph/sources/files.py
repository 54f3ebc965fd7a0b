"""Files and folders: JSONL, CSV, TSV (plain, gzip, zstd), Parquet. Rows that cannot be read become rejects."""

import csv
import glob
import io
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from barograph.errors import InputError
from barograph.sources import ALIASES, OPS, Batch, Reject, mapping
from barograph.sources.compressed import OPEN

BATCH_ROWS = 50_000
_PIECES, _PIECES_BYTES = 5, 2**26
"""Of Parquet so many times as many rows are one batch, if they are not too large: large batches are kept faster."""
LONGEST_LINE = 4 * 1024 * 1024
_PROBED_LINES = 100
_CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"
_UNREADABLE = "file: not readable as posts"
UNFINISHED = (_CUT_OFF, _UNREADABLE)
"""Reasons that a file which is still being written gives as well."""

_IDENTIFIERS = ("country_code", "id_str", "id", "did", "username", "acct", "handle", "screen_name", "name")
"""Which key of an object stands for it: the first one that has a value."""

_TEXT = {".jsonl", ".ndjson", ".csv", ".tsv"}


_KINDS = "*.jsonl, *.ndjson, *.csv, *.tsv (each also .gz or .zst), *.parquet"


def find(inputs: Sequence[str]) -> list[Path]:
    """Every file of posts in `inputs`: files, folders (searched throughout) or patterns, each file once.

    Raises `InputError` where an input is not there, is of no known kind, or a folder holds no posts.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.is_file() and kind_of(p)]
            if not inside:
                raise InputError(f"{given}: no posts in this folder; expected files named {_KINDS}")
        elif path.is_file():
            if not kind_of(path):
                raise InputError(f"{given}: got a file of unknown kind; expected {_KINDS}")
            inside = [path]
        else:
            matched = [p for p in map(Path, sorted(glob.glob(given, recursive=True))) if p.is_file()]
            inside = [p for p in matched if kind_of(p)]
            if not matched:
                raise InputError(f"{given}: no such file or folder")
            if not inside:
                raise InputError(f"{given}: matches no posts; expected files named {_KINDS}")
        found |= dict.fromkeys(inside)
    return list(found)


def kind_of(path: Path) -> tuple[str, str] | None:
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


def fetch(
    files: Sequence[Path], columns: dict[str, str], rows: int = BATCH_ROWS, *, events: bool = False
) -> Iterator[Batch]:
    """All rows of `files`, in order, about so many a batch.

    A file that cannot be read, or breaks off midway, ends as a reject of its own. events: JSON lines may say by `op`
    what they are, one of `OPS`; rows have that column then, NULL where they do not say.
    """
    sizes = [max(path.stat().st_size, 1) if path.exists() else 1 for path in files]
    before = 0
    for path, size in zip(files, sizes, strict=True):
        name = path.name if sum(p.name == path.name for p in files) == 1 else str(path)
        try:
            for batch in _read(path, columns, name, rows, events=events):
                yield replace(batch, progress=(before + batch.progress * size) / sum(sizes))
        except InputError:
            yield Batch(
                name,
                _frame([]),
                [Reject(0, _UNREADABLE, b"")],
                (before + size) / sum(sizes),
            )
        before += size


def _read(
    path: Path, columns: dict[str, str], name: str, rows: int = BATCH_ROWS, *, events: bool = False
) -> Iterator[Batch]:
    kind = kind_of(path)
    assert kind is not None, path  # find() let nothing else through
    if kind[0] == ".parquet":
        yield from _parquet(path, columns, name, rows)
        return
    try:
        stream = OPEN[kind[1]](path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a readable file") from None
    with stream:
        size = max(path.stat().st_size, 1)
        read = (
            _csv(stream, columns, path, "\t" if kind[0] == ".tsv" else ",")
            if kind[0] in (".csv", ".tsv")
            else _jsonl(stream, columns, path, events=events)
        )
        lines: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        for item in read:
            (rejects if isinstance(item, Reject) else lines).append(item)  # type: ignore[arg-type]
            if len(lines) + len(rejects) >= rows:
                yield Batch(name, _frame(lines, events=events), rejects, min(_position(stream) / size, 1.0))
                lines, rejects = [], []
        if lines or rejects:
            yield Batch(name, _frame(lines, events=events), rejects)


def parse(lines: bytes, columns: dict[str, str]) -> tuple[pl.DataFrame, list[Reject]]:
    """Rows and rejects of complete JSON lines, numbered from 1, as a file of them with events would give."""
    found, rejects = list[dict[str, Any]](), list[Reject]()
    for item in _jsonl(io.BytesIO(lines), columns, Path("-"), events=True):
        (rejects if isinstance(item, Reject) else found).append(item)  # type: ignore[arg-type]
    return _frame(found, events=True), rejects


def _position(stream: IO[bytes]) -> float:
    """Bytes of the file, compressed as they are, read so far."""
    raw = getattr(stream, "raw", stream)
    return float(getattr(raw, "fileobj", raw).tell())


def _frame(lines: list[dict[str, Any]], *, events: bool = False) -> pl.DataFrame:
    schema = {"line": pl.Int64, **dict.fromkeys(("op", *ALIASES) if events else ALIASES, pl.String)}
    return pl.DataFrame(lines, schema=schema, orient="row")


def _lines(stream: IO[bytes], path: Path) -> Iterator[tuple[int, bytes] | Reject]:
    """Numbered lines, without a byte-order mark. One over the limit is passed over, never held in memory."""
    number = 0
    try:
        while line := stream.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                head, length = line[:64], len(line)
                while more := stream.readline(LONGEST_LINE):
                    length += len(more)
                    if more.endswith(b"\n"):
                        break
                number += 1
                limit = f"{LONGEST_LINE // 2**20} MiB"
                yield Reject(number, f"line: longer than {limit}", head + str(length).encode())
            else:
                number += 1
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        if number == 0:
            why = f"not readable: {error}; expected a complete {path.suffix} file"
            raise InputError(f"{path}: {why}") from None
        yield Reject(number + 1, _CUT_OFF, b"")


def _jsonl(
    stream: IO[bytes], columns: dict[str, str], path: Path, *, events: bool = False
) -> Iterator[dict[str, Any] | Reject]:
    maps: dict[tuple[str, ...], dict[str, str]] = {}
    for item in _lines(stream, path):
        if isinstance(item, Reject):
            yield item
            continue
        number, line = item
        if not line.strip(b" \t\r\n\0"):
            continue
        row = _object(line)
        if isinstance(row, str):
            yield Reject(number, row, line)
            continue
        keys = tuple(row)
        if (names := maps.get(keys)) is None:
            names = maps[keys] = mapping(list(keys), columns)
        yield _row(number, line, row, names, events=events)


def _row(
    number: int, line: bytes, row: dict[str, Any], names: dict[str, str], *, events: bool
) -> dict[str, Any] | Reject:
    """The object of a line as a row, or why it is none."""
    values = {ours: row[theirs] for ours, theirs in names.items()}
    if events and (op := row.get("op", "post")) not in ("post", "update"):
        return _event(number, op, values, line)
    if "text" not in names and "title" not in names:
        return Reject(number, f"text: no such key; expected one of {', '.join(ALIASES['text'])}", line)
    if wrong := next((c for c in ("text", "title") if not isinstance(values.get(c), str | None)), None):
        got = type(values[wrong]).__name__
        return Reject(number, f"{wrong}: got {got}; expected a string", line)
    if any(isinstance(value, float) and abs(value) >= 2**63 for value in values.values()):
        exact = _object(line, exact=True)
        if isinstance(exact, dict):
            values = {ours: exact[theirs] for ours, theirs in names.items()}
    said = {"op": op} if events else {}
    return {"line": number, **said, **{ours: _scalar(ours, value) for ours, value in values.items()}}


def _event(number: int, op: Any, values: dict[str, Any], line: bytes) -> dict[str, Any] | Reject:
    """What a line says that is no post."""
    if op not in OPS:
        return Reject(number, f"op: not known; expected one of {', '.join(OPS)}", line)
    key = "id" if op == "delete" else "author"
    whom = _scalar(key, values.get(key))
    return {"line": number, "op": op, key: whom} if whom else Reject(number, f"op: {op} without {key}", line)


def _object(line: bytes, *, exact: bool = False) -> dict[str, Any] | str:
    """The JSON object on a line, or why there is none. `exact`: integers of any size as text, unrounded."""
    try:
        value = json.loads(line, parse_int=str) if exact else orjson.loads(line)
    except (ValueError, RecursionError):
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
    if column == "repost" and not isinstance(value, str):
        return "true" if value else None
    while isinstance(value, dict | list):
        if isinstance(value, dict):
            value = next((value[key] for key in _IDENTIFIERS if value.get(key)), None)
        else:
            value = value[0] if value else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value) if math.isfinite(value) else None
    return None if value is None else _valid(str(value))


def _valid(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _csv(stream: IO[bytes], columns: dict[str, str], path: Path, delimiter: str) -> Iterator[dict[str, Any] | Reject]:
    records = _records(stream, path, delimiter)
    header = next((item for item in records if isinstance(item, Reject) or item[1]), None)
    if header is None:
        return
    if isinstance(header, Reject):
        raise InputError(f"{path}: its header is not readable: {header.reason}")
    names = mapping(header[1], columns)
    if "text" not in names and "title" not in names:
        raise InputError(_no_text(path, "columns", header[1]))
    where = {ours: header[1].index(theirs) for ours, theirs in names.items()}
    for item in records:
        if isinstance(item, Reject):
            yield item
            continue
        number, row = item
        if len(row) == len(header[1]):
            yield {"line": number, **{ours: row[i] or None for ours, i in where.items()}}
        elif row:
            reason = f"line: got {len(row)} fields; expected {len(header[1])}, as in the header"
            yield Reject(number, reason, repr(row).encode())


def _records(stream: IO[bytes], path: Path, delimiter: str) -> Iterator[tuple[int, list[str]] | Reject]:
    """Records with the number of their first line.

    An unbalanced quote costs its own line alone: the lines that it swallowed are read again. In TSV, which is
    often written without quoting, such a line is taken as it stands.
    """
    csv.field_size_limit(LONGEST_LINE)
    lines = _lines(stream, path)
    again: list[tuple[int, bytes]] = []
    record: list[tuple[int, bytes]] = []
    rejected: list[Reject] = []

    def decoded() -> Iterator[str]:
        while item := again.pop() if again else next(lines, None):
            if isinstance(item, Reject):
                rejected.append(item)
            else:
                record.append(item)
                yield item[1].decode(errors="replace").replace("\0", "")

    reader = csv.reader(decoded(), delimiter=delimiter, strict=True)
    while True:
        wrong = ""
        try:
            row = next(reader, None)
        except csv.Error as error:
            again += reversed(record[1:])
            del record[1:]
            reader = csv.reader(decoded(), delimiter=delimiter, strict=True)
            row = record[0][1].decode(errors="replace").rstrip("\r\n").split(delimiter)
            wrong = "" if delimiter == "\t" else f"line: not CSV: {error}"
        yield from rejected
        rejected.clear()
        if row is None:
            return
        number, raw = record[0][0], b"".join(line for _, line in record)
        record.clear()
        if not _is_utf8(raw):
            wrong = "line: not UTF-8"
        yield Reject(number, wrong, raw) if wrong else (number, row)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


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
        yield from _gathered(_pieces(file, names, rows), name, max(file.metadata.num_rows, 1))


def _gathered(pieces: Iterator[pl.DataFrame | Reject], name: str, total: int) -> Iterator[Batch]:
    done, gathered = 0, list[pl.DataFrame]()
    for piece in pieces:
        if isinstance(piece, pl.DataFrame):
            gathered.append(piece)
            done += piece.height
            if len(gathered) < _PIECES and sum(p.estimated_size() for p in gathered) < _PIECES_BYTES:
                continue
        if gathered:
            yield Batch(name, pl.concat(gathered), progress=done / total)
            gathered = []
        if isinstance(piece, Reject):
            yield Batch(name, _frame([]), [piece])
    if gathered:
        yield Batch(name, pl.concat(gathered))


def _pieces(file: pq.ParquetFile, names: dict[str, str], rows: int) -> Iterator[pl.DataFrame | Reject]:
    """Frames of so many rows; where the file is damaged, a reject ends them."""
    batches = file.iter_batches(rows, columns=list(dict.fromkeys(names.values())))
    done = 0
    while True:
        try:
            arrow = next(batches, None)
        except (pa.ArrowException, OSError):
            yield Reject(done + 1, _CUT_OFF, b"")
            return
        if arrow is None:
            return
        frame = pl.DataFrame(pl.from_arrow(arrow))
        done += frame.height
        yield frame.select(
            pl.int_range(done + 1 - pl.len(), done + 1, dtype=pl.Int64).alias("line"),
            *(_plain(ours, pl.col(theirs), frame.schema[theirs]) for ours, theirs in names.items()),
        )


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
    if ours == "repost" and dtype.is_nested():
        return pl.when(value.is_not_null()).then(pl.lit("true")).alias(ours)
    return _as_text(value, dtype).alias(ours)


def _as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The same as `_scalar`, for a column."""
    if isinstance(dtype, pl.List):
        return _as_text(value.list.first(), dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Array):
        return _as_text(value.arr.first(), dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        kinds = {field.name: field.dtype for field in dtype.fields}
        found = [_as_text(value.struct.field(key), kinds[key]) for key in _IDENTIFIERS if key in kinds]  # type: ignore[arg-type]
        return pl.coalesce(*found, pl.lit(None, pl.String))
    if dtype.is_float():
        whole = value.cast(pl.Int64, strict=False)
        text = pl.when(whole == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
        return pl.when(value.is_finite()).then(text)
    return value.bin.encode("hex") if dtype == pl.Binary else value.cast(pl.String)


def _no_text(path: Path, what: str, seen: list[str]) -> str:
    usual = ", ".join(ALIASES["text"])
    return (
        f"{path}: no text: got {what} {', '.join(seen)[:300]}; expected one of {usual}, "
        'or columns = { text = "…" } in its [[source]]'
    )
