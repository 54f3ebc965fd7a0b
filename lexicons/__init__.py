"""Which words count: lexicons of terms that express a marker, and how posts are matched with them.

A lexicon is a folder `MARKER_LANGUAGE` that holds `terms.csv` and `CARD.md` (construct, source, licence,
measured validity, known failures). What a term is, and when it occurs, is defined in `lexicons.match`.
"""

from pathlib import Path

from barograph.errors import ConfigError
from lexicons.lexicon import Lexicon
from lexicons.match import count_tokens, match, occurrences
from lexicons.read import LANGUAGES, read

__all__ = ["LANGUAGES", "Lexicon", "count_tokens", "load", "match", "names", "occurrences", "read"]

_HOME = Path(__file__).parent


def names() -> list[str]:
    """The lexicons that come with barograph, sorted."""
    return sorted(file.parent.name for file in _HOME.glob("*/terms.csv"))


def load(name: str) -> Lexicon:
    """One of `names()`. Raises `ConfigError` where there is none of this name."""
    if name not in names():
        raise ConfigError(f"lexicon: got {name!r}; expected one of {', '.join(names())}")
    return read(_HOME / name / "terms.csv")
