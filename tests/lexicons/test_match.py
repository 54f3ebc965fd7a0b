"""What matches: by hand for every rule, and against an oracle that shares nothing with the product."""

import gzip
import json
import os
import random
import subprocess
import sys
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barograph.errors import ConfigError
from lexicons import Lexicon, context, count_tokens, load, match, names, occurrences
from lexicons.terms import read
from tests.lexicons import oracle


def lexicon(*rows, language="en", **options):
    """Of (term, marker, weight) or of terms alone, then of the marker m at weight 1."""
    rows = [(row, "m", 1.0) if isinstance(row, str) else row for row in rows]
    terms = pl.DataFrame(rows, schema={"term": str, "marker": str, "weight": float}, orient="row")
    return Lexicon(f"test_{language}", language, "0", terms, **options)


def posts(*texts):
    ids = [f"p{i}" for i in range(len(texts))]
    return pl.DataFrame({"post_id": ids, "text": texts}, schema={"post_id": str, "text": str})


def hits(text, *rows):
    """Occurrences and weight of the only marker."""
    return next(match(posts(text), lexicon(*rows)).select("hits", "weight").iter_rows(), (0, 0))


def expected(texts, lexicons):
    rows, around = [], []
    for each in lexicons:
        negators = context.NEGATORS[each.language] if each.negation else ()
        persons = context.FIRST_PERSON[each.language] if each.first_person else ()
        around += [*negators, *persons]
        option = tuple(frozenset(p for w in words for p in oracle.patterns(w)) for words in (negators, persons))
        rows += [(*row, option) for row in each.terms.rows()]
    score = oracle.matcher(rows, around)
    return [(f"p{i}", m, *found) for i, text in enumerate(texts) for m, found in sorted(score(text).items())]


def agree(texts, lexicons):
    found, wanted = match(posts(*texts), lexicons).rows(), expected(texts, lexicons)
    assert [row[:3] for row in found] == [row[:3] for row in wanted]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in wanted])
    counted = count_tokens(posts(*texts))["n_tokens"].to_list()
    assert counted == [sum(token is not None for token in oracle.read(text or "")) for text in texts]


