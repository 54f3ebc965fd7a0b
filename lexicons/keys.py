"""The tokens of a text, those of some windows at a time, and the keys that they are looked up by. Compiled."""

from typing import Any

import numpy as np
from numba import int64, uint64

from lexicons.characters import Characters
from lexicons.compiled import compiled, inlined
from lexicons.tokens import NAME, NOTHING, SENTENCE_END, byte, mix, token, word_end
from lexicons.windows import KEY, STRIDE, eight, fetch, trailing, unsafe, window

WINDOWS = 4
AT_ONCE = WINDOWS * STRIDE
"""Windows that are read, and tokens at most that they hold, before the first of them is looked up."""
_LOW = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(KEY + 1)], dtype=np.uint64)
_HIGH = np.array([(1 << 8 * max(n - 8, 0)) - 1 for n in range(KEY + 1)], dtype=np.uint64)
"""By length of a token: the bits that are its own of its first eight bytes, and of the next eight."""


@compiled
def _key(at: int, i: int, end: int) -> tuple[int, int]:
    """The bytes of a token as two numbers: exact up to 16 bytes, beyond them a hash of 128 bits."""
    low = high = uint64(0)
    for k in range(end - i):
        if k and k % 16 == 0:
            low, high = mix(mix(low) ^ high ^ uint64(k)), mix(mix(high) + low)
        if k % 16 < 8:
            low ^= uint64(byte(at, i + k)) << uint64(8 * (k % 8))
        else:
            high ^= uint64(byte(at, i + k)) << uint64(8 * (k % 8))
    return low, high


@inlined
def slot_of(low: int, high: int, mask: int) -> int:
    """Where the search for a token begins among those seen."""
    h = (low ^ high * uint64(0xC2B2AE3D27D4EB4F)) * uint64(0x9E3779B97F4A7C15)
    return (h ^ h >> uint64(32)) & mask


@compiled
def _careful(at: int, i: int, end: int, chars: Characters, tokens: Any, n: int) -> tuple[int, int]:
    """Into `tokens`, as number `n`, what begins at `i`, if anything does; returns how many there are, and its end."""
    kind, stop = token(at, i, end, chars)
    if kind == NOTHING:
        return n, stop
    low, high = uint64(kind == NAME), uint64(0)
    if kind not in (SENTENCE_END, NAME):
        low, high = _key(at, i, stop)
    tokens[n, 0], tokens[n, 1], tokens[n, 2] = low, high, uint64(i)
    return n + 1, stop


@inlined
def read(
    at: int, i: int, end: int, before: int, chars: Characters, masks: Any, tokens: Any, table: int, mask: int
) -> tuple[int, int, int]:
    """Into `tokens` what stands in the next windows; returns where to go on, with what before, and how many there are.

    The key of a break is 0, 0, that of a URL or name 1, 0: no word has these bytes. What is known of a token is asked
    for, from the `table` of those seen.
    """
    n, n_windows, base = 0, uint64(0), i
    while i < end and n_windows < uint64(WINDOWS) and not unsafe(at, i, end):
        words, begins, odd, doubtful, before = window(at, i, end, before)
        masks[n_windows, 0], masks[n_windows, 1] = words, begins
        masks[n_windows, 2], masks[n_windows, 3] = odd, doubtful
        n_windows += uint64(1)
        i += STRIDE
    if n_windows == 0:
        if before:  # in a word that the last window saw to its end, or that was read carefully
            return word_end(at, i, end, chars), uint64(0), 0
        n, i = _careful(at, i, end, chars, tokens, 0)
        return i, uint64(0), n
    for w in range(n_windows):
        words, begins, odd, doubtful = masks[w, 0], masks[w, 1], masks[w, 2], masks[w, 3]
        while begins:
            bit = trailing(begins)
            begins &= begins - uint64(1)
            begin, length = base + int64(bit), trailing(~(words >> bit))
            if length > uint64(KEY) or (odd >> bit | doubtful >> bit >> length) & uint64(1):
                n, stop = _careful(at, begin, end, chars, tokens, n)
                behind = uint64(stop - base)
                # Where it ends beyond this window, or within what looked like a word, the masks behind it do not hold:
                # windows begin anew where it ends, and nothing before that place matters to them.
                if behind >= uint64(STRIDE) or words >> behind & words >> behind - uint64(1) & uint64(1):
                    return stop, uint64(0), n
                begins &= ~uint64(0) << behind
                continue
            low, high = eight(at, begin) & _LOW[length], eight(at, begin + 8) & _HIGH[length]
            k = uint64(n)
            tokens[k, 0], tokens[k, 1], tokens[k, 2] = low, high, uint64(begin)
            fetch(table + slot_of(low, high, mask) * uint64(24))
            n += 1
        base += STRIDE
    return i, before, n
