"""The configuration (clinics.toml) and the clinics' credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from shared.domain.clinics import Configuration
from shared.domain.submission import Credentials


class Configurations(Protocol):
    """The versions of the configuration."""

    def current(self, *, since: datetime | None = None) -> Configuration:
        """Return the version in force, as of a minute ago at most.

        Args:
            since: It must not be older than the one that was in force then.

        Raises:
            LookupError: No version was pushed yet.
        """
        ...


class Secrets(Protocol):
    """The clinics' credentials."""

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        """Return credentials, or None if the secret is missing or malformed.

        Args:
            secret: Name of the secret.
            fresh: Read the secret now, not from the cache.
        """
        ...
