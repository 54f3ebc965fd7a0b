'''Posts × lexicons → hits and weights. What matches is defined here, and nowhere else.

**Tokens.** A post is read from left to right; at each place the first of these that fits is taken, any other
character is skipped:

1. *URL*: `http://`, `https://` or `www.` (any case) up to the next white space.
2. *name*: `@` and a handle (`@ana`, `@ana.bsky.social`, `@ana@host.org`); `u/ana`, `r/anxiety`, `/r/anxiety`.
3. *word*: letters and digits of any script (Unicode L, N), then also their combining marks (M); apostrophes
   (' ’ ‘ ` ´) stay inside, between letters or digits: can't. Before it may stand a `#`.
4. *symbol*: one character of Unicode category So, hence each emoji by itself. Variation selectors, skin tones
   and joiners are none of these and so are skipped.
5. *emoticon*: `:` with an optional `'`, an optional `-`, and `(` or `)`.
6. *break*: a run of `. ! ? … ¡ ¿` and line ends (carriage return, line feed).

Words, symbols and emoticons are tokens. URLs, names and breaks are not: they never match and end a phrase, as does
the end of the post. Everything skipped (commas, hyphens, underscores, quotes) does not: panic-attack is two words.

**Folding.** Of a word behind `#` the `#` is dropped and CamelCase is taken apart wherever an upper-case letter
(Lu) follows a lower-case one (Ll): #PanicAttack is "panic attack", #panicattack is one word. Then every token is decomposed
(NFD) and lower-cased, n with a tilde right behind it becomes ñ, all other combining marks U+0300–U+036F and
variation selectors U+FE0E–U+FE0F are dropped, final ς becomes σ, and every apostrophe becomes '. So depresión =
DEPRESION, but año ≠ ano.

**Terms** are cut and folded in the same way, into one to four words (a word means any token). A word of a term may
carry one `*`, in front or behind, which stands for any characters of the same token, or none. A term occurs where
tokens equal to its words follow each other within a post with nothing but skipped characters between.

**Counting.** Per marker, an occurrence within a longer occurrence (one of more words) does not count; all others do,
even where they overlap. Terms of one marker at the very same words count once, with the greatest of their weights.
A term of weight 0 is an exception: it never counts and, wherever it occurs, nothing else of its marker counts
at these words or within them. So "no worries" at weight 0 keeps "worries" from counting. `hits` is the number of occurrences that
count, `weight` the sum of their weights. All lexicons given are read as one.
'''

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from barograph.tables import SCORES

if TYPE_CHECKING:
    from lexicons import Lexicon

LONGEST = 4
"""Words a term may have."""

_APOSTROPHE = "['’‘`´]"
_WORD = rf"[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}]*(?:{_APOSTROPHE}[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}]*)*"
_HANDLE = r"[\p{L}\p{M}\p{N}_]+"
_URL = r"(?i-u:https?://|www\.)\S+"
_NAME = rf"@{_HANDLE}(?:[.@-]{_HANDLE})*|/?[ur]/{_HANDLE}"
_TOKEN = rf"#?{_WORD}|\p{{So}}|:'?-?[()]"
_BREAK = r"[.!?…¡¿\r\n]+"
_POST = f"{_URL}|{_NAME}|{_TOKEN}|{_BREAK}"
_TERM = rf"{_URL}|{_NAME}|\*?(?:{_TOKEN})\*?|{_BREAK}|\*"


def match(posts: pl.DataFrame, lexicons: "Lexicon | Sequence[Lexicon]") -> pl.DataFrame:
    """How often, and how heavily, each post uses the terms of each marker.

    `posts` has `post_id` (its key) and `text`; a NULL text has no hits. Returns `post_id, marker, hits, weight`
    (table `scores`), one row per post and marker with at least one hit, in the order of `posts`, then by marker.
    """
    several = lexicons if isinstance(lexicons, Sequence) else [lexicons]
    tokens, words = _read(posts["text"])
    spans = _spans(pl.concat(_occurrences(tokens, spelled) for spelled in _spellings(several, words)))
    counted = (
        spans.sort("post", "marker", "at")
        .group_by("post", "marker", maintain_order=True)
        .agg(hits=pl.len(), weight=pl.col("weight").sum())
    )
    return SCORES.validate(counted.select(pl.exclude("post"), post_id=posts["post_id"].gather(counted["post"])))


def count_tokens(posts: pl.DataFrame) -> pl.DataFrame:
    """`post_id, n_tokens` for every post, in their order: its words, symbols and emoticons; 0 for a NULL text."""
    tokens, _ = _read(posts["text"])
    counts = tokens.group_by("post", maintain_order=True).agg(n_tokens=pl.col("word").count().cast(pl.Int64))
    return posts.select("post_id").with_columns(counts["n_tokens"])


def cut(terms: pl.Series) -> pl.Series:
    """Each term as the list of its folded words, `*` included; URLs, names and breaks are NULL among them."""
    raw = pl.DataFrame({"raw": terms}).with_row_index("at").select("at", raw=pl.col("raw").str.extract_all(_TERM))
    folded = _fold(raw.explode("raw", empty_as_null=False), rf"\*?(?:{_TOKEN})\*?")
    lists = folded.group_by("at", maintain_order=True).agg("word")
    return raw.select("at").join(lists, on="at", how="left", maintain_order="left")["word"]


