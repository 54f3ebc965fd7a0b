"""[access]: what is accepted, and the one sentence that each mistake is answered with."""

import traceback
from pathlib import Path

import pytest

from barograph.errors import ConfigError
from barograph.settings import Access, load

PROXY = '[access]\nkind = "proxy"\nheader = "X-Forwarded-User"\n'
OIDC = (
    '[access]\nkind = "oidc"\nissuer = "https://login.example.org/realms/x"\nclient_id = "barograph"\n'
    'client_secret_env = "CLIENT"\ncookie_secret_file = "cookie"\n'
    'redirect_uri = "https://barograph.example.org/oauth2callback"\n'
)
SECRET = "that-nobody-may-see"


def without(key: str, text: str = OIDC) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(key))


@pytest.fixture
def config(tmp_path):
    """A function that writes a barograph.toml and returns its path."""

    def written(content: str) -> Path:
        path = tmp_path / "barograph.toml"
        path.write_text(content)
        return path

    return written


def test_without_the_section_the_page_is_for_this_machine(config):
    access = load(config("")).access
    assert (access.kind, access.address, access.analysts, access.origin) == ("none", "localhost", (), None)
    access.check()


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_the_loopback_needs_no_login(config, address):
    assert load(config(f'[access]\naddress = "{address}"\n')).access.address == address


def test_a_proxy_means_what_it_says(config):
    access = load(config(PROXY + 'address = "0.0.0.0"\nproxies = ["10.0.0.0/28", "::1"]\nanalysts = "desk"\n')).access
    assert (access.address, access.proxies, access.analysts) == ("0.0.0.0", ("10.0.0.0/28", "::1"), ("desk",))
    access.check()


def test_a_provider_means_what_it_says_and_its_secrets_come_from_elsewhere(config, tmp_path, monkeypatch):
    access = load(config(OIDC)).access
    assert access.origin == "https://barograph.example.org"
    assert (access.claim, access.scope, access.hours) == ("groups", "openid", 12)
    monkeypatch.setenv("CLIENT", " s3 ")
    (tmp_path / "cookie").write_text("c" * 32 + "\n")
    access.check()
    assert (access.client_secret(), access.cookie_secret()) == ("s3", "c" * 32)
    assert SECRET not in repr(access)


def test_a_secret_that_is_missing_or_short_is_told_without_it(config, tmp_path, monkeypatch):
    access = load(config(OIDC)).access
    monkeypatch.delenv("CLIENT", raising=False)
    for file, message in (
        (None, "access: client_secret: environment variable CLIENT is empty"),
        (None, f"access: cookie_secret_file {tmp_path / 'cookie'}: No such file or directory; expected a readable text file"),
        (SECRET, "access: cookie_secret: got 19 characters; expected at least 32, as "
                 "`python -c 'import secrets; print(secrets.token_hex())'` prints"),
    ):  # fmt: skip
        if file:
            (tmp_path / "cookie").write_text(file)
        with pytest.raises(ConfigError) as told:
            access.check()
        assert str(told.value) == message
        monkeypatch.setenv("CLIENT", "s3")