@pytest.mark.parametrize(
    ("text", "term", "n"),
    [
        ("Sad, SAD and sád", "sad", 3),  # case and accents do not count, on either side
        ("sad", "SÁD", 1),
        ("depresión DEPRESION depresio\u0301n", "depresión", 3),
        ("año an\u0303o AÑO", "año", 3),
        ("ano", "año", 0),  # … but ñ is a letter of its own
        ("ΟΔΟΣ οδος οδοσ", "οδός", 3),
        ("can't can’t can`t can´t CAN‘T", "can't", 5),  # apostrophes
        ("cant can t", "can't", 0),
        ("'sad' ‘sad’", "sad", 2),
        ("saddle unsad sad2", "sad", 0),  # whole tokens
        ("http://x.org/sad HTTPS://sad.org www.sad.org", "sad", 0),  # URLs
        ("http:// sad", "sad", 1),
        ("@sad @x-sad @sad.example.org @x@sad.org u/sad r/sad /r/sad", "sad", 0),  # names
        ("@joe...sad and/or/sad", "sad", 2),
        ("#sad #Sad", "sad", 2),  # hashtags
        ("#PanicAttack #panic_attack", "panic attack", 2),
        ("#panicattack #PANICATTACK #panicAttack", "panic attack", 3),  # … a phrase in them written as one
        ("#PanicAttack #panicAttack", "panicattack", 2),  # … and all of a hashtag as one word
        ("#SocialAnxiety", "social*", 1),
        ("#GoodNightAnxiety", "*anxiety", 1),
        ("#panicattacks", "panic attack*", 0),
        ("PanicAttack", "panic attack", 0),
        ("#panicattack PanicAttack", "panicattack", 2),
        ("#SADDAYS #SadDays", "sad", 1),
        ("😢😢 😢\ufe0f x😢y", "😢", 4),  # symbols, each by itself
        ("👍🏽👍", "👍", 2),
        ("sa\ufe0fd", "sad", 1),
        ("❤️ ❤", "❤", 2),
        ("👩\u200d👧 👩", "👩", 1),  # … but what is joined is another one
        ("👩🏽\u200d👧🏽 👩\u200d👧", "👩\u200d👧", 2),
        ("❤️\u200d🔥 ❤️", "❤", 1),
        ("🇪🇸🇫🇷🇪🇸", "🇪🇸", 2),
        ("🇫🇷🇪🇸", "🇷🇪", 0),
        ("so sad:( :'( :-( :((", ":(", 3),  # emoticons, with a nose or without
        (":'-( :'(", ":'(", 2),
        (":D :d :Do :-D", ":D", 3),
        ("https://x.y :/ :// :-/", ":/", 2),
        ("<3 <3s <33 </3", "<3", 1),
        ("10:30 ^^ ^_^", "^_^", 1),
        ("xD XD", "xD", 2),
        ("sooo soooo soo so", "so", 3),  # elongations
        ("sooo soooo soo so", "soo", 3),
        ("haaappyyy happppyyy hapy", "happy", 2),
        ("noooooo", "no*", 1),
        ("1000", "100", 0),
        ("#soooSad", "so sad", 1),
        ("está esta ESTÁ esta\u0301", "=está", 3),  # exactly as written
        ("está esta", "=esta", 1),
        ("mamá mama", "=mam*", 2),
        ("mamás mamas", "=mamá*", 1),
        ("año ano", "=año", 1),
        ("a b c d e f g h", "a b c d e f g h", 1),
        ("covid19 covid 19", "covid19", 1),
        ("panic-attack, panic (attack) panic   attack", "panic attack", 3),  # what phrases reach across
        (
            "panic. attack panic\nattack panic! attack panic… attack panic @x attack panic www.x.y attack",
            "panic attack",
            0,
        ),
        ("panic 😢 attack panic the attack", "panic attack", 0),
        ("no puedo más", "no puedo mas", 1),
        ("panic panics panicked hispanic", "panic*", 3),  # wildcards
        ("phobia claustrophobia phobias", "*phobia", 2),
        ("panic attacks attack panic", "panic attack*", 1),
        ("feeling so sad feels so saddened", "feel* so sad*", 2),
        (None, "sad", 0),
        ("", "sad", 0),
    ],
)
def test_one_term(text, term, n):
    assert hits(text, term) == (n, n)


@pytest.mark.parametrize(
    ("text", "rows", "wanted"),
    [
        (
            "a panic attack",
            [("panic attack", "m", 2), ("attack", "m", 1), ("panic", "m", 1)],
            (1, 2),
        ),  # within
        ("so very sad day", [("so very sad", "m", 2), ("sad day", "m", 1)], (2, 3)),  # overlapping
        ("sadness", [("sad*", "m", 1), ("*ness", "m", 3)], (1, 3)),  # the very same words
        ("no worries", [("worries", "m", 1), ("no worries", "m", 0)], (0, 0)),  # exceptions
        ("no worries, worries", [("worries", "m", 1), ("no worries", "m", 0)], (1, 1)),
        ("panicle panics", [("panic*", "m", 1), ("panicle", "m", 0)], (1, 1)),
        ("I never lose hope", [("hope", "m", 1), ("lose hope", "m", 0), ("never lose hope", "m", 2)], (1, 2)),
        ("sad sad sad", [("sad", "m", 0.5)], (3, 1.5)),
    ],
)
def test_counting(text, rows, wanted):
    assert hits(text, *rows) == wanted


def test_markers_do_not_hide_each_other():
    both = lexicon(("panic attack", "a", 1.0), ("attack", "b", 1.0), ("panic", "a", 1.0))
    assert match(posts("panic attack"), both).rows() == [("p0", "a", 1, 1.0), ("p0", "b", 1, 1.0)]


