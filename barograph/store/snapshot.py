"""A published snapshot: aggregates, read-only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from barograph import tables
from barograph.errors import Terminal
from barograph.store.database import latest
from barograph.tables import Table


class Snapshot:
    """One published snapshot, attached read-only from an in-memory connection: readers never block the writer.

    Raises `Terminal` where the file is gone, damaged, or of a version with other tables.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._con = duckdb.connect()
        self._con.execute("SET TimeZone = 'UTC'; SET threads = 2")
        target = str(path).replace("'", "''")
        with self._readable():
            self._con.execute(f"ATTACH '{target}' AS p (READ_ONLY)")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise Terminal(f"{self.path} cannot be read: {str(error).splitlines()[0]}; publish again") from None

    def read(
        self, table: Table, *, as_of: datetime | None = None, where: Mapping[str, object] | None = None
    ) -> pl.DataFrame:
        """Rows of a published table in order of its key, `where` columns equal the values given, or one of a list.

        With an `issue` in the table's key, of each fact the latest one not after `as_of` (default: all).
        """
        equal, values = _equal(where)
        return self._latest(table, f"(SELECT * FROM p.{table.name} WHERE {equal})", values, as_of)

    def history(self, table: Table, *, as_of: datetime, where: Mapping[str, object] | None = None) -> pl.DataFrame:
        """All issues not after `as_of`, in order, `where` columns equal the values given."""
        equal, values = _equal(where)
        order = ", ".join(("issue", *table.series_key))
        query = f"SELECT * FROM p.{table.name} WHERE {equal} AND issue <= ? ORDER BY {order}"
        return self._frame(query, [*values, as_of])

    def _latest(self, table: Table, source: str, values: list[object], as_of: datetime | None = None) -> pl.DataFrame:
        """The rows of `source` in order, of each fact the latest issue alone."""
        order = ", ".join(table.series_key)
        if "issue" in table.key:
            return self._frame(
                f"SELECT * FROM ({latest(table, source)}) ORDER BY {order}", [*values, as_of or datetime.max]
            )
        return self._frame(f"SELECT * FROM {source} ORDER BY {order}", values)

    def _frame(self, query: str, values: list[object]) -> pl.DataFrame:
        with self._readable(), self._con.cursor() as cursor:
            return cursor.sql(query, params=values).pl()

    def recent(self, table: Table, days: int, *, where: Mapping[str, object] | None = None) -> pl.DataFrame:
        """Rows of a table of lines and days as `read` gives them, of the last days of each line alone.

        They are the `days` days up to the line's last closed one and all after it; none where no day has closed.
        """
        equal, values = _equal(where)
        line, day = ", ".join(tables.LINE), table.series_key[-1]
        source = f"""(SELECT t.* FROM p.{table.name} t JOIN p.lines USING ({line})
                      WHERE {equal} AND {day} > last_closed - CAST(? AS INTEGER))"""
        return self._latest(table, source, [*values, days])

    def issues(self, table: Table, where: Mapping[str, object]) -> list[datetime]:
        """When rows of which the `where` columns equal the values given were published, each time once, in order."""
        equal, values = _equal(where)
        query = f"SELECT DISTINCT issue FROM p.{table.name} WHERE {equal} ORDER BY issue"
        return self._frame(query, values)["issue"].to_list()

    def lines(self) -> pl.DataFrame:
        """Every line of `series`, as `tables.LINES` has it."""
        return self.read(tables.LINES)


def _equal(where: Mapping[str, object] | None) -> tuple[str, list[object]]:
    """The condition that columns have the values of `where`, or one of them where it has a list; its parameters."""
    parts: list[str] = ["true"]
    values: list[object] = []
    for column, value in (where or {}).items():
        several = value if isinstance(value, list) else [value]
        parts.append(f"{column} IN ({', '.join('?' * len(several)) or 'NULL'})")
        values += several
    return " AND ".join(parts), values
