"""Which days depart from what a line did before: above a threshold, or from a statistical baseline. Pure functions."""

from barograph.detect.aberration import aberrations, surprises
from barograph.detect.artifact import USUAL_DAYS, drifting, suspected
from barograph.detect.thresholds import (
    HIGH_PERCENTILE,
    closed_series,
    expected,
    measured,
    observed,
    origin_thresholds,
    thresholds,
)

__all__ = [
    "HIGH_PERCENTILE", "USUAL_DAYS", "aberrations", "closed_series", "drifting", "expected", "measured",
    "observed", "origin_thresholds", "surprises", "suspected", "thresholds",
]  # fmt: skip
