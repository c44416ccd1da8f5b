"""One configuration that is in force: the whole of it, until a test puts another in its place."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.clinics import Configuration


@dataclass
class Fixed:
    """Port `Configurations`."""

    configuration: Configuration

    def current(self) -> Configuration:
        return self.configuration
