"""Every state of the page, run as Streamlit runs it, over snapshots made by hand."""

import html
import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from barograph import tables
from barograph.clock import utc_now
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW


def opened(**query: str) -> AppTest:
    return frames.opened("timeline.py", **query)


def text(page: AppTest) -> str:
    """Everything the page says, tags removed."""
    assert not page.exception, page.exception
    kinds = ("markdown", "caption", "header", "subheader", "info", "success", "warning", "error", "code")
    said = [str(element.value) for kind in kinds for element in page.get(kind)]
    said += [html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", e.proto.body, flags=re.DOTALL)) for e in page.get("html")]
    return re.sub(r"\s+", " ", " ".join(said).replace("\xa0", " "))


def cells(page: AppTest) -> dict[str, tuple[str, str, str]]:
    """The headline: term → (look, value, what is below)."""
    body = re.sub("</?span>", "", next(e.proto.body for e in page.get("html") if "<dl" in e.proto.body))
    found = re.findall(r"<div class='(\w+)'><dt>(.*?)</dt><dd>(.*?)</dd><dd>(.*?)</dd>", body.replace("\xa0", " "))
    return {html.unescape(term): (look, html.unescape(value), html.unescape(below)) for look, term, value, below in found}


def test_before_the_first_snapshot_it_says_what_to_run(home: Path) -> None:
    page = opened()
    assert "Nothing has been published yet" in text(page)
    assert page.code[0].value == f"barograph run --source simulated --home {home}"
    assert not page.success
    assert "must not be used for" in text(page)


def test_a_calm_line(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts()})
    page = opened()
    assert page.header[0].value == "Anxiety (dimension) expressed in all"
    assert [s.value for s in page.success] == ["**No alert is firing.** 1 of 1 lines have a value on the latest closed day."]
    assert cells(page) == {
        "Latest closed day, Tue 31 Mar 2026": ("calm", "10.0 % (8.0–12.5)", "95 % interval; 50 authors, 60 posts"),
        "Against the 28 closed days before": ("calm", "±0.0 points", "their median: 10.0 %"),
        "Highest P(high) ahead": ("calm", "62 %", "of exceeding 12.0 % on Sat 4 Apr"),
        "Alert": ("calm", "None open", "no rule holds on this line"),
    }
    said = text(page)
    assert "Posts read up to 1 Apr 2026, 12:00 UTC" in said
    assert "threshold 12.0 %: 80th percentile of the 84 days to 31 Mar" in said
    assert "Mean over authors of each author’s own share of posts that express it · method: lexicon" in said
    assert "0 of 90 days" not in said
    assert "0 of 61 days had high prevalence and 0 have no value" in said
    assert page.query_params == {"population": "all", "marker": "dimension:anxiety", "unit": "authors", "method": "lexicon", "range": "90"}


def test_a_firing_alert_of_another_population_is_on_top_and_links_to_its_line(home: Path) -> None:
    both = pl.concat([frames.series(), frames.series(population="north town")])
    rows = frames.alerts(population="north town")
    frames.snapshot(home, {tables.SERIES: both, tables.FORECASTS: frames.forecasts(), tables.ALERTS: rows})
    page = opened()
    assert "1 alert firing" in text(page)
    assert "15.0 % (12.0–19.0) on Tue 31 Mar, above 13.0 % (95th percentile) since Mon 30 Mar" in text(page)
    link = page.get("page_link")[0].proto
    assert link.label == "north town · Anxiety (dimension)"
    assert link.query_string == "population=north+town&marker=dimension%3Aanxiety&unit=authors&method=lexicon"
    assert cells(page)["Alert"][1] == "None open"
    assert cells(opened(population="north town"))["Alert"] == ("firing", "Firing", "high for two days, since Mon 30 Mar")
    assert not page.success


def test_of_many_alerts_the_gravest_stand_there_and_a_link_leads_to_the_rest(home: Path) -> None:
    open_ = [frames.alerts(population=f"p{k}", alert_id=f"a{k}", level="red" if k > 3 else "yellow") for k in range(9)]
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.ALERTS: pl.concat(open_)})
    labels = [link.proto.label for link in opened().get("page_link")]
    assert labels == [*(f"p{k} · Anxiety (dimension)" for k in range(4, 9)), "4 more"]


@pytest.mark.parametrize(("state", "shown"), [("acknowledged", "acknowledged"), ("pending", "pending"), ("resolved", "calm")])
def test_other_states_of_an_alert_are_not_shown_as_firing(home: Path, state: str, shown: str) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.ALERTS: frames.alerts(state)})
    page = opened()
    assert cells(page)["Alert"][0] == shown
    assert "1 alert firing" not in text(page)
    assert ("1 alert pending" in text(page)) == (state == "pending")


