"""The days of one line as a chart draws them: where, in which state, and in words."""

from collections.abc import Callable
from typing import Any

import polars as pl

from barograph import wording
from barograph.language import gettext as _
from barograph.language import heard
from barograph.stored import stored

DAY_MS = 86_400_000.0


def observed(series: pl.DataFrame, exceedances: pl.DataFrame, flags: pl.DataFrame | None = None) -> pl.DataFrame:
    """Each day of `series`, in order; exceedances: its high-prevalence days; flags: as `flags.standing` has them.

    `x`, `from`, `to` (ms UTC), `value, lo, hi`, `state` (closed, provisional, missing), `run` (equal for
    closed days in a row), `threshold` and `level` (of a high-prevalence day), `left_out` (of a flagged day, else NULL),
    and in words `day`, `what` (it shows), `behind` (it stands) and `note`.
    """
    kind = str(series["value_kind"][0]) if series.height else "share"
    high = exceedances.select(pl.col("target").alias("time_value"), "threshold", "level")
    state = (
        pl.when(pl.col("prevalence").is_null())
        .then(pl.lit("missing"))
        .when("provisional")
        .then(pl.lit("provisional"))
        .otherwise(pl.lit("closed"))
    )
    apart = pl.col("time_value").diff().dt.total_days().fill_null(1) != 1
    broken = (pl.col("state") != "closed") | apart
    value = wording.intervals("prevalence", "lo", "hi", kind)
    reason = pl.concat_str(pl.lit(_("no value: ")), _words("missing_reason", stored).fill_null(_("unknown")))
    limit = _words("threshold", lambda threshold: wording.level(threshold, kind))
    above = pl.concat_str(pl.lit(_("high: above ")), limit)
    note = pl.lit(_("provisional: the day has not closed"))
    flagged = pl.concat_str(pl.lit(_("flagged: ")), _words("flag", stored))
    told = pl.concat_str(pl.when("provisional").then(note).otherwise(above), flagged, separator="; ", ignore_nulls=True)
    places = ("x", "from", "to", "day")
    none = pl.DataFrame(schema={"time_value": pl.Date, "reason": pl.String, "left_out": pl.Boolean})
    days = none if flags is None else flags.select(none.columns)
    return (
        series.join(high, on="time_value", how="left", maintain_order="left")
        .join(days.rename({"reason": "flag"}), on="time_value", how="left", maintain_order="left")
        .with_columns(state.alias("state"), *_places("time_value"))
        .with_columns(broken.cum_sum().alias("run"))
        .select(
            *places,
            *(pl.col("prevalence").alias("value"), "lo", "hi", "state", "run", "threshold", "level", "left_out"),
            pl.coalesce(value, reason).alias("what"),
            pl.concat_str(_counted("n_authors", "authors"), pl.lit(", "), _counted("n_posts", "posts")).alias("behind"),
            pl.when(told != "").then(told).fill_null("–").alias("note"),
        )
    )


def ahead(forecasts: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Each day forecast, in order: places and words as in `observed`, `value` (the median) and quantiles."""
    chance = _words("p_high", lambda p: _("P(high) {chance}").format(chance=wording.chance(p)))
    return forecasts.with_columns(*_places("target")).select(
        *("x", "from", "to", "day", pl.col("q50").alias("value"), "q025", "q10", "q90", "q975"),
        *("threshold", "horizon", pl.lit(0).alias("run")),
        wording.intervals("q50", "q025", "q975", kind).alias("what"),
        pl.lit(_("forecast: median and 95 % interval")).alias("behind"),
        chance.fill_null(_("P(high) unknown: no threshold yet")).alias("note"),
    )


def smoothed(trailing: pl.DataFrame, kind: str) -> pl.DataFrame:
    """What `smoothing.trailing` made of a line, as it is drawn: `x, value, lo, hi, run`, and `mean` in words."""
    ms = milliseconds("time_value")
    words = wording.intervals("smoothed", "smoothed_lo", "smoothed_hi", kind)
    return trailing.select(
        ms.alias("x"), pl.col("smoothed").alias("value"), pl.col("smoothed_lo").alias("lo"),
        pl.col("smoothed_hi").alias("hi"), (ms.diff().fill_null(DAY_MS) != DAY_MS).cum_sum().alias("run"),
        pl.concat_str(words, pl.lit("; "), _counted("smoothed_days", "days")).alias("mean"),
    )  # fmt: skip


def domain(observed: pl.DataFrame, ahead: pl.DataFrame) -> tuple[float, float]:
    """First and last ms of both: half a day before its first day and after its last."""
    every = pl.concat([observed.select("from", "to"), ahead.select("from", "to")])
    return tuple(every.select(pl.col("from").min(), pl.col("to").max()).row(0))


def milliseconds(column: str) -> pl.Expr:
    """A column of days as ms of UTC midnight."""
    return pl.col(column).cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64)


def _places(column: str) -> list[pl.Expr]:
    ms, half = milliseconds(column), DAY_MS / 2
    return [
        *(ms.alias("x"), (ms - half).alias("from"), (ms + half).alias("to")),
        _words(column, wording.day).alias("day"),
    ]


def _counted(column: str, noun: str) -> pl.Expr:
    return _words(column, lambda n: wording.count(n, noun))


def _words(column: str, write: Callable[[Any], str]) -> pl.Expr:
    return pl.col(column).map_elements(heard(write), return_dtype=pl.String)
