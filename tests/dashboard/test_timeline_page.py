"""What the timeline can show beside one line as it is: others, a mean, the past, a period."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from barograph import tables
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW
from tests.dashboard.test_page import cells, opened
from tests.dashboard.test_page import text as written

EARLIER = NOW - timedelta(days=3)


@pytest.fixture
def several(home: Path) -> Path:
    """Three populations, two markers, two methods of one, and three high-prevalence periods of the first line."""
    lines = [
        frames.series(), frames.series(population="north", prevalence=0.2, lo=0.15, hi=0.25), frames.series(population="south"),
        frames.series(marker="fear"), frames.series(marker="fear", unit="posts"), frames.series(marker="fear", method="calibrated"),
    ]  # fmt: skip
    frames.snapshot(home, {
        tables.SERIES: pl.concat(lines), tables.FORECASTS: frames.forecasts(),
        tables.EXCEEDANCES: frames.high_days(30, 20, 19, 18, 2), tables.ALERTS: frames.alerts(),
    })  # fmt: skip
    return home


@pytest.fixture
def revised(home: Path) -> Path:
    """A line that was known up to LAST − 2 three days ago, its last day then otherwise."""
    early = frames.series(issue=EARLIER).filter(pl.col("time_value") <= LAST - timedelta(days=2))
    then = pl.when(pl.col("time_value") == LAST - timedelta(days=2)).then(0.13).otherwise("prevalence")
    late = frames.series().filter(pl.col("time_value") >= LAST - timedelta(days=2))
    frames.snapshot(home, {
        tables.SERIES: pl.concat([early.with_columns(prevalence=then), late]),
        tables.ALERTS: frames.alerts(), tables.FORECASTS: frames.forecasts(),
    })  # fmt: skip
    return home


def text(page: AppTest) -> str:
    """Everything the page says, Markdown's backslashes removed."""
    return written(page).replace("\\", "")


def test_lines_that_differ_in_one_thing_can_stand_beside_the_chosen_one(several: Path) -> None:
    page = opened()
    choice = page.multiselect(key="also")
    assert choice.options == ["north", "south", "Fear"]
    choice.select("population:north").run()
    assert page.query_params["also"] == "population:north"
    said = text(page)
    assert "Latest closed values: all 10.0 % (8.0–12.5) on Tue 31 Mar (50 authors, 60 posts); north 20.0 % (15.0–25.0)" in said
    assert "Forecast, threshold and alerts are those of all alone." in said
    assert "Authors behind each day: all" in said
    assert "high-prevalence day and its own threshold" not in said
    assert cells(page)["Latest closed day, Tue 31 Mar 2026"][1] == "10.0 % (8.0–12.5)"
    page.multiselect(key="also").select("marker:fear").run()
    assert page.query_params["also"] == ["population:north", "marker:fear"]
    assert "Latest closed values: all · Anxiety 10.0 %" in text(page)
    assert "all · Fear 10.0 %" in text(page)


def test_units_and_methods_of_a_line_can_be_compared(several: Path) -> None:
    page = opened(marker="fear")
    assert page.multiselect(key="also").options == ["Lexicon"]
    page = opened(marker="fear", method="lexicon")
    assert page.multiselect(key="also").options == ["Anxiety (dimension)", "Calibrated", "Posts"]


def test_a_link_restores_a_comparison_and_says_what_is_not_published(several: Path) -> None:
    page = opened(also=["population:north", "population:atlantis"], smooth="7")  # type: ignore[arg-type]
    (warned,) = page.warning
    assert "compare with “population\\:atlantis”" in warned.value
    assert page.multiselect(key="also").value == ["population:north"]
    assert page.query_params["smooth"] == "7"
    assert "The line is the mean of each day and the 6 days before it" in text(page)


def test_a_mean_is_off_until_it_is_asked_for_and_says_what_it_is(several: Path) -> None:
    page = opened()
    assert "mean of each day" not in text(page)
    assert "smooth" not in page.query_params
    (control,) = (group for group in page.get("button_group") if group.proto.label == "Line through")
    assert [option.content for option in control.proto.options] == ["Days", "7-day mean", "28-day mean"]
    assert "28-day mean, mean interval" in text(opened(smooth="28"))


def test_the_past_is_shown_as_it_was_known_and_says_so(revised: Path) -> None:
    page = opened(as_of="2026-03-30T09:00")
    said = text(page)
    assert "The past is shown, as it was known on 29 Mar 2026, 12:00 UTC." in said.replace("**", "")
    assert "3 days were published later." in said
    assert "1 day changed since; most moved Sun 29 Mar 2026, from 13.0 % to 10.0 %." in said
    assert "Alert then: none open; now: firing." in said
    assert cells(page)["Latest closed day, Sun 29 Mar 2026"][1] == "13.0 % (8.0–12.5)"
    assert cells(page)["Highest P(high) ahead"][1] == "No forecast"
    assert cells(page)["Alert"][1] == "None open"
    assert "1 alert firing" not in said, "alerts are those of then too"
    assert "Stale data" not in said
    assert "as it is known now" in said
    assert page.query_params["as_of"] == EARLIER.isoformat()
    page.button(key="as-of-now").click().run()
    assert "The past is shown" not in text(page)
    assert "as_of" not in page.query_params


