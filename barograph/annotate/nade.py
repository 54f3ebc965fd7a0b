"""The packaged model nade as an annotator of English emotions that runs here: no network, no prompt, no explanation.

nade predicts emoji with fastText and from them the intensity of eight emotions by gradient boosting; here are the
seven that the task `emotions` asks for by the same names. Its intensities become answers at cut-offs learned from the
training part of GoEmotions (nade.json), so that there as many posts express an emotion as people said.
"""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barograph.annotate.annotation import Annotation, Item
from barograph.annotate.quoting import clean
from barograph.annotate.reply import UNCLEAR
from barograph.annotate.task import Task
from barograph.errors import ConfigError

TASK = "emotions"
"""The one that it reads."""
EMOTIONS = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise")
LANGUAGES = ("en", "und")
CUTS = Path(__file__).parent / "nade.json"
DEGREES = ("none", "weak", "moderate", "strong")

Floats = npt.NDArray[np.float64]


class Nade:
    """An annotator of the task `emotions`; questions that it does not know, and posts not in English, are unclear.

    Raises `ConfigError` for another task, or where the package is not installed.
    """

    def __init__(self, task: Task, name: str = "nade") -> None:
        if task.kind != TASK:
            raise ConfigError(f"annotator {name!r}: got task {task.name}; expected {TASK}, the one that nade reads")
        if find_spec("nade") is None or find_spec("lightgbm") is None:
            raise ConfigError(
                f"annotator {name!r}: the package nade is not installed; install it without its requirements, which "
                "would overwrite what tells languages: pip install 'lightgbm>=4.6,<5', then pip install --no-deps "
                "nade==0.3.1"
            )
        self.name, self.model = name, f"nade-{version('nade')}"
        self._task = task
        self._cuts: dict[str, list[float]] = json.loads(CUTS.read_text(encoding="utf-8"))["cuts"]

    def prompt_version(self) -> str:
        """16 hexadecimal digits, of what is asked and the cut-offs: nade reads no prompt."""
        whole = json.dumps([{q: list(a) for q, a in self._task.questions.items()}, self._cuts])
        return blake2b(whole.encode(), digest_size=8).hexdigest()

    async def annotate(self, item: Item) -> Annotation:
        """The outcome for one post."""
        return self.outcomes([item])[0]

    def outcomes(self, items: Sequence[Item]) -> list[Annotation]:
        """The outcome for each post, in order."""
        read = [i for i, item in enumerate(items) if item.lang in LANGUAGES]
        scores = intensities([items[i].text for i in read])
        found = [self._unread(item) for item in items]
        for place, i in enumerate(read):
            answers = dict.fromkeys(self._task.questions, UNCLEAR)
            answers |= {e: DEGREES[int(np.searchsorted(self._cuts[e], scores[e][place], "right"))] for e in EMOTIONS}
            found[i] = Annotation("ok", answers)
        return found

    def probabilities(self, items: Sequence[Item]) -> dict[str, Floats]:
        """Emotion → nade's intensity of each post, 0 to 1, (n_items,); NaN of one that it does not read."""
        read = np.array([item.lang in LANGUAGES for item in items], dtype=bool)
        scores = intensities([item.text for item in items if item.lang in LANGUAGES])
        found = {emotion: np.full(len(items), np.nan) for emotion in EMOTIONS}
        for emotion, values in scores.items():
            found[emotion][read] = values
        return found

    def _unread(self, item: Item) -> Annotation:
        reason = f"nade reads English, not {item.lang[:12]}"
        return Annotation(UNCLEAR, dict.fromkeys(self._task.questions, UNCLEAR), reason=reason)


def intensities(texts: Sequence[str]) -> dict[str, Floats]:
    """Emotion → nade's prediction for each text, 0 to 1, (n_texts,)."""
    if not texts:
        return {emotion: np.zeros(0) for emotion in EMOTIONS}
    answer = model().predict([clean(text).replace("\n", " ") for text in texts], dimensions=list(EMOTIONS))
    return {emotion: np.asarray(answer[emotion], dtype=np.float64) for emotion in EMOTIONS}


@cache
def model() -> Any:
    """The packaged model, unpacked once. Raises `ImportError` where it is not installed."""
    import warnings

    from nade import Nade as Model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it unpacks its models
        whole = Model()
    whole.tm = _LineByLine(whole.tm)
    return whole


class _LineByLine:
    """fastText for nade, a text at a time: the fasttext-predict that tells languages answers lists in another form."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, texts: Sequence[str], k: int) -> tuple[list[Any], list[Any]]:
        """Labels and probabilities of each text."""
        labels, probabilities = zip(*(self._model.predict(text, k=k) for text in texts), strict=True)
        return list(labels), list(probabilities)
