"""One HTTP/1.1 POST to an IIS, every outcome a value: either the answer's status and bytes, or a fault code.

Built on sockets and `http.client.HTTPResponse` alone, because the question that decides whether a vaccination may be
sent again, "did any byte go out?", has to be answered by the order of our own steps and not by guessing from a
library's exceptions. What such a library would do unasked is not here to be switched off: no redirects, no proxies or
netrc from the environment, no cookies, no second try. No compression is asked for; an answer that comes compressed all
the same is unpacked within the cap. A proxy that the route names is asked for a tunnel (CONNECT, RFC 9110, section
9.3.6), and sees no more than the host's name.

     look up ──► connect ──► TLS* ──► send ─────────► answer
     DNS         CONNECT-*    TLS*    CONNECTION-LOST  READ-TIMEOUT · CONNECTION-LOST · OVERSIZE-ANSWER · NOT-SOAP
     └──── nothing was sent ────┘     └──────────────── may be stored ──────────────────┘
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import re
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse, IncompleteRead
from time import monotonic
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

import msgspec

from shared.adapters.iis import coding, tls
from shared.adapters.iis.tls import BadCertificateError, Contexts, Identity

# A connection that rested longer is not used again: a NAT or load balancer on the way may have forgotten it in silence,
# and the message sent into it would count as "sent, nobody knows".
IDLE_LIMIT: Final = 30.0
# Bytes allowed for status line, header fields and chunk framing, beside the answer itself.
_HEAD_ALLOWANCE: Final = 64 * 1024
_PROXY_HEAD: Final = 16 * 1024
_PROXY_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5])\d\d")
_FORBIDDEN: Final = frozenset({b"403", b"407"})


class HttpAnswer(msgspec.Struct, frozen=True):
    """A complete HTTP answer: the status and, where it is wanted, the body, uncompressed and no longer than the cap."""

    status: int
    body: bytes
    content_type: str = ""


class HttpFault(msgspec.Struct, frozen=True):
    """No complete answer: a code of the fault catalogue, and the HTTP status where one came."""

    code: str
    status: int = 0


class Endpoint(msgspec.Struct, frozen=True):
    """A checked endpoint, see `parse_endpoint`."""

    secure: bool
    host: str
    port: int
    authority: str
    target: str


class Route(msgspec.Struct, frozen=True):
    """The way to an IIS. Connections are kept by their route, so none serves under another certificate.

    Attributes:
        endpoint: Where the request goes.
        identity: The authorities to trust, and the certificate to show.
        proxy: Host and port of a proxy in between, if there is one.
    """

    endpoint: Endpoint
    identity: Identity = Identity()
    proxy: tuple[str, int] | None = None


def parse_endpoint(url: str) -> Endpoint | None:
    """The endpoint a URL names; None unless it is https, or http to this very machine, with a host and without secrets.

    Credentials travel in the body, so plain http is for the simulator only.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if host is None or "@" in parts.netloc or parts.scheme not in ("http", "https"):
        return None
    secure = parts.scheme == "https"
    if not secure and not _is_loopback(host):
        return None
    return Endpoint(secure, host, port or (443 if secure else 80), parts.netloc, _target(parts))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _OverCapError(OSError):
    """The server sent more than the cap while one answer was read."""


