"""From evidence to probability: how likely a post expresses a marker, given which of its terms occur.

The share of posts with a hit is not the share of posts that express a marker: words miss posts, and mean other
things. A calibration says, for each level of evidence, which share of labelled posts was positive. It holds at
the base rate it was fitted at; `tpr` and `fpr` say how to correct a population's mean probability for another one.

**Evidence** of a post is the sum of the weights of a marker's terms in it, over the square root of its number of
tokens: chance alone brings more terms into a longer post. It is 0 without a hit.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import isotonic_regression

from barograph.errors import ConfigError
from barograph.tables import LANGUAGES
from lexicons.lexicon import LEARNED
from lexicons.match import count_tokens

if TYPE_CHECKING:
    from lexicons.lexicon import Lexicon

LEVELS = 16
"""Steps a calibration may have."""
LENGTH_POWER = 0.5
"""Evidence is weight / n_tokens ** LENGTH_POWER."""
_FEWEST = 25  # posts behind a step: fewer could make a probability 0 or 1 that no prior can move
_FOLDS = 5
_DIGITS = 5
_LANGUAGE = re.compile(f"_({'|'.join(LANGUAGES)})(?=$|{LEARNED}$)")  # what a lexicon's name has more than its marker's

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A step function from evidence to the probability that a post expresses a marker.

    Raises `ConfigError` where cuts do not increase, probabilities fall, or a share lies outside [0, 1].
    """

    marker: str
    cuts: tuple[float, ...]
    """Evidence where the next step begins, strictly increasing; at most 15."""
    probabilities: tuple[float, ...]
    """Probability of each step, one more than cuts, in [0, 1], never falling."""
    base_rate: float
    """Share of positives among the posts it was fitted on."""
    tpr: float
    """Mean probability of the positives, out of sample."""
    fpr: float
    """Mean probability of the negatives, out of sample."""
    fitted_on: str
    """One sentence: which posts and whose labels."""
    version: str
    """Version of the lexicon (`Lexicon.version`) that gave the evidence."""

    def __post_init__(self) -> None:
        shares = (*self.probabilities, self.base_rate, self.tpr, self.fpr)
        if len(self.probabilities) != len(self.cuts) + 1 or len(self.probabilities) > LEVELS:
            got = f"{len(self.cuts)} cuts and {len(self.probabilities)} probabilities"
            raise ConfigError(f"got {got}; expected one probability more than cuts, at most {LEVELS}")
        if not all(map(math.isfinite, self.cuts)) or list(self.cuts) != sorted(set(self.cuts)):
            raise ConfigError(f"got the cuts {list(self.cuts)}; expected increasing numbers")
        if not all(0 <= share <= 1 for share in shares):
            raise ConfigError(f"got {[s for s in shares if not 0 <= s <= 1]}; expected probabilities, 0 to 1")
        if list(self.probabilities) != sorted(self.probabilities):
            raise ConfigError(f"got the probabilities {list(self.probabilities)}; expected none below the one before")

    def probability(self, evidence: npt.ArrayLike) -> Floats:
        """The probability at each evidence; a value at a cut belongs to the step above it. Shape as `evidence`."""
        steps = np.searchsorted(np.asarray(self.cuts), np.asarray(evidence), side="right")
        return np.asarray(self.probabilities)[steps]


