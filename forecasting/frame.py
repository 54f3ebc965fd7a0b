"""What other rooms ask: a frame of histories → a frame of quantiles."""

from datetime import date

import numpy as np
import polars as pl

from barograph.errors import ConfigError, Terminal
from barograph.tables import QUANTILES
from forecasting import quantiles
from forecasting.models import MODELS, REVIEWED
from forecasting.panel import DAYS, HISTORY, SHORTEST, read
from forecasting.regular import gap

_SCHEMA = {
    "unique_id": pl.String, "target": pl.Date, "horizon": pl.Int64, "model": pl.String, "mean": pl.Float64,
    **dict.fromkeys(QUANTILES, pl.Float64), "fallback": pl.String,
}  # fmt: skip


def forecast(
    history: pl.DataFrame,
    horizon: int = 7,
    model: str = "auto",
    until: date | None = None,
    events: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Quantiles of the `horizon` days after each series' last row, by the model of that name in `models.MODELS`.

    history: as `panel.read` takes it: `unique_id`, `ds` (Date), `y` (share in [0, 1], NULL where unknown), optionally
    `n_posts` and more. The last 84 days count (`auto` and `house` look back on 56 more to see how they did); unknown
    ones at the end lengthen the way to go. A series without a value in its last 7 days is too stale and gets no rows.
    Where a model cannot be fitted (under 7 known days, a series that never moves) the forecast is climatology and
    `fallback` says why; so it is where `auto`, the house model, had no skill over climatology of late.
    until: the last day there can be a history of. events: known beforehand, as `panel.read` takes them.
    Returns `unique_id, target, horizon, model, mean, q025 … q975, fallback`, ordered by series and day: quantiles in
    [0, 1], never crossing.
    Raises `ConfigError` where there is no such model or the horizon is below 1, `Terminal` naming series and day where
    a history is none (`panel.read`) or a day is after `until`.
    """
    if model not in MODELS:
        raise ConfigError(f"model {model!r}: unknown; expected one of {', '.join(MODELS)}")
    if horizon < 1:
        raise ConfigError(f"horizon {horizon}: expected a number of days, at least 1")
    panel = read(history, HISTORY, events)
    if until is not None and (late := panel.ends > np.datetime64(until)).any():
        name, day = panel.names[late][0], panel.ends[late][0]
        raise Terminal(f"{name} on {day}: a day to come; expected none after {until}")
    panel = panel.rows(gap(panel) < SHORTEST)
    if not len(panel):
        return pl.DataFrame(schema=_SCHEMA)
    predicted = MODELS[model](panel if model in REVIEWED else panel.last(DAYS), horizon)
    cells = predicted.quantiles.reshape(-1, len(QUANTILES))
    ahead = np.tile(np.arange(1, horizon + 1), len(panel))
    return pl.DataFrame(
        {
            "unique_id": np.repeat(panel.names, horizon).tolist(),
            "target": np.repeat(panel.ends, horizon) + ahead.astype("timedelta64[D]"),
            "horizon": ahead,
            "model": [name for name in predicted.models for _ in range(horizon)],
            "mean": quantiles.mean(cells),
            **dict(zip(QUANTILES, cells.T, strict=True)),
            "fallback": [why for why in predicted.fallbacks for _ in range(horizon)],
        },
        schema=_SCHEMA,
    )
