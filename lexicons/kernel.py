"""Texts × vocabulary → what counts, in one pass over the bytes. Compiled; releases the GIL."""

from typing import Any, NamedTuple

import numpy as np
from numba import int64, uint64

from lexicons.characters import Characters
from lexicons.compiled import borrowed, compiled, inlined
from lexicons.fitting import BEGINS, OPENS, fit_hashtag, fit_token, outdoes
from lexicons.keys import read, slot_of
from lexicons.tokens import HASHTAG, NAME, PICTURE, SENTENCE_END, token
from lexicons.vocabulary import Vocabulary, edge_hash
from lexicons.windows import trailing

_SENTENCE_END, _NAME = -1, -2
"""In the row of tokens: what ends a sentence, and what ends but a phrase."""
_IS_HOT, _IS_OPENER, _IS_HASHTAG = 1, 2, 4
"""Bits of what is kept of a token that was seen: a term begins with it; one of several words may; it is a hashtag."""
_FEW, FLAT = 8, 1024
"""Entries that are copied at once, whether a token has so many or not; and that wait to be counted."""
_NEGATED_WITHIN = 3
_INLINE = 12
"""Bytes of a text that Arrow keeps within its view."""


class Scratch(NamedTuple):
    """What the kernel writes to; `lexicons.match` enlarges what is full and goes on at the post it stopped at.

    masks: what stands in the windows that are read together. tokens: theirs, each its key (two numbers) and where it
    begins. seen: the keys of all tokens so far, and what is kept of each (`_fitted`). pool: what fits them; of
    a token its flags, how many words, entries and nodes, then the entries, the words, the nodes; of a hashtag how many
    words it has, how many nodes, then these nodes, then the words as tokens.
    row: of each token of a post 0 (nothing fits it), its place in `pool`, or < 0, an end of a phrase. said: what its
    sentence says. hot: tokens that begin a term (which, place in the pool; negative where all words of a hashtag
    together do). spans: occurrences of terms of several words (first word, number of words, entry) and `span_weights`.
    stack: ways to go on. flat: entries of one post that count. hits, weights: sums by key; bits, blocks: which keys
    have any. post, key, n, weight: the answer. counts: tokens by post. used: how much of seen, pool and answer is,
    and how long the pool should be.
    """

    masks: Any
    tokens: Any
    row: Any
    said: Any
    hot: Any
    flat: Any
    seen: Any
    pool: Any
    spans: Any
    span_weights: Any
    stack: Any
    hits: Any
    weights: Any
    bits: Any
    blocks: Any
    post: Any
    key: Any
    n: Any
    weight: Any
    counts: Any
    used: Any


DONE, SEEN, POOL, SPANS, STACK, ANSWER = range(6)
"""Why the kernel stopped: it is done, or what was full."""


@compiled
def rehashed(seen: Any) -> Any:
    """The same table in twice the room."""
    larger = np.zeros((2 * len(seen), 3), dtype=np.uint64)
    for k in range(len(seen)):
        if seen[k, 2]:
            slot = slot_of(seen[k, 0], seen[k, 1], uint64(len(larger) - 1))
            while larger[slot, 2]:
                slot = (slot + uint64(1)) & uint64(len(larger) - 1)
            larger[slot] = seen[k]
    return larger


@compiled
def _said(row: Any, n: int, pool: Any, said: Any) -> None:
    """Into `said`, for each token, what the tokens of its sentence say: their flags together."""
    first = 0
    while first < n:
        last, flags = first, 0
        while last < n and row[last] != _SENTENCE_END:
            if row[last] > 0:
                flags |= pool[row[last]]
            last += 1
        said[first:last] = flags
        first = last + 1


@compiled
def _negated(row: Any, at: int, bits: int, pool: Any) -> bool:
    """Whether a negator is among the tokens right before the one at `at`, in its sentence."""
    k, looked = at - 1, 0
    while k >= 0 and looked < _NEGATED_WITHIN and row[k] != _SENTENCE_END:
        if row[k] >= 0:
            looked += 1
            if row[k] > 0 and pool[row[k]] & bits:
                return True
        k -= 1
    return False


@compiled
def _twin(spans: Any, used: int, at: int, n: int, marker: int, markers: Any) -> int:
    """The occurrence of a marker at just these words; -1 where there is none yet."""
    k = used - 1
    while k >= 0 and spans[k, 0] == at:
        if spans[k, 1] == n and markers[spans[k, 2]] == marker:
            return k
        k -= 1
    return -1


