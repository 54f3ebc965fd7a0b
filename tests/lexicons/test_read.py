"""Reading a lexicon: what a good file gives, and the message of every mistake."""

import re

import pytest

from barograph.errors import ConfigError
from lexicons import load, names, read

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


LONG = "a" * 101


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": got no terms; expected at least one line below term,marker,weight"),
        (
            "term,marker,weight\n# sad,mood\n",
            ": got no terms; expected at least one line below term,marker,weight",
        ),
        ("sad,mood,1\n", ", line 1: got 'sad,mood,1'; expected the header term,marker,weight"),
        (
            b"term,marker,weight\nsad,mood,1\ntr\xefste,mood,1\n",
            ", line 3: got b'tr\\xefste,mood,1'; expected UTF-8",
        ),
        ("term,marker,weight\n\nsad\n", ", line 3: got 1 fields; expected term,marker,weight"),
        ("term,marker\nso, sad,mood,1\n", ", line 2: got 4 fields; expected term,marker,weight"),
        (
            "term,marker\nsad,Mood\n",
            ", line 2: got the marker 'Mood'; expected lower-case letters, digits and _",
        ),
        ("term,marker\nsad,\n", ", line 2: got the marker ''; expected lower-case letters, digits and _"),
        (
            "term,marker,weight\nsad,mood,high\n",
            ", line 2: got the weight 'high'; expected a number, 0 or more",
        ),
        (
            "term,marker,weight\nsad,mood,nan\n",
            ", line 2: got the weight 'nan'; expected a number, 0 or more",
        ),
        ("term,marker,weight\nsad,mood,-1\n", ", line 2: got the weight '-1'; expected a number, 0 or more"),
        ("term,marker\n,mood\n", ", line 2: got '', 0 words; expected 1 to 4 words or emoji"),
        ("term,marker\n--,mood\n", ", line 2: got '--', 0 words; expected 1 to 4 words or emoji"),
        ("term,marker\n...,mood\n", ", line 2: got '...', 0 words; expected 1 to 4 words or emoji"),
        (
            "term,marker\na b c d e,mood\n",
            ", line 2: got 'a b c d e', 5 words; expected 1 to 4 words or emoji",
        ),
        ("term,marker\n*,mood\n", ", line 2: got a wildcard alone in '*'; expected letters beside the *"),
        (
            "term,marker\nso *,mood\n",
            ", line 2: got a wildcard alone in 'so *'; expected letters beside the *",
        ),
        ("term,marker\ns*d,mood\n", ", line 2: got 's*d'; expected one * before or behind a word"),
        ("term,marker\nsad**,mood\n", ", line 2: got 'sad**'; expected one * before or behind a word"),
        ("term,marker\n*sad*,mood\n", ", line 2: got '*sad*'; expected one * before or behind a word"),
        ("term,marker\nsad)*,mood\n", ", line 2: got 'sad)*'; expected no URL, name, sentence end or lone *"),
        (
            "term,marker\nso. sad,mood\n",
            ", line 2: got 'so. sad'; expected no URL, name, sentence end or lone *",
        ),
        (
            "term,marker\nsad @ana,mood\n",
            ", line 2: got 'sad @ana'; expected no URL, name, sentence end or lone *",
        ),
        (f"term,marker\n{LONG},mood\n", ", line 2: got a term of 101 characters; expected at most 100"),
        (
            "term,marker,weight\nsad,mood,1\n\nSÁD,mood,2\n",
            ", line 4: got 'SÁD' with weight 2; expected 1, as in {path}, line 2",
        ),
    ],
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
    assert (
        str(error.value) == f"{path}: got No such file or directory; expected a lexicon, term,marker,weight"
    )


def test_a_lexicon_we_do_not_have():
    with pytest.raises(ConfigError) as error:
        load("mood_en")
    assert str(error.value) == f"lexicon: got 'mood_en'; expected one of {', '.join(names())}"
