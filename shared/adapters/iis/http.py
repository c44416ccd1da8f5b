"""One HTTP/1.1 POST to an IIS, every outcome a value: either the answer's status and bytes, or a fault code.

Built on sockets and `http.client.HTTPResponse` alone, because the question that decides whether a vaccination may be
sent again, "did any byte go out?", has to be answered by the order of our own steps and not by guessing from a
library's exceptions. What such a library would do unasked is not here to be switched off: no redirects, no proxies or
netrc from the environment, no cookies, no second try. No compression is asked for; an answer that comes compressed all
the same is unpacked within the cap.

     look up ──► connect ──► TLS ──► send ─────────► answer
     DNS         CONNECT-*    TLS    CONNECTION-LOST  READ-TIMEOUT · CONNECTION-LOST · OVERSIZE-ANSWER · NOT-SOAP
     └──── nothing was sent ────┘    └──────────────── may be stored ──────────────────┘
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
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

import certifi
import msgspec

from shared.adapters.iis import coding

# A connection that rested longer is not used again: a NAT or load balancer on the way may have forgotten it in silence,
# and the message sent into it would count as "sent, nobody knows".
IDLE_LIMIT: Final = 30.0
# Bytes allowed for status line, header fields and chunk framing, beside the answer itself.
_HEAD_ALLOWANCE: Final = 64 * 1024


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
    (ssl.SSLCertVerificationError, "TLS-UNTRUSTED"),
    (ssl.SSLError, "TLS"),
    (ConnectionRefusedError, "CONNECT-REFUSED"),
    (Exception, "CONNECT-FAILED"),
)
# Texts of OpenSSL for certificates that it does not verify (openssl-verification-options(1)); the rest is untrusted.
_VERIFYING: Final = {9: "TLS-EXPIRED", 10: "TLS-EXPIRED", 62: "TLS-WRONG-HOST", 64: "TLS-WRONG-HOST"}
_WHILE_ANSWERING: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "READ-TIMEOUT"),
    (_OverCapError, "OVERSIZE-ANSWER"),
    (OSError, "CONNECTION-LOST"),
    (IncompleteRead, "CONNECTION-LOST"),
    (Exception, "NOT-SOAP"),
)


def _code(table: tuple[tuple[type[Exception], str], ...], error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _VERIFYING:
        return _VERIFYING[error.verify_code]
    return next(code for kind, code in table if isinstance(error, kind))


class Http:
    """Posts to IISs over kept connections; one per process, used from any number of threads.

    Args:
        ca_bundle: file with the certificate authorities to trust; None for those that certifi ships.
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
        self._ca_bundle = ca_bundle
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Endpoint, list[tuple[socket.socket, float]]] = {}
        self._lock = threading.Lock()
        # Whoever forgets close() leaves no open sockets behind.
        weakref.finalize(self, _close_all, self._idle)

    def close(self) -> None:
        """Closes the resting connections; the object can still be used."""
        with self._lock:
            _close_all(self._idle)

    def post(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> HttpAnswer | HttpFault:
        """Sends one request and reads its whole answer. Never raises for what a network or a server does."""
        sock = self._take(endpoint) or self._connect(endpoint)
        if isinstance(sock, HttpFault):
            return sock
        reusable = False
        try:
            outcome, reusable = self._exchange(sock, _request(endpoint, body, headers))
        finally:
            if reusable:
                self._put_back(endpoint, sock)
            else:
                _close(sock)
        return outcome

    def reach(self, endpoint: Endpoint) -> HttpFault | None:
        """Opens a new connection and closes it again; what kept it from being opened, or None."""
        sock = self._connect(endpoint)
        if isinstance(sock, HttpFault):
            return sock
        _close(sock)
        return None

    def _take(self, endpoint: Endpoint) -> socket.socket | None:
        """A resting connection that is still young and silent: a readable one was closed or speaks out of turn."""
        while True:
            with self._lock:
                resting = self._idle.get(endpoint)
                if not resting:
                    return None
                sock, since = resting.pop()
            if monotonic() - since < IDLE_LIMIT and not _is_readable(sock):
                return sock
            _close(sock)

    def _put_back(self, endpoint: Endpoint, sock: socket.socket) -> None:
        with self._lock:
            self._idle.setdefault(endpoint, []).append((sock, monotonic()))

    def _connect(self, endpoint: Endpoint) -> socket.socket | HttpFault:
        try:
            addresses = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return HttpFault("DNS")
        tls = self._context() if endpoint.secure else None
        deadline = monotonic() + self._connect_timeout
        outcome: socket.socket | HttpFault = HttpFault("CONNECT-FAILED")
        for family, kind, protocol, _, address in addresses:
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:  # an address family that this machine does not have
                continue
            outcome = _open(sock, address, endpoint, deadline, tls)
            if isinstance(outcome, socket.socket):
                break
        return outcome

    def _context(self) -> ssl.SSLContext:
        """The one TLS context, made when first needed: reading the authorities would be a tenth of submit's cold start.

        Raises OSError for a bundle that cannot be read: that is broken infrastructure, and no fault of the network.
        """
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._ca_bundle or certifi.where())
                self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            return self._tls

    def _exchange(self, sock: socket.socket, request: bytes) -> tuple[HttpAnswer | HttpFault, bool]:
        """Sends and receives; says also whether the connection can serve again."""
        inbound = _Inbound(sock, monotonic() + self._read_timeout, self._cap + _HEAD_ALLOWANCE)
        response = HTTPResponse(cast(socket.socket, inbound), method="POST")
        status = 0
        try:
            sock.settimeout(self._read_timeout)
            # A server that answers early (401, 413) may stop reading: its answer can be there all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
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
            return HttpFault(_code(_WHILE_ANSWERING, error), status), False
        finally:
            response.close()
        if unpacked is None:
            return HttpFault("NOT-SOAP", status), not response.will_close
        return HttpAnswer(status, unpacked, response.getheader("Content-Type", "")), not response.will_close


def _open(
    sock: socket.socket, address: object, endpoint: Endpoint, deadline: float, tls: ssl.SSLContext | None
) -> socket.socket | HttpFault:
    """Connects to one address; whatever goes wrong here, nothing of the message was sent."""
    try:
        sock.settimeout(max(deadline - monotonic(), 0.001))
        sock.connect(cast(tuple[str, int], address))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return sock
        sock.settimeout(max(deadline - monotonic(), 0.001))
        return tls.wrap_socket(sock, server_hostname=endpoint.host)
    except (OSError, ValueError) as error:
        _close(sock)
        return HttpFault(_code(_WHILE_CONNECTING, error))


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


def _close_all(idle: dict[Endpoint, list[tuple[socket.socket, float]]]) -> None:
    while idle:
        _, resting = idle.popitem()
        for sock, _since in resting:
            _close(sock)
