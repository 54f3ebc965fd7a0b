"""A mistake in barograph.toml in words: the key, what was got, what was expected."""

from datetime import date
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from barograph.settings.access import Access
from barograph.settings.annotators import Annotation, Annotator
from barograph.settings.receivers import Receiver
from barograph.settings.sections import (
    DAYS_PATTERN,
    LANGUAGE_PATTERN,
    NAME_PATTERN,
    POST_COLUMNS,
    SPAN_PATTERN,
    Dimension,
    Event,
    Maintenance,
    Marker,
    Population,
    Rule,
    Test,
    Topic,
    Where,
)
from barograph.settings.sources import Source
from barograph.settings.whole import Settings

_EXPECTED = {
    "int": "a whole number", "float": "a number", "string": "text in quotes", "path": "text in quotes",
    "date": "a date, e.g. 2021-05-03", "datetime": "a time, e.g. 2021-05-03T08:00:00Z",
    "tuple": "a list", "dict": "a table", "model": "a table",
    NAME_PATTERN: "1 to 80 characters, no space in front, none of : / *",
    LANGUAGE_PATTERN: "two small letters, e.g. en",
    DAYS_PATTERN: "days, e.g. 2d", SPAN_PATTERN: "minutes, hours or days, e.g. 10m, 4h, 1d",
    "greater_than": "more than {gt:g}", "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}", "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length}", "too_long": "at most {max_length}", "literal_error": "{expected}",
}  # fmt: skip
"""Pydantic's kind of error, its first word, or the pattern → what a value should have been."""


def explain(error: ErrorDetails, raw: dict[str, Any]) -> str:
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
        head = f"[{loc[0]}]" if loc[0] in _ONCE else f"[[{loc[0]}]]"
        return f"{where}: got {got}; expected {head} and its keys below"
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
    """What was given, in brief. Receivers and annotators may have been given secrets: there only types are told."""
    value, loc = error["input"], error["loc"]
    for kind, word in {dict: "a table", list: "a list", bool: str(value).lower(), date: str(value)}.items():
        if isinstance(value, kind):
            return word
    if loc[0] in _SHOWN and loc[-1] not in _SHOWN[str(loc[0])]:
        return "text" if isinstance(value, str) else "a number"
    return repr(value)


_SHOWN = {
    "receiver": ("name", "kind"),
    "access": tuple(key for key in Access.model_fields if "secret" not in key),
    "annotator": (
        "name", "kind", "model", "in_flight", "requests_per_minute", "timeout", "tries", "price_in", "price_out",
    ),
}  # fmt: skip
"""Of tables with secrets, the keys whose values are told."""
_SECTIONS: dict[str, type[BaseModel]] = {
    "source": Source, "population": Population, "marker": Marker, "dimension": Dimension, "topic": Topic,
    "event": Event, "test": Test, "rule": Rule, "maintenance": Maintenance, "receiver": Receiver,
    "annotator": Annotator, "annotation": Annotation, "access": Access,
}  # fmt: skip
_ONCE = ("access",)
"""Sections that are one table, not a list of them."""


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Keys that are known where `loc` is."""
    if loc[-1] == "[key]":
        return list(POST_COLUMNS)
    model = Where if "where" in loc[1:-1] else _SECTIONS.get(str(loc[0])) if len(loc) > 1 else None
    return [field.alias or name for name, field in (model or Settings).model_fields.items()]
