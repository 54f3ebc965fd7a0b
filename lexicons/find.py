"""Where lexicons are found: ours by name, the analyst's by path, those of installed packages by the package's name."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from barograph.errors import ConfigError
from lexicons.calibrate import read_calibration
from lexicons.formats import SUFFIXES, Entry, lines_of, parse, weight_of
from lexicons.lexicon import LEARNED, Lexicon
from lexicons.read import build, marker_of, read, version

PACKAGES = ("empath", "vaderSentiment", "afinn")
"""Installed packages that can be read, as PyPI names them. None is a dependency."""
_HOME = Path(__file__).parent


def names() -> list[str]:
    """The lexicons that come with barograph, sorted."""
    return sorted(file.parent.name for file in _HOME.glob("*/terms.csv"))


def load(name: str) -> Lexicon:
    """One of `names()`. Raises `ConfigError` where there is none of this name, or its calibration is of other terms."""
    if name not in names():
        raise ConfigError(f"lexicon: got {name!r}; expected one of {', '.join(names())}")
    # A list by hand has weight 1 or more where a term expresses the marker, less where it is only a hint.
    by_hand = not name.endswith(LEARNED)
    return replace(_read(_HOME / name / "terms.csv"), hints_below=float(by_hand), ours=True)


def _read(path: Path) -> Lexicon:
    """The lexicon in `path`, with the calibration that lies beside a terms.csv, which must be of these terms."""
    lexicon, beside = read(path), path.with_name("calibration.json")
    if path.name != "terms.csv" or not beside.exists():
        return lexicon
    calibration = read_calibration(beside)
    if calibration.version != lexicon.version:
        raise ConfigError(
            f"{beside}: got a calibration of the terms of version {calibration.version!r}; expected "
            f"{lexicon.version!r}, those beside it: fit it anew (ours: python -m lexicons.train) or delete the file"
        )
    return replace(lexicon, calibration=calibration)


def find(name: str) -> Lexicon:
    """The lexicon that barograph.toml means by `name`: one of ours, a file, or an installed package.

    Of several categories `name:category` takes one, as `liwc_en.dic:anx` or `empath:nervousness`; the name is
    then all up to the last colon. Raises `ConfigError` where there is no such lexicon or category, and where there
    are several and none is named.
    """
    place, category = name, None
    if ":" in name and not _is_file(name):
        place, _, category = name.rpartition(":")
    if _is_file(place):
        lexicon = _read(Path(place))
    elif place in PACKAGES:
        lexicon = package(place)
    elif place in names():
        lexicon = load(place)
    else:
        raise ConfigError(
            f"lexicon: got {place!r}; expected a file that ends in {', '.join(SUFFIXES)}, "
            f"or one of {', '.join((*names(), *PACKAGES))}"
        )
    markers = sorted(lexicon.terms["marker"].unique())
    if category is None and len(markers) > 1:
        raise ConfigError(
            f"{name}: got {len(markers)} categories; expected one, written {place}:CATEGORY: {', '.join(markers)}"
        )
    return lexicon if category is None else _only(lexicon, markers, category, place)


def package(name: str, language: str = "en") -> Lexicon:
    """The lexicon that an installed package carries, read from its data file: nothing of the package is run.

    `empath` has 194 categories (English); `vaderSentiment` (English) and `afinn` (English `en`, Danish `da`) have
    one, `valence`, whose weights are below 0 where a term is negative. Raises `ConfigError` for another name or
    language, and where the package is not installed.
    """
    if name not in PACKAGES:
        raise ConfigError(f"lexicon package: got {name!r}; expected one of {', '.join(PACKAGES)}")
    reader, languages = _PACKAGES[name]
    if language not in languages:
        raise ConfigError(f"lexicon {name}: got the language {language!r}; expected {' or '.join(languages)}")
    spec = find_spec(name)
    if not (spec and spec.submodule_search_locations):
        raise ConfigError(f"lexicon {name}: got no such package; install it: python -m pip install {name}")
    folder = Path(spec.submodule_search_locations[0])
    entries = reader(folder, language)
    # There a * is no wildcard, but a kiss or a nose.
    starred = [entry.term for entry in entries if "*" in entry.term]
    lexicon = build(name, language, [e for e in entries if "*" not in e.term], str(folder), own=False)
    return replace(lexicon, skipped=(*lexicon.skipped, *starred))


def _is_file(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _only(lexicon: Lexicon, markers: list[str], category: str, place: str) -> Lexicon:
    """`lexicon` without its other categories."""
    marker = marker_of(category)
    if marker not in markers:
        raise ConfigError(f"{place}: got the category {category!r}; expected one of {', '.join(markers)}")
    terms = lexicon.terms.filter(pl.col("marker") == marker)
    intercepts = {key: value for key, value in lexicon.intercepts.items() if key == marker}
    return replace(lexicon, terms=terms, intercepts=intercepts, version=version(terms, intercepts))


def _empath(folder: Path, _: str) -> list[Entry]:
    return parse(folder / "data" / "categories.tsv", "empath")[0]


def _vader(folder: Path, _: str) -> list[Entry]:
    """Term, mean of ten ratings, and two columns more; of a term that is there twice the last line counts, as there."""
    last: dict[str, Entry] = {}
    for place, line in lines_of(folder / "vader_lexicon.txt"):
        term, weight = (*line.split("\t"), "")[:2]
        last[term] = Entry(place, term, "valence", weight_of(place, weight))
    return list(last.values())


def _afinn(folder: Path, language: str) -> list[Entry]:
    """The words of one language, and the emoticons, which are those of all."""
    files = {"en": "AFINN-en-165.txt", "da": "AFINN-da-32.txt"}[language], "AFINN-emoticon-8.txt"
    return [entry for file in files for entry in parse(folder / "data" / file, "valence")[0]]


_PACKAGES: dict[str, tuple[Callable[[Path, str], list[Entry]], tuple[str, ...]]] = {
    "empath": (_empath, ("en",)),
    "vaderSentiment": (_vader, ("en",)),
    "afinn": (_afinn, ("en", "da")),
}
