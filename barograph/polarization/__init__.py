"""Affective polarization: reply pairs read by annotators → interactions scored → conversations → days and events.

Pure functions from frame to frame; `flows` finds the pairs, and hands over what annotators answered.
"""

from barograph.polarization.conversations import changed, polarization, watched
from barograph.polarization.errors import Confusion, read_confusion
from barograph.polarization.estimate import Interactions, interactions
from barograph.polarization.events import declared, event_tests, verdict
from barograph.polarization.score import Rules, class_of, rules

__all__ = [
    "Confusion", "Interactions", "Rules", "changed", "class_of", "declared", "event_tests", "interactions",
    "polarization", "read_confusion", "rules", "verdict", "watched",
]  # fmt: skip
