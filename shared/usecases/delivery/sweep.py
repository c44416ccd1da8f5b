"""The safety net: queues submissions again that wait for delivery but have lost their queue message.

Only the first submission of each patient is queued, because those behind it would have to wait anyway. Queueing twice
is harmless, because the claim decides. Stopped facilities are left out, and so is everything while the valve is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared import settings
from shared.domain.valve import Valve
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backlog, Stops
from shared.ports.queues import Outbox, OutboxMessage
from shared.replaced import replace

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """How many submissions were queued, and how many wait for a stopped facility."""

    queued: int
    stopped: int


class Sweep:
    """Queues what is overdue.

    Args:
        backlog: What waits for delivery.
        stops: The stopped facilities and the valve.
        outbox: Receives the references.
        configurations: The clinics.toml in force.
        clock: The current time.
        after: Seconds of waiting without an attempt after which a submission is overdue.
    """

    def __init__(
        self,
        *,
        backlog: Backlog,
        stops: Stops,
        outbox: Outbox,
        configurations: Configurations,
        clock: Clock,
        after: int = settings.SWEEP_AFTER,
    ) -> None:
        self._backlog = backlog
        self._stops = stops
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock
        self._after = timedelta(seconds=after)

    def __call__(self, *, facility: str = "", everything: bool = False) -> Swept:
        """Sweep once.

        Args:
            facility: Queue everything that waits for this facility instead, overdue or not. If no clinic has it any
                more, because its code was corrected, that is everything that waits for clinics that are not stopped.
            everything: Queue everything that waits, overdue or not: after the queue itself was lost, for example when a
                table was restored into a new stage.
        """
        now = self._clock.now()
        clinics = self._configurations.current().clinics
        stops = self._stops.current()
        if not facility and not everything and not self._queue_drains(stops.valve, now):
            return Swept(0, 0)
        is_gone = bool(facility) and all(clinic.facility_id != facility for clinic in clinics.values())
        queued: list[OutboxMessage] = []
        stopped = 0
        firsts: set[str] = set()
        for waiting in self._backlog.waiting():
            clinic = clinics.get(waiting.message.clinic)
            facility_id = clinic.facility_id if clinic else ""
            if facility_id in stops.facilities:
                stopped += 1
                continue
            is_first = waiting.message.patient_group not in firsts
            firsts.add(waiting.message.patient_group)
            if facility:
                wanted = (is_gone or facility_id == facility) and waiting.since < now
            else:
                wanted = everything or (is_first and waiting.since < now - self._after)
            if wanted:
                queued.append(replace(waiting.message, round=f"s{int(now.timestamp())}"))
        self._queue(queued, now)
        return Swept(len(queued), stopped)

    def _queue(self, messages: list[OutboxMessage], now: datetime) -> None:
        for start in range(0, len(messages), _BATCH):
            part = messages[start : start + _BATCH]
            self._outbox.send(part)
            for message in part:
                # So that a long backlog is queued once per `after`, and not at every run.
                self._backlog.wait_anew(message.msh_10, now)

    def _queue_drains(self, valve: Valve, now: datetime) -> bool:
        """Whether the valve has been open for long enough. While it is closed, no reference is lost."""
        return valve.is_open and (valve.since is None or valve.since <= now - self._after)