class _Inbound(io.RawIOBase):
    """The bytes of one answer: each read may take what is left of the deadline, all reads together what the cap allows.

    One deadline over status line, header and body, because a peer that sends a byte now and then never runs into a
    timeout per read.
    """

    def __init__(self, sock: socket.socket, deadline: float, allowance: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        remaining = self._deadline - monotonic()
        if remaining <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise _OverCapError
        self._sock.settimeout(remaining)
        count = self._sock.recv_into(cast(bytearray, buffer))
        self._left -= count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream, as `HTTPResponse` requires of a socket."""
        return io.BufferedReader(self)


# Exceptions by the step in which they are raised; the first row that fits gives the fault.
_WHILE_CONNECTING: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "CONNECT-TIMEOUT"),
    (ConnectionRefusedError, "CONNECT-REFUSED"),
    (Exception, "CONNECT-FAILED"),
)
_WHILE_ANSWERING: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "READ-TIMEOUT"),
    (_OverCapError, "OVERSIZE-ANSWER"),
    (OSError, "CONNECTION-LOST"),
    (IncompleteRead, "CONNECTION-LOST"),
    (Exception, "NOT-SOAP"),
)


def _code(table: tuple[tuple[type[Exception], str], ...], error: Exception) -> str:
    return next(code for kind, code in table if isinstance(error, kind))


class _NoTunnelError(Exception):
    """The proxy opens no way to the IIS; `code` is the fault."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Http:
    """Posts to IISs over kept connections; one per process, used from any number of threads.

    Args:
        ca_bundle: file with the certificate authorities to trust where a route names none; None for certifi's.
        connect_timeout: seconds for connecting and the TLS handshake together (name resolution has its own limits).
        read_timeout: seconds for sending the request and receiving the whole answer.
        cap: bytes an answer's body may have.
        read_on: the HTTP statuses whose body is wanted; with any other the status is the answer.
    """

    def __init__(
        self,
        *,
        ca_bundle: str | None,
        connect_timeout: float,
        read_timeout: float,
        cap: int,
        read_on: frozenset[int],
    ) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._cap = cap
        self._read_on = read_on
        self._contexts = Contexts(ca_bundle)
        self._idle: dict[Route, list[tuple[socket.socket, float]]] = {}
        self._lock = threading.Lock()
        # Whoever forgets close() leaves no open sockets behind.
        weakref.finalize(self, _close_all, self._idle)

    def close(self) -> None:
        """Closes the resting connections; the object can still be used."""
        with self._lock:
            _close_all(self._idle)

    def post(self, route: Route, body: bytes, headers: Mapping[str, str]) -> HttpAnswer | HttpFault:
        """Sends one request and reads its whole answer. Never raises for what a network or a server does."""
        sock = self._take(route) or self._connect(route)
        if isinstance(sock, HttpFault):
            return sock
        reusable = False
        try:
            outcome, reusable = self._exchange(sock, _request(route.endpoint, body, headers))
        finally:
            if reusable:
                self._put_back(route, sock)
            else:
                _close(sock)
        return outcome

    def reach(self, route: Route) -> HttpFault | None:
        """Opens a new connection and closes it again; what kept it from being opened, or None.

        A server that refuses the handshake because it is shown no certificate is there.
        """
        sock = self._connect(route)
        if isinstance(sock, HttpFault):
            return None if sock.code in (tls.REFUSED_CERTIFICATE, tls.REFUSED_HANDSHAKE) else sock
        _close(sock)
        return None

    def _take(self, route: Route) -> socket.socket | None:
        """A resting connection that is still young and silent: a readable one was closed or speaks out of turn."""
        while True:
            with self._lock:
                resting = self._idle.get(route)
                if not resting:
                    return None
                sock, since = resting.pop()
            if monotonic() - since < IDLE_LIMIT and not _is_readable(sock):
                return sock
            _close(sock)

    def _put_back(self, route: Route, sock: socket.socket) -> None:
        """Keep a connection, and close those of routes that nobody takes any more, as after a new certificate."""
        now = monotonic()
        with self._lock:
            for other in [one for one in self._idle if one != route]:
                old = self._idle[other]
                while old and now - old[0][1] >= IDLE_LIMIT:
                    _close(old.pop(0)[0])
                if not old:
                    del self._idle[other]
            self._idle.setdefault(route, []).append((sock, now))

    def _connect(self, route: Route) -> socket.socket | HttpFault:
        try:
            context = self._contexts.of(route.identity) if route.endpoint.secure else None
        except BadCertificateError:
            return HttpFault(tls.BAD_CERTIFICATE)
        host, port = route.proxy or (route.endpoint.host, route.endpoint.port)
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return HttpFault("DNS")
        deadline = monotonic() + self._connect_timeout
        outcome: socket.socket | HttpFault = HttpFault("CONNECT-FAILED")
        for family, kind, protocol, _, address in addresses:
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:  # an address family that this machine does not have
                continue
            outcome = _open(sock, address, route, deadline, context)
            if isinstance(outcome, socket.socket):
                break
        return outcome

    def _exchange(self, sock: socket.socket, request: bytes) -> tuple[HttpAnswer | HttpFault, bool]:
        """Sends and receives; says also whether the connection can serve again."""
        inbound = _Inbound(sock, monotonic() + self._read_timeout, self._cap + _HEAD_ALLOWANCE)
        response = HTTPResponse(cast(socket.socket, inbound), method="POST")
        status = 0
        try:
            sock.settimeout(self._read_timeout)
            # A server that answers early (401, 413, an alert) may stop reading: its answer can be there all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                sock.sendall(request)
            response.begin()
            status = response.status
            if status not in self._read_on:
                return HttpAnswer(status, b""), False
            body = response.read(self._cap + 1)
            if len(body) > self._cap:
                raise _OverCapError
            if response.length:
                # http.client does not complain when a read with a limit ends before Content-Length.
                raise IncompleteRead(b"")
            unpacked = coding.decoded(body, response.getheader("Content-Encoding", ""), self._cap)
            if unpacked is not None and len(unpacked) > self._cap:
                raise _OverCapError
        except (OSError, HTTPException, ValueError) as error:
            if not status and tls.fault_of(error) == tls.REFUSED_CERTIFICATE:
                # Told instead of an answer: the server did not read the request.
                return HttpFault(tls.REFUSED_CERTIFICATE), False
            return HttpFault(_code(_WHILE_ANSWERING, error), status), False
        finally:
            response.close()
        if unpacked is None:
            return HttpFault("NOT-SOAP", status), not response.will_close
        return HttpAnswer(status, unpacked, response.getheader("Content-Type", "")), not response.will_close


def _open(
    sock: socket.socket, address: object, route: Route, deadline: float, context: ssl.SSLContext | None
) -> socket.socket | HttpFault:
    """Connects to one address; whatever goes wrong here, nothing of the message was sent."""
    try:
        sock.settimeout(max(deadline - monotonic(), 0.001))
        sock.connect(cast(tuple[str, int], address))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.proxy is not None:
            _tunnel(sock, route.endpoint, deadline)
        if context is None:
            return sock
        sock.settimeout(max(deadline - monotonic(), 0.001))
        return context.wrap_socket(sock, server_hostname=route.endpoint.host)
    except _NoTunnelError as error:
        _close(sock)
        return HttpFault(error.code)
    except (OSError, ValueError) as error:
        _close(sock)
        return HttpFault(tls.fault_of(error) or _code(_WHILE_CONNECTING, error))


def _tunnel(sock: socket.socket, endpoint: Endpoint, deadline: float) -> None:
    """Ask the proxy for a tunnel to the endpoint.

    Raises:
        _NoTunnelError: It gives none.
        OSError: The connection to it failed.
    """
    place = f"[{endpoint.host}]:{endpoint.port}" if ":" in endpoint.host else f"{endpoint.host}:{endpoint.port}"
    sock.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: vaxline\r\n\r\n".encode("ascii"))
    head = b""
    # Byte by byte, since what follows the blank line is the server's.
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        sock.settimeout(max(deadline - monotonic(), 0.001))
        byte = sock.recv(1)
        if not byte or len(head) >= _PROXY_HEAD:
            raise _NoTunnelError("CONNECT-FAILED")
        head += byte
    status = _PROXY_STATUS.match(head)
    if status is None or status[1] != b"2":
        raise _NoTunnelError("HTTP-403" if status is not None and status[0][-3:] in _FORBIDDEN else "CONNECT-FAILED")


def _request(endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {endpoint.target} HTTP/1.1",
        f"Host: {endpoint.authority}",
        "User-Agent: vaxline",
        "Accept: application/soap+xml, text/xml",
        "Accept-Encoding: identity",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def _is_readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.close()


def _close_all(idle: dict[Route, list[tuple[socket.socket, float]]]) -> None:
    while idle:
        _, resting = idle.popitem()
        for sock, _since in resting:
            _close(sock)
