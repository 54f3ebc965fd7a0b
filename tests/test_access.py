"""Who a visitor is, by what a provider or a proxy says of them."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from barograph import access as rules
from barograph.access import Standing
from barograph.settings import Access

NOW = datetime(2026, 3, 31, 12, 0)
PROXY = Access(kind="proxy", header="X-Who", proxies=("10.1.2.0/28", "127.0.0.2"), analysts=("ana",))
GROUPS = Access(kind="proxy", header="X-Who", groups_header="X-Groups", analysts=("desk", "leads"), viewers=("press",))
OIDC = Access.model_construct(kind="oidc", analysts=("desk",), hours=12)


def claims(**over: Any) -> dict[str, Any]:
    """Of somebody of the desk who signed in an hour ago."""
    issued = (NOW - timedelta(hours=1)).replace(tzinfo=UTC).timestamp()
    return {"is_logged_in": True, "sub": "7", "iat": int(issued), "groups": ["desk", "staff"]} | over


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_without_a_login_this_machine_may_ask(peer: str) -> None:
    assert rules.of_peer(peer) == Standing()
    assert rules.of_peer(peer).may_ask


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.1.7", "::ffff:10.0.0.1", "2001:db8::1", "", None, "localhost", "testclient"])
def test_without_a_login_nobody_else_is_let_in(peer: str | None) -> None:
    assert rules.of_peer(peer) == Standing(why="elsewhere")
    assert not rules.of_peer(peer).may_ask


@pytest.mark.parametrize("peer", ["10.1.2.0", "10.1.2.15", "127.0.0.2", "::ffff:10.1.2.3", "::ffff:127.0.0.2"])
def test_a_configured_proxy_is_believed(peer: str) -> None:
    assert rules.of_proxy(PROXY, peer, {"x-who": ["ana"]}) == Standing(role="analyst")
    assert rules.of_proxy(PROXY, peer, {"x-who": ["bob"]}) == Standing(role="viewer")


@pytest.mark.parametrize("peer", ["10.1.2.16", "127.0.0.1", "::1", "10.1.2", "ana", None])
def test_the_header_of_anybody_else_is_not(peer: str | None) -> None:
    assert rules.of_proxy(PROXY, peer, {"x-who": ["ana"]}) == Standing(why="elsewhere")


@how(derandomize=True)
@given(st.ip_addresses(v=4))
def test_an_address_is_trusted_exactly_where_a_network_holds_it(peer: Any) -> None:
    inside = int(ip_address("10.1.2.0")) <= int(peer) <= int(ip_address("10.1.2.15")) or str(peer) == "127.0.0.2"
    assert rules.trusted(PROXY, str(peer)) == inside
    assert rules.trusted(PROXY, f"::ffff:{peer}") == inside
    everywhere = PROXY.model_copy(update={"proxies": (str(ip_network(f"{peer}/32")),)})
    assert rules.trusted(everywhere, str(peer))


@pytest.mark.parametrize(
    ("headers", "standing"),
    [
        ({}, Standing(why="nobody")),
        ({"x-who": [""]}, Standing(why="nobody")),
        ({"x-who": [" "], "x-groups": ["desk"]}, Standing(why="nobody")),
        ({"x-groups": ["desk"]}, Standing(why="nobody")),  # groups of nobody
        ({"x-who": ["ana"], "x-groups": ["staff, desk"]}, Standing(role="analyst")),
        ({"x-who": ["ana"], "x-groups": ["press"]}, Standing(role="viewer")),
        ({"x-who": ["ana"], "x-groups": ["press,leads"]}, Standing(role="analyst")),
        ({"x-who": ["ana"], "x-groups": ["Desk"]}, Standing(why="unlisted")),
        ({"x-who": ["desk"], "x-groups": ["staff"]}, Standing(why="unlisted")),  # a name is no group
        ({"x-who": ["ana"], "x-groups": [""]}, Standing(why="unlisted")),
        ({"x-who": ["ana"]}, Standing(why="unlisted")),
        ({"x-who": ["ana", "bob"], "x-groups": ["desk"]}, Standing(why="twice")),
        ({"x-who": ["ana,bob"], "x-groups": ["desk"]}, Standing(why="twice")),
        ({"x-who": ["ana"], "x-groups": ["desk", "staff"]}, Standing(why="twice")),
    ],
)
def test_what_a_proxy_says_makes_a_role(headers: dict[str, list[str]], standing: Standing) -> None:
    assert rules.of_proxy(GROUPS, "127.0.0.1", headers) == standing


@pytest.mark.parametrize(
    ("over", "standing"),
    [
        ({}, Standing(role="analyst")),
        ({"groups": "desk"}, Standing(role="analyst")),
        ({"groups": ["staff"]}, Standing(role="viewer")),
        ({"groups": None}, Standing(role="viewer")),
        ({"groups": {"desk": True}}, Standing(role="viewer")),
        ({"is_logged_in": False}, Standing(why="nobody")),
        ({"iat": None}, Standing(why="expired")),
        ({"iat": "now"}, Standing(why="expired")),
        ({"iat": 0}, Standing(why="expired")),
        ({"iat": 1e300}, Standing(why="expired")),
        ({"iat": float("nan")}, Standing(why="expired")),
    ],
)
def test_claims_make_a_role(over: dict[str, Any], standing: Standing) -> None:
    assert rules.of_claims(OIDC, claims(**over), NOW) == standing
    assert rules.of_claims(OIDC, {}, NOW) == Standing(why="nobody")


def test_a_sign_in_ends_after_its_hours() -> None:
    issued = datetime.fromtimestamp(claims()["iat"], UTC).replace(tzinfo=None)
    for after, standing in (
        (timedelta(hours=12), Standing(role="analyst")),
        (timedelta(hours=12, seconds=1), Standing(why="expired")),
        (timedelta(minutes=-5), Standing(role="analyst")),  # the provider's clock is ahead
        (timedelta(minutes=-5, seconds=-1), Standing(why="expired")),
    ):
        assert rules.of_claims(OIDC, claims(), issued + after) == standing


def test_an_address_counts_only_where_the_provider_vouches_for_it() -> None:
    mail = OIDC.model_copy(update={"claim": "email", "analysts": ("ana@example.org",)})
    for verified, standing in (
        (True, Standing(role="analyst")), (False, Standing(why="unverified")),
        (None, Standing(why="unverified")), ("true", Standing(why="unverified")),
    ):  # fmt: skip
        assert rules.of_claims(mail, claims(email="ana@example.org", email_verified=verified), NOW) == standing


def test_with_a_list_of_viewers_nobody_else_is_let_in() -> None:
    few = OIDC.model_copy(update={"viewers": ("press",)})
    for groups, standing in (
        (["press"], Standing(role="viewer")), (["desk"], Standing(role="analyst")),
        (["staff"], Standing(why="unlisted")), ([], Standing(why="unlisted")), ([""], Standing(why="unlisted")),
    ):  # fmt: skip
        assert rules.of_claims(few, claims(groups=groups), NOW) == standing


def test_only_an_analyst_may_ask() -> None:
    may = {Standing(role="analyst"): True, Standing(role="viewer"): False, Standing(why="nobody"): False, Standing(): True}
    assert {who: who.may_ask for who in may} == may