@inlined
def _hidden(spans: Any, used: int, near: int, at: int, n: int, marker: int, markers: Any) -> bool:
    """Whether `n` words from `at` lie within an occurrence of more words of the marker, from number `near` on."""
    for k in range(uint64(near), uint64(used)):
        if spans[k, 0] > at:
            return False
        if spans[k, 1] > n and spans[k, 0] + spans[k, 1] >= at + n and markers[uint64(spans[k, 2])] == marker:
            return True
    return False


@inlined
def _phrases(  # arrays one by one: what a tuple hands out is counted each time
    n: int, n_hot: int, row: Any, hot: Any, pool: Any, spans: Any, span_weights: Any, stack: Any,
    outs: Any, inner: Any, gates: Any, edges: Any, entries: Any, markers: Any, weights: Any,
) -> int:  # fmt: skip
    """Find every place where the words of a term of several follow each other, in order; < 0 where one is full."""
    used = 0
    for h in range(n_hot):
        at, place = hot[h, 0], hot[h, 1]
        whole = place < 0
        place = abs(place)
        if not whole and (not pool[place] & OPENS or at + 1 >= n or row[at + 1] <= 0):
            continue
        first = place + 2 if whole else place + 4 + pool[place + 1] + pool[place + 2]
        for k in range(first, first + pool[place + 1 if whole else place + 3]):
            node = pool[k]
            if node < 0:
                continue
            stack[0, 0], stack[0, 1] = node, at + (pool[place] if whole else 1)
            waiting = 1
            while waiting:
                waiting -= 1
                node, behind = stack[waiting, 0], stack[waiting, 1]
                if behind > at + 1:
                    for end in range(outs[node], outs[node + 1]):
                        if used == len(spans):
                            return -SPANS
                        entry = entries[end]
                        twin = _twin(spans, used, at, behind - at, markers[entry], markers)
                        if twin < 0:
                            spans[used, 0], spans[used, 1], spans[used, 2] = at, behind - at, entry
                            span_weights[used] = weights[entry]
                            used += 1
                        elif outdoes(weights[entry], span_weights[twin]):
                            spans[twin, 2], span_weights[twin] = entry, weights[entry]
                if whole or not inner[node] or behind >= n or row[behind] <= 0:
                    continue
                begin = uint64(row[behind])
                following = begin + uint64(4 + pool[begin + uint64(2)])
                for word in range(following, following + uint64(pool[begin + uint64(1)])):
                    child = _child(node, pool[word], gates, edges)
                    if child >= 0:
                        if waiting == len(stack):
                            return -STACK
                        stack[waiting, 0], stack[waiting, 1] = child, behind + 1
                        waiting += 1
    return used


@inlined
def _child(node: int, word: int, gates: Any, edges: Any) -> int:
    """The node that a word leads to; -1 where it leads nowhere, which `gates` mostly tells without a search."""
    h = edge_hash(node, word)
    if not gates[h >> uint64(6) & uint64(len(gates) - 1)] >> (h & uint64(63)) & uint64(1):
        return -1
    slot = int64(h >> uint64(32) & uint64(len(edges) - 1))
    while edges[slot, 2]:
        if edges[slot, 0] == node and edges[slot, 1] == word:
            return edges[slot, 2] - 1
        slot = (slot + 1) & (len(edges) - 1)
    return -1


@inlined
def _in_context(row: Any, said: Any, at: int, skip: int, need: int, pool: Any) -> bool:
    """Whether the sentence around the token at `at` lets a term count there."""
    return not (skip and _negated(row, at, skip, pool)) and (not need or said[at] & need != 0)


@inlined
def _count(key: int, weight: float, hits: Any, sums: Any, bits: Any, blocks: Any) -> None:
    """Count one occurrence. A bit of `bits` says which keys have any, one of `blocks` which 64 of these bits."""
    bits[key >> uint64(6)] |= uint64(1) << (key & uint64(63))
    blocks[key >> uint64(12)] |= uint64(1) << (key >> uint64(6) & uint64(63))
    hits[key] += 1
    sums[key] += weight


@inlined
def _count_all(n: int, which: Any, keys: Any, weights: Any, hits: Any, sums: Any, bits: Any, blocks: Any) -> None:
    """Count an occurrence of each of `n` entries."""
    for k in range(uint64(n)):
        entry = uint64(which[k])
        _count(uint64(keys[entry]), weights[entry], hits, sums, bits, blocks)


