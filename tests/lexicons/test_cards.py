"""Cards: the measured part is what the generator gives."""

import json
from pathlib import Path

import pytest

import lexicons
from barograph.errors import ConfigError
from lexicons import load, names
from lexicons.cards import VALIDITY, filled, measured
from tests.lexicons.test_calibrate import made_up

HOME = Path(lexicons.__file__).parent
ROW = {"set": "semeval", "marker": "anger", "n": 3259, "positive": 1101}
INTERVAL = {"auc_low": 0.7, "auc_high": 0.9, "ap": 0.5, "ap_low": 0.4, "ap_high": 0.6}
RANKS = [ROW | {"score": score, "auc": auc} | INTERVAL for score, auc in (("hand", 0.8), ("hand_contrast", 0.85), ("nrc", 0.75), ("vader", 0.76), ("nade", 0.9))]


@pytest.mark.parametrize("name", names())
def test_card_is_generated(name):
    """`make cards` writes it."""
    card = (HOME / name / "CARD.md").read_text(encoding="utf-8")
    assert card == filled(card, measured(load(name), json.loads(VALIDITY.read_text(encoding="utf-8"))))


def test_by_hand():
    prevalence = [
        {"set": "semeval", "marker": "anger", "rates": "own", "reading": reading, "error": error}
        for reading, error in (("hand hits", 0.25), ("hand calibrated", 0.125), ("vader hits", 0.5))
    ]
    assert measured(made_up(), {"ranks": RANKS, "prevalence": prevalence}) == (
        "Counted as positive here, whatever the construct above says: posts labelled anger (SemEval-2018).\n"
        "\n"
        "| posts | n | positive | AUC (95 %) | AUC less a quarter of the opposite polarity | average precision (95 %) | AUC of the best other lexicon |\n"
        "|---|---|---|---|---|---|---|\n"
        "| SemEval-2018, gold: tweets | 3,259 | 1,101 | 0.800 (0.700–0.900) | 0.850 | 0.500 (0.400–0.600) | 0.760 (vader) |\n"
        "\n"
        "Mean absolute error of the share of positives in groups of 150 posts:\n"
        "\n"
        "| posts | base rates | share with a hit | calibrated | adjusted |\n"
        "|---|---|---|---|---|\n"
        "| SemEval-2018, gold: tweets | own | 0.250 | 0.125 | – |\n"
        "\n"
        "Calibrated on posts made up for a test. Fitted at a base rate of 20.00%; mean probability 0.600 among positives "
        "and 0.100 among negatives, out of sample. Where posts express the marker more or less often, the mean probability "
        "follows only part of the way, and is adjusted.\n"
    )


def test_nothing_measured():
    assert measured(made_up("hate", None), {"ranks": RANKS, "prevalence": []}) == (
        "Not measured: no labelled set of this marker.\n\n"
        "No calibration: no labelled posts of an allowed licence speak of this marker in this language.\n"
    )


def test_the_rest_of_a_card_stays():
    card = "# a\n<!-- measured -->\nold\n<!-- /measured -->\nb\n"
    assert filled(card, "new\n") == "# a\n<!-- measured -->\nnew\n<!-- /measured -->\nb\n"
    assert filled(filled(card, "new\n"), "new\n") == filled(card, "new\n")


@pytest.mark.parametrize("card", ["# a\n", "<!-- measured -->\n", "<!-- /measured --> <!-- measured -->", "<!-- measured --><!-- measured --><!-- /measured -->"])
def test_a_card_without_its_marks(card):
    with pytest.raises(ConfigError, match="expected these two lines"):
        filled(card, "new\n")


