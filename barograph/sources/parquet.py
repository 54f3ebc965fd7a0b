"""Parquet files. Columns become text as lines have it, but for times, which stay times."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from barograph.errors import InputError
from barograph.sources import Batch, Reject, mapping
from barograph.sources.lines import CUT_OFF, IDENTIFIERS, frame, no_text

_PIECES, _PIECES_BYTES = 5, 2**26
"""So many times as many rows are one batch, if they are not too large: large batches are kept faster."""


def parquet_rows(path: Path, columns: dict[str, str], name: str, rows: int) -> Iterator[Batch]:
    """Batches of a file. Raises `InputError` where it is none, or has no column of text."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not readable as Parquet: {error}") from None
    with file:
        names = mapping(file.schema_arrow.names, columns)
        if "text" not in names and "title" not in names:
            raise InputError(no_text(path, "columns", file.schema_arrow.names))
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
            yield Batch(name, frame([]), [piece])
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
            yield Reject(done + 1, CUT_OFF, b"")
            return
        if arrow is None:
            return
        read = pl.DataFrame(pl.from_arrow(arrow))
        done += read.height
        yield read.select(
            pl.int_range(done + 1 - pl.len(), done + 1, dtype=pl.Int64).alias("line"),
            *(_plain(ours, pl.col(theirs), read.schema[theirs]) for ours, theirs in names.items()),
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
    """What `lines` makes of one value, for a column."""
    if isinstance(dtype, pl.List):
        return _as_text(value.list.first(), dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Array):
        return _as_text(value.arr.first(), dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        kinds = {field.name: field.dtype for field in dtype.fields}
        found = [_as_text(value.struct.field(key), kinds[key]) for key in IDENTIFIERS if key in kinds]  # type: ignore[arg-type]
        return pl.coalesce(*found, pl.lit(None, pl.String))
    if dtype.is_float():
        whole = value.cast(pl.Int64, strict=False)
        text = pl.when(whole == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
        return pl.when(value.is_finite()).then(text)
    return value.bin.encode("hex") if dtype == pl.Binary else value.cast(pl.String)
