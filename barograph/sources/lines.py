"""Text that holds a row a line: JSON, CSV and TSV. Lines that are no row become rejects."""

import csv
import io
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl
import zstandard

from barograph.errors import InputError
from barograph.sources import ALIASES, OPS, Reject, mapping

LONGEST_LINE = 4 * 1024 * 1024
CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"
IDENTIFIERS = ("country_code", "id_str", "id", "did", "username", "acct", "handle", "screen_name", "name")
"""Which key of an object stands for it: the first one that has a value."""


def parse(lines: bytes, columns: dict[str, str]) -> tuple[pl.DataFrame, list[Reject]]:
    """Rows and rejects of complete JSON lines, numbered from 1, as a file of them with events would give."""
    found, rejects = list[dict[str, Any]](), list[Reject]()
    for item in json_rows(io.BytesIO(lines), columns, Path("-"), events=True):
        (rejects if isinstance(item, Reject) else found).append(item)  # type: ignore[arg-type]
    return frame(found, events=True), rejects


def frame(lines: list[dict[str, Any]], *, events: bool = False) -> pl.DataFrame:
    """Rows as a `Batch` has them; with `op` where lines may be `events`."""
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
        yield Reject(number + 1, CUT_OFF, b"")


def json_rows(
    stream: IO[bytes], columns: dict[str, str], path: Path, *, events: bool = False
) -> Iterator[dict[str, Any] | Reject]:
    """Objects, one a line, as rows."""
    maps: dict[tuple[str, ...], dict[str, str]] = {}
    for item in _lines(stream, path):
        if isinstance(item, Reject):
            yield item
            continue
        number, line = item
        if not line.strip(b" \t\r\n\0"):
            continue
        row = object_of(line)
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
        exact = object_of(line, exact=True)
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


def object_of(line: bytes, *, exact: bool = False) -> dict[str, Any] | str:
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
            value = next((value[key] for key in IDENTIFIERS if value.get(key)), None)
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


def csv_rows(
    stream: IO[bytes], columns: dict[str, str], path: Path, delimiter: str
) -> Iterator[dict[str, Any] | Reject]:
    """Records below a header as rows. Raises `InputError` where that is not readable or names no text."""
    records = _records(stream, path, delimiter)
    header = next((item for item in records if isinstance(item, Reject) or item[1]), None)
    if header is None:
        return
    if isinstance(header, Reject):
        raise InputError(f"{path}: its header is not readable: {header.reason}")
    names = mapping(header[1], columns)
    if "text" not in names and "title" not in names:
        raise InputError(no_text(path, "columns", header[1]))
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


def no_text(path: Path, what: str, seen: list[str]) -> str:
    """What to tell of a file in which nothing is called as text is."""
    usual = ", ".join(ALIASES["text"])
    return (
        f"{path}: no text: got {what} {', '.join(seen)[:300]}; expected one of {usual}, "
        'or columns = { text = "…" } in its [[source]]'
    )
