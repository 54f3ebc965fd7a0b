"""The language and the time zone that a reader is spoken to in. English is written in the code, others in locale/.

A sentence is marked where it stands, `_("{n} of {total}").format(…)`, whole: other languages order their words in
another way. What has no translation is said in English.
"""

import gettext as standard
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

_T = TypeVar("_T")
_S = TypeVar("_S")
LANGUAGES = {"en": "English", "es": "Español"}
"""Code of each language that pages are written in, and what it calls itself."""
_FOLDER = Path(__file__).with_name("locale")
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Reader:
    """Whom is spoken to. language: a key of LANGUAGES."""

    language: str = "en"
    zone: ZoneInfo = _UTC


_READER: ContextVar[Reader] = ContextVar("reader", default=Reader())  # noqa: B039 - frozen


def reader() -> Reader:
    """Whom this thread speaks to; in English and UTC where nothing else was said."""
    return _READER.get()


def speak(reader: Reader) -> None:
    """Speak to `reader` from now on, in this thread."""
    _READER.set(reader)


@contextmanager
def speaking(reader: Reader) -> Iterator[None]:
    """Speak to `reader` within a block."""
    before = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(before)


def heard(say: Callable[[_T], _S]) -> Callable[[_T], _S]:
    """`say`, speaking to the reader of this thread wherever it is called: polars calls from threads of its own."""
    who = reader()

    def said(value: _T) -> _S:
        with speaking(who):
            return say(value)

    return said


def gettext(message: str) -> str:
    """`message` in the reader's language."""
    return _translations(reader().language).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """`one` or `many` in the reader's language, as its grammar asks for `n`."""
    return _translations(reader().language).ngettext(one, many, n)


def noted(message: str) -> str:
    """`message` as it is: marked to be translated, and translated where it is shown."""
    return message


def noted_pair(one: str, many: str) -> tuple[str, str]:
    """`noted` of what `ngettext` takes."""
    return one, many


@cache
def _translations(language: str) -> standard.NullTranslations:
    path = _FOLDER / f"{language}.po"
    if not path.exists():
        return standard.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return standard.GNUTranslations(compiled)
