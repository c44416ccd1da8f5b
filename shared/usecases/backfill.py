"""Turns for what large exports left waiting in the ledger: so many a minute go to the outbox, the oldest first.

    large export ──► convert: the first 2,000 ──► outbox ──► submit
                          └── the rest ──► ledger, waiting for its turn ──► backfill, every minute ──► outbox

The outbox stays short, so a clinic's daily messages wait behind a minute of another's backfill at most (ADR 0014).
Admitted and not queued, because the process ended between the two, a submission is found by sweep like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final

from shared import settings
from shared.ports import Clock, Configurations, Ledger, Outbox, Waiting

_PASSED_OVER: Final = 20
"""So many times the pace is looked at in one run, where stopped facilities have to be passed over."""

_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Admitted:
    """How many had their turn, and whether others still wait for theirs."""

    admitted: int
    left: bool


class Backfill:
    """The use case with its ports."""

    def __init__(self, *, ledger: Ledger, outbox: Outbox, configurations: Configurations, clock: Clock) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._configurations = configurations
        self._clock = clock

    def __call__(self) -> Admitted:
        """One minute's turns; none while delivery to the IIS is closed."""
        now = self._clock.now()
        configuration = self._configurations.current()
        pace = configuration.iis.backfill_per_minute
        waiting = self._ledger.backfill(pace)
        first = next(waiting, None)
        if first is None:
            return Admitted(0, left=False)
        until = now + timedelta(seconds=settings.BACKFILL_LASTS)
        for source in self._ledger.backfilling(now):
            self._ledger.begin_backfill(source, until)
        stops = self._ledger.stops()
        if not stops.valve.is_open:
            return Admitted(0, left=True)
        stopped = {one.key for one in configuration.clinics.values() if one.facility_id in stops.facilities}
        looked_at = islice(chain((first,), waiting), pace * _PASSED_OVER)
        ready = (one.message for one in looked_at if self._has_turn(one, stopped, now))
        turns = islice(ready, pace)
        admitted = 0
        while batch := list(islice(turns, _BATCH)):
            self._outbox.send(batch)
            admitted += len(batch)
        return Admitted(admitted, left=next(waiting, None) is not None)

    def _has_turn(self, one: Waiting, stopped: set[str], now: datetime) -> bool:
        return one.message.clinic not in stopped and self._ledger.admit(one.message.msh_10, now)
