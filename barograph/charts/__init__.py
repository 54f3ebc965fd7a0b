"""Frames → Altair charts, for pages and reports. Pure functions; nothing here reads a file or knows a page."""

from barograph.charts.counts import counts
from barograph.charts.frame import FORECAST, HIGH, MUTED, OBSERVED, THRESHOLD
from barograph.charts.line import timeline
from barograph.charts.marks import STATES, visible
from barograph.charts.several import MOST, Other, colour
from barograph.charts.terms import shift
from barograph.charts.topics import mix, scores

__all__ = [
    "FORECAST", "HIGH", "MOST", "MUTED", "OBSERVED", "STATES", "THRESHOLD", "Other", "colour", "counts", "mix",
    "scores", "shift", "timeline", "visible",
]  # fmt: skip
