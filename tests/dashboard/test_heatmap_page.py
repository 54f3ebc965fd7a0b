"""The page of many lines, in each of its views and states, over snapshots made by hand."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from streamlit.testing.v1 import AppTest

from barograph import tables
from tests.dashboard import frames, test_page
from tests.dashboard.frames import LAST, NOW
from tests.test_correlation import walk

NAMES = ("fear", "anger", "joy")


def text(page: AppTest) -> str:
    """What the page says, without the signs that keep Markdown from reading it."""
    return test_page.text(page).replace("\\", "")


def opened(**query: str) -> AppTest:
    return frames.opened("heatmap.py", **query)


def varied(days: int = 200, **over: object) -> pl.DataFrame:
    """Three markers that move, up to LAST, and the provisional day after."""
    values = 0.1 + 0.01 * walk(np.random.default_rng(1), days + 1, 3, 0.3)
    values[:, 1] += values[:, 0] - 0.1
    lines = [
        frames.series(days, marker=name, **over).with_columns(pl.Series("prevalence", values[:, i]))
        for i, name in enumerate(NAMES)
    ]  # fmt: skip
    return pl.concat(lines)


def exams(*ago: int) -> pl.DataFrame:
    days = [LAST - timedelta(days=n) for n in ago]
    return frames.events(*((f"exam {n}", "*", day, day) for n, day in zip(ago, days, strict=True)))


def charts(page: AppTest) -> list[str]:
    return [e.proto.spec for e in page.get("vega_lite_chart")]


def test_markers_of_a_population_day_by_day(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied()})
    page = opened()
    said = text(page)
    assert "Markers in all, 2 Jan – 1 Apr 2026: farthest above its usual: " in said
    assert "0 of 270 cells have no value; 50 to 50 authors a day are behind the others." in said
    assert "provisional" in said
    assert "no value" not in said.split("Markers in all")[0]
    assert [b.proto.label for b in page.get("download_button")] == ["CSV", "PNG", "SVG"]
    assert page.query_params == {
        "population": "all", "marker": "anger", "unit": "authors", "method": "lexicon", "range": "90"
    }  # fmt: skip


def test_populations_for_a_marker(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: pl.concat([varied(), varied(population="north")])})
    page = opened(rows="population", marker="fear", range="30", colour="prevalence")
    assert "Fear in every population, 3 Mar – 1 Apr 2026" in text(page)
    assert "One scale for all rows" in text(page)
    assert page.query_params["rows"] in ("population", ["population"])
    assert "of 60 cells" in text(page)


def test_the_view_is_chosen_and_the_line_stays(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied()})
    page = opened(view="months", marker="joy")
    assert "Joy expressed in all, 200 days in 7 months" in text(page)
    control = next(c for c in page.get("button_group") if c.label == "Look at")
    control.set_value("events").run()
    assert "No such event lies on days with a usual" in text(page)
    assert page.query_params["marker"] in ("joy", ["joy"])
    assert page.query_params["view"] in ("events", ["events"])


def test_what_moves_together(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: pl.concat([varied(), varied().with_columns(marker=pl.lit("dimension:x")).unique("time_value")])})
    page = opened(view="together", range="all")
    assert "Markers in all, without weekdays and trend, 200 days: 1 of 3 pairs are told apart from chance; closest: Anger and Fear" in text(page)
    assert not page.warning
    page = opened(view="together", range="all", way="levels")
    assert "correlate whatever they measure" in page.warning[0].value


def test_too_few_days_or_lines_to_compare(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied(20)})
    page = opened(view="together")
    assert "Nothing can be compared" in text(page)
    assert not charts(page)


def test_a_line_that_is_mostly_missing_is_named_as_left_out(home: Path) -> None:
    rows = varied().with_columns(
        prevalence=pl.when((pl.col("marker") == "joy") & (pl.col("time_value") < LAST - timedelta(days=40))).then(None).otherwise("prevalence")
    )
    frames.snapshot(home, {tables.SERIES: rows})
    assert "Left out, with a value on fewer than half of the days or without any movement: Joy." in text(opened(view="together", range="all"))


def test_round_three_events(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied(), tables.EVENTS: exams(30, 70, 120)})
    page = opened(view="events", marker="fear")
    said = text(page)
    assert "Fear expressed in all round 3 events (of any kind: exam 120, exam 30, exam 70): it stands out most" in said
    assert "what stands out is no cause" in said
    page = opened(view="events", marker="fear", kind="sudden")
    assert "No such event" in text(page)


def test_round_two_events_it_cannot_be_told(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied(), tables.EVENTS: exams(30, 70)})
    page = opened(view="events", marker="fear", kind="scheduled")
    assert "It cannot be told what events of this kind do: that takes three that lie two weeks apart; there are 2." in text(page)
    assert len(charts(page)) == 1


def test_a_young_line_has_nothing_unusual_yet(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied(10)})
    said = text(opened())
    assert "Nothing can be called unusual yet" in said
    assert "no usual yet" in said
    assert "Nothing can be called unusual yet" not in text(opened(colour="prevalence"))
    assert "in 2 months" not in text(opened(view="months"))


def test_all_censored_is_said_in_every_view(home: Path) -> None:
    gaps = dict.fromkeys(range(-1, 60), "fewer than 20 authors")
    frames.snapshot(home, {tables.SERIES: frames.series(missing=gaps)})
    for view in ("days", "months", "together", "events"):
        page = opened(view=view)
        assert "No day has a value.** Reason: fewer than 20 authors." in text(page)
        assert not page.success
    assert "No closed day has a value yet" in text(opened(view="months"))


def test_nothing_published_and_stale(home: Path) -> None:
    assert "Nothing has been published yet" in text(opened())
    frames.snapshot(home, {tables.SERIES: varied(40), tables.RUNS: frames.run(now=NOW + timedelta(days=3))})
    assert "Stale data." in text(opened())


def test_interactions_alone_are_no_markers(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(unit="interactions", marker="polarization:x")})
    assert "No marker is published" in text(opened())


def test_a_link_to_what_is_not_published_says_so(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: varied(40)})
    page = opened(population="atlantis", colour="mauve")
    assert "which is not published here" in page.warning[0].value


def test_names_from_outside_are_shown_as_text(home: Path) -> None:
    image = "![](https://example.org/x.png)"
    frames.snapshot(home, {tables.SERIES: varied(40, population=image)})
    page = opened()
    assert not [c.value for c in page.caption if "![](" in c.value]
