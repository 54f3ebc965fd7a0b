"""Every chart of many lines by its name, as a picture takes it, and what is said where there is nothing to draw."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from barograph import tables
from barograph.errors import InputError
from barograph.figure import Asked
from barograph.many import FIGURES
from barograph.store import Snapshot
from tests.dashboard import frames
from tests.dashboard.frames import LAST
from tests.dashboard.test_heatmap_page import exams, varied

FEAR = Asked("all", "fear")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    shift = {"marker": "fear", "population": "all"}
    return Snapshot(frames.snapshot(tmp_path, {
        tables.SERIES: pl.concat([varied(), varied(population="north"), frames.series(5, marker="new")]),
        tables.EVENTS: exams(30, 70, 120), tables.CUES: frames.cues(),
        tables.TERM_SHIFTS: pl.concat([frames.shifts(**shift), frames.shifts(28, **shift, change=0.4)]),
    }))  # fmt: skip


@pytest.mark.parametrize(("name", "asked", "begins"), [
    ("heatmap", Asked("all"), "Markers in all, 13 Sep 2025 – 1 Apr 2026: farthest above"),
    ("heatmap", Asked("*", "fear", first=LAST), "Fear in every population, 31 Mar – 1 Apr 2026: farthest above"),
    ("months", FEAR, "Fear expressed in all, 200 days in 7 months"),
    ("together", Asked("all"), "Markers in all, without weekdays and trend, 200 days: 1 of 3 pairs"),
    ("events", FEAR, "Fear expressed in all round 3 events (of any kind: exam 120, exam 30, exam 70): it stands out most"),
    ("parts", FEAR, "−1.0 points (−2.0 to ±0.0) of the change is mix"),
    ("cues", FEAR, "In 25 Mar – 31 Mar 2026 “worry” was seen most"),
])  # fmt: skip
def test_each_says_what_it_shows(snapshot: Snapshot, name: str, asked: Asked, begins: str) -> None:
    figure = FIGURES[name](snapshot, asked)
    assert figure.sentence.replace("\xa0", " ").startswith(begins)
    assert figure.chart.to_dict(validate=True)
    assert figure.rows.height


@pytest.mark.parametrize(("name", "asked", "said"), [
    ("heatmap", Asked("atlantis"), "population: got 'atlantis', which is not published here; there is all, north"),
    ("heatmap", Asked("*", "hope"), "marker: got 'hope', which is not published here; there is anger, fear, joy, new"),
    ("heatmap", Asked("all", first=LAST + timedelta(days=9)), "no day of what is asked lies within --from and --to"),
    ("months", Asked("all", "new", first=LAST + timedelta(days=1)), "no closed day of these has a value"),
    ("together", Asked("all", first=LAST - timedelta(days=9)), "nothing to compare"),
    ("events", Asked("all", "new"), "no event lies on days"),
    ("parts", Asked("all", "new"), "no word shift of new in all is published within these days"),
    ("cues", Asked("all", "fear", last=LAST - timedelta(days=1)), "no word shift of fear in all"),
])  # fmt: skip
def test_where_there_is_nothing_to_draw_it_says_why(snapshot: Snapshot, name: str, asked: Asked, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("*", r"\*")):
        FIGURES[name](snapshot, asked)
