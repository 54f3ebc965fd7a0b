"""Which words of a vocabulary stand for a token. Compiled; run once for each distinct token that posts hold."""

from typing import Any

import numpy as np
from numba import int64, uint64

from lexicons.characters import Characters
from lexicons.compiled import compiled, inlined
from lexicons.tokens import fold, mix, part_end
from lexicons.vocabulary import EXACT, HEAD, JOINED, TAIL, WHOLE, Vocabulary, seed, step

BEGINS, OPENS = 1 << 30, 1 << 29
"""Bits of a token's flags: a term may begin with it; a term of several words may."""
_LONGEST_RUNS = 4


@compiled
def _push(pool: Any, used: int, value: int) -> int:
    """Append to the pool; where it is full only the length grows, and the caller finds it too long."""
    if used < len(pool):
        pool[used] = value
    return used + 1


@inlined
def _find(kind: int, h: int, text: Any, first: int, stride: int, n: int, vocabulary: Vocabulary) -> int:
    """The word of this kind whose characters are `text[first::stride]`, `n` of them; -1 where there is none."""
    slots = vocabulary.slots
    slot = int64(mix(h) & uint64(len(slots) - 1))
    while slots[slot]:
        word = slots[slot] - 1
        begin = vocabulary.starts[word]
        if vocabulary.kinds[word] == kind and vocabulary.starts[word + 1] - begin == n:
            same = True
            for k in range(n):
                if vocabulary.texts[begin + k] != text[first + stride * k]:
                    same = False
                    break
            if same:
                return word
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@inlined
def _spelled(kind: int, text: Any, n: int, vocabulary: Vocabulary) -> int:
    """The word of this kind that is all of `text`."""
    if n > vocabulary.longest[kind]:
        return -1
    h = seed(kind)
    for k in range(n):
        h = step(h, text[k])
    return _find(kind, h, text, 0, 1, n, vocabulary)


@compiled
def _fits(exact: Any, n: int, folded: Any, m: int, vocabulary: Vocabulary, pool: Any, used: int) -> int:
    """Append every word that stands for a token. Like the next two, returns how much of the pool is used."""
    for form in range(2):
        text, length, kind = (folded, m, 0) if form == 0 else (exact, n, EXACT)
        word = _spelled(WHOLE + kind, text, length, vocabulary)
        if word >= 0:
            used = _push(pool, used, word)
        for end in (HEAD, TAIL):
            h = seed(end + kind)
            for k in range(min(length, vocabulary.longest[end + kind])):
                first, stride = (0, 1) if end == HEAD else (length - 1, -1)
                h = step(h, text[first + stride * k])
                word = _find(end + kind, h, text, first, stride, k + 1, vocabulary)
                if word >= 0:
                    used = _push(pool, used, word)
    return used


