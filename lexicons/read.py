"""Files of terms → lexicons. A wrong line is an error that names file, line, what was got and what was expected."""

import csv
import math
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import polars as pl

from barograph.errors import ConfigError
from lexicons.lexicon import Lexicon
from lexicons.match import LONGEST, cut

LANGUAGES = ("en", "es")
_COLUMNS = ("term", "marker", "weight")
_HEADER = ",".join(_COLUMNS)
_CHARACTERS = 100


def read(path: Path | str) -> Lexicon:
    """The lexicon in `path`: a UTF-8 CSV file of `term,marker[,weight]`, weight 1 where it is not given.

    Empty lines and lines that begin with `#` are skipped. Its name is that of the folder (of the file, where
    that is not called terms.csv) and ends in the language. Raises `ConfigError` naming the first wrong line.
    """
    path = Path(path)
    name = path.parent.name if path.name == "terms.csv" else path.stem
    language = name.rpartition("_")[2]
    if language not in LANGUAGES:
        languages = " or ".join(LANGUAGES)
        raise ConfigError(f"{path}: got the name {name!r}; expected MARKER_LANGUAGE, the language {languages}")
    rows = {place: _row(place, fields) for place, fields in _lines(path)}
    if not rows:
        raise ConfigError(f"{path}: got no terms; expected at least one line below {_HEADER}")
    terms = pl.DataFrame(list(rows.values()), schema=_COLUMNS, orient="row")
    _check(list(rows), terms)
    terms = terms.unique().sort("marker", "term")
    return Lexicon(name, language, sha256(repr(terms.rows()).encode()).hexdigest()[:12], terms)


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and fields of every line below the header that is neither empty nor a comment."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: got {error.strerror}; expected a lexicon, {_HEADER}") from error
    header = None
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        place = f"{path}, line {number}"
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{place}: got {raw!r}; expected UTF-8") from error
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in next(csv.reader([line]))]
        if header:
            yield place, fields
        elif tuple(fields) in (_COLUMNS, _COLUMNS[:2]):
            header = fields
        else:
            raise ConfigError(f"{place}: got {line!r}; expected the header {_HEADER}")


def _row(place: str, fields: list[str]) -> tuple[str, str, float]:
    """The three values of one line."""
    if len(fields) not in (2, 3):
        raise ConfigError(f"{place}: got {len(fields)} fields; expected {_HEADER}")
    term, marker, weight = (*fields, "")[:3]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", marker):
        raise ConfigError(f"{place}: got the marker {marker!r}; expected lower-case letters, digits and _")
    if len(term) > _CHARACTERS:
        raise ConfigError(f"{place}: got a term of {len(term)} characters; expected at most {_CHARACTERS}")
    for part in term.split():
        if part.strip("*") == "":
            raise ConfigError(f"{place}: got a wildcard alone in {term!r}; expected letters beside the *")
        if "*" in part[1:-1] or part[0] == part[-1] == "*":
            raise ConfigError(f"{place}: got {part!r}; expected one * before or behind a word")
    try:
        number = float(weight or 1)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ConfigError(f"{place}: got the weight {weight!r}; expected a number, 0 or more")
    return term, marker, number


def _check(places: list[str], terms: pl.DataFrame) -> None:
    """Raise where a term cannot occur in any post, or occurs twice with different weights."""
    seen: dict[tuple[str, ...], tuple[str, float]] = {}
    for place, (term, marker, weight), words in zip(places, terms.iter_rows(), cut(terms["term"]), strict=True):
        if words.count() not in range(1, LONGEST + 1):
            raise ConfigError(f"{place}: got {term!r}, {words.count()} words; expected 1 to {LONGEST} words or emoji")
        if words.null_count():
            raise ConfigError(f"{place}: got {term!r}; expected no URL, name, sentence end or lone *")
        first, other = seen.setdefault((marker, *words), (place, weight))
        if other != weight:
            raise ConfigError(f"{place}: got {term!r} with weight {weight:g}; expected {other:g}, as in {first}")
