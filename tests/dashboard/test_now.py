"""The first page: the board, made by hand, and what it says."""

import base64
import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from barograph import board, tables
from barograph.sparkline import sparkline
from barograph.store import Snapshot
from tests.dashboard import frames
from tests.dashboard.frames import LAST
from tests.dashboard.test_page import text


def opened(**query: str) -> AppTest:
    return frames.opened("", **query)


def rising() -> pl.DataFrame:
    """60 days at 10 %, the last one at 16 %."""
    last = (pl.col("time_value") == LAST) & pl.lit(value=True)
    return frames.series().with_columns(pl.when(last).then(0.16).otherwise("prevalence").alias("prevalence"))


def test_a_row_holds_the_latest_closed_day_what_is_usual_and_what_comes() -> None:
    (row,) = board.board(rising(), frames.forecasts(), frames.alerts()).to_dicts()
    assert (row["time_value"], row["prevalence"], row["n_authors"]) == (LAST, 0.16, 50)
    assert row["usual"] == pytest.approx(0.1)
    assert row["change"] == pytest.approx(0.06)
    assert (row["state"], row["alert_id"]) == ("firing", "a-1")
    assert len(row["values"]) == 56
    assert row["values"][-2:] == [0.1, 0.16]  # no provisional day
    assert row["ahead"] == pytest.approx([0.1] * 7)
    assert row["p_high"] == 0.62


def test_a_day_without_a_value_and_a_young_line_say_so() -> None:
    gone = board.board(frames.series(missing={0: "fewer than 20 authors"}), tables.FORECASTS.empty(), tables.ALERTS.empty())
    (row,) = gone.to_dicts()
    assert (row["prevalence"], row["missing_reason"], row["ahead"]) == (None, "fewer than 20 authors", None)
    (young,) = board.board(frames.series(7), tables.FORECASTS.empty(), tables.ALERTS.empty()).to_dicts()
    assert (young["usual"], young["change"]) == (None, None)  # six known days before it
    (enough,) = board.board(frames.series(8), tables.FORECASTS.empty(), tables.ALERTS.empty()).to_dicts()
    assert enough["usual"] == pytest.approx(0.1)


def test_dimensions_stand_for_their_markers_and_markers_where_there_are_none() -> None:
    both = pl.concat([frames.series(), frames.series(marker="fear")])
    assert board.board(both, frames.forecasts(), frames.alerts())["marker"].to_list() == ["dimension:anxiety"]
    alone = board.board(frames.series(marker="fear"), frames.forecasts(), frames.alerts())
    assert alone.select("marker", "state").row(0) == ("fear", None)


def test_the_gravest_population_comes_first() -> None:
    every = pl.concat([frames.series(population=p) for p in ("a", "b", "c", "d")])
    alerts = pl.concat([frames.alerts(population="c"), frames.alerts("pending", population="b"),
                        frames.alerts("censored", population="a")])  # fmt: skip
    assert board.grave_first(board.board(every, frames.forecasts(), alerts)) == ["c", "b", "a", "d"]


def test_what_is_read_for_the_board_makes_the_same_board_as_all_there_is(home: Path) -> None:
    year = timedelta(days=365)
    silent = frames.series(300, population="silent").with_columns(pl.col("time_value") - year)
    ahead = pl.concat([frames.forecasts(), frames.forecasts(marker="fear"), frames.forecasts(population="north")])
    path = frames.snapshot(home, {
        tables.SERIES: pl.concat([frames.series(200), frames.series(marker="fear"), silent, frames.series(3, population="north"),
                                  frames.series(200, unit="posts", marker="fear")]),
        tables.FORECASTS: pl.concat([ahead, ahead.with_columns(pl.col("issue") - timedelta(days=3), pl.col("target") - timedelta(days=3))]),
        tables.ALERTS: frames.alerts(),
    })  # fmt: skip
    snapshot = Snapshot(path)
    for unit, lines in (("authors", 3), ("posts", 1)):
        where = {"unit": unit, "method": "lexicon"}
        every = board.board(*(snapshot.read(t, where=where) for t in (tables.SERIES, tables.FORECASTS)), snapshot.read(tables.ALERTS))
        assert board.read(snapshot, unit, "lexicon").equals(every)
        assert every.height == lines
    assert board.read(snapshot, "posts", "corrected").is_empty()


