"""Charts of many lines, of months, of pairs, of events, and those beside a word shift: they carry the data they should."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import pytest

from barograph import charts, correlation, deviation, distributions, epochs, patterns, tables
from barograph.charts.heatmap import steps
from barograph.language import Reader, speaking
from tests.dashboard import frames
from tests.test_correlation import lines, walk
from tests.test_deviation import FIRST, line


def ms(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def parts(chart: alt.LayerChart, mark: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The layers of a mark, each with its rows."""
    spec = chart.to_dict()
    return [
        (layer, spec["datasets"][layer.get("data", spec.get("data", {}))["name"]])
        for layer in spec["layer"] if layer["mark"]["type"] == mark
    ]  # fmt: skip


NO_EVENTS = tables.EVENTS.empty()


def days(**over: Any) -> pl.DataFrame:
    """Thirty days at 1 to 30 %, one without a value, one far above, one far below, one provisional."""
    values: list[float | None] = [i / 100 for i in range(1, 31)] + [None, 0.6, -0.1, 0.1]
    return deviation.deviations(line(values, provisional=1, **over))


def test_a_cell_stands_on_its_day_in_its_steps() -> None:
    chart = charts.heatmap(deviation.cells(days()), "marker", ["dimension:anxiety"], NO_EVENTS)
    layer, rows = parts(chart, "rect")[0]
    assert layer["transform"] == [{"filter": "datum.state != 'missing'"}]
    drawn = {row["from"]: row for row in rows}
    assert sorted(drawn) == [ms(FIRST + timedelta(days=i)) for i in range(34)]
    assert all(row["to"] - row["from"] == 86_400_000 for row in rows)
    far, low = drawn[ms(FIRST + timedelta(days=31))], drawn[ms(FIRST + timedelta(days=32))]
    assert (far["colour"], far["strength"], far["far"]) == (charts.THRESHOLD, 1.0, 1)
    assert (low["colour"], low["strength"], low["far"]) == (charts.OBSERVED, 0.65, 0)
    assert {row["row"] for row in rows} == {"Anxiety (dimension)"}
    assert far["what"].replace("\xa0", " ") == "60.0 %"
    assert "times its usual spread" in far["unusual"]
    assert far["behind"].replace("\xa0", " ") == "50 authors, 60 posts"


def test_each_state_of_a_cell_is_drawn_otherwise() -> None:
    chart = charts.heatmap(deviation.cells(days()), "marker", ["dimension:anxiety"], NO_EVENTS)
    points = parts(chart, "point")
    (_, hatched), = [(layer, rows) for layer, rows in points if layer["mark"].get("shape", "").startswith("M")]
    assert [row["from"] for row in hatched] == [ms(FIRST + timedelta(days=30))]
    assert hatched[0]["what"] == "no value: no posts"
    (_, young), = [(layer, rows) for layer, rows in points if "shape" not in layer["mark"]]
    assert len(young) == 28
    (_, up), = [(layer, rows) for layer, rows in points if layer["mark"].get("shape") == "triangle-up"]
    assert [row["from"] for row in up] == [ms(FIRST + timedelta(days=31))]
    assert not [layer for layer, _ in points if layer["mark"].get("shape") == "triangle-down"]
    (_, open_), = [(layer, rows) for layer, rows in parts(chart, "rect") if "strokeDash" in layer["mark"]]
    assert [(row["from"], row["note"]) for row in open_] == [(ms(FIRST + timedelta(days=33)), "provisional: the day has not closed")]


def test_an_event_is_a_stroke_on_its_first_day_in_the_rows_it_concerns() -> None:
    both = deviation.cells(pl.concat([days(), days(population="north")]))
    given = frames.events(
        ("exams", "north", FIRST + timedelta(days=2), FIRST + timedelta(days=3)),
        ("storm", "*", FIRST + timedelta(days=3), FIRST + timedelta(days=3)), ("long past", "*", date(2020, 1, 1), date(2020, 1, 1)),
    )  # fmt: skip
    chart = charts.heatmap(both, "population", ["all", "north"], given)
    (_, strokes), = parts(chart, "tick")
    assert {(row["row"], row["from"]) for row in strokes} == {
        ("north", ms(FIRST + timedelta(days=2))), ("north", ms(FIRST + timedelta(days=3))), ("all", ms(FIRST + timedelta(days=3))),
    }  # fmt: skip
    said = {(row["row"], row["from"]): row["event"] for row in parts(chart, "rect")[0][1]}
    assert said["north", ms(FIRST + timedelta(days=3))] == "exams, storm"
    assert said["all", ms(FIRST + timedelta(days=2))] == "–"
    assert parts(charts.heatmap(both, "population", ["all"], NO_EVENTS), "tick") == []


