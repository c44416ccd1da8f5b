"""The SOAP adapter against real sockets: a simulated CT WiZ, scripted servers, TLS, and nobody at all."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import ssl
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from zeep.exceptions import ExternalReferenceForbidden

from local.ctwiz.faults import FAULTS, PlannedFault
from local.ctwiz.server import Simulator
from shared.adapters.iis import http
from shared.adapters.iis.answer import clean
from shared.adapters.iis.http import parse_endpoint
from shared.adapters.iis.soap import SoapIis
from shared.domain.faults import BY_CODE
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.settings import ANSWER_CAP_BYTES

FACILITY = "CT0100"
CREDENTIALS = Credentials("clinic-user", "S3cret-Passw0rd")


def a_vxu(msh_10: str = "MSG1", family: str = "Sampleton") -> str:
    segments = (
        f"MSH|^~\\&|VAXLINE|{FACILITY}||CT0000|20260301120000+0000||VXU^V04^VXU_V04|{msh_10}|P|2.5.1|||ER|AL|||||Z22^CDCPHINVS",
        f"PID|1||SYN1^^^{FACILITY}^MR||{family}^Ada^^^^^L||20200102|F",
        f"ORC|RE||D1^{FACILITY}",
        "RXA|0|1|20260301||08^Hep B^CVX|999|||01^Historical^NIP001|||||||||||CP|A",
    )
    return "".join(f"{segment}\r" for segment in segments)


def told(outcome: Answer | DeliveryFault) -> str:
    return outcome.code if isinstance(outcome, DeliveryFault) else outcome.text


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(facilities={FACILITY: (CREDENTIALS.username, CREDENTIALS.password)}) as running:
        yield running


@pytest.fixture
def iis() -> Iterator[SoapIis]:
    client = SoapIis(connect_timeout=10, read_timeout=20)
    yield client
    client.close()


# What works -----------------------------------------------------------------------------------------------------------


def test_a_message_is_answered_by_the_ack_for_it(iis: SoapIis, simulator: Simulator) -> None:
    answer = iis.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu("MSG-A"))
    assert isinstance(answer, Answer)
    assert answer.http_status == 200
    assert "\rMSA|AA|MSG-A" in answer.text
    assert simulator.accepted["MSG-A"] == a_vxu("MSG-A"), "every character arrived, CR included"


def test_the_connectivity_test_needs_no_credentials(iis: SoapIis, simulator: Simulator) -> None:
    answer = iis.test_connection(simulator.endpoint, "Hello & <good> day")
    assert told(answer) == "Hello & <good> day"


XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=("Cs", "Cc"))
    | st.sampled_from("\t\r\n")
)


@settings(max_examples=60)
@given(text=XML_TEXT)
def test_every_text_that_xml_can_carry_arrives_unchanged(simulator: Simulator, text: str) -> None:
    client = SoapIis()
    with contextlib.closing(client):
        assert told(client.test_connection(simulator.endpoint, text)) == (clean(text) or "EMPTY-ANSWER")


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_never_sent(iis: SoapIis, simulator: Simulator, character: str) -> None:
    before = len(simulator.received)
    assert told(iis.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu() + character)) == "UNSENDABLE"
    assert told(iis.submit(simulator.endpoint, Credentials("u", character), FACILITY, a_vxu())) == "UNSENDABLE"
    assert len(simulator.received) == before


@pytest.mark.parametrize("credentials", [Credentials("", ""), Credentials("clinic-user", ""), Credentials("x", "y")])
def test_wrong_or_empty_credentials_are_a_security_fault(
    iis: SoapIis, simulator: Simulator, credentials: Credentials
) -> None:
    outcome = iis.submit(simulator.endpoint, credentials, FACILITY, a_vxu())
    assert told(outcome) == "SECURITY-FAULT"
    assert outcome.http_status == 500


def test_a_wrong_receiving_facility_is_a_security_fault_with_its_ack(iis: SoapIis, simulator: Simulator) -> None:
    outcome = iis.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu("MSG-W").replace("CT0000", "NV0000"))
    assert isinstance(outcome, DeliveryFault)
    assert outcome.code == "SECURITY-FAULT"
    assert "\rMSA|AE|MSG-W\r" in outcome.embedded
    assert "WEBIZ-AUTH-609" in outcome.embedded


def test_two_messages_in_one_call_are_too_large(iis: SoapIis, simulator: Simulator) -> None:
    assert told(iis.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu() + a_vxu())) == "HTTP-413"


def test_many_threads_each_get_the_answer_to_their_own_message(iis: SoapIis, simulator: Simulator) -> None:
    ids = [f"THREAD-{number}" for number in range(150)]
    before = simulator.stats()["connections"]

    def send(msh_10: str) -> str:
        return told(iis.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu(msh_10)))

    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(send, ids))
    assert all(f"\rMSA|AA|{msh_10}" in answer for msh_10, answer in zip(ids, answers, strict=True))
    assert simulator.stats()["connections"] - before <= 15


# Connections ----------------------------------------------------------------------------------------------------------


def test_one_connection_serves_many_calls(iis: SoapIis, simulator: Simulator) -> None:
    before = simulator.stats()["connections"]
    for _ in range(5):
        iis.test_connection(simulator.endpoint, "hi")
    assert simulator.stats()["connections"] == before + 1


def test_a_connection_that_rested_too_long_is_not_used_again(
    iis: SoapIis, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "IDLE_LIMIT", 0.0)
    before = simulator.stats()["connections"]
    for _ in range(3):
        assert told(iis.test_connection(simulator.endpoint, "hi")) == "hi"
    assert simulator.stats()["connections"] == before + 3


def test_a_server_that_closed_a_resting_connection_costs_no_message(iis: SoapIis) -> None:
    endpoints = []
    for _ in range(2):
        with Simulator(facilities={FACILITY: ("u", "p")}) as first:
            endpoints.append(first.endpoint)
            assert told(iis.test_connection(first.endpoint, "hi")) == "hi"
    port = parse_endpoint(endpoints[-1])
    assert port is not None
    with Simulator(facilities={FACILITY: ("u", "p")}, port=port.port) as second:
        assert told(iis.test_connection(second.endpoint, "hi")) == "hi"


# What goes wrong: every fault of the simulator ------------------------------------------------------------------------

EXPECTED = {
    "reset": "CONNECTION-LOST",
    "eof": "CONNECTION-LOST",
    "eof-mid-body": "CONNECTION-LOST",
    "reset-mid-body": "CONNECTION-LOST",
    "read-timeout": "READ-TIMEOUT",
    "slow-drip": "READ-TIMEOUT",
    "not-http": "NOT-SOAP",
    "http-400": "HTTP-400",
    "http-401": "HTTP-401",
    "http-403": "HTTP-403",
    "http-407": "HTTP-403",
    "http-410": "HTTP-404",
    "http-418": "HTTP-OTHER",
    "http-501": "HTTP-404",
    "http-404": "HTTP-404",
    "http-405": "HTTP-404",
    "http-408": "HTTP-408",
    "http-413": "HTTP-413",
    "http-415": "HTTP-404",
    "http-429": "HTTP-429",
    "http-500": "HTTP-500",
    "http-502": "HTTP-502",
    "http-503": "HTTP-503",
    "http-504": "HTTP-502",
    "redirect": "HTTP-REDIRECT",
    "html-200": "NOT-SOAP",
    "empty": "EMPTY-ANSWER",
    "oversize": "OVERSIZE-ANSWER",
    "malformed-xml": "NOT-SOAP",
    "unclosed-body": "MSH|",
    "junk-before-prologue": "MSH|",
    "wrong-tag": "MSH|",
    "2014-namespace": "MSH|",
    "entities": "NOT-SOAP",
    "nil": "EMPTY-ANSWER",
    "empty-return": "EMPTY-ANSWER",
    "cdata": "MSH|",
    "base64": "MSH|",
    "url-encoded": "MSH|",
    "gzip": "MSH|",
    "deflate": "MSH|",
    "raw-deflate": "MSH|",
    "windows-1252": "MSH|",
    "mtom": "MSH|",
    "control-character": "MSH|",
    "forbidden-reference": "MSH|",
    "cp1252-in-utf-8": "MSH|",
    "damaged-msa": "NOT-SOAP",
    "plain-text": "Message received.",
    "wrong-msa-2": "MSH|",
    "no-msa-2": "MSH|",
    "several-acks": "MSH|",
    "commit-ack": "MSH|",
    "rsp-instead-of-ack": "MSH|",
    "ar": "MSH|",
    "security-fault": "SECURITY-FAULT",
    "too-large": "HTTP-413",
    "unsupported-operation": "UNSUPPORTED-OPERATION",
    "unknown-fault": "OTHER-FAULT",
    "fault-although-stored": "OTHER-FAULT",
    "fault-with-phi": "OTHER-FAULT",
    "fault-with-200": "SECURITY-FAULT",
    "fault-2014": "SECURITY-FAULT",
    "fault-soap-11": "HTTP-413",
    "fault-without-body": "UNSUPPORTED-OPERATION",
    "webiz-auth": "SECURITY-FAULT",
    "application-error": "MSH|",
}


def test_every_fault_of_the_simulator_is_expected_here() -> None:
    assert EXPECTED.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_the_simulator_is_told_apart(simulator: Simulator, name: str) -> None:
    msh_10 = f"F-{name}"
    simulator.play(PlannedFault(name, msh_10=msh_10, times=1))
    # Long enough for a busy machine; the two that never finish have to be waited for.
    timeout = 1.5 if EXPECTED[name] == "READ-TIMEOUT" else 20
    with contextlib.closing(SoapIis(read_timeout=timeout)) as client:
        outcome = client.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu(msh_10))
        assert told(outcome).startswith(EXPECTED[name])
        after = client.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu("AFTER"))
    assert "\rMSA|AA|AFTER" in told(after), "the next message is not harmed"
    if msh_10 in simulator.accepted and isinstance(outcome, DeliveryFault):
        assert BY_CODE[outcome.code].may_be_stored, "what the IIS has stored must not count as never stored"


# What goes wrong: scripted servers ------------------------------------------------------------------------------------


@contextmanager
def scripted(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request and then does what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def says(*pieces: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(b"".join(pieces))


ENVELOPE = b"<Envelope><Body><x><return>MSH|^~\\&amp;|</return></x></Body></Envelope>"
HALVES = b"%x\r\n%s\r\n" % (40, ENVELOPE[:40]) + b"%x\r\n%s\r\n" % (len(ENVELOPE) - 40, ENVELOPE[40:])
SCRIPTS = {
    "a chunked answer": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + HALVES + b"0\r\n\r\n"),
        "MSH|^~\\&|",
    ),
    "an answer that ends with the connection": (says(b"HTTP/1.0 200 OK\r\n\r\n" + ENVELOPE), "MSH|^~\\&|"),
    "100 Continue first": (
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ENVELOPE) + ENVELOPE),
        "MSH|^~\\&|",
    ),
    "a chunked answer cut off": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + HALVES),
        "CONNECTION-LOST",
    ),
    "a chunk of negative size": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + b"x" * 400_000),
        "OVERSIZE-ANSWER",
    ),
    "a length that promises too much": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + ENVELOPE),
        "CONNECTION-LOST",
    ),
    "header fields without end": (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), "NOT-SOAP"),
    "one header field without end": (says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000), "NOT-SOAP"),
    "a status line without end": (says(b"HTTP/1.1 200 " + b"y" * 400_000), "NOT-SOAP"),
    "SSH": (says(b"SSH-2.0-OpenSSH\r\n"), "NOT-SOAP"),
    "compressed rubbish": (
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
        "NOT-SOAP",
    ),
    "an endless page with 503": (says(b"HTTP/1.1 503 Busy\r\n\r\n" + b"x" * 400_000), "HTTP-503"),
    "a 404 whose page breaks off": (says(b"HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\nx"), "HTTP-404"),
    "nothing": (says(), "CONNECTION-LOST"),
    "half a status line": (says(b"HTTP/1.1 2"), "NOT-SOAP"),
}


@pytest.mark.parametrize(("script", "expected"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_odd_http_is_told_apart(iis: SoapIis, script: Callable[[socket.socket], None], expected: str) -> None:
    with scripted(script) as endpoint:
        assert told(iis.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())) == expected


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed_to_another_host_or_to_a_file(iis: SoapIis, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        for place in (f"http://127.0.0.1:{elsewhere.getsockname()[1]}/", "file:///etc/hostname", "//127.0.0.1:9/"):
            head = f"HTTP/1.1 {status} Over there\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
            with scripted(says(head.encode())) as endpoint:
                assert told(iis.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())) == "HTTP-REDIRECT"
        with pytest.raises(TimeoutError):
            elsewhere.accept()


SMALL, BOMB, BEYOND = ENVELOPE, ENVELOPE + b" " * 30_000_000, ENVELOPE + b" " * ANSWER_CAP_BYTES
CODINGS = {
    "gzip": ("gzip", gzip.compress(SMALL), "MSH|^~\\&|"),
    "gzip in capitals": ("GZIP", gzip.compress(SMALL), "MSH|^~\\&|"),
    "gzip that no header names": ("", gzip.compress(SMALL), "MSH|^~\\&|"),
    "identity": ("identity", SMALL, "MSH|^~\\&|"),
    "twice": ("deflate, gzip", gzip.compress(zlib.compress(SMALL)), "MSH|^~\\&|"),
    "a bomb": ("gzip", gzip.compress(BOMB, 9), "OVERSIZE-ANSWER"),
    "a bomb in a bomb": ("gzip, gzip", gzip.compress(gzip.compress(BOMB, 9), 9), "OVERSIZE-ANSWER"),
    "one byte beyond the cap": ("gzip", gzip.compress(BEYOND), "OVERSIZE-ANSWER"),
    "cut off": ("gzip", gzip.compress(SMALL)[:-9], "NOT-SOAP"),
    "damaged": ("gzip", gzip.compress(SMALL)[:20] + b"xxxx" + gzip.compress(SMALL)[24:], "NOT-SOAP"),
    "unknown": ("br", b"\x0b\x02\x80hello\x03", "NOT-SOAP"),
    "too many": ("gzip, gzip, gzip", gzip.compress(gzip.compress(gzip.compress(SMALL))), "NOT-SOAP"),
    "not what it says": ("gzip", SMALL, "NOT-SOAP"),
}


@pytest.mark.parametrize(("name", "body", "expected"), CODINGS.values(), ids=CODINGS.keys())
def test_a_compressed_answer_is_read_within_the_cap(iis: SoapIis, name: str, body: bytes, expected: str) -> None:
    assert len(body) < ANSWER_CAP_BYTES
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with scripted(says(head, body)) as endpoint:
        assert told(iis.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())) == expected
    assert expected not in BY_CODE or BY_CODE[expected].may_be_stored


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_answer_is_read_up_to_the_cap_and_one_beyond_it_is_not_trusted(iis: SoapIis, beyond: int) -> None:
    fill = b"x" * (ANSWER_CAP_BYTES - len(ENVELOPE) + beyond)
    body = ENVELOPE.replace(b"|</return>", b"|" + fill + b"</return>")
    with scripted(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)) as endpoint:
        outcome = iis.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())
    assert told(outcome) == ("OVERSIZE-ANSWER" if beyond else f"MSH|^~\\&|{fill.decode()}")
    assert BY_CODE["OVERSIZE-ANSWER"].may_be_stored


def test_an_endless_answer_is_cut_at_the_cap(iis: SoapIis) -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += connection.send(b"x" * 4096)

    with scripted(endless) as endpoint:
        assert told(iis.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())) == "OVERSIZE-ANSWER"
    assert sent > ANSWER_CAP_BYTES


def test_a_header_that_drips_runs_into_the_deadline() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"X: y\r\n"[:1])

    with scripted(drip) as endpoint, contextlib.closing(SoapIis(read_timeout=0.4)) as client:
        assert told(client.submit(endpoint, CREDENTIALS, FACILITY, a_vxu())) == "READ-TIMEOUT"
        stop.set()


def test_a_request_says_what_the_contract_asks_for(iis: SoapIis) -> None:
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                data = b""
                while b"</soap-env:Envelope>" not in data:
                    data += connection.recv(65536)
                seen.append(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/HL7Engine/cdc.svc?x=1"
        iis.submit(url, CREDENTIALS, FACILITY, "MSH|^~\\&|\rPID|1\r")
        thread.join(10)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /HL7Engine/cdc.svc?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b'application/soap+xml; charset=utf-8; action="urn:cdc:iisb:2011:submitSingleMessage"' in head
    assert b"MSH|^~\\&amp;|&#13;PID|1&#13;</" in body
    order = [body.index(name) for name in (b"username>", b"password>", b"facilityID>", b"hl7Message>")]
    assert order == sorted(order)
    assert b"\r\nAccept-Encoding: identity\r\n" in head
    for absent in (b"Authorization", b"Cookie", b"SOAPAction"):
        assert absent not in head
    assert b"Header" not in body


# Never on the wire ----------------------------------------------------------------------------------------------------


def never_sent(outcome: Answer | DeliveryFault, code: str) -> bool:
    return isinstance(outcome, DeliveryFault) and outcome.code == code and not BY_CODE[code].may_be_stored


def test_a_refused_connection_was_never_on_the_wire(iis: SoapIis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert never_sent(iis.submit(f"http://127.0.0.1:{port}/", CREDENTIALS, FACILITY, a_vxu()), "CONNECT-REFUSED")


def test_a_probe_that_sends_nothing_finds_the_iis_there_or_says_why_not(iis: SoapIis, simulator: Simulator) -> None:
    before = simulator.stats()
    assert iis.reach(simulator.endpoint) is None
    asked = {name: count - before.get(name, 0) for name, count in simulator.stats().items() if name != "connections"}
    assert set(asked.values()) == {0}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for endpoint, code in ((f"http://127.0.0.1:{port}/", "CONNECT-REFUSED"), ("ftp://x/", "BAD-ENDPOINT")):
        fault = iis.reach(endpoint)
        assert fault is not None
        assert fault.code == code


def test_a_host_with_several_addresses_is_reached_at_the_one_that_answers(
    iis: SoapIis, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = parse_endpoint(simulator.endpoint)
    assert parsed is not None
    found = [
        (-1, socket.SOCK_STREAM, 0, "", ("a family that does not exist", 1)),
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)),
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", parsed.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert told(iis.test_connection(simulator.endpoint, "hi")) == "hi"


def test_a_host_without_address_was_never_on_the_wire(iis: SoapIis) -> None:
    assert never_sent(iis.submit("https://iis.invalid/", CREDENTIALS, FACILITY, a_vxu()), "DNS")


def test_a_connection_that_is_not_answered_was_never_on_the_wire() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):  # fill the queue that nobody serves
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        client = stack.enter_context(contextlib.closing(SoapIis(connect_timeout=0.3)))
        outcome = client.submit(f"http://127.0.0.1:{address[1]}/", CREDENTIALS, FACILITY, a_vxu())
        assert never_sent(outcome, "CONNECT-TIMEOUT")


def test_a_handshake_that_is_not_answered_was_never_on_the_wire() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.closing(SoapIis(connect_timeout=0.3)) as client:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        assert never_sent(client.submit(url, CREDENTIALS, FACILITY, a_vxu()), "CONNECT-TIMEOUT")


@pytest.mark.parametrize(
    "url",
    [
        "http://iis.example.org/",
        "http://127.0.0.1.example.org/",
        "ftp://127.0.0.1/",
        "file:///etc/hostname",
        "https://user:password@127.0.0.1/",
        "https:///path",
        "https://127.0.0.1:port/",
        "https://127.0.0.1:99999/",
        "https://127.0.0.1/\r\nX: y",
        "https://127.0.0.1/a b",
        "https://bücher.example/",
        "",
        "iis.example.org",
    ],
)
def test_an_endpoint_that_is_not_https_is_never_called(iis: SoapIis, url: str) -> None:
    assert never_sent(iis.submit(url, CREDENTIALS, FACILITY, a_vxu()), "BAD-ENDPOINT")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_plain_http_is_for_this_machine_only(host: str) -> None:
    parsed = parse_endpoint(f"http://{host}:8090/x")
    assert parsed is not None
    assert not parsed.secure


# TLS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def secured(context: ssl.SSLContext) -> Iterator[Simulator]:
    with Simulator(facilities={FACILITY: (CREDENTIALS.username, CREDENTIALS.password)}, tls=context) as running:
        yield running


def test_a_certificate_that_verifies_is_trusted_and_the_connection_kept(authority: trustme.CA, bundle: str) -> None:
    with (
        secured(server_context(authority.issue_cert("127.0.0.1"))) as server,
        contextlib.closing(SoapIis(ca_bundle=bundle)) as client,
    ):
        for number in range(3):
            assert "MSA|AA" in told(client.submit(server.endpoint, CREDENTIALS, FACILITY, a_vxu(f"TLS{number}")))
        assert server.stats()["connections"] == 1


def old_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority.issue_cert("127.0.0.1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


BAD_SERVERS: dict[str, tuple[Callable[[trustme.CA], ssl.SSLContext], str]] = {
    "of an unknown authority": (lambda _: server_context(trustme.CA().issue_cert("127.0.0.1")), "TLS-UNTRUSTED"),
    "for another host": (lambda ca: server_context(ca.issue_cert("iis.example.org")), "TLS-WRONG-HOST"),
    "that has expired": (
        lambda ca: server_context(ca.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))),
        "TLS-EXPIRED",
    ),
    "with TLS 1.1 only": (old_tls, "TLS"),
}


@pytest.mark.parametrize(("make", "code"), BAD_SERVERS.values(), ids=BAD_SERVERS.keys())
def test_a_server_that_cannot_be_trusted_gets_nothing(
    authority: trustme.CA, bundle: str, make: Callable[[trustme.CA], ssl.SSLContext], code: str
) -> None:
    with secured(make(authority)) as server, contextlib.closing(SoapIis(ca_bundle=bundle)) as client:
        assert never_sent(client.submit(server.endpoint, CREDENTIALS, FACILITY, a_vxu()), code)
        assert server.received == []


def test_without_a_bundle_only_public_authorities_are_trusted(authority: trustme.CA, iis: SoapIis) -> None:
    with secured(server_context(authority.issue_cert("127.0.0.1"))) as server:
        assert told(iis.submit(server.endpoint, CREDENTIALS, FACILITY, a_vxu())) == "TLS-UNTRUSTED"


def test_a_bundle_that_is_not_there_is_broken_infrastructure_and_no_fault_of_the_network(tmp_path: Path) -> None:
    with (
        contextlib.closing(SoapIis(ca_bundle=str(tmp_path / "none.pem"))) as client,
        pytest.raises(FileNotFoundError),
    ):
        client.submit("https://127.0.0.1:9/soap", CREDENTIALS, FACILITY, a_vxu())


def test_https_to_a_server_without_tls_sends_nothing(iis: SoapIis, simulator: Simulator) -> None:
    before = len(simulator.received)
    url = simulator.endpoint.replace("http://", "https://")
    assert never_sent(iis.submit(url, CREDENTIALS, FACILITY, a_vxu()), "TLS")
    assert len(simulator.received) == before


# What must not happen -------------------------------------------------------------------------------------------------


def test_neither_messages_nor_credentials_nor_fault_texts_reach_a_log(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with contextlib.closing(SoapIis(read_timeout=0.5)) as client:
        for name in ("webiz-auth", "security-fault", "malformed-xml", "eof-mid-body", "oversize", "plain-text"):
            simulator.play(PlannedFault(name, msh_10="QUIET", times=1))
            client.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu("QUIET", family="Loudname"))
        client.submit(simulator.endpoint, CREDENTIALS, FACILITY, a_vxu("QUIET", family="Loudname"))
        client.submit(simulator.endpoint, Credentials("clinic-user", "S3cret\x00"), FACILITY, a_vxu())
    for secret in ("S3cret", "clinic-user", "Loudname", "MSH|", "Message received", "Authentication Error"):
        assert secret not in caplog.text


def test_proxies_and_netrc_of_the_environment_are_ignored(
    iis: SoapIis, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert told(iis.test_connection(simulator.endpoint, "hi")) == "hi"


def test_the_client_reads_nothing_but_its_own_wsdl(iis: SoapIis) -> None:
    with pytest.raises(ExternalReferenceForbidden):
        iis._client.transport.load("file:///etc/hostname")
