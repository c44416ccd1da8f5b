"""A configuration that is in force, until a test replaces it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.clinics import Configuration


@dataclass
class Fixed:
    """Port `Configurations`."""

    configuration: Configuration

    def current(self) -> Configuration:
        return self.configuration
