"""The registry."""

from __future__ import annotations

from typing import Protocol

from shared.domain.submission import (
    Answer,
    Credentials,
    DeliveryFault,
)


class Iis(Protocol):
    """The registry behind SOAP. Every call returns values for everything that an IIS or a network can do."""

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        """submitSingleMessage (urn:cdc:iisb:2011)."""
        ...

    def test_connection(self, endpoint: str, echo: str) -> Answer | DeliveryFault:
        """connectivityTest (urn:cdc:iisb:2011); needs no credentials."""
        ...

    def reach(self, endpoint: str) -> DeliveryFault | None:
        """Connects, secures the connection and sends nothing; None where that worked."""
        ...
