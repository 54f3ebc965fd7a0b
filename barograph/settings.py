"""barograph.toml and its defaults. An absent file works; a wrong one stops before any work begins."""

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)  # fmt: skip
from pydantic_core import ErrorDetails

from barograph.errors import ConfigError
from barograph.tables import LANGUAGES

_NAME, _LANGUAGE, _DAYS = r"^[^\s:/*][^:/*\n]{0,79}$", r"^[a-z]{2}$", r"^[1-9]\d?d$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""Names become parts of keys and file names, so they hold none of `: / *` and at most 80 characters."""
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]


def _texts(given: object) -> tuple[str, ...]:
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list | tuple) or not all(isinstance(item, str) for item in several):
        raise ValueError(f"got {given!r}; expected text in quotes, or a list of it")
    return tuple(several)


Several = Annotated[tuple[str, ...], BeforeValidator(_texts)]

MARKERS = (
    "anxiety", "depression", "stress", "loneliness", "anger", "fear", "sadness", "joy", "hope", "hostility",
)  # fmt: skip
LEXICON_FILES = (".csv", ".dic", ".tsv", ".txt")
"""A lexicon whose name ends so is a file of the analyst's own; the formats are in `lexicons`."""
HIGH_PREVALENCE = "high prevalence"
"""Detector of days above the 80th percentile; rules are detectors of their own names."""
POST_COLUMNS = ("id", "parent_id", "created_at", "author", "community", "lang", "geo", "title", "text")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Section):
    """Where posts come from."""

    name: Name
    kind: Literal["files", "simulated"] = "files"
    path: Several = ()
    """Files, folders or patterns."""
    columns: dict[Literal[POST_COLUMNS], str] = {}  # type: ignore[valid-type]
    timezone: str = "UTC"
    """Zone of times that carry none."""
    lang: Annotated[str, StringConstraints(pattern=_LANGUAGE)] | None = None
    """Language of every post that says none itself; without it each post is detected."""
    seed: Annotated[Whole, Field(ge=0)] = 7
    days: Annotated[Whole, Field(ge=1, le=3650)] = 200
    posts_per_day: Annotated[Whole, Field(ge=1, le=100_000)] = 250

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, timezone: str) -> str:
        if timezone not in available_timezones() - {"Factory", "localtime"}:
            raise ValueError(f"got {timezone!r}; expected an IANA name, e.g. Europe/Madrid")
        return timezone


class Where(_Section):
    """A filter over posts: every key given must match one of its values."""

    source: Several = ()
    community: Several = ()
    lang: Several = ()
    geo: Several = ()

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """Column → accepted values, for the keys given."""
        return {name: given for name, given in self if given}


class Population(_Section):
    """A named filter."""

    name: Name
    where: Where = Where()


class Marker(_Section):
    """A construct and the lexicons that measure it: ours, files, installed packages, or a `:category` of them."""

    name: Name
    lexicons: Annotated[tuple[str, ...], Field(min_length=1)]
    negation: Annotated[bool, Strict()] = False
    """Whether an occurrence behind a negator is passed over (not afraid, no tengo miedo)."""
    first_person: Annotated[bool, Strict()] = False
    """Whether only occurrences in sentences that speak of their writer count (I, my, me siento)."""


class Dimension(_Section):
    """Markers read together."""

    name: Name
    markers: Annotated[tuple[str, ...], Field(min_length=1)]


class Topic(_Section):
    """What people may be divided over; read by the polarization stage."""

    name: Name
    keywords: Annotated[tuple[str, ...], Field(min_length=1)]
    sides: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]


class Event(_Section):
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


class Test(_Section):
    """A test of polarization declared before its event."""

    event: str
    topic: str
    outcome: Literal["mean_score", "share_extreme"] = "mean_score"
    window: Annotated[Whole, Field(ge=1, le=60)] = 3


class Rule(_Section):
    """When an alert fires. Without `markers` or `populations` it watches all dimensions or populations.

    By default it watches the method `lexicon`: that has a line in every language and for dimensions, and a level
    that depends on the day's own posts alone, where `calibrated` starts anew once a base rate can be estimated.
    """

    name: Name
    when: Literal["observed", "forecast"] = "observed"
    markers: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    unit: Literal["posts", "authors"] = "authors"
    method: Literal["lexicon", "calibrated"] = "lexicon"
    percentile: Annotated[Number, Field(gt=0, lt=100)] = 95
    p_high: Annotated[Number, Field(gt=0, lt=1)] = 0.7
    horizon: Annotated[Whole, Field(ge=1, le=7)] = 7
    for_: Annotated[str, StringConstraints(pattern=_DAYS)] = Field("1d", alias="for")

    @property
    def days(self) -> int:
        """Closed days in a row that it takes."""
        return int(self.for_[:-1])


