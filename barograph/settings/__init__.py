"""barograph.toml and its defaults. An absent file works; a wrong one stops before any work begins."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barograph.errors import ConfigError
from barograph.settings.access import Access, on_loopback
from barograph.settings.annotators import TASKS, TOPIC_TASKS, Annotation, Annotator
from barograph.settings.mistakes import explain
from barograph.settings.receivers import Receiver
from barograph.settings.sections import (
    HIGH_PREVALENCE,
    LEXICON_FILES,
    MARKERS,
    POST_COLUMNS,
    SILENT_LINE,
    Dimension,
    Event,
    Maintenance,
    Marker,
    Population,
    Rule,
    Test,
    Topic,
    Where,
    span,
)
from barograph.settings.sources import STREAMS, Source
from barograph.settings.whole import Settings


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
        raise ConfigError("\n".join(f"{path}: {explain(e, raw)}" for e in error.errors())) from None


_FILES = (
    ("access", ("client_secret_file", "cookie_secret_file")), ("receiver", ("url_file", "secret_file")),
    ("source", ("token_file",)),
    ("annotator", ("key_file",)), ("annotation", ("prompt", "confusion", "labelled")),
)  # fmt: skip
"""Keys that name a file."""


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
    for kind, keys in _FILES:
        for item in _tables(raw, kind):
            item.update({key: str(folder / item[key]) for key in keys if isinstance(item.get(key), str)})


def _is_file(lexicon: str) -> bool:
    """Whether a lexicon is named by a path: `words.csv`, or `words.csv:category`."""
    return any(name.lower().endswith(LEXICON_FILES) for name in (lexicon, lexicon.rpartition(":")[0]))


def _tables(raw: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    given = raw.get(kind, [])
    given = [given] if isinstance(given, dict) else given
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


__all__ = [
    "HIGH_PREVALENCE", "LEXICON_FILES", "MARKERS", "POST_COLUMNS", "SILENT_LINE", "STREAMS", "TASKS", "TOPIC_TASKS",
    "Access", "Annotation", "Annotator", "Dimension", "Event", "Maintenance",
    "Marker", "Population", "Receiver", "Rule", "Settings", "Source", "Test", "Topic", "Where", "find_config", "load",
    "on_loopback", "span",
]  # fmt: skip
