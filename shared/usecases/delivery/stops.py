"""The stops between a message and the IIS, as one batch sees them: stopped facilities, the valve, maintenance windows.

They are read from the ledger once per batch. A stop that the batch causes itself holds for the rest of the batch at
once and is written to the ledger, where the next batch of any process finds it. Faults are counted on the ledger's
valve, not on the batch's copy, because several processes may meet faults in a row.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import Final

from shared.domain import maintenance
from shared.domain import valve as valves
from shared.domain.clinics import Clinic
from shared.domain.clinics import Iis as IisSettings
from shared.domain.faults import Fault
from shared.domain.valve import Valve
from shared.ports.clock import Clock
from shared.ports.ledger import Stops

_ATTEMPTS: Final = 5
"""How often a change of the valve is tried when other processes change it at the same time."""


class Stop(StrEnum):
    """Why nothing is sent to the IIS."""

    FACILITY = "facility stopped"
    VALVE = "the valve is closed"
    MAINTENANCE = "maintenance window"


class DeliveryStops:
    """The stops of one batch, and the accounting of its faults. Safe among the batch's threads.

    Args:
        stops: Holds the stopped facilities and the valve; read once, here.
        clock: The current time.
        iis: The IIS's settings, with its maintenance windows.
    """

    def __init__(self, stops: Stops, clock: Clock, iis: IisSettings) -> None:
        self._stops = stops
        self._clock = clock
        self._iis = iis
        self._lock = Lock()
        status = stops.current()
        self._facilities = dict(status.facilities)
        self._valve = status.valve

    def reason(self, clinic: Clinic | None) -> Stop | None:
        """Return what keeps a clinic's messages from the IIS now, or None where they may be sent."""
        if clinic is not None and clinic.facility_id in self._facilities:
            return Stop.FACILITY
        if not self._valve.is_open:
            return Stop.VALVE
        window = maintenance.current(self._iis.maintenance, self._iis.time_zone, self._clock.now())
        return Stop.MAINTENANCE if window else None

    def facility_fault(self, clinic: Clinic | None) -> str:
        """Return the code of the fault that stopped a clinic's facility, or an empty text."""
        return self._facilities.get(clinic.facility_id, "") if clinic else ""

    @property
    def on_trial(self) -> bool:
        """Whether the valve is open after a probe, with no answer to a message yet."""
        return self._valve.on_trial

    def is_closed_by(self, fault: Fault) -> bool:
        """Whether the valve is closed and this fault is one of those that close it."""
        return not self._valve.is_open and fault.strategy in valves.COUNTED

    def record_fault(self, fault: Fault, clinic: Clinic | None) -> None:
        """Account for a call that ended in a fault: count it on the valve, or stop the clinic's facility."""
        if fault.strategy in valves.COUNTED:
            self._change(lambda valve: valves.fault_seen(valve, fault.strategy, fault.code, self._clock.now()))
        if fault.stops_facility and clinic is not None:
            self._stops.stop_facility(clinic.facility_id, fault.code, self._clock.now())
            self._facilities[clinic.facility_id] = fault.code

    def record_answer(self) -> None:
        """Account for an answer of the IIS. It is written only if it ends a count of faults or a trial."""
        if self._valve.faults or self._valve.tries:
            self._change(valves.answer_seen)

    def _change(self, change: Callable[[Valve], Valve]) -> None:
        with self._lock:
            self._valve = change_valve(self._stops, change)


def change_valve(stops: Stops, change: Callable[[Valve], Valve]) -> Valve:
    """Apply a change to the valve as other processes left it.

    Returns:
        The valve after the change, or as it is where others changed it at every attempt.
    """
    for _ in range(_ATTEMPTS):
        before = stops.current().valve
        after = change(before)
        if after == before or stops.save_valve(before, after):
            return after
    return stops.current().valve
