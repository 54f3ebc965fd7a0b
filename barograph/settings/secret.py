"""A secret that a person keeps outside of barograph.toml: in a file, or in an environment variable."""

import os
import re
from pathlib import Path

from barograph.errors import ConfigError


def read(where: str, file: Path | None, variable: str | None) -> str:
    """What `file` holds, else the environment `variable`, without the white space around it.

    Raises `ConfigError`, beginning with `where` and never with what was read, where it is missing or empty.
    """
    try:
        value = file.read_text() if file else os.environ.get(variable or "", "")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{where}_file {file}: {why}; expected a readable text file") from None
    if not value.strip():
        raise ConfigError(f"{where}: {f'file {file}' if file else f'environment variable {variable}'} is empty")
    return value.strip()


def named(variable: str | None, what: str = "secret") -> str | None:
    """The name of an environment variable. Raises `ValueError` for what is none, which may be the secret itself."""
    if variable is not None and not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", variable):
        raise ValueError(f"expected the name of an environment variable, not the {what} itself")
    return variable
