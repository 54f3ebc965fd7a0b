"""Columns of text read by their bytes: millions of values at once, and other threads go on meanwhile."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit, uint64
from numpy.typing import NDArray

_BLOCK = 128
_START = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ], dtype=np.uint64,
)  # fmt: skip
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ], dtype=np.uint8,
)  # fmt: skip
"""Which word of the block each step of each round takes (sigma in the RFC)."""
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def unusual(values: pl.Series) -> pl.Series:
    """Whether a text holds anything but printable ASCII, tabs and line ends; False for NULL."""
    if values.null_count() == len(values):
        return pl.Series(values.name, np.zeros(len(values), dtype=bool))
    _, offsets, data = _buffers(values)
    at = np.flatnonzero((data - np.uint8(32)) > 94)  # below 32 it wraps around
    byte = data[at]
    at = at[(byte != 9) & (byte != 10) & (byte != 13)]
    found = np.zeros(len(values), dtype=bool)
    found[np.searchsorted(offsets, at, side="right") - 1] = True
    return pl.Series(values.name, found)


def blake2b(values: pl.Series, key: bytes, size: int) -> pl.Series:
    """`hashlib.blake2b(value, key=key, digest_size=size).hexdigest()` of every text; NULL stays NULL.

    key: 1 to 64 bytes. size: 1 to 64 bytes. Compiled, after RFC 7693.
    """
    if values.null_count() == len(values):
        return values.cast(pl.String)
    valid, offsets, data = _buffers(values)
    width = 2 * size
    digits = np.empty(len(values) * width, dtype=np.uint8)
    first = np.frombuffer(key.ljust(_BLOCK, b"\0"), dtype=np.uint8).copy()
    start = _START.copy()
    start[0] ^= np.uint64(0x01010000 ^ (len(key) << 8) ^ size)
    keyed = start.copy()
    _compress(keyed, first.view(np.uint64), _ORDER, _BLOCK, False)
    _hash(data, offsets, first, keyed, start, _ORDER, size, digits)
    ends = np.arange(0, len(digits) + 1, width, dtype=np.int64)
    hashed = pa.LargeStringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(digits), valid)
    return pl.Series(values.name, pl.from_arrow(hashed), dtype=pl.String)


def _buffers(values: pl.Series) -> tuple[pa.Buffer | None, NDArray[np.int64], NDArray[np.uint8]]:
    """Which are not NULL (None: all), where each begins, and where the last one ends, within all their bytes."""
    texts = values.cast(pl.String).rechunk().to_arrow().cast(pa.large_string())
    valid, starts, content = texts.buffers()
    offsets = np.frombuffer(starts, dtype=np.int64)[: len(texts) + 1]
    data = np.frombuffer(content or b"", dtype=np.uint8)
    # Compiled code is for arrays of one kind: these may come either way.
    offsets.flags.writeable = data.flags.writeable = False
    return valid, offsets, data


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled and kept on disk, or compiled by each process where nothing can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


@_compiled
def _mix(a, b, c, d, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    a = a + b + x
    d ^= a
    d = (d >> uint64(32)) | (d << uint64(32))
    c = c + d
    b ^= c
    b = (b >> uint64(24)) | (b << uint64(40))
    a = a + b + y
    d ^= a
    d = (d >> uint64(16)) | (d << uint64(48))
    c = c + d
    b ^= c
    b = (b >> uint64(63)) | (b << uint64(1))
    return a, b, c, d


@_compiled
def _compress(h: NDArray[np.uint64], m: NDArray[np.uint64], order: NDArray[np.uint8], count: int, last: bool) -> None:  # noqa: FBT001
    """Take one block of 16 words into the state. count: bytes taken so far, with this block."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11 = _START[0], _START[1], _START[2], _START[3]
    v12, v13, v14, v15 = _START[4] ^ uint64(count), _START[5], _START[6], _START[7]
    if last:
        v14 = ~v14
    for r in range(12):
        s = order[r]
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[s[14]], m[s[15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@_compiled
def _hash(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    key: NDArray[np.uint8],
    keyed: NDArray[np.uint64],
    start: NDArray[np.uint64],
    order: NDArray[np.uint8],
    size: int,
    digits: NDArray[np.uint8],
) -> None:
    block = np.empty(_BLOCK, dtype=np.uint8)
    words = block.view(np.uint64)
    h = np.empty(8, dtype=np.uint64)
    out = h.view(np.uint8)
    at = 0
    for i in range(len(offsets) - 1):
        begin, end = offsets[i], offsets[i + 1]
        h[:] = start if begin == end else keyed
        while True:
            if offsets[i] == end:  # of an empty text the key is all there is
                block[:] = key
                taken = _BLOCK
            else:
                n = min(_BLOCK, end - begin)
                for j in range(n):
                    block[j] = data[begin + j]
                for j in range(n, _BLOCK):
                    block[j] = 0
                begin += n
                taken = _BLOCK + begin - offsets[i]
            _compress(h, words, order, taken, begin == end)
            if begin == end:
                break
        for j in range(size):
            digits[at] = _HEX[out[j] >> 4]
            digits[at + 1] = _HEX[out[j] & 15]
            at += 2
