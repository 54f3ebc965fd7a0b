"""Every model by its name; what it needs is imported when it is first asked for."""

from collections.abc import Mapping
from importlib import import_module

from forecasting.panel import Model, Panel, Predicted


def _lazy(place: str) -> Model:
    """The function at `module.name` in this room, imported when it is called."""

    def model(panel: Panel, horizon: int) -> Predicted:
        module, name = place.split(".")
        function: Model = getattr(import_module(f"forecasting.{module}"), name)
        return function(panel, horizon)

    return model


MODELS: Mapping[str, Model] = {
    "climatology": _lazy("baselines.climatology"),
    "seasonal_naive": _lazy("baselines.seasonal_naive"),
    "random_walk": _lazy("baselines.random_walk"),
    "ets": _lazy("classical.ets"),
    "auto_ets": _lazy("classical.auto_ets"),
    "auto_theta": _lazy("classical.auto_theta"),
    "mfles": _lazy("classical.mfles"),
    "auto_arima": _lazy("classical.auto_arima"),
    "best": _lazy("classical.best"),
    "var": _lazy("published.var"),
    "gru": _lazy("published.gru"),
    "house": _lazy("house.predict"),
    "auto": _lazy("house.auto"),
}

REVIEWED = ("house", "auto")
"""Models that look back on how they did, with more history than they forecast from."""
