"""Lexicons → tables that the kernel matches with: words, and the terms that follow them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numba import uint64
from numpy.typing import NDArray

from barograph.errors import ConfigError
from lexicons.compiled import compiled
from lexicons.context import FIRST_PERSON, NEGATORS
from lexicons.lexicon import Lexicon
from lexicons.terms import Word, words_of
from lexicons.tokens import mix

WHOLE, HEAD, TAIL, JOINED = range(4)
"""How a word of a term stands for a token: as all of it, its beginning, its end, or a phrase written as one."""
EXACT = 4
"""Added to these for words that must be written with just these accents."""
NEGATES, FIRST = 1, 2
"""What a token says of its sentence; English at these bits, Spanish two bits higher."""

Ints = NDArray[np.int32]


class Vocabulary(NamedTuple):
    """Everything that the terms of several lexicons compile to.

    Words (by id): `kinds`, `texts[starts[w]:starts[w + 1]]` (code points; of a TAIL reversed), `flags` (what it
    says of its sentence), `roots` (the node it begins, -1 where none; of a JOINED word the node it stands for),
    found through `slots` (open addressing, id + 1). `longest[kind]` is the length of the longest word of a kind.
    Nodes: `entries[outs[n]:outs[n + 1]]` end there; `inner`: whether any word follows; `edges` (open addressing: node,
    word, child + 1), `gates`: a bit for what may be an edge. Entries: `markers`, `keys`, `weights`, `skips` and
    `needs` (bits of context).
    """

    kinds: Ints
    starts: Ints
    texts: Ints
    flags: Ints
    roots: Ints
    slots: Ints
    longest: Ints
    outs: Ints
    inner: NDArray[np.bool_]
    gates: NDArray[np.uint64]
    edges: Ints
    entries: Ints
    markers: Ints
    keys: Ints
    weights: NDArray[np.float64]
    skips: Ints
    needs: Ints


@compiled
def seed(kind: int) -> Any:
    """Where the hash of a word of this kind begins."""
    return mix(uint64(kind + 1))


@compiled
def step(h: int, code: int) -> Any:
    """The hash of a word with one more character."""
    return (uint64(h) ^ uint64(code)) * uint64(0x100000001B3)


@compiled
def edge_hash(node: int, word: int) -> Any:
    """The hash of an edge: its low bits are its gate, its high ones where the search for it begins."""
    return mix(uint64(node) << uint64(32) | uint64(word))


@compiled
def _index_words(kinds: Any, starts: Any, texts: Any, slots: Any) -> None:
    for word in range(len(kinds)):
        h = seed(kinds[word])
        for k in range(starts[word], starts[word + 1]):
            h = step(h, texts[k])
        slot = np.int64(mix(h) & uint64(len(slots) - 1))
        while slots[slot]:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word + 1


@compiled
def _index_edges(pairs: Any, gates: Any, edges: Any) -> None:
    for k in range(len(pairs)):
        h = edge_hash(pairs[k, 0], pairs[k, 1])
        gates[h >> uint64(6) & uint64(len(gates) - 1)] |= uint64(1) << (h & uint64(63))
        slot = np.int64(h >> uint64(32) & uint64(len(edges) - 1))
        while edges[slot, 2]:
            slot = (slot + 1) & (len(edges) - 1)
        edges[slot, 0], edges[slot, 1], edges[slot, 2] = pairs[k, 0], pairs[k, 1], pairs[k, 2] + 1


class _Trie:
    """Words, and the nodes that sequences of them lead to, while they are collected."""

    def __init__(self) -> None:
        self.words: dict[tuple[int, str], int] = {}
        self.flags: dict[int, int] = {}
        self.roots: dict[int, int] = {}
        self.children: dict[tuple[int, int], int] = {}
        self.ends: list[list[int]] = []

    def word(self, kind: int, text: str) -> int:
        return self.words.setdefault((kind, text[::-1] if kind & 3 == TAIL else text), len(self.words))

    def of(self, word: Word) -> int:
        return self.word((HEAD if word.after else TAIL if word.before else WHOLE) + EXACT * word.exact, word.text)

    def flag(self, word: Word, bit: int) -> None:
        known = self.of(word)
        self.flags[known] = self.flags.get(known, 0) | bit

    def add(self, words: Sequence[Word], entry: int) -> None:
        ids = [self.of(word) for word in words]
        node = self._node(self.roots, ids[0])
        for following in ids[1:]:
            node = self._node(self.children, (node, following))
        self.ends[node].append(entry)
        if len(ids) > 1 and not any(word.before or word.after or word.exact for word in words):
            joined = self.word(JOINED, "".join(word.text for word in words))
            self.ends[self._node(self.roots, joined)].append(entry)

    def _node(self, known: dict[Any, int], key: Any) -> int:
        if key not in known:
            known[key] = len(self.ends)
            self.ends.append([])
        return known[key]


def _offsets(lengths: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)


def _table_size(n: int) -> int:
    return 1 << max(4, (2 * n).bit_length())


@lru_cache(maxsize=16)
def vocabulary(lexicons: tuple[Lexicon, ...], *, by_term: bool) -> tuple[Vocabulary, pl.DataFrame]:
    """The tables of `lexicons`, and what each key stands for: `marker`, and `term` where `by_term`.

    Raises `ConfigError` where lexicons of one marker have different options: which of two equal terms counts would
    depend on their order.
    """
    options: dict[str, tuple[bool, bool]] = {}
    for lexicon in lexicons:
        own = (lexicon.negation, lexicon.first_person)
        for marker in lexicon.terms["marker"].unique():
            if options.setdefault(marker, own) != own:
                raise ConfigError(
                    f"{lexicon.name}: got the marker {marker!r} with negation {own[0]}, first_person {own[1]}; "
                    f"expected {options[marker][0]}, {options[marker][1]}, as in the lexicons before it"
                )
    rows = pl.concat(
        [lexicon.terms.select("term", "marker", "weight") for lexicon in lexicons]
        or [pl.DataFrame(schema={"term": pl.String, "marker": pl.String, "weight": pl.Float64})]
    )
    # By term, so that what one token counts for lies together in memory.
    rows = rows.sort("term", maintain_order=True)
    names = ["marker", "term"] if by_term else ["marker"]
    keys = rows.select(names).unique().sort(names)
    markers = rows["marker"].unique().sort()
    rows = rows.join(keys.with_row_index("key"), on=names, how="left", maintain_order="left")
    rows = rows.with_columns(number=pl.col("marker").replace_strict(markers, range(len(markers))))
    trie = _Trie()
    bits = {language: 2 * i for i, language in enumerate(NEGATORS)}
    for number, words in enumerate(words_of(rows["term"])):
        assert words, f"{rows['term'][number]!r} cannot occur"
        trie.add([word for word in words if word], number)
    skips, needs = np.zeros(len(markers), dtype=np.int32), np.zeros(len(markers), dtype=np.int32)
    for lexicon in lexicons:
        shift = bits.get(lexicon.language, 0)
        mine = markers.is_in(lexicon.terms["marker"].unique().to_list()).to_numpy()
        for wanted, patterns, bit, masks in (
            (lexicon.negation, NEGATORS, NEGATES, skips), (lexicon.first_person, FIRST_PERSON, FIRST, needs),
        ):  # fmt: skip
            masks[mine] |= bit << shift if wanted else 0
            for words in words_of(patterns.get(lexicon.language, ()) if wanted else ()):
                trie.flag(words[0], bit << shift)  # type: ignore[arg-type]
    numbers, weights = rows["number"].to_list(), rows["weight"].to_list()
    # Of several terms of a marker that are the same words, an exception counts, else the one of greatest weight.
    trie.ends = [
        list({numbers[e]: e for e in sorted(ends, key=lambda e: (weights[e] == 0, weights[e], -e))}.values())
        for ends in trie.ends
    ]
    table = _tables(trie)._replace(
        markers=rows["number"].to_numpy().astype(np.int32), keys=rows["key"].to_numpy().astype(np.int32),
        weights=rows["weight"].to_numpy().astype(np.float64),
        skips=skips[numbers], needs=needs[numbers],
    )  # fmt: skip
    return table, keys


def _tables(trie: _Trie) -> Vocabulary:
    kinds = np.array([kind for kind, _ in trie.words], dtype=np.int32)
    texts = [text for _, text in trie.words]
    starts = _offsets([len(text) for text in texts])
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.int32)
    slots = np.zeros(_table_size(len(texts)), dtype=np.int32)
    _index_words(kinds, starts, points, slots)
    longest = np.zeros(8, dtype=np.int32)
    np.maximum.at(longest, kinds, np.diff(starts))
    edges = np.zeros((_table_size(len(trie.children)), 3), dtype=np.int32)
    pairs = [(*pair, child) for pair, child in trie.children.items()]
    gates = np.zeros(max(8, _table_size(len(pairs)) // 16), dtype=np.uint64)
    _index_edges(np.array(pairs, dtype=np.int32).reshape(-1, 3), gates, edges)
    inner = np.zeros(len(trie.ends), dtype=np.bool_)
    inner[[node for node, _ in trie.children]] = True
    none = np.zeros(0, dtype=np.int32)
    words = range(len(texts))
    return Vocabulary(
        kinds, starts, points,
        np.array([trie.flags.get(word, 0) for word in words], dtype=np.int32),
        np.array([trie.roots.get(word, -1) for word in words], dtype=np.int32),
        slots, longest, _offsets([len(ends) for ends in trie.ends]), inner, gates, edges,
        np.array([entry for ends in trie.ends for entry in ends], dtype=np.int32),
        none, none, np.zeros(0), none, none,
    )  # fmt: skip