def _read(texts: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`post, at, word` for every token and (word NULL) break; and the distinct `word, spelling` of this batch."""
    # The line end keeps phrases from running into the next post. Folding is done once per distinct token.
    raw = (
        pl.DataFrame({"raw": texts})
        .with_row_index("post")
        .with_columns((pl.col("raw").fill_null("") + "\n").str.extract_all(_POST))
        .explode("raw")
        .with_columns(pl.col("raw").cast(pl.Categorical(pl.Categories.random())))
    )
    distinct = raw.select(pl.col("raw").unique()).with_columns(key="raw", raw=pl.col("raw").cast(pl.String))
    folded = _fold(distinct, _TOKEN)
    words = folded.select(spelling=pl.col("word").unique()).drop_nulls().with_row_index("word")
    folded = folded.join(words, left_on="word", right_on="spelling", how="left").select(raw="key", word="word_right")
    tokens = raw.join(folded, on="raw", how="left", maintain_order="left_right")
    return tokens.select("post", "word").with_row_index("at"), words


def _fold(frame: pl.DataFrame, token: str) -> pl.DataFrame:
    """`frame` with `raw` replaced by its folded `word`: several rows for CamelCase, NULL for what is no `token`."""
    raw = pl.col("raw")
    camel = raw.str.replace("#", "", literal=True).str.replace_all(r"(\p{Ll}\p{M}*)(\p{Lu})", "${1} ${2}")
    word = (
        pl.when(raw.str.contains("#", literal=True)).then(camel).otherwise(raw)
        .str.normalize("NFD").str.to_lowercase()
        .str.replace_all("n\u0303", "ñ", literal=True)
        .str.replace_all(r"[\u0300-\u036f\ufe0e\ufe0f]", "")
        .str.replace_all("ς", "σ", literal=True)
        .str.replace_all(_APOSTROPHE, "'")
        .str.split(" ")
    )  # fmt: skip
    return frame.with_columns(word=pl.when(raw.str.contains(f"^(?:{token})$")).then(word)).drop("raw").explode("word")


def _spellings(lexicons: "Sequence[Lexicon]", words: pl.DataFrame) -> list[pl.DataFrame]:
    """For each n up to `LONGEST`: `marker, weight, n, word_0 … word_n-1`, every way this batch spells a term of n words."""
    terms = pl.concat([lexicon.terms.select("marker", "weight", part=cut(lexicon.terms["term"])) for lexicon in lexicons])
    terms = terms.with_columns(n=pl.col("part").list.len())
    known = _expand(terms.select(pl.col("part").explode().unique().drop_nulls())["part"], words)
    found = []
    for n in range(1, LONGEST + 1):
        spelled = terms.filter(pl.col("n") == n)
        for i in range(n):
            spelled = spelled.with_columns(pattern=pl.col("part").list.get(i))
            spelled = spelled.join(known, on="pattern").rename({"word": f"word_{i}"}).drop("pattern")
        found.append(spelled.drop("part"))
    return found


def _expand(patterns: pl.Series, words: pl.DataFrame) -> pl.DataFrame:
    """`pattern, word` for every word of this batch that a pattern stands for."""
    spelling = pl.col("spelling")
    lengths = patterns.filter(patterns.str.contains("*", literal=True)).str.len_chars().unique() - 1
    forms = [spelling, *(spelling.str.head(n) + "*" for n in lengths), *("*" + spelling.str.tail(n) for n in lengths)]
    wanted = patterns.to_frame("pattern")
    spelled = [words.select("word", pattern=form).join(wanted, on="pattern", how="semi") for form in forms]
    return pl.concat(spelled).select("pattern", "word")


def _occurrences(tokens: pl.DataFrame, spellings: pl.DataFrame) -> pl.DataFrame:
    """`post, at, marker, n, weight` of each place where the words of a term follow each other."""
    names = [name for name in spellings.columns if name.startswith("word_")]
    # Few tokens begin a term: only there are the following words looked at.
    following = [pl.col("word").shift(-i).alias(name) for i, name in enumerate(names)]
    starts = tokens.with_columns(following).join(spellings, left_on="word", right_on=names[0], how="semi")
    return starts.join(spellings, on=names, how="inner").select("post", "at", "marker", "n", "weight")


def _spans(occurrences: pl.DataFrame) -> pl.DataFrame:
    """The occurrences that count, each run of words once per marker."""
    weight, at, n = pl.col("weight"), pl.col("at"), pl.col("n")
    spans = occurrences.group_by("post", "marker", "at", "n").agg(
        weight=pl.when((weight == 0).any()).then(0.0).otherwise(weight.max())
    )
    within = pl.concat(
        spans.filter((n > length) & (n >= first + length)).select("marker", at=at + first, n=pl.lit(length, dtype=pl.UInt32))
        for length in range(1, LONGEST)
        for first in range(LONGEST - length + 1)
    )
    return spans.join(within, on=["marker", "at", "n"], how="anti").filter(weight > 0)
