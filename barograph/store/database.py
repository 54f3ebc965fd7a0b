"""A DuckDB file open for writing: its tables, its transactions, frames in and out."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from barograph import tables
from barograph.errors import InputError, Transient
from barograph.tables import Column, Table

_TYPES = {
    pl.String: "VARCHAR", pl.Int64: "BIGINT", pl.Float64: "DOUBLE", pl.Date: "DATE", pl.Boolean: "BOOLEAN",
    pl.Datetime: "TIMESTAMP",
}  # fmt: skip
_AS_WRITTEN = ("post_id", "author_key", "text", "text_hash")
"""Columns of posts and scores that DuckDB keeps as they are: to compress them is four times the work of all else in
landing posts, for a file a third smaller."""
_MEMORY = min(2 * 2**30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
"""Bytes that DuckDB may take before it works on disk; frames need room beside it."""
DISK = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""With one writer a transaction has nobody to conflict with: that it fails means the disk."""


class Database:
    """The tables of `tables.ALL` in one file, opened for writing by one process at a time.

    Columns that an earlier version did not have yet are added on opening. Raises `Transient` where another process
    has it open, `InputError` where it cannot be opened or a column that must have a value cannot be added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._con = duckdb.connect(path)
        except duckdb.IOException as error:
            if "Could not set lock on file" in str(error):  # DuckDB has no class of its own for it
                raise Transient(f"{path} is open in another process; wait for it or end it") from None
            raise InputError(f"{path} cannot be opened: {error}") from None
        # What is landed in one piece stays in its row groups: to join small ones would write everything twice.
        self._con.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}B'; SET max_vacuum_tasks = 0")
        with self._transaction():
            for table in tables.ALL:
                self._con.execute(create(table))
            self._bring_up_to_date()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._con.close()
        if interrupted(error):
            raise KeyboardInterrupt from None

    def _bring_up_to_date(self) -> None:
        """Give tables that an earlier version made the columns they lack."""
        rows = self._con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = current_database()"
        ).fetchall()
        there = set(rows)
        for table in tables.ALL:
            lacking = {name: column for name, column in table.columns.items() if (table.name, name) not in there}
            if not lacking:
                continue
            # What was tested only spares work: where it is forgotten, days are tested again.
            if table is tables.TESTED or not self._scalar(f"SELECT count(*) FROM {table.name}"):
                self._con.execute(f"DROP TABLE {table.name}")
                self._con.execute(create(table))
            elif required := [name for name, column in lacking.items() if not column.nullable]:
                raise InputError(
                    f"{self.path}: got a table {table.name} without {', '.join(required)}, from another version of "
                    "barograph; expected all its columns: take a new home and read the posts into it, or that version"
                )
            for name, column in lacking.items():
                self._con.execute(f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {name} {_type(column)}")

    def copy_all(self, path: Path) -> None:
        """Write every table, with its key, into a new database at `path`."""
        target = str(path).replace("'", "''")
        self._con.execute(f"CHECKPOINT; ATTACH '{target}' AS fresh")
        try:
            for table in tables.ALL:
                self._con.execute(create(table, "fresh."))
                self._con.execute(f"INSERT INTO fresh.{table.name} BY NAME SELECT * FROM {table.name}")
            self._con.execute("CHECKPOINT fresh")
        finally:
            with suppress(duckdb.Error):
                self._con.execute("DETACH fresh")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._con.execute("BEGIN")
            yield
            self._con.execute("COMMIT")
        except BaseException as error:
            with suppress(duckdb.Error):  # after a failed COMMIT there is nothing left to roll back
                self._con.execute("ROLLBACK")
            if isinstance(error, DISK):
                raise unwritable(self.path, error) from None
            raise

    def _frame(self, query: str, parameters: Sequence[object] = (), **frames: pl.DataFrame) -> pl.DataFrame:
        with self._registered(**frames):
            return self._con.sql(query, params=list(parameters)).pl()

    @contextmanager
    def _registered(self, **frames: pl.DataFrame) -> Iterator[None]:
        for name, frame in frames.items():
            self._con.register(name, frame.to_arrow(compat_level=pl.CompatLevel.newest()))
        try:
            yield
        finally:
            for name in frames:
                self._con.unregister(name)

    def _scalar(self, query: str, parameters: Sequence[object] = ()) -> Any:
        rows = self._con.execute(query, list(parameters)).fetchall()
        return rows[0][0] if rows else None


def interrupted(error: BaseException | None) -> bool:
    """Whether an error is DuckDB's way to tell of Ctrl-C."""
    return type(error) is RuntimeError and str(error) == "Query interrupted"


def unwritable(path: Path, error: Exception) -> Transient:
    """What to tell of a file that the disk refused."""
    return Transient(
        f"{path} could not be written: {str(error).splitlines()[0]}; free space or mend the disk and run again: "
        "what was kept before is safe"
    )


def create(table: Table, database: str = "", *, keyed: bool = True) -> str:
    """The statement that makes a table where it is not there yet; without its key unless `keyed`."""
    columns = [
        f"{name} {_type(column)}"
        + (" USING COMPRESSION uncompressed" if table in (tables.POSTS, tables.SCORES) and name in _AS_WRITTEN else "")
        + ("" if column.nullable else " NOT NULL" if name in table.key else "")
        for name, column in table.columns.items()
    ]
    if keyed and table.key:
        columns.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE IF NOT EXISTS {database}{table.name} ({', '.join(columns)})"


def _type(column: Column) -> str:
    return _TYPES[column.dtype if isinstance(column.dtype, type) else type(column.dtype)]


def latest(table: Table, source: str) -> str:
    """The query for the latest issue of each fact in `source`, not after its one parameter.

    Columns are named: a home of an earlier version has its newer ones at the end.
    """
    return f"""SELECT {", ".join(table.columns)} FROM {source} WHERE issue <= ?
        QUALIFY row_number() OVER (PARTITION BY {", ".join(table.series_key)} ORDER BY issue DESC) = 1"""


def reach(series: str) -> str:
    """The query for the rows of `lines`: how far each line reaches by the latest issue of each fact of `series`."""
    line = ", ".join(tables.LINE)
    return f"""
        WITH newest AS (SELECT {line}, time_value, arg_max(provisional, issue) AS provisional,
                               arg_max(prevalence IS NOT NULL, issue) AS known FROM {series} GROUP BY ALL)
        SELECT {line}, min(time_value) AS first_day, max(time_value) FILTER (NOT provisional) AS last_closed,
               max(time_value) FILTER (NOT provisional AND known) AS last_known,
               count(*) FILTER (NOT provisional AND known) AS known_days
        FROM newest GROUP BY {line}"""
