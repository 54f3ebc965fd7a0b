"""The part of the warehouse that keeps what forecasts came to."""

from datetime import date, datetime

import polars as pl

from barograph import tables
from barograph.store.database import Database

_LINE = ", ".join(tables.LINE)


class Records(Database):
    """Forecasts as they were first issued, and week by week what they came to."""

    def first_forecasts(self, now: datetime, since: date) -> pl.DataFrame:
        """Of each line, target from `since` on and horizon, the forecast that was issued first, none after `now`."""
        return self._frame(
            f"""SELECT {", ".join(tables.FORECASTS.columns)} FROM forecasts WHERE issue <= ? AND target >= ?
                QUALIFY row_number() OVER (PARTITION BY {_LINE}, target, horizon ORDER BY issue) = 1""", [now, since]
        )  # fmt: skip

    def has_weeks(self) -> bool:
        """Whether any week of forecasts was evaluated yet."""
        return bool(self._scalar("SELECT EXISTS (FROM forecast_weeks)"))

    def replace_weeks(self, lines: pl.DataFrame, since: date, rows: pl.DataFrame) -> None:
        """Have `forecast_weeks` of these lines hold `rows` from the week `since` on, where none of a week is newer.

        lines: the columns of a line. A run in the past leaves what a later one knew. Raises `Terminal` where a row
        breaks the table's contract.
        """
        rows = tables.FORECAST_WEEKS.validate(rows)
        key, same = ", ".join(tables.FORECAST_WEEKS.key), ", ".join(c for c in rows.columns if c != "issue")
        issue = rows["issue"].max() or datetime.max
        mine = f"SELECT * FROM forecast_weeks SEMI JOIN lines USING ({_LINE}) WHERE week >= ?"
        with self._registered(rows=rows, lines=lines), self._transaction():
            self._con.execute(
                f"""CREATE OR REPLACE TEMP TABLE newer AS
                    SELECT DISTINCT {_LINE}, week FROM ({mine}) WHERE issue > ?""", [since, issue]
            )  # fmt: skip
            self._con.execute(
                f"""DELETE FROM forecast_weeks WHERE ({key}) IN
                    (SELECT ({key}) FROM ({mine})
                     ANTI JOIN rows USING ({key}) ANTI JOIN newer USING ({_LINE}, week))""", [since]
            )  # fmt: skip
            self._con.execute(
                f"""INSERT OR REPLACE INTO forecast_weeks BY NAME
                    SELECT * FROM rows ANTI JOIN forecast_weeks USING ({same}) ANTI JOIN newer USING ({_LINE}, week)"""
            )
            self._con.execute("DROP TABLE newer")
