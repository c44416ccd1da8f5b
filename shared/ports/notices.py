"""Notices: what they are sent for, and where to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from shared.domain.notice import Mark


class Marks(Protocol):
    """What notices are to be sent for."""

    def add(self, mark: Mark) -> None:
        """Adds a mark; one that is there stays as it is."""
        ...

    def open(self, until: datetime) -> Iterator[Mark]:
        """The marks of hours that began until then, claimed or not."""
        ...

    def claim(self, mark: Mark, now: datetime) -> bool:
        """False where somebody else has claimed it and may still be at it, or where it is gone."""
        ...

    def remove(self, mark: Mark) -> None: ...


class Topic(Protocol):
    """Where people hear of what waits for them."""

    def publish(self, subject: str, text: str) -> None: ...
