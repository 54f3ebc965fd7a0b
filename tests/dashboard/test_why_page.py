"""The page that says why a line moved, in every state, over shifts made by hand."""

import html
import re
from datetime import timedelta
from pathlib import Path

import polars as pl
from streamlit.testing.v1 import AppTest

from barograph import tables
from tests.dashboard import frames
from tests.dashboard.frames import LAST, NOW
from tests.dashboard.test_page import text


def opened(**query: str) -> AppTest:
    return frames.opened("why.py", **query)


def cells(page: AppTest) -> dict[str, tuple[str, str, str]]:
    """The figures on top: term → (look, value, what is below)."""
    body = re.sub("</?span>", "", next(e.proto.body for e in page.get("html") if "<dl" in e.proto.body))
    found = re.findall(r"<div class='(\w+)'><dt>(.*?)</dt><dd>(.*?)</dd><dd>(.*?)</dd>", body.replace("\xa0", " "))
    return {html.unescape(term): (look, html.unescape(value), html.unescape(below)) for look, term, value, below in found}


def signs(page: AppTest) -> list[tuple[str, str]]:
    """The signs: look, text."""
    body = next(e.proto.body for e in page.get("html") if "class='signs'" in e.proto.body)
    found = re.findall(r"<li class='(\w+)'>.*?<span>(.*?)</span></li>", body.replace("\xa0", " "))
    return [(look, html.unescape(said)) for look, said in found]


def shown(page: AppTest) -> list[str]:
    """The names of the charts' data files."""
    return [e.proto.spec for e in page.get("vega_lite_chart")]


def test_all_that_is_published_of_a_shift(home: Path) -> None:
    fear = {"marker": "fear", "population": "all"}
    rows = {
        tables.SERIES: frames.series(marker="fear"), tables.TERM_SHIFTS: frames.shifts(**fear),
        tables.CUES: pl.concat([frames.cues(), frames.cues(ago=7, share=0.2)]),
    }  # fmt: skip
    frames.snapshot(home, rows)
    page = opened()
    assert page.subheader[0].value.replace("\\", "") == "Why Fear moved in all: 25\xa0Mar – 31\xa0Mar 2026"
    assert cells(page) == {
        "What it may be": ("pending", "It may be a word or two", "the most serious doubt below, if any"),
        "Change": ("calm", "+5.0 points (+2.0 to +8.0)", "against 18 Mar – 24 Mar 2026; 90 authors, before 85 authors"),
        "Largest account": ("calm", "at most 5 %", "of all accounts’ moves, up or down"),
        "Half of all moves": ("pending", "1 term", "6 % of all moves are of terms not named"),
    }
    assert [look for look, _ in signs(page)] == ["calm", "calm", "flag", "calm", "calm"]
    assert signs(page)[-1][1] == (
        "What annotators saw most is “worry”, in 42.0 % (36.0–49.0) of the posts; no sign of mere talk about it."
    )
    said = text(page).replace("\\", "")
    assert "−1.0 points (−2.0 to ±0.0) of the change is mix: who came, who left, who posts more." in said
    assert "+6.0 points (+3.0 to +9.0) is rate: what the 60 authors of both periods express." in said
    assert (
        "In 25 Mar – 31 Mar 2026 “worry” was seen most, in 42.0 % (36.0–49.0) of 147 posts of 97 authors that express it; "
        "hollow: the days before. A sample, as desk (m, prompt 01234567) reads it."
    ) in said
    assert len(shown(page)) == 3
    assert [cell.replace("\xa0", " ") for cell in page.table[0].value.iloc[0]] == [
        "worried", "+4.0 points (+3.0 to +5.0)", "30", "at most 10 %"
    ]  # fmt: skip
    assert [b.proto.label for b in page.get("download_button")] == ["CSV", "PNG", "SVG"] * 3
    assert page.query_params == {"population": "all", "marker": "fear", "unit": "authors", "method": "lexicon"}


