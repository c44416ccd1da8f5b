"""Nobody but the browser with the token gets anything of the console: not by name, not from a page, not by WebSocket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from console.web.guard import Guard, Message, Receive, Scope, Send, new_token

TOKEN = "k3y-of-this-start_" + "x" * 25
HOST = "127.0.0.1:8080"
HERE = f"http://{HOST}"
COOKIE = f"vaxline-8080={TOKEN}"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that tells everybody everything."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    headers = [(b"content-type", b"text/html"), (b"cache-control", b"public")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"PHI"})


def _asked(kind: str, headers: dict[str, str], query: str = "", method: str = "GET") -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": kind,
        "path": "/",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in ({"host": HOST} | headers).items()],
        "method": method,
    }
    asyncio.run(Guard(_inner, token=TOKEN, port=8080)(scope, receive, send))
    return sent


def get(query: str = "", *, method: str = "GET", **headers: str) -> Answer:
    start, body = _asked("http", headers, query, method)
    return Answer(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        body["body"].decode(),
    )


def opens(**headers: str) -> bool:
    return [message["type"] for message in _asked("websocket", headers)] == ["websocket.accept"]


def test_without_the_token_nothing_is_shown() -> None:
    answer = get()
    assert answer.status == 403
    assert "PHI" not in answer.body


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use_and_leaves_the_address() -> None:
    answer = get(f"clinic=elm&token={TOKEN}")
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/?clinic=elm", "")
    parts = {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert parts == {COOKIE, "HttpOnly", "SameSite=Strict", "Path=/"}


@pytest.mark.parametrize("wrong", ["", "x", TOKEN[:-1], TOKEN + "x", "%C3%BC"])
def test_a_wrong_token_or_cookie_is_refused(wrong: str) -> None:
    assert get(f"token={wrong}").status == 403
    assert get(cookie=f"vaxline-8080={wrong}").status == 403


def test_the_cookie_of_another_consoles_port_does_not_fit() -> None:
    assert get(cookie=f"vaxline-8081={TOKEN}").status == 403


def test_with_the_cookie_pages_come_uncached_and_cannot_be_framed_or_load_from_elsewhere() -> None:
    answer = get(cookie=COOKIE)
    assert (answer.status, answer.body) == (200, "PHI")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("host", ["rebound.example:8080", "127.0.0.1:9999", "127.0.0.1", ""])
def test_another_name_for_this_machine_is_refused_even_with_the_cookie(host: str) -> None:
    assert get(cookie=COOKIE, host=host).status == 403
    assert get(f"token={TOKEN}", host=host).status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8080"])
def test_what_another_page_asks_for_is_refused_even_with_the_cookie(origin: str) -> None:
    assert get(cookie=COOKIE, origin=origin).status == 403
    assert get(cookie=COOKIE, origin=origin, method="POST").status == 403
    assert not opens(cookie=COOKIE, origin=origin)


def test_what_changes_something_must_name_its_origin() -> None:
    assert get(cookie=COOKIE, method="POST").status == 403
    assert get(cookie=COOKIE, method="POST", origin=HERE).status == 200


def test_a_websocket_needs_cookie_and_origin() -> None:
    assert opens(cookie=COOKIE, origin=HERE)
    assert not opens(cookie=COOKIE)
    assert not opens(origin=HERE)


def test_every_start_has_a_key_of_its_own_that_cannot_be_guessed() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 43
