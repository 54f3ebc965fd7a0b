"""Reading a lexicon: what a good file gives, and the message of every mistake."""

import csv
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from barograph.errors import ConfigError
from lexicons import load, names, read
from lexicons.match import LONGEST, cut

HEADER = b"term,marker,weight\n"


@pytest.fixture
def write(tmp_path):
    """A function that writes `content` as the lexicon mood_en and returns its path."""

    def file(content, folder="mood_en"):
        path = tmp_path / folder / "terms.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def test_a_good_file(write):
    lexicon = read(
        write('\ufeff# ours\nterm,marker,weight\r\n\nsad,mood,\n"a, b", mood ,2\n:(,mood,0\nfear,alarm,.5\n')
    )
    assert (lexicon.name, lexicon.language) == ("mood_en", "en")
    assert lexicon.terms.rows() == [
        ("fear", "alarm", 0.5), (":(", "mood", 0.0), ("a, b", "mood", 2.0), ("sad", "mood", 1.0),
    ]  # fmt: skip


def test_weight_may_be_left_out(write):
    assert read(write("term,marker\nsad,mood\n")).terms["weight"].to_list() == [1.0]


def test_the_same_line_twice_is_one_term(write):
    assert read(write(HEADER + b"sad,mood,1\nsad,mood,1\n")).terms.height == 1


def test_a_term_may_express_two_markers(write):
    assert read(write(HEADER + b"panic,fear,1\npanic,anxiety,2\n")).terms.height == 2


def test_a_file_of_its_own_name(tmp_path):
    path = tmp_path / "mood_es.csv"
    path.write_bytes(HEADER + b"triste,mood,1\n")
    assert (read(path).name, read(str(path)).language) == ("mood_es", "es")


def test_version_follows_the_terms_alone(write):
    first = read(write(HEADER + b"sad,mood,1\nlow,mood,1\n")).version
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert read(write(b"# note\n" + HEADER + b"low,mood,1\nsad,mood,\n")).version == first
    assert read(write(HEADER + b"low,mood,1\nsad,mood,2\n")).version != first
    assert read(write(HEADER + b"low,mood,1\nsad,grief,1\n")).version != first


def test_weights_may_be_negative_and_intercepts_are_no_terms(write):
    lexicon = read(write(HEADER + b"_intercept,mood,-1.5\nsad,mood,-2\nlow,mood,1e-3\nfear,alarm,1\n_intercept,mood,-1.5\n"))
    assert lexicon.terms.rows() == [("fear", "alarm", 1.0), ("low", "mood", 0.001), ("sad", "mood", -2.0)]
    assert lexicon.intercepts == {"mood": -1.5}


def test_version_follows_the_intercepts_too(write):
    without, with_one, with_another = (
        read(write(HEADER + b"sad,mood,1\n" + row)).version for row in (b"", b"_intercept,mood,1\n", b"_intercept,mood,2\n")
    )
    assert len({without, with_one, with_another}) == 3


@pytest.mark.parametrize("name", ["mood_es", "mood_es_learned", "low_mood_es"])
def test_the_language_is_what_the_name_ends_in_but_for_learned(write, name):
    assert read(write(HEADER + b"sad,mood,1\n", folder=name), language="en").language == "es"


def test_a_hashtag_is_no_comment(write):
    assert read(write("term,marker\n#low,mood\n#\n# high,mood\n")).terms["term"].to_list() == ["#low"]


WORDS = st.lists(st.text("abcxyzáéñüßøжλ7", min_size=1, max_size=6), min_size=1, max_size=LONGEST)
TERMS = st.builds(lambda words, sign: " ".join(words) + sign, WORDS, st.sampled_from(["", "*"])) | st.builds(
    ", ".join, WORDS) | st.sampled_from(["🙂", ":(", "so sad 🙁", "*phobia"])  # fmt: skip
