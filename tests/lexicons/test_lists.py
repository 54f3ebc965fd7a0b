"""Our own lists: present, carded, sorted, free of duplicates, and about what their folder says."""

import csv
from functools import cache
from pathlib import Path

import polars as pl
import pytest

import lexicons
from lexicons import load, match, names
from lexicons.match import cut

HOME = Path(lexicons.__file__).parent
BY_HAND = [name for name in names() if not name.endswith("_learned")]
MARKERS = (
    "ambiguous", "anger", "anticipation", "anxiety", "calmness", "confusion", "depression", "despair",
    "disappointment", "disgust", "emotional", "fear", "hate", "health", "hope", "horror", "hostility", "joy", "like",
    "loneliness", "love", "mitigation", "moral_outrage", "negative", "neglect", "nervousness", "out_group", "pain",
    "positive", "preparedness", "recovery", "response", "sadness", "shame", "stress", "suffering", "surprise",
    "torment",
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_marker_in_both_languages(language):
    assert [name for name in names() if name.endswith(f"_{language}")] == [f"{m}_{language}" for m in MARKERS]


@pytest.mark.parametrize("name", BY_HAND)
def test_list(name):
    marker, _, language = name.rpartition("_")
    lexicon = load(name)
    assert (lexicon.name, lexicon.language) == (name, language)
    assert lexicon.terms["marker"].unique().to_list() == [marker]
    assert lexicon.terms.height >= 60
    rows = list(csv.reader((HOME / name / "terms.csv").open(encoding="utf-8")))
    assert rows == [["term", "marker", "weight"], *sorted(rows[1:])]
    folded = pl.Series([" ".join(words) for words in cut(lexicon.terms["term"])])
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


@pytest.mark.parametrize("name", BY_HAND)
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
        ("en", "Depressed. I hate myself and want to die", ["depression", "despair", "sadness"]),
        ("en", "no friends, nobody to talk to, I feel so alone", ["loneliness"]),
        ("en", "so happy, can't wait!! 🎉", ["anticipation", "joy", "positive"]),
        ("en", "fingers crossed, it gets better", ["hope", "positive"]),
        ("en", "send them back where they came from, vermin", ["hostility", "out_group"]),
        ("en", "Shame on them. Shutting down that hospital is a disgrace", ["anger", "health", "moral_outrage"]),
        ("en", "phew, what a relief, my hands are still shaking", ["calmness", "nervousness"]),
        ("en", "my head hurts, third migraine this week 🤕", ["health", "negative", "pain"]),
        ("en", "sorry, my bad, that was embarrassing", ["shame"]),
        ("en", "wait what, I don't get it. Didn't expect that", ["confusion", "surprise"]),
        ("en", "gross, the smell makes me sick", ["disgust"]),
        ("en", "I miss you and I love you", ["love", "sadness"]),
        ("en", "good point, I agree", ["like", "positive"]),
        ("en", "mixed feelings, happy but sad", ["ambiguous", "emotional", "joy", "sadness"]),
        ("en", "what a letdown, I expected more", ["disappointment"]),
        ("en", "stock up on batteries before the hurricane", ["preparedness"]),
        ("en", "volunteers and firefighters rescued two people", ["response"]),
        ("en", "rebuilding the town, slowly back to normal", ["recovery"]),
        ("en", "wash your hands and wear a mask", ["mitigation"]),
        ("en", "I despise him, rot in hell", ["anger", "hate"]),
        ("en", "nobody cares about me, everyone left me behind", ["loneliness", "neglect"]),
        ("en", "tortured by nightmares, the agony never ends", ["suffering", "torment"]),
        ("en", "a horrifying massacre", ["horror", "negative"]),
        ("es", "no puedo más, me siento sola", ["depression", "despair", "loneliness", "stress"]),
        ("es", "ataque de pánico, qué miedo", ["anxiety", "fear", "horror", "negative", "nervousness"]),
        ("es", "qué rabia, estoy hasta las narices", ["anger", "negative"]),
        ("es", "triste y llorando 💔", ["negative", "sadness"]),
        ("es", "¡Qué alegría! ojalá todo salga bien", ["hope", "joy", "positive"]),
        ("es", "que se vayan a su país, gentuza", ["hate", "hostility", "out_group"]),
        ("es", "es una vergüenza, no hay derecho, hasta cuándo", ["anger", "moral_outrage", "negative", "shame"]),
        ("es", "qué asco, dan ganas de vomitar 🤢", ["disgust", "negative"]),
        ("es", "madre mía, qué fuerte, no me lo creo", ["surprise"]),
        ("es", "no manches, me quedé helada", ["surprise"]),
        ("es", "odio a esa gente, ojalá se mueran", ["hate", "hostility", "out_group"]),
        ("es", "por fin en casa, qué paz, más tranquila", ["calmness"]),
        ("es", "te amo mi vida, un abrazo enorme 🥰", ["love", "positive"]),
        ("es", "me encanta, está padrísimo, lo recomiendo", ["joy", "like", "positive"]),
        ("es", "ya queda menos, no veo la hora", ["anticipation"]),
        ("es", "no hay salida, todo está perdido, me rindo", ["despair"]),
        ("es", "no sé si reír o llorar, sentimientos encontrados", ["ambiguous", "emotional"]),
        ("es", "qué nervios, me tiemblan las piernas", ["anxiety", "fear", "nervousness"]),
        ("es", "cuánto sufrimiento, pobre gente", ["suffering"]),
        ("es", "una masacre, qué horror", ["horror", "negative"]),
        ("es", "menuda decepción, esperaba más", ["disappointment", "negative"]),
        ("es", "en urgencias con fiebre, me duele la garganta", ["health", "pain"]),
        ("es", "no entiendo nada, alguien me lo explica", ["confusion"]),
        ("es", "trágame tierra, qué oso", ["shame"]),
        ("es", "nos tienen abandonados, nadie hace nada", ["neglect"]),
        ("es", "se me saltan las lágrimas, qué emotivo", ["emotional"]),
        ("es", "sufre acoso escolar, es una tortura", ["suffering", "torment"]),
        ("es", "mochila de emergencia y plan de evacuación", ["preparedness"]),
        ("es", "los bomberos siguen con el rescate, se necesitan donantes", ["response"]),
        ("es", "volver a la normalidad y reconstruir el pueblo", ["recovery"]),
        ("es", "lávate las manos y usa mascarilla 😷", ["mitigation"]),
    ],
)
def test_lists_read_as_a_speaker_would(language, text, markers):
    assert set(markers) <= _found(language, text)


