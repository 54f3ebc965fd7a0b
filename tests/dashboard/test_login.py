"""Signing in for real: a provider and a proxy on the loopback, a browser before them, the page behind."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from barograph import tables
from tests.dashboard import frames
from tests.dashboard.browsing import chromium, watched
from tests.dashboard.serving import Provider, Proxy, free_port, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
CLIENT, COOKIE = "client-secret-of-the-test", "cookie-secret-of-the-test-0123456789"
PEOPLE: dict[str, dict[str, Any]] = {
    "Ana": {"sub": "1", "groups": ["desk"], "email": "ana@example.org"},
    "Vic": {"sub": "2", "groups": ["press"]},
    "Eve": {"sub": "3", "groups": []},
}


def queue(home: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((home / "commands").glob("*.json"))]


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A browser that knows nobody."""
    # Streamlit looks for its server below the page's own path first.
    with watched(browser, expected="/alerts/_stcore/", patience=60_000) as opened:
        yield opened


def published(folder: Path) -> Path:
    frames.snapshot(folder, {
        tables.SERIES: frames.series(), tables.FORECASTS: frames.forecasts(), tables.ALERTS: frames.alerts(),
        tables.TERM_SHIFTS: frames.shifts(2),
    })  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("oidc"))


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    chromium()  # no servers for tests that cannot run
    port = free_port()
    found = Provider("barograph", CLIENT, f"http://localhost:{port}/oauth2callback", PEOPLE)
    with found.running():
        yield found


@pytest.fixture(scope="module")
def address(home: Path, provider: Provider) -> Iterator[str]:
    """The page behind Streamlit's own login."""
    (home / "client").write_text(f"{CLIENT}\n")
    origin = provider.redirect_uri.removesuffix("/oauth2callback")
    config = f"""
        [access]
        kind = "oidc"
        issuer = "{provider.issuer}"
        client_id = "barograph"
        client_secret_file = "client"
        cookie_secret_env = "COOKIE_SECRET"
        redirect_uri = "{provider.redirect_uri}"
        analysts = ["desk"]
        viewers = ["press"]
    """
    with served(home, config, int(origin.rpartition(":")[2]), COOKIE_SECRET=COOKIE) as process:
        yield origin
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes() if Path("/proc").exists() else b""
        assert not any(secret.encode() in command for secret in (CLIENT, COOKIE))
    said = (home / "page.log").read_text()
    assert not any(secret in said for secret in (CLIENT, COOKIE))
    assert not any(secret in line for line in provider.seen for secret in (CLIENT, COOKIE))


def sign_in(page: "Page", person: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=person).click()


def test_an_analyst_signs_in_comes_back_acknowledges_and_signs_out(page: "Page", address: str, home: Path) -> None:
    page.goto(f"{address}/alerts?alert=a-1")
    page.get_by_role("heading", name="Sign in to see this monitor").wait_for()
    assert page.get_by_text("Anxiety").count() == 0
    assert page.get_by_role("link", name="Timeline").count() == 0
    sign_in(page, "Ana")
    page.wait_for_url("**/alerts?alert=a-1")
    page.get_by_role("button", name="Analyst").wait_for()
    role = page.get_by_role("textbox", name="Your role")
    assert role.is_disabled()
    page.wait_for_function("e => e.value === 'analyst'", arg=role.element_handle())
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("Waiting for the monitor").wait_for()
    (asked,) = queue(home)
    assert (asked["command"], asked["by"]) == ("ack", "analyst")
    assert not re.search("ana|example", json.dumps(asked).replace("analyst", ""), re.IGNORECASE)
    page.get_by_role("button", name="Analyst").click()
    page.get_by_text("Signed in as an analyst").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in to see this monitor").wait_for()
    assert [cookie["name"] for cookie in page.context.cookies() if "user" in str(cookie["name"])] == []
    page.goto(f"{address}/alerts?alert=a-1")
    page.get_by_role("heading", name="Sign in to see this monitor").wait_for()


def test_a_viewer_sees_everything_and_is_told_why_there_are_no_buttons(page: "Page", address: str) -> None:
    page.goto(f"{address}/alerts?alert=a-1")
    sign_in(page, "Vic")
    page.get_by_role("button", name="Viewer").wait_for()
    page.get_by_text("takes an analyst").wait_for()
    page.get_by_text("high for two days").first.wait_for()
    for name in ("Acknowledge", "Resolve", "Silence", "Record the verdict"):
        assert page.get_by_role("button", name=name).count() == 0


