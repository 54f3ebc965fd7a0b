"""Entries of a file → a lexicon in which every term can occur. A mistake is an error that names file and line.

In a file of ours a term that no post can hold is a mistake. In a file of another format it is nobody's: other
programs know emoticons that `lexicons.match` does not. It is left out and named in `Lexicon.skipped`.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path

import polars as pl

from barograph.errors import ConfigError
from barograph.tables import LANGUAGES
from lexicons.formats import INTERCEPT, Entry, parse, shown
from lexicons.lexicon import LEARNED, Lexicon
from lexicons.match import LONGEST, cut

_CHARACTERS = 100
_LENGTH = 80
_MARKER = f"[a-z][a-z0-9_]{{0,{_LENGTH - 1}}}"
_SCHEMA = {"term": pl.String, "marker": pl.String, "weight": pl.Float64}
_EXACT = re.compile(r"=\*?\w\w")
"""How matching writes a word that counts only with its very accents; elsewhere it is an emoticon, as =DD."""
_SIGN = re.compile(r"[\"$%()+:;<=>@\[\\\]^{|}~]")
"""What no word, phrase or hashtag holds: where it is, it must be part of an emoticon that matching knows."""


def read(path: Path | str, language: str = "en") -> Lexicon:
    """The lexicon in `path`, UTF-8, of one of the formats in `lexicons.formats` (docs/lexicons.md).

    Its name is that of the file without its ending, or of the folder where the file is called terms.csv. It is in
    the language that the name ends in (`anger_es`, `anger_es_learned`), else in `language`; a file of ours must say
    it in its name. Categories of other formats become markers: small letters, digits and `_`; the only category of a
    file is named after it. Raises `ConfigError` naming the first wrong line.
    """
    path = Path(path)
    name = path.parent.name if path.name == "terms.csv" else path.stem
    told = re.search(rf"_({'|'.join(LANGUAGES)})({LEARNED})?$", name)
    entries, own = parse(path, name[: told.start()] if told else name)
    if own and not told:
        languages = " or ".join(LANGUAGES)
        raise ConfigError(f"{path}: got the name {name!r}; expected MARKER_LANGUAGE, the language {languages}")
    return build(name, told[1] if told else language, entries, str(path), own=own)


def build(name: str, language: str, entries: list[Entry], source: str, *, own: bool) -> Lexicon:
    """A lexicon of `entries`, which come from `source`; `own` is whether no term may be left out.

    Raises `ConfigError` for the first entry that is wrong.
    """
    markers: dict[str, str] = {}
    taken: dict[str, str] = {}
    words, wrong = _words({entry.term for entry in entries} - {INTERCEPT}, own=own)
    kept: dict[tuple[str, ...], Entry] = {}
    rows, skipped = set(), []
    for entry in entries:
        place, term, category, weight = entry
        if category not in markers:
            markers[category] = _marker(entry, taken, own=own)
        if term in wrong and (own or len(term) > _CHARACTERS):
            raise ConfigError(f"{place}: {wrong[term]}")
        if term in wrong:
            skipped.append(term)
            continue
        first = kept.setdefault((markers[category], *words.get(term, ("", term))), entry)
        if first.weight == weight:
            rows.add((term, markers[category], weight))
        elif own or first.term == term:
            raise ConfigError(
                f"{place}: got {shown(term)} with weight {weight:g}; expected {first.weight:g}, as in {first.place}"
            )
        else:
            skipped.append(term)
    intercepts = {marker: weight for term, marker, weight in sorted(rows) if term == INTERCEPT}
    rows = {row for row in rows if row[0] != INTERCEPT}
    if not rows:
        raise ConfigError(f"{source}: got no terms; expected at least one that matching can find")
    if missing := set(intercepts) - {marker for _, marker, _ in rows}:
        raise ConfigError(f"{source}: got the category {min(missing)!r} without terms; expected at least one")
    terms = pl.DataFrame(sorted(rows), schema=_SCHEMA, orient="row").sort("marker", "term")
    return Lexicon(name, language, version(terms, intercepts), terms, intercepts, skipped=tuple(dict.fromkeys(skipped)))


def version(terms: pl.DataFrame, intercepts: Mapping[str, float]) -> str:
    """A hash of what matching and scoring read: twelve hex digits."""
    content = repr(terms.rows()) + (repr(sorted(intercepts.items())) if intercepts else "")
    return sha256(content.encode()).hexdigest()[:12]


def marker_of(category: str) -> str:
    """The marker that a category of a foreign file becomes: small letters without accents, digits and `_`."""
    plain = unicodedata.normalize("NFKD", category.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _marker(entry: Entry, taken: dict[str, str], *, own: bool) -> str:
    """The marker of the entry's category, entered in `taken`, marker → category."""
    category = entry.category
    marker = category if own else marker_of(category)
    if not re.fullmatch(_MARKER, marker):
        what = "marker" if own else "category"
        expected = "lower-case letters, digits and _" if own else "letters (a-z), digits and _, a letter in front"
        raise ConfigError(f"{entry.place}: got the {what} {shown(category)}; expected at most {_LENGTH} {expected}")
    if (other := taken.setdefault(marker, category)) != category:
        both = f"both become the marker {marker}"
        raise ConfigError(
            f"{entry.place}: got the category {shown(category)} beside {shown(other)}; {both}: rename one"
        )
    return marker


def _words(terms: Collection[str], *, own: bool) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The words of each term that can occur in a post; of the others, what is wrong."""
    wrong = {term: why for term in terms if (why := _misspelled(term))}
    rest = sorted(set(terms) - set(wrong))
    words: dict[str, tuple[str, ...]] = {}
    signs = _unknown_signs({part for term in rest for part in term.split()})
    for term, cuts in zip(rest, cut(rest), strict=True):
        known = tuple(word for word in cuts if word)
        if len(known) < len(cuts):
            wrong[term] = f"got {term!r}; expected no URL, name, sentence end or lone *"
        elif len(known) not in range(1, LONGEST + 1):
            wrong[term] = f"got {term!r}, {len(known)} words; expected 1 to {LONGEST} words or emoji"
        elif not own and any(map(_EXACT.match, known)):
            wrong[term] = f"got {term!r}; expected no = before a word"
        elif unknown := next((part for part in term.split() if part in signs), None):
            wrong[term] = f"got {unknown!r}; expected a word, an emoji or an emoticon that matching knows"
        else:
            words[term] = known
    return words, wrong


def _misspelled(term: str) -> str | None:
    """What is wrong with a term as it is written."""
    if len(term) > _CHARACTERS:
        return f"got {shown(term)} of {len(term)} characters; expected at most {_CHARACTERS}"
    for part in term.split():
        if part.strip("*") == "":
            return f"got a wildcard alone in {term!r}; expected letters beside the *"
        if "*" in part[1:-1] or part[0] == part[-1] == "*":
            return f"got {part!r}; expected one * before or behind a word"
    return None


def _unknown_signs(parts: Collection[str]) -> set[str]:
    """The parts with signs that matching would pass over, reading :p as the word p."""
    signed = sorted(part for part in parts if _SIGN.search(part))
    whole, head, tail = (cut(each) for each in (signed, [part[:-1] for part in signed], [part[1:] for part in signed]))
    return {
        part
        for part, words, front, back in zip(signed, whole, head, tail, strict=True)
        # One token that needs its first and last character, and is no word: an emoticon.
        if len(words) != 1 or words in (front, back) or not _SIGN.search(words[0] or "")
    }
