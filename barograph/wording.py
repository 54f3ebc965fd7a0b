"""How markers, numbers and days are written for a person, in the reader's language: on pages, in charts, in reports."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache

import polars as pl

from barograph.language import gettext as _
from barograph.language import heard, ngettext, noted, noted_pair, reader
from barograph.stored import stored
from barograph.tables import LARGEST_ACCOUNT

_SPACE = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_DASH = "\N{EN DASH}"

UNITS = {
    "authors": noted("Mean over authors of each author’s own share of posts that express it"),
    "posts": noted("Share of posts that express it"),
    "interactions": noted("Share of conversations that show it"),
}
"""What a prevalence of each unit is."""

METHODS = {
    "lexicon": noted("a post expresses it where a word of the list occurs"),
    "calibrated": noted("a post counts with the probability that it expresses it"),
    "annotator": noted("a sample of posts, as labelled"),
    "corrected": noted("all posts, corrected by a labelled sample"),
}
"""How each method reads a post."""

NOUNS = {
    many: (one, many)
    for one, many in (
        noted_pair("alert", "alerts"), noted_pair("attempt", "attempts"), noted_pair("author", "authors"),
        noted_pair("conversation", "conversations"), noted_pair("day", "days"), noted_pair("event", "events"),
        noted_pair("forecast", "forecasts"), noted_pair("line", "lines"), noted_pair("month", "months"),
        noted_pair("post", "posts"), noted_pair("row", "rows"), noted_pair("run", "runs"), noted_pair("week", "weeks"),
        noted_pair("reply pair", "reply pairs"), noted_pair("term", "terms"),
    )
}  # fmt: skip
"""What is counted: its plural → singular and plural."""


def methods(names: Sequence[str]) -> str:
    """Methods, each with how it reads a post."""
    return "; ".join(f"{stored(name)}: {_(METHODS[name])}" for name in names)


def model(name: str) -> str:
    """A model of forecasts, as it is called within a sentence."""
    return _("the house model") if name == "house" else stored(name)


def label(marker: str) -> str:
    """`fear` → Fear, `dimension:anxiety` → Anxiety (dimension), `polarization:x` → X (polarization)."""
    *kinds, name = marker.split(":", 1)
    words = name.replace("_", " ")
    called = words[:1].upper() + words[1:]
    return " ".join([_(called), *(f"({stored(kind)})" for kind in kinds)])


def plain(text: str) -> str:
    """Text from outside for a place that reads Markdown: no link, image or colour comes of it."""
    return re.sub(r"([\\`*_\[\]<>:$~])", r"\\\1", text)


def level(value: float, kind: str = "share") -> str:
    """A prevalence: 4.2 % where it is a share, 0.42 where it is a mean."""
    return f"{_digits(value, kind)}{_SPACE}%" if kind == "share" else _digits(value, kind)


def cue(name: str) -> str:
    """`figure_of_speech` → figure of speech."""
    return _(name.replace("_", " "))


def side(value: float | None, threshold: float | None) -> str:
    """On which side of its threshold a value lies: a surprise may be below."""
    return _("below") if value is not None and threshold is not None and value < threshold else _("above")


def interval(value: float, low: float | None, high: float | None, kind: str = "share") -> str:
    """A prevalence with its 95 % bounds: 4.2 % (3.1–5.6), −0.2 (−0.5 to 0.1)."""
    if low is None or high is None:
        return level(value, kind)
    between = _DASH if low >= 0 else f" {_('to')} "
    return f"{level(value, kind)} ({_digits(low, kind)}{between}{_digits(high, kind)})"


def change(difference: float, kind: str = "share") -> str:
    """A difference between two prevalences: +3.1 points where they are shares."""
    return _signed(difference, kind) + (f"{_SPACE}{_('points')}" if kind == "share" else "")


def change_interval(difference: float, low: float | None, high: float | None, kind: str = "share") -> str:
    """A difference with its 95 % bounds: +3.1 points (+1.2 to +5.0)."""
    said = change(difference, kind)
    if low is None or high is None:
        return said
    return f"{said} ({_signed(low, kind)} {_('to')} {_signed(high, kind)})"


def chance(probability: float) -> str:
    """A probability: 39 %; under 1 % and over 99 % are said so."""
    percent = 100 * probability
    digits = "<1" if 0 < percent < 1 else ">99" if 99 < percent < 100 else f"{percent:.0f}"
    return f"{digits}{_SPACE}%"


def p_value(p: float) -> str:
    """p = 0.03; p < 0.01."""
    return f"p < {written('0.01')}" if p < 0.01 else f"p = {written(f'{p:.2f}')}"


def between(low: float, high: float) -> str:
    """Two probabilities that bound another: 61–95 %."""
    return f"{chance(low).removesuffix(f'{_SPACE}%')}{_DASH}{chance(high)}"


def skill(value: float, low: float | None = None, high: float | None = None) -> str:
    """How much better than a baseline, with its 95 % bounds: 0.12 (−0.03 to 0.26)."""
    if low is None or high is None:
        return _digits(value, "mean")
    return f"{_digits(value, 'mean')} ({_digits(low, 'mean')} {_('to')} {_digits(high, 'mean')})"


def at_most(share: float) -> str:
    """The largest account's part of moves, as `term_shifts` has it: at most 15 %; more than half."""
    if share > LARGEST_ACCOUNT:
        return _("more than half")
    return _("at most {share}").format(share=chance(share))


