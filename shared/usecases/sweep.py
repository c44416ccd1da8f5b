"""The safety net: submissions that wait for delivery but have lost their queue message are queued again.

Queueing twice does no harm: the claim decides. Facilities that a fault stopped are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared import settings
from shared.ports import Clock, Configurations, Ledger, Outbox, OutboxMessage

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """How many were queued again, and how many wait for a stopped facility."""

    queued: int
    stopped: int


class Sweep:
    """The use case with its ports."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        outbox: Outbox,
        configurations: Configurations,
        clock: Clock,
        after: int = settings.SWEEP_AFTER,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock
        self._after = timedelta(seconds=after)

    def __call__(self, *, facility: str = "") -> Swept:
        """Queues what is overdue; with `facility`, all that waits for that facility, overdue or not."""
        now = self._clock.now()
        clinics = self._configurations.current().clinics
        stopped_facilities = self._ledger.stopped_facilities()
        queued = stopped = 0
        batch: list[OutboxMessage] = []
        for message in self._ledger.waiting(now if facility else now - self._after):
            clinic = clinics.get(message.clinic)
            at = clinic.facility_id if clinic else ""
            if at in stopped_facilities:
                stopped += 1
                continue
            if facility and at != facility:
                continue
            batch.append(replace(message, round=f"s{int(now.timestamp())}"))
            queued += 1
        for start in range(0, len(batch), _BATCH):
            part = batch[start : start + _BATCH]
            self._outbox.send(part)
            for message in part:
                # So that a long backlog is not queued once more at every run, only once an hour.
                self._ledger.wait_anew(message.msh_10, now)
        return Swept(queued, stopped)
