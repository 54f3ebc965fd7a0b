"""A real browser for tests, in which nothing that goes wrong goes unseen."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NEAR = ("http://localhost:", "http://127.0.0.1:", "ws://localhost:", "ws://127.0.0.1:", "data:", "blob:", "about:")

PAGES: dict[str, str | re.Pattern[str]] = {
    "Timeline": re.compile(" expressed in "), "Why": "Why it moved", "Heatmap": "Heatmap and distributions",
    "Polarization": "Polarization", "Alerts": "Alerts", "Forecast record": "Forecast record",
    "Data and methods": "Data and methods",
}  # fmt: skip
"""Name of a page on top → a heading that it alone has."""


def chromium() -> str:
    if (found := shutil.which("chromium")) is None:
        missing = "Chromium is not installed: browser tests skipped (apt-get install chromium)"
        if os.environ.get("BAROGRAPH_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def watched(browser: "Browser", *, expected: str = "", patience: int = 20_000, **how: Any) -> Iterator["Page"]:
    """A page on which any complaint, and any request that leaves this machine, fails the test.

    expected: part of addresses of which complaints are no fault; patience: ms; how: of the browser's context.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **how)
    context.set_default_timeout(patience)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text)
              if m.type in ("error", "warning") and not (expected and expected in m.location["url"]) else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda r: None if r.url.startswith(NEAR) else complaints.append(f"request to {r.url}"))
    yield opened
    context.close()
    assert complaints == []


def visit(page: "Page", name: str) -> None:
    """Go to a page of PAGES by its name on top, and wait until all of it stands."""
    page.get_by_role("link", name=name, exact=True).first.click()
    # The heading of the page before may still stand when the script is at rest.
    page.get_by_role("heading", name=PAGES[name]).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.locator("[data-stale=true]").first.wait_for(state="detached")
    page.get_by_text("What this must not be used for").first.wait_for()
