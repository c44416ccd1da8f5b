"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from shared.domain.audit import AuditEntry


class AuditTrail(Protocol):
    """Who read or changed what. Entries are added, never changed."""

    def note(self, entry: AuditEntry) -> None:
        """Add an entry."""
        ...

    def entries(self, since: date, until: date) -> Iterator[AuditEntry]:
        """Yield the entries of these days (UTC, both included), in order of time."""
        ...
