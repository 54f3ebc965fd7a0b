"""Who is looking: asked before any page is shown, and again before anything is asked of the monitor."""

import os
from base64 import b64encode
from functools import cache
from html import escape
from pathlib import Path

import streamlit as st

from barograph import access as rules
from barograph import settings
from barograph.access import Refusal, Standing
from barograph.clock import utc_now
from barograph.language import gettext as _
from barograph.language import noted
from barograph.settings import Access
from dashboard import voice

APP = Path(__file__).with_name("app.py")


def configured() -> Access:
    """`[access]` of the barograph.toml that BAROGRAPH_CONFIG names; without one the page is for this machine."""
    return _loaded(os.environ.get("BAROGRAPH_CONFIG"))


@cache
def _loaded(config: str | None) -> Access:
    return settings.load(Path(config) if config else None).access


def standing() -> Standing:
    """Who the visitor is now, by what their connection and their cookie say."""
    given = configured()
    found = st.context.ip_address
    peer = (
        found if isinstance(found, str) else "127.0.0.1"
    )  # Streamlit tells none for the loopback, nor without a server
    if given.kind == "oidc":
        return rules.of_claims(given, st.user.to_dict(), utc_now())
    if given.kind == "none":
        return rules.of_peer(peer)
    # Served otherwise than by served.py, an address would be what the visitor says it is.
    if os.environ.get("FORWARDED_ALLOW_IPS") != "":
        return Standing(why="elsewhere")
    headers = st.context.headers
    return rules.of_proxy(given, peer, {name.lower(): headers.get_all(name) for name in headers})


def signed_in() -> None:
    """As what one is signed in, and the way out; nothing where nobody signs in."""
    names = {"viewer": _("Viewer"), "analyst": _("Analyst")}
    words = {"viewer": _("Signed in as a viewer"), "analyst": _("Signed in as an analyst")}
    if role := standing().role:
        with st.popover(names[role], icon=":material/person:", width="content", key="who"):
            st.markdown(words[role])
            _way_out()


def _way_out() -> None:
    given = configured()
    if given.kind == "oidc":
        st.button(_("Sign out"), icon=":material/logout:", key="sign-out", on_click=st.logout)
    elif given.sign_out_url:
        # A link of Streamlit's own would open another tab.
        address = escape(given.sign_out_url, quote=True)
        st.html(f"<a href='{address}' target='_self' style='color:inherit'>{escape(_('Sign out'))}</a>")


def refuse(why: Refusal) -> None:
    """In place of every page: sign in, or why that is not enough."""
    st.html(_STYLE)
    title, text = _WORDS[why]
    with st.container(horizontal_alignment="center"), st.container(border=True, width=440, gap="small", key="door"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f"<div class='brand'><img src='{_icon()}' alt=''><strong>barograph</strong></div>", width="stretch")
            voice.choose()
        st.header(_(title), anchor=False)
        st.markdown(_(text))
        if configured().kind == "oidc" and why in ("nobody", "expired"):
            if st.button(_("Sign in"), type="primary", icon=":material/login:", key="sign-in", width="stretch"):
                st.login()
        elif why in ("unlisted", "unverified"):
            _way_out()
        st.markdown(
            f":gray[:small[{_('Mood expressed in public posts, by population and day. Never about a person.')}]]"
        )


def _icon() -> str:
    return "data:image/svg+xml;base64," + b64encode(APP.with_name("icon.svg").read_bytes()).decode()


_STYLE = """<style>
.st-key-door {margin-top:10vh}
.brand {display:flex; align-items:center; gap:.6rem; font-size:1.1rem}
.brand img {width:28px; height:28px}
.st-key-sign-in button {background:#0072B2; border-color:#0072B2; color:#FFF}
</style>"""
"""White on the primary colour of the dark theme could hardly be read."""
_WORDS: dict[Refusal, tuple[str, str]] = {
    "nobody": (noted("Sign in to see this monitor"), noted("You will come back to the page that you asked for.")),
    "expired": (noted("Sign in again"), noted("It has been some time since you last did.")),
    "unverified": (
        noted("Your address is not verified"),
        noted(
            "The provider that signed you in does not vouch for your e-mail address. Verify it there, then sign in "
            "again."
        ),
    ),
    "unlisted": (
        noted("You are signed in, but not on the list"),
        noted("Ask whoever runs this monitor to put your group on its list, or sign in with another account."),
    ),
    "twice": (
        noted("It is not clear who you are"),
        noted(
            "The request names more than one person. The proxy must remove the header that a visitor sends before it "
            "adds its own."
        ),
    ),
    "elsewhere": (
        noted("This page is not open from here"),
        noted("It is open to the machine that it runs on, or through the proxy that signs people in."),
    ),
}
"""Why somebody is not let in → what that is called, and what to do."""
