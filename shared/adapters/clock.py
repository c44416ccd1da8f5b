"""The time."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Port `Clock`: the machine's time in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
