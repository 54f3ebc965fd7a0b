"""Which changes are to be explained: the last days, every alert, every high-prevalence period. Pure functions."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from barograph.rules import held_days
from barograph.settings import HIGH_PREVALENCE
from barograph.tables import LARGEST_ACCOUNT, LINE, SHIFT, TERM_SHIFTS

ROLLING = (1, 7, 28)
"""Lengths of the periods that end with the last closed day."""
TERMS = 12
"""Terms of a shift that are published by name, the largest first."""
_REQUEST = ["population", "marker", "unit", "first", "last"]


def wanted(
    series: pl.DataFrame,
    alerts: pl.DataFrame,
    exceedances: pl.DataFrame,
    *,
    without_text: date,
    since: datetime | None,
) -> pl.DataFrame:
    """The periods to explain: `population, marker, unit, first, last, reference`, each against as many days before.

    They are, of each population, the last 1, 7 and 28 days up to its last closed one; the run of days of each
    firing alert; and each run of high-prevalence days that is over. Both periods must lie within the population's
    days and after `without_text`, the newest day of which texts are gone. With `since`, only those of
    which a day (or the one after) was issued later than that; `reference` is the first day compared with.

    series: closed days, as `detect.closed_series` returns them; alerts and exceedances: latest issues.
    """
    populations = series.group_by("population").agg(
        pl.col("time_value").min().alias("start"), pl.col("time_value").max().alias("end")
    )
    lines = series.select("population", "marker", "unit").unique().join(populations, on="population")
    rolling = [
        lines.with_columns(first=pl.col("end") - timedelta(days=days - 1), last=pl.col("end")) for days in ROLLING
    ]
    firing = held_days(alerts.filter(pl.col("state") == "firing"))
    runs = _high_runs(exceedances).join(populations, on="population").filter(pl.col("last") < pl.col("end"))
    every = pl.concat([frame.select(_REQUEST) for frame in (*rolling, firing, runs)]).unique()
    length = pl.col("last") - pl.col("first") + timedelta(days=1)
    every = every.with_columns(reference=pl.col("first") - length).join(populations, on="population")
    kept = pl.col("reference") > without_text
    every = every.filter(pl.col("reference") >= pl.col("start"), pl.col("last") <= pl.col("end"), kept)
    if since is not None:
        changed = series.filter(pl.col("issue") > since).select("population", "time_value").unique()
        after = pl.col("last") + timedelta(days=1)
        touched = every.join(changed, on="population").filter(pl.col("time_value").is_between("reference", after))
        every = every.join(touched, on=_REQUEST, how="semi")
    return every.select(*_REQUEST, "reference").sort(_REQUEST)


def not_issued(requests: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Of what is `wanted`, the shifts of which there is no issue in `known`, rows of `term_shifts`."""
    period = pl.concat_str(pl.col("first", "last").cast(pl.String), separator="/")
    shift = ["population", "marker", "unit"]
    return requests.join(
        known, left_on=[*shift, period], right_on=[*shift, "period"], how="anti", maintain_order="left"
    )


def _high_runs(exceedances: pl.DataFrame) -> pl.DataFrame:
    """Each run of days in a row of observed high prevalence on a line, with its `first` and `last`."""
    days = exceedances.filter(pl.col("detector") == HIGH_PREVALENCE, pl.col("kind") == "observed")
    day = pl.col("target")
    return (
        days.sort(*LINE, "target")
        .with_columns(run=(day.diff() != timedelta(days=1)).fill_null(value=True).cum_sum().over(LINE))
        .group_by(*LINE, "run")
        .agg(day.min().alias("first"), day.max().alias("last"))
    )


def rows_of(shifts: pl.DataFrame, population: str, unit: str, periods: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """What `lexicons.shift.word_shifts` found, as rows of `term_shifts` but for the issue; numbers rounded.

    periods: period and reference of each shift, as text.
    """
    names = pl.DataFrame(periods, schema={"period": pl.String, "reference": pl.String}, orient="row")
    names = names.with_row_index("shift").cast({"shift": pl.Int64})
    of_accounts = pl.selectors.ends_with("top_account_share")
    return shifts.join(names, on="shift").select(
        # Coarse, so that two issues tell less of the post between them, and few changes deserve a new one.
        (pl.selectors.float() - of_accounts).round(4), ~pl.selectors.float() - pl.selectors.by_name("shift"),
        # In whole twentieths, rounded up; what is over half is all told alike.
        ((of_accounts.round(9) * 20).ceil() / 20).clip(upper_bound=LARGEST_ACCOUNT + 0.05).round(2),
        population=pl.lit(population), unit=pl.lit(unit),
    )  # fmt: skip


def changed(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The shifts, all rows of each, of which any row says something else than in the latest known issue."""
    names = [name for name in TERM_SHIFTS.columns if name != "issue"]
    latest = newest(known).join(rows, on=SHIFT, how="semi")
    new = rows.join(latest.select(names), on=names, how="anti", nulls_equal=True)
    gone = latest.join(rows, on=[*SHIFT, "term"], how="anti")
    return rows.join(pl.concat([new.select(SHIFT), gone.select(SHIFT)]), on=SHIFT, how="semi")


def newest(shifts: pl.DataFrame) -> pl.DataFrame:
    """Of each shift the rows of its latest issue: a term that is no longer named is no part of it."""
    return shifts.filter(pl.col("issue") == pl.col("issue").max().over(SHIFT))


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
