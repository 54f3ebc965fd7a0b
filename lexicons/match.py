r"""Posts × lexicons → hits and weights. What matches is defined here, and nowhere else.

**Tokens.** A post is read from left to right. At each place the first of these that fits is taken, as long
as it goes; a character that begins none of them is skipped.

1. *URL*: `http://`, `https://` or `www.` (in any case) and at least one more character, up to white space.
2. *name*: `@` and a handle (`@ana`, `@ana.example.org`, `@ana@example.org`); `u/ana`, `r/anxiety`.
3. *word*: letters and digits of any script (Unicode L, N) and, after the first, their combining marks (M),
   with single apostrophes (' ’ ‘ ` ´) inside: can't, covid19. With a `#` before it, it is a *hashtag*.
4. *emoji*: a flag (two regional indicators), or one character of Unicode category So with the skin tones,
   variation selectors and tags behind it and all that U+200D joins to it: ❤️‍🔥 is one token, and not ❤.
5. *emoticon*: eyes `:`, an optional `'` and `-`, and a mouth of `( ) [ ] | / \ D P O S X C V 3`; `;` or `=`
   with a mouth of `( ) [ ] | / \ D P`; `<3`, `</3`; `^^`, `^_^`, `-_-`, `>_<` (or with a dot). A mouth that is
   a letter or digit ends it only where no letter or digit follows; `:/` is none before another `/`.
6. *break*: a run of `. ! ? … ¡ ¿`, carriage returns and line feeds. Sentences end here.

Words, hashtags, emoji and emoticons are tokens. URLs, names and breaks match nothing and end a phrase, as the
end of the post does. What is skipped (commas, hyphens, underscores, quotes) does not: panic-attack is two
words.

**Folding.** A hashtag loses its `#` and falls into several tokens before each upper-case letter (Lu) that
follows a lower-case one (Ll). Then each character is decomposed (NFD) and lower-cased; a tilde right behind n
makes ñ; all other marks U+0300–U+036F, variation selectors and skin tones are dropped; ς becomes σ, every
apostrophe ', and an emoticon loses its nose: depresión = DEPRESION, yet año ≠ ano; :-) = :).

**Terms** are cut and folded likewise, into one to eight words (here, a word is any token). Each may carry one
`*`, in front or behind, for any characters of the same token, or none. A word that begins with `=` and two letters
must be written with the same accents: =está is not esta.
A token that no word of any lexicon stands for is tried again with each run of three or more equal letters
cut to two or to one, preferring two: sooo → soo → so. With more than four such runs, those from the fourth on
are cut alike.
A term occurs where tokens that its words stand for follow each other with nothing but skipped characters
between; and at all the tokens of a hashtag together where the hashtag, read as one token, is what its only
word stands for, or its words (without `*` and `=`) written as one: #PanicAttack and #panicattack are "panic
attack", and so is "panicattack" where that is a term.

**Counting.** For each marker an occurrence within a longer one (of more words) does not count; any other
does, even where two overlap. Several terms of a marker at the very same words count once, with the greatest
weight. A term of weight 0 is an exception: it never counts, and nothing else of its marker counts at these
words or within them. So "no worries" with weight 0 keeps "worries" from counting. `hits` is the number of
occurrences that count, `weight` the sum of their weights (without `Lexicon.intercepts`, which whoever makes
something of the weight adds). All lexicons given are read as one.

**Context.** With `Lexicon.negation` an occurrence does not count where one of `context.NEGATORS` of its
language is among the three tokens before it in the same sentence; with `Lexicon.first_person` it counts only
where one of `context.FIRST_PERSON` is among the tokens of its sentence. URLs and names end no sentence.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from lexicons import kernel
from lexicons.characters import characters
from lexicons.kernel import Scratch
from lexicons.keys import AT_ONCE, WINDOWS
from lexicons.lexicon import Lexicon
from lexicons.terms import LONGEST, cut
from lexicons.vocabulary import Vocabulary, vocabulary

__all__ = ["LONGEST", "count_tokens", "cut", "match", "match_arrays", "occurrences"]

_SHARE = 2_000
"""Posts from which on a second core pays."""
_ANSWER = {"post": np.int32, "key": np.int32, "n": np.int64, "weight": np.float64}
"""The kernel's columns of an answer."""
_ROWS = 1 << 15
"""How many rows it writes at a time: few enough to stay in a core's cache."""
_CHUNK = 1 << 21
"""How many rows are kept together at most."""
_MOST_SEEN = 1 << 18
"""Room for tokens: half of it is used, then what is seen of a larger vocabulary is forgotten and found again."""
_MANY = 50_000
"""Posts from which on all this room is made at once."""
_Piece = tuple[NDArray[Any], ...]


