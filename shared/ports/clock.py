"""The time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, as use cases ask for it."""

    def now(self) -> datetime:
        """Return the time, with a zone."""
        ...
