"""How forecasts have done, from rows of `evaluations` and `forecast_weeks`: what one trusts them by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from barograph import wording
from barograph.clustered import Interval, chance_band, proportion, ratio
from barograph.language import gettext as _
from barograph.language import heard
from barograph.stored import stored
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
        return _("the 80 % interval held {share} % of {n}; skill over climatology {skill}").format(
            share=f"{100 * self.coverage:.0f}", n=wording.number(self.n), skill=wording.written(f"{self.skill:.2f}")
        )


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


BASELINES = {"climatology": "crps_climatology", "seasonal naive": "crps_seasonal_naive"}
"""What forecasts are held against: name → column of `forecast_weeks`."""
TRAILING_WEEKS = 8
ENOUGH_WEEKS = 8
"""Fewer say little: seasons and shocks last for weeks."""
_LEVELS = (80, 95)
_ALARMED = 5  # tenths of p_high from .5 on


@dataclass(frozen=True)
class Alarms:
    """Days on which p_high was .5 or more, against days that were high; each beside the same of alarms at random."""

    n: int
    """Forecasts with a threshold."""
    alarmed: int
    high: int
    hits: int

    @property
    def precision(self) -> float | None:
        """Share of alarmed days that were high."""
        return self.hits / self.alarmed if self.alarmed else None

    @property
    def chance_precision(self) -> float | None:
        """Share of all days that were high."""
        return self.high / self.n if self.n else None

    @property
    def recall(self) -> float | None:
        """Share of high days that were alarmed."""
        return self.hits / self.high if self.high else None

    @property
    def chance_recall(self) -> float | None:
        """Share of all days that were alarmed."""
        return self.alarmed / self.n if self.n else None

    @property
    def false_a_week(self) -> float | None:
        """Days alarmed in vain, in a week of one line."""
        return 7 * (self.alarmed - self.hits) / self.n if self.n else None


@dataclass(frozen=True)
class Worth:
    """What forecasts of some weeks, lines and days ahead came to; bounds are 95 % by how the weeks differ."""

    n: int
    weeks: int
    first: date
    last: date
    skill: Mapping[str, Interval | None]
    """Baseline → 1 − CRPS / its CRPS, all summed first: 0 is no better, 1 perfect."""
    coverage: Mapping[int, Interval | None]
    """Level in percent → share of forecasts whose interval held the day."""
    alarms: Alarms

    @property
    def enough(self) -> bool:
        """Whether it is of so many weeks that something may be concluded."""
        return self.weeks >= ENOUGH_WEEKS


def worth(sums: pl.DataFrame) -> Worth | None:
    """All of it together. sums: as `Snapshot.forecast_weeks`; None without a row."""
    if sums.is_empty():
        return None
    weeks = _weeks(sums)
    alarmed = sums.filter(pl.col("tenth") >= _ALARMED)
    known = sums.filter(pl.col("tenth") >= 0)
    return Worth(
        n=int(weeks["n"].sum()),
        weeks=weeks.height,
        first=weeks["week"][0],
        last=weeks["week"][-1] + timedelta(days=6),
        skill={name: _skill(weeks, column) for name, column in BASELINES.items()},
        coverage={level: proportion(*_arrays(weeks, f"n_{level}", "n")) for level in _LEVELS},
        alarms=Alarms(
            int(known["n"].sum()), int(alarmed["n"].sum()), int(known["n_high"].sum()), int(alarmed["n_high"].sum())
        ),
    )


def by_week(sums: pl.DataFrame) -> pl.DataFrame:
    """A row a week: what forecasts for its days came to, and what chance would make of it.

    sums: as `Snapshot.forecast_weeks`. Columns: `week, n, n_lines`; for each of BASELINES `skill_…`, and with `lo_…`
    and `hi_…` `trailing_…`, the same of the eight weeks up to it; `coverage_80`, `coverage_95`, and within what bounds
    `low_80, high_80, low_95, high_95` chance leaves them where intervals are right. For that each population's day
    counts once: what its lines and days ahead share makes them err together.
    """
    weeks = _weeks(sums)
    rows = []
    for row in weeks.iter_rows(named=True):
        begin = row["week"] - timedelta(weeks=TRAILING_WEEKS - 1)
        trailing = weeks.filter(pl.col("week").is_between(begin, row["week"]))
        days = min(row["n"], 7 * row["n_populations"])
        found = {name: row[name] for name in ("week", "n", "n_lines")}
        for name, column in BASELINES.items():
            key = name.replace(" ", "_")
            lately = _skill(trailing, column) or Interval(float("nan"))
            found |= {f"skill_{key}": 1 - row["crps"] / row[column] if row[column] else None,
                      f"trailing_{key}": lately.value, f"lo_{key}": lately.lo, f"hi_{key}": lately.hi}  # fmt: skip
        for level in _LEVELS:
            low, high = chance_band(days, level / 100)
            found |= {f"coverage_{level}": row[f"n_{level}"] / row["n"], f"low_{level}": low, f"high_{level}": high}
        rows.append(found)
    return pl.DataFrame(rows, infer_schema_length=None).fill_nan(None)


def reliability(sums: pl.DataFrame) -> pl.DataFrame:
    """A row a tenth of p_high that was said: `tenth, n, said` (mean p_high), `came` (share of high days), `lo, hi`.

    sums: as `Snapshot.forecast_weeks`. Bounds are 95 % by how the weeks differ, NULL with a single week.
    """
    rows = []
    for (tenth,), mine in sums.filter(pl.col("tenth") >= 0).group_by("tenth", maintain_order=True):
        weeks = _weeks(mine)
        n = int(weeks["n"].sum())
        came = proportion(*_arrays(weeks, "n_high", "n"))
        assert came is not None, "a row of forecast_weeks stands for a forecast"
        rows.append((tenth, n, float(weeks["said"].sum()) / n, *came))
    schema = {
        "tenth": pl.Int64,
        "n": pl.Int64,
        "said": pl.Float64,
        "came": pl.Float64,
        "lo": pl.Float64,
        "hi": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort("tenth")


def makers(found: pl.DataFrame) -> pl.DataFrame:
    """Who made forecasts, in words. found: as `Snapshot.forecast_makers`; adds `made`, those without a reason first.

    Reasons that differ in a number of days alone are one.
    """
    few = pl.col("fallback").str.replace(r"^\d+ known days; (\d+) needed$", "fewer than $1 known days")
    counted = found.with_columns(few).group_by("week", "model", "fallback").agg(pl.col("n").sum())
    said = pl.struct("model", "fallback").map_elements(heard(_made), return_dtype=pl.String)
    plain = pl.col("fallback").is_not_null()
    often = pl.col("n").sum().over("model", "fallback")
    return counted.with_columns(said.alias("made")).sort(plain, -often, "made", "week")


def _made(row: dict[str, str | None]) -> str:
    model = wording.model(str(row["model"]))
    words = f"{model}: {stored(row['fallback'])}" if row["fallback"] else model
    return words[:1].upper() + words[1:]


def _weeks(sums: pl.DataFrame) -> pl.DataFrame:
    """Sums of each week, in order."""
    added = [name for name in sums.columns if name.startswith(("n", "crps", "said")) and name not in _OF_WEEK]
    of_week = [pl.col(name).first() for name in _OF_WEEK]
    return sums.group_by("week").agg(pl.col(added).sum(), *of_week).sort("week")


_OF_WEEK = ("n_populations", "n_lines")


def _arrays(weeks: pl.DataFrame, *names: str) -> list[np.ndarray]:
    return [weeks[name].cast(pl.Float64).to_numpy() for name in names]


def _skill(weeks: pl.DataFrame, baseline: str) -> Interval | None:
    if (lost := ratio(*_arrays(weeks, "crps", baseline))) is None:
        return None
    if lost.lo is None or lost.hi is None:
        return Interval(1 - lost.value)
    return Interval(1 - lost.value, 1 - lost.hi, 1 - lost.lo)
