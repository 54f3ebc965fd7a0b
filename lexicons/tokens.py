"""Where tokens begin and end, and how they fold: the compiled part of the definition in `lexicons.match`.

All functions take the address of a text in UTF-8 and places (bytes) within it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types, uint8, uint64
from numba.extending import intrinsic

from lexicons.characters import APOSTROPHE, BREAK, FLAG, KIND, LOWER, MARK, SYMBOL, UPPER, WHITE, WORD, Characters
from lexicons.compiled import compiled

NOTHING, WORD_TOKEN, HASHTAG, PICTURE, SENTENCE_END, NAME = range(6)
"""What begins at a place. PICTURE: an emoji or emoticon; NAME: a URL, an @mention, u/… or r/…."""

_JOINER, _VARIATIONS, _TONES, _TAGS = 0x200D, (0xFE0E, 0xFE0F), (0x1F3FB, 0x1F3FF), (0xE0020, 0xE007F)
_TILDE, _N, _N_TILDE, _MARKS = 0x303, ord("n"), ord("ñ"), (0x300, 0x36F)

AGAIN = np.zeros(256, dtype=np.bool_)
"""By byte: the ASCII letters and digits, which go on a word."""
AGAIN[[byte for byte in range(128) if chr(byte).isalnum()]] = True


@intrinsic
def byte(typing: Any, address: Any, place: Any) -> Any:  # noqa: ARG001
    """The byte at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        pointer = builder.inttoptr(builder.add(*arguments), ir.PointerType(ir.IntType(8)))
        return builder.load(pointer)

    return uint8(types.uint64, types.int64), generate


@compiled
def _character(at: int, i: int) -> tuple[int, int]:
    """Code point at `i`, and the place behind it."""
    a = byte(at, i)
    if a < 0x80:
        return np.int64(a), i + 1
    if a < 0xE0:
        return np.int64(a & 0x1F) << 6 | np.int64(byte(at, i + 1) & 0x3F), i + 2
    if a < 0xF0:
        high = np.int64(a & 0x0F) << 12 | np.int64(byte(at, i + 1) & 0x3F) << 6
        return high | np.int64(byte(at, i + 2) & 0x3F), i + 3
    high = np.int64(a & 0x07) << 18 | np.int64(byte(at, i + 1) & 0x3F) << 12
    return high | np.int64(byte(at, i + 2) & 0x3F) << 6 | np.int64(byte(at, i + 3) & 0x3F), i + 4


@compiled
def word_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of the word that goes on at `i`: letters, digits, marks, and single apostrophes inside."""
    while i < end:
        if AGAIN[byte(at, i)]:
            i += 1
            continue
        code, after = _character(at, i)
        kind = chars.kinds[code] & KIND
        if kind == APOSTROPHE and after < end:
            following, behind = _character(at, after)
            if chars.kinds[following] & KIND != WORD:
                return i
            i = behind
        elif code > 127 and kind in (WORD, MARK):
            i = after
        else:
            return i
    return i


@compiled
def _handle_end(at: int, i: int, end: int, chars: Characters) -> int:
    while i < end:
        code, after = _character(at, i)
        if code != ord("_") and chars.kinds[code] & KIND not in (WORD, MARK):
            return i
        i = after
    return i


@compiled
def _mention_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of what follows an @: handles, joined by single `.`, `@` or `-`."""
    first, i = i, _handle_end(at, i, end, chars)
    while i > first and i + 1 < end and byte(at, i) in (ord("."), ord("@"), ord("-")):
        further = _handle_end(at, i + 1, end, chars)
        if further == i + 1:
            return i
        i = further
    return i


@compiled
def _is(at: int, i: int, end: int, wanted: bytes) -> bool:
    """Whether `wanted` (lower-case ASCII) stands at `i`, in any case, with at least one more byte behind it."""
    if i + len(wanted) >= end:
        return False
    for k in range(len(wanted)):
        got = byte(at, i + k)
        if ord("A") <= got <= ord("Z"):
            got += 32
        if got != wanted[k]:
            return False
    return True


