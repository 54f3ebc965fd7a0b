"""Who a visitor of the page is, by what a provider or a proxy says of them: a role, or why there is none.

Pure rules: no request is read here, and no name leaves. What is kept of a person is the role.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal, get_args

from barograph.settings import Access

Role = Literal["viewer", "analyst"]
"""A viewer sees everything; an analyst may also acknowledge, resolve, silence and give verdicts."""
Refusal = Literal["elsewhere", "nobody", "expired", "unverified", "twice", "unlisted"]
"""Why somebody is not let in: not on this machine, or past the proxy; not signed in; signed in too long ago; an e-mail
address that the provider does not vouch for; named twice by the proxy; signed in, but on no list."""
ROLES: tuple[Role, ...] = get_args(Role)
_SKEW = 300
"""Seconds that the clock of a provider may be ahead."""


@dataclass(frozen=True)
class Standing:
    """A visitor's role. Without one `why` says why not, unless nobody has to sign in: then whoever is here may ask."""

    role: Role | None = None
    why: Refusal | None = None

    @property
    def may_ask(self) -> bool:
        """Whether they may ask anything of the monitor."""
        return self.why is None and self.role != "viewer"


def of_peer(peer: str | None) -> Standing:
    """Without a login: whoever is on this machine. peer: the address that a connection comes from."""
    found = _address(peer)
    return Standing() if found is not None and found.is_loopback else Standing(why="elsewhere")


def of_proxy(access: Access, peer: str | None, headers: Mapping[str, Sequence[str]]) -> Standing:
    """By the headers of a proxy, which are believed from the configured addresses alone.

    headers: name in lower case → every value that came under it. A visitor who sends the header himself, past a proxy
    that adds its own, is named twice, and refused.
    """
    if not trusted(access, peer):
        return Standing(why="elsewhere")
    name = (access.header or "").lower()
    grouping = (access.groups_header or name).lower()
    named, groups = headers.get(name, ()), headers.get(grouping, ())
    if len(named) > 1 or len(groups) > 1 or any("," in who for who in named):
        return Standing(why="twice")
    if not any(who.strip() for who in named):
        return Standing(why="nobody")
    return _listed(access, [value.strip() for value in ",".join(groups).split(",")])


def trusted(access: Access, peer: str | None) -> bool:
    """Whether a connection comes from one of the configured proxies."""
    found = _address(peer)
    return found is not None and any(found in ip_network(proxy) for proxy in access.proxies)


def of_claims(access: Access, claims: Mapping[str, Any], now: datetime) -> Standing:
    """By the claims of an ID token whose signature was checked. now: naive UTC."""
    if not claims.get("is_logged_in"):
        return Standing(why="nobody")
    issued, seconds = claims.get("iat"), now.replace(tzinfo=UTC).timestamp()
    # Streamlit's cookie lives for 30 days, whatever the token says.
    if not isinstance(issued, int | float) or not -_SKEW <= seconds - issued <= access.hours * 3600:
        return Standing(why="expired")
    if access.claim == "email" and claims.get("email_verified") is not True:
        return Standing(why="unverified")
    given = claims.get(access.claim)
    return _listed(access, [str(one) for one in given] if isinstance(given, list | tuple) else [str(given or "")])


def _listed(access: Access, values: Sequence[str]) -> Standing:
    given = {value for value in values if value}
    if given & set(access.analysts):
        return Standing(role="analyst")
    if not access.viewers or given & set(access.viewers):
        return Standing(role="viewer")
    return Standing(why="unlisted")


def _address(given: str | None) -> IPv4Address | IPv6Address | None:
    """An address, of IPv4 also where a socket for both kinds writes it as one of IPv6."""
    try:
        found = ip_address(given or "")
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
