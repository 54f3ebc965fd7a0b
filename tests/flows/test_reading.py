"""How posts are read: an analyst's options of a marker, from barograph.toml to the scores."""

import polars as pl
import pytest

from barograph.errors import ConfigError
from barograph.settings import Marker, Rule
from flows.reading import Reading
from lexicons import count_tokens, load, match

POSTS = pl.DataFrame({
    "post_id": ["a", "b", "c", "d", "e"],
    "lang": ["en", "en", "en", "es", "es"],
    "text": ["I am afraid", "not afraid at all, me", "they are afraid", "no tengo miedo", "la gente tiene miedo"],
})  # fmt: skip


@pytest.mark.parametrize(
    ("options", "hit"),
    [
        ({}, ["a", "b", "c", "d", "e"]),
        ({"negation": True}, ["a", "c", "e"]),
        ({"first_person": True}, ["a", "b", "d"]),
        ({"negation": True, "first_person": True}, ["a"]),
    ],
)
def test_options_of_a_marker(tmp_path, options, hit):
    lists = {"fear_en.csv": "term,marker\nafraid,fear\n", "fear_es.csv": "term,marker\nmiedo,fear\n"}
    for name, lines in lists.items():
        (tmp_path / name).write_text(lines)
    reading = Reading([Marker(name="fright", lexicons=tuple(str(tmp_path / name) for name in lists), **options)])
    scores = reading.scores(POSTS).filter(pl.col("hits") > 0)
    assert sorted(scores["post_id"]) == hit
    assert scores["marker"].unique().to_list() == ["fright"]


def test_an_option_changes_the_version():
    versions = {
        Reading([Marker(name="fright", lexicons=("fear_en",), negation=negation, first_person=first_person)]).version
        for negation in (False, True) for first_person in (False, True)
    }  # fmt: skip
    assert len(versions) == 4


def test_only_a_list_of_ours_is_calibrated_by_its_learned_sibling(tmp_path):
    own = tmp_path / "anxiety_en.csv"
    own.write_text("term,marker\nzebra,anxiety\n")
    for name, calibrated in (("anxiety_en", ["anxiety_en_learned"]), (str(own), [])):
        reading = Reading([Marker(name="worry", lexicons=(name,))])
        assert [lexicon.name for found in reading.calibrated.values() for lexicon, _ in found.values()] == calibrated


def test_a_marker_of_several_lexicons_in_a_language_has_no_calibrated_reading_there(tmp_path):
    own = tmp_path / "worry_es.csv"
    own.write_text("term,marker\ncebra,worry\n")
    alone = Reading([Marker(name="worry", lexicons=("anxiety_en", str(own)))])
    assert [(lang, list(found)) for lang, found in alone.calibrated.items()] == [("en", ["worry"])]
    both = Reading([Marker(name="worry", lexicons=("anxiety_en", "fear_en")), Marker(name="fear", lexicons=("fear_en",))])
    assert [(lang, list(found)) for lang, found in both.calibrated.items()] == [("en", ["fear"])]
    posts = POSTS.filter(pl.col("post_id") == "a")
    assert both.scores(posts).filter(marker="worry").select("hits", "probability").rows() == [(1, None)]
    rule = Rule(name="r", method="calibrated", markers=["worry"])
    with pytest.raises(ConfigError, match="'worry', which has in no language just one lexicon .* one of fear"):
        both.check([rule])


def test_scores_are_what_match_and_its_calibration_say():
    texts = ["I am so anxious and afraid", "tengo miedo y ansiedad", "hope", "panic attack, worried sick", "ok", "no sé"]
    posts = pl.DataFrame({
        "post_id": [f"{text} {lang}" for text in texts for lang in ("en", "es", "und", "fr")],
        "lang": ["en", "es", "und", "fr"] * len(texts), "text": [text for text in texts for _ in range(4)],
    })  # fmt: skip
    reading = Reading([Marker(name=name, lexicons=(f"{name}_en", f"{name}_es")) for name in ("anxiety", "hope")])
    got = {(row["post_id"], row["marker"]): row for row in reading.scores(posts).iter_rows(named=True)}
    assert len(got) == reading.scores(posts).height
    for post, lang, text in posts.iter_rows():
        for marker in ("anxiety", "hope"):
            hits, weight, probability = 0, 0.0, None
            for own in [own for own in reading.lexicons if lang in (own, "und")]:
                one = pl.DataFrame({"post_id": ["x"], "text": [text]})
                found = match(one, reading.lexicons[own]).filter(pl.col("marker").cast(pl.String) == marker)
                hits, weight = hits + found["hits"].sum(), weight + found["weight"].sum()
                first = next((known for known in reading.calibrated if marker in reading.calibrated[known]), None)
                if marker in reading.calibrated.get(own, {}) and own in (lang, first):
                    lexicon, calibration = reading.calibrated[own][marker]
                    evidence = match(one, lexicon)["weight"].sum() / count_tokens(one)["n_tokens"][0] ** 0.5
                    read = calibration.probability(evidence).item()
                    probability = None if read == calibration.probability(0).item() else read
            row = got.get((post, marker), {"hits": 0, "weight": 0.0, "probability": None})
            assert (row["hits"], row["probability"]) == (hits, probability)
            assert row["weight"] == pytest.approx(weight)
    assert any(row["probability"] is not None for row in got.values())


def test_the_lists_in_use_are_named_with_their_terms_and_calibrations(tmp_path):
    own = tmp_path / "mine_en.csv"
    own.write_text("term,marker\nafraid,fear\n")
    reading = Reading([Marker(name="worry", lexicons=("anxiety_en", "anxiety_es")), Marker(name="fright", lexicons=(str(own), "fear_en"))])
    used = reading.used
    assert used.select("marker", "lexicon", "language").sort("marker", "lexicon").rows() == [
        ("fright", "fear_en", "en"), ("fright", "mine_en", "en"),
        ("worry", "anxiety_en", "en"), ("worry", "anxiety_en_learned", "en"), ("worry", "anxiety_es", "es"),
    ]  # fmt: skip
    row = {name: used.row(by_predicate=pl.col("lexicon") == name, named=True) for name in used["lexicon"]}
    assert row["mine_en"]["n_terms"] == 1
    assert row["anxiety_en"]["version"] == load("anxiety_en").version
    assert row["anxiety_en"]["n_terms"] < load("anxiety_en").terms.height  # without hints
    assert "GoEmotions" in row["anxiety_en_learned"]["fitted_on"]
    assert (row["anxiety_en"]["fitted_on"], row["fear_en"]["fitted_on"]) == (None, None)