@compiled
def _url_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of the URL at `i`; `i` where there is none."""
    if _is(at, i, end, b"http://"):
        first = i + 7
    elif _is(at, i, end, b"https://"):
        first = i + 8
    elif _is(at, i, end, b"www."):
        first = i + 4
    else:
        return i
    j = first
    while j < end:
        code, after = _character(at, j)
        if chars.kinds[code] & WHITE:
            break
        j = after
    return j if j > first else i


@compiled
def _one_of(at: int, i: int, end: int, wanted: bytes) -> bool:
    if i >= end:
        return False
    got = byte(at, i)
    for k in range(len(wanted)):  # noqa: SIM110  (Numba compiles loops best)
        if got == wanted[k]:
            return True
    return False


@compiled
def _emoticon_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of the emoticon at `i`; `i` where there is none."""
    first = byte(at, i)
    if first == ord("<"):
        heart = i + 2 if _one_of(at, i + 1, end, b"/") else i + 1
        return heart + 1 if _one_of(at, heart, end, b"3") and not _goes_on(at, heart + 1, end, chars) else i
    if first in (ord("^"), ord("-"), ord(">")):
        mirrored = b"<" if first == ord(">") else b"^" if first == ord("^") else b"-"
        if _one_of(at, i + 1, end, b"_.") and _one_of(at, i + 2, end, mirrored):
            return i + 3
        return i + 2 if first == ord("^") and _one_of(at, i + 1, end, b"^") else i
    j = i + 1
    if _one_of(at, j, end, b"'"):
        j += 1
    if _one_of(at, j, end, b"-"):
        j += 1
    if _one_of(at, j, end, b"()[]|\\"):
        return j + 1
    if _one_of(at, j, end, b"/"):
        return i if _one_of(at, j + 1, end, b"/") else j + 1
    letters = b"DdPpOoSsXxCcVv3" if first == ord(":") else b"DdPp"
    return j + 1 if _one_of(at, j, end, letters) and not _goes_on(at, j + 1, end, chars) else i


@compiled
def _goes_on(at: int, i: int, end: int, chars: Characters) -> bool:
    return i < end and chars.kinds[_character(at, i)[0]] & KIND == WORD


@compiled
def _emoji_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of the emoji at `i`: a flag, or a symbol, its modifiers, and what is joined to it."""
    code, i = _character(at, i)
    if chars.kinds[code] & KIND == FLAG:
        if i < end:
            code, after = _character(at, i)
            if chars.kinds[code] & KIND == FLAG:
                return after
        return i
    while i < end:
        code, after = _character(at, i)
        if code == _JOINER and after < end:
            following, behind = _character(at, after)
            if chars.kinds[following] & KIND != SYMBOL:
                return i
            i = behind
        elif code in _VARIATIONS or _TONES[0] <= code <= _TONES[1] or _TAGS[0] <= code <= _TAGS[1]:
            i = after
        else:
            return i
    return i


@compiled
def token(at: int, i: int, end: int, chars: Characters) -> tuple[int, int]:
    """What begins at `i`, and where it ends; NOTHING and the next place where none does."""
    code, after = _character(at, i)
    kind = chars.kinds[code] & KIND
    if kind == WORD:
        if code in (ord("h"), ord("H"), ord("w"), ord("W")):
            stop = _url_end(at, i, end, chars)
            if stop > i:
                return NAME, stop
        if code in (ord("u"), ord("r")) and _one_of(at, after, end, b"/"):
            stop = _handle_end(at, after + 1, end, chars)
            if stop > after + 1:
                return NAME, stop
        return WORD_TOKEN, word_end(at, i, end, chars)
    if kind in (SYMBOL, FLAG):
        return PICTURE, _emoji_end(at, i, end, chars)
    if kind == BREAK:
        while after < end:
            code, behind = _character(at, after)
            if chars.kinds[code] & KIND != BREAK:
                break
            after = behind
        return SENTENCE_END, after
    if code == ord("#") and _goes_on(at, after, end, chars):
        return HASHTAG, word_end(at, after, end, chars)
    if code == ord("@"):
        stop = _mention_end(at, after, end, chars)
        if stop > after:
            return NAME, stop
    elif _one_of(at, i, end, b":;=<^->"):
        stop = _emoticon_end(at, i, end, chars)
        if stop > i:
            return PICTURE, stop
    return NOTHING, after


@compiled
def part_end(at: int, i: int, end: int, chars: Characters) -> int:
    """The end of the first word of a hashtag: before the first upper-case letter behind a lower-case one."""
    lower = False
    while i < end:
        code, after = _character(at, i)
        if lower and chars.kinds[code] & UPPER:
            return i
        lower = chars.kinds[code] & LOWER != 0
        i = after
    return i


@compiled
def fold(at: int, i: int, end: int, picture: bool, chars: Characters) -> tuple[np.ndarray, int, np.ndarray, int]:
    """A token as code points: exactly (decomposed, lower-cased) and folded; each array with its length."""
    exact = np.empty(4 * (end - i) + 4, dtype=np.int32)
    folded = np.empty(4 * (end - i) + 4, dtype=np.int32)
    n = m = 0
    nose = picture and end - i > 2  # :-) is :)
    while i < end:
        code, i = _character(at, i)
        if nose and code == ord("-") and i < end and n > 0:
            continue
        place = chars.folds[code]
        for k in range(1 if place == 0 else chars.folded[place]):
            becomes = code if place == 0 else chars.folded[place + 1 + k]
            exact[n] = becomes
            n += 1
            if becomes == _TILDE and m > 0 and folded[m - 1] == _N and exact[n - 2] == _N:
                folded[m - 1] = _N_TILDE
            elif not _MARKS[0] <= becomes <= _MARKS[1]:
                folded[m] = becomes
                m += 1
    return exact, n, folded, m


@compiled
def mix(h: int) -> int:
    """Spread all bits of a 64-bit number over all others."""
    h = uint64(h)
    h ^= h >> uint64(31)
    h *= uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> uint64(29))
