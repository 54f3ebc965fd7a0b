"""Posts × lexicons → hits and weights. What matches is defined here, and nowhere else.

**Tokens.** A post is read from left to right. At each place the first of these that fits is taken, as long
as it goes; a character that begins none of them is skipped.

1. *URL*: `http://`, `https://` or `www.` (in any case) and at least one more character, up to white space.
2. *name*: `@` and a handle (`@ana`, `@ana.example.org`, `@ana@example.org`); `u/ana`, `r/anxiety`.
3. *word*: letters and digits of any script (Unicode L, N) and, after the first, their combining marks (M),
   with single apostrophes (' ’ ‘ ` ´) inside: can't. A `#` may stand before it.
4. *symbol*: one character of Unicode category So, hence each emoji by itself. Skin tones, variation
   selectors and joiners are not So and are skipped.
5. *emoticon*: `:`, an optional `'`, an optional `-`, and `(` or `)`.
6. *break*: a run of `. ! ? … ¡ ¿`, carriage returns and line feeds.

Words, symbols and emoticons are tokens. URLs, names and breaks are not: they match nothing and end a
phrase, as the end of the post does. What is skipped (commas, hyphens, underscores, quotes) does not:
panic-attack is two words.

**Folding.** A word behind `#` loses it and, where an upper-case letter (Lu) follows a lower-case one (Ll),
falls into several tokens: #PanicAttack is "panic attack", #panicattack one word. Then every token is
decomposed (NFD) and lower-cased; n with a tilde right behind it becomes ñ; all other marks U+0300–U+036F
and the variation selectors U+FE0E and U+FE0F are dropped; ς becomes σ and every apostrophe '. So depresión
= DEPRESION, yet año ≠ ano.

**Terms** are cut and folded likewise, into one to four words (here, a word is any token). Each may carry
one `*`, in front or behind, for any characters of the same token, or none. A term occurs where tokens equal
to its words follow each other with nothing but skipped characters between.

**Counting.** For each marker an occurrence within a longer one (of more words) does not count; any other
does, even where two overlap. Several terms of a marker at the very same words count once, with the greatest
weight. A term of weight 0 is an exception: it never counts, and nothing else of its marker counts at these
words or within them. So "no worries" with weight 0 keeps "worries" from counting. `hits` is the number of
occurrences that count, `weight` the sum of their weights. All lexicons given are read as one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from barograph.tables import SCORES

if TYPE_CHECKING:
    from lexicons.lexicon import Lexicon

LONGEST = 4
"""Words a term may have."""

_APOSTROPHE = "['’‘`´]"
_RUN = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
_HANDLE = r"[\p{L}\p{N}\p{M}_]+"
_URL = r"(?i-u:https?://|www\.)\S+"
_NAME = rf"@{_HANDLE}(?:[.@-]{_HANDLE})*|[ur]/{_HANDLE}"
_TOKEN = rf"(?:#?{_RUN}(?:{_APOSTROPHE}{_RUN})*|\p{{So}}|:'?-?[()])"
_BREAK = r"[.!?…¡¿\r\n]+"
_POST = f"{_URL}|{_NAME}|{_TOKEN}|{_BREAK}"
_PATTERN = rf"\*?{_TOKEN}\*?"
_TERM = rf"{_URL}|{_NAME}|{_PATTERN}|{_BREAK}|\*"


def match(posts: pl.DataFrame, lexicons: "Lexicon | Sequence[Lexicon]") -> pl.DataFrame:
    """How often, and how heavily, each post uses the terms of each marker.

    `posts` has `post_id` (its key) and `text`; NULL has no hits. Returns `post_id, marker, hits, weight` (the
    table `scores`): one row per post and marker with hits, in the order of `posts`, then by marker.
    """
    several = lexicons if isinstance(lexicons, Sequence) else [lexicons]
    if not several:
        return SCORES.empty()
    tokens, words = _read(posts["text"])
    found = pl.concat(_occurrences(tokens, spellings) for spellings in _spell(several, words))
    scores = (
        _counting(found)
        .sort("post", "marker", "at", "n")
        .group_by("post", "marker", maintain_order=True)
        .agg(hits=pl.len(), weight=pl.col("weight").sum())
    )
    return SCORES.validate(scores.select(pl.exclude("post"), post_id=posts["post_id"].gather(scores["post"])))


def count_tokens(posts: pl.DataFrame) -> pl.DataFrame:
    """`post_id, n_tokens` of every post, in their order: words, symbols and emoticons; 0 for a NULL text."""
    tokens, _ = _read(posts["text"])
    counts = tokens.group_by("post", maintain_order=True).agg(n_tokens=pl.col("word").count().cast(pl.Int64))
    return posts.select("post_id").with_columns(counts["n_tokens"])


def cut(terms: pl.Series) -> pl.Series:
    """Each term as the list of its folded words, `*` included; a URL, name, break or lone `*` is NULL."""
    raw = pl.DataFrame({"raw": terms.str.extract_all(_TERM)}).with_row_index("at")
    words = _fold(raw.explode("raw"), _PATTERN).group_by("at").agg("word")
    return raw.join(words, on="at", how="left", maintain_order="left")["word"].fill_null([])


def _read(texts: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`at, post, word` of each token and, word NULL, of what ends a phrase; `word, spelling` of each word."""
    # A line end behind each text keeps phrases from running into the next post.
    raw = (
        pl.DataFrame({"raw": (texts.fill_null("") + "\n").str.extract_all(_POST)})
        .with_row_index("post")
        .explode("raw")
        .with_columns(pl.col("raw").cast(pl.Categorical(pl.Categories.random())))
    )
    # Posts repeat their words: fold each distinct one once.
    distinct = raw.select(key=pl.col("raw").unique()).with_columns(raw=pl.col("key").cast(pl.String))
    folded = _fold(distinct, _TOKEN).rename({"word": "spelling", "key": "raw"})
    words = folded.select(pl.col("spelling").unique().drop_nulls()).with_row_index("word")
    folded = folded.join(words, on="spelling", how="left").select("raw", "word")
    tokens = raw.join(folded, on="raw", how="left", maintain_order="left_right")
    return tokens.select("post", "word").with_row_index("at"), words