def test_prevalence_is_the_stronger_the_higher_and_marks_nothing_as_far() -> None:
    chart = charts.heatmap(deviation.cells(days()), "population", ["all"], NO_EVENTS, shown="prevalence")
    _, rows = parts(chart, "rect")[0]
    strongest = max(rows, key=lambda row: row["strength"])
    assert (strongest["from"], strongest["strength"]) == (ms(FIRST + timedelta(days=31)), 1.0)
    assert {row["colour"] for row in rows} == {charts.OBSERVED}
    assert not [layer for layer, _ in parts(chart, "point") if "triangle" in layer["mark"].get("shape", "")]


def test_rows_stand_in_the_order_given_and_the_key_in_that_of_values() -> None:
    both = pl.concat([days(), days(marker="fear")])
    spec = charts.heatmap(deviation.cells(both), "marker", ["fear", "dimension:anxiety"], NO_EVENTS).to_dict()
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["Fear", "Anxiety (dimension)"]
    assert [said for _, _, said in steps()] == [
        "3 or more below", "2 or more below", "1 or more below", "usual", "1 or more above", "2 or more above", "3 or more above",
    ]  # fmt: skip


def test_a_heatmap_is_said() -> None:
    said = patterns.cells(deviation.cells(days()), "marker", "Markers in all").replace("\xa0", " ")
    assert said.startswith("Markers in all, 1 Jan – 3 Feb 2025: farthest above its usual: Anxiety (dimension), Sat 1 Feb (+")
    assert "1 of 34 cells have no value; 50 to 50 authors a day are behind the others." in said
    young = patterns.cells(deviation.cells(deviation.deviations(line([0.1] * 5))), "marker", "Markers in all")
    assert "nothing can be called unusual yet" in young


def test_all_cells_may_be_missing() -> None:
    cells = deviation.cells(deviation.deviations(line([None] * 5)))
    for shown in ("deviation", "prevalence"):
        assert charts.heatmap(cells, "marker", ["dimension:anxiety"], NO_EVENTS, shown=shown).to_dict(validate=True)
    assert "5 of 5 cells have no value." in patterns.cells(cells, "marker", "Markers in all")


def test_months_are_boxes_and_few_days_are_points() -> None:
    rows = line([i / 100 for i in range(1, 32)] + [0.5, 0.6])
    boxes = distributions.months(rows)
    chart = charts.months(boxes, distributions.apart(rows, boxes), "share")
    (_, bars), = parts(chart, "bar")
    assert [(row["called"], row["q25"], row["q75"]) for row in bars] == [("Jan 2025", pytest.approx(0.085), pytest.approx(0.235))]
    assert bars[0]["what"].replace("\xa0", " ") == "median 16.0 %; half of days 8.5 % to 23.5 %; whiskers 1.0 % to 31.0 %"
    dots = next(rows for layer, rows in parts(chart, "point") if "y" in layer["encoding"])
    assert [row["prevalence"] for row in dots] == [0.5, 0.6]
    assert [row["called"] for row in parts(chart, "point")[0][1]] == ["Jan 2025", "Feb 2025"]
    said = patterns.months(boxes, "Fear expressed in all", "share").replace("\xa0", " ")
    assert said == (
        "Fear expressed in all, 33 days in 2 months: medians from 16.0 % in Jan 2025 to 16.0 % in Jan 2025; in the latest month "
        "with a box the middle half of days reaches from 8.5 % to 23.5 %."
    )
    few = distributions.months(line([0.1, 0.2]))
    assert charts.months(few, distributions.apart(line([0.1, 0.2]), few), "share").to_dict(validate=True)
    assert "no month has the 10 known days" in patterns.months(few, "Fear", "share")


def test_pairs_told_apart_from_chance_are_filled_and_all_bear_their_number() -> None:
    values = walk(np.random.default_rng(1), 100, 4, 0.0)
    values[:, 1] = values[:, 0] + 0.3 * values[:, 1]
    values[:, 3] = -values[:, 2]
    found = correlation.correlations(lines(values), "marker", "levels")
    chart = charts.pairs(found, "marker")
    (_, written), = parts(chart, "text")
    assert len(written) == 6
    filled = next(rows for layer, rows in parts(chart, "rect") if "color" in layer["encoding"])
    tints = {(row["a"], row["b"]): row["colour"] for row in filled}
    assert tints.keys() == {("A", "B"), ("C", "D")}
    assert tints["A", "B"].startswith("#D")
    assert tints["C", "D"] == charts.OBSERVED
    inks = {(row["a"], row["b"]): row["ink"] for row in written}
    assert inks["A", "B"] != inks["A", "C"] == charts.MUTED
    said = patterns.pairs(found, "Markers in all", "levels", "marker").replace("\xa0", " ")
    assert said.startswith("Markers in all, daily values, 100 days: 2 of 6 pairs are told apart from chance; closest: A and B, r = 0.9")
    assert "most opposed: C and D, r = −1.00" in said
    none = correlation.correlations(lines(walk(np.random.default_rng(2), 100, 2, 0.0)), "marker")
    assert patterns.pairs(none, "Markers", "adjusted", "marker").endswith("0 of 1 pairs are told apart from chance.")
    assert charts.pairs(none, "population").to_dict(validate=True)


