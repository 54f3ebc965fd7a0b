"""Which labels of each labelled set count as a marker: what a measured figure is about, whatever a construct says."""

from collections.abc import Mapping

from lexicons.goemotions import MARKERS

HOSTILE = 0.5
"""Of UsVsThem's scale from 0, supportive of a group, to 1: from here on a comment is hostile to it."""

_USVSTHEM = (f"{HOSTILE} or more on the scale from supportive of a group (0) to hostile to it (1)",)

LABELS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "goemotions": MARKERS,
    "semeval": {
        "anger": ("anger",), "anticipation": ("anticipation",), "disgust": ("disgust",), "fear": ("fear",),
        "hope": ("optimism",), "joy": ("joy",), "love": ("love",), "sadness": ("sadness",), "surprise": ("surprise",),
        "negative": ("anger", "disgust", "fear", "pessimism", "sadness"),
        "positive": ("joy", "love", "optimism", "trust"),
    },
    "tweeteval": {
        "anger": ("anger",), "hope": ("optimism",), "joy": ("joy",), "sadness": ("sadness",),
        "negative": ("anger", "sadness"), "positive": ("joy", "optimism"),
    },
    "emoevent": {
        "anger": ("anger",), "disgust": ("disgust",), "fear": ("fear",), "joy": ("joy",), "sadness": ("sadness",),
        "surprise": ("surprise",), "negative": ("anger", "disgust", "fear", "sadness"), "positive": ("joy",),
    },
    "dreaddit": {"stress": ("stress",)},
    "usvsthem": {"hostility": _USVSTHEM, "out_group": _USVSTHEM},
}  # fmt: skip
"""Set → marker → the labels of which any makes a post positive."""


def said(labels: tuple[str, ...]) -> str:
    """Labels in words."""
    *most, last = labels
    return f"{', '.join(most)} or {last}" if most else last
