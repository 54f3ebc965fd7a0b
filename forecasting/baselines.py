"""Plain forecasts with intervals: exponential smoothing of the logit, seasonal naive where that cannot be fitted."""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy import stats
from statsforecast import StatsForecast
from statsforecast.models import AutoETS

from barograph.errors import Terminal
from barograph.tables import QUANTILES
from forecasting.quantiles import logit

TRAIN_DAYS = 84
SHORTEST = 7
SEASONAL_FROM = 28
_OUTER = 95
_POSTS = 1000  # behind a share that does not say how many
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_SCHEMA = {
    "unique_id": pl.String, "target": pl.Date, "horizon": pl.Int64, "model": pl.String, "mean": pl.Float64,
    **dict.fromkeys(QUANTILES, pl.Float64), "fallback": pl.String,
}  # fmt: skip


def forecast(history: pl.DataFrame, horizon: int = 7) -> pl.DataFrame:
    """Quantiles of the `horizon` days after each series' last day.

    history: `unique_id`, `ds` (Date), `y` (share in [0, 1], NULL where unknown), optionally `n_posts`.
    The last 84 days count; unknown days between known ones are interpolated, and unknown ones at the end
    lengthen the way to go. A series without a value in its last 7 days is too stale and gets no rows.
    Returns `unique_id, target, horizon, model, mean, q025 … q975, fallback`: quantiles in [0, 1], never crossing.

    Exponential smoothing with additive errors and level, from 28 days on with an additive weekly season
    (ETS(A,N,A), else ETS(A,N,N); Hyndman et al. 2008), of the logit, so that a share stays a share. Fixed
    forms did better than an automatic choice on daily marker shares, and take a fifth of the time. With fewer
    than 7 known days, or a series that never moves, the forecast is seasonal naive and `fallback` says why.
    Raises `Terminal` naming series and day where a day occurs twice or y is no share.
    """
    _check(history)
    last_known = pl.col("ds").filter(pl.col("y").is_not_null()).max()
    ends = history.group_by("unique_id").agg(
        pl.col("ds").max().alias("end"), (pl.col("ds").max() - last_known).dt.total_days().alias("gap")
    ).filter(pl.col("gap") < SHORTEST)  # fmt: skip
    history = history.join(ends, on="unique_id").filter(
        pl.col("y").is_not_null(), (pl.col("end") - pl.col("ds")).dt.total_days() < TRAIN_DAYS
    )
    # Steps are a series' own: statsforecast's seasonal intervals all widen with the last step that is asked for.
    smoothed: defaultdict[tuple[int, int], list[tuple[str, pl.DataFrame]]] = defaultdict(list)
    rows = []
    for (name, gap), known in history.sort("ds").group_by("unique_id", "gap"):
        series, steps = _regular(known), horizon + gap
        if why := _unfit(known, series):
            rows.append(_seasonal_naive(str(name), series, steps, why))
        else:
            smoothed[7 if series.height >= SEASONAL_FROM else 1, steps].append((str(name), series))
    rows += [_smooth(group, season, steps) for (season, steps), group in smoothed.items()]
    if not rows:
        return pl.DataFrame(schema=_SCHEMA)
    ahead = (pl.col("target") - pl.col("end")).dt.total_days()
    return (
        pl.concat(rows).join(ends, on="unique_id").with_columns(ahead.alias("horizon"))
        .filter(pl.col("horizon").is_between(1, horizon)).sort("unique_id", "target").select(list(_SCHEMA))
    )  # fmt: skip


def _check(history: pl.DataFrame) -> None:
    y = pl.col("y")
    if (bad := history.filter((y < 0) | (y > 1) | y.is_nan())).height:
        row = bad.row(0, named=True)
        raise Terminal(f"{row['unique_id']} on {row['ds']}: got {row['y']}; expected a share from 0 to 1")
    if (twice := history.filter(history.select("unique_id", "ds").is_duplicated())).height:
        row = twice.row(0, named=True)
        raise Terminal(f"{row['unique_id']} on {row['ds']}: the day occurs twice; expected one row a day")


def _regular(known: pl.DataFrame) -> pl.DataFrame:
    """`ds, z` of every day from the first to the last: the logit of y, kept half a post away from 0 and 1."""
    posts = known["n_posts"] if "n_posts" in known.columns else pl.Series([None] * known.height, dtype=pl.Int64)
    floor = 0.5 / posts.fill_null(_POSTS).clip(1).to_numpy()
    z = logit(np.clip(known["y"].to_numpy(), floor, 1 - floor))
    return (
        known.select("ds").with_columns(z=pl.Series(z)).upsample("ds", every="1d")
        .with_columns(pl.col("z").interpolate())
    )  # fmt: skip


def _unfit(known: pl.DataFrame, series: pl.DataFrame) -> str | None:
    if known.height < SHORTEST:
        return f"{known.height} known days; {SHORTEST} needed"
    still = known["y"].n_unique() == 1 or series["z"].n_unique() == 1
    return "the series never moves" if still else None


def _smooth(group: list[tuple[str, pl.DataFrame]], season: int, horizon: int) -> pl.DataFrame:
    frame = pl.concat([s.select(pl.lit(name).alias("unique_id"), "ds", pl.col("z").alias("y")) for name, s in group])
    form = "ANA" if season > 1 else "ANN"
    fitted = StatsForecast([AutoETS(season_length=season, model=form, alias="ets")], freq="1d").forecast(
        df=frame, h=horizon, level=[_OUTER]
    )
    centre = fitted["ets"].to_numpy()
    spread = (fitted[f"ets-hi-{_OUTER}"].to_numpy() - centre) / stats.norm.ppf(0.5 + _OUTER / 200)
    return _rows(fitted["unique_id"], fitted["ds"], f"ETS({','.join(form)})", centre, spread, None)


def _seasonal_naive(name: str, series: pl.DataFrame, horizon: int, why: str) -> pl.DataFrame:
    """The value of a week before, else the mean; the spread of the few days there are, never under half a logit."""
    z, last = series["z"].to_numpy(), series["ds"][-1]
    assert isinstance(last, date)
    centre = np.array([z[-7 + h % 7] if len(z) >= SHORTEST else z.mean() for h in range(horizon)])
    spread = np.full(horizon, max(z.std(ddof=1) if len(z) > 1 else 0.0, 0.5))
    days = pl.Series([last + timedelta(days=h + 1) for h in range(horizon)])
    return _rows(pl.Series([name] * horizon), days, "seasonal naive", centre, spread, why)


def _rows(
    names: pl.Series, days: pl.Series, model: str, centre: np.ndarray, spread: np.ndarray, why: str | None
) -> pl.DataFrame:
    """Normal on the logit scale → quantiles and mean of the share."""
    levels = stats.norm.ppf(list(QUANTILES.values()))
    quantiles = _share(centre[:, None] + spread[:, None] * levels)
    mean = _share(centre[:, None] + spread[:, None] * _NODES) @ (_WEIGHTS / _WEIGHTS.sum())
    return pl.DataFrame({
        "unique_id": names, "target": days.cast(pl.Date), "model": [model] * len(names), "mean": mean,
        **{q: quantiles[:, i] for i, q in enumerate(QUANTILES)},
        "fallback": pl.Series([why] * len(names), dtype=pl.String),
    })  # fmt: skip


def _share(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))
