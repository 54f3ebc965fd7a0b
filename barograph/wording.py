"""How markers, numbers and days are written for a person: on pages, in charts and in reports."""

import re
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from barograph.tables import LARGEST_ACCOUNT

_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_DASH = "\N{EN DASH}"

UNITS = {
    "authors": "Mean over authors of each author’s own share of posts that express it",
    "posts": "Share of posts that express it",
    "interactions": "Share of conversations that show it",
}
"""What a prevalence of each unit is."""

METHODS = {
    "lexicon": "a post expresses it where a word of the list occurs",
    "calibrated": "a post counts with the probability that it expresses it",
    "annotator": "a sample of posts, as labelled",
    "corrected": "all posts, corrected by a labelled sample",
}
"""How each method reads a post."""


def methods(names: Sequence[str]) -> str:
    """Methods, each with how it reads a post."""
    return "; ".join(f"{name}: {METHODS[name]}" for name in names)


def model(name: str) -> str:
    """A model of forecasts, as it is called within a sentence."""
    return "the house model" if name == "house" else name


def label(marker: str) -> str:
    """`fear` → Fear, `dimension:anxiety` → Anxiety (dimension), `polarization:x` → X (polarization)."""
    kind, _, name = marker.rpartition(":")
    words = name.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}" + (f" ({kind})" if kind else "")


def plain(text: str) -> str:
    """Text from outside for a place that reads Markdown: no link, image or colour comes of it."""
    return re.sub(r"([\\`*_\[\]<>:$~])", r"\\\1", text)


def level(value: float, kind: str = "share") -> str:
    """A prevalence: 4.2 % where it is a share, 0.42 where it is a mean."""
    return f"{_digits(value, kind)}{_SPACE}%" if kind == "share" else _digits(value, kind)


def side(value: float | None, threshold: float | None) -> str:
    """On which side of its threshold a value lies: a surprise may be below."""
    return "below" if value is not None and threshold is not None and value < threshold else "above"


def interval(value: float, low: float | None, high: float | None, kind: str = "share") -> str:
    """A prevalence with its 95 % bounds: 4.2 % (3.1–5.6), −0.2 (−0.5 to 0.1)."""
    if low is None or high is None:
        return level(value, kind)
    between = _DASH if low >= 0 else " to "
    return f"{level(value, kind)} ({_digits(low, kind)}{between}{_digits(high, kind)})"


def change(difference: float, kind: str = "share") -> str:
    """A difference between two prevalences: +3.1 points where they are shares."""
    return _signed(difference, kind) + (f"{_SPACE}points" if kind == "share" else "")


def change_interval(difference: float, low: float | None, high: float | None, kind: str = "share") -> str:
    """A difference with its 95 % bounds: +3.1 points (+1.2 to +5.0)."""
    said = change(difference, kind)
    if low is None or high is None:
        return said
    return f"{said} ({_signed(low, kind)} to {_signed(high, kind)})"


def chance(probability: float) -> str:
    """A probability: 39 %; under 1 % and over 99 % are said so."""
    percent = 100 * probability
    digits = "<1" if 0 < percent < 1 else ">99" if 99 < percent < 100 else f"{percent:.0f}"
    return f"{digits}{_SPACE}%"


def at_most(share: float) -> str:
    """The largest account's part of moves, as `term_shifts` has it: at most 15 %; more than half."""
    return f"at most {chance(share)}" if share <= LARGEST_ACCOUNT else "more than half"


def day(when: date) -> str:
    """Mon 23 Nov 2026."""
    return f"{when:%a} {when.day}{_SPACE}{when:%b %Y}"


def weekday(when: date) -> str:
    """Mon 23 Nov."""
    return f"{when:%a} {short_day(when)}"


def short_day(when: date) -> str:
    """23 Nov."""
    return f"{when.day}{_SPACE}{when:%b}"


def days(first: date, last: date) -> str:
    """23 Nov – 2 Dec 2026; the year of the first day only where it differs."""
    year = f" {first.year}" if first.year != last.year else ""
    return f"{short_day(first)}{year} {_DASH} {short_day(last)} {last.year}"


def moment(when: datetime) -> str:
    """23 Nov 2026, 14:05 UTC. `when` is naive and UTC, as in every table."""
    return f"{short_day(when)} {when.year}, {when:%H:%M}{_SPACE}UTC"


def count(n: int, noun: str) -> str:
    """1,204 posts; 1 post. `noun` is a plural in -s."""
    return f"{n:,}{_SPACE}{noun if n != 1 else noun.removesuffix('s')}"


def ordinal(percentile: float) -> str:
    """80th, 2.5th, 81st."""
    n = f"{percentile:g}"
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(n[-1], "th") if "." not in n and n[-2:-1] != "1" else "th"
    return n + ending


def intervals(value: str, low: str, high: str, kind: str) -> pl.Expr:
    """`interval` over the columns of a frame; NULL where `value` is."""
    return pl.struct(pl.col(value).alias("v"), pl.col(low).alias("l"), pl.col(high).alias("h")).map_elements(
        lambda row: None if row["v"] is None else interval(row["v"], row["l"], row["h"], kind),
        return_dtype=pl.String,
    )


def _digits(value: float, kind: str) -> str:
    return f"{100 * value:.1f}" if kind == "share" else f"{value:.2f}".replace("-", _MINUS)


def _signed(difference: float, kind: str) -> str:
    digits = _digits(abs(difference), kind)
    return ("±" if float(digits) == 0 else "+" if difference > 0 else _MINUS) + digits
