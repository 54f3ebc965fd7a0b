"""Frames → Altair charts, for pages and reports. Pure functions; nothing here reads a file or knows a page."""

from barograph.charts.frame import FORECAST, HIGH, MUTED, OBSERVED, THRESHOLD
from barograph.charts.line import counts, timeline, visible
from barograph.charts.record import coverage, fallbacks, reliability, skill
from barograph.charts.terms import shift
from barograph.charts.topics import mix, scores
from barograph.charts.volumes import volumes

__all__ = [
    "FORECAST", "HIGH", "MUTED", "OBSERVED", "THRESHOLD", "counts", "coverage", "fallbacks", "mix", "reliability",
    "scores", "shift", "skill", "timeline", "visible", "volumes",
]  # fmt: skip