def _fold(frame: pl.DataFrame, token: str) -> pl.DataFrame:
    """`frame` with `raw` folded to `word`: more rows where CamelCase falls apart, NULL where no `token`."""
    raw = pl.col("raw")
    parts = raw.str.replace("#", "", literal=True).str.replace_all(r"(\p{Ll})(\p{Lu})", "${1} ${2}")
    words = (
        pl.when(raw.str.contains("#", literal=True)).then(parts).otherwise(raw)
        .str.normalize("NFD").str.to_lowercase()
        .str.replace_all("n\u0303", "ñ", literal=True)
        .str.replace_all(r"[\u0300-\u036f\ufe0e\ufe0f]", "")
        .str.replace_all("ς", "σ", literal=True)
        .str.replace_all(_APOSTROPHE, "'")
        .str.split(" ")
    )  # fmt: skip
    words = pl.when(raw.str.contains(f"^{token}$")).then(words)
    return frame.select(pl.exclude("raw"), word=words).explode("word")


def _spell(lexicons: "Sequence[Lexicon]", words: pl.DataFrame) -> list[pl.DataFrame]:
    """For n = 1 … `LONGEST`: `marker, weight, n, word_0 … word_n-1`, each spelling of a term of n words."""
    terms = pl.concat(lexicon.terms for lexicon in lexicons)
    terms = terms.select("marker", "weight", patterns=cut(terms["term"]))
    terms = terms.with_columns(n=pl.col("patterns").list.len())
    known = _expand(terms["patterns"].explode().unique(), words)
    spellings = []
    for n in range(1, LONGEST + 1):
        spelled = terms.filter(pl.col("n") == n)
        for i in range(n):
            spelled = spelled.with_columns(pattern=pl.col("patterns").list.get(i))
            spelled = spelled.join(known, on="pattern").drop("pattern").rename({"word": f"word_{i}"})
        spellings.append(spelled.drop("patterns"))
    return spellings


def _expand(patterns: pl.Series, words: pl.DataFrame) -> pl.DataFrame:
    """`pattern, word` for each of `words` that a pattern stands for."""
    spelling, wanted = pl.col("spelling"), patterns.to_frame("pattern")
    stems = set(patterns.filter(patterns.str.contains("*", literal=True)).str.len_chars() - 1)
    heads = [spelling.str.head(n) + "*" for n in stems]
    tails = ["*" + spelling.str.tail(n) for n in stems]
    forms = [words.select("word", pattern=form) for form in (spelling, *heads, *tails)]
    return pl.concat(form.join(wanted, on="pattern", how="semi") for form in forms)


def _occurrences(tokens: pl.DataFrame, spellings: pl.DataFrame) -> pl.DataFrame:
    """`post, at, marker, n, weight` of every place where the words of a term follow each other."""
    names = [name for name in spellings.columns if name.startswith("word_")]
    following = [pl.col("word").shift(-i).alias(name) for i, name in enumerate(names)]
    # Few tokens begin a term: only from those does it pay to look on.
    starts = tokens.with_columns(following).join(spellings, left_on="word", right_on="word_0", how="semi")
    return starts.join(spellings, on=names).select("post", "at", "marker", "n", "weight")


def _counting(found: pl.DataFrame) -> pl.DataFrame:
    """The occurrences that count, one for each marker and run of words."""
    at, n, weight = pl.col("at"), pl.col("n"), pl.col("weight")
    heaviest = pl.when((weight == 0).any()).then(0.0).otherwise(weight.max())
    spans = found.group_by("post", "marker", "at", "n").agg(weight=heaviest)
    within = pl.concat(
        spans.filter(n > length, n >= first + length).select("marker", at=at + first, n=n * 0 + length)
        for length in range(1, LONGEST)
        for first in range(LONGEST - length + 1)
    )
    return spans.join(within, on=["marker", "at", "n"], how="anti").filter(weight > 0)
