"""What the page answers to whom, without a browser: what is closed, what is believed, what cannot be forged."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.exceptions import InvalidStatus

from barograph import tables
from barograph.settings import Access
from dashboard.door import Door
from tests.dashboard import frames
from tests.dashboard.serving import Proxy, Visitor, elements, free_port, served

pytestmark = pytest.mark.timeout(240)
READERS_OWN = """
[server]
enableCORS = false
enableXsrfProtection = false
enableStaticServing = true
enableAgentApi = true
maxUploadSize = 500
allowedHosts = ["*"]
corsAllowedOrigins = ["http://evil.example.org"]
[server.trustedUserHeaders]
X-Who = "email"
[browser]
gatherUsageStats = true
[client]
toolbarMode = "developer"
showErrorDetails = "full"
allowedOrigins = ["http://evil.example.org"]
"""
READERS_SECRETS = """
[auth]
redirect_uri = "http://localhost/oauth2callback"
cookie_secret = "x"
client_id = "x"
client_secret = "x"
server_metadata_url = "http://evil.example.org"
"""
VARIABLES = {
    "STREAMLIT_SERVER_ENABLE_CORS": "false", "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
    "STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
    "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full", "FORWARDED_ALLOW_IPS": "*",
}  # fmt: skip


def published(folder: Path) -> Path:
    frames.snapshot(folder, {tables.SERIES: frames.series(), tables.ALERTS: frames.alerts()})
    return folder


def queue(home: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((home / "commands").glob("*.json"))]


# --- without a login, with all that a reader's own files and environment can say ---


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    reader, found = tmp_path_factory.mktemp("reader"), free_port()
    (reader / ".streamlit").mkdir()
    (reader / ".streamlit" / "config.toml").write_text(READERS_OWN)
    (reader / ".streamlit" / "secrets.toml").write_text(READERS_SECRETS)
    home = published(tmp_path_factory.mktemp("home"))
    with served(home, "", found, reader, **VARIABLES, HOME=str(reader)):
        yield found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="what listens is found through /proc")
def test_the_page_listens_on_the_loopback_alone(port: int) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {address for address in listening if address.endswith(f":{port:04X}")} >= {f"0100007F:{port:04X}"}
    assert f"00000000:{port:04X}" not in listening


def test_no_other_page_may_read_ours(port: int) -> None:
    status, headers, _ = Visitor(port).ask("/_stcore/health", Origin="http://evil.example.org")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, None)
    assert "_streamlit_xsrf=" in headers["Set-Cookie"]
    config = json.loads(Visitor(port).ask("/_stcore/host-config")[2])
    assert config["allowedOrigins"] == []


def test_browsers_are_told_to_load_nothing_from_elsewhere_and_to_frame_us_nowhere(port: int) -> None:
    for path in ("/", "/_stcore/health", "/_stcore/metrics", "/nowhere"):
        headers = Visitor(port).ask(path)[1]
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
        assert not any("http" in sources or "*" in sources for sources in policy.values())
        named = ("X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy")
        assert [headers[name] for name in named] == ["DENY", "nosniff", "same-origin"]


@pytest.mark.parametrize(
    "path", ["/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/agent/interact", "/app/static/now.py"]
)
def test_what_no_visitor_needs_is_closed(port: int, path: str) -> None:
    for method in ("GET", "POST"):
        assert Visitor(port).ask(path, method, b"{}")[::2] == (404, "closed")


def test_no_file_is_taken_not_even_within_a_session(port: int) -> None:
    visitor = Visitor(port)
    cookie = visitor.ask("/_stcore/health")[1]["Set-Cookie"].split(";")[0]
    with visitor.session(Cookie=cookie) as session:
        (first,) = [m.new_session for m in session.run() if m.WhichOneof("type") == "new_session"]
        path = f"/_stcore/upload_file/{first.initialize.session_id}/1"
        body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n1\r\n--x--\r\n'
        kind = "multipart/form-data; boundary=x"
        token = cookie.partition("=")[2]
        answer = visitor.ask(path, "PUT", body, Content_Type=kind, Cookie=cookie, X_Xsrftoken=token)
    assert answer[::2] == (404, "closed")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example.org"},
        {"Origin": "http://localhost:3000"},  # another program of this machine
        {"Origin": "null"},
        {"Origin": "http://evil.example.org:{port}", "Host": "evil.example.org:{port}"},  # a name that leads here
        {"Host": "evil.example.org:{port}"},
    ],
)
def test_a_session_of_another_page_is_refused(port: int, headers: dict[str, str]) -> None:
    given = {name: value.format(port=port) for name, value in headers.items()}
    status, *_ = Visitor(port).ask(
        "/_stcore/stream", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==", **given,
    )  # fmt: skip
    assert status == 403


def test_nothing_is_reported_and_no_developers_menu_is_shown(port: int) -> None:
    from streamlit.proto.NewSession_pb2 import Config

    with Visitor(port).session(Origin=f"http://localhost:{port}") as session:
        said = session.run("alerts", "alert=a-1")
    (first,) = [m.new_session for m in said if m.WhichOneof("type") == "new_session"]
    assert first.config.gather_usage_stats is False
    assert first.config.toolbar_mode == Config.ToolbarMode.VIEWER
    assert "Acknowledge" in [button.label for button in elements(said, "button")]


def test_a_login_of_the_readers_own_leads_nowhere(port: int) -> None:
    for path in ("/auth/login?provider=x", "/auth/logout", "/oauth2callback?state=x&code=x"):
        status, headers, _ = Visitor(port).ask(path)
        assert (status, headers["Location"]) == (302, "/")


def test_what_goes_wrong_is_not_told_to_visitors(tmp_path: Path) -> None:
    (tmp_path / "published" / "CURRENT").mkdir(parents=True)
    found = free_port()
    with served(tmp_path, "", found, **VARIABLES), Visitor(found).session() as session:
        (error,) = elements(session.run(), "exception")
    assert (list(error.stack_trace), "CURRENT" in error.message, str(tmp_path) in error.message) == ([], False, False)


# --- behind a proxy, which comes from 127.0.0.2 ---

BEHIND = """
    [access]
    kind = "proxy"
    proxies = ["127.0.0.2"]
    header = "X-Who"
    groups_header = "X-Groups"
    analysts = ["desk"]