def test_a_short_board_does_without_calm_populations_alone(home: Path) -> None:
    names = [f"p{k:02}" for k in range(20)]
    every = pl.concat([frames.series(population=p) for p in names])
    blind = frames.series(population="q", missing={0: "fewer than 20 authors"})
    alerts = pl.concat([frames.alerts(population=p, alert_id=p) for p in names[5:]])
    rows = board.board(pl.concat([every, blind]), frames.forecasts(), alerts)
    assert board.left_out(rows, 12) == [*names[:5], "q"]  # 15 have an alert
    assert board.left_out(rows, 18) == ["p03", "p04", "q"]
    assert board.left_out(rows, 21) == []
    frames.snapshot(home, {tables.SERIES: pl.concat([every, blind]), tables.ALERTS: alerts})

    def shown(page: AppTest) -> list[str]:
        body = next(e.proto.body for e in page.get("html") if "class='board'" in e.proto.body)
        return re.findall("<h4>([^<]*)</h4>", body)

    page = opened()
    assert shown(page) == names[5:]
    assert "Left out: 6 without an open alert; 1 of them lack a value on their latest closed day." in text(page)
    assert page.toggle(key="now-all").label == "All 21 populations"
    page.toggle(key="now-all").set_value(True).run()
    assert shown(page) == [*names[5:], *names[:5], "q"]


def drawn(*given: list[float | None]) -> str:
    return base64.b64decode(sparkline(*given).partition(",")[2]).decode()


def test_a_small_line_breaks_where_there_is_no_value_and_goes_on_dashed() -> None:
    svg = drawn([0.1, 0.2, None, 0.2, 0.1], [0.0] * 5, [0.2] * 5, [0.1, 0.1])
    lines = re.findall(r"<polyline points='([^']*)'", svg)
    assert [len(line.split()) for line in lines] == [2, 2, 2]
    assert lines[0].split()[1].endswith(",2.0")  # the highest value is at the top
    assert svg.count("stroke-dasharray") == 1
    assert len(re.findall("<polygon", svg)) == 2


def test_a_day_alone_is_a_dot_and_nothing_at_all_is_an_empty_picture() -> None:
    assert "<circle" in drawn([None, 0.1], [None, 0.0], [None, 0.2], [])
    assert "<poly" not in drawn([], [], [], [])


def test_the_page_says_what_fires_where_everybody_stands_and_what_cannot_be_said(home: Path) -> None:
    quiet = frames.series(population="north", missing={0: "fewer than 20 authors"})
    frames.snapshot(home, {
        tables.SERIES: pl.concat([rising(), quiet]), tables.FORECASTS: frames.forecasts(), tables.ALERTS: frames.alerts(),
    })  # fmt: skip
    page = opened()
    said = text(page)
    assert "1 alert firing" in said
    for part in ("16.0 % (8.0–12.5)", "+6.0 points against the usual · 50 authors · P(high) up to 62 %", "No value", "fewer than 20 authors"):
        assert part in said, part
    body = next(e.proto.body for e in page.get("html") if "class='board'" in e.proto.body)
    first = re.search(r"<a class='firing' href='\?([^']*)'", body)
    assert first
    assert first[1] == "population=all&amp;marker=dimension%3Aanxiety&amp;unit=authors&amp;method=lexicon"
    assert "class='blind'" in body


def test_names_from_outside_stay_text(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(population="<b>x</b>")})
    body = next(e.proto.body for e in opened().get("html") if "class='board'" in e.proto.body)
    assert "<b>x</b>" not in body
    assert "&lt;b&gt;x&lt;/b&gt;" in body


def test_a_link_to_a_line_leads_to_its_timeline(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: pl.concat([frames.series(), frames.series(marker="fear")])})
    page = opened(population="all", marker="fear", unit="authors", method="lexicon")
    assert page.header[0].value == "Fear expressed in all"


def test_before_the_first_snapshot_it_says_what_to_run(home: Path) -> None:
    page = opened()
    assert "Nothing has been published yet" in text(page)
    assert not page.success


def test_no_alert_on_old_data_is_not_called_calm(home: Path) -> None:
    old = frames.series().with_columns(pl.col("time_value") - timedelta(days=9))
    frames.snapshot(home, {tables.SERIES: old})
    page = opened()
    assert not page.success
    assert "No alert is firing, but data is stale" in text(page)


def test_a_plain_model_that_stands_in_is_named_beside_its_chance(home: Path) -> None:
    both = [frames.forecasts(), frames.forecasts(population="north", fallback="no skill")]
    lines = [frames.series(), frames.series(population="north")]
    frames.snapshot(home, {tables.SERIES: pl.concat(lines), tables.FORECASTS: pl.concat(both)})
    found = board.read(Snapshot(next((home / "published").glob("*.duckdb"))), "authors", "lexicon")
    assert found.select("population", "stand_in").rows() == [("all", None), ("north", "climatology")]
    html = "".join(h.proto.body for h in opened().get("html"))
    assert html.count("P(high) up to 62\xa0% by climatology, which stands in") == 2  # seen, and read aloud
    assert html.count("P(high) up to 62\xa0%") == 4


def test_a_link_holds_what_the_board_counts(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: pl.concat([frames.series(), frames.series(unit="posts")])})
    page = opened(unit="posts")
    assert page.segmented_control(key="unit").value == "posts"
    assert page.query_params["unit"] == "posts"
