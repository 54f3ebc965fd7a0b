"""Configurations that analysts copy are valid, and hold what the sources they name say."""

import pytest

from barograph import settings
from flows.reading import Reading
from lexicons import find, names
from tests.conftest import ROOT

EMPATH = {  # Tommasel et al. 2021: ten categories each
    "anxiety": "sadness nervousness fear suffering horror disappointment health confusion shame anger",
    "depression": "sadness suffering shame neglect emotional disgust torment nervousness disappointment pain",
    "stress": "sadness nervousness anger suffering fear shame torment neglect disgust health",
}
SENTISENSE = {"positive": "calmness joy love hope like anticipation", "negative": "hate anger sadness fear disgust"}
PARROTT = {  # marker → the word of Parrott's tree that it is, and its basic emotion
    "love": ("love", "love"), "like": ("liking", "love"),
    "joy": ("joy", "joy"), "calmness": ("relief", "joy"), "hope": ("hope", "joy"), "anticipation": ("eagerness", "joy"),
    "surprise": ("surprise", "surprise"),
    "anger": ("anger", "anger"), "hate": ("hate", "anger"), "hostility": ("hostility", "anger"),
    "moral_outrage": ("outrage", "anger"), "disgust": ("disgust", "anger"), "torment": ("torment", "anger"),
    "sadness": ("sadness", "sadness"), "suffering": ("suffering", "sadness"), "depression": ("depression", "sadness"),
    "despair": ("despair", "sadness"), "disappointment": ("disappointment", "sadness"), "shame": ("shame", "sadness"),
    "neglect": ("neglect", "sadness"), "loneliness": ("loneliness", "sadness"),
    "fear": ("fear", "fear"), "horror": ("horror", "fear"), "nervousness": ("nervousness", "fear"), "anxiety": ("anxiety", "fear"),
}  # fmt: skip
OURS = {"crisis": "preparedness response recovery mitigation", "polarization": "hostility out_group moral_outrage hate"}


@pytest.fixture(scope="module")
def emotions():
    return settings.load(ROOT / "examples" / "emotions.toml")


def test_every_list_written_by_hand_is_named_once_and_loads(emotions):
    named = [name for marker in emotions.marker for name in marker.lexicons]
    assert sorted(named) == [name for name in names() if not name.endswith("_learned")]
    assert len(emotions.marker) == 38
    for marker in emotions.marker:
        assert marker.lexicons == (f"{marker.name}_en", f"{marker.name}_es")
        assert [find(name).language for name in marker.lexicons] == ["en", "es"]
    reading = Reading(emotions.marker)
    assert {lang: len(lexicons) for lang, lexicons in reading.lexicons.items()} == {"en": 38, "es": 38}
    reading.check(emotions.rule)


def test_dimensions_are_those_of_their_sources(emotions):
    rolled_up = {}
    for marker, (_, basic) in PARROTT.items():
        rolled_up.setdefault(f"basic {basic}", set()).add(marker)
    written = {name: set(markers.split()) for name, markers in (EMPATH | SENTISENSE | OURS).items()}
    assert {d.name: set(d.markers) for d in emotions.dimension} == written | rolled_up
    assert all(len(set(d.markers)) == len(d.markers) for d in emotions.dimension)
    assert [len(d.markers) for d in emotions.dimension if d.name in EMPATH] == [10, 10, 10]


def test_names_of_series_differ_and_all_else_is_the_default(emotions):
    assert len(set(emotions.watchable)) == 38 + 13
    assert emotions.model_copy(update={"marker": (), "dimension": ()}) == settings.Settings(marker=(), dimension=())


def test_the_example_of_annotators_is_whole_and_asks_what_its_comments_say(monkeypatch):
    from flows.annotators import task_of

    loaded = settings.load(ROOT / "examples" / "annotators.toml")
    assert [a.name for a in loaded.annotation] == [
        "emotions", "expression", "stance:climate", "affect:climate", "agreement:climate",
    ]
    measured = {m.name for m in loaded.marker}
    for annotation, said in zip(loaded.annotation, (
        {"anger", "fear", "sadness", "joy", "hope", "hostility"}, {"anxiety", "depression", "stress", "loneliness"},
    ), strict=False):  # fmt: skip
        assert set(task_of(loaded, annotation.name).questions) & measured == said
    assert loaded.rule[0].markers == ("polarization:climate",)
    assert loaded.test[0].event == loaded.event[0].name