def test_numbers_in_filled_cells_can_be_read() -> None:
    from barograph.charts.pairs import _INK, _tint

    def luminance(colour: str) -> float:
        rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for r in np.linspace(-1, 1, 41):
        assert (luminance(_tint(r)) + 0.05) / (luminance(_INK) + 0.05) >= 4.5


def test_events_are_a_mean_over_a_band_with_each_its_own_line() -> None:
    random = np.random.default_rng(3)
    rows = pl.DataFrame({
        "time_value": [FIRST + timedelta(days=i) for i in range(200)], "deviation": random.standard_normal(200),
        "provisional": [False] * 200,
    })  # fmt: skip
    three = pl.DataFrame({"name": ["exam week"] * 3, "starts_on": [FIRST + timedelta(days=i) for i in (40, 90, 140)]})
    found = epochs.around(rows, three)
    chart = charts.epochs(found.means, found.each)
    (_, band), = parts(chart, "area")
    assert len(band) == 29
    own, mean = parts(chart, "line")
    assert own[0]["encoding"]["detail"]["field"] == "of"
    assert len(own[1]) == 87
    assert [row["lag"] for row in mean[1]] == list(range(-14, 15))
    said = patterns.epochs(found, "Fear expressed in all", "scheduled: exam week").replace("\xa0", " ")
    assert said.startswith("Fear expressed in all round 3 events (scheduled: exam week): it stands out most")
    assert "happens by chance with p = " in said
    two = epochs.around(rows, three.head(2))
    assert parts(charts.epochs(two.means, two.each), "area") == []
    assert "that takes three that lie two weeks apart; there are 2." in patterns.epochs(two, "Fear", "sudden: storm")
    short = epochs.around(rows.head(100), three.with_columns(starts_on=pl.Series([FIRST + timedelta(days=i) for i in (20, 50, 80)])))
    assert "that takes 16 weeks" in patterns.epochs(short, "Fear", "sudden: storm")


def test_mix_and_rate_are_bars_with_their_bounds() -> None:
    (_, bars), = parts(charts.parts(frames.shifts()), "bar")
    assert [(row["part"], row["value"], row["lo"], row["hi"]) for row in bars] == [
        ("Change", 5.0, 2.0, 8.0), ("Mix: who posts", -1.0, -2.0, 0.0),
        ("Rate: what the same authors express", 6.0, 3.0, 9.0),
    ]  # fmt: skip
    assert bars[2]["behind"].replace("\xa0", " ") == "60 authors"
    alone = charts.parts(frames.shifts(mix=None, rate=None, change_lo=None, change_hi=None))
    assert [row["part"] for row in parts(alone, "bar")[0][1]] == ["Change"]
    assert alone.to_dict(validate=True)


def test_cues_have_intervals_and_hollow_ones_before() -> None:
    chart = charts.cues(frames.cues(), frames.cues(ago=7, share=0.2))
    now, before = parts(chart, "point")
    assert [(row["cue"], row["share"], row["lo"], row["hi"]) for row in now[1]] == [
        ("worry", 0.42, pytest.approx(0.36), pytest.approx(0.49)), ("joke", 0.12, pytest.approx(0.06), pytest.approx(0.19))
    ]  # fmt: skip
    assert now[0]["encoding"]["y"]["sort"] == ["worry", "joke"]
    assert (now[0]["mark"]["filled"], before[0]["mark"]["filled"]) == (True, False)
    assert {row["when"] for row in before[1]} == {"before"}
    assert now[1][0]["behind"].replace("\xa0", " ") == "97 authors, 147 posts"
    assert len(parts(charts.cues(frames.cues(), frames.cues().clear()), "point")) == 1


def test_cells_speak_the_readers_language() -> None:
    with speaking(Reader("es")):
        chart = charts.heatmap(deviation.cells(days()), "marker", ["dimension:anxiety"], NO_EVENTS)
        _, rows = parts(chart, "rect")[0]
    assert {row["what"] for row in rows if row["from"] == ms(FIRST)} == {"1,0\xa0%"}
