"""The reading that the page shows where none is asked for."""

from datetime import date, timedelta

import polars as pl

from barograph.line import usual_method


def line(**known: int) -> pl.DataFrame:
    """Method → values on so many of the last hundred days; it has no rows before."""
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(100)]
    rows = [(method, day, 0.1) for method, n in known.items() for day in days[100 - n :]]
    return pl.DataFrame(rows, schema=["method", "time_value", "prevalence"], orient="row")


def test_the_best_reading_that_is_there_on_nine_days_of_ten() -> None:
    assert usual_method(line(lexicon=100, calibrated=100)) == "calibrated"
    assert usual_method(line(lexicon=100, calibrated=100, annotator=80, corrected=76)) == "corrected"
    # 75 of 84 days are too few, however whole they are by themselves.
    assert usual_method(line(lexicon=100, annotator=80, corrected=75)) == "annotator"
    assert usual_method(line(lexicon=100, calibrated=28, corrected=28)) == "lexicon"
    assert usual_method(line(lexicon=20, corrected=19)) == "corrected"
