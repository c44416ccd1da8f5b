"""The stops between a message and the IIS, as one batch sees them: stopped facilities, the valve, maintenance windows.

They are read from the ledger once per batch. A stop that a batch causes itself holds at once for everything that its
process sends, and is written to the ledger, where the next batch of any process finds it. Faults are counted on the
ledger's valve, not on a copy, because several processes may meet faults in a row.

Queries have stops of their own, so that a question never stops a message (ADR 0023). What both have in common stops
both: a maintenance window, a person who closed the valve, and an IIS to which no connection can be made.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import Final

from shared.domain import faults, maintenance, query_gate
from shared.domain import valve as valves
from shared.domain.clinics import Clinic
from shared.domain.clinics import Iis as IisSettings
from shared.domain.faults import Fault
from shared.domain.query_gate import QueryGate
from shared.domain.valve import ClosedBy, Tally, Valve
from shared.ports.clock import Clock
from shared.ports.ledger import Stops
from shared.replaced import replace

_ATTEMPTS: Final = 10
"""How often a change of the valve is tried when other processes change it at the same time."""


class Stop(StrEnum):
    """Why nothing is sent to the IIS."""

    FACILITY = "facility stopped"
    VALVE = "the valve is closed"
    QUERIES = "the IIS does not answer queries"
    MAINTENANCE = "maintenance window"


class KnownValve:
    """The newest state of the valve that one process has read or written. Safe among threads."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._valve = Valve()

    @property
    def valve(self) -> Valve:
        """The valve as it is known."""
        return self._valve

    def learn(self, valve: Valve) -> None:
        """Note a state of the valve, unless a newer one is known."""
        if valve.version >= self._valve.version:
            self._valve = valve


class DeliveryStops:
    """The stops of one batch of messages, and the accounting of its faults. Safe among the batch's threads.

    Args:
        stops: Holds the stopped facilities and the valve; read once, here.
        clock: The current time.
        iis: The IIS's settings, with its maintenance windows.
        known: What the process knows of the valve; None for a batch of its own.
        trial: The batch is a round of the valve's trial: the valve does not stop it.
    """

    def __init__(
        self, stops: Stops, clock: Clock, iis: IisSettings, known: KnownValve | None = None, *, trial: bool = False
    ) -> None:
        self._stops = stops
        self._clock = clock
        self._iis = iis
        self._trial = trial
        self._known = known or KnownValve()
        status = stops.current()
        self._facilities = dict(status.facilities)
        self._known.learn(status.valve)
        self._lock = Lock()
        self.tally = Tally()

    def reason(self, clinic: Clinic | None) -> Stop | None:
        """Return what keeps a clinic's messages from the IIS now, or None where they may be sent."""
        if clinic is not None and clinic.facility_id in self._facilities:
            return Stop.FACILITY
        if self.tally.doubts if self._trial else not self._known.valve.is_open:
            return Stop.VALVE
        window = maintenance.current(self._iis.maintenance, self._iis.time_zone, self._clock.now())
        return Stop.MAINTENANCE if window else None

    def facility_fault(self, clinic: Clinic | None) -> str:
        """Return the code of the fault that stopped a clinic's facility, or an empty text."""
        return self._facilities.get(clinic.facility_id, "") if clinic else ""

    def is_closed_by(self, fault: Fault) -> bool:
        """Whether the valve is closed and this fault is one of those that close it."""
        return not self._known.valve.is_open and fault.strategy in valves.COUNTED

    def record_fault(self, fault: Fault, clinic: Clinic | None) -> None:
        """Account for a call that ended in a fault: count it on the valve, or stop the clinic's facility."""
        with self._lock:
            self.tally = self.tally.with_fault(fault)
        if fault.is_answer:
            self._change(valves.answer_seen)
        elif fault.strategy in valves.COUNTED:
            self._change(lambda valve: valves.fault_seen(valve, fault, self._clock.now()))
        if fault.stops_facility and clinic is not None:
            self._stops.stop_facility(clinic.facility_id, fault.code, self._clock.now())
            self._facilities[clinic.facility_id] = fault.code

    def record_answer(self) -> None:
        """Account for an answer of the IIS. It is written only if faults were counted before."""
        with self._lock:
            self.tally = self.tally.with_answer()
        if self._known.valve.faults or self._known.valve.doubt:
            self._change(valves.answer_seen)

    def _change(self, change: Callable[[Valve], Valve]) -> None:
        # One thread of a process at a time, so that they do not compete for the ledger's item.
        with self._known.lock:
            self._known.learn(change_valve(self._stops, change))


class QueryStops:
    """The stops of one query, and the accounting of its fault.

    Args:
        stops: Holds the stops; read once, here.
        clock: The current time.
        iis: The IIS's settings, with its maintenance windows.
        retry_scale: Factor on the wait of the gate; below 1 in the local run and in tests.
    """

    def __init__(self, stops: Stops, clock: Clock, iis: IisSettings, *, retry_scale: float = 1.0) -> None:
        self._stops = stops
        self._clock = clock
        self._iis = iis
        self._scale = retry_scale
        self._status = stops.current()

    def reason(self, clinic: Clinic) -> Stop | None:
        """Return what keeps a clinic's queries from the IIS now, or None where they may be sent."""
        now = self._clock.now()
        if clinic.facility_id in self._status.query_facilities:
            return Stop.FACILITY
        if stops_queries(self._status.valve):
            return Stop.VALVE
        if self._status.query_gate.is_closed(now):
            return Stop.QUERIES
        return Stop.MAINTENANCE if maintenance.current(self._iis.maintenance, self._iis.time_zone, now) else None

    def record_fault(self, fault: Fault, clinic: Clinic) -> None:
        """Account for a query that ended in a fault: count it on the gate, or stop the facility's queries."""
        now = self._clock.now()
        if fault.stops_facility:
            self._stops.stop_queries_of(clinic.facility_id, fault.code, now)
        else:
            self._change(lambda gate: query_gate.fault_seen(gate, fault, now, self._scale))

    def record_answer(self) -> None:
        """Account for an answer. It is written only if faults were counted before."""
        if self._status.query_gate.faults:
            self._change(query_gate.answer_seen)

    def _change(self, change: Callable[[QueryGate], QueryGate]) -> None:
        for _ in range(_ATTEMPTS):
            before = self._stops.current().query_gate
            after = change(before)
            if after == before or self._stops.save_query_gate(before, after):
                return


def stops_queries(valve: Valve) -> bool:
    """Whether the reason that closes delivery's valve stops queries too: a person, or an IIS that cannot be reached."""
    fault = faults.BY_CODE.get(valve.reason)
    is_unreachable = valve.closed_by is ClosedBy.FAULTS and fault is not None and fault.is_unreachable
    return valve.closed_by is ClosedBy.PERSON or is_unreachable


def change_valve(stops: Stops, change: Callable[[Valve], Valve]) -> Valve:
    """Apply a change to the valve as other processes left it.

    Returns:
        The valve after the change, or as it is where others changed it at every attempt.
    """
    for _ in range(_ATTEMPTS):
        before = stops.current().valve
        after = change(before)
        if after == before:
            return after
        if stops.save_valve(before, after):
            return replace(after, version=before.version + 1)
    return stops.current().valve