def match(posts: pl.DataFrame, lexicons: Lexicon | Sequence[Lexicon]) -> pl.DataFrame:
    """How often, and how heavily, each post uses the terms of each marker.

    `posts` has `post_id` (its key) and `text`; NULL has no hits. Returns `post_id, marker, hits, weight` (the
    table `scores`): one row per post and marker with hits, in the order of `posts`, then by marker.
    """
    return _matched(posts, lexicons, by_term=False)


def occurrences(posts: pl.DataFrame, lexicons: Lexicon | Sequence[Lexicon]) -> pl.DataFrame:
    """The same by term: `post_id, marker, term, hits, weight`, the term as it is written in `Lexicon.terms`.

    An occurrence of several terms at the very same words is one of the heaviest.
    """
    return _matched(posts, lexicons, by_term=True)


@dataclass(frozen=True)
class Matches:
    """What `match` and `count_tokens` find, as arrays: a row a post and marker with hits, in order of both."""

    post: NDArray[np.int32]
    """Place of the post among the texts."""
    marker: NDArray[np.int32]
    """Place of the marker in `markers`."""
    hits: NDArray[np.int64]
    weight: NDArray[np.float64]
    markers: list[str]
    n_tokens: NDArray[np.int32]
    """Of every text."""

    @cached_property
    def _places(self) -> dict[str, NDArray[np.intp]]:
        numbers = self.marker.astype(np.uint16) if len(self.markers) <= 1 << 16 else self.marker  # sorted by digits
        order = np.argsort(numbers, kind="stable")
        borders = np.searchsorted(numbers[order], np.arange(1, len(self.markers), dtype=numbers.dtype))
        return dict(zip(self.markers, np.split(order, borders), strict=True)) if self.markers else {}

    def of(self, marker: str) -> NDArray[np.intp]:
        """Where the rows of a marker are, in order."""
        return self._places.get(marker, np.zeros(0, dtype=np.intp))


def match_arrays(texts: pl.Series, lexicons: Sequence[Lexicon]) -> Matches:
    """`match` and `count_tokens` in one pass, for whoever goes on with millions of rows."""
    table, keys = vocabulary(tuple(lexicons), by_term=False)
    counts = np.zeros(len(texts), dtype=np.int32)
    shares = _shares(texts, table, keys.height, counts, [_Kept(name) for name in _ANSWER])
    empty = tuple(np.zeros(0, dtype) for dtype in _ANSWER.values())
    post, marker, hits, weight = (np.concatenate(column) for column in zip(empty, *shares, strict=True))
    return Matches(post, marker, hits, weight, keys["marker"].to_list(), counts)


def count_tokens(posts: pl.DataFrame) -> pl.DataFrame:
    """`post_id, n_tokens` of every post, in their order: words, emoji and emoticons; 0 for a NULL text."""
    table, _ = vocabulary((), by_term=False)
    counts = np.zeros(posts.height, dtype=np.int32)
    found = _shares(posts["text"], table, 0, counts, [])
    assert not found, "no terms, nothing found"
    return posts.select("post_id", n_tokens=pl.Series(counts, dtype=pl.Int64))