def day(when: date) -> str:
    """Mon 23 Nov 2026."""
    return f"{weekday(when)} {when.year}"


def weekday(when: date) -> str:
    """Mon 23 Nov."""
    return f"{_calendar(reader().language)[0][when.weekday()]} {short_day(when)}"


def short_day(when: date) -> str:
    """23 Nov."""
    return f"{when.day}{_SPACE}{_calendar(reader().language)[1][when.month]}"


def month(when: date) -> str:
    """Nov 2026."""
    return f"{_calendar(reader().language)[1][when.month]} {when.year}"


def days(first: date, last: date) -> str:
    """23 Nov – 2 Dec 2026; the year of the first day only where it differs."""
    year = f" {first.year}" if first.year != last.year else ""
    return f"{short_day(first)}{year} {_DASH} {short_day(last)} {last.year}"


def moment(when: datetime) -> str:
    """23 Nov 2026, 14:05 UTC; for a reader elsewhere 23 Nov 2026, 15:05 CET (14:05 UTC).

    `when` is naive and UTC, as in every table.
    """
    utc = f"{when:%H:%M}{_SPACE}UTC"
    local = when.replace(tzinfo=UTC).astimezone(reader().zone)
    if local.utcoffset() == UTC.utcoffset(None) and local.tzname() in ("UTC", None):
        return f"{short_day(when)} {when.year}, {utc}"
    other_day = f"{short_day(when)}, " if when.date() != local.date() else ""
    return f"{short_day(local)} {local.year}, {local:%H:%M}{_SPACE}{local:%Z} ({other_day}{utc})"


def duration(hours: float) -> str:
    """45 min; 3 h 20 min; from two days on 2.5 d."""
    if hours >= 48:
        return written(f"{hours / 24:.1f}{_SPACE}d")
    whole, minutes = divmod(round(hours * 60), 60)
    parts = [f"{n}{_SPACE}{unit}" for n, unit in ((whole, "h"), (minutes, "min")) if n]
    return " ".join(parts) or f"{_SPACE}".join(("<1", "min"))


def number(n: int) -> str:
    """1,204."""
    return written(f"{n:,}")


def count(n: int, noun: str) -> str:
    """1,204 posts; 1 post. `noun` is a plural, of NOUNS where it is to be translated."""
    one, many = NOUNS.get(noun, (noun.removesuffix("s"), noun))
    return f"{number(n)}{_SPACE}{ngettext(one, many, n)}"


def ordinal(percentile: float) -> str:
    """80th, 2.5th, 81st; a language that writes none, 80."""
    if reader().language != "en":
        return written(f"{percentile:g}")
    n = f"{percentile:g}"
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(n[-1], "th") if "." not in n and n[-2:-1] != "1" else "th"
    return n + ending


def intervals(value: str, low: str, high: str, kind: str) -> pl.Expr:
    """`interval` over the columns of a frame; NULL where `value` is."""
    return pl.struct(pl.col(value).alias("v"), pl.col(low).alias("l"), pl.col(high).alias("h")).map_elements(
        heard(lambda row: None if row["v"] is None else interval(row["v"], row["l"], row["h"], kind)),
        return_dtype=pl.String,
    )


def _digits(value: float, kind: str) -> str:
    return written(f"{100 * value:.1f}" if kind == "share" else f"{value:.2f}".replace("-", _MINUS))


def _signed(difference: float, kind: str) -> str:
    digits = _digits(abs(difference), kind)
    zero = not digits.strip("0.,")
    return ("±" if zero else "+" if difference > 0 else _MINUS) + digits


def written(digits: str) -> str:
    """Digits as Python writes them, with the reader's signs for thousands and decimals."""
    language = reader().language
    return digits if language == "en" else digits.translate(_signs(language))


@cache
def _signs(language: str) -> Mapping[int, str]:
    from babel.numbers import get_decimal_symbol, get_group_symbol

    return str.maketrans({".": get_decimal_symbol(language), ",": get_group_symbol(language)})


@cache
def _calendar(language: str) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """Short names of days (0: Monday) and of months (from 1)."""
    from babel.dates import get_day_names, get_month_names

    return get_day_names("abbreviated", locale=language), get_month_names("abbreviated", locale=language)