@pytest.mark.parametrize(
    ("language", "text", "markers"),
    [
        ("en", "No worries, hopefully we meet in the saddle", ["anxiety", "fear", "negative", "sadness"]),
        ("en", "leave me alone, I need alone time", ["joy", "loneliness"]),
        ("en", "not happy, not funny, no fun at all", ["joy", "positive"]),
        ("en", "tears of joy, so good", ["depression", "sadness", "suffering"]),
        ("en", "what the hell, fuck yeah, this is awesome", ["hate", "hostility"]),
        ("en", "the nervous system and the stock market", ["anxiety", "nervousness", "preparedness", "stress"]),
        ("en", "the report lists nine rivers and a bridge", list(MARKERS)),
        ("es", "no te preocupes, vale la pena aterrizar en la montura", ["anger", "anxiety", "fear", "sadness", "shame"]),
        ("es", "vale la pena, no está nada mal, sin duda", ["confusion", "sadness", "shame", "suffering"]),
        ("es", "lloro de felicidad", ["depression", "sadness"]),
        ("es", "no me gusta, a lo mejor mañana", ["joy", "like", "positive"]),
        ("es", "el puto amo, de puta madre", ["anger", "disgust", "hate", "hostility", "negative"]),
        ("es", "no tengo miedo, sin problema", ["fear", "negative"]),
        ("es", "descansa en paz", ["calmness", "positive"]),
        ("es", "delito de odio, discurso de odio", ["anger", "hate"]),
        ("es", "unidas podemos, un minuto de deporte y los precios de la fachada", ["anger", "hope", "hostility", "joy"]),
        ("es", "tormenta tropical con epicentro en la costa", ["depression", "joy", "torment"]),
        ("es", "golpe de estado", ["pain", "surprise"]),
        ("es", "el informe nombra nueve ríos y un puente", list(MARKERS)),
    ],
)
def test_lists_keep_silent(language, text, markers):
    assert not set(markers) & _found(language, text)


@cache
def _lists(language):
    return [load(name) for name in names() if name.endswith(language)]


def _found(language, text):
    found = match(pl.DataFrame({"post_id": ["p"], "text": [text]}), _lists(language))
    return set(found.filter(pl.col("weight") > 0)["marker"])