@inlined
def _answer(
    post: int, hits: Any, sums: Any, bits: Any, blocks: Any, out_post: Any, out_key: Any, out_n: Any, out_weight: Any,
    used: int,
) -> int:  # fmt: skip
    """Write what was counted of a post behind the `used` rows, by key, and forget it; returns how many there are."""
    out = uint64(used)
    for many in range(len(blocks)):
        waiting, blocks[many] = blocks[many], 0
        while waiting:
            block = uint64(64 * many) + trailing(waiting)
            waiting &= waiting - uint64(1)
            mine, bits[block] = bits[block], 0
            while mine:
                key = uint64(64) * block + trailing(mine)
                mine &= mine - uint64(1)
                out_post[out], out_key[out], out_n[out], out_weight[out] = post, key, hits[key], sums[key]
                hits[key], sums[key] = 0, 0
                out += uint64(1)
    return int64(out)


@compiled
def take(views: Any, which: Any, taken: Any) -> None:
    """Into `taken` the `views` (two numbers each) at the places `which`."""
    for k in range(len(which)):
        place = uint64(which[k])
        taken[uint64(k), 0], taken[uint64(k), 1] = views[place, 0], views[place, 1]


@compiled
def _fitted(
    at: int, i: int, end: int, chars: Characters, vocabulary: Vocabulary, pool: Any, used: int
) -> tuple[int, int]:
    """Into `pool` from `used` on what the token at `i` stands for; returns how much is used then, and what to keep.

    That is 1 + 8 times its place there (0: it stands for nothing; < 0: it ends a phrase), with `_IS_HOT` and others.
    """
    kind, stop = token(at, i, end, chars)
    if kind in (SENTENCE_END, NAME):
        return used, 1 + 8 * (_SENTENCE_END if kind == SENTENCE_END else _NAME)
    if kind == HASHTAG:
        return fit_hashtag(at, i + 1, stop, chars, vocabulary, pool, used), 1 + 8 * used + _IS_HASHTAG
    filled = fit_token(at, i, stop, kind == PICTURE, -1, chars, vocabulary, pool, used)
    if filled > len(pool):
        return filled, 1
    if pool[used + 1] == 0:
        return used, 1
    flags = (pool[used] & BEGINS != 0) * _IS_HOT + (pool[used] & OPENS != 0) * _IS_OPENER
    return filled, 1 + 8 * used + flags