"""
ANALYST = {"X_Who": "ana@example.org", "X_Groups": "desk"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    home, found = published(tmp_path_factory.mktemp("behind")), free_port()
    with served(home, BEHIND, found, **VARIABLES):
        yield home, found


@pytest.mark.parametrize("more", [{}, {"X_Forwarded_For": "127.0.0.2"}, {"Forwarded": "for=127.0.0.2"}])
def test_a_direct_visitor_is_refused_whatever_he_says_of_himself(behind: tuple[Path, int], more: dict[str, str]) -> None:
    visitor = Visitor(behind[1], **ANALYST, **more)
    for path in ("/", "/alerts?alert=a-1", "/_stcore/host-config", "/media/x"):
        status, _, text = visitor.ask(path)
        assert (status, "This address is closed" in text) == (403, True)
    with pytest.raises(InvalidStatus) as refused, visitor.session():
        pass
    assert refused.value.response.status_code == 403
    assert visitor.ask("/_stcore/health")[::2] == (200, "ok")


def test_what_the_proxy_says_is_believed(behind: tuple[Path, int]) -> None:
    for groups, may in (("desk", True), ("press", False)):
        visitor = Visitor(behind[1], "127.0.0.2", X_Who="ana", X_Groups=groups)
        assert visitor.ask("/")[0] == 200
        with visitor.session() as session:
            said = session.run("alerts", "alert=a-1")
        assert ("Acknowledge" in [button.label for button in elements(said, "button")]) == may


def test_who_is_not_named_or_named_twice_sees_nothing(behind: tuple[Path, int]) -> None:
    home, found = behind
    with Visitor(found, "127.0.0.2").session() as session:
        assert b"Sign in to see this monitor" in b"".join(m.SerializeToString() for m in session.run())
    adding = Proxy(found, headers={"X-Who": "bob", "X-Groups": "press"}, keeps=True)
    with adding.running() as address, Visitor(int(address.rpartition(":")[2]), **ANALYST).session() as session:
        said = b"".join(m.SerializeToString() for m in session.run("alerts", "alert=a-1"))
    assert b"It is not clear who you are" in said
    assert b"Acknowledge" not in said
    assert queue(home) == []


def test_a_viewer_cannot_press_what_only_an_analyst_is_shown(behind: tuple[Path, int]) -> None:
    home, found = behind
    with Visitor(found, "127.0.0.2", **ANALYST).session() as session:
        said = session.run("alerts", "alert=a-1")
        (press,) = [button.id for button in elements(said, "button") if button.label == "Acknowledge"]
        (role,) = [text.id for text in elements(said, "text_input")]
    with Visitor(found, "127.0.0.2", X_Who="vic", X_Groups="press").session() as session:
        session.run("alerts", "alert=a-1")
        session.run("alerts", "alert=a-1", press)
        assert queue(home) == []
    with Visitor(found, "127.0.0.2", **ANALYST).session() as session:
        session.run("alerts", "alert=a-1")
        session.run("alerts", "alert=a-1", press, **{role: "the minister"})
    (asked,) = queue(home)
    assert (asked["command"], asked["by"]) == ("ack", "analyst")  # as signed in, whatever the field was made to say


# --- with a provider, behind a proxy that speaks TLS for us ---


def test_a_sign_in_counts_at_the_pages_own_address_alone(tmp_path: Path) -> None:
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    origin, secret, found = "https://b.example.org", "s" * 32, free_port()
    config = f"""
        [access]
        kind = "oidc"
        issuer = "https://login.example.org"
        client_id = "barograph"
        client_secret_env = "SECRET"
        cookie_secret_env = "SECRET"
        redirect_uri = "{origin}/oauth2callback"
        analysts = ["desk"]
    """
    claims = {"origin": origin, "is_logged_in": True, "groups": ["desk"], "iat": time.time(), "provider": "default"}
    signed = create_signed_value(secret, "_streamlit_user", json.dumps(claims)).decode()
    with served(published(tmp_path), config, found, SECRET=secret, **VARIABLES):
        xsrf = Visitor(found).ask("/_stcore/health")[1]["Set-Cookie"]
        assert xsrf.endswith("; Secure")
        token = xsrf.partition(";")[0].partition("=")[2]
        cookies = f"_streamlit_xsrf={token}; _streamlit_user={signed}"

        def may(token: str | None, **headers: str) -> bool:
            with Visitor(found).session(token, Cookie=cookies, **headers) as session:
                said = session.run("alerts", "alert=a-1")
            return "Acknowledge" in [button.label for button in elements(said, "button")]

        assert may(token, Host="b.example.org", Origin=origin)
        assert not may(None, Host="b.example.org", Origin=origin)
        assert not may(token[::-1], Host="b.example.org", Origin=origin)
        assert not may(token, Host="b.example.org", Origin="http://b.example.org")  # not over TLS
        with pytest.raises(InvalidStatus):
            may(token, Host=f"localhost:{found}", Origin=f"http://localhost:{found}")


# --- the door by itself ---


def test_so_many_sessions_and_no_more_are_open_at_once() -> None:
    async def talk() -> list[str]:
        closing = asyncio.Event()

        async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            await closing.wait()

        door, said = Door(page, Access(), most=2), []

        async def visit() -> None:
            async def send(message: Message) -> None:
                said.append(f"{message['type']} {message.get('code', '')}".strip())

            async def receive() -> Message:
                return {"type": "websocket.connect"}

            await door({"type": "websocket", "headers": [], "client": ("127.0.0.1", 1)}, receive, send)

        first = [asyncio.create_task(visit()) for _ in range(3)]
        await asyncio.sleep(0)
        await first[2]
        closing.set()
        await asyncio.gather(*first)
        await visit()
        return said

    assert sorted(asyncio.run(talk())) == ["websocket.accept"] * 3 + ["websocket.close 1013"]


@pytest.mark.parametrize("kind", ["none", "oidc", "proxy"])
def test_a_page_of_a_login_that_stays_open_is_asked_anew_who_looks(kind: str) -> None:
    async def talk() -> list[str]:
        said = []

        async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            await asyncio.sleep(0.2)
            await send({"type": "websocket.close", "code": 1000})

        async def send(message: Message) -> None:
            said.append(f"{message['type']} {message.get('code', '')}".strip())

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        access = Access.model_construct(kind=kind, proxies=("127.0.0.1",))
        await Door(page, access, longest=0.01)(
            {"type": "websocket", "headers": [], "client": ("127.0.0.1", 1)}, receive, send
        )
        return said

    assert asyncio.run(talk()) == ["websocket.accept", f"websocket.close {1000 if kind == 'none' else 1012}"]


def answered(path: str, headers: dict[str, str], answer: list[tuple[bytes, bytes]], **access: Any) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as they leave the door."""
    sent: list[Message] = []

    async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": answer})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "path": path, "client": ("127.0.0.1", 1),
             "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
    asyncio.run(Door(page, Access.model_construct(**access))(scope, receive, send))
    return list(sent[0]["headers"])