def test_in_the_past_a_line_that_was_not_known_yet_has_no_value_beside_one_that_was(home: Path) -> None:
    early = frames.series(20, issue=EARLIER)
    frames.snapshot(home, {tables.SERIES: pl.concat([early, frames.series(), frames.series(population="north")])})
    said = text(opened(as_of="2026-03-29T14:00+02:00", also="population:north", smooth="7"))
    assert "as it was known on 29 Mar 2026, 12:00 UTC" in said
    assert "north has no value" in said


def test_a_time_before_anything_was_known_is_said(revised: Path) -> None:
    page = opened(as_of="2020-01-01T00:00")
    assert "as it was known “2020-01-01T00\\:00”" in page.warning[0].value
    assert "The past is shown" not in text(page)


def test_a_line_published_once_has_no_past(several: Path) -> None:
    page = opened()
    assert not page.select_slider
    assert "This line was published once" in text(page)


def test_a_period_lives_in_the_link_and_in_two_dates(several: Path) -> None:
    page = opened(range="period", **{"from": "2026-03-01", "to": "2026-03-10"})
    assert "1 Mar – 10 Mar 2026: the latest closed value" in text(page)
    assert "of 10 days had high prevalence" in text(page)
    assert "forecast, 80 and 95" not in text(page), "the forecast belongs to the end of the line"
    page.date_input(key="to").set_value(LAST - timedelta(days=11)).run()
    assert page.query_params["to"] == "2026-03-20"
    assert "of 20 days" in text(page)
    # Backwards, or beyond the line, it is still a period of it.
    page = opened(range="period", **{"from": "2026-03-10", "to": "1999-01-01"})
    assert "31 Jan – 10 Mar 2026" in text(page)


def test_high_prevalence_periods_are_listed_and_gone_to(several: Path) -> None:
    page = opened(range="30")
    assert page.expander[0].label.replace("\xa0", " ") == "High-prevalence periods: 2 in the days shown, 3 in all · 1 alert"
    goes = {b.label.replace("\xa0", " "): b for b in page.expander[0].button}
    assert list(goes) == ["Sun 29 Mar 2026", "11 Mar – 13 Mar 2026", "Sun 1 Mar 2026"]
    assert "3 days, up to 10.0 %" in text(page)
    goes["11 Mar – 13 Mar 2026"].click().run()
    assert (page.query_params["range"], page.query_params["from"], page.query_params["to"]) == ("period", "2026-02-25", "2026-03-27")
    (link,) = (e.proto for e in page.get("page_link") if e.proto.query_string == "alert=a-1")
    assert link.label.replace("\xa0", " ") == "Fired Tue 31 Mar 2026"


def test_what_is_taken_away_is_what_is_shown(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard import drawn

    taken: dict[str, pl.DataFrame] = {}
    put = drawn.chart
    monkeypatch.setattr(drawn, "chart", lambda chart, **how: (taken.update({how["key"]: how["rows"]}), put(chart, **how))[1])
    asked = {"from": "2026-03-01", "to": "2026-03-31"}
    opened(range="period", also="population:north", smooth="7", **asked)
    rows = taken["timeline"].filter(pl.col("kind") == "observed")
    assert rows["population"].unique().sort().to_list() == ["all", "north"]
    assert (rows["time_value"].min(), rows["time_value"].max()) == (LAST - timedelta(days=30), LAST)
    assert rows.filter(population="north")["smoothed"].to_list() == pytest.approx([0.2] * 31)
    assert rows.filter(population="all", time_value=LAST - timedelta(days=2))["high_above"].to_list() == [0.09]


def test_flagged_days_are_said_as_they_were_known(home: Path) -> None:
    late = frames.flags((5, "gap", None, False), (2, "volume", "310 posts, usually 100", False))
    early = frames.flags((5, "gap", "about 62 % of the usual posts missed; files 15.0 h", True), issue=EARLIER)
    series = pl.concat([frames.series(issue=EARLIER).head(-3), frames.series().tail(3)])
    others = frames.flags((1, "gap", "about 9 % of the usual posts missed; files 2.2 h", True)).with_columns(population=pl.lit("north"))
    frames.snapshot(home, {tables.SERIES: series, tables.FLAGS: pl.concat([early, late, others])})
    said = text(opened())
    assert "; 1 day flagged as not measured as usual, 0 of them left out of thresholds and forecasts " in said
    assert "(latest: Sun 29 Mar 2026, volume: 310 posts, usually 100)" in said
    assert "flagged: not measured as usual" in said
    then = text(opened(as_of=f"{EARLIER:%Y-%m-%dT%H:%M}"))
    assert "1 day flagged as not measured as usual, 1 of them left out" in then
    assert "(latest: Thu 26 Mar 2026, gap: about 62 % of the usual posts missed; files 15.0 h)" in then
    spanish = text(opened(lang="es"))
    assert "1 día con la señal de que no se midió como de costumbre, 0 de ellos fuera de umbrales y pronósticos" in spanish
