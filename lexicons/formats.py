"""The files that lexicons come in: each format's lines → entries. What a term may be, `lexicons.read` checks.

| ending | format | a line |
|---|---|---|
| .csv | ours | header `term,marker[,weight]`; lines that begin with `#` and a space are comments |
| .csv | weighted, as WWBP publishes them | header `term,category,weight` or `term,weight` |
| .dic, .txt | LIWC | `%`, lines of `id name`, `%`, then `term ⇥ id ⇥ id …` |
| .tsv, .txt | Empath | `category ⇥ term ⇥ term …`, `_` in a term is a space |
| .tsv, .txt | NRC emotions, intensity | `term ⇥ emotion ⇥ number`, 0 where the term is not of this emotion |
| .tsv, .txt | NRC VAD | `term ⇥ valence ⇥ arousal ⇥ dominance` |
| .tsv, .txt | weighted | `term ⇥ number` |

The last three may have a header that begins with `term`, `word` or `english word`. Which of the last four a file is,
most of its lines say; a line that is not like them is an error.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from barograph.errors import ConfigError

SUFFIXES = (".csv", ".dic", ".tsv", ".txt")
INTERCEPT = "_intercept"
"""The term whose weight is its marker's intercept."""
_OWN = ("term", "marker", "weight")
_LONGEST = 131_072
"""Characters of a line of a list; more is no list."""
_CSV = "term,marker[,weight], term,category,weight or term,weight"
_TABS = {
    "weighted": "term and weight (a number)",
    "emotion": "term, emotion and number",
    "vad": "term, valence, arousal and dominance (numbers)",
    "empath": "category and terms, the first of them not a number",
}
_FORMATS = (
    f"a .csv with the header {_CSV}; a LIWC .dic that begins with %; "
    f"or a .tsv or .txt of tab-separated {', or '.join(_TABS.values())}"
)
_A_LEXICON = f"a lexicon, one of {', '.join(SUFFIXES)}"
_HEADS = ("term", "word", "english word")
_DIMENSIONS = ("valence", "arousal", "dominance")
_SHOWN = 40
_COMMENT = re.compile(r"\s*#(?!\w)")
"""A # with a letter behind it is a hashtag."""
_DIGITS = 40
"""What is longer is no number: to read millions of digits as one takes minutes."""


class Entry(NamedTuple):
    """One term of one category. `place` is its file and line."""

    place: str
    term: str
    category: str
    weight: float