def test_cookies_go_over_tls_alone_where_the_page_does() -> None:
    for origin, secure in (("https://b.example.org", True), ("http://localhost:8501", False)):
        given = answered("/", {}, [(b"set-cookie", b"a=b")], kind="oidc", redirect_uri=f"{origin}/oauth2callback")
        assert (dict(given)[b"set-cookie"] == b"a=b; Secure") == secure


@pytest.mark.parametrize(
    ("cookie", "location"),
    [
        ("%2Falerts%3Falert%3Da-1", "/alerts?alert=a-1"),
        ("%2F%2Fevil.example.org", "/"),
        ("https%3A%2F%2Fevil.example.org", "/"),
        ("%2F%5Cevil.example.org", "/"),
        ("%2F%0D%0ASet-Cookie%3A%20x%3Dy", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_comes_back_to_this_page_and_no_other(cookie: str, location: str) -> None:
    given = answered("/oauth2callback", {"Cookie": f"a=b; barograph_back={cookie}"}, [(b"location", b"/")])
    assert dict(given)[b"location"].decode() == location


def test_where_one_came_from_is_kept_only_if_it_is_this_page() -> None:
    for referer, kept in (
        ("http://localhost:8501/alerts?alert=a-1", "%2Falerts%3Falert%3Da-1"), ("http://evil.example.org/x", None), ("", None),
    ):  # fmt: skip
        given = dict(answered("/auth/login", {"Host": "localhost:8501", "Referer": referer}, []))
        assert (given.get(b"set-cookie", b"").decode().partition(";")[0] == f"barograph_back={kept}") == (kept is not None)


# --- the command ---


@pytest.mark.parametrize("command", ["dashboard", "up"])
def test_off_the_loopback_nothing_starts_without_a_login(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    from flows import cli

    config = tmp_path / "barograph.toml"
    config.write_text('[access]\naddress = "0.0.0.0"\n')
    assert cli.main([command, "--home", str(tmp_path / "home"), "--config", str(config), "--port", str(free_port())]) == 2
    said = capsys.readouterr().err
    assert "without a login" in said
    assert "expected kind = 'oidc' or 'proxy', or address = 'localhost'" in said
    assert not (tmp_path / "home").exists()


def test_the_page_alone_is_served_and_ends_with_its_command(tmp_path: Path) -> None:
    found = free_port()
    command = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "dashboard", "--home", str(published(tmp_path)), "--port", str(found)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert command.stdout is not None
        assert f"dashboard   http://localhost:{found}\n" in iter(command.stdout.readline, "")
        assert Visitor(found).ask("/")[0] == 200
        command.send_signal(signal.SIGTERM)
        assert command.communicate(timeout=60)[0].endswith("stopped\n")
        assert command.returncode == 0
        with pytest.raises(ConnectionRefusedError):
            Visitor(found).ask("/")
    finally:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait(20)
