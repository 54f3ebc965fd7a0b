"""Models of one series from statsforecast, on the logit scale: each row is fitted by itself.

All are normal about their centre. Intervals are the model's own, or, where it has none, made of its errors at trailing
origins inside the row.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import stats

from forecasting.panel import SHORTEST, Panel, Predicted
from forecasting.regular import filled
from forecasting.rowwise import Fit, each

_WEEK = 7
_SEASONAL_FROM = 21  # three weeks say something of a weekday; chosen on origins before June 2019
_FIXED_SEASON_FROM = 28
_OUTER = 95
_WIDTH = stats.norm.ppf(0.5 + _OUTER / 200)
_BACK = (2, 3, 7, 14, 21, 28)  # trailing origins, in days before the end
_LEAST = 4  # days that a centre is fitted to where only its error is asked for


def auto_ets(panel: Panel, horizon: int) -> Predicted:
    """Exponential smoothing, its additive form chosen by AICc (Hyndman et al. 2008); intervals of the model."""
    return each(panel, horizon, _auto_ets, "AutoETS")


def ets(panel: Panel, horizon: int) -> Predicted:
    """Exponential smoothing of a fixed form: ETS(A,N,A), below four weeks ETS(A,N,N); intervals of the model."""
    made = each(panel, horizon, _ets, "ETS(A,N,A)")
    short = np.isfinite(filled(panel)).sum(axis=1) < _FIXED_SEASON_FROM
    rows = zip(made.models, short, made.fallbacks, strict=True)
    return replace(made, models=["ETS(A,N,N)" if few and why is None else name for name, few, why in rows])


def auto_theta(panel: Panel, horizon: int) -> Predicted:
    """The theta model with the least error of one step (Fiorucci et al. 2016); intervals of the model."""
    return each(panel, horizon, _auto_theta, "AutoTheta")


def mfles(panel: Panel, horizon: int) -> Predicted:
    """Gradient boosted trend, Fourier season and smoothing (Blume 2024); intervals of errors at trailing origins."""
    return each(panel, horizon, _mfles, "MFLES")


def auto_arima(panel: Panel, horizon: int) -> Predicted:
    """ARIMA, its orders chosen by AICc (Hyndman & Khandakar 2008); intervals of the model.

    Bounded in time, to about a tenth of a second a row: at most eight models of orders p, P, Q ≤ 1 or 2, q ≤ 1, one
    difference, and likelihoods approximated while it searches.
    """
    return each(panel, horizon, _auto_arima, "AutoARIMA")


def best(panel: Panel, horizon: int) -> Predicted:
    """Of ETS, AutoETS, AutoTheta and MFLES the one that, a row by itself, did best one and two weeks before its end.

    That is the least CRPS of the logit over the days since. Below 14 days nothing can be held back: ETS. AutoARIMA is
    left out, as it would cost more than all the others.
    """
    return each(panel, horizon, _best, "best")


def _season(z: np.ndarray) -> int:
    return _WEEK if len(z) >= _SEASONAL_FROM else 1


def _auto_ets(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    return _smoothed(z, steps, "ZZZ", _season(z))


def _ets(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    seasonal = len(z) >= _FIXED_SEASON_FROM
    return _smoothed(z, steps, "ANA" if seasonal else "ANN", _WEEK if seasonal else 1)


def _smoothed(z: np.ndarray, steps: int, form: str, season: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.models import AutoETS

    level = z.max() + 1.0  # below 0 only additive forms are tried: the same for a share and for what it leaves
    fitted = AutoETS(season_length=season, model=form).fit(z - level)
    centre, spread = np.empty(steps), np.empty(steps)
    # All seasonal intervals are as wide as the last step that is asked for makes them: a season at a time.
    stride = season if season > 1 else steps
    for start in range(0, steps, stride):
        ahead = fitted.predict(h=min(start + stride, steps), level=[_OUTER])
        centre[start : start + stride] = ahead["mean"][start:] + level
        spread[start : start + stride] = (ahead[f"hi-{_OUTER}"] - ahead["mean"])[start:] / _WIDTH
    return centre, spread


def _auto_theta(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.models import AutoTheta

    return _own(AutoTheta(season_length=_season(z), decomposition_type="additive").forecast(z, steps, level=[_OUTER]))


def _auto_arima(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(
        season_length=_season(z), max_p=2, max_q=1, max_P=1, max_Q=1, max_d=1, max_D=1, max_order=3, nmodels=8,
        approximation=True,
    )  # fmt: skip
    return _own(model.forecast(z, steps, level=[_OUTER]))


def _own(ahead: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return ahead["mean"], (ahead[f"hi-{_OUTER}"] - ahead["mean"]) / _WIDTH


def _mfles(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    from statsforecast.models import MFLES

    def centre(part: np.ndarray, ahead: int) -> np.ndarray:
        return MFLES(season_length=_season(part)).forecast(part, ahead)["mean"]

    return centre(z, steps), np.full(steps, _error(centre, z))


def _error(centre: Callable[[np.ndarray, int], np.ndarray], z: np.ndarray) -> float:
    """Root mean square error of up to a week after each trailing origin, the spread of the row as one origin more."""
    origins = [(back, min(back, _WEEK)) for back in _BACK if len(z) - back >= _LEAST]
    errors = [z[len(z) - back :][:ahead] - centre(z[:-back], ahead) for back, ahead in origins]
    squares = [float(np.mean(error**2)) for error in errors]
    return float(np.sqrt((sum(squares) + z.var(ddof=1)) / (len(squares) + 1)))


_RIVALS: dict[str, Fit] = {"ETS": _ets, "AutoETS": _auto_ets, "AutoTheta": _auto_theta, "MFLES": _mfles}


def _best(z: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    origins = [back for back in (_WEEK, 2 * _WEEK) if len(z) - back >= SHORTEST]
    if not origins:
        return _ets(z, steps)
    losses = {
        name: sum(float(_crps(z[len(z) - back :], *fit(z[:-back], back)).mean()) for back in origins)
        for name, fit in _RIVALS.items()
    }
    return _RIVALS[min(losses, key=losses.__getitem__)](z, steps)


def _crps(truth: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """CRPS of a normal (Gneiting & Raftery 2007)."""
    spread = np.maximum(spread, 1e-9)
    off = (truth - centre) / spread
    return spread * (off * (2 * stats.norm.cdf(off) - 1) + 2 * stats.norm.pdf(off) - 1 / np.sqrt(np.pi))
