"""The page in a real browser, served as `barograph up` serves it: what only a browser can show."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from barograph import tables
from tests.dashboard import frames
from tests.dashboard.browsing import PAGES, chromium, visit, watched
from tests.dashboard.serving import free_port, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    lines = [frames.series(population=p, marker=m) for p in ("all", "north") for m in ("dimension:anxiety", "fear")]
    frames.snapshot(folder, {
        tables.SERIES: pl.concat(lines), tables.FORECASTS: frames.forecasts(),
        tables.ALERTS: frames.alerts(population="north"), tables.EXCEEDANCES: frames.high_days(1, 9),
        tables.EVENTS: frames.events(("exam week", "*", frames.LAST, frames.LAST)), tables.TERM_SHIFTS: frames.shifts(),
        tables.FORECAST_WEEKS: frames.forecast_weeks(), tables.SOURCE_DAYS: frames.source_days(gaps=(3,)),
        tables.LEXICONS: frames.lexicons(),
    })  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    chromium()  # no server for a test that cannot run
    port = free_port()
    with served(home, "", port):
        yield f"http://localhost:{port}"


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page far from UTC."""
    with watched(browser, timezone_id="America/Los_Angeles") as opened:
        yield opened


def heading(page: "Page", text: str) -> None:
    page.get_by_role("heading", name=text, exact=True).wait_for()


