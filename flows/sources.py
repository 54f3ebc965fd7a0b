"""Which sources a run reads. Apart from the flows, so that a wrong input is found before Prefect is started."""

import os
from pathlib import Path

from barograph.errors import ConfigError
from barograph.settings import Settings, Source
from barograph.sources import files

NEED_NO_CONFIG = ("simulated", "bluesky")
"""Kinds that can be named as a source of their own."""


def choose_sources(settings: Settings, inputs: tuple[str, ...], source: str | None) -> tuple[Source, ...]:
    """The sources of one run, each proven readable.

    Inputs are read as the config's only `files` source where it has just one, else as a source named `files`.
    Raises `ConfigError` where there is nothing to read, `InputError` where an input cannot be read as posts.
    """
    if inputs and source:
        raise ConfigError(f"got files to read and --source {source}; expected one of the two")
    if inputs:
        declared = [s for s in settings.source if s.kind == "files"]
        base = declared[0] if len(declared) == 1 else Source(name="files", path=("-",))
        chosen: tuple[Source, ...] = (base.model_copy(update={"path": inputs}),)
    elif source:
        named = [s for s in settings.source if s.name == source]
        if not named and source not in NEED_NO_CONFIG:
            known = ", ".join(dict.fromkeys([*NEED_NO_CONFIG, *(s.name for s in settings.source)]))
            raise ConfigError(f"--source: got {source!r}; expected one of {known}")
        chosen = tuple(named) or (Source.model_validate({"name": source, "kind": source}),)
    else:
        chosen = settings.source
    if not chosen:
        raise ConfigError(
            "nothing to read: give files or folders, put a [[source]] into barograph.toml, "
            "or try it with --source simulated or --source bluesky"
        )
    for one in chosen:
        if one.kind == "files":
            check(one)
    return chosen


def check(source: Source) -> None:
    """Make sure that a source can be read as far as this machine can tell: its files, folder, token and keys.

    Raises `InputError` or `ConfigError`. No server is asked.
    """
    if source.kind == "files":
        files.check(source.path, source.columns)
    elif source.kind == "reddit" and source.path:
        files.check(source.path, {})
    elif source.kind == "reddit":
        source.reddit_keys()
    elif source.kind == "mastodon":
        source.token()
    elif source.kind == "folder":
        [folder] = map(Path, source.path)
        got = "no such folder" if not folder.is_dir() else "no folder that can be written"
        if not (folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)):
            raise ConfigError(
                f"source {source.name!r}: path {folder}: got {got}; expected one in which files can be moved or marked"
            )