class Receiver(_Section):
    """Where notifications go. Address and secret come from a file or an environment variable, never from here."""

    name: Name
    kind: Literal["webhook"] = "webhook"
    url: Annotated[str | None, Field(repr=False, exclude=True)] = None
    url_file: Path | None = None
    url_env: str | None = None
    secret_file: Path | None = None
    secret_env: str | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for what, given in {
            "url, url_file or url_env": (self.url, self.url_file, self.url_env),
            "secret_file or secret_env": (self.secret_file, self.secret_env),
        }.items():
            if (n := sum(value is not None for value in given)) != 1:
                raise ValueError(f"got {n or 'none'} of {what}; expected exactly one")
        return self

    def address(self) -> str:
        """The URL. Raises `ConfigError` where its file or variable is missing."""
        return self.url or self._read("url", self.url_file, self.url_env)

    def secret(self) -> str:
        """The signing secret (`whsec_…`). Raises `ConfigError` where its file or variable is missing."""
        return self._read("secret", self.secret_file, self.secret_env)

    def _read(self, what: str, file: Path | None, variable: str | None) -> str:
        where = f"receiver {self.name!r}: {what}"
        try:
            value = file.read_text().strip() if file else os.environ.get(variable or "", "").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConfigError(f"{where}_file {file}: {why}; expected a readable text file") from None
        if not value:
            raise ConfigError(f"{where}: {f'file {file}' if file else f'environment variable {variable}'} is empty")
        return value


_DEFAULT_DIMENSIONS = (
    Dimension(name="anxiety", markers=("anxiety", "fear", "stress")),
    Dimension(name="depression", markers=("depression", "sadness", "loneliness")),
    Dimension(name="antagonism", markers=("anger", "hostility")),
    Dimension(name="positive", markers=("joy", "hope")),
)
_DEFAULT_RULES = (
    Rule.model_validate({"name": "high for two days", "when": "observed", "for": "2d"}),
    Rule.model_validate({"name": "likely high this week", "when": "forecast"}),
)


class Settings(_Section):
    """The analyst's one file. Every key has a default."""

    minimum_authors: Annotated[Whole, Field(ge=0)] = 20
    retention_days: Annotated[Whole, Field(ge=1)] = 90
    closing_hours: Annotated[Number, Field(ge=0, le=48)] = 6
    monitor_minutes: Annotated[Whole, Field(ge=1, le=1440)] = 5
    dashboard_url: str = "http://localhost:8501/"
    """Where the links of notifications lead."""
    source: tuple[Source, ...] = ()
    population: tuple[Population, ...] = ()
    marker: tuple[Marker, ...] = tuple(
        Marker(name=name, lexicons=tuple(f"{name}_{lang}" for lang in LANGUAGES)) for name in MARKERS
    )
    dimension: tuple[Dimension, ...] = _DEFAULT_DIMENSIONS
    topic: tuple[Topic, ...] = ()
    event: tuple[Event, ...] = ()
    test: tuple[Test, ...] = ()
    rule: tuple[Rule, ...] = _DEFAULT_RULES
    receiver: tuple[Receiver, ...] = ()

    @property
    def watchable(self) -> tuple[str, ...]:
        """Every marker name that `series` holds: markers, then `dimension:NAME`."""
        return (*(m.name for m in self.marker), *(f"dimension:{d.name}" for d in self.dimension))

    @model_validator(mode="before")
    @classmethod
    def _own_markers_drop_our_dimensions(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return {"dimension": (), **raw} if "marker" in raw else raw

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        for kind in ("source", "population", "marker", "dimension", "topic", "rule", "receiver"):
            names = [item.name for item in getattr(self, kind)]
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"[[{kind}]] {min(twice)!r} is defined twice; names must differ")
        markers = [m.name for m in self.marker]
        populations = [p.name for p in self.population]
        for dimension in self.dimension:
            _known(f"dimension {dimension.name!r}: marker", dimension.markers, markers)
        for event in self.event:
            if populations and event.population != "*":
                _known(f"event {event.name!r}: population", (event.population,), populations)
        for test in self.test:
            _known("test: event", (test.event,), [e.name for e in self.event])
            _known("test: topic", (test.topic,), [t.name for t in self.topic])
        return self

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        markers, populations = [m.name for m in self.marker], [p.name for p in self.population]
        for rule in self.rule:
            if rule.name == HIGH_PREVALENCE:
                raise ValueError(
                    f"rule {rule.name!r}: the name is taken by the detector of high prevalence; choose another"
                )
            _known(f"rule {rule.name!r}: marker", rule.markers, self.watchable)
            if rule.method == "calibrated" and not (rule.markers and set(rule.markers) <= set(markers)):
                raise ValueError(
                    f"rule {rule.name!r}: got method calibrated for a dimension, which has no such reading; "
                    "expected the names of markers"
                )
            if populations:
                _known(f"rule {rule.name!r}: population", rule.populations, populations)
        return self


def _known(what: str, got: tuple[str, ...], expected: list[str] | tuple[str, ...]) -> None:
    for name in got:
        if name not in expected:
            choice = f"expected one of {', '.join(expected)}" if expected else "nor is any other"
            raise ValueError(f"{what} {name!r} is not defined; {choice}")


