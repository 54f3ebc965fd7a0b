"""What a run says of how far its labels reach."""

import polars as pl

from barograph.settings import Annotation
from barograph.tables import SERIES
from flows.labels import reach

ASKED = Annotation(task="emotions", annotators=("desk",))
FEW = "fewer than 10 labelled posts that express it in 28 days"


def said(*cells: tuple[str, float | None, float | None, str | None], ok: int = 400, failed: int = 100) -> str:
    """cells: marker, bounds, and why there are none."""
    drawn = pl.DataFrame({"status": ["ok"] * ok + ["failed"] * failed})
    rows = [
        {"marker": marker, "prevalence": None if lo is None else 0.5, "lo": lo, "hi": hi, "missing_reason": why}
        for marker, lo, hi, why in cells
    ]
    schema = {name: SERIES.schema[name] for name in ("marker", "prevalence", "lo", "hi", "missing_reason")}
    return reach(ASKED, "everyone", drawn, pl.DataFrame(rows, schema=schema))


def test_the_widest_interval_and_what_is_lacking_are_told_with_their_units() -> None:
    told = said(
        ("anger", 0.2, 0.3, None), ("joy", 0.4, 0.44, None), ("fear", None, None, FEW), ("hope", None, None, FEW)
    )
    # Half of .1 is .05; ± .02 takes (.05 / .02)² = 6.25 times as many as 400.
    assert told == (
        "emotions, everyone: 400 labels in 28 days, 20% of those asked gave none; the widest interval is that of anger, "
        f"± 0.050: ± 0.02 takes some 2,500 labels; 2 of 4 markers have no corrected value yet: {FEW} (2)"
    )


def test_what_nobody_lacks_is_not_told() -> None:
    assert said(("joy", 0.4, 0.42, None), failed=0) == (
        "emotions, everyone: 400 labels in 28 days; the widest interval is that of joy, ± 0.010"
    )


def test_without_any_corrected_value_the_reasons_are_told_the_commonest_first() -> None:
    told = said(("a", None, None, "fewer than 50 authors"), ("b", None, None, FEW), ("c", None, None, FEW))
    assert told.endswith(f"gave none; 3 of 3 markers have no corrected value yet: {FEW} (2), fewer than 50 authors (1)")
    assert said().endswith("; nothing corrected yet")
