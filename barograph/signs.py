"""What a published word shift is likely to be: a mood, one word, one account, or other people who post. Pure functions.

Each sign is a limit on a published figure. None is a test, and together they prove nothing: they say where to look.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from barograph import sentences, wording
from barograph.language import gettext as _
from barograph.language import noted
from barograph.rules import held_days
from barograph.tables import OTHER

ACCOUNT = 0.25
"""Part of all accounts' moves from which on one account is pointed out."""
FEW_TERMS = 2
"""So many terms, or fewer, that make half of all moves are pointed out."""
AGAINST = 0.35
"""Part of all moves that go against the change, from which on that is pointed out."""
CUE = 0.25
"""Share of posts from which on a cue of NOT_FELT is pointed out."""
NOT_FELT = frozenset({"joke", "report", "figure_of_speech", "quotation", "irony"})
"""Cues of the packaged tasks that speak of a thing rather than from a feeling."""
_WEEK = 7
ROLLING, ALERT, HIGH = "rolling", "alert", "high"

_READINGS = {
    "chance": noted("No clear change"),
    "account": noted("It may be one account"),
    "term": noted("It may be a word or two"),
    "people": noted("It may be other people who post"),
    "cues": noted("It may be talk about it rather than feeling"),
    "rest": noted("What moved it cannot be named"),
    "mood": noted("It looks like a mood: many words, many authors"),
    "untold": noted("It cannot be told which"),
}
"""What may lie behind a change, the most serious doubt first."""
ABOUT = tuple(_READINGS)


@dataclass(frozen=True)
class Sign:
    """One thing to look at. about: a key of the readings. look: `flag`, `calm`, or `blind` where it cannot be seen."""

    about: str
    look: str
    text: str


@dataclass(frozen=True)
class Moves:
    """How the moves of one shift spread over its terms. Shares are of the sum of all terms' moves, up or down.

    half: how few of the named terms, the largest first, make half; None where all of them do not. rest: the share of
    what is not named. against: the share that goes against the change.
    """

    terms: tuple[str, ...]
    half: int | None
    rest: float
    against: float


def moves(rows: pl.DataFrame) -> Moves:
    """How one shift spreads over its terms. rows: of `term_shifts`, one shift."""
    part = pl.col("contribution")
    whole = float(rows["contribution"].abs().sum())
    if not whole:
        return Moves((), None, 0.0, 0.0)
    named = rows.filter(pl.col("term") != OTHER).sort(part.abs(), "term", descending=[True, False])
    reached = named["contribution"].abs().cum_sum() >= whole / 2 - 1e-12  # sums are rounded
    up = rows["change"][0] > 0
    return Moves(
        terms=tuple(named["term"]),
        half=reached.arg_max() + 1 if reached.any() else None,  # type: ignore[operator]
        rest=float(rows.filter(pl.col("term") == OTHER)["contribution"].abs().sum()) / whole,
        against=float(rows.filter(part < 0 if up else part > 0)["contribution"].abs().sum()) / whole,
    )


def signs(rows: pl.DataFrame, cues: pl.DataFrame) -> list[Sign]:
    """What to look at in one shift. rows: of `term_shifts`, one shift; cues: of `cue_shares`, about the same days."""
    row = rows.row(0, named=True)
    return [_clear(row), _account(row), *_terms(rows), _people(row), _cues(cues)]


def reading(found: list[Sign]) -> str:
    """What may lie behind a change, in one clause: its most serious doubt, or that it looks like a mood."""
    doubts = {sign.about for sign in found if sign.look == "flag"}
    for about, said in _READINGS.items():
        if about in doubts:
            return _(said)
    seen = {sign.about for sign in found if sign.look == "calm"}
    return _(_READINGS["mood" if {"account", "term", "people"} <= seen else "untold"])


def periods(shifts: pl.DataFrame, alerts: pl.DataFrame, last_closed: date | None) -> dict[str, str]:
    """Each period that a line has a shift of, newest first, with what it is: ROLLING, ALERT or HIGH.

    shifts: of `term_shifts`, one line, in the order of `Line.shifts`; alerts: of the line, in all their states.
    """
    held = held_days(alerts.filter(pl.col("state") == "firing"))
    alerted = {f"{first}/{last}" for first, last in held.select("first", "last").iter_rows()}
    kinds = {}
    for period in shifts["period"].unique(maintain_order=True):
        rolling = sentences.days(period)[1] == last_closed
        kinds[period] = ALERT if period in alerted else ROLLING if rolling else HIGH
    return kinds


def usual(periods: list[str]) -> str:
    """The period shown first: the last week where it is published, else the latest. periods: the latest first."""
    spans = {period: sentences.days(period) for period in periods}
    newest = max(end for _begin, end in spans.values())
    week = [p for p, (first, last) in spans.items() if last == newest and (last - first).days == _WEEK - 1]
    return week[0] if week else periods[0]


