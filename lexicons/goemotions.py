"""GoEmotions: the labelled posts that our learned lexicons and all calibrations come from.

Demszky et al. 2020, comments on Reddit, 27 emotions by three to five raters each, Apache-2.0. The files lie beside
the project, in data/labelled/goemotions of BAROGRAPH_SHARED (default ../shared): `text ⇥ label numbers ⇥ id`.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from barograph.errors import ConfigError

NAMES = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
"""The labels, in the order of their numbers."""

MARKERS: Mapping[str, tuple[str, ...]] = {
    "anger": ("anger", "annoyance"),
    "anticipation": ("desire", "excitement"),
    "anxiety": ("fear", "nervousness"),
    "calmness": ("relief",),
    "confusion": ("confusion",),
    "disappointment": ("disappointment",),
    "disgust": ("disgust",),
    "fear": ("fear",),
    "hope": ("optimism",),
    "joy": ("amusement", "excitement", "joy"),
    "like": ("admiration", "approval"),
    "love": ("love",),
    "negative": (
        "anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief",
        "nervousness", "remorse", "sadness",
    ),
    "nervousness": ("nervousness",),
    "positive": (
        "admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love",
        "optimism", "pride", "relief",
    ),
    "sadness": ("grief", "sadness"),
    "shame": ("embarrassment", "remorse"),
    "surprise": ("surprise",),
}  # fmt: skip
"""Marker → the labels of which any makes a post positive. Polarity as GoEmotions groups its labels."""


def read_goemotions(part: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Posts `post_id, text` and labels, one Boolean column per marker, of `train` or `dev`, row by row.

    Raises `ConfigError` where the file is absent.
    """
    shared = Path(os.environ.get("BAROGRAPH_SHARED", Path(__file__).parent.parent.parent / "shared"))
    path = shared / "data" / "labelled" / "goemotions" / f"{part}.tsv"
    if not path.exists():
        raise ConfigError(f"got no {path}; expected GoEmotions: set BAROGRAPH_SHARED to the folder that holds data/")
    names = ["text", "labels", "post_id"]
    rows = pl.read_csv(path, separator="\t", has_header=False, new_columns=names, quote_char=None)
    labels = rows.select(pl.col("labels").cast(pl.String).str.split(",").cast(pl.List(pl.Int64)))
    found = {
        marker: pl.col("labels").list.eval(pl.element().is_in([NAMES.index(name) for name in emotions])).list.any()
        for marker, emotions in MARKERS.items()
    }
    return rows.select("post_id", "text"), labels.select(**found)
