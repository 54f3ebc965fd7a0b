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
        """Rows of a published table in order of its key, `where` columns equal the values given.

        With an `issue` in the table's key, of each fact the latest one not after `as_of` (default: all).
        """
        equal = " AND ".join(f"{column} = ?" for column in where or {}) or "true"
        values = list((where or {}).values())
        source = f"(SELECT * FROM p.{table.name} WHERE {equal})"
        order = ", ".join(table.series_key)
        with self._readable(), self._con.cursor() as cursor:
            if "issue" in table.key:
                query = f"SELECT * FROM ({latest(table, source)}) ORDER BY {order}"
                return cursor.sql(query, params=[*values, as_of or datetime.max]).pl()
            return cursor.sql(f"SELECT * FROM {source} ORDER BY {order}", params=values).pl()

    def history(self, table: Table, *, as_of: datetime, where: Mapping[str, object] | None = None) -> pl.DataFrame:
        """All issues not after `as_of`, in order, `where` columns equal the values given."""
        equal = " AND ".join(["issue <= ?", *(f"{column} = ?" for column in where or {})])
        query = f"SELECT * FROM p.{table.name} WHERE {equal} ORDER BY issue, {', '.join(table.series_key)}"
        with self._readable(), self._con.cursor() as cursor:
            return cursor.sql(query, params=[as_of, *(where or {}).values()]).pl()

    def lines(self) -> pl.DataFrame:
        """Every line of `series` (marker, population, unit, method) with how far it reaches.

        `first_day`, `last_closed` (NULL before the first day has closed), `last_known` (the latest closed day
        that has a value) and `known_days`, in order of the line.
        """
        line = ", ".join(tables.LINE)
        known = "NOT provisional AND prevalence IS NOT NULL"
        with self._readable(), self._con.cursor() as cursor:
            return cursor.sql(
                f"""SELECT {line}, min(time_value) AS first_day,
                           max(time_value) FILTER (NOT provisional) AS last_closed,
                           max(time_value) FILTER ({known}) AS last_known, count(*) FILTER ({known}) AS known_days
                    FROM ({latest(tables.SERIES, "p.series")}) GROUP BY {line} ORDER BY {line}""",
                params=[datetime.max],
            ).pl()
