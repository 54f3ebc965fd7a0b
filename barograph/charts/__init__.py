"""Frames → Altair charts, for pages and reports. Pure functions; nothing here reads a file or knows a page."""

from barograph.charts.counts import counts
from barograph.charts.epochs import epochs
from barograph.charts.frame import FORECAST, HIGH, MUTED, OBSERVED, THRESHOLD
from barograph.charts.heatmap import heatmap
from barograph.charts.line import timeline
from barograph.charts.marks import STATES, visible
from barograph.charts.months import months
from barograph.charts.pairs import pairs
from barograph.charts.record import coverage, fallbacks, reliability, skill
from barograph.charts.several import MOST, Other, colour
from barograph.charts.terms import shift
from barograph.charts.topics import mix, scores
from barograph.charts.volumes import volumes
from barograph.charts.why import cues, parts

__all__ = [
    "FORECAST", "HIGH", "MOST", "MUTED", "OBSERVED", "STATES", "THRESHOLD", "Other", "colour", "counts", "coverage",
    "cues", "epochs", "fallbacks", "heatmap", "mix", "months", "pairs", "parts", "reliability", "scores", "shift",
    "skill", "timeline", "visible", "volumes",
]  # fmt: skip
