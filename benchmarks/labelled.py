"""The labelled sets beside the project, as posts and yes/no labels of our markers.

They lie in data/labelled of BAROGRAPH_SHARED (default ../shared). Figures and facts carry over, posts do not.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from lexicons.goemotions import read_goemotions
from lexicons.labels import HOSTILE, LABELS

LABELLED = Path(os.environ.get("BAROGRAPH_SHARED", Path(__file__).parent.parent.parent / "shared")) / "data/labelled"
Labels = dict[str, npt.NDArray[np.bool_]]

_TWEETEVAL = ("anger", "joy", "optimism", "sadness")  # in the order of their numbers


@dataclass(frozen=True, eq=False)
class Labelled:
    """Posts with labels: `posts` has `post_id, text`; `labels` marker → (n_posts,) whether a post is positive."""

    name: str
    language: str
    posts: pl.DataFrame
    labels: Labels

    def sample(self, n: int) -> "Labelled":
        """At most `n` of the posts, evenly spaced."""
        rows = np.unique(np.linspace(0, self.posts.height - 1, min(n, self.posts.height)).astype(np.int64))
        return Labelled(self.name, self.language, self.posts[rows], {m: y[rows] for m, y in self.labels.items()})

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return self.posts["text"].to_list()


def _labelled(name: str, language: str, texts: Iterable[str], labels: Mapping[str, pl.Series]) -> Labelled:
    text = pl.Series("text", list(texts), pl.String)
    posts = pl.DataFrame({"post_id": [f"{name}:{i}" for i in range(len(text))], "text": text})
    return Labelled(
        name, language, posts, {marker: y.fill_null(value=False).to_numpy() for marker, y in labels.items()}
    )


def goemotions(part: str) -> Labelled:
    """Reddit comments, 27 emotions; part `train` or `dev`."""
    posts, labels = read_goemotions(part)
    return _labelled(f"goemotions_{part}", "en", posts["text"], {name: labels[name] for name in labels.columns})


def semeval() -> Labelled:
    """English tweets of SemEval-2018 task 1, eleven emotions, the gold part."""
    rows = pl.read_csv(LABELLED / "semeval2018_ec/en.txt", separator="\t", quote_char=None)
    labels = {
        marker: rows.select(pl.any_horizontal(pl.col(*names) == 1)).to_series()
        for marker, names in LABELS["semeval"].items()
    }
    return _labelled("semeval", "en", rows["Tweet"], labels)


def tweeteval(part: str) -> Labelled:
    """English tweets with one of four emotions each; part `train` or `val`."""
    folder = LABELLED / "tweeteval_emotion"
    texts = (folder / f"{part}_text.txt").read_text(encoding="utf-8").split("\n")
    emotion = pl.Series([_TWEETEVAL[int(line)] for line in (folder / f"{part}_labels.txt").read_text().split()])
    labels = {marker: emotion.is_in(list(names)) for marker, names in LABELS["tweeteval"].items()}
    return _labelled(f"tweeteval_{part}", "en", texts[: len(emotion)], labels)


def emoevent(part: str) -> Labelled:
    """Spanish tweets about eight events, one emotion each or none; part `train` or `dev`."""
    rows = pl.read_csv(LABELLED / f"emoevent_es/{part}.tsv", separator="\t", quote_char=None)
    labels = {marker: rows["emotion"].is_in(list(names)) for marker, names in LABELS["emoevent"].items()}
    return _labelled(f"emoevent_{part}", "es", rows["tweet"], labels)


def dreaddit() -> Labelled:
    """Segments of Reddit posts, stressed or not."""
    rows = pl.read_csv(LABELLED / "dreaddit/train.csv")
    return _labelled("dreaddit", "en", rows["text"], {"stress": rows["stress"] == 1})


def usvsthem() -> Labelled:
    """Reddit comments about groups, on a scale from supportive to hostile."""
    rows = pl.read_csv(LABELLED / "usvsthem/UsVsThem_valid.csv")
    hostile = rows["usVSthem_scale"] >= HOSTILE
    return _labelled("usvsthem", "en", rows["body"], {"hostility": hostile, "out_group": hostile})


EVALUATED: tuple[Callable[[], Labelled], ...] = (
    lambda: goemotions("dev"), semeval, lambda: tweeteval("val"), lambda: emoevent("dev"), dreaddit, usvsthem,
)  # fmt: skip
"""What is reported on. Of these, nothing is fitted on any but dreaddit, and there in cross-validation."""
