"""Our own lists: present, carded, sorted, free of duplicates, and about what their folder says."""

import csv
from pathlib import Path

import polars as pl
import pytest

import lexicons
from lexicons import load, match, names
from lexicons.match import cut

HOME = Path(lexicons.__file__).parent
MARKERS = (
    "anger", "anxiety", "depression", "fear", "hope", "hostility", "joy", "loneliness", "sadness", "stress",
)  # fmt: skip


def test_every_marker_in_both_languages():
    assert names() == [f"{marker}_{language}" for marker in MARKERS for language in ("en", "es")]


@pytest.mark.parametrize("name", names())
def test_list(name):
    marker, language = name.split("_")
    lexicon = load(name)
    assert (lexicon.name, lexicon.language) == (name, language)
    assert lexicon.terms["marker"].unique().to_list() == [marker]
    assert lexicon.terms.height >= 60
    rows = list(csv.reader((HOME / name / "terms.csv").open(encoding="utf-8")))
    assert rows == [["term", "marker", "weight"], *sorted(rows[1:])]
    folded = cut(lexicon.terms["term"]).list.join(" ")
    assert folded.filter(folded.is_duplicated()).to_list() == []


@pytest.mark.parametrize("name", names())
def test_card(name):
    card = (HOME / name / "CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {name}\n")
    for part in (
        "Construct",
        "Reading",
        "Language",
        "Licence",
        "Source",
        "Weights",
        "Measured validity",
        "Known failures",
    ):
        assert f"**{part}.**" in card
    assert "Expressed language, not illness" in card
    assert "speaks of populations, never of a person" in " ".join(card.split())


@pytest.mark.parametrize("name", names())
def test_every_exception_hides_something(name):
    """A term of weight 0 that holds no other term would do nothing."""
    lexicon = load(name)
    exceptions = lexicon.terms.filter(pl.col("weight") == 0)
    others = lexicons.Lexicon(name, lexicon.language, "", lexicon.terms.filter(pl.col("weight") > 0))
    texts = exceptions.select(post_id="term", text=pl.col("term").str.strip_chars("*"))
    idle = texts.join(match(texts, others), on="post_id", how="anti")
    assert idle["text"].to_list() == []


@pytest.mark.parametrize(
    ("language", "text", "markers"),
    [
        ("en", "I can't cope, another panic attack and so much work", ["anxiety", "fear", "stress"]),
        ("en", "Depressed. I hate myself and want to die", ["anger", "depression", "sadness"]),
        ("en", "no friends, nobody to talk to, I feel so alone", ["loneliness"]),
        ("en", "so happy, can't wait!! 🎉", ["joy"]),
        ("en", "fingers crossed, it gets better", ["hope"]),
        ("en", "send them back where they came from, vermin", ["hostility"]),
        ("en", "No worries, leave me alone, hopefully we meet in the saddle", ["anger", "hope"]),
        ("es", "no puedo más, me siento sola", ["depression", "loneliness", "stress"]),
        ("es", "ataque de pánico, qué miedo", ["anxiety", "fear"]),
        ("es", "qué rabia, estoy hasta las narices", ["anger"]),
        ("es", "triste y llorando 💔", ["sadness"]),
        ("es", "¡Qué alegría! ojalá todo salga bien", ["hope", "joy"]),
        ("es", "que se vayan a su país, gentuza", ["hostility"]),
        ("es", "no te preocupes, vale la pena hacer deporte y aterrizar en la montura", []),
    ],
)
def test_lists_read_as_a_speaker_would(language, text, markers):
    every = [load(name) for name in names() if name.endswith(language)]
    assert match(pl.DataFrame({"post_id": ["p"], "text": [text]}), every)["marker"].to_list() == markers