MISTAKES = [
    ('[[access]]\nkind = "proxy"', "access: got a list; expected [access] and its keys below"),
    ('access = "proxy"', "access: got text; expected [access] and its keys below"),
    ('[access]\nkind = "ldap"', "access.kind: got 'ldap'; expected 'none', 'oidc' or 'proxy'"),
    ("[access]\nusers = []", f"access.users: unknown key; expected one of {', '.join(Access.model_fields)}"),
    *(
        (
            f'[access]\naddress = "{address}"',
            f"access: got address '{address}' without a login, so that everybody there could read and acknowledge; "
            "expected kind = 'oidc' or 'proxy', or address = 'localhost'",
        )
        for address in ("0.0.0.0", "::", "10.0.0.5", "128.0.0.1")
    ),
    ('[access]\naddress = "desk.example.org"', "access.address: got 'desk.example.org'; expected localhost or an IP address"),
    ("[access]\naddress = 8501", "access.address: got 8501; expected text in quotes"),
    (
        '[access]\nanalysts = ["desk"]',
        "access: got analysts for kind = 'none', where nobody signs in; expected kind = 'oidc' or 'proxy'",
    ),
    ('[access]\nheader = "X-User"', "access: got header for kind = 'none'; expected it for 'proxy' alone"),
    (PROXY + "hours = 4", "access: got hours for kind = 'proxy'; expected it for 'oidc' alone"),
    (OIDC + 'proxies = ["::1"]', "access: got proxies for kind = 'oidc'; expected it for 'proxy' alone"),
    # proxy
    ('[access]\nkind = "proxy"', "access: expected header, in which the proxy names who it is, as in X-Forwarded-User"),
    (
        '[access]\nkind = "proxy"\nheader = "X Forwarded: User"',
        "access.header: got 'X Forwarded: User'; expected the name of a header, as in X-Forwarded-User",
    ),
    (PROXY + 'groups_header = ""', "access.groups_header: got ''; expected the name of a header, as in X-Forwarded-User"),
    (
        PROXY + 'proxies = ["proxy.intern"]',
        "access.proxies: got 'proxy.intern'; expected an IP address or a network, as in 10.0.0.0/28",
    ),
    (
        PROXY + 'proxies = ["10.0.0.1/28"]',
        "access.proxies: got '10.0.0.1/28'; expected an IP address or a network, as in 10.0.0.0/28",
    ),
    (
        PROXY + 'proxies = ["0.0.0.0/0"]',
        "access.proxies: got '0.0.0.0/0', which is everybody; expected the addresses of the proxies alone",
    ),
    (
        PROXY + 'proxies = "::/0"',
        "access.proxies: got '::/0', which is everybody; expected the addresses of the proxies alone",
    ),
    (PROXY + "proxies = []", "access.proxies: got none; expected the addresses of the proxies"),
    (PROXY + "analysts = 3", "access.analysts: got 3; expected text in quotes, or a list of it"),
    (
        PROXY + 'sign_out_url = "javascript:alert(1)"',
        "access.sign_out_url: got 'javascript:alert(1)'; expected a path as in /oauth2/sign_out, or an address",
    ),
    # oidc
    (without("issuer"), "access: expected issuer of the provider"),
    (without("client_id"), "access: expected client_id of the provider"),
    (without("redirect_uri"), "access: expected redirect_uri of the provider"),
    (
        without("client_secret"),
        "access: got none of client_secret_file or client_secret_env; expected exactly one",
    ),
    (
        OIDC + 'cookie_secret_env = "C"',
        "access: got 2 of cookie_secret_file or cookie_secret_env; expected exactly one",
    ),
    (
        without("client_secret") + 'client_secret_env = "my secret"',
        "access.client_secret_env: expected the name of an environment variable, not the secret itself",
    ),
    (
        without("issuer") + 'issuer = "http://login.example.org"',
        "access.issuer: expected an address that begins with https://; http:// serves the loopback alone",
    ),
    (
        without("issuer") + 'issuer = "https://login.example.org/.well-known/openid-configuration"',
        "access.issuer: expected the address of the issuer, without /.well-known/ and what follows",
    ),
    (
        without("issuer") + 'issuer = "https://me:secret@login.example.org"',
        "access.issuer: expected an address without user, password, ? or #",
    ),
    (
        without("redirect_uri") + 'redirect_uri = "http://barograph.example.org/oauth2callback"',
        "access.redirect_uri: expected an address that begins with https://; http:// serves the loopback alone",
    ),
    (
        without("redirect_uri") + 'redirect_uri = "https://barograph.example.org/"',
        "access.redirect_uri: expected the page's own address with /oauth2callback behind its host",
    ),
    (OIDC + 'scope = "email"', "access.scope: got 'email'; expected openid among them, between spaces"),
    (OIDC + "hours = 0", "access.hours: got 0; expected at least 1"),
    (OIDC + "hours = 721", "access.hours: got 721; expected at most 720"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=[message[:70] for _, message in MISTAKES])
def test_a_mistake_is_named_with_what_was_expected(config, content, message):
    path = config(content)
    with pytest.raises(ConfigError) as told:
        load(path)
    assert str(told.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    "content",
    [
        OIDC + f'client_secret = "{SECRET}"',
        without("client_secret") + f'client_secret_env = "{SECRET}"',
        without("client_secret") + f'client_secret_file = ["{SECRET}"]',
        without("cookie_secret") + f'cookie_secret_env = ["{SECRET}"]',
        without("issuer") + f'issuer = "https://me:{SECRET}@login.example.org"',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(config, content):
    with pytest.raises(ConfigError) as told:
        load(config(content))
    assert SECRET not in "".join(traceback.format_exception(told.value))
