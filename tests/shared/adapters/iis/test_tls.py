"""Mutual TLS, private authorities, other ports and a proxy, over real sockets: who is trusted, and who is shown what."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import boto3
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from local.aws.cloud import REGION, LocalCloud
from local.ctwiz.server import Simulator
from shared.adapters.aws.secrets_manager import SecretsManagerSecrets
from shared.adapters.iis import http
from shared.adapters.iis.soap import SoapIis
from shared.domain import certificates
from shared.domain.clinics import Network, proxy_address
from shared.domain.faults import BY_CODE
from shared.domain.submission import Answer, Credentials, DeliveryFault

FACILITY = "CT0100"
VXU = (
    f"MSH|^~\\&|VAXLINE|{FACILITY}||CT0000|20260301120000+0000||VXU^V04^VXU_V04|MSG1|P|2.5.1\r"
    f"PID|1||SYN1^^^{FACILITY}^MR||Sampleton^Ada||20200102|F\r"
    f"ORC|RE||D1^{FACILITY}\rRXA|0|1|20260301||08^Hep B^CVX|999|||01^Historical^NIP001|||||||||||CP|A\r"
)


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def signed(leaf: trustme.LeafCert, username: str = "user") -> Credentials:
    chain = "".join(one.bytes().decode() for one in leaf.cert_chain_pems)
    return Credentials(username, "password", chain, leaf.private_key_pem.bytes().decode())


AUTHORITY, CLIENTS, STRANGERS = trustme.CA(), trustme.CA(), trustme.CA()
CLIENT = signed(CLIENTS.issue_cert("vaxline.example.org"))
UNSIGNED = Credentials("user", "password")
ENCRYPTED = (
    serialization.load_pem_private_key(CLIENT.private_key.encode(), None)
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    .decode()
)


class Server(Simulator):
    newest: ssl.TLSVersion


@contextmanager
def server(*, asks: bool = True, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        CLIENTS.configure_trust(context)
    with Server(facilities={FACILITY: ("user", "password")}, tls=context) as running:
        running.newest = newest
        yield running


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def asking(request: pytest.FixtureRequest) -> Iterator[Server]:
    with server(newest=request.param) as running:
        yield running


@pytest.fixture
def iis() -> Iterator[SoapIis]:
    with contextlib.closing(SoapIis(network=lambda: Network(pem(AUTHORITY)), read_timeout=20)) as client:
        yield client


def told(outcome: Answer | DeliveryFault | None) -> str:
    return outcome.code if isinstance(outcome, DeliveryFault) else "answered" if outcome else ""


def send(iis: SoapIis, simulator: Server, credentials: Credentials) -> str:
    return told(iis.submit(simulator.endpoint, credentials, FACILITY, VXU))


# Client certificates --------------------------------------------------------------------------------------------------


def test_an_iis_that_asks_for_a_certificate_is_shown_the_one_of_the_secret(iis: SoapIis, asking: Server) -> None:
    assert [send(iis, asking, CLIENT) for _ in range(3)] == ["answered"] * 3
    assert asking.stats()["connections"] == 1, "the connection is kept"
    assert told(iis.test_connection(asking.endpoint, "hi", CLIENT)) == "answered"


def refusal(simulator: Server, credentials: Credentials) -> str:
    """What OpenSSL's server says: with TLS 1.2 it does not say what it lacks where it was shown nothing."""
    is_vague = simulator.newest is ssl.TLSVersion.TLSv1_2 and not credentials.certificate
    return "TLS-REFUSED" if is_vague else "TLS-CLIENT-CERTIFICATE"


