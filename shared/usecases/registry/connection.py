"""Tests the connection to the IIS from where it runs: connectivityTest, with a clinic's client certificate if asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.submission import DeliveryFault
from shared.ports.configuration import Configurations, Secrets
from shared.ports.iis import Iis
from shared.usecases.delivery.registry_call import NO_CREDENTIALS

TEST_CONNECTION: Final = "connectivityTest"
"""The `operation` of an event by which the function `query` tests the connection."""


@dataclass(frozen=True, slots=True)
class Tested:
    """The result of a test.

    Attributes:
        endpoint: The endpoint that was called.
        fault: A code of the fault catalogue; empty if the IIS answered.
        seconds: How long it took.
        spoken_from: From where it was called, for the operator.
    """

    endpoint: str
    fault: str
    seconds: float
    spoken_from: str


class TestConnection:
    """Calls connectivityTest.

    Args:
        configurations: The clinics.toml in force.
        secrets: The clinics' credentials, for their client certificates.
        iis: The IIS.
        spoken_from: From where this process calls, for the operator.
    """

    __test__ = False

    def __init__(self, *, configurations: Configurations, secrets: Secrets, iis: Iis, spoken_from: str) -> None:
        self._configurations = configurations
        self._secrets = secrets
        self._iis = iis
        self._spoken_from = spoken_from

    def __call__(self, clinic: str = "") -> Tested:
        """Test once.

        Args:
            clinic: Key of the clinic whose client certificate is shown; empty for none.

        Raises:
            LookupError: No configuration was pushed yet, or it has no such clinic.
        """
        configuration = self._configurations.current()
        endpoint = configuration.iis.endpoint
        credentials = None
        if clinic:
            if clinic not in configuration.clinics:
                raise LookupError(f"the clinics.toml in force has no clinic {clinic!r}")
            credentials = self._secrets.credentials(configuration.clinics[clinic].secret)
            if credentials is None:
                return Tested(endpoint, NO_CREDENTIALS, 0.0, self._spoken_from)
        answer = self._iis.test_connection(endpoint, "vaxline", credentials)
        fault = answer.code if isinstance(answer, DeliveryFault) else ""
        return Tested(endpoint, fault, answer.seconds, self._spoken_from)