def test_order_and_columns():
    two = [lexicon(("sad", "z", 1.0)), lexicon(("sad", "a", 2.0), ("day", "a", 1.0))]
    found = match(pl.DataFrame({"post_id": ["p9", "p1"], "text": ["sad day", "sad"]}), two)
    assert found.rows() == [
        ("p9", "a", 2, 3.0),
        ("p9", "z", 1, 1.0),
        ("p1", "a", 1, 2.0),
        ("p1", "z", 1, 1.0),
    ]
    assert found.schema == {"post_id": pl.String, "marker": pl.String, "hits": pl.Int64, "weight": pl.Float64}


def test_phrases_stay_within_a_post():
    assert match(posts("panic", "attack"), lexicon("panic attack")).is_empty()


def test_nothing_to_match():
    assert match(posts(), lexicon("sad")).is_empty()
    assert match(posts("sad"), []).is_empty()
    assert count_tokens(posts()).is_empty()


def test_count_tokens():
    counted = count_tokens(posts("#SoSad 😢, can't :( @x www.x.y", None, "...", "uno dos"))
    assert counted.rows() == [("p0", 5), ("p1", 0), ("p2", 0), ("p3", 2)]


def test_long_words_are_told_apart():
    """Beyond 16 bytes a word is known by a hash: neither its parts in another order nor a flipped bit is the same."""
    word = "uncomfortableness and more"[:17] + "es" * 8
    halves = [word, word[8:16] + word[:8] + word[16:], word[:-2] + "se", "dablenesencomfors"]
    found = match(posts(*halves, "uncomfortableness"), lexicon(word, "uncomfortableness"))
    assert found["post_id"].to_list() == ["p0", "p4"]


@pytest.mark.parametrize(
    ("other", "term"),
    [
        ("vrrbqqfrkwjlajsu", "sad"), ("djqjncwdoantnyte", "depression"), ("arrependimientoc", "arrepentimientos"),
        ("catastqrphisint", "catastrophising"), ("disappjdntingll", "disappointingly"),
    ],
)  # fmt: skip
def test_words_are_told_apart_by_all_their_letters(other, term):
    """Pairs that a hash of 64 bits took for one word; whichever comes first must not stand for the other."""
    for texts in ((other, f"so {term}"), (f"so {term}", other)):
        found = match(posts(*texts), lexicon(term))
        assert found["post_id"].to_list() == [f"p{texts.index(f'so {term}')}"]
    assert count_tokens(posts("jehpapiovaudqjur. a.b", "a. jehpapiovaudqjur"))["n_tokens"].to_list() == [3, 2]