def test_all_censored_is_not_calm(home: Path) -> None:
    gaps = dict.fromkeys(range(-1, 60), "fewer than 20 authors")
    frames.snapshot(home, {tables.SERIES: frames.series(missing=gaps)})
    page = opened()
    said = text(page)
    assert "**Nothing can be tested.**" in said
    assert "No day of all has a value" in said
    assert "Reason: fewer than 20 authors" in said
    assert not page.success
    assert {look for look, *_ in cells(page).values()} == {"blind"}
    assert cells(page)["Alert"][1] == "Cannot be tested"
    table = page.table[0].value
    assert table.iloc[0].to_dict() == {"Population": "all", "Days": 61, "With a value": 0, "Fewer than 20 authors": 61}


def test_the_latest_closed_day_is_missing(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(missing={0: "no posts"}), tables.FORECASTS: frames.forecasts()})
    look, value, below = cells(opened())["Latest closed day, Tue 31 Mar 2026"]
    assert (look, value, below) == ("blind", "No value", "no posts; last value 10.0 % on Mon 30 Mar")


def test_no_forecast_and_no_baseline(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(4)})
    page = opened()
    assert cells(page)["Highest P(high) ahead"][:2] == ("blind", "No forecast")
    assert cells(page)["Against the 28 closed days before"][:2] == ("blind", "Unknown")
    assert "forecast, 80 and 95" not in text(page)


def test_a_plainer_forecast_says_why(home: Path) -> None:
    plain = frames.forecasts(threshold=None, fallback="4 known days; 7 needed")
    frames.snapshot(home, {tables.SERIES: frames.series(4), tables.FORECASTS: plain})
    look, value, below = cells(opened())["Highest P(high) ahead"]
    assert (look, value) == ("blind", "No threshold")
    assert below == "fewer than 28 known days of 84; climatology: 4 known days; 7 needed"
    said = text(opened())
    assert "The forecast is by climatology, a plainer model that stands in (4 known days; 7 needed)." in said
    assert "None of this line has met its day yet." in said


def test_a_forecast_stands_beside_its_track_record(home: Path) -> None:
    rows = {tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts()}
    frames.snapshot(home, rows | {tables.EVALUATIONS: frames.evaluations()})
    said = text(opened()).replace("\\", "")
    assert (
        "The forecast is by the house model. Of those for 6 Jan – 30 Mar 2026 the 80 % interval held 79 % of 588; "
        "skill over climatology 0.12 (0: no better, 1: perfect)."
    ) in said


def test_without_a_forecast_nothing_is_said_of_how_good_it_is(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(4), tables.EVALUATIONS: frames.evaluations()})
    said = text(opened())
    assert "The forecast is by" not in said
    assert "skill over climatology" not in said


def test_stale_data_is_said_and_never_green(home: Path) -> None:
    late = frames.run(now=NOW + timedelta(days=3))
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.RUNS: late})
    page = opened()
    assert "**Stale data.** The latest closed day of any population is Tue 31 Mar 2026, 4 days before" in text(page)
    assert not page.success


def test_a_population_that_fell_silent_is_said_on_its_own_view(home: Path) -> None:
    day = pl.col("time_value")
    quiet = frames.series(population="quiet", provisional=False).filter(day <= LAST - timedelta(days=6))
    frames.snapshot(home, {tables.SERIES: pl.concat([frames.series(), quiet])})
    assert not opened().warning
    warned = opened(population="quiet").warning[0].value.replace("\xa0", " ")
    assert "The latest closed day of quiet is Wed 25 Mar 2026, 7 days before" in warned


def test_a_monitor_that_stopped_is_said(home: Path) -> None:
    started = utc_now() - timedelta(hours=4)
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.RUNS: frames.run(command="up", started_at=started)})
    assert "The monitor has been silent" in opened().warning[0].value


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_snapshot_that_cannot_be_read(home: Path, damage: str) -> None:
    path = frames.snapshot(home, {tables.SERIES: frames.series()})
    path.unlink() if damage == "gone" else path.write_bytes(b"not a database" * 999)
    page = opened()
    assert "The published snapshot cannot be read" in page.error[0].value
    assert str(path) in page.code[0].value
    assert not page.success


def test_a_snapshot_without_series(home: Path) -> None:
    frames.snapshot(home, {})
    page = opened()
    assert "The snapshot holds no series" in text(page)
    assert not page.success


def test_a_link_holds_the_view_and_choosing_changes_it(home: Path) -> None:
    both = pl.concat([
        frames.series(), frames.series(marker="fear"), frames.series(marker="fear", unit="posts"),
        frames.series(marker="fear", population="north"),
    ])  # fmt: skip
    frames.snapshot(home, {tables.SERIES: both})
    page = opened(population="all", marker="fear", unit="posts", range="30")
    assert page.header[0].value == "Fear expressed in all"
    assert "Share of posts that express it" in text(page)
    assert "of 30 days" in text(page)
    assert page.selectbox(key="marker").options == ["Anxiety (dimension)", "Fear"]
    page.selectbox(key="population").select("north").run()
    assert page.header[0].value == "Fear expressed in north"
    assert page.query_params == {"population": "north", "marker": "fear", "unit": "authors", "method": "lexicon", "range": "30"}