def test_who_is_on_no_list_is_told_so_and_sees_nothing(page: "Page", address: str) -> None:
    page.goto(address)
    sign_in(page, "Eve")
    page.get_by_role("heading", name="You are signed in, but not on the list").wait_for()
    assert page.get_by_text("Anxiety").count() == 0
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in to see this monitor").wait_for()


def test_a_sign_in_of_yesterday_is_asked_for_again(page: "Page", address: str, provider: Provider) -> None:
    provider.age = 13 * 3600
    try:
        page.goto(address)
        sign_in(page, "Ana")
        page.get_by_role("heading", name="Sign in again").wait_for()
    finally:
        provider.age = 0
    sign_in(page, "Ana")
    page.get_by_role("button", name="Analyst").wait_for()


def test_where_the_provider_does_not_know_us_nobody_is_let_in_and_the_log_says_why(
    page: "Page", address: str, home: Path, provider: Provider
) -> None:
    provider.client = ("barograph", "another-secret")
    try:
        page.goto(address)
        sign_in(page, "Ana")
        page.wait_for_url(f"{address}/")
        page.get_by_role("heading", name="Sign in to see this monitor").wait_for()
    finally:
        provider.client = ("barograph", CLIENT)
    assert "invalid_client" in (home / "page.log").read_text()


@pytest.mark.parametrize("secret", [COOKIE[::-1], ""])
def test_a_cookie_signed_by_anybody_else_is_worth_nothing(page: "Page", address: str, secret: str) -> None:
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    claims = json.dumps({"origin": address, "is_logged_in": True, "groups": ["desk"], "iat": 9e9, "provider": "default"})
    forged = create_signed_value(secret or "x", "_streamlit_user", claims).decode()
    page.context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": address}])
    page.goto(address)
    page.get_by_role("heading", name="Sign in to see this monitor").wait_for()


# --- behind a proxy ---

BEHIND = """
    [access]
    kind = "proxy"
    proxies = ["127.0.0.2"]
    header = "X-Forwarded-User"
    groups_header = "X-Forwarded-Groups"
    analysts = ["desk"]
    viewers = ["press"]
    sign_out_url = "/oauth2/sign_out"
"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A home, and the port of its page behind a proxy."""
    chromium()
    folder, port = published(tmp_path_factory.mktemp("proxied")), free_port()
    with served(folder, BEHIND, port):
        yield folder, port


def proxy(port: int, groups: str, **over: Any) -> Proxy:
    return Proxy(port, headers={"X-Forwarded-User": "ana@example.org", "X-Forwarded-Groups": groups}, **over)


def test_the_proxys_analyst_acknowledges_by_role_alone(page: "Page", behind: tuple[Path, int]) -> None:
    home, port = behind
    with proxy(port, "staff,desk").running() as address:
        page.goto(f"{address}/alerts?alert=a-1")
        page.get_by_role("button", name="Analyst").wait_for()
        page.get_by_role("button", name="Analyst").click()
        assert page.get_by_role("link", name="Sign out").get_attribute("href") == "/oauth2/sign_out"
        page.get_by_role("button", name="Acknowledge").click()
        page.get_by_text("Waiting for the monitor").wait_for()
        (asked,) = queue(home)
        assert (asked["command"], asked["by"]) == ("ack", "analyst")
        assert "example" not in json.dumps(asked)
        page.close()


def test_what_a_visitor_says_of_himself_is_dropped_by_the_proxy(page: "Page", behind: tuple[Path, int]) -> None:
    page.context.set_extra_http_headers({"X-Forwarded-Groups": "desk"})
    with proxy(behind[1], "press").running() as address:
        page.goto(f"{address}/alerts?alert=a-1")
        page.get_by_role("button", name="Viewer").wait_for()
        assert page.get_by_role("button", name="Acknowledge").count() == 0
        page.close()


def test_somebody_whom_the_proxy_names_but_no_list_has_is_refused(page: "Page", behind: tuple[Path, int]) -> None:
    with proxy(behind[1], "staff").running() as address:
        page.goto(address)
        page.get_by_role("heading", name="You are signed in, but not on the list").wait_for()
        page.close()  # before the proxy is gone, or it would complain of that


def test_nobody_is_let_in_past_the_proxy(browser: "Browser", behind: tuple[Path, int]) -> None:
    context = browser.new_context(extra_http_headers={
        "X-Forwarded-User": "ana", "X-Forwarded-Groups": "desk", "X-Forwarded-For": "127.0.0.2",
    })  # fmt: skip
    page = context.new_page()
    answer = page.goto(f"http://localhost:{behind[1]}/alerts?alert=a-1")
    assert answer is not None
    assert answer.status == 403
    page.get_by_role("heading", name="This address is closed").wait_for()
    context.close()
