"""A lexicon: the terms that express one or more markers in one language."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from lexicons.calibrate import Calibration


LEARNED = "_learned"
"""What the name of a learned lexicon ends in; without it, it is that of its sibling by hand."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Terms that express one or more markers in one language.

    `terms` has `term` (as written), `marker`, `weight` (Float64; 0 marks an exception), one row per term and
    marker, sorted by marker and term. `version` is a hash of these rows, twelve hex digits.
    """

    name: str
    language: str
    version: str
    terms: pl.DataFrame
    intercepts: Mapping[str, float] = field(default_factory=dict)
    """Marker → what is added to the sum of weights; 0 where a marker is not named. Matching adds none."""
    negation: bool = False
    """Whether an occurrence behind a negator (not afraid, no tengo miedo) is passed over."""
    first_person: bool = False
    """Whether only occurrences in a sentence that speaks of its writer (I, my, me siento) count."""
    skipped: tuple[str, ...] = ()
    """Terms of the file that no post can hold as matching reads it, or that it cannot tell from an earlier one."""
    calibration: "Calibration | None" = None
    """From evidence to probability; None where no labelled posts of an allowed licence speak of its marker."""
    hints_below: float = 0.0
    """Terms of a smaller weight are hints: evidence of the marker, but not by themselves its expression."""
    ours: bool = False
    """Whether it came with barograph, by its name: a file of the analyst's may bear the same one."""


def without_hints(lexicon: Lexicon) -> Lexicon:
    """Only the terms that express a marker by themselves, and the exceptions."""
    strong = (pl.col("weight") >= lexicon.hints_below) | (pl.col("weight") == 0)
    return replace(lexicon, terms=lexicon.terms.filter(strong)) if lexicon.hints_below else lexicon