def test_a_link_to_what_is_not_published_says_so(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series()})
    page = opened(population="atlantis", range="7")
    assert "The link names population “atlantis” and range “7”" in page.warning[0].value
    assert page.header[0].value == "Anxiety (dimension) expressed in all"


def test_a_new_snapshot_is_shown_on_the_next_rerun(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series()})
    page = opened()
    frames.snapshot(home, {tables.SERIES: frames.series(prevalence=0.2, lo=0.1, hi=0.3, issue=NOW + timedelta(hours=1))})
    page.run()
    assert cells(page)["Latest closed day, Tue 31 Mar 2026"][1] == "20.0 % (10.0–30.0)"
    assert "snapshot 000002" in text(page)


def test_the_best_method_present_is_shown_and_named(home: Path) -> None:
    better = frames.series(method="corrected", label_source="as desk (m, prompt 01234567) reads it")
    frames.snapshot(home, {tables.SERIES: pl.concat([frames.series(), better])})
    assert "method: corrected, as desk (m, prompt 01234567) reads it" in text(opened())


def test_the_method_can_be_chosen_where_there_are_several_and_stays_where_it_can(home: Path) -> None:
    calibrated = {"method": "calibrated", "marker": "fear", "label_source": "a set; base rate of the 28 days"}
    both = [frames.series(), frames.series(marker="fear"), frames.series(prevalence=0.2, lo=0.1, hi=0.3, **calibrated)]
    frames.snapshot(home, {tables.SERIES: pl.concat(both)})
    page = opened(marker="fear")
    said = "method: calibrated, fitted on a set; base rate of the 28 days (a post counts with the probability"
    assert said in text(page)
    assert cells(page)["Latest closed day, Tue 31 Mar 2026"][1] == "20.0 % (10.0–30.0)"
    (control,) = (c for c in page.get("button_group") if c.label == "Method")
    assert [option.content for option in control.proto.options] == ["Calibrated", "Lexicon"]
    page = opened(marker="fear", method="lexicon")
    assert cells(page)["Latest closed day, Tue 31 Mar 2026"][1] == "10.0 % (8.0–12.5)"
    page.selectbox(key="marker").select("dimension:anxiety").run()
    assert page.query_params["method"] == "lexicon"
    page.selectbox(key="marker").select("fear").run()
    assert page.query_params["method"] == "lexicon"
    # A link to a method that this line has not says so.
    page = opened(marker="dimension:anxiety", method="calibrated")
    assert "The link names method “calibrated”" in page.warning[0].value


def test_the_data_of_each_chart_can_be_taken_away(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts()})
    assert [b.proto.label for b in opened().get("download_button")] == ["CSV", "PNG", "SVG"] * 2


def test_names_from_outside_are_shown_as_text_and_fetch_nothing(home: Path) -> None:
    image = "![](https://example.org/x.png)"
    rows = frames.series(population=image, missing={0: "<b>no</b>"})
    frames.snapshot(home, {tables.SERIES: rows, tables.ALERTS: frames.alerts(population=image)})
    page = opened(marker=image)
    assert "&lt;b&gt;no&lt;/b&gt;" in next(e.proto.body for e in page.get("html") if "<dl" in e.proto.body)
    shown = [page.header[0].value, page.warning[0].value, page.get("page_link")[0].proto.label]
    shown += [caption.value for caption in page.caption] + [page.table[0].value["Population"][0]]
    assert not [text for text in shown if "![](" in text]


def test_why_it_moved_is_said_in_short_with_a_way_to_the_whole(home: Path) -> None:
    rows = pl.concat([frames.shifts(1, change=0.5), frames.shifts(), frames.shifts(28, change=0.4)])
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: rows})
    page = opened()
    said = text(page).replace("\\", "")
    assert "**It may be a word or two.** Anxiety (dimension): +5.0 points (+2.0 to +8.0) against 18 Mar – 24 Mar 2026" in said
    assert "Largest terms: worried +4.0 points, panic attack +2.0 points, afraid −1.5 points." in said
    (link,) = [e.proto for e in page.get("page_link") if e.proto.label == "Read why it moved"]
    assert link.page == "why"
    assert link.query_string == (
        "population=all&marker=dimension%3Aanxiety&unit=authors&method=lexicon&period=2026-03-25%2F2026-03-31"
    )


def test_without_a_shift_it_says_what_it_takes(home: Path) -> None:
    both = pl.concat([frames.series(), frames.series(unit="posts")])
    frames.snapshot(home, {tables.SERIES: both, tables.TERM_SHIFTS: frames.shifts(unit="posts")})
    page = opened()
    assert "Nothing to explain yet" in text(page)
    assert "Nothing to explain yet" not in text(opened(unit="posts"))


def test_no_view_speaks_of_illness_as_measured(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(marker="dimension:depression")})
    said = text(opened()).lower()
    assert "prevalence of depression" not in said
    assert "depression (dimension) expressed in all" in said
    assert "no diagnosis" in said
    assert "surveillance" in said