MARKERS = st.sampled_from(["mood", "a", "out_group", "x2"])
WEIGHTS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.tuples(MARKERS, TERMS), WEIGHTS, min_size=1, max_size=30), st.dictionaries(MARKERS, WEIGHTS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read(tmp_path, weights, intercepts):
    told_apart = {}
    for (marker, term), weight in weights.items():
        [words] = cut([term])
        told_apart[marker, *words] = (term, marker, weight + 0.0)
    rows = sorted(told_apart.values(), key=lambda row: (row[1], row[0]))
    intercepts = {marker: intercepts[marker] + 0.0 for marker in {row[1] for row in rows} & set(intercepts)}
    path = tmp_path / "mood_en.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["term", "marker", "weight"])
        out.writerows([*rows, *(("_intercept", marker, weight) for marker, weight in intercepts.items())])
    lexicon = read(path)
    assert lexicon.terms.rows() == rows
    assert lexicon.intercepts == intercepts
    assert lexicon.skipped == ()


LONG = "a" * 101
START = "a" * 40
HUGE = "a" * 10_000_000
HEADERS = "expected the header term,marker[,weight], term,category,weight or term,weight"
A_LEXICON = "expected a lexicon, one of .csv, .dic, .tsv, .txt"
MARKER = "expected at most 80 lower-case letters, digits and _"
WORDS_OR_EMOJI = f"expected 1 to {LONGEST} words or emoji"
TOO_MANY = "a " * LONGEST + "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", f": got no lines; {A_LEXICON}"),
        ("\ufeff\n \n", f": got no lines; {A_LEXICON}"),
        ("term,marker,weight\n# sad,mood\n", ": got no terms; expected at least one that matching can find"),
        ("# nothing\n", f": got ''; {HEADERS}"),
        ("sad,mood,1\n", f", line 1: got 'sad,mood,1'; {HEADERS}"),
        ("term\tmarker\nsad\tmood\n", f", line 1: got 'term\\tmarker'; {HEADERS}"),
        (b"term,marker,weight\nsad,mood,1\ntr\xefste,mood,1\n", ", line 3: got b'tr\\xefste,mood,1'; expected UTF-8; save the file with that encoding"),
        (
            b"term,marker\n" + b"a" * 100 + b"\xef" + b"a" * 100 + b",mood\n\xef",
            f", line 2: got b'{'a' * 20}\\xef{'a' * 19}'; expected UTF-8; save the file with that encoding",
        ),
        (
            "term,marker\nsad,mood\n".encode("utf-16"),
            ": got bytes of value 0, a binary file or UTF-16; expected text in UTF-8",
        ),
        (b"PK\x03\x04\0\0\xff", ": got bytes of value 0, a binary file or UTF-16; expected text in UTF-8"),
        ("term,marker,weight\n\nsad\n", ", line 3: got 1 fields; expected term,marker,weight"),
        ("term,marker\nso, sad,mood,1\n", ", line 2: got 4 fields; expected term,marker,weight"),
        ("term,marker\nsad,Mood\n", f", line 2: got the marker 'Mood'; {MARKER}"),
        ("term,marker\nsad,\n", f", line 2: got the marker ''; {MARKER}"),
        (f"term,marker\nsad,{LONG}\n", f", line 2: got the marker '{START}'…; {MARKER}"),
        *(
            (f"term,marker,weight\nsad,mood,{weight}\n", f", line 2: got the weight '{weight}'; expected a finite number")
            for weight in ("high", "nan", "inf", "-inf", "1e999", "1_0", "0x1", "1 000")
        ),
        (
            f"term,marker,weight\nsad,mood,{'9' * 100_000}\n",
            f", line 2: got the weight '{'9' * 40}'…; expected a finite number",
        ),
        ("term,marker\n_intercept,mood\nsad,mood\n", ", line 2: got the weight ''; expected a finite number"),
        (
            "term,marker,weight\nsad,mood,1\n_intercept,grief,2\n",
            ": got the category 'grief' without terms; expected at least one",
        ),
        (
            "term,marker,weight\nsad,mood,1\n_intercept,mood,2\n_intercept,mood,3\n",
            ", line 4: got '_intercept' with weight 3; expected 2, as in {path}, line 3",
        ),
        ("term,marker\n,mood\n", f", line 2: got '', 0 words; {WORDS_OR_EMOJI}"),
        ("term,marker\n--,mood\n", f", line 2: got '--', 0 words; {WORDS_OR_EMOJI}"),
        ("term,marker\n...,mood\n", ", line 2: got '...'; expected no URL, name, sentence end or lone *"),
        (f"term,marker\n{TOO_MANY},mood\n", f", line 2: got '{TOO_MANY}', {LONGEST + 1} words; {WORDS_OR_EMOJI}"),
        ("term,marker\n*,mood\n", ", line 2: got a wildcard alone in '*'; expected letters beside the *"),
        ("term,marker\nso *,mood\n", ", line 2: got a wildcard alone in 'so *'; expected letters beside the *"),
        ("term,marker\ns*d,mood\n", ", line 2: got 's*d'; expected one * before or behind a word"),
        ("term,marker\nsad**,mood\n", ", line 2: got 'sad**'; expected one * before or behind a word"),
        ("term,marker\n*sad*,mood\n", ", line 2: got '*sad*'; expected one * before or behind a word"),
        ("term,marker\nsad)*,mood\n", ", line 2: got 'sad)*'; expected no URL, name, sentence end or lone *"),
        ("term,marker\nso. sad,mood\n", ", line 2: got 'so. sad'; expected no URL, name, sentence end or lone *"),
        ("term,marker\nsad @ana,mood\n", ", line 2: got 'sad @ana'; expected no URL, name, sentence end or lone *"),
        (
            "term,marker\nsad (very),mood\n",
            ", line 2: got '(very)'; expected a word, an emoji or an emoticon that matching knows",
        ),
        (
            "term,marker\nsad {:%,mood\n",
            ", line 2: got '{{:%'; expected a word, an emoji or an emoticon that matching knows",
        ),
        (f"term,marker\n{LONG},mood\n", f", line 2: got '{START}'… of 101 characters; expected at most 100"),
        (
            f"term,marker\n{HUGE},mood\n",
            f", line 2: got '{START}'… of 10000005 characters; expected term,marker[,weight], term,category,weight or term,weight",
        ),
        (
            "term,marker,weight\nsad,mood,1\n\nSÁD,mood,2\n",
            ", line 4: got 'SÁD' with weight 2; expected 1, as in {path}, line 2",
        ),
        # the first wrong line is named, whatever is wrong with it
        ("term,marker\n*,mood\nsad,Mood\n...,mood\n", ", line 2: got a wildcard alone in '*'; expected letters beside the *"),
        ("term,marker\nsad,Mood\n*,mood\n", f", line 2: got the marker 'Mood'; {MARKER}"),
        (
            "term,marker,weight\nsad,mood,1\nsad,mood,2\n*,mood,1\n",
            ", line 3: got 'sad' with weight 2; expected 1, as in {path}, line 2",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_named(write, content, message):
    path = write(content)
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == f"{path}{message.format(path=path)}"


def test_a_name_tells_the_language(write):
    path = write(HEADER + b"sad,mood,1\n", folder="mood")
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == f"{path}: got the name 'mood'; expected MARKER_LANGUAGE, the language en or es"


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "mood_en.csv"
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == f"{path}: got No such file or directory; {A_LEXICON}"


def test_a_folder_is_no_lexicon(tmp_path):
    path = tmp_path / "mood_en.csv"
    path.mkdir()
    with pytest.raises(ConfigError) as error:
        read(path)
    assert str(error.value) == f"{path}: got Is a directory; {A_LEXICON}"


def test_a_lexicon_we_do_not_have():
    with pytest.raises(ConfigError) as error:
        load("mood_en")
    assert str(error.value) == f"lexicon: got 'mood_en'; expected one of {', '.join(names())}"
