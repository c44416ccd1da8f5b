"""Access control of the web console: only the browser that opened the address with the token gets in.

    request ──► Host is ours? ──► Origin, if present, is ours? ──► token in the address? ──► set cookie, redirect
                                                              └──► cookie matches? ──► pass, else refuse

Host and Origin are checked because any page that is open in the operator's browser can send requests to 127.0.0.1 (DNS
rebinding, cross-site requests, cross-site WebSockets: OWASP Cheat Sheet Series). Responses may not be framed or cached
and may not load anything from another host.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PARAMETER: Final = "token"
REFUSED: Final = "NotResubmitted. Open the address that the terminal printed: it contains the token of this console.\n"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_CACHEABLE: Final = (b"text/css", b"text/javascript", b"application/javascript", b"font/", b"image/")
# unsafe-inline and unsafe-eval because NiceGUI starts with an inline script and Vue compiles templates.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of every response."""


def new_token() -> str:
    """Return a random token for one start of the console."""
    return secrets.token_urlsafe(32)


class Guard:
    """ASGI middleware that checks every HTTP request and WebSocket."""

    def __init__(self, app: App, *, token: str, port: int) -> None:
        self._app = app
        self._token = token
        # Browsers send a cookie to every port of a host, so its name contains the port.
        self._cookie = f"vaxline-{port}"
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_same_origin(scope, headers):
            await _refuse(scope, send)
        elif scope["type"] == "http" and self._is_token(_token_parameter(scope)):
            await self._log_in(scope, send)
        elif self._is_token(_cookie_value(headers.get("cookie", ""), self._cookie)):
            await self._app(scope, receive, _with_headers(send))
        else:
            await _refuse(scope, send)

    def _is_same_origin(self, scope: Scope, headers: dict[str, str]) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return False
        if origin is None:
            # Browsers send the origin with every request that could change something.
            return scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        return origin == f"http://{host}"

    def _is_token(self, text: str) -> bool:
        return compare_digest(text.encode("utf-8", "surrogatepass"), self._token.encode())

    async def _log_in(self, scope: Scope, send: Send) -> None:
        """Set the token as a cookie that scripts cannot read, and redirect to the address without it."""
        others = [pair for pair in _query(scope) if pair[0] != PARAMETER]
        address = quote(scope["path"].replace("//", "/"), safe="/") + (f"?{urlencode(others)}" if others else "")
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", address.encode()), (b"set-cookie", cookie.encode()), *HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _token_parameter(scope: Scope) -> str:
    return next((value for name, value in _query(scope) if name == PARAMETER), "")


def _cookie_value(header: str, name: str) -> str:
    try:
        cookie = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSED.encode()})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            media_type = next((value for name, value in headers if name.lower() == b"content-type"), b"")
            if not media_type.startswith(_CACHEABLE):
                # Pages contain PHI, so the browser must not cache them.
                headers = [pair for pair in headers if pair[0].lower() != b"cache-control"]
                headers.append((b"cache-control", b"no-store"))
            message["headers"] = [*headers, *HEADERS]
        await send(message)

    return sending
