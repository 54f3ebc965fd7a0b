"""Which words count: lexicons of terms that express a marker, and how posts are matched with them.

A lexicon is a folder `MARKER_LANGUAGE` that holds `terms.csv` and `CARD.md` (construct, source, licence,
measured validity, known failures) and, where labelled posts allow one, `calibration.json`. What a term is,
and when it occurs, is defined in `lexicons.match`.
"""

from barograph.tables import LANGUAGES
from lexicons.calibrate import Calibration, calibrated
from lexicons.contrast import contrast
from lexicons.find import PACKAGES, find, load, names, package
from lexicons.formats import SUFFIXES
from lexicons.lexicon import Lexicon, without_hints
from lexicons.match import count_tokens, match, match_arrays, occurrences
from lexicons.read import read

__all__ = [
    "LANGUAGES", "PACKAGES", "SUFFIXES", "Calibration", "Lexicon", "calibrated", "contrast", "count_tokens", "find",
    "load", "match", "match_arrays", "names", "occurrences", "package", "read", "without_hints",
]  # fmt: skip
