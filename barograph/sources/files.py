"""Files and folders: JSONL, CSV, TSV (plain, gzip, zstd), Parquet. Rows that cannot be read become rejects."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from barograph.errors import InputError
from barograph.sources import Batch, Reject
from barograph.sources.compressed import OPEN
from barograph.sources.lines import CUT_OFF, csv_rows, frame, json_rows, no_text, object_of
from barograph.sources.parquet import parquet_rows

BATCH_ROWS = 50_000
_PROBED_LINES = 100
_UNREADABLE = "file: not readable as posts; expected a whole file with a column or key of text"
UNFINISHED = (CUT_OFF, _UNREADABLE)
"""Reasons that a file which is still being written gives as well."""

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
        if first.reason.startswith("text: no such key") and isinstance(row := object_of(first.raw), dict):
            raise InputError(no_text(path, "keys", list(row)))
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
                frame([]),
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
        yield from parquet_rows(path, columns, name, rows)
        return
    try:
        stream = OPEN[kind[1]](path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a readable file") from None
    with stream:
        size = max(path.stat().st_size, 1)
        read = (
            csv_rows(stream, columns, path, "\t" if kind[0] == ".tsv" else ",")
            if kind[0] in (".csv", ".tsv")
            else json_rows(stream, columns, path, events=events)
        )
        lines: list[dict[str, Any]] = []
        rejects: list[Reject] = []
        for item in read:
            (rejects if isinstance(item, Reject) else lines).append(item)  # type: ignore[arg-type]
            if len(lines) + len(rejects) >= rows:
                yield Batch(name, frame(lines, events=events), rejects, min(_position(stream) / size, 1.0))
                lines, rejects = [], []
        if lines or rejects:
            yield Batch(name, frame(lines, events=events), rejects)


def _position(stream: IO[bytes]) -> float:
    """Bytes of the file, compressed as they are, read so far."""
    raw = getattr(stream, "raw", stream)
    return float(getattr(raw, "fileobj", raw).tell())
