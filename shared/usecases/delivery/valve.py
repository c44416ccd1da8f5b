"""The valve's check, once a minute: maintenance windows, probes of the IIS, and the switch of submit's queue.

The valve is written to the ledger first and the switch follows. A check that is stopped in between is completed by the
next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain import maintenance
from shared.domain import valve as valves
from shared.domain.clinics import Iis as IisSettings
from shared.domain.submission import DeliveryFault
from shared.domain.valve import ClosedBy, Valve
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.iis import Iis
from shared.ports.ledger import Stops
from shared.ports.queues import DeliverySwitch
from shared.usecases.delivery.stops import change_valve
from shared.usecases.delivery.sweep import Sweep

ANSWERED = "answered"
# The IIS answers that it has no connectivityTest, so it is reachable.
# A probe shows no certificate; an IIS that asks for one is there.
_REACHABLE = frozenset({"UNSUPPORTED-OPERATION", "TLS-CLIENT-CERTIFICATE", "TLS-REFUSED"})


@dataclass(frozen=True, slots=True)
class ValveCheckResult:
    """The valve after a check; and the result of the probe: `ANSWERED`, a fault's code, or empty if none was due."""

    valve: Valve
    probe: str = ""


class ValveCheck:
    """Checks the valve.

    Args:
        stops: Holds the valve.
        delivery: The switch of submit's queue.
        configurations: The clinics.toml in force.
        iis: Is probed.
        clock: The current time.
        retry_scale: Factor on the waits between probes; below 1 in the local run and in tests.
    """

    def __init__(
        self,
        *,
        stops: Stops,
        delivery: DeliverySwitch,
        configurations: Configurations,
        iis: Iis,
        clock: Clock,
        retry_scale: float = 1.0,
    ) -> None:
        self._stops = stops
        self._delivery = delivery
        self._configurations = configurations
        self._iis = iis
        self._clock = clock
        self._retry_scale = retry_scale

    def __call__(self) -> ValveCheckResult:
        """Check once."""
        before = self._stops.current().valve
        try:
            iis = self._configurations.current().iis
        except LookupError:
            # Nothing can be delivered before the first `vaxline config push`.
            return ValveCheckResult(before)
        now = self._clock.now()
        checked = self._check(before, iis, now)
        if self._delivery.is_on() != checked.valve.is_open:
            self._delivery.switch(on=checked.valve.is_open)
        return checked

    def _check(self, valve: Valve, iis: IisSettings, now: datetime) -> ValveCheckResult:
        if valve.closed_by is ClosedBy.PERSON:
            return ValveCheckResult(valve)
        window = maintenance.current(iis.maintenance, iis.time_zone, now)
        if window is not None:
            if valve.closed_by is ClosedBy.MAINTENANCE:
                return ValveCheckResult(valve)
            return self._change(valve, valves.closed(valve, ClosedBy.MAINTENANCE, window.text, now))
        next_probe = now if valve.closed_by is ClosedBy.MAINTENANCE else valve.next_probe(self._retry_scale)
        if next_probe is None or now < next_probe:
            return ValveCheckResult(valve)
        failed = self._probe(iis)
        now = self._clock.now()
        if failed:
            return self._change(valve, valves.probe_failed(valve, failed, now), failed)
        return self._change(valve, valves.probe_answered(valve, now), ANSWERED)

    def _probe(self, iis: IisSettings) -> str:
        """Probe the IIS. Return the fault's code, or an empty text if the IIS is reachable."""
        answer = (
            self._iis.reach(iis.endpoint)
            if iis.probe == "connect"
            else self._iis.test_connection(iis.endpoint, "probe")
        )
        return answer.code if isinstance(answer, DeliveryFault) and answer.code not in _REACHABLE else ""

    def _change(self, before: Valve, after: Valve, probe: str = "") -> ValveCheckResult:
        """Save a change. If another process or a person changed the valve meanwhile, their change stands."""
        saved = self._stops.save_valve(before, after)
        return ValveCheckResult(after if saved else self._stops.current().valve, probe)


def open_facility_by_hand(stops: Stops, sweep: Sweep, facility: str) -> int | None:
    """Open a stopped facility and queue everything that waits for it.

    Returns:
        The number of submissions queued, or None if the facility was not stopped.
    """
    return sweep(facility=facility).queued if stops.open_facility(facility) else None


def open_by_hand(stops: Stops, clock: Clock) -> bool:
    """Open the valve for a person. Return False if it was open."""
    if stops.current().valve.is_open:
        return False
    return change_valve(stops, lambda valve: valves.opened_by_person(valve, clock.now())).is_open


def close_by_hand(stops: Stops, clock: Clock, reason: str) -> bool:
    """Close the valve until a person opens it. Return False if a person had closed it already."""
    if stops.current().valve.closed_by is ClosedBy.PERSON:
        return False
    after = change_valve(stops, lambda valve: valves.closed(valve, ClosedBy.PERSON, reason, clock.now()))
    return after.closed_by is ClosedBy.PERSON