@pytest.mark.parametrize(
    "credentials",
    [
        UNSIGNED,
        signed(STRANGERS.issue_cert("vaxline.example.org")),
        signed(CLIENTS.issue_cert("vaxline.example.org", not_after=datetime.now(UTC) - timedelta(days=1))),
    ],
    ids=["none", "of an unknown authority", "expired"],
)
def test_without_a_certificate_that_the_iis_accepts_nothing_is_stored_and_the_set_up_is_to_blame(
    iis: SoapIis, asking: Server, credentials: Credentials
) -> None:
    for _ in range(5):
        assert send(iis, asking, credentials) == refusal(asking, credentials)
    assert asking.received == []
    assert not BY_CODE[refusal(asking, credentials)].may_be_stored
    assert BY_CODE["TLS-CLIENT-CERTIFICATE"].stops_facility


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("user", "password", CLIENT.certificate, ""),
        Credentials("user", "password", "", CLIENT.private_key),
        Credentials("user", "password", CLIENT.certificate, signed(CLIENTS.issue_cert("other")).private_key),
        Credentials("user", "password", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "x"),
        Credentials("user", "password", CLIENT.certificate, ENCRYPTED),
    ],
    ids=["no key", "no certificate", "another's key", "no PEM", "a key with a passphrase"],
)
def test_a_certificate_that_cannot_be_used_is_told_before_anything_is_sent(
    iis: SoapIis, asking: Server, credentials: Credentials
) -> None:
    assert send(iis, asking, credentials) == "BAD-CERTIFICATE"
    assert asking.received == []


def test_no_clinic_s_message_goes_over_the_connection_of_another_s_certificate(iis: SoapIis, asking: Server) -> None:
    other = signed(CLIENTS.issue_cert("harbor.example.org"))
    for credentials in (CLIENT, other, CLIENT, other):
        assert send(iis, asking, credentials) == "answered"
    assert asking.stats()["connections"] == 2
    assert send(iis, asking, UNSIGNED) == refusal(asking, UNSIGNED)


