"""Contrast: by hand, and what it leaves alone."""

import polars as pl

from lexicons import contrast, load, match
from lexicons.contrast import PART, PLEASANT, UNPLEASANT
from lexicons.goemotions import MARKERS

ROWS = [
    ("a", "fear", 2, 3.0), ("a", "positive", 1, 4.0), ("a", "negative", 1, 1.0), ("a", "surprise", 1, 1.0),
    ("b", "positive", 2, 2.0), ("c", "joy", 1, 1.0),
]  # fmt: skip
SCHEMA = {"post_id": pl.String, "marker": pl.String, "hits": pl.Int64, "weight": pl.Float64}


def frame(rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_by_hand():
    assert PART == 0.25
    assert contrast(frame(ROWS)).rows() == [
        ("a", "fear", 2, 3 - 4 / 4), ("a", "joy", 0, -1 / 4), ("a", "negative", 1, 1 - 4 / 4), ("a", "positive", 1, 4 - 1 / 4),
        ("a", "surprise", 1, 1.0), ("b", "fear", 0, -2 / 4), ("b", "negative", 0, -2 / 4), ("b", "positive", 2, 2.0), ("c", "joy", 1, 1.0),
    ]  # fmt: skip


def test_nothing_to_set_against():
    only = frame([row for row in ROWS if row[1] in ("fear", "surprise")])
    assert contrast(only).rows() == only.rows()
    assert contrast(frame([])).schema == SCHEMA


def test_a_happy_word_speaks_against_fear_in_both_languages():
    for language, text in (("en", "so happy, great, wonderful"), ("es", "muy feliz, genial, maravilloso")):
        posts = pl.DataFrame({"post_id": ["p", "q"], "text": [text, "terror, miedo, terrified, afraid"]})
        found = contrast(match(posts, [load(f"{marker}_{language}") for marker in ("fear", "positive", "negative")]))
        (weight,) = found.filter(post_id="p", marker="fear")["weight"]
        assert weight < 0


def test_a_marker_has_one_polarity_at_most():
    assert not set(PLEASANT) & set(UNPLEASANT)
    assert set(MARKERS) - {*PLEASANT, *UNPLEASANT} == {"anticipation", "confusion", "surprise"}
