"""What every request passes before Streamlit sees it: whom it comes from, what stays closed, what browsers are told."""

import asyncio
from collections.abc import Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote, urlsplit

from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from barograph import access as rules
from barograph.settings import Access

MOST_SESSIONS = 200
"""Open pages at once; each holds memory."""
LONGEST = 3600.0
"""Seconds for which an open page of a login is served before it is asked anew who looks: browsers connect again by
themselves, and the page goes on where it was."""
_HEALTH = "/_stcore/health"
_CLOSED = ("/_stcore/upload_file", "/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check", "/app/static")
"""No page takes a file, no program drives a page, and how busy the page is concerns no visitor."""
_LOGIN, _BACK, _COOKIE = "/auth/login", "/oauth2callback", "barograph_back"
_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Vega compiles its expressions, which is what `unsafe-eval` is for; nothing is loaded from elsewhere."""
_HEADERS = (
    (b"content-security-policy", _CSP.encode()), (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)  # fmt: skip
_PAST_THE_PROXY = """<!doctype html><html lang="en"><meta charset="utf-8"><title>barograph</title>
<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;
margin:15vh auto;padding:0 1.5rem;color-scheme:light dark}h1{font-size:1.4rem}</style>
<h1>This address is closed</h1><p>The page is served through a proxy that signs people in. Open the address that you
were given; this one answers the proxy alone.</p></html>"""


class Door:
    """The middleware that stands before Streamlit."""

    def __init__(self, app: ASGIApp, access: Access, most: int = MOST_SESSIONS, longest: float = LONGEST) -> None:
        self._app = app
        self._access = access
        self._most = most
        self._longest = longest if access.kind != "none" else None
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102  ASGI's own
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = _header(scope, b"origin")
        # Streamlit would let in every page of localhost, whatever its port.
        foreign = origin is not None and urlsplit(origin).netloc != _header(scope, b"host")
        if foreign or not self._may_come(scope):
            await WebSocketClose(code=1008)(scope, receive, send)
        elif self._open >= self._most:
            await WebSocketClose(code=1013)(scope, receive, send)
        else:
            self._open += 1
            try:
                async with asyncio.timeout(self._longest):
                    await self._app(scope, receive, send)
            except TimeoutError:
                await send({"type": "websocket.close", "code": 1012})
            finally:
                self._open -= 1

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = list(self._headers(scope, message))
            await send(message)

        if path != _HEALTH and not self._may_come(scope):
            await HTMLResponse(_PAST_THE_PROXY, 403)(scope, receive, told)
        elif path.startswith(_CLOSED):
            await PlainTextResponse("closed", 404)(scope, receive, told)
        else:
            await self._app(scope, receive, told)

    def _may_come(self, scope: Scope) -> bool:
        peer = scope["client"][0] if scope.get("client") else None
        return self._access.kind != "proxy" or rules.trusted(self._access, peer)

    def _headers(self, scope: Scope, answer: MutableMapping[str, object]) -> Iterable[tuple[bytes, bytes]]:
        """The headers of an answer, with ours; and after signing in the way back to the page that asked for it."""
        given: Iterable[tuple[bytes, bytes]] = answer["headers"]  # type: ignore[assignment]
        secure = (self._access.origin or "").startswith("https://")
        back = _wanted(scope) if scope["path"] == _BACK else None
        for name, value in given:
            if name == b"set-cookie" and secure and b"secure" not in value.lower():
                yield name, value + b"; Secure"
            elif name == b"location" and back and value == b"/":
                yield name, back.encode()
            else:
                yield name, value
        if scope["path"] == _LOGIN and (asked := _asked_from(scope)):
            yield _cookie(quote(asked, safe=""), 600, secure=secure)
        elif back:
            yield _cookie("", 0, secure=secure)
        yield from _HEADERS


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _asked_from(scope: Scope) -> str | None:
    """Path and query of the page of ours on which somebody chose to sign in."""
    page = urlsplit(_header(scope, b"referer") or "")
    if page.netloc != _header(scope, b"host"):
        return None
    return _here(f"{page.path}?{page.query}" if page.query else page.path)


def _wanted(scope: Scope) -> str | None:
    """What `_asked_from` found, from its cookie."""
    try:
        found = SimpleCookie(_header(scope, b"cookie") or "").get(_COOKIE)
    except CookieError:
        return None
    return _here(unquote(found.value)) if found else None


def _here(path: str) -> str | None:
    """A path of this page; nothing that could lead elsewhere, or break a header."""
    plain = path.isascii() and path.isprintable() and len(path) <= 2000
    return path if plain and path.startswith("/") and not path.startswith(("//", "/\\")) else None


def _cookie(value: str, seconds: int, *, secure: bool) -> tuple[bytes, bytes]:
    flags = f"Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    return b"set-cookie", f"{_COOKIE}={value}; {flags}".encode()
