"""A configuration that is in force, until a test replaces it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.clinics import Configuration


@dataclass
class Fixed:
    """Port `Configurations`."""

    configuration: Configuration

    def current(self, *, since: datetime | None = None) -> Configuration:
        return self.configuration