@compiled
def scan(
    views: Any, buffers: Any, first: int, last: int, chars: Characters, vocabulary: Vocabulary, scratch: Scratch
) -> Any:
    """Read posts `first` to `last` (exclusive) into `scratch`; returns where it stopped, and why.

    views: Arrow's string views, (n, 4) int32. buffers: addresses of its data buffers (uint64).
    """
    chars, vocabulary, scratch = borrowed(chars), borrowed(vocabulary), borrowed(scratch)
    views, buffers = borrowed((views, buffers))
    beginning = uint64(views.ctypes.data)
    masks, tokens, row, said, hot, seen, pool, used = (
        scratch.masks, scratch.tokens, scratch.row, scratch.said, scratch.hot, scratch.seen, scratch.pool, scratch.used,
    )  # fmt: skip
    flat, roomy = scratch.flat, scratch.pool[: len(scratch.pool) - _FEW]
    hits, sums, bits, blocks, counts = scratch.hits, scratch.weights, scratch.bits, scratch.blocks, scratch.counts
    out_post, out_key, out_n, out_weight = scratch.post, scratch.key, scratch.n, scratch.weight
    spans, span_weights, stack = scratch.spans, scratch.span_weights, scratch.stack
    outs, inner, gates = vocabulary.outs, vocabulary.inner, vocabulary.gates
    edges, entries, markers = vocabulary.edges, vocabulary.entries, vocabulary.markers
    weights, keys, skips, needs = vocabulary.weights, vocabulary.keys, vocabulary.skips, vocabulary.needs
    mask = uint64(len(seen) - 1)
    contexts = False
    for k in range(len(skips)):
        contexts |= skips[k] != 0 or needs[k] != 0
    for post in range(first, last):
        if used[2] + len(hits) > len(out_post):
            return post, ANSWER
        end = int64(views[post, 0])
        at = beginning + uint64(16 * post + 4) if end <= _INLINE else buffers[views[post, 2]] + uint64(views[post, 3])
        i, n, n_hot, n_open, n_ends = int64(0), 0, 0, 0, 0
        before = uint64(0)
        while i < end:
            i, before, n_tokens = read(at, i, end, before, chars, masks, tokens, uint64(seen.ctypes.data), mask)
            for t in range(uint64(n_tokens)):
                low, high = tokens[t, 0], tokens[t, 1]
                slot = slot_of(low, high, mask)
                # Posts repeat their words: what fits one is found once, and looked up by its bytes from then on.
                while seen[slot, 2] and (seen[slot, 0] != low or seen[slot, 1] != high):
                    slot = (slot + uint64(1)) & mask
                if seen[slot, 2] == 0:
                    if 2 * used[0] > len(seen):
                        return post, SEEN
                    filled, found = _fitted(at, int64(tokens[t, 2]), end, chars, vocabulary, roomy, used[1])
                    if filled > len(roomy):
                        used[3] = filled + _FEW
                        return post, POOL
                    seen[slot, 0], seen[slot, 1], seen[slot, 2] = low, high, uint64(found)
                    used[0] += 1
                    used[1] = filled
                found = int64(seen[slot, 2]) - 1
                place = found >> 3
                if not found & _IS_HASHTAG:
                    row[n] = place
                    hot[n_hot, 0], hot[n_hot, 1] = n, place  # the next one goes over it where it is not hot
                    n_hot += found & _IS_HOT
                    n_open |= found & _IS_OPENER
                    n_ends += place < 0
                    n += 1
                    continue
                parts = pool[place]
                if pool[place + 1]:
                    hot[n_hot, 0], hot[n_hot, 1] = n, -place
                    n_hot += 1
                    n_open = 1
                place += 2 + pool[place + 1]
                for _ in range(parts):
                    row[n] = 0
                    if pool[place + 1]:
                        row[n] = place
                    if pool[place] & BEGINS:
                        hot[n_hot, 0], hot[n_hot, 1] = n, place
                        n_hot += 1
                        n_open |= pool[place] & OPENS
                    place += 4 + pool[place + 1] + pool[place + 2] + pool[place + 3]
                    n += 1
        counts[post] = n - n_ends
        if n_hot == 0:
            continue
        if contexts:
            _said(row, n, pool, said)
        n_spans, widest, near = 0, 0, 0
        if n_open:
            n_spans = _phrases(
                n,
                n_hot,
                row,
                hot,
                pool,
                spans,
                span_weights,
                stack,
                outs,
                inner,
                gates,
                edges,
                entries,
                markers,
                weights,
            )
            if n_spans < 0:
                return post, -n_spans
            for k in range(n_spans):
                widest = max(widest, spans[k, 1])
            for k in range(n_spans):
                begin, width, entry = spans[k, 0], spans[k, 1], spans[k, 2]
                while spans[near, 0] <= begin - widest:
                    near += 1
                if (
                    span_weights[k] != 0
                    and not _hidden(spans, n_spans, near, begin, width, markers[entry], markers)
                    and (not contexts or _in_context(row, said, begin, skips[entry], needs[entry], pool))
                ):
                    _count(uint64(keys[entry]), span_weights[k], hits, sums, bits, blocks)
        near, n_flat = 0, 0
        for h in range(uint64(n_hot)):
            begin, place = hot[h, 0], hot[h, 1]
            if place < 0:
                continue
            listed, many = uint64(place + 4), pool[place + 2]
            if n_flat > FLAT - _FEW:
                _count_all(n_flat, flat, keys, weights, hits, sums, bits, blocks)
                n_flat = 0
            while near < n_spans and spans[near, 0] <= begin - widest:
                near += 1
            covered = near < n_spans and spans[near, 0] <= begin
            if many <= _FEW and not covered and not contexts:  # nothing keeps these from counting
                for k in range(uint64(_FEW)):
                    flat[uint64(n_flat) + k] = pool[listed + k]
                n_flat += many
                continue
            for k in range(listed, listed + uint64(many)):
                entry = uint64(pool[k])
                if (covered and _hidden(spans, n_spans, near, begin, 1, markers[entry], markers)) or (
                    contexts and not _in_context(row, said, begin, skips[entry], needs[entry], pool)
                ):
                    continue
                if n_flat == FLAT:
                    _count_all(n_flat, flat, keys, weights, hits, sums, bits, blocks)
                    n_flat = 0
                flat[n_flat] = pool[k]
                n_flat += 1
        _count_all(n_flat, flat, keys, weights, hits, sums, bits, blocks)
        used[2] = _answer(post, hits, sums, bits, blocks, out_post, out_key, out_n, out_weight, used[2])
    return last, DONE
