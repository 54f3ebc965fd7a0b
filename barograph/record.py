"""How forecasts have lately done, from rows of `evaluations`: what one trusts them by."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from barograph.tables import LINE


@dataclass(frozen=True)
class Record:
    """Track record of forecasts, of all models that made them together."""

    first: date
    last: date
    n: int
    """Forecasts that met their truth: a day forecast from seven origins counts seven times."""
    coverage: float
    """Share of them whose 80 % interval held the truth."""
    skill: float
    """1 − CRPS / CRPS of climatology: 0 is no better, 1 perfect. Of several lines the CRPS are summed first."""

    @property
    def days(self) -> int:
        """Length of the period."""
        return (self.last - self.first).days + 1

    @property
    def words(self) -> str:
        """As a clause."""
        held = f"the 80 % interval held {100 * self.coverage:.0f} % of {self.n:,}"
        return f"{held}; skill over climatology {self.skill:.2f}"


def recent(evaluations: pl.DataFrame) -> Record | None:
    """The record over all these lines in the newest period of each; None without one.

    evaluations: latest issues. A line that met nothing in the days of the newest period is left out.
    """
    of_days = evaluations.filter(pl.col("horizon") == 0).with_columns(
        pl.col("period").str.slice(0, 10).str.to_date().alias("first"),
        pl.col("period").str.slice(11).str.to_date().alias("last"),
    )
    if of_days.is_empty():
        return None
    # A day known late can be the first met of the same period: what was issued last counts.
    of_lines = of_days.filter(pl.col("last") == pl.col("last").max().over(LINE)).filter(
        pl.col("period") == pl.col("period").sort_by("issue").last().over(LINE)
    )
    newest = of_lines.filter(pl.col("last") == pl.col("last").max())
    first, last = newest.select(pl.col("first").min(), pl.col("last").max()).row(0)
    rows = of_lines.filter(pl.col("last") >= first)
    sums = dict(rows.group_by("metric").agg((pl.col("value") * pl.col("n")).sum()).iter_rows())
    n = int(rows.filter(pl.col("metric") == "coverage_80")["n"].sum())
    return Record(first, last, n, sums["coverage_80"] / n, 1 - sums["crps"] / sums["crps_climatology"])
