"""Notices: those that are pending, and the topic that they are published to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from shared.domain.notice import PendingNotice


class PendingNotices(Protocol):
    """The notices that are still to be sent."""

    def add(self, notice: PendingNotice) -> None:
        """Add a notice. Adding it again changes nothing."""
        ...

    def open(self, until: datetime) -> Iterator[PendingNotice]:
        """Iterate over the notices of hours that began at or before `until`, claimed or not."""
        ...

    def claim(self, notice: PendingNotice, now: datetime) -> bool:
        """Claim a notice for sending. Return False if another process holds the claim, or if the notice is gone."""
        ...

    def remove(self, notice: PendingNotice) -> None:
        """Remove a notice that was sent, or that is not needed any more."""
        ...


class Topic(Protocol):
    """The topic that operators subscribe to."""

    def publish(self, subject: str, text: str) -> None:
        """Send an e-mail to all subscribers."""
        ...
