"""What becomes of an alert, and whether receivers hear of it: pure functions of where things stand and the time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

STALE = timedelta(days=3)
"""From a last closed day older than this nothing is decided: silence is no evidence."""
State = Literal["pending", "firing", "acknowledged", "resolved"]
Silence = Literal["nodata", "stale", "censored"]
OPEN = ("pending", "firing", "acknowledged", "nodata", "stale", "censored")
"""States of an episode that is not over; the last three are a line's that has fallen silent."""


@dataclass(frozen=True)
class Order:
    """What a person asked for an alert."""

    what: Literal["acknowledge", "resolve"]
    by: str
    """The role of who asked."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one rule on one line."""

    last: date | None
    """The last closed day; None where the line has none."""
    days: int = 0
    """Closed days in a row on which the rule held that end with the last one; 0 where it did not hold there."""
    needed: int = 1
    """Days in a row that the rule asks for."""
    below: int = 0
    """Closed days with a value, in a row, on which it did not hold, that end with the last one."""
    clear: int = 1
    """Days in a row below that the rule asks for before an alert that fired is over."""
    silent: bool = False
    """The last closed day has no value."""
    suspect: str | None = None
    """Why the last closed day, which stands above, is likely an artefact."""
    beyond: str = "above the threshold"
    """What a day is on which the rule holds."""
    back: str = "back below the threshold"
    """What a day is on which it no longer does."""
    keeps: bool = False
    """Not above the threshold, but still above the lower one that keeps a firing alert."""
    dealt_with: bool = False
    """These days in a row were already going on when a person resolved their alert."""
    order: Order | None = None


@dataclass(frozen=True)
class Decision:
    """Where an alert goes, and why."""

    state: State
    reason: str
    by: str | None = None
    """The role of the person who moved it; None where the monitor did."""


def decide(state: State | None, evidence: Evidence, now: datetime) -> Decision | None:
    """The next state of an alert; None where nothing changes.

    state: None or `resolved` where no episode is open. What a person asked comes first; a day without a value, a
    suspect one, and days that are too old are no evidence either way.
    """
    fired = state in ("firing", "acknowledged")
    is_open = fired or state == "pending"
    order = evidence.order
    if order and order.what == "resolve" and is_open:
        return Decision("resolved", f"resolved by {order.by}", order.by)
    moved = _from_days(state, evidence, now)
    if order and order.what == "acknowledge" and state == "firing" and not (moved and moved.state == "resolved"):
        return Decision("acknowledged", f"acknowledged by {order.by}", order.by)
    return moved


def _from_days(state: State | None, evidence: Evidence, now: datetime) -> Decision | None:
    fired = state in ("firing", "acknowledged")
    is_open = fired or state == "pending"
    if evidence.last is None or evidence.silent or now.date() - evidence.last > STALE:
        return None
    if evidence.days == 0 and not evidence.suspect:
        stays = not is_open or (fired and (evidence.keeps or evidence.below < evidence.clear))
        days = f" for {_days(evidence.below)}" if fired and evidence.clear > 1 else ""
        return None if stays else Decision("resolved", f"{evidence.back}{days}")
    if fired or evidence.dealt_with:
        return None
    if evidence.days >= evidence.needed and not evidence.suspect:
        return Decision("firing", f"{_days(evidence.days)} in a row {evidence.beyond}")
    held = f"held back: {evidence.suspect}"
    counted = f"{_days(evidence.days)} of {evidence.needed} {evidence.beyond}"
    return None if is_open else Decision("pending", held if evidence.suspect else counted)


def _days(n: int) -> str:
    return f"{n} day" if n == 1 else f"{n} days"


@dataclass(frozen=True)
class Heard:
    """What is known of one watched line's last days."""

    newest: date
    """The last closed day of any line."""
    last: date
    """The last closed day of this one."""
    last_known: date
    """Its last closed day with a value."""
    missing: str | None
    """Why `last` has no value."""
    patience: int
    """Closed days in a row without a value from which on the line is called silent."""


def listen(state: Silence | Literal["resolved"] | None, heard: Heard, now: datetime) -> tuple[str, str] | None:
    """The next state of a watched line, and why; None where nothing changes.

    `stale` where no day of it closed lately, `censored` where too few authors are behind its last days, `nodata`
    where nobody wrote; `resolved` once it has a value again.
    """
    since = f"last value on {heard.last_known}"
    if now.date() - heard.last > STALE:
        becomes: tuple[str, str] = ("stale", f"no day has closed since {heard.last}; {since}")
    elif (heard.newest - heard.last_known).days < heard.patience:
        becomes = ("resolved", f"a value again on {heard.last_known}")
    elif heard.last < heard.newest or not heard.missing or "authors" not in heard.missing:
        becomes = ("nodata", f"nothing was read of its last {_days((heard.newest - heard.last_known).days)}; {since}")
    else:
        becomes = ("censored", f"{heard.missing} on its last days; {since}")
    if becomes[0] == (state or "resolved"):
        return None
    return becomes


class NotifyReason(StrEnum):
    """Why a receiver is told of an alert, or is not."""

    BEGAN = "it began"
    CHANGED = "it changed"
    ENDED = "it ended"
    REPEATED = "it still goes on"
    KNOWN = "it is known already"
    PENDING = "it has not fired"
    SEEN = "somebody has seen it"
    NEVER_TOLD = "it ended before it was told"
    WAITING = "others may join it"
    SILENCED = "it is silenced"
    INHIBITED = "a wider population fires"
    MAINTENANCE = "maintenance"

    @property
    def tells(self) -> bool:
        """Whether a receiver is told."""
        return self in (NotifyReason.BEGAN, NotifyReason.CHANGED, NotifyReason.ENDED, NotifyReason.REPEATED)


@dataclass(frozen=True)
class Told:
    """What one receiver was last told of an alert; None before the first time."""

    state: str | None = None
    at: datetime | None = None


def tell(
    state: str,
    told: Told,
    at: datetime,
    *,
    muted: NotifyReason | None = None,
    repeat: timedelta | None = None,
    seen: bool = False,
) -> NotifyReason:
    """Whether a receiver is told of an alert in this state, and why.

    It follows from what the receiver knows, not from what just moved: an alert that began while it was muted, or
    while nobody was told, is told when that is over if it still fires, and of one that was never told the end is not
    told either. at: the clock. repeat: how long after telling a firing alert is told again. seen: somebody has
    acknowledged it, whatever its state.
    """
    known = told.state is not None and told.state != "resolved"
    ended, again = state == "resolved", bool(repeat and told.at and at - told.at >= repeat)
    reasons = (
        (state == "pending", NotifyReason.PENDING),
        (state == "acknowledged" or (seen and not ended), NotifyReason.SEEN),
        (ended and told.state is None, NotifyReason.NEVER_TOLD),
        (ended and not known, NotifyReason.KNOWN),
        (muted is not None, muted),
        (ended, NotifyReason.ENDED),
        (not known, NotifyReason.BEGAN),
        (told.state != state, NotifyReason.CHANGED),
        (again, NotifyReason.REPEATED),
    )
    return next((reason for holds, reason in reasons if holds and reason), NotifyReason.KNOWN)
