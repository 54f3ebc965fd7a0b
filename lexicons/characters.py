"""What each character is and how it folds: tables that the matcher looks characters up in."""

from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

SKIPPED, WORD, MARK, SYMBOL, BREAK, APOSTROPHE, FLAG = range(7)
"""Kinds of characters. FLAG: a regional indicator, of which two make a flag."""
KIND, UPPER, LOWER, WHITE = 15, 16, 32, 64
"""Bits of `kinds`: the kind; whether an upper-case (Lu) or lower-case (Ll) letter; whether white space."""

_PLANES = [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE0200)]
"""Every code point that may be assigned: no surrogates, nothing of the empty and private planes."""


class Characters(NamedTuple):
    """Tables by code point.

    `kinds` (uint8): a kind and its bits. `folds` (int32): 0 where a character folds to itself, else a place in
    `folded` (int32), which holds how many characters it becomes and then these.
    """

    kinds: NDArray[np.uint8]
    folds: NDArray[np.int32]
    folded: NDArray[np.int32]


@cache
def characters() -> Characters:
    """The tables, made once from the Unicode version that Polars knows."""
    codes = np.array(_PLANES, dtype=np.uint32)
    text = pl.Series(list(codes.astype("<u4").tobytes().decode("utf-32-le")))
    kinds = np.zeros(0x110000, dtype=np.uint8)
    for pattern, kind in {
        r"\p{L}|\p{N}": WORD, r"\p{M}": MARK, r"\p{So}": SYMBOL, "[.!?…¡¿\r\n]": BREAK, "['’‘`´]": APOSTROPHE,
        "[\U0001f1e6-\U0001f1ff]": FLAG,
    }.items():  # fmt: skip
        kinds[codes[text.str.contains(pattern).to_numpy()]] = kind
    for pattern, bit in {r"\p{Lu}": UPPER, r"\p{Ll}": LOWER, r"\s": WHITE}.items():
        kinds[codes[text.str.contains(pattern).to_numpy()]] |= bit
    lower = text.str.normalize("NFD").str.to_lowercase().str.replace_all("ς", "σ", literal=True)
    lower = lower.str.replace_all("['’‘`´]", "'").str.replace_all("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]", "")
    folds, folded = np.zeros(0x110000, dtype=np.int32), [0]
    changed = (lower != text).to_numpy()
    for code, becomes in zip(codes[changed].tolist(), lower.filter(changed), strict=True):
        folds[code] = len(folded)
        folded += [len(becomes), *map(ord, becomes)]
    return Characters(kinds, folds, np.array(folded, dtype=np.int32))
