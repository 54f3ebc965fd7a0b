"""What the analyst may define: sources, populations, markers, events, rules."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)  # fmt: skip

from barograph.clock import naive_utc
from barograph.tables import METHODS

NAME_PATTERN, LANGUAGE_PATTERN, DAYS_PATTERN = r"^[^\s:/*][^:/*\n]{0,79}$", r"^[a-z]{2}$", r"^[1-9]\d?d$"
SPAN_PATTERN = r"^\d{1,4}[mhd]$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Names become parts of keys and file names, so they hold none of `: / *` and at most 80 characters."""
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]


def _texts(given: object) -> tuple[str, ...]:
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list | tuple) or not all(isinstance(item, str) for item in several):
        raise ValueError(f"got {given!r}; expected text in quotes, or a list of it")
    return tuple(several)


def span(given: str) -> timedelta:
    """10m, 4h or 2d as a length of time."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[given[-1]]
    return timedelta(**{unit: int(given[:-1])})


Several = Annotated[tuple[str, ...], BeforeValidator(_texts)]

MARKERS = (
    "anxiety", "depression", "stress", "loneliness", "anger", "fear", "sadness", "joy", "hope", "hostility",
)  # fmt: skip
LEXICON_FILES = (".csv", ".dic", ".tsv", ".txt")
"""A lexicon whose name ends so is a file of the analyst's own; the formats are in `lexicons`."""
HIGH_PREVALENCE = "high prevalence"
"""Detector of days above the 80th percentile; rules are detectors of their own names."""
SILENT_LINE = "silent line"
"""Stands for a rule in the alerts of lines that have no value; rules cannot be called so."""
POST_COLUMNS = ("id", "parent_id", "created_at", "author", "community", "lang", "geo", "title", "text")


class Section(BaseModel):
    """A part of the file: keys it does not know are an error, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Where(Section):
    """A filter over posts: every key given must match one of its values."""

    source: Several = ()
    community: Several = ()
    lang: Several = ()
    geo: Several = ()

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """Column → accepted values, for the keys given."""
        return {name: given for name, given in self if given}


class Population(Section):
    """A named filter."""

    name: Name
    where: Where = Where()
    part_of: Name | None = None
    """A wider population: while a rule fires on that, nobody is told that it fires on this one too."""


class Marker(Section):
    """A construct and the lexicons that measure it: ours, files, installed packages, or a `:category` of them."""

    name: Name
    lexicons: Annotated[tuple[str, ...], Field(min_length=1)]
    negation: Annotated[bool, Strict()] = False
    """Whether an occurrence behind a negator is passed over (not afraid, no tengo miedo)."""
    first_person: Annotated[bool, Strict()] = False
    """Whether only occurrences in sentences that speak of their writer count (I, my, me siento)."""


class Dimension(Section):
    """Markers read together."""

    name: Name
    markers: Annotated[tuple[str, ...], Field(min_length=1)]


class Topic(Section):
    """What people may be divided over; read in replies by the polarization stage.

    A reply is about it where its own text or that of what it replies to has a keyword (`lexicons.match`).
    """

    name: Name
    keywords: Annotated[tuple[str, ...], Field(min_length=1)]
    sides: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _words_say_something(self) -> Self:
        if not all(word.strip() for word in (*self.keywords, *self.sides)):
            raise ValueError("got an empty keyword or side; expected words")
        if len({side.strip().casefold() for side in self.sides}) < len(self.sides):
            raise ValueError(f"got the side {self.sides[0]!r} twice; expected two that differ")
        return self


class Event(Section):
    """A dated event, shown on timelines."""

    name: Name
    kind: Literal["scheduled", "sudden"] = "scheduled"
    starts_on: date
    ends_on: date | None = None
    population: str = "*"

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.ends_on and self.ends_on < self.starts_on:
            raise ValueError(f"got ends_on {self.ends_on}; expected starts_on, {self.starts_on}, or later")
        return self


class Test(Section):
    """A test of what polarization does round an event; exploratory unless a run saw it before the event began."""

    event: str
    topic: str
    outcome: Literal["mean_score", "share_extreme"] = "mean_score"
    window: Annotated[Whole, Field(ge=1, le=60)] = 3
    """Days before and after the event."""


class Rule(Section):
    """When an alert fires. Without `markers` or `populations` it watches all dimensions or populations.

    By default it watches the method `lexicon`: that has a line in every language and for dimensions, and a level
    that depends on the day's own posts alone, where `calibrated` starts anew once a base rate can be estimated.
    """

    name: Name
    when: Literal["observed", "forecast", "surprise", "aberration"] = "observed"
    detector: Literal["ladder", "c1", "c2", "c3", "eears", "ewma", "regression", "own_year", "farrington"] = "ladder"
    """Whose baseline an aberration departs from; by default the best one that a line's history allows."""
    markers: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    unit: Literal["posts", "authors", "interactions"] = "authors"
    """`interactions` is that of `polarization:TOPIC` alone."""
    method: Literal[METHODS] = "lexicon"  # type: ignore[valid-type]
    percentile: Annotated[Number, Field(gt=0, lt=100)] = 95
    """Of the trailing 84 days; for an aberration or surprise 100 less the false discovery rate, in percent."""
    p_high: Annotated[Number, Field(gt=0, lt=1)] = 0.7
    horizon: Annotated[Whole, Field(ge=1, le=7)] = 7
    for_: Annotated[str, StringConstraints(pattern=DAYS_PATTERN)] = Field("1d", alias="for")
    clear: Annotated[str, StringConstraints(pattern=DAYS_PATTERN)] = "1d"
    """Closed days in a row on which it does not hold before a firing alert is over."""
    while_high: Annotated[bool, Strict()] = False
    """Whether a firing alert goes on while days are of high prevalence, also below the rule's own threshold."""

    @property
    def days(self) -> int:
        """Closed days in a row that it takes."""
        return int(self.for_[:-1])

    @property
    def clear_days(self) -> int:
        """Closed days in a row below that end it."""
        return int(self.clear[:-1])


class Maintenance(Section):
    """A time in which nobody is told of alerts; they live on, and what still fires at its end is told then."""

    name: Name
    starts_at: datetime
    ends_at: datetime
    populations: tuple[str, ...] = ()
    """Only of these; without any of all."""

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _utc(cls, given: datetime) -> datetime:
        return naive_utc(given)

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError(f"got ends_at {self.ends_at}; expected later than starts_at, {self.starts_at}")
        return self
