"""The IIS behind SOAP 1.2: port `Iis` with zeep, over the CDC contract `wsdl/cdc-iis.wsdl` (urn:cdc:iisb:2011).

zeep knows the contract: it builds the envelope, its element order and the action in the media type. Its transport is
replaced (`soap_http`), and answers are read by our own reader (`soap_answer`), so that neither a message, nor a
credential, nor the text of a fault can get into an exception or a log: zeep never sees an answer and never logs.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from importlib import resources
from time import monotonic
from typing import Any, Final

import zeep
from lxml import etree

from shared.adapters.iis import answer
from shared.adapters.iis.http import Endpoint, Http, HttpAnswer, HttpFault, Route, parse_endpoint
from shared.adapters.iis.tls import Identity
from shared.domain.clinics import Network, proxy_address
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.settings import ANSWER_CAP_BYTES, CONNECT_TIMEOUT, READ_TIMEOUT

WSDL: Final = "wsdl/cdc-iis.wsdl"
_BINDING: Final = "{urn:cdc:iisb:2011}client_Binding_Soap12"
_DIRECT: Final = Network()
_SETTINGS: Final = {
    "strict": True,
    "raw_response": True,
    "xml_huge_tree": False,
    "forbid_dtd": True,
    "forbid_entities": True,
    "forbid_external": True,
}


class _Transport(zeep.Transport):
    """The transport for zeep. It has no session and loads nothing: the WSDL comes as a stream from the package."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._of_this_call = threading.local()
        self._close_session = False
        self.cache = None

    def load(self, url: str) -> bytes:
        raise zeep.exceptions.ExternalReferenceForbidden(url)  # type: ignore[no-untyped-call]

    def go_by(self, route: Route) -> None:
        """Name the route of this thread's next call; zeep hands an address on, and nothing else."""
        self._of_this_call.route = route

    def post_xml(self, _address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpAnswer | HttpFault:
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        # SOAP 1.2 has the action in the media type; zeep's SOAPAction beside it belongs to SOAP 1.1.
        return self._http.post(self._of_this_call.route, body, {"Content-Type": headers["Content-Type"]})


class SoapIis:
    """Port `Iis`: one zeep client and one set of kept connections, for any number of threads.

    Args:
        network: returns the way to the IIS, for every call anew; by default the direct one.
        ca_bundle: file with the certificate authorities to trust where the way names none; None for certifi's.
        connect_timeout: seconds for connecting, TLS handshake included.
        read_timeout: seconds from the first byte sent to the last byte received.
        cap: bytes that an answer may have.
    """

    def __init__(
        self,
        *,
        network: Callable[[], Network] = lambda: _DIRECT,
        ca_bundle: str | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        cap: int = ANSWER_CAP_BYTES,
    ) -> None:
        self._http = Http(
            ca_bundle=ca_bundle,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            cap=cap,
            read_on=answer.READ_ON,
        )
        self._network = network
        self._transport = _Transport(self._http)
        self._services: dict[str, tuple[Endpoint, Any]] = {}
        wsdl = io.BytesIO(resources.files("shared.adapters.iis").joinpath(WSDL).read_bytes())
        self._client = zeep.Client(  # type: ignore[no-untyped-call]
            wsdl, transport=self._transport, settings=zeep.Settings(**_SETTINGS)
        )

    def close(self) -> None:
        """Closes the kept connections."""
        self._http.close()

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        """Operation submitSingleMessage (urn:cdc:iisb:2011) with one HL7 message, segments ended by CR."""
        return self._call(
            endpoint,
            credentials,
            "submitSingleMessage",
            # An element with no value is left out: the contract has it optional, and WebIZ reads both alike.
            username=credentials.username or None,
            password=credentials.password or None,
            facilityID=facility_id or None,
            hl7Message=message,
        )

    def test_connection(
        self, endpoint: str, echo: str, credentials: Credentials | None = None
    ) -> Answer | DeliveryFault:
        """Operation connectivityTest (urn:cdc:iisb:2011); of credentials only their certificate is shown."""
        return self._call(endpoint, credentials, "connectivityTest", echoBack=echo)

    def reach(self, endpoint: str) -> DeliveryFault | None:
        """A connection, secured, over which nothing is sent."""
        started = monotonic()
        parsed = parse_endpoint(endpoint)
        if parsed is None:
            return DeliveryFault("BAD-ENDPOINT", 0, 0.0)
        fault = self._http.reach(self._route(parsed, None))
        return DeliveryFault(fault.code, fault.status, monotonic() - started) if fault else None

    def _call(
        self, endpoint: str, credentials: Credentials | None, operation: str, **arguments: str | None
    ) -> Answer | DeliveryFault:
        started = monotonic()
        found = self._service(endpoint)
        if found is None:
            return DeliveryFault("BAD-ENDPOINT", 0, 0.0)
        parsed, service = found
        self._transport.go_by(self._route(parsed, credentials))
        try:
            outcome: HttpAnswer | HttpFault = service[operation](**arguments)
        except ValueError:
            # lxml: control characters, lone surrogates and non-characters have no place in XML 1.0.
            return DeliveryFault("UNSENDABLE", 0, monotonic() - started)
        seconds = monotonic() - started
        if isinstance(outcome, HttpFault):
            return DeliveryFault(outcome.code, outcome.status, seconds)
        reading = answer.read(outcome.status, outcome.body, outcome.content_type)
        if reading.code:
            return DeliveryFault(reading.code, outcome.status, seconds, reading.embedded)
        return Answer(reading.text, outcome.status, seconds, salvaged=reading.salvaged)

    def _route(self, endpoint: Endpoint, credentials: Credentials | None) -> Route:
        network = self._network()
        certificate, key = (credentials.certificate, credentials.private_key) if credentials is not None else ("", "")
        # A server on this machine is never behind a proxy.
        proxy = proxy_address(network.proxy) if network.proxy and endpoint.secure else None
        return Route(endpoint, Identity(network.ca_bundle, certificate, key), proxy)

    def _service(self, endpoint: str) -> tuple[Endpoint, Any] | None:
        """An endpoint and its operations, made once (or twice by two threads); None where we must not post to it."""
        found = self._services.get(endpoint)
        if found is None:
            parsed = parse_endpoint(endpoint)
            if parsed is None:
                return None
            service = self._client.create_service(_BINDING, endpoint)  # type: ignore[no-untyped-call]
            found = self._services[endpoint] = (parsed, service)
        return found