def cues_about(cues: pl.DataFrame, period: str) -> pl.DataFrame:
    """The cues of the days of a shift: of just these, else of the fewest days that hold them all; no rows without.

    cues: of `cue_shares`, one marker, population and unit. period: as `term_shifts` names it.
    """
    first, last = (str(day) for day in sentences.days(period))
    begins, ends = pl.col("period").str.slice(0, 10), pl.col("period").str.slice(11)
    holds = cues.filter(begins <= first, ends >= last).with_columns(begins=begins, ends=ends)
    nearest = holds.sort("begins", "ends", descending=[True, False])["period"].head(1)
    return cues.filter(pl.col("period").is_in(nearest.implode())).sort("share", "cue", descending=[True, False])


def _clear(row: dict[str, Any]) -> Sign:
    low, high = row["change_lo"], row["change_hi"]
    if low is None or high is None:
        return Sign("chance", "flag", _("Too few authors for an interval of the change: it may be chance."))
    if low <= 0 <= high:
        return Sign("chance", "flag", _("The interval of the change holds zero: as much may be chance."))
    return Sign("chance", "calm", _("The interval of the change is clear of zero."))


def _account(row: dict[str, Any]) -> Sign:
    share = row["change_top_account_share"]
    if share is None:
        return Sign("account", "blind", _("What single accounts made of it is not known."))
    said = wording.at_most(share)
    if share > ACCOUNT:
        text = _("One account makes {share} of all accounts’ moves, up or down: see first whether it is one account.")
        return Sign("account", "flag", text.format(share=said))
    return Sign(
        "account", "calm", _("No account carries it: the largest makes {share} of all moves.").format(share=said)
    )


def _terms(rows: pl.DataFrame) -> list[Sign]:
    found, spread = [], moves(rows)
    quoted = [f"“{term}”" for term in spread.terms]
    if spread.rest > 0.5:
        text = _("{share} of all moves are of terms that are not named: too few authors used each, or one account did.")
        found.append(Sign("rest", "flag", text.format(share=wording.chance(spread.rest))))
    elif spread.half is not None and spread.half <= FEW_TERMS:
        text = _("Half of all moves are of {terms}: a title, a slogan, an event or a new meaning may do that. Read how "
                 "the word is used before you trust the marker.")  # fmt: skip
        found.append(Sign("term", "flag", text.format(terms=_(" and ").join(quoted[: spread.half]))))
    elif spread.half is not None:
        text = _("{n} terms make half of all moves: no single word does.")
        found.append(Sign("term", "calm", text.format(n=wording.number(spread.half))))
    row = rows.row(0, named=True)
    if spread.against > AGAINST and _is_clear(row["change_lo"], row["change_hi"]):
        text = _("Terms disagree: {share} of all moves go against the change.")
        found.append(Sign("term", "flag", text.format(share=wording.chance(spread.against))))
    one = rows.filter(pl.col("top_account_share") > ACCOUNT, pl.col("term") != OTHER)["term"].to_list()
    if one:
        text = _("On {terms} a single account makes more than a quarter of the moves.")
        found.append(Sign("account", "flag", text.format(terms=", ".join(f"“{term}”" for term in one))))
    return found


def _people(row: dict[str, Any]) -> Sign:
    mix, rate = row["mix"], row["rate"]
    if mix is None or rate is None:
        return Sign(
            "people", "blind", _("Too few authors post in both periods to tell who posts from what they express.")
        )
    clear = {name: _is_clear(row[f"{name}_lo"], row[f"{name}_hi"]) for name in ("mix", "rate")}
    if mix * rate < 0 and clear["mix"] and clear["rate"]:
        text = _("Mix and rate disagree: those who came or left move it one way, those who stayed the other.")
        return Sign("people", "flag", text)
    if clear["mix"] and abs(mix) > abs(rate):
        return Sign(
            "people", "flag", _("Most of it is mix: other people post, or the same ones post more or less often.")
        )
    if clear["rate"]:
        return Sign(
            "people", "calm", _("The same authors express it more or less than before: the rate is clear of zero.")
        )
    return Sign("people", "blind", _("Neither mix nor rate is clear of zero."))


def _cues(cues: pl.DataFrame) -> Sign:
    if cues.is_empty():
        return Sign("cues", "blind", _("No cues of annotators are published for these days."))
    beside = cues.filter(pl.col("cue").is_in(NOT_FELT)).sort("share", "cue", descending=[True, False])
    if beside.height and beside["share"][0] >= CUE:
        row = beside.row(0, named=True)
        text = _("Annotators saw “{cue}” in {share} of the posts: talk about it, perhaps, rather than feeling.")
        share = wording.interval(row["share"], row["lo"], row["hi"])
        return Sign("cues", "flag", text.format(cue=wording.cue(row["cue"]), share=share))
    top = cues.sort("share", "cue", descending=[True, False]).row(0, named=True)
    text = _("What annotators saw most is “{cue}”, in {share} of the posts; no sign of mere talk about it.")
    share = wording.interval(top["share"], top["lo"], top["hi"])
    return Sign("cues", "calm", text.format(cue=wording.cue(top["cue"]), share=share))


def _is_clear(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and not low <= 0 <= high
