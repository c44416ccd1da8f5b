"""The safety net: submissions that wait for delivery but have lost their queue message are queued again.

Of each patient only the first is queued, because what waits behind it would only come back. Queueing twice does no
harm: the claim decides. Facilities that a fault stopped are left alone, and so is everything behind a closed valve.
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
    """How many were queued again, and how many wait for a stopped facility."""

    queued: int
    stopped: int


class Sweep:
    """The use case with its ports."""

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
        """Queues what is overdue; with `facility`, all that waits for that facility, overdue or not.

        With `everything` all that waits for any: after the queue itself was lost (a table restored into a new stage).
        """
        now = self._clock.now()
        clinics = self._configurations.current().clinics
        stops = self._stops.current()
        if not facility and not everything and not self._queue_drains(stops.valve, now):
            return Swept(0, 0)
        queued: list[OutboxMessage] = []
        stopped = 0
        firsts: set[str] = set()
        for waiting in self._backlog.waiting():
            clinic = clinics.get(waiting.message.clinic)
            at = clinic.facility_id if clinic else ""
            if at in stops.facilities:
                stopped += 1
                continue
            is_first = waiting.message.patient_group not in firsts
            firsts.add(waiting.message.patient_group)
            if facility:
                wanted = at == facility and waiting.since < now
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
                # So that a long backlog is not queued once more at every run, only once an hour.
                self._backlog.wait_anew(message.msh_10, now)

    def _queue_drains(self, valve: Valve, now: datetime) -> bool:
        """Whether what waits has had its time: behind a closed valve all wait, their references safe in the queue."""
        return valve.is_open and (valve.since is None or valve.since <= now - self._after)
