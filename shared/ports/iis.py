"""The IIS, behind SOAP."""

from __future__ import annotations

from typing import Protocol

from shared.domain.submission import Answer, Credentials, DeliveryFault


class Iis(Protocol):
    """Calls to the IIS (CDC's WSDL, `urn:cdc:iisb:2011`). Whatever the IIS or the network does comes as a value."""

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        """Send an HL7 message: submitSingleMessage."""
        ...

    def test_connection(
        self, endpoint: str, echo: str, credentials: Credentials | None = None
    ) -> Answer | DeliveryFault:
        """Send a text that the IIS returns: connectivityTest. It needs a client certificate at most."""
        ...

    def reach(self, endpoint: str) -> DeliveryFault | None:
        """Connect with TLS and send nothing; return None if that worked, or only our certificate was missing."""
        ...
