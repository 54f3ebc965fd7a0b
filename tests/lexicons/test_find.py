"""Lexicons by name: ours, files, installed packages, and one category of several."""

import random

import polars as pl
import pytest

import lexicons
from barograph import settings
from barograph.errors import ConfigError
from lexicons import PACKAGES, SUFFIXES, find, load, match, names, package

SEVERAL = "term,category,weight\n_intercept,joy,-1\nglad,joy,2\nafraid,Deep Fear,3\n"


@pytest.fixture
def file(tmp_path):
    """A file of two categories."""
    path = tmp_path / "two moods_en.csv"
    path.write_text(SEVERAL)
    return path


# --- names as barograph.toml has them ---


def test_ours_are_found_by_name():
    assert find("anxiety_en").version == load("anxiety_en").version


def test_only_lists_by_hand_have_hints(tmp_path):
    (tmp_path / "mood_en.csv").write_text("term,marker,weight\nblue,mood,0.25\n")
    for whole in (find("anxiety_en_learned"), find(str(tmp_path / "mood_en.csv"))):
        assert lexicons.without_hints(whole).terms.equals(whole.terms)
    ours = find("anxiety_en")
    assert set(lexicons.without_hints(ours).terms["weight"]) == {w for w in ours.terms["weight"] if w >= 1 or w == 0}
    assert 0 < ours.terms.filter(pl.col("weight").is_between(0.01, 0.99)).height < ours.terms.height


def test_a_file_is_found_by_its_path(tmp_path):
    path = tmp_path / "mood_es.TSV"
    path.write_text("triste\t1\n")
    lexicon = find(str(path))
    assert (lexicon.name, lexicon.language, lexicon.terms.rows()) == ("mood_es", "es", [("triste", "mood", 1.0)])


@pytest.mark.parametrize(
    ("category", "terms", "intercepts"),
    [
        ("joy", [("glad", "joy", 2.0)], {"joy": -1.0}),
        ("deep_fear", [("afraid", "deep_fear", 3.0)], {}),
        ("Deep Fear", [("afraid", "deep_fear", 3.0)], {}),
    ],
)
def test_one_of_several_categories_is_named_behind_a_colon(file, category, terms, intercepts):
    lexicon = find(f"{file}:{category}")
    assert (lexicon.terms.rows(), lexicon.intercepts) == (terms, intercepts)
    assert lexicon.version != lexicons.read(file).version


def test_the_only_category_may_be_named(tmp_path):
    assert find("anxiety_en:anxiety").version == load("anxiety_en").version


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("", "{}: got 2 categories; expected one, written {}:CATEGORY: deep_fear, joy"),
        (":fear", "{}: got the category 'fear'; expected one of deep_fear, joy"),
        (":", "{}: got the category ''; expected one of deep_fear, joy"),
    ],
)
def test_a_category_that_is_not_there_is_named(file, suffix, message):
    with pytest.raises(ConfigError) as error:
        find(f"{file}{suffix}")
    assert str(error.value) == message.format(file, file)


@pytest.mark.parametrize("name", ["mood_en", "mood_en:joy", "", ":", "mood.json", "nrc"])
def test_a_lexicon_that_is_not_there_is_named(name):
    with pytest.raises(ConfigError) as error:
        find(name)
    assert str(error.value) == (
        f"lexicon: got {name.partition(':')[0]!r}; expected a file that ends in .csv, .dic, .tsv, .txt, "
        f"or one of {', '.join((*names(), 'empath', 'vaderSentiment', 'afinn'))}"
    )


def test_settings_take_the_same_names_for_files():
    """barograph.settings may not ask lexicons, so both say it."""
    assert settings.LEXICON_FILES == SUFFIXES


# --- installed packages ---


@pytest.fixture
def installed():
    """A function that skips where a package is absent, else returns it."""
    return lambda name: pytest.importorskip(name, reason=f"{name} is not installed")