@compiled
def _swap(pool: Any, first: int, middle: int, behind: int) -> None:
    """Let what stands from `middle` on come before what stands from `first` on."""
    for begin, end in ((first, middle), (middle, behind), (first, behind)):
        for k in range((end - begin) // 2):
            pool[begin + k], pool[end - 1 - k] = pool[end - 1 - k], pool[begin + k]


@compiled
def _repeats(text: Any, n: int) -> bool:
    """Whether three equal characters follow each other."""
    for k in range(2, n):  # noqa: SIM110  (Numba compiles loops best)
        if text[k] == text[k - 1] == text[k - 2]:
            return True
    return False


@compiled
def _shortened(text: Any, n: int, chosen: int) -> tuple[Any, int, int]:
    """`text` with its runs of three or more equal letters cut to two, or to one where `chosen` has the run's bit.

    Returns it, its length and how many such runs there are.
    """
    short, m, runs, k = np.empty(n, dtype=np.int32), 0, 0, 0
    while k < n:
        behind = k
        while behind < n and text[behind] == text[k]:
            behind += 1
        kept = behind - k
        if kept > 2 and not ord("0") <= text[k] <= ord("9"):
            kept = 1 if chosen >> min(runs, _LONGEST_RUNS - 1) & 1 else 2
            runs += 1
        for _ in range(kept):
            short[m] = text[k]
            m += 1
        k = behind
    return short, m, runs


@compiled
def fit_token(
    at: int,
    i: int,
    end: int,
    picture: bool,
    phrase: int,
    chars: Characters,
    vocabulary: Vocabulary,
    pool: Any,
    used: int,
) -> int:
    """Append what one token stands for: flags, numbers of words, entries and nodes; then entries, words and nodes.

    The nodes are those that it opens a longer term with. The entries are those of its one-word terms that count
    where no longer term hides them; of a hashtag of one word also those of `phrase`, the node of the terms of
    several words that it is written as (-1: none).
    """
    exact, n, folded, m = fold(at, i, end, picture, chars)
    begin, used = used, used + 4
    first = used
    used = _fits(exact, n, folded, m, vocabulary, pool, used)
    if used == first and not picture and phrase < 0 and _repeats(folded, m):
        _, _, runs = _shortened(folded, m, 0)
        for chosen in range(1 << min(runs, _LONGEST_RUNS) if runs else 0):
            short_exact, short_n, _ = _shortened(exact, n, chosen)
            short, short_m, _ = _shortened(folded, m, chosen)
            used = _fits(short_exact, short_n, short, short_m, vocabulary, pool, used)
            if used > first:
                break
    behind = used
    flags = 0
    for k in range(first, min(behind, len(pool))):
        flags |= vocabulary.flags[pool[k]]
        node = vocabulary.roots[pool[k]]
        if node >= 0:
            flags |= BEGINS | (OPENS if vocabulary.inner[node] else 0)
            used = _enter(node, pool, behind, used, vocabulary)
    if phrase >= 0:
        flags |= BEGINS
        used = _enter(phrase, pool, behind, used, vocabulary)
    if used <= len(pool):
        kept = behind
        for k in range(behind, used):  # exceptions have done their work
            if vocabulary.weights[pool[k]] != 0:
                pool[kept] = pool[k]
                kept += 1
        used = kept
        _swap(pool, first, behind, kept)
        for k in range(first + kept - behind, kept):
            node = vocabulary.roots[pool[k]]
            if node >= 0 and vocabulary.inner[node]:
                used = _push(pool, used, node)
        if used <= len(pool):
            pool[begin], pool[begin + 1] = flags, behind - first
            pool[begin + 2], pool[begin + 3] = kept - behind, used - kept
    return used


@compiled
def _enter(node: int, pool: Any, first: int, used: int, vocabulary: Vocabulary) -> int:
    """Append the entries of a node; where one of a marker is there from `first` on, the one that counts stays."""
    for place in range(vocabulary.outs[node], vocabulary.outs[node + 1]):
        entry = vocabulary.entries[place]
        twin = first
        while twin < min(used, len(pool)) and vocabulary.markers[pool[twin]] != vocabulary.markers[entry]:
            twin += 1
        if twin >= min(used, len(pool)):
            used = _push(pool, used, entry)
        elif outdoes(vocabulary.weights[entry], vocabulary.weights[pool[twin]]):
            pool[twin] = entry
    return used


@inlined
def outdoes(weight: float, other: float) -> bool:
    """Whether of two terms of one marker at the very same words the first counts: the exception, else the heavier."""
    return other != 0 and (weight == 0 or weight > other)


@compiled
def fit_hashtag(at: int, i: int, end: int, chars: Characters, vocabulary: Vocabulary, pool: Any, used: int) -> int:
    """Append a hashtag: number of its words, number of nodes that all of them together stand for, these, the words."""
    exact, n, folded, m = fold(at, i, end, False, chars)
    word = _spelled(JOINED, folded, m, vocabulary)
    phrase = vocabulary.roots[word] if word >= 0 else -1
    begin, used = used, used + 2
    first, parts = used, 0
    if part_end(at, i, end, chars) < end:
        used = _fits(exact, n, folded, m, vocabulary, pool, used)
        for k in range(first, min(used, len(pool))):
            pool[k] = vocabulary.roots[pool[k]]
        if phrase >= 0:
            used = _push(pool, used, phrase)
            phrase = -1
    behind = used
    while i < end:
        stop = part_end(at, i, end, chars)
        used = fit_token(at, i, stop, False, phrase, chars, vocabulary, pool, used)
        parts += 1
        i = stop
    if used <= len(pool):
        pool[begin], pool[begin + 1] = parts, behind - first
    return used
