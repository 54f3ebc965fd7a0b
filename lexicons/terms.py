"""Terms as written → the words that the matcher looks for."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from lexicons.characters import Characters, characters
from lexicons.compiled import compiled
from lexicons.tokens import HASHTAG, NAME, NOTHING, PICTURE, SENTENCE_END, fold, part_end, token

_EXACT = re.compile(r"=\*?[^\W\d_]{2}")
LONGEST = 8
"""Words a term may have."""


class Word(NamedTuple):
    """One word of a term: `text` folded (or, where `exact`, with its accents), a wildcard `before` or `after` it."""

    text: str
    exact: bool = False
    before: bool = False
    after: bool = False

    def __str__(self) -> str:
        if not (self.exact or self.before or self.after):
            return self.text
        return f"{'=' * self.exact}{'*' * self.before}{self.text}{'*' * self.after}"


@compiled
def _tokens(at: int, end: int, chars: Characters) -> Any:
    """Kind, first byte and end of every token, and of what ends a phrase; hashtags already cut into words."""
    found = np.empty((end + 1, 3), dtype=np.int32)
    n = i = 0
    while i < end:
        kind, stop = token(at, i, end, chars)
        if kind == HASHTAG:
            i += 1
            while i < stop:
                behind = part_end(at, i, stop, chars)
                found[n, 0], found[n, 1], found[n, 2] = HASHTAG, i, behind
                n += 1
                i = behind
        elif kind != NOTHING:
            found[n, 0], found[n, 1], found[n, 2] = kind, i, stop
            n += 1
        i = stop
    return found[:n]


@compiled
def _folded(at: int, i: int, end: int, picture: bool, chars: Characters) -> Any:
    exact, n, folded, m = fold(at, i, end, picture, chars)
    return exact[:n], folded[:m]


def read(text: str) -> list[tuple[str, str, int, int] | None]:
    """Each token of a text: exact, folded, first byte and end; None for what ends a phrase."""
    raw = np.frombuffer(text.encode() + b"\0", dtype=np.uint8)
    at, chars = np.uint64(raw.ctypes.data), characters()
    tokens: list[tuple[str, str, int, int] | None] = []
    for kind, i, end in _tokens(at, len(raw) - 1, chars).tolist():
        if kind in (SENTENCE_END, NAME):
            tokens.append(None)
        else:
            both = (part.tobytes().decode("utf-32-le") for part in _folded(at, i, end, kind == PICTURE, chars))
            tokens.append((*both, i, end))
    return tokens


def words_of(terms: Iterable[str]) -> list[list[Word | None]]:
    """The words of each term, in order; None for what no token can be: a URL, a name, a sentence end, a lone `*`."""
    return [[word for piece in term.split() for word in _piece(piece)] for term in terms]


@lru_cache(maxsize=1 << 16)  # lists share most of their words
def _piece(piece: str) -> tuple[Word | None, ...]:
    if piece.isascii() and piece.isalnum() and piece.islower():  # most words; they are what they are
        return (Word(piece),)
    exact = _EXACT.match(piece) is not None
    bare = piece[exact:]
    before, after = bare.startswith("*"), bare.endswith("*") and len(bare) > 1
    inside = bare[before : len(bare) - after]
    found = read(inside)
    if (before and not (found and found[0] and found[0][2] == 0)) or (
        after and not (found and found[-1] and found[-1][3] == len(inside.encode()))
    ):
        return (None,)
    words: list[Word | None] = [token and Word(token[0] if exact else token[1], exact) for token in found]
    if before and words[0]:
        words[0] = words[0]._replace(before=True)
    if after and words[-1]:
        words[-1] = words[-1]._replace(after=True)
    return tuple(words)


def cut(terms: Iterable[str]) -> list[list[str | None]]:
    """Each term as its folded words, `*` and `=` included; what no token can be is None."""
    return [[word and str(word) for word in words] for words in words_of(terms)]