def test_the_period_is_chosen_and_the_address_holds_it(home: Path) -> None:
    withdrawn = frames.shifts(issue=NOW - timedelta(days=1)).head(1).with_columns(term=pl.lit("withdrawn"))
    past = frames.shifts(3, change=-0.02, change_lo=-0.04, change_hi=0.01, mix=None, rate=None).with_columns(
        period=pl.lit("2026-03-02/2026-03-04"), reference=pl.lit("2026-02-27/2026-03-01")
    )
    alerted = frames.shifts(2)
    rows = pl.concat([frames.shifts(), frames.shifts(1), withdrawn, past, alerted])
    frames.snapshot(home, {
        tables.SERIES: frames.series(), tables.TERM_SHIFTS: rows, tables.ALERTS: frames.alerts(days=2, target=LAST),
    })  # fmt: skip
    page = opened()
    choice = page.selectbox(key="period")
    assert [option.replace("\xa0", " ") for option in choice.options] == [
        "Last 7 days: 25 Mar – 31 Mar 2026", "Last 1 day: Tue 31 Mar 2026", "Alert: 30 Mar – 31 Mar 2026",
        "High prevalence: 2 Mar – 4 Mar 2026",
    ]  # fmt: skip
    assert not [spec for spec in shown(page) if "withdrawn" in spec]
    choice.select("2026-03-02/2026-03-04").run()
    assert cells(page)["What it may be"][1] == "No clear change"
    assert "Too few authors post in both periods" in text(page)
    assert page.query_params["period"] == ["2026-03-02/2026-03-04"] or page.query_params["period"] == "2026-03-02/2026-03-04"
    followed = opened(period="2026-03-02/2026-03-04")
    assert cells(followed)["Change"][1] == "−2.0 points (−4.0 to +1.0)"


def test_a_link_to_a_period_that_is_not_published_says_so(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: frames.shifts()})
    page = opened(period="2020-01-01/2020-01-07")
    assert "which is not published here" in page.warning[0].value
    assert page.subheader[0].value.replace("\\", "") == "Why Anxiety (dimension) moved in all: 25\xa0Mar – 31\xa0Mar 2026"


def test_without_a_shift_of_the_line_it_says_what_it_takes(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: frames.shifts(marker="fear")})
    page = opened()
    assert "Nothing to explain yet: it takes a closed day" in text(page)
    assert not shown(page)
    assert page.query_params == {"population": "all", "marker": "dimension:anxiety", "unit": "authors", "method": "lexicon"}


def test_without_cues_it_says_what_they_take(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: frames.shifts()})
    assert "None are published for these days" in text(opened())


def test_all_censored_has_nothing_to_explain(home: Path) -> None:
    gaps = dict.fromkeys(range(-1, 60), "fewer than 20 authors")
    frames.snapshot(home, {tables.SERIES: frames.series(missing=gaps)})
    assert "Nothing to explain yet" in text(opened())


def test_interactions_alone_have_no_words(home: Path) -> None:
    frames.snapshot(home, {tables.SERIES: frames.series(unit="interactions", marker="polarization:x")})
    assert "No marker is published" in text(opened())


def test_nothing_published_and_stale(home: Path) -> None:
    assert "Nothing has been published yet" in text(opened())
    late = frames.run(now=NOW + timedelta(days=3))
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: frames.shifts(), tables.RUNS: late})
    assert "Stale data." in text(opened())


def test_words_from_outside_are_shown_as_text(home: Path) -> None:
    image = "<b>![](https://example.org/x.png)</b>"
    rows = frames.shifts(population=image).head(1).with_columns(term=pl.lit(image))
    frames.snapshot(home, {tables.SERIES: frames.series(population=image), tables.TERM_SHIFTS: rows})
    page = opened()
    assert "<b>" not in next(e.proto.body for e in page.get("html") if "class='signs'" in e.proto.body).replace("<b role", "")
    assert not [c.value for c in [*page.caption, *page.subheader] if "![](" in c.value]


def test_an_alert_leads_to_the_shift_of_its_days(home: Path) -> None:
    alert = frames.alerts(days=2, target=LAST, started_on=LAST - timedelta(days=1))
    frames.snapshot(home, {tables.SERIES: frames.series(), tables.TERM_SHIFTS: frames.shifts(2), tables.ALERTS: alert})
    page = frames.opened("alerts.py", alert="a-1")
    (link,) = [e.proto for e in page.get("page_link") if e.proto.label == "Read why it moved"]
    assert "period=2026-03-30%2F2026-03-31" in link.query_string
