"""What a table is: columns with types, units and ranges, a key, and how a frame is held against them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from barograph.errors import Terminal

TIMESTAMP = pl.Datetime("us")


@dataclass(frozen=True)
class Column:
    """One column: type, meaning, and the values it may hold."""

    dtype: pl.DataType | type[pl.DataType]
    doc: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What it may hold, in words."""
        values = " or ".join(self.allowed) or ("a finite number" if self.dtype == pl.Float64 else "a value")
        if self.low is not None:
            values = f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"
        return values + ("" if self.nullable else ", never NULL")


@dataclass(frozen=True, eq=False)
class Table:
    """A named table with its key. `published` ones leave the warehouse; the rest never do."""

    name: str
    doc: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(repr=False)
    published: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Column name → Polars type, in order."""
        return {name: column.dtype for name, column in self.columns.items()}

    @property
    def series_key(self) -> tuple[str, ...]:
        """The key without `issue`: what names one fact across its versions."""
        return tuple(name for name in self.key if name != "issue")

    def empty(self) -> pl.DataFrame:
        """A frame of no rows with this table's columns."""
        return pl.DataFrame(schema=self.schema)

    def validate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with exactly this table's columns, in order and cast; columns it lacks are NULL.

        Raises `Terminal` naming table, column and offending value where a column is unknown or of another
        type, a required value is NULL, a number is out of range, a word is not allowed, or a key occurs twice.
        """
        if unknown := [name for name in frame.columns if name not in self.columns]:
            raise Terminal(f"{self.name}: got column {unknown[0]!r}; expected {', '.join(self.columns)}")
        frame = pl.DataFrame([self._cast(frame, name, column) for name, column in self.columns.items()])
        for name, column in self.columns.items():
            self._check(frame, name, column)
        if self.key and (twice := frame.filter(frame.select(self.key).is_duplicated())).height:
            raise Terminal(f"{self.name}: key {dict(twice.select(self.key).row(0, named=True))} occurs twice")
        return frame

    def _cast(self, frame: pl.DataFrame, name: str, column: Column) -> pl.Series:
        given = frame[name] if name in frame.columns else pl.Series(name, [None] * frame.height)
        try:
            if given.dtype.is_float() and column.dtype == pl.Int64:  # a cast would cut it off
                raise pl.exceptions.InvalidOperationError
            return given.cast(column.dtype)
        except pl.exceptions.PolarsError:
            raise Terminal(f"{self.name}.{name}: got {given.dtype}; expected {column.dtype}") from None

    def _check(self, frame: pl.DataFrame, name: str, column: Column) -> None:
        value = pl.col(name)
        wrong = [value.is_null()] if not column.nullable else []
        if frame.schema[name].is_float():
            wrong += [value.is_nan(), value.is_infinite()]
        if column.low is not None:
            wrong.append(value < column.low)
        if column.high is not None:
            wrong.append(value > column.high)
        if column.allowed:
            wrong.append(~value.is_in(column.allowed))
        if wrong and (rows := frame.filter(pl.any_horizontal(wrong).fill_null(value=False))).height:
            raise Terminal(
                f"{self.name}.{name}: got {rows[name][0]!r} in {rows.height} rows; expected {column.expected}"
            )


def text(doc: str, *allowed: str, nullable: bool = False) -> Column:
    """Text, or one of a few words."""
    return Column(pl.String, doc, nullable=nullable, allowed=allowed)


def count(doc: str, *, nullable: bool = False) -> Column:
    """A whole number from 0."""
    return Column(pl.Int64, doc, nullable=nullable, low=0)


def number(doc: str, low: float | None = None, high: float | None = None) -> Column:
    """A number, or NULL where it is not known."""
    return Column(pl.Float64, doc, nullable=True, low=low, high=high)


def day(doc: str, *, nullable: bool = False) -> Column:
    """A UTC day."""
    return Column(pl.Date, doc, nullable=nullable)


def time(doc: str, *, nullable: bool = False) -> Column:
    """A UTC time."""
    return Column(TIMESTAMP, doc, nullable=nullable)
