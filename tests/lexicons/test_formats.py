"""Lexicons that others write: a small file of each format, what it gives, and the message of every mistake."""

import re
from pathlib import Path

import polars as pl
import pytest

from barograph.errors import ConfigError
from lexicons import match, read
from lexicons.match import LONGEST, cut


def rows(lexicon):
    return [(marker, term, weight) for term, marker, weight in lexicon.terms.rows()]


LIWC = "%\n1\tMood\n\t22\tAnx (worry, fear)\n%\nsad*\t1\nat a loss\t1\t22\nAfraid\t022 1\t\n:(\t1\n"
LIWC_ROWS = [
    ("anx_worry_fear", "Afraid", 1.0), ("anx_worry_fear", "at a loss", 1.0),
    ("mood", ":(", 1.0), ("mood", "Afraid", 1.0), ("mood", "at a loss", 1.0), ("mood", "sad*", 1.0),
]  # fmt: skip
EMOLEX = "low\tjoy\t0\nlow\tsadness\t1\nglad\tjoy\t1\nglad\tsadness\t0\n"
VAD = "glad\t0.9\t0.6\t-.1\nso low\t0\t0.5\t0.25\n"
VAD_ROWS = [
    ("arousal", "glad", 0.6), ("arousal", "so low", 0.5), ("dominance", "glad", -0.1), ("dominance", "so low", 0.25),
    ("valence", "glad", 0.9), ("valence", "so low", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("liwc_en.dic", LIWC, LIWC_ROWS),
        ("liwc_en.txt", LIWC, LIWC_ROWS),
        ("LIWC.DIC", "\ufeff" + LIWC.replace("\n", "\r\n"), LIWC_ROWS),
        (
            "empath.tsv",
            "out group\tthem\tthose_people\tthem\nWork\tjob\t911\t\n",
            [("out_group", "them", 1.0), ("out_group", "those people", 1.0), ("work", "911", 1.0), ("work", "job", 1.0)],
        ),
        ("empath.txt", "term\tend\tlimit\n", [("term", "end", 1.0), ("term", "limit", 1.0)]),
        ("emolex.txt", EMOLEX, [("joy", "glad", 1.0), ("sadness", "low", 1.0)]),
        ("emolex.tsv", "English Word\tEmotion\tAssociation\n" + EMOLEX, [("joy", "glad", 1.0), ("sadness", "low", 1.0)]),
        ("word.tsv", "word\tjoy\t0\nword\tfear\t1\n", [("fear", "word", 1.0)]),
        (
            "intensity.txt",
            "glad\tjoy\t0.75\nelated\tjoy\t.9\nglad\ttrust\t0.5\n",
            [("joy", "elated", 0.9), ("joy", "glad", 0.75), ("trust", "glad", 0.5)],
        ),
        ("vad.txt", VAD, VAD_ROWS),
        ("vad.tsv", "Word\tValence\tArousal\tDominance\n" + VAD, VAD_ROWS),
        ("happiness_en.tsv", "glad\t8.1\nlow\t-2\n", [("happiness", "glad", 8.1), ("happiness", "low", -2.0)]),
        ("My mood.txt", "term\tweight\nglad\t1\n", [("my_mood", "glad", 1.0)]),
        ("age_en.csv", 'term,weight\nschool,-3.5\n"so, sad",2\n', [("age", "school", -3.5), ("age", "so, sad", 2.0)]),
        (
            "affect_en.csv",
            "term,category,weight\nglad,AFFECT_AVG,5.1\n#,INTENSITY,1\nglad,INTENSITY,3\n",
            [("affect_avg", "glad", 5.1), ("intensity", "glad", 3.0)],
        ),
        ("ánimo_es.tsv", "triste\t1\n", [("animo", "triste", 1.0)]),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_good_file(write, name, content, expected):
    assert rows(read(write(name, content))) == expected


def test_wwbp_gives_intercepts(write):
    content = "term,category,weight\n_intercept,joy,-1.25\nglad,joy,2\n_intercept,fear,3\nafraid,fear,.5\n"
    lexicon = read(write("emotions_en.csv", content))
    assert lexicon.intercepts == {"joy": -1.25, "fear": 3.0}
    assert rows(lexicon) == [("fear", "afraid", 0.5), ("joy", "glad", 2.0)]
    assert read(write("age.tsv", "_intercept\t23\nschool\t-3\n")).intercepts == {"age": 23.0}


def test_the_language_is_in_the_name_or_given(write):
    tsv = "triste\t1\n"
    assert (read(write("mood.tsv", tsv)).language, read(write("mood_es.tsv", tsv)).language) == ("en", "es")
    assert (read(write("mood.tsv", tsv), language="da").language, read(write("mood_es.tsv", tsv), "da").language) == ("da", "es")
    assert read(write("mood.tsv", tsv)).name == "mood"


def test_what_matching_cannot_read_is_left_out_and_named(write):
    lexicon = read(
        write("mood.tsv", "glad\t1\n...\t2\n*\t3\nglad*ly\t4\n{:%\t5\nwww.x.org\t6\nso :?)\t7\n...\t2\n=dd\t8\n, \t9\n")
    )
    assert rows(lexicon) == [("mood", "glad", 1.0)]
    assert lexicon.skipped == ("...", "*", "glad*ly", "{:%", "www.x.org", "so :?)", "=dd", ",")


def test_a_term_that_matching_cannot_tell_from_an_earlier_one_is_left_out_and_named(write):
    lexicon = read(write("mood.tsv", "café\t1\ncafe\t2\nCAFÉ\t1\nso-so\t1\nso so\t1\n"))
    assert rows(lexicon) == [("mood", "CAFÉ", 1.0), ("mood", "café", 1.0), ("mood", "so so", 1.0), ("mood", "so-so", 1.0)]
    assert lexicon.skipped == ("cafe",)


def test_an_emoticon_is_kept_only_whole(write):
    """A sign that matching passes over must not turn an emoticon into a word: :p is not p."""
    terms = [":(", ":-(", ":((", ":p", "d:", "sad :(", "sad :p", "x)", "🙂", "👍🏽", "❤️", "8-", "<b>sad</b>"]
    lexicon = read(write("mood.tsv", "".join(f"{term}\t1\n" for term in terms)))
    for term, words in zip(lexicon.terms["term"], cut(lexicon.terms["term"]), strict=True):
        assert not ({"p", "d", "x", "b"} & set(words)), term
    assert {":(", ":-(", "sad :(", "🙂", "👍🏽", "❤️"} <= set(lexicon.terms["term"])
    assert {"<b>sad</b>", "d:", "x)"} <= set(lexicon.skipped)
    assert set(lexicon.skipped) | set(lexicon.terms["term"]) == set(terms)


def test_a_liwc_dictionary_counts(write):
    posts = pl.DataFrame({"post_id": ["a", "b"], "text": ["Sadness! I am at a loss :(", "afraid? me?"]})
    assert match(posts, read(write("liwc_en.dic", LIWC))).select(pl.col("post_id").cast(pl.String), "marker", "hits").rows() == [
        ("a", "anx_worry_fear", 1), ("a", "mood", 3), ("b", "anx_worry_fear", 1), ("b", "mood", 1),
    ]  # fmt: skip


CSV = "term,marker[,weight], term,category,weight or term,weight"
WEIGHTED = "term and weight (a number)"
EMOTION = "term, emotion and number"
DIMENSIONS = "term, valence, arousal and dominance (numbers)"
CATEGORY = "category and terms, the first of them not a number"
FORMATS = (
    f"expected a .csv with the header {CSV}; a LIWC .dic that begins with %; "
    f"or a .tsv or .txt of tab-separated {WEIGHTED}, or {EMOTION}, or {DIMENSIONS}, or {CATEGORY}"
)
A_LEXICON = "expected a lexicon, one of .csv, .dic, .tsv, .txt"
MOST = "separated by tabs, as in most lines"
HUGE = "a" * 10_000_000
START = "a" * 40
TOO_LONG = f"got '{START}'… of 10000000 characters; expected at most 100"
NAMES = "expected at most 80 letters (a-z), digits and _, a letter in front"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        # which format
        ("mood.json", "{}", f": got the ending '.json'; {FORMATS}"),
        ("mood", "sad\t1\n", f": got the ending ''; {FORMATS}"),
        ("mood.tsv", "", f": got no lines; {A_LEXICON}"),
        ("mood.dic", "\n\n", f": got no lines; {A_LEXICON}"),
        ("mood.txt", "Dear diary,\ntoday\n", f": got 'Dear diary,'; {FORMATS}"),
        ("mood.txt", "sad,mood,1\n", f": got 'sad,mood,1'; {FORMATS}"),
        ("mood.tsv", "low\t0\t1\t0\t0\nglad\t1\t0\t0\t1\n", f": got 'low\\t0\\t1\\t0\\t0'; {FORMATS}"),
        ("mood.tsv", "low\t0.5\tjoy\nglad\t0.5\tjoy\n", f": got 'low\\t0.5\\tjoy'; {FORMATS}"),
        ("mood.tsv", b"PK\x03\x04\0\0\xff", ": got bytes of value 0, a binary file or UTF-16; expected text in UTF-8"),
        ("mood.tsv", b"triste\t1\nmal\xe1\t1\n\xff\t1\n",
         ", line 2: got b'mal\\xe1\\t1'; expected UTF-8; save the file with that encoding"),
        # LIWC
        ("mood.dic", "sad\t1\n", ", line 1: got 'sad\\t1'; expected %, with which a LIWC dictionary begins"),
        ("mood.dic", "%\n1\tmood\n", ": got no second %; expected one between the categories and the terms"),
        ("mood.dic", "%\n1\tmood\nsad*\t1\n",
         ", line 3: got 'sad*\\t1'; expected a category's id and name, or the second %"),
        ("mood.dic", "%\n1\n%\nsad\t1\n", ", line 2: got '1'; expected a category's id and name, or the second %"),
        ("mood.dic", "%\n1\tmood\n01\tjoy\n%\nsad\t1\n", ", line 3: got the id '01' again; expected one name an id"),
        ("mood.dic", "%\n1\tmood\n%\nsad\t1\t2\n", ", line 4: got the category '2'; expected an id declared between the %"),
        ("mood.dic", "%\n1\tmood\n%\nlike\t(02 134)125/464\n",
         ", line 4: got the category '(02'; expected an id declared between the %"),
        ("mood.dic", "%\n1\tmood\n%\nsad 1\n", ", line 4: got 'sad 1'; expected a term, a tab and ids of categories"),
        ("mood.dic", "%\n1\tmood\n2\tjoy\n%\nsad\t1\n", ": got the category 'joy' without terms; expected at least one"),
        ("mood.dic", "%\n1\tmood\n2\tjoy\n%\n", ": got the category 'mood' without terms; expected at least one"),
        ("mood.dic", "%\n1\tmood\n%\n...\t1\n", ": got no terms; expected at least one that matching can find"),
        ("mood.dic", f"%\n1\tmood\n%\n{HUGE}\t1\n", f", line 4: {TOO_LONG}"),
        ("mood.dic", "%\n1\tLow mood\n2\tlow-mood\n%\nsad\t1\nlow\t2\n",
         ", line 6: got the category 'low-mood' beside 'Low mood'; both become the marker low_mood: rename one"),
        # Empath
        ("mood.tsv", "joy\tglad\nmood\t\n", ", line 2: got the category 'mood' without terms; expected at least one"),
        ("mood.tsv", "joy\tglad\nmood\nlow\tsad\n", ", line 2: got the category 'mood' without terms; expected at least one"),
        ("mood.tsv", "joy\tglad\n2\tsad\n", f", line 2: got the category '2'; {NAMES}"),
        ("mood.tsv", f"joy\tglad\n{HUGE}\tsad\n", f", line 2: got the category '{START}'…; {NAMES}"),
        ("mood.tsv", "joy\tglad\n\tsad\n", f", line 2: got the category ''; {NAMES}"),
        ("mood.tsv", f"joy\tglad\t{HUGE}\n", f", line 1: {TOO_LONG}"),
        ("mood.tsv", "joy\tglad\nrock\tband\t101\nlow\tsad\n",
         f", line 2: got 'rock\\tband\\t101'; expected {CATEGORY}, {MOST}"),
        # numbers
        ("mood.tsv", "sad\t1\nlow\thigh\nbad\t2\n", f", line 2: got 'low\\thigh'; expected {WEIGHTED}, {MOST}"),
        ("mood.tsv", "sad\t1\nlow\tnan\nbad\t2\n", f", line 2: got 'low\\tnan'; expected {WEIGHTED}, {MOST}"),
        ("mood.tsv", "sad\t1\nlow\tinf\nbad\t2\n", f", line 2: got 'low\\tinf'; expected {WEIGHTED}, {MOST}"),
        ("mood.tsv", "sad\t1\nlow\t1\t2\nbad\t2\n", f", line 2: got 'low\\t1\\t2'; expected {WEIGHTED}, {MOST}"),
        ("mood.tsv", "sad\t1\nlow\nbad\t2\n", f", line 2: got 'low'; expected {WEIGHTED}, {MOST}"),
        ("mood.tsv", "sad\t1\nsad\t2\n", ", line 2: got 'sad' with weight 2; expected 1, as in {path}, line 1"),
        ("mood.tsv", f"{HUGE}\t1\n", f", line 1: {TOO_LONG}"),
        ("mood.tsv", f"sad\t1\nlow\t{'9' * 10_000_000}\n", f", line 2: got 'low\\t{'9' * 36}'…; expected {WEIGHTED}, {MOST}"),
        ("2grams.tsv", "sad\t1\n", f", line 1: got the category '2grams'; {NAMES}"),
        ("mood.tsv", "palabra\temoción\tvalor\nsad\tmood\t1\nlow\tmood\t1\n",
         f", line 1: got 'palabra\\temoción\\tvalor'; expected {EMOTION}, {MOST}"),
        ("mood.tsv", "sad\tmood\t1\nlow\t\t1\n", f", line 2: got the category ''; {NAMES}"),
        ("mood.tsv", "sad\tmood\t0\n", ": got no terms; expected at least one that matching can find"),
        ("vad.tsv", "word\tarousal\tvalence\tdominance\nsad\t1\t0\t0\n",
         ", line 1: got 'word\\tarousal\\tvalence\\tdominance'; expected " + DIMENSIONS + ", in this order"),
        ("vad.tsv", "sad\t1\t0\t0\nlow\t1\t0\n", f", line 2: got 'low\\t1\\t0'; expected {DIMENSIONS}, {MOST}"),
        # weighted CSV
        ("age.csv", "term,weight\nsad\n", ", line 2: got 1 fields; expected term,weight"),
        ("age.csv", "term,weight\nsad,1,2\n", ", line 2: got 3 fields; expected term,weight"),
        ("age.csv", "term,weight\nsad,\n", ", line 2: got the weight ''; expected a finite number"),
        ("age.csv", "term,category,weight\nsad,joy\n", ", line 2: got 2 fields; expected term,category,weight"),
        ("age.csv", "term,category,weight\nsad,,1\n", f", line 2: got the category ''; {NAMES}"),
        ("age.csv", "term,category,weight\nsad,joy,1\n_intercept,low,2\n",
         ": got the category 'low' without terms; expected at least one"),
        ("age.csv", "term,category,weight\nsad,joy,1\nsad,joy,2\n",
         ", line 3: got 'sad' with weight 2; expected 1, as in {path}, line 2"),
        ("age.csv", f"term,weight\n{HUGE},1\n", f", line 2: got '{START}'… of 10000002 characters; expected {CSV}"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_mistake_is_named(write, name, content, message):
    path = write(name, content)
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == f"{path}{message.replace('{path}', str(path))}"


def test_a_folder_is_no_lexicon(tmp_path):
    (tmp_path / "mood.dic").mkdir()
    for path, message in ((tmp_path / "mood.dic", f"got Is a directory; {A_LEXICON}"), (tmp_path, f"got the ending ''; {FORMATS}")):
        with pytest.raises(ConfigError) as error:
            read(path)
        assert str(error.value) == f"{path}: {message}"


def test_a_phrase_longer_than_matching_reads_is_left_out(write):
    phrase = " ".join("abcdefghijkl"[: LONGEST + 1])
    assert read(write("mood.tsv", f"sad\t1\n{phrase}\t1\n")).skipped == (phrase,)


def test_the_examples_of_the_docs_are_read(write):
    page = (Path(__file__).parents[2] / "docs" / "lexicons.md").read_text(encoding="utf-8")
    examples = re.findall(r"```(\w+\.\w+)\n(.*?)```", page, re.DOTALL)
    found = {name: read(write(name, content)) for name, content in examples}
    assert {name: lexicon.terms["marker"].unique().sort().to_list() for name, lexicon in found.items()} == {
        "worry_en.csv": ["worry"], "emotions_en.csv": ["joy"], "liwc_en.dic": ["anx", "sad"],
        "empath_en.tsv": ["pride", "work", "worry"], "nrc_en.txt": ["fear", "joy"],
        "vad_en.txt": ["arousal", "dominance", "valence"], "happiness_en.tsv": ["happiness"],
    }  # fmt: skip
    assert [lexicon.skipped for lexicon in found.values()] == [()] * 7


def test_the_scores_of_the_docs_are_those_of_hand(write, monkeypatch, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "lexicons.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"```(\w+\.\w+)\n(.*?)```", page, re.DOTALL):
        monkeypatch.chdir(write(name, content).parent)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    made = {}
    exec(code, made)  # noqa: S102, the page of this checkout
    assert dict(made["scores"].rows()) == {"1": pytest.approx(-1.2 + 4.5 / 4), "2": -1.2}
    means = {(post, marker): mean for post, marker, mean in made["means"].rows()}
    assert means == {
        ("1", "valence"): 0.9, ("1", "arousal"): 0.7, ("1", "dominance"): 0.6, ("2", "valence"): pytest.approx((0.2 + 0.4) / 2),
        ("2", "arousal"): pytest.approx((0.6 + 0.4) / 2), ("2", "dominance"): pytest.approx((0.3 + 0.4) / 2),
    }  # fmt: skip
