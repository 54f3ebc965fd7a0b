"""Who may open the page: everybody on this machine, whom an OpenID Connect provider knows, or whom a proxy names."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from barograph.errors import ConfigError
from barograph.settings import secret
from barograph.settings.sections import Section, Several, Whole

_OF = {
    "oidc": (
        "issuer", "client_id", "client_secret_file", "client_secret_env", "cookie_secret_file", "cookie_secret_env",
        "redirect_uri", "scope", "claim", "hours",
    ),
    "proxy": ("proxies", "header", "groups_header", "sign_out_url"),
}  # fmt: skip
"""Keys that only one kind of login has."""
_CALLBACK = "/oauth2callback"
_SHORTEST = 32


class Access(Section):
    """Who may open the page, and who of them is an analyst. Secrets come from files or environment variables.

    kind: `none` (the page stays on the loopback, and whoever reaches it may do everything), `oidc` (Streamlit's own
    login, through an OpenID Connect provider), `proxy` (a reverse proxy signs people in and names them in a header).
    """

    kind: Literal["none", "oidc", "proxy"] = "none"
    address: str = "localhost"
    """Where the page listens: localhost or an IP address. Anything but the loopback needs a login."""
    analysts: Several = ()
    """Values of the claim, of the groups header or of the header itself that make an analyst."""
    viewers: Several = ()
    """Values that make a viewer; without any, whoever is signed in."""
    issuer: str | None = None
    """Address of the provider, as in its own `issuer`."""
    client_id: str | None = None
    client_secret_file: Path | None = None
    client_secret_env: str | None = None
    cookie_secret_file: Path | None = None
    cookie_secret_env: str | None = None
    """What signs the cookies of those who are signed in: at least 32 characters."""
    redirect_uri: str | None = None
    """The page's own address as people know it, with /oauth2callback behind it."""
    scope: str = "openid"
    """What the provider is asked for, between spaces. Ask for no more than `claim` needs."""
    claim: str = "groups"
    """What of the ID token `analysts` and `viewers` are values of."""
    hours: Annotated[Whole, Field(ge=1, le=720)] = 12
    """After how long people sign in again."""
    proxies: Several = ("127.0.0.1", "::1")
    """Addresses or networks that the headers are believed from."""
    header: str | None = None
    """Names who it is."""
    groups_header: str | None = None
    """Names their groups, between commas; without it `analysts` and `viewers` are values of `header`."""
    sign_out_url: str | None = None
    """Where the proxy signs people out."""

    @field_validator("address")
    @classmethod
    def _address_can_be_bound(cls, given: str) -> str:
        if given != "localhost" and _address(given) is None:
            raise ValueError(f"got {given!r}; expected localhost or an IP address")
        return given

    @field_validator("client_secret_env", "cookie_secret_env")
    @classmethod
    def _env_is_a_name(cls, given: str | None) -> str | None:
        return secret.named(given)

    @field_validator("issuer", "redirect_uri")
    @classmethod
    def _safe(cls, given: str | None) -> str | None:
        parts = urlsplit(given or "https://host")
        if "@" in parts.netloc or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address without user, password, ? or #")
        if parts.scheme != "https" and not (parts.scheme == "http" and on_loopback(parts.hostname)):
            raise ValueError("expected an address that begins with https://; http:// serves the loopback alone")
        return given

    @field_validator("issuer")
    @classmethod
    def _issuer_alone(cls, given: str | None) -> str | None:
        if given and "/.well-known/" in given:
            raise ValueError("expected the address of the issuer, without /.well-known/ and what follows")
        return given

    @field_validator("redirect_uri")
    @classmethod
    def _comes_back_to_the_page(cls, given: str | None) -> str | None:
        if given is not None and urlsplit(given).path != _CALLBACK:
            raise ValueError(f"expected the page's own address with {_CALLBACK} behind its host")
        return given

    @field_validator("scope")
    @classmethod
    def _asks_who_it_is(cls, given: str) -> str:
        if "openid" not in given.split():
            raise ValueError(f"got {given!r}; expected openid among them, between spaces")
        return given

    @field_validator("sign_out_url")
    @classmethod
    def _leads_somewhere(cls, given: str | None) -> str | None:
        if given is not None and not given.startswith(("/", "https://", "http://")):
            raise ValueError(f"got {given!r}; expected a path as in /oauth2/sign_out, or an address")
        return given

    @field_validator("header", "groups_header")
    @classmethod
    def _header_is_a_name(cls, given: str | None) -> str | None:
        if given is not None and not (given.isascii() and given.replace("-", "").isalnum()):
            raise ValueError(f"got {given!r}; expected the name of a header, as in X-Forwarded-User")
        return given

    @field_validator("proxies")
    @classmethod
    def _proxies_are_addresses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            try:
                network = ip_network(one)
            except ValueError:
                raise ValueError(f"got {one!r}; expected an IP address or a network, as in 10.0.0.0/28") from None
            if network.prefixlen == 0:
                raise ValueError(f"got {one!r}, which is everybody; expected the addresses of the proxies alone")
        if not given:
            raise ValueError("got none; expected the addresses of the proxies")
        return given

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Self:
        if self.kind == "none" and not on_loopback(self.address):
            raise ValueError(
                f"got address {self.address!r} without a login, so that everybody there could read and acknowledge; "
                "expected kind = 'oidc' or 'proxy', or address = 'localhost'"
            )
        given = self.model_fields_set
        for kind, keys in _OF.items():
            if self.kind != kind and (wrong := next((key for key in keys if key in given), None)):
                raise ValueError(f"got {wrong} for kind = {self.kind!r}; expected it for {kind!r} alone")
        if self.kind == "none" and (wrong := next((key for key in ("analysts", "viewers") if key in given), None)):
            raise ValueError(f"got {wrong} for kind = 'none', where nobody signs in; expected kind = 'oidc' or 'proxy'")
        return self

    @model_validator(mode="after")
    def _login_has_all_it_needs(self) -> Self:
        if self.kind == "proxy" and self.header is None:
            raise ValueError("expected header, in which the proxy names who it is, as in X-Forwarded-User")
        if self.kind == "oidc":
            for key in ("issuer", "client_id", "redirect_uri"):
                if not getattr(self, key):
                    raise ValueError(f"expected {key} of the provider")
            for what in ("client_secret", "cookie_secret"):
                n = sum(getattr(self, f"{what}_{place}") is not None for place in ("file", "env"))
                if n != 1:
                    raise ValueError(f"got {n or 'none'} of {what}_file or {what}_env; expected exactly one")
        return self

    @property
    def origin(self) -> str | None:
        """Scheme and host of the page as people know it, where sign-in names it."""
        parts = urlsplit(self.redirect_uri or "")
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None

    def check(self) -> None:
        """Raise `ConfigError` where a secret that the login needs cannot be read."""
        if self.kind == "oidc":
            self.client_secret()
            self.cookie_secret()

    def client_secret(self) -> str:
        """What the provider knows us by. Raises `ConfigError` where its file or variable is missing."""
        return secret.read("access: client_secret", self.client_secret_file, self.client_secret_env)

    def cookie_secret(self) -> str:
        """What signs cookies. Raises `ConfigError` where its file or variable is missing, or it is too short."""
        found = secret.read("access: cookie_secret", self.cookie_secret_file, self.cookie_secret_env)
        if len(found) < _SHORTEST:
            raise ConfigError(
                f"access: cookie_secret: got {len(found)} characters; expected at least {_SHORTEST}, as "
                "`python -c 'import secrets; print(secrets.token_hex())'` prints"
            )
        return found


def on_loopback(host: str) -> bool:
    """Whether a host, as an address names it, is this machine alone."""
    found = _address(host.strip("[]"))
    return host == "localhost" or (found is not None and found.is_loopback)


def _address(given: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(given)
    except ValueError:
        return None