def _matched(posts: pl.DataFrame, lexicons: Lexicon | Sequence[Lexicon], *, by_term: bool) -> pl.DataFrame:
    several = (lexicons,) if isinstance(lexicons, Lexicon) else tuple(lexicons)
    table, keys = vocabulary(several, by_term=by_term)
    counts = np.zeros(posts.height, dtype=np.int32)
    columns = [
        _Gathered(posts["post_id"], "post"), *(_Gathered(column, "key") for column in keys),
        _Kept("n", "hits"), _Kept("weight"),
    ]  # fmt: skip
    empty = tuple(column.room(0) for column in columns)
    chunks = _shares(posts["text"], table, keys.height, counts, columns)
    return pl.concat(
        [
            pl.DataFrame([column.series(array) for column, array in zip(columns, chunk, strict=True)])
            for chunk in (empty, *chunks)
        ],
        rechunk=False,
    )


def _fresh(n: int, dtype: Any) -> NDArray[Any]:
    """An array of Arrow's memory, which stays with the process: a new page costs more than to write it full."""
    return np.frombuffer(pa.allocate_buffer(n * np.dtype(dtype).itemsize), dtype)


class _Kept:
    """A column of the kernel's answer, as it is."""

    def __init__(self, column: str, name: str | None = None) -> None:
        self.at, self.dtype, self.name = list(_ANSWER).index(column), _ANSWER[column], name or column

    def room(self, n: int) -> NDArray[Any]:
        """Where `n` rows fit."""
        return _fresh(n, self.dtype)

    def put(self, piece: _Piece, into: NDArray[Any]) -> None:
        """Copy the rows of a piece."""
        into[:] = piece[self.at]

    def series(self, array: NDArray[Any]) -> pl.Series:
        """The rows as a series, of the same memory where that is possible."""
        return _series(self.name, pa.array(array))


class _Gathered(_Kept):
    """The values of a series at the places that a column of the answer gives.

    Of texts Arrow's views are copied, at once; other values are gathered in the end.
    """

    def __init__(self, values: pl.Series, column: str) -> None:
        super().__init__(column, values.name)
        self.values = values.rechunk()
        self.views: NDArray[np.uint64] | None = None
        if values.dtype == pl.String and not values.null_count():
            views, self.buffers = _views(self.values)
            self.views = views.view(np.uint64)

    def room(self, n: int) -> NDArray[Any]:
        return super().room(n) if self.views is None else _fresh(2 * n, np.uint64).reshape(n, 2)

    def put(self, piece: _Piece, into: NDArray[Any]) -> None:
        if self.views is None:
            super().put(piece, into)
        else:
            kernel.take(self.views, piece[self.at], into)

    def series(self, array: NDArray[Any]) -> pl.Series:
        if self.views is None:
            return self.values.gather(pl.Series(array))
        return _series(
            self.name, pa.Array.from_buffers(pa.string_view(), len(array), [None, pa.py_buffer(array), *self.buffers])
        )


def _series(name: str, array: pa.Array) -> pl.Series:
    """An Arrow array as a series of the same memory."""
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series), "an array is no table"
    return series.alias(name)


