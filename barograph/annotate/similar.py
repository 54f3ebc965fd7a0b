"""Which examples are most like a post: cosine of TF-IDF vectors of words and of their parts, as n-grams of letters."""

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+")
_LETTERS = 4
_READ = 1_000
"""Characters of a text that are compared."""


def features(text: str) -> Counter[str]:
    """Words, and runs of four letters of them with their borders, counted."""
    words = _WORD.findall(text[:_READ].lower())
    parts = (f"_{word}_"[i : i + _LETTERS] for word in words for i in range(max(1, len(word) + 3 - _LETTERS)))
    return Counter(words) + Counter(f"#{part}" for part in parts)


class Neighbours:
    """A few texts, and which of them are most like another."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [features(text) for text in texts]
        found = Counter(name for counts in counted for name in counts)
        self._idf = {name: math.log((1 + len(texts)) / (1 + n)) + 1 for name, n in found.items()}
        self._vectors = [self._vector(counts) for counts in counted]

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        weights = {name: (1 + math.log(n)) * self._idf[name] for name, n in counts.items() if name in self._idf}
        length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {name: weight / length for name, weight in weights.items()}

    def similarities(self, text: str) -> list[float]:
        """Cosine with each text, 0 to 1; what no text knows counts for nothing."""
        own = self._vector(features(text))
        return [sum(weight * vector.get(name, 0.0) for name, weight in own.items()) for vector in self._vectors]

    def nearest(self, text: str, n: int) -> list[int]:
        """Places of the `n` texts most like this one, the most alike last; of equals the earlier counts as nearer."""
        values = self.similarities(text)
        return sorted(range(len(values)), key=lambda i: (-values[i], i))[:n][::-1]