def test_a_new_certificate_is_shown_from_the_next_call_on_and_the_old_connection_is_closed(
    iis: SoapIis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server() as simulator:
        assert send(iis, simulator, CLIENT) == "answered"
        monkeypatch.setattr(http, "IDLE_LIMIT", 0.0)
        assert send(iis, simulator, signed(CLIENTS.issue_cert("renewed.example.org"))) == "answered"
        assert sum(map(len, iis._http._idle.values())) == 1


def test_a_probe_that_shows_no_certificate_finds_the_iis_there(iis: SoapIis, asking: Server) -> None:
    assert iis.reach(asking.endpoint) is None
    assert told(iis.test_connection(asking.endpoint, "hi")) == refusal(asking, UNSIGNED)


def test_the_key_is_on_no_disk_when_the_certificate_is_loaded(
    iis: SoapIis, asking: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(self: ssl.SSLContext, certfile: str, keyfile: str, password: str) -> None:
        loaded.extend((certfile, keyfile))

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    send(iis, asking, signed(CLIENTS.issue_cert("memory.example.org")))
    assert len(loaded) == 2
    assert all(path.startswith("/proc/self/fd/") for path in loaded)


# Authorities ----------------------------------------------------------------------------------------------------------


def test_a_private_authority_is_trusted_as_soon_as_the_configuration_has_it_and_no_longer() -> None:
    network = Network()
    with server(asks=False) as simulator, contextlib.closing(SoapIis(network=lambda: network)) as iis:
        assert send(iis, simulator, UNSIGNED) == "TLS-UNTRUSTED"
        network = Network(ca_bundle=pem(AUTHORITY))
        assert send(iis, simulator, UNSIGNED) == "answered"
        network = Network(ca_bundle=pem(STRANGERS))
        assert send(iis, simulator, UNSIGNED) == "TLS-UNTRUSTED"
        network = Network(ca_bundle=pem(STRANGERS) + pem(AUTHORITY))
        assert send(iis, simulator, UNSIGNED) == "answered"
        network = Network(ca_bundle="no certificate")
        assert send(iis, simulator, UNSIGNED) == "BAD-CERTIFICATE"


# A proxy --------------------------------------------------------------------------------------------------------------


@contextmanager
def proxy(answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP proxy that opens one tunnel after the other, and what it was asked for."""
    asked: list[bytes] = []
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    opened.append(client)
                    head = b""
                    while b"\r\n\r\n" not in head and (data := client.recv(4096)):
                        head += data
                    asked.append(head)
                    client.sendall(answer)
                    if b" 200 " not in answer:
                        client.close()
                        continue
                    host, _, port = head.split()[1].decode().rpartition(":")
                    upstream = socket.create_connection((host, int(port)))
                    opened.append(upstream)
                    for pair in ((client, upstream), (upstream, client)):
                        threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for one in opened:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def test_a_proxy_sees_the_host_s_name_and_nothing_else() -> None:
    with server() as simulator, proxy() as (address, asked):
        with contextlib.closing(SoapIis(network=lambda: Network(pem(AUTHORITY), address))) as iis:
            assert [send(iis, simulator, CLIENT) for _ in range(2)] == ["answered"] * 2
            assert send(iis, simulator, UNSIGNED) == "TLS-CLIENT-CERTIFICATE"
        place = simulator.endpoint.removeprefix("https://").partition("/")[0]
        assert asked == [f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: vaxline\r\n\r\n".encode()] * 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP-403"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP-403"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "CONNECT-FAILED"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "CONNECT-FAILED"),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n", "CONNECT-FAILED"),
        (b"", "CONNECT-FAILED"),
        (b"x" * 40_000, "CONNECT-FAILED"),
    ],
)
def test_a_proxy_that_opens_no_way_got_nothing_of_the_message(answer: bytes, code: str) -> None:
    with server() as simulator, proxy(answer) as (address, _):
        with contextlib.closing(SoapIis(network=lambda: Network(pem(AUTHORITY), address))) as iis:
            assert send(iis, simulator, CLIENT) == code
        assert simulator.received == []
        assert not BY_CODE[code].may_be_stored


def test_a_proxy_that_is_not_there_is_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with server() as simulator, contextlib.closing(SoapIis(network=lambda: Network(proxy=address))) as iis:
        assert send(iis, simulator, CLIENT) == "CONNECT-REFUSED"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://proxy.example.org:3128", ("proxy.example.org", 3128)),
        ("http://proxy.example.org:3128/", ("proxy.example.org", 3128)),
        ("http://[::1]:3128", ("::1", 3128)),
        ("https://proxy.example.org:3128", None),
        ("http://proxy.example.org", None),
        ("http://user:password@proxy.example.org:3128", None),
        ("http://proxy.example.org:3128/path", None),
        ("http://proxy.example.org:99999", None),
        ("proxy.example.org:3128", None),
        ("", None),
    ],
)
def test_a_proxy_s_address_has_host_and_port_and_no_secret(url: str, address: tuple[str, int] | None) -> None:
    assert proxy_address(url) == address


# The secret and the day ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"username": "u", "password": "p"}, Credentials("u", "p")),
        ({"username": "u", "password": "p", "certificate": "C", "private_key": "K"}, Credentials("u", "p", "C", "K")),
        ({"certificate": "C", "private_key": "K"}, Credentials("", "", "C", "K")),
        ({"certificate": "C"}, None),
        ({"username": "u"}, None),
        (["u", "p"], None),
    ],
)
def test_a_secret_may_have_a_certificate_beside_or_instead_of_a_password(
    cloud: LocalCloud, content: object, expected: Credentials | None
) -> None:
    client = boto3.client("secretsmanager", region_name=REGION)
    client.create_secret(Name="vaxline/local/with-certificate", SecretString=json.dumps(content))
    assert SecretsManagerSecrets(client, "local").credentials("with-certificate") == expected


def a_certificate(end: datetime) -> str:
    return signed(CLIENTS.issue_cert("vaxline.example.org", not_after=end)).certificate


@pytest.mark.parametrize("year", [2027, 2049, 2050, 2150])
def test_the_day_on_which_a_certificate_expires_is_read(year: int) -> None:
    end = datetime(year, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert certificates.expiry(f"Bag attributes\n{a_certificate(end)}") == end


def test_of_a_chain_the_first_to_expire_counts() -> None:
    first, second = (datetime(year, 1, 2, tzinfo=UTC) for year in (2028, 2027))
    assert certificates.expiry(a_certificate(first) + a_certificate(second)) == second


CUTS: tuple[Callable[[str], str], ...] = (
    lambda text: "",
    lambda text: text[: len(text) // 2],
    lambda text: text.replace("M", "!", 1),
    lambda text: "-----BEGIN CERTIFICATE-----\n" + "MAA=" + "\n-----END CERTIFICATE-----",
    lambda text: "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----",
    lambda text: text.replace(text.splitlines()[3], ""),
)


@pytest.mark.parametrize("cut", CUTS)
def test_what_is_no_certificate_has_no_day(cut: Callable[[str], str]) -> None:
    assert certificates.expiry(cut(a_certificate(datetime(2027, 1, 2, tzinfo=UTC)))) is None
