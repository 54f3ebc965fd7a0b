"""The life of an alert: what becomes of it, who is told, and how its rule has done. Pure functions."""

from barograph.alerts.decide import Decision, Evidence, Heard, NotifyReason, Order, Told, decide, listen, tell
from barograph.alerts.evaluate import evaluate, fingerprint, silent_lines
from barograph.alerts.message import Context, carried, derivation, notifications, why, with_reasons
from barograph.alerts.replay import differences, replay
from barograph.alerts.skill import cards, changed
from barograph.alerts.telling import Mute, Policy, due, matches, mutes

__all__ = [
    "Context", "Decision", "Evidence", "Heard", "Mute", "NotifyReason", "Order", "Policy", "Told", "cards", "carried",
    "changed", "decide", "derivation", "differences", "due", "evaluate", "fingerprint", "listen", "matches", "mutes",
    "notifications", "replay", "silent_lines", "tell", "why", "with_reasons",
]  # fmt: skip
