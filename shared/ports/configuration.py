"""clinics.toml and the clinics' credentials."""

from __future__ import annotations

from typing import Protocol

from shared.domain.clinics import Configuration
from shared.domain.submission import (
    Credentials,
)


class Configurations(Protocol):
    def current(self) -> Configuration:
        """The version in force (cached for a minute).

        Raises:
            LookupError: none was pushed yet.
        """
        ...


class Secrets(Protocol):
    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        """The clinic's credentials; None when the secret is missing or malformed. `fresh` skips the cache."""
        ...
