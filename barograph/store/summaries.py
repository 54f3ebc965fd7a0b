"""What a snapshot tells in sums: too many rows for a page are counted where they lie."""

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from barograph import tables
from barograph.store.database import latest

_LINE = ", ".join(tables.LINE)


class Summaries:
    """Questions to a snapshot whose answer is a few rows of very many."""

    def _frame(self, query: str, values: list[object]) -> pl.DataFrame:
        raise NotImplementedError

    def forecast_weeks(
        self, where: Mapping[str, object], horizon: int | None = None, weeks: int | None = None
    ) -> pl.DataFrame:
        """`forecast_weeks` added up over all lines whose columns equal the values given.

        horizon: days ahead; weeks: the last so many there are; None: all. Columns `model, week, tenth, n, crps,
        crps_climatology, crps_seasonal_naive, n_80, n_95, said, n_high`, and of each week `n_populations, n_lines`; in
        order of week, model, tenth.
        """
        equal = [*(f"{column} = ?" for column in where), *(["horizon = ?"] if horizon else [])]
        return self._frame(
            f"""WITH mine AS (SELECT * FROM p.forecast_weeks WHERE {" AND ".join([*equal, _since("week", weeks)])}),
                     weeks AS (SELECT week, count(DISTINCT population) AS n_populations,
                                      count(DISTINCT hash({_LINE})) AS n_lines FROM mine GROUP BY week)
                SELECT model, week, tenth, sum(n)::BIGINT AS n, sum(crps) AS crps,
                       sum(crps_climatology) AS crps_climatology, sum(crps_seasonal_naive) AS crps_seasonal_naive,
                       sum(n_80)::BIGINT AS n_80, sum(n_95)::BIGINT AS n_95, sum(said) AS said,
                       sum(n_high)::BIGINT AS n_high, any_value(n_populations) AS n_populations,
                       any_value(n_lines) AS n_lines
                FROM mine JOIN weeks USING (week) GROUP BY model, week, tenth ORDER BY week, model, tenth""",
            [*where.values(), *([horizon] if horizon else [])],
        )

    def forecast_makers(self, where: Mapping[str, object], weeks: int | None = None) -> pl.DataFrame:
        """Who made the forecasts of the next day for lines whose columns equal the values given, week by week.

        Of a day forecast again the first issue counts, as in `forecast_weeks`. weeks: the last so many; None: all.
        Columns `week` (Monday of the days forecast), `model`, `fallback` (why a plainer one stood in), `n` days of
        lines.
        """
        lately = _since("target", weeks, "forecasts WHERE horizon = 1")
        equal = " AND ".join(["horizon = 1", *(f"{column} = ?" for column in where), lately])
        return self._frame(
            f"""WITH firsts AS (SELECT target, model, fallback FROM p.forecasts WHERE {equal}
                                QUALIFY row_number() OVER (PARTITION BY {_LINE}, target ORDER BY issue) = 1)
                SELECT date_trunc('week', target)::DATE AS week, model, fallback, count(*) AS n
                FROM firsts GROUP BY ALL ORDER BY week, fallback NULLS FIRST, model""",
            list(where.values()),
        )

    def known(self, since: date) -> pl.DataFrame:
        """Whether each line has a value on each closed day from `since` on, as latest issued.

        Columns: the line, `time_value, known, missing_reason`.
        """
        return self._frame(
            f"""SELECT {_LINE}, time_value, prevalence IS NOT NULL AS known, missing_reason
                FROM ({latest(tables.SERIES, "(SELECT * FROM p.series WHERE time_value >= ?)")})
                WHERE NOT provisional""",
            [since, datetime.max],
        )

    def label_sources(self) -> pl.DataFrame:
        """Whose reading values follow, as `series` names it: `method, label_source, n_lines, first_day, last_day`."""
        return self._frame(
            """SELECT method, label_source, count(DISTINCT (marker, population, unit)) AS n_lines,
                      min(time_value) AS first_day, max(time_value) AS last_day
               FROM p.series WHERE label_source IS NOT NULL AND prevalence IS NOT NULL
               GROUP BY ALL ORDER BY last_day DESC, method, label_source""", []
        )  # fmt: skip

    def sizes(self) -> dict[str, int]:
        """Published table → how many rows it holds, all issues included."""
        rows = self._frame(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = 'p' ORDER BY 1", []
        )
        return dict(rows.iter_rows())


def _since(column: str, weeks: int | None, table: str = "forecast_weeks") -> str:
    """The condition that a day lies in the last so many weeks of a table; without a number one that always holds."""
    if weeks is None:
        return "true"
    return f"{column} >= (SELECT max(date_trunc('week', {column}))::DATE FROM p.{table}) - {7 * (weeks - 1)}"