def parse(path: Path, only: str) -> tuple[list[Entry], bool]:
    """The entries of the file, and whether it is one of ours, as its ending and content say.

    `only` is the category of all terms where the format names none.
    Raises `ConfigError` for a file that cannot be read or fits no format, and for the first line that does not fit.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path}: got the ending {path.suffix!r}; expected {_FORMATS}")
    lines = lines_of(path)
    if suffix == ".csv":
        return _commas(path, lines, only)
    if suffix == ".dic" or lines[0][1].strip() == "%":
        return list(_liwc(path, iter(lines))), False
    return list(_tabs(path, lines, only)), False


def shown(text: str) -> str:
    """`text` in quotes, its first characters where it is long."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def lines_of(path: Path) -> list[tuple[str, str]]:
    """Place (file and line number) and text of each line that is not empty.

    Raises `ConfigError` for a file that cannot be read, is empty or is not UTF-8.
    """
    try:
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise ConfigError(f"{path}: got {error.strerror}; expected {_A_LEXICON}") from None
    if b"\0" in content:
        raise ConfigError(f"{path}: got bytes of value 0, a binary file or UTF-16; expected text in UTF-8")
    lines = []
    for i, raw in enumerate(content.splitlines(), start=1):
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            got = raw if len(raw) <= _SHOWN else raw[max(error.start - _SHOWN // 2, 0) :][:_SHOWN]
            raise ConfigError(
                f"{path}, line {i}: got {got!r}; expected UTF-8; save the file with that encoding"
            ) from None
        if line.strip():
            lines.append((f"{path}, line {i}", line))
    if not lines:
        raise ConfigError(f"{path}: got no lines; expected {_A_LEXICON}")
    return lines


def weight_of(place: str, text: str) -> float:
    """The number that `text` is. Raises `ConfigError` where it is none."""
    weight = _number(text)
    if weight is None:
        raise ConfigError(f"{place}: got the weight {shown(text)}; expected a finite number")
    return weight


def _number(text: str) -> float | None:
    """The finite number that `text` is, else None."""
    if len(text) > _DIGITS:
        return None
    try:
        value = float(text) + 0.0  # so that -0 is 0
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _commas(path: Path, lines: Iterable[tuple[str, str]], only: str) -> tuple[list[Entry], bool]:
    """Entries of a CSV file, whatever its header, and whether the header is ours."""
    rest = iter(lines)
    place, line = next(((place, line) for place, line in rest if not _COMMENT.match(line)), (str(path), ""))
    names = tuple(_fields(place, line))
    own = names in (_OWN, _OWN[:2])
    if not own and names not in (("term", "category", "weight"), ("term", "weight")):
        raise ConfigError(f"{place}: got {shown(','.join(names))}; expected the header {_CSV}")
    # Ours may leave the weight out, also where the header names it, and give one where it does not.
    allowed = (2, 3) if own else (len(names),)
    entries = []
    for where, text in rest:
        if own and _COMMENT.match(text):
            continue
        fields = _fields(where, text)
        if len(fields) not in allowed:
            raise ConfigError(f"{where}: got {len(fields)} fields; expected {','.join(_OWN if own else names)}")
        term, weight = fields[0], "" if own and len(fields) == 2 else fields[-1]
        category = fields[1] if own or len(names) == 3 else only
        if not weight and own and term != INTERCEPT:
            weight = "1"
        entries.append(Entry(where, term, category, weight_of(where, weight)))
    return entries, own


def _fields(place: str, line: str) -> list[str]:
    # Asked beforehand, as the csv module's own limit is one of the whole process, which others may have raised.
    if len(line) > _LONGEST:
        raise ConfigError(f"{place}: got {shown(line)} of {len(line)} characters; expected {_CSV}")
    try:
        return [field.strip() for field in next(csv.reader([line.strip()]), [""])]
    except csv.Error:
        raise ConfigError(f"{place}: got {shown(line)}; expected {_CSV}") from None


def _liwc(path: Path, lines: Iterator[tuple[str, str]]) -> Iterator[Entry]:
    names = _categories(path, lines)
    used = set()
    for place, line in lines:
        # Some dictionaries separate the ids by spaces; only the first tab ends the term.
        term, _, rest = line.strip().partition("\t")
        if not rest.split():
            raise ConfigError(f"{place}: got {shown(line)}; expected a term, a tab and ids of categories")
        for key in rest.split():
            if key.lstrip("0") not in names:
                raise ConfigError(f"{place}: got the category {shown(key)}; expected an id declared between the %")
            used.add(key.lstrip("0"))
            yield Entry(place, term.strip(), names[key.lstrip("0")], 1.0)
    for key in names:
        if key not in used:
            raise ConfigError(f"{path}: got the category {shown(names[key])} without terms; expected at least one")


def _categories(path: Path, lines: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Id, without zeros in front → name of each category of a LIWC dictionary; `lines` is read up to the second %."""
    place, line = next(lines)
    if line.strip() != "%":
        raise ConfigError(f"{place}: got {shown(line)}; expected %, with which a LIWC dictionary begins")
    names: dict[str, str] = {}
    for place, line in lines:
        if line.strip() == "%":
            return names
        key, *name = line.split(maxsplit=1)
        if not (key.isdecimal() and name):
            raise ConfigError(f"{place}: got {shown(line)}; expected a category's id and name, or the second %")
        if key.lstrip("0") in names:
            raise ConfigError(f"{place}: got the id {shown(key)} again; expected one name an id")
        names[key.lstrip("0")] = name[0].strip()
    raise ConfigError(f"{path}: got no second %; expected one between the categories and the terms")


def _tabs(path: Path, lines: list[tuple[str, str]], only: str) -> Iterator[Entry]:
    rows = [(place, [field.strip() for field in line.split("\t")]) for place, line in lines]
    names = [name.casefold() for name in rows[0][1]]
    headed = len(rows) > 1 and names[0] in _HEADS and all(_number(name) is None for name in names)
    body = rows[1:] if headed else rows
    [(kind, _)] = Counter(_kind(fields) for _, fields in body).most_common(1)
    if kind is None:
        raise ConfigError(f"{path}: got {_line(body[0][1])}; expected {_FORMATS}")
    if kind == "empath":
        body = rows
    elif headed and kind == "vad" and tuple(names[1:]) != _DIMENSIONS:
        raise ConfigError(f"{rows[0][0]}: got {_line(rows[0][1])}; expected {_TABS[kind]}, in this order")
    for place, fields in body:
        if _kind(fields) != kind and not (kind == "empath" and len(fields) == 1):
            expected = f"{_TABS[kind]}, separated by tabs, as in most lines"
            raise ConfigError(f"{place}: got {_line(fields)}; expected {expected}")
        yield from _ENTRIES[kind](place, fields, only)


def _line(fields: list[str]) -> str:
    return shown("\t".join(fields))


def _kind(fields: list[str]) -> str | None:
    """The format that a line of a tab-separated file has by itself."""
    numeric = [_number(field) is not None for field in fields[1:]]
    if numeric in ([True], [False, True], [True] * 3):
        return ("weighted", "emotion", "vad")[len(numeric) - 1]
    return "empath" if numeric and not numeric[0] else None


def _weighted(place: str, fields: list[str], only: str) -> Iterator[Entry]:
    yield Entry(place, fields[0], only, weight_of(place, fields[1]))


def _emotion(place: str, fields: list[str], _: str) -> Iterator[Entry]:
    if weight := weight_of(place, fields[2]):
        yield Entry(place, fields[0], fields[1], weight)


def _vad(place: str, fields: list[str], _: str) -> Iterator[Entry]:
    for category, text in zip(_DIMENSIONS, fields[1:], strict=True):
        yield Entry(place, fields[0], category, weight_of(place, text))


def _empath(place: str, fields: list[str], _: str) -> Iterator[Entry]:
    terms = [field.replace("_", " ") for field in fields[1:] if field]
    if not terms:
        raise ConfigError(f"{place}: got the category {shown(fields[0])} without terms; expected at least one")
    for term in terms:
        yield Entry(place, term, fields[0], 1.0)


_ENTRIES: dict[str, Callable[[str, list[str], str], Iterator[Entry]]] = {
    "weighted": _weighted, "emotion": _emotion, "vad": _vad, "empath": _empath,
}  # fmt: skip
