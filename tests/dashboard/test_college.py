"""Every page on real posts, in a real browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Command
from tests.dashboard.browsing import PAGES, chromium, visit, watched
from tests.dashboard.serving import free_port, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


CHARTED = ("Timeline", "Heatmap", "Data and methods")
"""Pages that have charts of these posts."""


@pytest.mark.shared
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_every_page_shows_the_college_posts(browser: "Browser", barograph: Command, college: Path, tmp_path: Path) -> None:
    chromium()
    home, port = tmp_path / "home", free_port()
    done = barograph("run", college, "--home", home)
    assert done.returncode == 0, done.stderr
    with served(home, "", port), watched(browser, patience=60_000) as page:
        page.goto(f"http://localhost:{port}")
        page.get_by_text("lines have a value on the latest closed day").first.wait_for()
        charts = {}
        for name in PAGES:
            visit(page, name)
            assert page.get_by_text("Traceback").count() == 0
            if name in CHARTED:  # what draws charts may arrive after the page itself
                page.locator("[data-testid=stVegaLiteChart]").last.wait_for()
            charts[name] = page.locator("[data-testid=stVegaLiteChart]").count()
        assert charts["Timeline"] == 2
        assert min(charts[name] for name in CHARTED) >= 1
