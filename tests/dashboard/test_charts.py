"""A chart carries the data it should, and nothing it should not."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import altair as alt
import polars as pl
import pytest

from barograph import charts, days, smoothing, tables
from barograph.flags import standing
from barograph.language import Reader, speaking
from tests.dashboard import frames
from tests.dashboard.frames import LAST

NONE: dict[str, Any] = {"forecasts": tables.FORECASTS.empty(), "exceedances": tables.EXCEEDANCES.empty(), "events": tables.EVENTS.empty()}


def draw(series: pl.DataFrame, **given: Any) -> dict[str, Any]:
    return charts.timeline(series, **(NONE | given)).to_dict()


def layers(spec: dict[str, Any], mark: str, **encoded: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The layers of a mark whose channels show these fields, each with its rows."""
    return [
        (layer, spec["datasets"][layer["data"]["name"]])
        for layer in spec["layer"]
        if layer["mark"]["type"] == mark
        and all(layer["encoding"].get(channel, {}).get("field") == name for channel, name in encoded.items())
    ]


def ms(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def test_the_line_and_its_band_do_not_cross_a_missing_day() -> None:
    series = frames.series(10, missing={4: "fewer than 20 authors"}, provisional=False)
    (line, rows), = layers(draw(series), "line", y="value")
    assert line["encoding"]["detail"]["field"] == "run"
    runs = {run: [r["x"] for r in rows if r["run"] == run] for run in {r["run"] for r in rows}}
    assert sorted(len(x) for x in runs.values()) == [4, 5]
    assert all(max(x) < ms(LAST - timedelta(days=4)) or min(x) > ms(LAST - timedelta(days=4)) for x in runs.values())
    (band, drawn), = layers(draw(series), "area", y="lo", y2="hi")
    assert band["encoding"]["detail"]["field"] == "run"
    assert len(drawn) == 9


def test_a_day_that_has_no_row_breaks_the_line_too() -> None:
    series = frames.series(10).filter(pl.col("time_value") != LAST - timedelta(days=3))
    observed = days.observed(series, tables.EXCEEDANCES.empty())
    assert observed.filter(pl.col("state") == "closed")["run"].n_unique() == 2


def test_a_day_alone_keeps_its_interval() -> None:
    series = frames.series(3, missing={0: "no posts", 2: "no posts"}, provisional=False)
    assert layers(draw(series), "area") == []
    (_, rows), = layers(draw(series), "rule", y="lo", y2="hi")
    assert [(r["x"], r["lo"], r["hi"]) for r in rows] == [(ms(LAST - timedelta(days=1)), 0.08, 0.125)]


def test_the_fan_has_its_bands_and_median_and_the_threshold() -> None:
    spec = draw(frames.series(), forecasts=frames.forecasts())
    for low, high in (("q025", "q975"), ("q10", "q90")):
        (_, rows), = layers(spec, "area", y=low, y2=high)
        assert len(rows) == 7
        assert rows[0][low] == pytest.approx(0.05 + 0.1 * tables.QUANTILES[low])
        assert rows[0][high] == pytest.approx(0.05 + 0.1 * tables.QUANTILES[high])
    dashed = [(layer, rows) for layer, rows in layers(spec, "line") if "strokeDash" in layer["mark"]]
    threshold, median = dashed
    assert {r["value"] for r in threshold[1]} == {0.12}
    assert threshold[1][-1]["x"] == ms(LAST + timedelta(days=7)) + days.DAY_MS / 2
    assert [r["x"] for r in median[1]] == [ms(LAST + timedelta(days=h)) for h in range(1, 8)]
    assert {r["value"] for r in median[1]} == {0.1}


def test_without_a_threshold_none_is_drawn() -> None:
    spec = draw(frames.series(), forecasts=frames.forecasts(threshold=None))
    assert len([layer for layer, _ in layers(spec, "line") if "strokeDash" in layer["mark"]]) == 1


def test_a_provisional_day_is_hollow_and_not_on_the_line() -> None:
    spec = draw(frames.series())
    today = ms(LAST + timedelta(days=1))
    (_, line), = layers(spec, "line", y="value")
    assert today not in {r["x"] for r in line}
    (_, rows), = [(layer, rows) for layer, rows in layers(spec, "point", y="value") if layer["mark"]["filled"] is False]
    assert [r["x"] for r in rows] == [today]


def test_a_censored_day_is_crossed_at_the_baseline_with_its_reason() -> None:
    spec = draw(frames.series(missing={2: "fewer than 20 authors"}))
    (cross, rows), = [(layer, rows) for layer, rows in layers(spec, "point") if "shape" in layer["mark"]]
    assert cross["encoding"]["y"] == {"value": "height"}
    assert [r["x"] for r in rows] == [ms(LAST - timedelta(days=2))]
    (hover, words), = [(layer, rows) for layer, rows in layers(spec, "rect") if "tooltip" in layer["encoding"]]
    told = {r["day"]: (r["what"], r["behind"]) for r in words}
    assert told["Sun 29\xa0Mar 2026"] == ("no value: fewer than 20 authors", "7\xa0authors, 60\xa0posts")
    assert told["Mon 30\xa0Mar 2026"][0] == "10.0\xa0% (8.0–12.5)"
    assert hover["encoding"]["tooltip"][1] == {"field": "what", "title": "Prevalence", "type": "nominal"}


def test_high_days_are_shaded_with_their_own_threshold() -> None:
    spec = draw(frames.series(), exceedances=frames.high_days(1, 5))
    (_, rows), = layers(spec, "rule", y="threshold")
    assert [(r["from"] + days.DAY_MS / 2, r["threshold"]) for r in rows] == [
        (ms(LAST - timedelta(days=5)), 0.09), (ms(LAST - timedelta(days=1)), 0.09)
    ]  # fmt: skip


def test_events_are_named_clipped_and_in_lanes() -> None:
    series = frames.series(30)
    given = frames.events(
        ("long past", "all", date(2025, 1, 1), date(2025, 1, 2)),
        ("term", "all", date(2026, 2, 1), LAST),
        ("exam week", "*", date(2026, 3, 3), date(2026, 3, 9)),
        ("holiday", "*", date(2026, 3, 28), date(2026, 3, 29)),
    )
    spec = draw(series, events=given)
    texts = layers(spec, "text")
    assert [sorted(r["name"] for r in rows) for _, rows in texts] == [["holiday", "term"], ["exam week"]]
    assert min(r["from"] for _, rows in texts for r in rows) == ms(series["time_value"][0]) - days.DAY_MS / 2


def test_a_line_without_any_value_can_be_drawn() -> None:
    spec = draw(frames.series(5, missing=dict.fromkeys(range(-1, 5), "fewer than 20 authors")))
    (_, rows), = [(layer, rows) for layer, rows in layers(spec, "point") if "shape" in layer["mark"]]
    assert len(rows) == 6


def test_a_mean_is_not_forced_to_start_at_zero_nor_written_as_a_share() -> None:
    series = frames.series(value_kind="mean", prevalence=-1.5, lo=-2.0, hi=-1.0)
    spec = draw(series)
    (line, _), = layers(spec, "line", y="value")
    assert line["encoding"]["y"]["scale"]["domain"][1] < 0
    assert days.observed(series, tables.EXCEEDANCES.empty())["what"][0] == "−1.50 (−2.00 to −1.00)"


def test_counts_share_the_days_of_the_timeline_and_are_pale_where_there_is_no_value() -> None:
    series = frames.series(10, missing={2: "fewer than 20 authors"})
    both = draw(series, forecasts=frames.forecasts()), charts.counts(series, frames.forecasts(), "authors").to_dict()
    ends = [spec["datasets"][spec["layer"][0]["data"]["name"]] for spec in both]
    assert ends[0] == ends[1]
    (solid, full), (_, pale) = layers(both[1], "rect", y="n")
    assert solid["mark"].get("color") == charts.MUTED
    assert [r["n"] for r in full] == [50] * 9
    assert [r["n"] for r in pale] == [7, 50]


def test_colours_can_be_told_apart_from_either_page() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for colour in (charts.THRESHOLD, charts.MUTED, *(charts.colour(place) for place in range(charts.MOST))):
        for page in ("#FFFFFF", "#10161D"):
            low, high = sorted((luminance(colour), luminance(page)))
            assert (high + 0.05) / (low + 0.05) >= 3, (colour, page)


def test_a_chart_is_valid_vega_lite() -> None:
    chart = charts.timeline(
        frames.series(), frames.forecasts(), frames.high_days(3), frames.events(("storm", "all", LAST, LAST))
    )
    spec = chart.to_dict(validate=True)
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    alt.TopLevelLayerSpec.from_dict(spec, validate=True)


def test_a_shift_is_a_bar_and_its_bounds_for_every_term_in_the_order_given() -> None:
    spec = charts.shift(frames.shifts()).to_dict()
    rows = spec["datasets"][spec["layer"][0]["data"]["name"]]
    assert [r["term"] for r in rows] == ["worried", "panic attack", "afraid", "(other)"]
    assert [r["contribution"] for r in rows] == pytest.approx([4, 2, -1.5, 0.5])
    bar, bounds = spec["layer"]
    assert (bar["mark"]["type"], bar["encoding"]["x"]["field"]) == ("bar", "contribution")
    assert (bounds["mark"]["type"], bounds["encoding"]["x"]["field"], bounds["encoding"]["x2"]["field"]) == ("rule", "lo", "hi")
    assert bar["encoding"]["y"]["sort"] == bounds["encoding"]["y"]["sort"] == [r["term"] for r in rows]
    assert (rows[0]["lo"], rows[0]["hi"]) == pytest.approx((3, 5))
    assert rows[0]["what"].replace("\xa0", " ") == "+4.0 points (+3.0 to +5.0)"
    assert [r["term"] for r in rows if r["rest"]] == ["(other)"]
    assert charts.shift(frames.shifts(lo=None, hi=None)).to_dict()


def test_several_lines_have_each_their_colour_dash_and_name_and_the_first_keeps_its_forecast() -> None:
    others = [charts.Other(f"line {n}", frames.series(prevalence=0.1 + n / 1000)) for n in range(5)]
    given: dict[str, Any] = {"forecasts": frames.forecasts(), "exceedances": frames.high_days(3)}
    spec = draw(frames.series(), **given, name="first", others=others)
    drawn = [layer for layer, _ in layers(spec, "line", y="value") if "detail" in layer["encoding"]]
    looks = {(layer["mark"]["color"], str(layer["mark"]["strokeDash"])) for layer in drawn}
    assert len(drawn) == len(looks) == len({colour for colour, _ in looks}) == 6
    assert drawn[-1]["mark"]["color"] == charts.OBSERVED, "the first lies over the others"
    assert {layer["mark"]["color"] for layer, _ in layers(spec, "area", y="q10")} == {charts.OBSERVED}
    assert layers(spec, "rule", y="threshold") == [], "shades of one line would read as all lines'"
    named = sorted((rows[0]["at"], rows[0]["name"]) for _, rows in layers(spec, "text", y="at"))
    assert [name for _, name in named] == ["first", "line 0", "line 1", "line 2", "line 3", "line 4"]
    low, high = drawn[0]["encoding"]["y"]["scale"]["domain"]
    apart = [(b[0] - a[0]) / (high - low) * 340 for a, b in pairwise(named)]
    assert min(apart) >= 17
    assert low <= named[0][0] <= named[-1][0] <= high
    (ends,) = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"][:1])
    assert ends[1]["x"] > ms(LAST + timedelta(days=7)) + days.DAY_MS, "room for the names"
    (_, words), = [(layer, rows) for layer, rows in layers(spec, "rect") if "tooltip" in layer["encoding"]]
    assert words[-9]["other4"].replace("\xa0", " ") == "10.4 % (8.0–12.5); 50 authors, 60 posts"


def test_names_of_lines_that_end_high_stay_within_the_chart() -> None:
    others = [charts.Other(str(n), frames.series(prevalence=0.139, hi=0.139)) for n in range(5)]
    spec = charts.timeline(frames.series(prevalence=0.139, hi=0.139), **NONE, name="a", others=others).to_dict()
    _, high = spec["layer"][1]["encoding"]["y"]["scale"]["domain"]
    named = [rows[0]["at"] for _, rows in layers(spec, "text", y="at")]
    assert max(named) <= high
    assert len(set(named)) == 6


def test_a_mean_is_drawn_in_place_of_the_days_line_and_the_days_are_pale() -> None:
    series = frames.series(30, missing={10: "no posts"})
    spec = charts.timeline(series, **NONE, smoothed=smoothing.trailing(series, 7)).to_dict()
    (_, rows), = layers(spec, "line", y="value")
    assert rows[0]["x"] == ms(LAST - timedelta(days=26)), "the first day with four of seven"
    assert ms(LAST - timedelta(days=10)) not in {r["x"] for r in rows}
    assert len({r["run"] for r in rows}) == 2
    pale = [layer["mark"]["opacity"] for layer, _ in layers(spec, "point", y="value") if layer["mark"]["filled"]]
    assert pale == [0.4]
    (_, words), = [(layer, rows) for layer, rows in layers(spec, "rect") if "tooltip" in layer["encoding"]]
    told = {row["day"].replace("\xa0", " "): row["mean"].replace("\xa0", " ") for row in words}
    assert told["Tue 31 Mar 2026"] == "10.0 % (8.0–12.5); 7 days"
    assert told["Mon 2 Mar 2026"] == "–"


def test_alerts_are_marked_above_the_plot_by_shape() -> None:
    marks = pl.DataFrame({
        "day": [LAST - timedelta(days=n) for n in (9, 8, 5, 99)], "what": ["firing", "acknowledged", "resolved", "firing"],
        "rule": ["high"] * 4, "reason": ["2 days in a row"] * 4, "alert_id": ["a", "a", "a", "b"],
    })  # fmt: skip
    spec = charts.timeline(frames.series(30), **NONE, alerts=marks).to_dict()
    drawn = [(layer, rows) for layer, rows in layers(spec, "point") if layer["mark"].get("yOffset") == -8]
    assert [(layer["mark"]["shape"], [r["x"] for r in rows]) for layer, rows in drawn] == [
        ("triangle-down", [ms(LAST - timedelta(days=9))]), ("diamond", [ms(LAST - timedelta(days=8))]),
        ("circle", [ms(LAST - timedelta(days=5))]),
    ]  # fmt: skip
    assert drawn[0][1][0]["happened"] == "fired"
    assert spec["padding"]["top"] > 8


def test_the_line_as_it_is_known_now_reaches_over_the_forecast_and_no_further() -> None:
    then = frames.series(20, provisional=False).filter(pl.col("time_value") <= LAST - timedelta(days=10))
    ahead = frames.forecasts().with_columns(pl.col("target") - timedelta(days=10))
    spec = charts.timeline(then, **(NONE | {"forecasts": ahead}), later=frames.series(60)).to_dict()
    (_, rows), = [(la, rows) for la, rows in layers(spec, "line", y="value") if la["mark"].get("color") == charts.MUTED]
    assert rows[0]["x"] == ms(then["time_value"][0])
    assert rows[-1]["x"] == ms(LAST - timedelta(days=3))


def test_words_in_charts_are_in_the_readers_language_whichever_thread_writes_them() -> None:
    with speaking(Reader("es")):
        told = days.observed(frames.series(40), tables.EXCEEDANCES.empty())
    assert told["day"][-2] == "mar 31\xa0mar 2026"
    assert told["what"][0] == "10,0\xa0% (8,0–12,5)"


def test_a_strip_below_marks_flagged_days_dark_where_they_are_left_out() -> None:
    flags = standing(frames.flags((4, "gap", "half", True), (3, "gap", "half", True), (1, "volume", "9 posts, usually 90", False)))
    strips = [(layer, rows) for layer, rows in layers(draw(frames.series(), flags=flags), "rect", x="from") if "y2Offset" in layer["mark"]]
    told = {layer["mark"]["opacity"]: [r["from"] + days.DAY_MS / 2 for r in rows] for layer, rows in strips}
    assert told == {1: [ms(LAST - timedelta(days=n)) for n in (4, 3)], 0.45: [ms(LAST - timedelta(days=1))]}
    assert [rows for layer, rows in layers(draw(frames.series()), "rect") if "y2Offset" in layer["mark"]] == []
    observed = days.observed(frames.series(), frames.high_days(4), flags)
    notes = {ago: observed["note"][-2 - ago].replace("\xa0", " ") for ago in (4, 1, 0)}
    assert notes == {4: "high: above 9.0 %; flagged: gap: half", 1: "flagged: volume: 9 posts, usually 90", 0: "–"}
