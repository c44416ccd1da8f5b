"""One call to the IIS in the name of a clinic, for messages and queries alike, with the clinic's credentials."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from shared.domain.clinics import Clinic, Configuration
from shared.domain.submission import Answer, DeliveryFault
from shared.ports.configuration import Secrets
from shared.ports.iis import Iis

_OF_CREDENTIALS: Final = frozenset({"SECURITY-FAULT", "TLS-CLIENT-CERTIFICATE", "TLS-REFUSED", "BAD-CERTIFICATE"})
"""Faults after which the secret may have been changed."""
NO_CREDENTIALS: Final = "NO-CREDENTIALS"

Send = Callable[[str], Answer | DeliveryFault]
"""Sends one HL7 message with the clinic's credentials."""


class CallResult(Protocol):
    """The result of one exchange with the IIS; `fault` is a code of the fault catalogue, or empty."""

    @property
    def fault(self) -> str: ...


_Result = TypeVar("_Result", bound=CallResult)


class RegistryCall:
    """Calls to the IIS under one configuration. Safe among the threads of a batch.

    Args:
        secrets: The clinics' credentials.
        iis: The IIS.
        configuration: Names the endpoint.
    """

    def __init__(self, *, secrets: Secrets, iis: Iis, configuration: Configuration) -> None:
        self._secrets = secrets
        self._iis = iis
        self._endpoint = configuration.iis.endpoint

    def __call__(self, clinic: Clinic, exchange: Callable[[Send], _Result]) -> _Result | None:
        """Run an exchange with the clinic's credentials.

        After a fault of the credentials the secret is read again. If it was changed since, the exchange is run once
        more: a new password or certificate gets one try before the facility stops. More tries could lock the account.

        Args:
            clinic: In whose name the IIS is called.
            exchange: Sends one message and reads the answer.

        Returns:
            The result of the last exchange, or None if the clinic's secret is missing or malformed.
        """
        credentials = self._secrets.credentials(clinic.secret)
        if credentials is None:
            return None
        result = exchange(partial(self._iis.submit, self._endpoint, credentials, clinic.facility_id))
        if result.fault not in _OF_CREDENTIALS:
            return result
        fresh = self._secrets.credentials(clinic.secret, fresh=True)
        if fresh is None or fresh == credentials:
            return result
        return exchange(partial(self._iis.submit, self._endpoint, fresh, clinic.facility_id))