@pytest.mark.parametrize("name", PACKAGES)
def test_an_absent_package_is_asked_for(name, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.setattr("sys.path_importer_cache", {})
    monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    with pytest.raises(ConfigError) as error:
        package(name)
    assert str(error.value) == f"lexicon {name}: got no such package; install it: python -m pip install {name}"


def test_a_package_is_not_run(monkeypatch, tmp_path):
    """What its code would do is not our business: only the data file is read."""
    folder = tmp_path / "empath" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "empath" / "__init__.py").write_text("raise RuntimeError('run')\n")
    (folder / "categories.tsv").write_text("joy\tglad\tvery_glad\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "empath", raising=False)
    assert package("empath").terms["term"].to_list() == ["glad", "very glad"]
    (folder / "categories.tsv").unlink()
    with pytest.raises(ConfigError) as error:
        package("empath")
    assert str(error.value).startswith(f"{folder / 'categories.tsv'}: got No such file or directory; ")


@pytest.mark.parametrize(
    ("name", "language", "message"),
    [
        ("nrc", "en", "lexicon package: got 'nrc'; expected one of empath, vaderSentiment, afinn"),
        ("empath", "es", "lexicon empath: got the language 'es'; expected en"),
        ("afinn", "es", "lexicon afinn: got the language 'es'; expected en or da"),
    ],
)
def test_a_package_or_language_that_cannot_be_read_is_named(name, language, message):
    with pytest.raises(ConfigError) as error:
        package(name, language)
    assert str(error.value) == message


def test_empath_counts_as_its_own_analyser_does(installed):
    theirs = installed("empath").Empath()
    ours = package("empath")
    assert set(ours.terms["marker"]) == set(theirs.cats)
    assert len(set(ours.terms["marker"])) == 194
    # Empath cuts at white space and takes no phrase for one; so only words that are no part of a phrase.
    phrases = {word for term in ours.terms["term"] if len(parts := term.replace("-", " ").split()) > 1 for word in parts}
    words = sorted({term for term in ours.terms["term"] if term.isascii() and term.isalpha()} - phrases)
    pick = random.Random(1)
    texts = [" ".join(pick.choices(words, k=pick.randrange(1, 40))) for _ in range(200)]
    counted = match(pl.DataFrame({"post_id": [str(i) for i in range(200)], "text": texts}), ours)
    got = {(int(str(post)), marker): hits for post, marker, hits, _ in counted.iter_rows()}
    expected = {
        (i, name): n for i, text in enumerate(texts) for name, n in theirs.analyze(text).items() if n
    }  # fmt: skip
    assert got == expected
    assert len(expected) > 2000


def test_empath_phrases_are_phrases(installed):
    installed("empath")
    posts = pl.DataFrame({"post_id": ["a"], "text": ["The last straw!"]})
    assert match(posts, find("empath:negative_emotion"))["hits"].to_list() == [1]


@pytest.mark.parametrize("language", ["en", "da"])
def test_afinn_is_read_whole(installed, language):
    theirs = {**installed("afinn").Afinn(language=language)._dict, **installed("afinn").Afinn("en", emoticons=True)._dict}
    words = installed("afinn").Afinn(language=language)._dict
    ours = package("afinn", language)
    assert ours.language == language
    read = dict(ours.terms.select("term", "weight").iter_rows())
    assert read.items() <= {**theirs, **words}.items()
    assert set(words) <= set(read) | set(ours.skipped)
    assert {term for term in ours.skipped if term.isalpha()} == {"en": set(), "da": {"tåbe"}}[language]  # tåbe is tabe
    assert {read[term] for term in words if term in read} == {float(w) for w in range(-5, 6)} & set(words.values())


def test_afinn_scores_as_it_does_itself(installed):
    theirs = installed("afinn").Afinn()
    words = sorted(word for word, weight in theirs._dict.items() if word.isascii() and word.isalpha())
    pick = random.Random(2)
    texts = [" ".join(pick.choices(words, k=pick.randrange(1, 30))) for _ in range(200)]
    counted = match(pl.DataFrame({"post_id": [str(i) for i in range(200)], "text": texts}), find("afinn"))
    assert counted["weight"].to_list() == [theirs.score(text) for text in texts]


def test_vader_is_read_with_its_valences(installed):
    theirs = installed("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer().lexicon
    ours = package("vaderSentiment")
    read = dict(ours.terms.select("term", "weight").iter_rows())
    assert read.items() <= theirs.items()
    assert set(read) | set(ours.skipped) == set(theirs)
    assert {term for term in theirs if term.isalpha()} <= set(read)
    assert read[":("] == -1.9
    assert set(ours.terms["marker"]) == {"valence"}
    assert ":*" in ours.skipped  # a kiss, no wildcard


def test_the_file_of_vader_is_not_taken_for_another_format(installed, tmp_path):
    folder = installed("vaderSentiment").__path__[0]
    with pytest.raises(ConfigError, match=r"got .*; expected a \.csv with"):
        find(f"{folder}/vader_lexicon.txt")
