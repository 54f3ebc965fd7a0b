"""Published forecasts that met their truth: what they were worth, line by line, beside forecasts that know little."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from barograph.tables import EVALUATIONS, FORECAST_WEEKS, LINE, QUANTILES
from forecasting.baselines import climatology, seasonal_naive
from forecasting.evaluation import CONSTANT, covered, crps, wis
from forecasting.panel import DAYS, WHOLE, read

RECORD_DAYS = 84
"""Days, up to the last one that a forecast met, that a track record is about."""
_ONE_DAY = np.timedelta64(1, "D")
_DIGITS = 6  # of a figure: enough for any reader, and no new issue for less
_MEANS = ("crps", "crps_climatology", "wis", "coverage_80", "coverage_95", "brier")
_FIGURES = (*_MEANS, "crps_seasonal_naive", "high", "brier_constant")
_NAME = pl.concat_str(LINE, separator="\x1f").alias("unique_id")


def track_record(forecasts: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """`record` of what `met` finds."""
    return record(met(forecasts, series))


def met(forecasts: pl.DataFrame, series: pl.DataFrame, days: int | None = RECORD_DAYS) -> pl.DataFrame:
    """Forecasts with what they came to, of those whose target has a value, in order of line, model, target, horizon.

    forecasts: rows of `forecasts`, one for a line, target and horizon: the first that was issued. series: closed days,
    latest issues, of shares. days: up to the last day met of each line, that are looked at; None: all.

    Adds `closed` and `last` (the line's last closed day, and its last day met) and figures: `crps`, `wis` and, from the
    84 days before the origin as these are known now, `crps_climatology`, `crps_seasonal_naive` (in units of the share;
    lower is better); `coverage_80`, `coverage_95`, 1 where the interval held the truth (a truth of 0 or 1 is read half
    a post away); `high`, 1 where it was above its threshold, `brier` of p_high and `brier_constant` of always saying
    .2, all three NULL without a threshold.
    """
    line = list(LINE)
    truth = series.select(
        *line, pl.col("time_value").alias("target"), pl.col("prevalence").alias("y"), "n_posts"
    ).drop_nulls("y")
    closed = series.group_by(line).agg(pl.col("time_value").max().alias("closed"))
    rows = (
        forecasts.join(truth, on=[*line, "target"])
        .join(closed, on=line)
        .with_columns(pl.col("target").max().over(line).alias("last"))
        .sort(*line, "model", "target", "horizon")
    )
    if days is not None:
        rows = rows.filter(pl.col("last") - pl.col("target") < pl.duration(days=days))
    worth = _worth(rows, series) if rows.height else dict.fromkeys(_FIGURES, np.zeros(0))
    return rows.with_columns(pl.Series(name, worth[name], pl.Float64).fill_nan(None) for name in _FIGURES)


def record(met: pl.DataFrame) -> pl.DataFrame:
    """What forecasts came to: rows of `evaluations` but for the issue, of each line and model, all horizons together.

    met: as `met` returns it. The period of a line is from the first to the last day met, at most the last
    `RECORD_DAYS`; a line of which none of the last `RECORD_DAYS` closed days was met has no rows.

    Metrics are means over forecasts: `crps`, `wis`, `coverage_80`, `coverage_95`, `brier`, `crps_climatology`;
    `skill_over_climatology` is 1 − crps / crps_climatology, `brier_skill` 1 − brier / that of always saying .2 (0: no
    better, 1: perfect). Those of p_high count only forecasts with a threshold.
    """
    day, line = pl.col("target"), list(LINE)
    lately = pl.duration(days=RECORD_DAYS)
    met = met.filter(pl.col("closed") - pl.col("last") < lately, pl.col("last") - day < lately)
    if met.is_empty():
        return EVALUATIONS.empty().drop("issue")
    first = day.min().over(line).cast(pl.String)
    period = pl.concat_str(first, pl.lit("/"), pl.col("last").cast(pl.String)).alias("period")
    of = [*line, "model", "period"]
    means = (
        met.with_columns(period)
        .group_by(of, maintain_order=True)
        .agg(
            pl.col("crps").count().alias("n"), pl.col("brier").count().alias("n_high"),
            pl.col(*_MEANS, "brier_constant").mean(),
        )
        .with_columns(
            (1 - pl.col("crps") / pl.col("crps_climatology")).alias("skill_over_climatology"),
            (1 - pl.col("brier") / pl.col("brier_constant")).alias("brier_skill"),
        )
    )  # fmt: skip
    metrics = [*_MEANS, "skill_over_climatology", "brier_skill"]
    n = pl.when(pl.col("metric").str.starts_with("brier")).then("n_high").otherwise("n")
    return (
        means.unpivot(metrics, index=[*of, "n", "n_high"], variable_name="metric", value_name="value")
        .drop_nulls("value")
        .select(
            *line, "model", "metric", pl.lit(0, pl.Int64).alias("horizon"), "period",
            pl.col("value").round_sig_figs(_DIGITS), n.cast(pl.Int64).alias("n"),
        )
        .sort(*line, "model", "metric")
    )  # fmt: skip


def weeks(met: pl.DataFrame, since: date) -> pl.DataFrame:
    """The same week by week: rows of `forecast_weeks` but for the issue, of weeks that have closed whole.

    met: as `met` returns it, of all targets from `since` on; weeks that began before that day are left out.
    """
    week = pl.col("target").dt.truncate("1w").alias("week")
    tenth = pl.when(pl.col("high").is_null()).then(-1).otherwise((pl.col("p_high") * 10).floor().clip(0, 9))
    sums = [pl.col(column).sum().round_sig_figs(_DIGITS).alias(column)
            for column in ("crps", "crps_climatology", "crps_seasonal_naive")]  # fmt: skip
    counts = [pl.col(of).sum().cast(pl.Int64).alias(name)
              for name, of in (("n_80", "coverage_80"), ("n_95", "coverage_95"), ("n_high", "high"))]  # fmt: skip
    key = list(FORECAST_WEEKS.key)
    return (
        met.with_columns(week, tenth.cast(pl.Int64).alias("tenth"))
        .filter(pl.col("week") >= since, pl.col("closed") - pl.col("week") >= pl.duration(days=6))
        .group_by(key)
        .agg(pl.len().cast(pl.Int64).alias("n"), *sums, *counts,
             pl.col("p_high").filter(pl.col("high").is_not_null()).sum().round_sig_figs(_DIGITS).alias("said"))
        .sort(key)
    )  # fmt: skip


def _worth(met: pl.DataFrame, series: pl.DataFrame) -> dict[str, np.ndarray]:
    """Each figure of each forecast (n,); NaN where it has none."""
    quantiles, y = met.select(list(QUANTILES)).to_numpy(), met["y"].to_numpy()
    threshold, p_high = (met[name].cast(pl.Float64).to_numpy() for name in ("threshold", "p_high"))
    # No interval of logits holds 0 or 1: they are read half a post away, as the histories it was made from.
    half = 0.5 / np.maximum(met["n_posts"].cast(pl.Float64).fill_null(np.nan).to_numpy(), 1.0)
    read_as = np.where(y == 0, half, np.where(y == 1, 1 - half, y))
    high = np.where(np.isnan(threshold) | np.isnan(p_high), np.nan, y > threshold)
    usual, last_week = _plain(met, series)
    return {
        "crps": crps(quantiles, y), "crps_climatology": crps(usual, y), "crps_seasonal_naive": crps(last_week, y),
        "wis": wis(quantiles, y),
        **{f"coverage_{level}": covered(quantiles, read_as, level / 100).astype(float) for level in (80, 95)},
        "high": high, "brier": (p_high - high) ** 2, "brier_constant": (CONSTANT - high) ** 2,
    }  # fmt: skip


def _plain(met: pl.DataFrame, series: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (n, 13) that climatology and seasonal naive give each target from the `DAYS` days up to its origin."""
    whole = read(
        series.select(_NAME, pl.col("time_value").alias("ds"), pl.col("prevalence").alias("y"), "n_posts"), WHOLE
    )
    rows = pl.DataFrame({"unique_id": whole.names.tolist()}).with_row_index("row")
    row = met.select(_NAME).join(rows, on="unique_id", how="left", maintain_order="left")["row"].to_numpy()
    horizon = met["horizon"].to_numpy()
    origin = met["target"].to_numpy().astype("datetime64[D]") - horizon * _ONE_DAY
    back = (whole.ends[row] - origin) // _ONE_DAY
    # Each line and origin is asked once, for all days ahead.
    asked, at = np.unique(np.column_stack([row, back]), axis=0, return_inverse=True)
    row, back = asked.T
    y, n_posts = (np.pad(a, ((0, 0), (DAYS, 0)), constant_values=np.nan) for a in (whole.y, whole.n_posts))
    cells = np.maximum(y.shape[1] - 1 - back[:, None] + np.arange(1 - DAYS, 1), 0)  # before the first day: unknown
    panel = replace(
        whole.last(1).rows(row), ends=whole.ends[row] - back * _ONE_DAY,
        y=y[row[:, None], cells], n_posts=n_posts[row[:, None], cells],
    )  # fmt: skip
    usual, last_week = climatology(panel, 1).quantiles, seasonal_naive(panel, int(horizon.max())).quantiles
    return usual[at.ravel(), 0], last_week[at.ravel(), horizon - 1]
