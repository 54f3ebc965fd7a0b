"""Models of one series from statsforecast, on the logit scale: each row fitted by itself, with intervals of its own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import stats

from forecasting.baselines import predicted
from forecasting.panel import Panel, Predicted
from forecasting.regular import filled, gap, unfit

Fit = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""(logits of days in a row, steps) → centre and spread of each step."""
_WEEK = 7
_SEASONAL_FROM = 21
_OUTER = 95
_WIDTH = stats.norm.ppf(0.5 + _OUTER / 200)


def auto_ets(panel: Panel, horizon: int) -> Predicted:
    """Exponential smoothing, additive, its form chosen by AICc; intervals of the model (Hyndman et al. 2008)."""
    return each(panel, horizon, _auto_ets, "AutoETS")


def ets(panel: Panel, horizon: int) -> Predicted:
    """Exponential smoothing of a fixed form: ETS(A,N,A), below four weeks ETS(A,N,N); intervals of the model."""
    made = each(panel, horizon, _ets, "ETS(A,N,A)")
    short = np.isfinite(filled(panel)).sum(axis=1) < 4 * _WEEK
    names = [
        "ETS(A,N,N)" if few and not why else name
        for name, few, why in zip(made.models, short, made.fallbacks, strict=True)
    ]
    return replace(made, models=names)


def each(panel: Panel, horizon: int, fit: Fit, model: str) -> Predicted:
    """What `fit` expects of every row that can be fitted: normal on the logit scale, `horizon` days after its end."""
    z, late, why = filled(panel), gap(panel), unfit(panel)
    centre, spread = (np.full((len(panel), horizon), np.nan) for _ in range(2))
    for row in [row for row, reason in enumerate(why) if reason is None]:
        steps = horizon + int(late[row])
        ahead, width = fit(z[row][np.isfinite(z[row])], steps)
        centre[row], spread[row] = ahead[-horizon:], width[-horizon:]
    return predicted(panel, model, centre, spread)


def _auto_ets(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    return _smoothed(z, steps, "ZZZ", _WEEK if len(z) >= _SEASONAL_FROM else 1)


def _ets(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    return _smoothed(z, steps, "ANA", _WEEK) if len(z) >= 4 * _WEEK else _smoothed(z, steps, "ANN", 1)


def _smoothed(z: np.ndarray, steps: int, form: str, season: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.models import AutoETS

    level = z.max() + 1.0  # below 0 only additive forms are tried: of the same kind for a share and for what it leaves
    fitted = AutoETS(season_length=season, model=form).fit(z - level)
    centre, spread = np.empty(steps), np.empty(steps)
    # All seasonal intervals are as wide as the last step that is asked for makes them: a season at a time.
    for start in range(0, steps, season if season > 1 else steps):
        end = min(start + season, steps) if season > 1 else steps
        ahead = fitted.predict(h=end, level=[_OUTER])
        centre[start:end] = ahead["mean"][start:end] + level
        spread[start:end] = (ahead[f"hi-{_OUTER}"] - ahead["mean"])[start:end] / _WIDTH
    return centre, spread