def read_calibration(path: Path | str) -> Calibration:
    """What `write_calibration` wrote. Raises `ConfigError` naming the file and what is wrong in it."""
    names = [field.name for field in fields(Calibration)]
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: got {error}; expected a calibration as JSON") from error
    if not isinstance(values, dict) or sorted(values) != sorted(names):
        got = ", ".join(values) if isinstance(values, dict) else type(values).__name__
        raise ConfigError(f"{path}: got {got}; expected an object of {', '.join(names)}")
    try:
        return Calibration(**{name: _checked(name, value) for name, value in values.items()})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def write_calibration(calibration: Calibration, path: Path | str) -> None:
    """Write it as JSON, one field a line."""
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in asdict(calibration).items())
    Path(path).write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def fit(
    evidence: npt.ArrayLike, labels: npt.ArrayLike, *, marker: str = "", fitted_on: str = "", version: str = ""
) -> Calibration:
    """The calibration of labelled posts: isotonic regression (Barlow et al. 1972), joined to at most 16 steps.

    `evidence` (n_posts,) must come from weights that were not learned from the same posts (out of fold, or a list
    written by hand); `labels` (n_posts,) are 0 or 1, both present, else `ConfigError`. The mean probability of
    these posts is their base rate. tpr and fpr come from steps fitted without the post (every fifth left out).
    """
    x, y = np.asarray(evidence, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or not np.isfinite(x).all() or set(np.unique(y)) != {0.0, 1.0}:
        got = f"evidence of shape {x.shape}, labels of shape {y.shape} with the values {np.unique(y)[:5]}"
        raise ConfigError(
            f"{marker}: got {got}; expected finite evidence and labels 0 and 1 of one shape, both present"
        )
    held_out = np.empty_like(x)
    folds = np.arange(len(x)) % _FOLDS
    for fold in np.unique(folds):
        cuts, probabilities = _steps(x[folds != fold], y[folds != fold])
        held_out[folds == fold] = probabilities[np.searchsorted(cuts, x[folds == fold], side="right")]
    cuts, probabilities = _steps(x, y)
    tpr, fpr = held_out[y == 1].mean(), held_out[y == 0].mean()
    base_rate, tpr, fpr = (round(float(share), _DIGITS) for share in (y.mean(), tpr, fpr))
    levels = tuple(round(float(p), _DIGITS) for p in probabilities)
    return Calibration(marker, tuple(map(float, cuts)), levels, base_rate, tpr, fpr, fitted_on, version)


def evidence(posts: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    """`post_id, marker, evidence`, one row per row of `matches`.

    `posts` has `post_id`, `text`; `matches` is what `match` returned for them.
    """
    key = pl.col("post_id").cast(posts.schema["post_id"])
    lengths = count_tokens(posts).with_columns(key)
    found = matches.with_columns(key).join(lengths, on="post_id", how="inner", maintain_order="left")
    weight, n = pl.col("weight"), pl.col("n_tokens")
    return found.select("post_id", pl.col("marker").cast(pl.String), evidence=weight / n**LENGTH_POWER)


def calibrated(
    posts: pl.DataFrame, matches: pl.DataFrame, lexicons: "Lexicon | Sequence[Lexicon] | None" = None
) -> pl.DataFrame:
    """`post_id, marker, probability` of every post and every marker of `lexicons` that has a calibration.

    Without `lexicons`: of every marker that occurs in `matches`, by our own lexicons. A marker without a hit in any
    post then has no rows, as `matches` does not say that it was looked for: name the lexicons to have them.
    `posts` has `post_id` (its key) and `text`; `matches` is what `match` returned for them. A post without a hit has
    evidence 0, not probability 0. Sorted by marker, then in the order of `posts`. Raises `ConfigError` where two
    lexicons calibrate one marker differently.
    """
    calibrations = _of(matches, lexicons)
    found = dense(posts, evidence(posts, matches.filter(pl.col("marker").cast(pl.String).is_in(list(calibrations)))))
    frames = [_EMPTY.cast({"post_id": posts.schema["post_id"]})]
    for marker, calibration in sorted(calibrations.items()):
        probability = calibration.probability(found.get(marker, np.zeros(posts.height)))
        frames.append(posts.select("post_id", marker=pl.lit(marker), probability=pl.Series(probability)))
    return pl.concat(frames)


def dense(posts: pl.DataFrame, found: pl.DataFrame) -> dict[str, Floats]:
    """Marker → evidence of each of `posts`, in their order, 0 without a hit; `found` is what `evidence` returned."""
    at = posts.select("post_id").with_row_index("at")
    levels = {}
    for (marker,), rows in found.join(at, on="post_id").partition_by("marker", as_dict=True).items():
        levels[str(marker)] = np.zeros(posts.height)
        levels[str(marker)][rows["at"].to_numpy()] = rows["evidence"].to_numpy()
    return levels


_EMPTY = pl.DataFrame(schema={"post_id": pl.String, "marker": pl.String, "probability": pl.Float64})


def _of(matches: pl.DataFrame, lexicons: "Lexicon | Sequence[Lexicon] | None") -> dict[str, Calibration]:
    """Marker → its calibration."""
    found: dict[str, Calibration] = {}
    several = _ours(matches) if lexicons is None else lexicons if isinstance(lexicons, Sequence) else [lexicons]
    for lexicon in several:
        if (new := lexicon.calibration) is None:
            continue
        first = found.setdefault(new.marker, new)
        if (first.cuts, first.probabilities) != (new.cuts, new.probabilities):
            raise ConfigError(f"got two calibrations of {new.marker!r}; expected lexicons of one language at a time")
    return found


def _ours(matches: pl.DataFrame) -> "list[Lexicon]":
    """Our lexicons of the markers in `matches`."""
    from lexicons import load, names

    markers = set(matches["marker"].cast(pl.String).unique())
    return [load(name) for name in names() if _LANGUAGE.sub("", name) in markers]


def _steps(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Cuts and probabilities of the isotonic regression of y on x, joined pairwise at the least cost to `LEVELS`."""
    levels, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=y) / counts
    blocks = isotonic_regression(means, weights=counts)
    starts = blocks.blocks[:-1]
    p = blocks.x[starts]
    n = np.add.reduceat(counts, starts).astype(np.float64)
    while len(p) > 1 and (len(p) > LEVELS or n.min() < _FEWEST):
        # Ward: what the squared error grows by when neighbours become one step.
        cost = n[:-1] * n[1:] / (n[:-1] + n[1:]) * np.diff(p) ** 2
        few = np.minimum(n[:-1], n[1:]) < _FEWEST
        i = int(np.where(few | ~few.any(), cost, np.inf).argmin())
        p[i] = np.average(p[i : i + 2], weights=n[i : i + 2])
        n[i] += n[i + 1]
        p, n, starts = np.delete(p, i + 1), np.delete(n, i + 1), np.delete(starts, i + 1)
    return (levels[starts[1:] - 1] + levels[starts[1:]]) / 2, p


def _checked(name: str, value: object) -> Any:
    """A field of a calibration as JSON gives it; `ConfigError` where it is of another type."""
    if name in {"marker", "fitted_on", "version"}:
        if isinstance(value, str):
            return value
        raise ConfigError(f"got {value!r} as {name}; expected text")
    several = name in {"cuts", "probabilities"}
    numbers = value if several else [value]
    if not isinstance(numbers, list) or {type(number) for number in numbers} - {int, float}:
        raise ConfigError(f"got {value!r} as {name}; expected {'a list of numbers' if several else 'a number'}")
    return tuple(map(float, numbers)) if several else float(numbers[0])
