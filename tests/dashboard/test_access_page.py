"""In place of every page: sign in, or why somebody is not let in."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from barograph import tables
from dashboard import access
from tests.dashboard import frames
from tests.dashboard.test_page import text

OIDC = """
    [access]
    kind = "oidc"
    issuer = "https://login.example.org"
    client_id = "barograph"
    client_secret_env = "CLIENT"
    cookie_secret_env = "COOKIE"
    redirect_uri = "https://barograph.example.org/oauth2callback"
"""
PROXY = '[access]\nkind = "proxy"\nheader = "X-Forwarded-User"\nproxies = ["127.0.0.1"]\n'


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that opens the page of a monitor that has something to show, with this barograph.toml."""

    def open_(config: str, page: str = "") -> AppTest:
        frames.snapshot(home, {tables.SERIES: frames.series(), tables.ALERTS: frames.alerts()})
        (home / "barograph.toml").write_text(config)
        monkeypatch.setenv("BAROGRAPH_CONFIG", str(home / "barograph.toml"))
        return frames.opened(page)

    return open_


@pytest.mark.parametrize("page", ["", "alerts.py", "timeline.py"])
def test_who_is_not_signed_in_is_asked_to_and_sees_nothing_else(opened, page: str) -> None:
    shown = opened(OIDC, page)
    assert [header.value for header in shown.header] == ["Sign in to see this monitor"]
    assert [button.label for button in shown.button] == ["Sign in"]
    assert not any(word in text(shown) for word in ("Anxiety", "firing", "snapshot"))


def test_a_page_that_no_proxy_can_be_known_to_stand_before_is_closed(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """As somebody would have it who starts Streamlit by hand, where an address is what the visitor says it is."""
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    shown = opened(PROXY)
    assert [header.value for header in shown.header] == ["This page is not open from here"]
    assert not shown.button


def test_whom_the_proxy_does_not_name_is_not_let_in(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    shown = opened(PROXY)
    assert [header.value for header in shown.header] == ["Sign in to see this monitor"]
    assert not shown.button  # the proxy signs people in; the page has no button for it


def test_without_a_login_the_page_is_as_it_was(opened) -> None:
    shown = opened("")
    assert "firing" in text(shown)
    assert not any("Sign" in button.label for button in shown.button)


def test_every_reason_has_its_words() -> None:
    from typing import get_args

    from barograph.access import Refusal

    assert set(access._WORDS) == set(get_args(Refusal))