def _views(texts: pl.Series) -> tuple[NDArray[np.int32], list[pa.Buffer]]:
    """Arrow's string views, (n, 4), of a text column without nulls, and the buffers that they point into."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    _, raw, *buffers = array.buffers()
    views = np.frombuffer(raw or b"", dtype=np.int32).reshape(-1, 4)
    return views[array.offset : array.offset + len(texts)], buffers


def _shares(
    texts: pl.Series, table: Vocabulary, n_keys: int, counts: NDArray[np.int32], columns: Sequence[_Kept]
) -> list[_Piece]:
    """Chunks of the columns of what is found in all posts, in their order; `counts` becomes the tokens by post.

    A share of the posts for each core.
    """
    n = len(texts)
    views, buffers = _views(texts.cast(pl.String).fill_null(""))
    addresses = np.array([buffer.address for buffer in buffers], dtype=np.uint64)
    workers = max(1, min(_cores(), n // _SHARE))
    edges = [n * i // workers for i in range(workers + 1)]

    def share(i: int) -> list[_Piece]:
        pieces = _pieces(views, addresses, edges[i], edges[i + 1], table, n_keys, counts)
        return _chunks(pieces, columns, (edges[i + 1] - edges[i]) * n_keys)

    with ThreadPoolExecutor(workers) as pool:
        return [chunk for chunks in pool.map(share, range(workers)) for chunk in chunks]


def _chunks(pieces: Iterator[_Piece], columns: Sequence[_Kept], most: int) -> list[_Piece]:
    """The columns of all pieces, at `most` so many rows, in large arrays."""
    chunks: list[_Piece] = []
    ends: list[int] = []
    room = 0
    for piece in pieces:
        n = len(piece[0])
        if not chunks or ends[-1] + n > room:
            room = max(n, min(most, _CHUNK if chunks else 4 * _ROWS))  # a small answer takes a small room
            chunks.append(tuple(column.room(room) for column in columns))
            ends.append(0)
        for column, array in zip(columns, chunks[-1], strict=True):
            column.put(piece, array[ends[-1] : ends[-1] + n])
        ends[-1] += n
    return [tuple(array[:end] for array in chunk) for chunk, end in zip(chunks, ends, strict=True)]


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pieces(
    views: NDArray[np.int32], addresses: NDArray[np.uint64], first: int, last: int, table: Vocabulary, n_keys: int,
    counts: NDArray[np.int32],
) -> Iterator[_Piece]:  # fmt: skip
    """What the kernel finds in posts `first` to `last`, piece by piece: the columns of `_ANSWER`.

    The next piece is written over the one before. Gives the kernel room where it wants more.
    """
    longest, stuck = int(views[first:last, 0].max(initial=0)), -1
    scratch = Scratch(
        masks=np.empty((WINDOWS, 4), dtype=np.uint64), tokens=np.empty((AT_ONCE, 3), dtype=np.uint64),
        row=np.empty(longest + 1, dtype=np.int32), said=np.empty(longest + 1, dtype=np.int32),
        hot=np.empty((2 * longest + 2, 2), dtype=np.int32), flat=np.empty(kernel.FLAT, dtype=np.int32),
        # Large at once where posts are many: what comes first is what comes often, and stays where it is looked for.
        seen=np.zeros((_MOST_SEEN if last - first > _MANY else 1 << 12, 3), dtype=np.uint64),
        pool=np.zeros(1 << 12, dtype=np.int32),
        spans=np.empty((64, 3), dtype=np.int32), span_weights=np.empty(64), stack=np.empty((64, 2), dtype=np.int32),
        hits=np.zeros(n_keys, dtype=np.int32), weights=np.zeros(n_keys),
        bits=np.zeros(n_keys // 64 + 1, dtype=np.uint64), blocks=np.zeros(n_keys // 4096 + 1, dtype=np.uint64),
        **_room(last - first, n_keys), counts=counts, used=np.array([0, 1, 0, 0]),
    )  # fmt: skip
    why = -1
    while why != kernel.DONE:
        first, why = kernel.scan(views, addresses, first, last, characters(), table, scratch)
        if why == kernel.SEEN and len(scratch.seen) >= _MOST_SEEN and stuck != first:
            scratch.seen[:] = 0
            scratch.used[:2] = 0, 1
            stuck = first
        elif why == kernel.SEEN:
            scratch = scratch._replace(seen=kernel.rehashed(scratch.seen))
        elif why == kernel.POOL:
            scratch = scratch._replace(pool=_larger(scratch.pool, int(scratch.used[3])))
        elif why == kernel.SPANS:
            scratch = scratch._replace(spans=_larger(scratch.spans), span_weights=_larger(scratch.span_weights))
        elif why == kernel.STACK:
            scratch = scratch._replace(stack=_larger(scratch.stack))
        elif scratch.used[2]:
            yield tuple(getattr(scratch, name)[: scratch.used[2]] for name in _ANSWER)
            scratch.used[2] = 0


def _room(n_posts: int, n_keys: int) -> dict[str, NDArray[Any]]:
    """Where the kernel writes an answer: the rows of at least one post."""
    rows = max(min(_ROWS, n_posts * n_keys), n_keys)
    return {name: np.empty(rows, dtype=dtype) for name, dtype in _ANSWER.items()}


def _larger(array: NDArray[Any], wanted: int = 0) -> NDArray[Any]:
    """The array at twice its length, or as long as wanted, zeros behind."""
    return np.concatenate([array, np.zeros((max(len(array), wanted - len(array)), *array.shape[1:]), array.dtype)])