def test_the_board_stands_first_and_leads_to_a_line(page: "Page", address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Anxiety in north on Tue 31\xa0Mar: 10.0").click()
    heading(page, "Anxiety (dimension) expressed in north")
    page.wait_for_url("**/timeline?population=north*")


def test_the_page_loads_with_both_charts_described(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all")
    heading(page, "Anxiety (dimension) expressed in all")
    page.get_by_text("What this must not be used for").wait_for()
    page.locator("[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas").nth(1).wait_for()
    for sentence in ("the latest closed value is 10.0", "50 to 50 authors a closed day"):
        page.locator(f"[aria-label*='{sentence}']").first.wait_for()
    assert page.title() == "barograph"
    assert "population=all" in page.url
    assert "marker=dimension%3Aanxiety" in page.url
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    assert "exam week" in chart.inner_text()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator("#vg-tooltip-element")
    tip.get_by_text("10.0\xa0% (8.0–12.5)").wait_for()
    assert "50\xa0authors, 60\xa0posts" in tip.inner_text()


def test_dragging_over_days_looks_at_them_alone(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all&marker=fear&unit=authors")
    heading(page, "Fear expressed in all")
    days = page.locator("[data-testid=stVegaLiteChart]").nth(1)
    days.locator("svg, canvas").first.wait_for()
    days.scroll_into_view_if_needed()
    box = days.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 40, steps=8)
    page.mouse.up()
    page.wait_for_url("**from=*to=*")
    first, last = (date.fromisoformat(parse_qs(urlsplit(page.url).query)[name][0]) for name in ("from", "to"))
    assert frames.LAST - timedelta(days=60) < first < last < frames.LAST - timedelta(days=10)
    page.get_by_text(f"of {(last - first).days + 1}\xa0days had high prevalence").first.wait_for()


def test_choosing_changes_heading_and_address_and_going_back_returns(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all")
    heading(page, "Anxiety (dimension) expressed in all")
    # Each choice is one step back only where the address was written before the next.
    for label, option, where in (("Marker", "Fear", "all"), ("Population", "north", "north")):
        page.get_by_role("combobox", name=label).click()
        page.get_by_role("option", name=option, exact=True).click()
        heading(page, f"Fear expressed in {where}")
        page.wait_for_url(f"**population={where}&marker=fear*")
    page.go_back()
    heading(page, "Fear expressed in all")


def test_a_link_restores_the_view(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=north&marker=fear&unit=authors&range=30")
    heading(page, "Fear expressed in north")
    page.get_by_text("of 30 days had high prevalence").wait_for()
    assert page.get_by_text("which is not published here").count() == 0


def test_days_that_are_dragged_over_become_the_period_and_dates_can_be_typed(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all&marker=fear")
    heading(page, "Fear expressed in all")
    bars = page.locator("[data-testid=stVegaLiteChart]").nth(1)
    bars.scroll_into_view_if_needed()
    bars.locator("canvas, svg").first.wait_for()
    page.wait_for_timeout(500)  # Vega takes the pointer a moment after it has drawn
    box = bars.bounding_box()
    assert box is not None
    for x, act in ((0.3, page.mouse.down), (0.5, lambda: None), (0.6, page.mouse.up)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + 40, steps=4)
        act()
    page.wait_for_url("**range=period&from=2026-0*")
    page.get_by_text("high prevalence and 0 have no value").wait_for()
    # Three tenths of some sixty days, by the pointer; the keyboard changes its end.
    first, last = (date.fromisoformat(parse_qs(urlsplit(page.url).query)[end][0]) for end in ("from", "to"))
    assert 15 <= (last - first).days + 1 <= 24
    page.get_by_role("radio", name="Period").wait_for()
    page.get_by_role("spinbutton", name="year, To").focus()
    page.keyboard.type("20260331", delay=30)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # a date counts when its field is left
    page.wait_for_url("**to=2026-03-31*")
    page.get_by_role("radio", name="90 days").click()
    page.wait_for_url("**range=90")


def test_a_firing_alert_leads_to_its_line_and_keeps_the_range(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all&marker=fear&unit=authors&range=30")
    heading(page, "Fear expressed in all")
    page.get_by_role("link", name="north · Anxiety (dimension)").click()
    heading(page, "Anxiety (dimension) expressed in north")
    page.wait_for_url("**population=north*range=30*")


def test_a_firing_alert_is_acknowledged_and_waits_for_the_monitor(page: "Page", address: str, home: Path) -> None:
    page.goto(address)
    page.get_by_role("link", name="Alerts", exact=True).click()
    heading(page, "Alerts")
    page.locator("a[href*='alert=a-1']").click()  # the other page has a link of the same name
    page.wait_for_url("**alert=a-1*")
    page.get_by_text("high for two days").first.wait_for()
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Waiting for the monitor").wait_for()
    (asked,) = (home / "commands").glob("*.json")
    assert '"command":"ack"' in asked.read_text()
    page.get_by_role("link", name="All alerts").click()
    page.get_by_text("ack by analyst waits").wait_for()


def test_why_a_line_moved_is_a_link_away_and_many_lines_beside_it(page: "Page", address: str) -> None:
    page.goto(f"{address}/?population=all&marker=dimension:anxiety&unit=authors&range=30")
    page.get_by_role("link", name="Read why it moved").click()
    heading(page, "Why it moved")
    page.wait_for_url("**/why?population=all*")
    page.get_by_text("It may be a word or two").wait_for()
    page.locator("[aria-label*='from what the 60']").first.wait_for()
    page.get_by_role("link", name="Heatmap", exact=True).click()
    heading(page, "Heatmap and distributions")
    page.locator("[aria-label*='Markers in all']").first.wait_for()
    page.get_by_role("radio", name="Month by month").click()
    page.locator("[aria-label*='expressed in all, 60']").first.wait_for()
    page.wait_for_url("**view=months*")


def test_a_narrow_dark_page_has_nothing_wider_than_itself(browser: "Browser", address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone = context.new_page()
    phone.goto(address)
    phone.get_by_text("What this must not be used for").wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    back = phone.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert back == "rgb(16, 22, 29)"
    context.close()


def test_the_record_of_forecasts_draws_every_chart_and_follows_a_choice(page: "Page", address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Forecast record").click()
    heading(page, "Forecast record")
    for sentence in ("skill over climatology is", "80 % intervals held", "95 % intervals held", "tenths of P(high)", "a plain model stood in"):
        page.locator(f"[aria-label*='{sentence}']").first.wait_for()
    page.get_by_role("combobox", name="Against").click()
    page.get_by_role("option", name="The same weekday last week").click()
    page.wait_for_url("**against=seasonal*")
    page.get_by_text("Forecasts were better than the same weekday last week.").wait_for()


def test_sections_of_data_and_methods_fit_a_phone_and_cards_scroll_by_themselves(page: "Page", address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    page.get_by_role("link", name="Posts by day, delays, what was set aside").click()
    heading(page, "Data and methods")
    page.get_by_role("button", name="Word lists").or_(page.get_by_role("radio", name="Word lists")).first.click()
    page.wait_for_url("**section=lexicons*")
    page.get_by_role("region", name="Table: ").first.wait_for()
    wide = "Math.max(...[...document.querySelectorAll('[data-testid=stMain],body,html')].map(e => e.scrollWidth - e.clientWidth))"
    assert page.evaluate(wide) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_out_a_reader(browser: "Browser", address: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("heading", name="Sources").wait_for()
    faults = []
    for name in ("Now", *PAGES):
        if name in PAGES:
            visit(page, name)
        found = axe.run(page).response
        assert len(found["passes"]) > 20, name
        for fault in found["violations"]:
            # Vega-Lite's own brush cannot be named; its chart is, as a whole.
            nodes = [node["html"] for node in fault["nodes"] if "brush_brush" not in node["html"]]
            if nodes and fault["impact"] in ("serious", "critical"):
                faults.append((name, fault["id"], nodes[0]))
    context.close()
    assert faults == []