def find_config(config: Path | None, home: Path) -> Path | None:
    """The file that counts: `config`, else HOME/barograph.toml, else ./barograph.toml, else none.

    Raises `ConfigError` where `config` is named but is not there.
    """
    if config is not None:
        if not config.is_file():
            raise ConfigError(f"{config}: no such file; expected a barograph.toml")
        return config
    return next((p for p in (home / "barograph.toml", Path("barograph.toml")) if p.is_file()), None)


def load(path: Path | None) -> Settings:
    """Settings from `path`; the defaults where it is None. Relative paths in it are relative to its folder.

    Raises `ConfigError` with file, key, what was got and what was expected.
    """
    if path is None:
        return Settings()
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; expected a readable barograph.toml") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8; save the file with that encoding") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    _resolve(raw, path.parent)
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {_explain(e, raw)}" for e in error.errors())) from None


def _resolve(raw: dict[str, Any], folder: Path) -> None:
    """Let every relative path in the file begin at its folder."""
    for source in _tables(raw, "source"):
        given = source.get("path")
        paths = [given] if isinstance(given, str) else given
        if isinstance(paths, list) and all(isinstance(p, str) for p in paths):
            source["path"] = [str(folder / p) for p in paths]
    for marker in _tables(raw, "marker"):
        if isinstance(given := marker.get("lexicons"), list):
            marker["lexicons"] = [str(folder / n) if _is_file(str(n)) else n for n in given]
    for receiver in _tables(raw, "receiver"):
        for key in ("url_file", "secret_file"):
            if isinstance(receiver.get(key), str):
                receiver[key] = str(folder / receiver[key])


def _is_file(lexicon: str) -> bool:
    """Whether a lexicon is named by a path: `words.csv`, or `words.csv:category`."""
    return any(name.lower().endswith(LEXICON_FILES) for name in (lexicon, lexicon.rpartition(":")[0]))


def _tables(raw: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    given = raw.get(kind, [])
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


_EXPECTED = {
    "int": "a whole number", "float": "a number", "string": "text in quotes", "path": "text in quotes",
    "date": "a date, e.g. 2021-05-03", "tuple": "a list", "dict": "a table", "model": "a table",
    _NAME: "1 to 80 characters, no space in front, none of : / *", _LANGUAGE: "two small letters, e.g. en",
    _DAYS: "days, e.g. 2d",
    "greater_than": "more than {gt:g}", "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}", "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length}", "too_long": "at most {max_length}", "literal_error": "{expected}",
}  # fmt: skip
"""Pydantic's kind of error, its first word, or the pattern → what a value should have been."""


def _explain(error: ErrorDetails, raw: dict[str, Any]) -> str:
    """One validation error as `key: what was got; what was expected`, naming tables by their name."""
    kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
    parts: list[str] = []
    node: Any = raw
    for step in loc:
        node = _inside(node, step)
        if isinstance(step, int):
            name = node.get("name") if isinstance(node, dict) else None
            parts[-1] += f"[{name!r}]" if name else f"[{step + 1}]"
        elif step != "[key]":
            parts.append(step)
    where = ".".join(parts)
    if kind == "value_error":
        message = error["msg"].removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    if kind == "extra_forbidden" or loc[-1] == "[key]":
        return f"{where}: unknown key; expected one of {', '.join(_keys(loc))}"
    if kind == "missing":
        return f"{where}: missing; every [[{loc[0]}]] needs it"
    if len(loc) == 1 and loc[0] in _SECTIONS:
        got = f"[{loc[0]}]" if isinstance(error["input"], dict) else _got(error)
        return f"{where}: got {got}; expected [[{loc[0]}]] and its keys below"
    keys = (context.get("pattern"), kind, kind.partition("_")[0])
    expected = next((_EXPECTED[key] for key in keys if key in _EXPECTED), error["msg"]).format_map(context)
    got = f"a list of {context['actual_length']}" if "actual_length" in context else _got(error)
    return f"{where}: got {got}; expected {expected}"


def _inside(node: Any, step: int | str) -> Any:
    try:
        return node[step]
    except (LookupError, TypeError):
        return None


def _got(error: ErrorDetails) -> str:
    """What was given, in brief. A receiver may have been given its secret: there only the type is told."""
    value, loc = error["input"], error["loc"]
    for kind, word in {dict: "a table", list: "a list", bool: str(value).lower(), date: str(value)}.items():
        if isinstance(value, kind):
            return word
    if loc[0] == "receiver" and loc[-1] not in ("name", "kind"):
        return "text" if isinstance(value, str) else "a number"
    return repr(value)


_SECTIONS: dict[str, type[BaseModel]] = {
    "source": Source, "population": Population, "marker": Marker, "dimension": Dimension, "topic": Topic,
    "event": Event, "test": Test, "rule": Rule, "receiver": Receiver,
}  # fmt: skip


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Keys that are known where `loc` is."""
    if loc[-1] == "[key]":
        return list(POST_COLUMNS)
    model = Where if "where" in loc[1:-1] else _SECTIONS.get(str(loc[0])) if len(loc) > 1 else None
    return [field.alias or name for name, field in (model or Settings).model_fields.items()]
