"""What lets messages through to the IIS, as one batch sees it: the stopped facilities, and the valve of the whole IIS.

Read once per batch; what the batch itself finds out counts for the rest of it at once and is written to the ledger, so
that the next batch of any process knows it. A fault is counted on the ledger's valve, not on the batch's copy: faults
in a row may come to several processes.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final

from shared.domain import valve as valves
from shared.domain.faults import Fault
from shared.domain.valve import Valve
from shared.ports.clock import Clock
from shared.ports.ledger import Ledger

_TRIES: Final = 5


class DeliveryStops:
    """The stops of one batch. Safe among its threads."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = Lock()
        stops = ledger.stops()
        self.facilities = dict(stops.facilities)
        self._valve = stops.valve

    @property
    def is_open(self) -> bool:
        return self._valve.is_open

    @property
    def on_trial(self) -> bool:
        return self._valve.on_trial

    def stop_facility(self, facility: str, fault: str) -> None:
        """A set-up fault: nothing of this facility is sent until a person opens it."""
        self._ledger.stop_facility(facility, fault, self._clock.now())
        self.facilities[facility] = fault

    def blames_the_iis(self, fault: Fault) -> bool:
        """Whether this fault is one of those that have closed the valve."""
        return not self._valve.is_open and fault.strategy in valves.COUNTED

    def fault_seen(self, fault: Fault) -> None:
        if fault.strategy in valves.COUNTED:
            self._change(lambda valve: valves.fault_seen(valve, fault.strategy, fault.code, self._clock.now()))

    def answer_seen(self) -> None:
        """Costs nothing while all is well: only a count that has begun, or a trial, is ended by a write."""
        if self._valve.faults or self._valve.tries:
            self._change(valves.answer_seen)

    def _change(self, change: Callable[[Valve], Valve]) -> None:
        with self._turn:
            self._valve = change_valve(self._ledger, change)


def change_valve(ledger: Ledger, change: Callable[[Valve], Valve]) -> Valve:
    """The valve after a change, made on whatever others made of it meanwhile."""
    for _ in range(_TRIES):
        before = ledger.stops().valve
        after = change(before)
        if after == before or ledger.save_valve(before, after):
            return after
    # Others change it all the time: they see what we see.
    return ledger.stops().valve
