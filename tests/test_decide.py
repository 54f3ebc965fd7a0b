"""What becomes of an alert, of a silent line, and of a notification: each as a table of cases."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from barograph.alerts import Decision, Evidence, Heard, NotifyReason, Order, Told, decide, listen, tell

LAST = date(2024, 3, 10)
NOW = datetime(2024, 3, 11, 6)
BELOW = "back below the threshold"
ACK, END = Order("acknowledge", "duty desk"), Order("resolve", "duty desk")
SUSPECT = "one account makes 60 % of it"


def evidence(**over: Any) -> Evidence:
    """What the last closed day says."""
    return Evidence(**{"last": LAST, "needed": 2, **over})


@pytest.mark.parametrize(
    ("state", "days", "needed", "becomes", "reason"),
    [
        (None, 0, 1, None, ""),
        (None, 1, 1, "firing", "1 day in a row above the threshold"),
        (None, 1, 2, "pending", "1 day of 2 above the threshold"),
        (None, 2, 2, "firing", "2 days in a row above the threshold"),
        (None, 5, 2, "firing", "5 days in a row above the threshold"),
        ("pending", 0, 2, "resolved", BELOW),
        ("pending", 1, 2, None, ""),
        ("pending", 2, 2, "firing", "2 days in a row above the threshold"),
        ("firing", 0, 2, "resolved", BELOW),
        ("firing", 1, 2, None, ""),
        ("firing", 3, 2, None, ""),
        ("acknowledged", 0, 2, "resolved", BELOW),
        ("acknowledged", 1, 2, None, ""),
        ("acknowledged", 3, 2, None, ""),
        ("resolved", 0, 2, None, ""),
        ("resolved", 1, 2, "pending", "1 day of 2 above the threshold"),
        ("resolved", 2, 2, "firing", "2 days in a row above the threshold"),
    ],
)  # fmt: skip
def test_what_days_make_of_an_alert(state: Any, days: int, needed: int, becomes: Any, reason: str) -> None:
    expected = Decision(becomes, reason) if becomes else None
    assert decide(state, evidence(days=days, needed=needed, below=0 if days else 1), NOW) == expected


@pytest.mark.parametrize(
    ("state", "facts", "becomes", "reason"),
    [
        # Hysteresis: it takes so many days below, of an alert that has fired.
        ("firing", {"below": 1, "clear": 2}, None, ""),
        ("firing", {"below": 2, "clear": 2}, "resolved", "back below the threshold for 2 days"),
        ("acknowledged", {"below": 1, "clear": 3}, None, ""),
        ("pending", {"below": 1, "clear": 2}, "resolved", BELOW),
        ("firing", {"below": 1, "keeps": True}, None, ""),
        ("acknowledged", {"below": 9, "clear": 2, "keeps": True}, None, ""),
        ("pending", {"below": 1, "keeps": True}, "resolved", BELOW),
        # Silence is no evidence.
        (None, {"days": 0, "silent": True}, None, ""),
        ("firing", {"days": 0, "below": 5, "silent": True}, None, ""),
        ("pending", {"days": 0, "silent": True}, None, ""),
        (None, {"days": 5, "last": LAST - timedelta(days=3)}, None, ""),
        (None, {"days": 5, "last": LAST - timedelta(days=2)}, "firing", "5 days in a row above the threshold"),
        ("firing", {"below": 1, "last": None}, None, ""),
        # What is likely an artefact neither fires nor ends anything, and says so.
        (None, {"suspect": SUSPECT}, "pending", f"held back: {SUSPECT}"),
        ("resolved", {"suspect": SUSPECT}, "pending", f"held back: {SUSPECT}"),
        ("pending", {"suspect": SUSPECT}, None, ""),
        ("firing", {"suspect": SUSPECT, "below": 1}, None, ""),
        ("acknowledged", {"suspect": SUSPECT}, None, ""),
        # What people ask.
        ("firing", {"days": 3, "order": ACK}, "acknowledged", "acknowledged by duty desk"),
        ("firing", {"silent": True, "order": ACK}, "acknowledged", "acknowledged by duty desk"),
        ("firing", {"below": 1, "order": ACK}, "resolved", BELOW),
        ("acknowledged", {"days": 3, "order": ACK}, None, ""),
        ("pending", {"days": 2, "order": ACK}, "firing", "2 days in a row above the threshold"),
        ("resolved", {"order": ACK}, None, ""),
        ("firing", {"days": 3, "order": END}, "resolved", "resolved by duty desk"),
        ("acknowledged", {"days": 3, "order": END}, "resolved", "resolved by duty desk"),
        ("pending", {"days": 1, "order": END}, "resolved", "resolved by duty desk"),
        ("firing", {"last": None, "order": END}, "resolved", "resolved by duty desk"),
        ("resolved", {"order": END}, None, ""),
        (None, {"order": END}, None, ""),
        # The days that a person has dealt with do not fire again; later ones do.
        ("resolved", {"days": 4, "dealt_with": True}, None, ""),
        ("resolved", {"days": 1, "dealt_with": True}, None, ""),
        ("resolved", {"suspect": SUSPECT, "dealt_with": True}, None, ""),
        ("resolved", {"days": 2}, "firing", "2 days in a row above the threshold"),
    ],
)  # fmt: skip
def test_what_else_counts(state: Any, facts: dict[str, Any], becomes: Any, reason: str) -> None:
    decision = decide(state, evidence(**facts), NOW)
    by = "duty desk" if reason.endswith("by duty desk") else None
    assert decision == (Decision(becomes, reason, by) if becomes else None)


@pytest.mark.parametrize(
    ("state", "last", "known", "missing", "becomes", "reason"),
    [
        (None, 0, 0, None, None, ""),
        (None, 0, 1, "no posts", None, ""),
        (None, 0, 2, "no posts", "nodata", "nothing was read of its last 2 days; last value on 2024-03-08"),
        (None, 0, 2, "fewer than 20 authors", "censored", "fewer than 20 authors on its last days; last value on 2024-03-08"),
        (None, 1, 1, None, None, ""),  # others closed one more day
        (None, 2, 2, None, "nodata", "nothing was read of its last 2 days; last value on 2024-03-08"),
        (None, 2, 3, "fewer than 20 authors", "nodata", "nothing was read of its last 3 days; last value on 2024-03-07"),
        (None, 3, 3, None, "stale", "no day has closed since 2024-03-07; last value on 2024-03-07"),
        ("nodata", 2, 2, None, None, ""),
        ("nodata", 3, 3, None, "stale", "no day has closed since 2024-03-07; last value on 2024-03-07"),
        ("censored", 0, 0, None, "resolved", "a value again on 2024-03-10"),
        ("stale", 0, 0, None, "resolved", "a value again on 2024-03-10"),
        ("stale", 0, 4, "fewer than 20 authors", "censored", "fewer than 20 authors on its last days; last value on 2024-03-06"),
        ("resolved", 0, 0, None, None, ""),
        ("resolved", 0, 2, None, "nodata", "nothing was read of its last 2 days; last value on 2024-03-08"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_line_that_falls_silent(
    state: Any, last: int, known: int, missing: str | None, becomes: str | None, reason: str
) -> None:
    heard = Heard(LAST, LAST - timedelta(days=last), LAST - timedelta(days=known), missing, patience=2)
    assert listen(state, heard, NOW) == ((becomes, reason) if becomes else None)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("state", "told", "muted", "why"),
    [
        ("pending", None, None, NotifyReason.PENDING),
        ("firing", None, None, NotifyReason.BEGAN),
        ("firing", "firing", None, NotifyReason.KNOWN),
        ("firing", "resolved", None, NotifyReason.BEGAN),
        ("acknowledged", None, None, NotifyReason.SEEN),
        ("acknowledged", "firing", None, NotifyReason.SEEN),
        ("resolved", "firing", None, NotifyReason.ENDED),
        ("resolved", "resolved", None, NotifyReason.KNOWN),
        ("resolved", None, None, NotifyReason.NEVER_TOLD),  # it began in a backfill, or muted
        ("nodata", None, None, NotifyReason.BEGAN),
        ("stale", "nodata", None, NotifyReason.CHANGED),
        ("stale", "stale", None, NotifyReason.KNOWN),
        ("resolved", "stale", None, NotifyReason.ENDED),
        ("firing", None, NotifyReason.SILENCED, NotifyReason.SILENCED),
        ("firing", "firing", NotifyReason.INHIBITED, NotifyReason.INHIBITED),
        ("resolved", "firing", NotifyReason.MAINTENANCE, NotifyReason.MAINTENANCE),
        ("resolved", None, NotifyReason.SILENCED, NotifyReason.NEVER_TOLD),
        ("pending", None, NotifyReason.SILENCED, NotifyReason.PENDING),
    ],
)
def test_whether_a_receiver_hears_of_it(
    state: str, told: str | None, muted: NotifyReason | None, why: NotifyReason
) -> None:
    said = tell(state, Told(told, NOW - HOUR if told else None), NOW, muted=muted)
    assert said is why
    assert said.tells == (why in (NotifyReason.BEGAN, NotifyReason.CHANGED, NotifyReason.ENDED))


@pytest.mark.parametrize(
    ("state", "ago", "every", "why"),
    [
        ("firing", 24, 24, NotifyReason.REPEATED),
        ("firing", 23, 24, NotifyReason.KNOWN),
        ("firing", 999, None, NotifyReason.KNOWN),
        ("censored", 24, 24, NotifyReason.REPEATED),
        ("acknowledged", 24, 24, NotifyReason.SEEN),
    ],
)
def test_a_firing_alert_is_told_again_after_a_while(state: str, ago: int, every: int | None, why: NotifyReason) -> None:
    told = Told("firing" if state == "acknowledged" else state, NOW - ago * HOUR)
    assert tell(state, told, NOW, repeat=every * HOUR if every else None) is why
    assert tell(state, told, NOW, muted=NotifyReason.SILENCED, repeat=HOUR) in (NotifyReason.SILENCED, NotifyReason.SEEN)
