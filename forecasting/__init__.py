"""What is expected: history of a share → quantiles of the coming days."""

from forecasting.frame import forecast
from forecasting.quantiles import probability_above

__all__ = ["forecast", "probability_above"]