def test_nothing_is_read_beyond_the_page_of_a_text():
    """A text that ends with its page of memory, and a page behind it that must not be read."""
    text = "abcdefghijklmnop'qrstuvwxyz12345 a word " + "an end that lies behind its window " * 5
    code = f"""
import ctypes, mmap, numpy as np, sys
import lexicons
from lexicons.vocabulary import vocabulary
page = mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(base + page), page, 0) == 0
table, _ = vocabulary((), by_term=False)
pieces = sys.modules["lexicons.match"]._pieces
for text in ({text!r}[i:] for i in range({len(text)})):
    raw = text.encode()
    memory[page - len(raw) : page] = raw
    views, counts = np.array([[len(raw), 0, 0, 0]], dtype=np.int32), np.zeros(1, dtype=np.int32)
    if len(raw) > 12:
        list(pieces(views, np.array([base + page - len(raw)], dtype=np.uint64), 0, 1, table, 0, counts))
        assert counts[0] == len(text.split()), text
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "rows", "options", "n"),
    [
        ("sad " * 500_000, ["sad"], {}, 500_000),
        ("me sad " * 300_000, ["sad"], {"first_person": True}, 300_000),
        ("sad not " * 300_000, ["sad"], {"negation": True}, 1),
        ("a" * 2_000_000, ["a*"], {}, 1),
        ("panic attack " * 200_000, [("panic attack", "m", 1.0), ("panic", "m", 1.0)], {}, 200_000),
        ("#" + "Aa" * 500_000, ["aa aa", "aa"], {}, 499_999),
        (" ".join(f"w{i}" for i in range(400_000)), ["w399999"], {}, 1),
    ],
    ids=["words", "sentence", "negated", "one word", "phrases", "hashtag", "all different"],
)
def test_long_posts(text, rows, options, n):
    assert match(posts(text, "x"), lexicon(*rows, **options)).rows() == [("p0", "m", n, float(n))]


def test_one_marker_has_one_set_of_options():
    both = [lexicon("afraid", negation=True), lexicon("afraid")]
    with pytest.raises(ConfigError) as error:
        match(posts("not afraid"), both)
    assert str(error.value) == (
        "test_en: got the marker 'm' with negation False, first_person False; expected True, False, as in the "
        "lexicons before it"
    )


def test_other_keys_and_columns():
    """Ids of any type, once or twice; texts of another type; a frame that is a slice."""
    many = pl.DataFrame({"post_id": [7, 7, 8, 9], "text": ["sad", "so sad but much too long to stand inline", None, "sad"]})
    assert match(many, lexicon("sad")).rows() == [(7, "m", 1, 1.0), (7, "m", 1, 1.0), (9, "m", 1, 1.0)]
    assert match(many[1:], lexicon("sad"))["post_id"].to_list() == [7, 9]
    assert match(many.with_columns(pl.col("text").cast(pl.Categorical)), lexicon("sad")).height == 3
    nothing = pl.DataFrame({"post_id": ["a"], "text": pl.Series([None], dtype=pl.Null)})
    assert match(nothing, lexicon("sad")).is_empty()
    assert match(posts(), lexicon("sad")).schema == match(posts("sad"), lexicon("sad")).schema


def test_occurrences_are_hits_by_term():
    rows = [("sad*", "m", 1.0), ("sad", "m", 2.0), ("so sad", "n", 3.0), ("glad", "m", 0.5)]
    found = occurrences(posts("so sad, sadder", "glad glad"), lexicon(*rows))
    assert found.rows() == [
        ("p0", "m", "sad", 1, 2.0), ("p0", "m", "sad*", 1, 1.0), ("p0", "n", "so sad", 1, 3.0), ("p1", "m", "glad", 2, 1.0),
    ]  # fmt: skip


def test_every_character():
    """Tokens and folding of each character that this Python knows, alone and inside a hashtag."""
    known = [
        c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Cs", "Co")
    ]
    texts = [text for c in known if c != "*" for text in (c, f"#a{c}B")]
    assert [[t and t[1] for t in read(text)] for text in texts] == [oracle.read(text) for text in texts]


TERMS = [
    "=está", "=mamá*", "=*ón", "👩\u200d👧", "❤\u200d🔥", "🇪🇸", ":D", "<3", "^^", "soo", "panicattack", "panic attack",
    "a b c d e f g h", "happy", "*appy", "😢 sad",
    "so", "sad", "so sad", "so very sad", "very sad day", "sad*", "*ness", "can't cope", "no worries",
    "worr*", "❤", "😢", ":(", ":'(", "depresión", "año", "me siento s*", "#SoAnxious", "anxious", "straße",
    "i", "грусть", "悲",
]  # fmt: skip
PIECES = [
    "uncomfortableness", "dablenesencomfors", "abcdefghijklmnop'qrstuvwxyz12345", "internationalisationally's", "x" * 16, "x" * 17, "y'" * 12,
    "sooo", "soooo", "saaad", "haaappppyyy", "nooo", "deeeepresiooon", "esta", "mama", "mamá", "#panicattack", "#PanicAttack", "#SoSadDay",
    "#panicAttack😢", "🇪", "🇸", "❤️\u200d🔥", "\u200d", "🏴\U000e0067\U000e007f", ":-D", ":d", "D", ":'-(", "</3", "3", "^_^", ">.<", "-_-", "=D",
    ";)", "://", "not", "don't", "i", "my", "no", "sin", "yo", "a", "b c d", "e f g h", "aaabbbcccdddeee", "000",
    *TERMS, "SAD", "sadness", "WORRIES", "worried", "can’t", "CAN`T", "cope", "depresio\u0301n",
    "DEPRESION", "an\u0303o", "ano", "me", "siento", "sola", "very", "day", "no", "#SoSad",
    "#SoVerySAD", "#so_sad", "#", "##", "@", "@sad", "@sad.day-x", "a@b.c", "u/sad", "/r/sad",
    "http://sad", "HTTPS://x.y/sad", "http://", "www.sad.day", "www.", ".", "!", "…", "¿", "\n", "\r\n",
    ",", "-", "_", "'", "’", "´", ":", ":-", ":'-)", "(", "*", "\ufe0f", "\u200d", "🏽", "👩‍👧", "🇪🇸",
    "İ", "ẞ", "Σ", "\u0303", "\u0345", "७", "क्षि", "\u00a0",
]  # fmt: skip
ROWS = [(term, "ab"[i % 2], float(i % 4) - 1) for i, term in enumerate(TERMS)]
SMALL = lexicon(*ROWS)
ASIDE = [
    lexicon(*((t, "n", w) for t, _, w in ROWS), negation=True),
    lexicon(*((t, "p", w) for t, _, w in ROWS), language="es", negation=True, first_person=True),
]


def _known(text):
    return "".join(c for c in text if unicodedata.category(c) not in ("Cn", "Cs"))


PIECE = st.one_of(
    st.sampled_from(PIECES),
    st.sampled_from([" ", " ", " ", ""]),
    st.text(max_size=8).map(_known),
    st.binary(max_size=8).map(lambda raw: _known(raw.decode("utf-8", "replace"))),
    st.binary(max_size=8).map(lambda raw: raw.decode("latin-1")),
)
TEXT = st.none() | st.lists(PIECE, max_size=20).map("".join) | st.lists(PIECE, max_size=20).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_agrees_with_the_oracle_on_any_text(texts):
    agree(texts, [SMALL])
    agree(texts, [SMALL, *ASIDE])


def test_agrees_with_the_oracle_on_generated_posts():
    """Posts of pieces and of the words of our own lists, with all of these; BAROGRAPH_RANDOM_POSTS says how many."""
    chance = random.Random(7)
    ours = [load(name) for name in names()]
    words = [word.strip("*") for each in ours for term in each.terms["term"] for word in term.split()]
    gaps = ("", " ", " ", " ")
    texts = [
        "".join(chance.choice(chance.choice((PIECES, words))) + chance.choice(gaps) for _ in range(length))
        for length in chance.choices(range(16), k=int(os.environ.get("BAROGRAPH_RANDOM_POSTS", "1500")))
    ]
    for first in range(0, len(texts), 25_000):  # what a million posts hold is more than memory does
        agree(texts[first : first + 25_000], [*ours, SMALL, *ASIDE])


def test_no_array_is_read_out_of_bounds(tmp_path):
    """The two tests of most kinds of posts again, compiled so that a place outside an array is an error."""
    env = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "one_term or any_text"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.shared
def test_agrees_with_the_oracle_on_real_posts(college):
    paths = sorted(college.glob("*.jsonl.gz"))
    lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    sample = map(json.loads, random.Random(7).sample(lines, 200))
    texts = [_known(f"{post['title'] or ''}\n{post['text'] or ''}") for post in sample]
    agree(texts, [load(name) for name in names()])
