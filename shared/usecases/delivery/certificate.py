"""The client certificates of clinics: how long they are still valid, for the alarm about credentials."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain import certificates
from shared.domain.clinics import Configuration
from shared.ports.configuration import Secrets


def days_left(clinics: Iterable[str], configuration: Configuration, secrets: Secrets, now: datetime) -> int | None:
    """Return the whole days until the first client certificate of these clinics expires; None if none has one.

    Args:
        clinics: Keys of clinics in whose name the IIS was just called, so that their secrets are cached.
        configuration: Names their secrets.
        secrets: The clinics' credentials.
        now: The current time.

    Returns:
        The days; negative after it has expired.
    """
    named = {configuration.clinics[key].secret for key in clinics if key in configuration.clinics}
    found = (secrets.credentials(secret) for secret in sorted(named))
    ends = (certificates.expiry(one.certificate) for one in found if one is not None and one.certificate)
    return min(((end - now).days for end in ends if end is not None), default=None)
