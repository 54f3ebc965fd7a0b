"""What is expected: history of a share → quantiles of the coming days; and what came of it."""

from forecasting.frame import forecast
from forecasting.met import RECORD_DAYS, met, record, track_record, weeks
from forecasting.quantiles import probability_above

__all__ = ["RECORD_DAYS", "forecast", "met", "probability_above", "record", "track_record", "weeks"]
