"""The valve's check, once a minute: maintenance windows, probes of the IIS, trials, and the switch of submit's queue.

The valve is written to the ledger first and the switch follows. A check that is stopped in between is completed by the
next one. A round of a trial may last longer than a minute, so the valve names the time until which no other check
sends one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared import settings
from shared.domain import faults, maintenance
from shared.domain import valve as valves
from shared.domain.clinics import Iis as IisSettings
from shared.domain.submission import DeliveryFault
from shared.domain.valve import ClosedBy, Valve
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.iis import Iis
from shared.ports.ledger import Stops, StopStatus
from shared.ports.queues import DeliverySwitch
from shared.replaced import replace
from shared.usecases.delivery.delivered import Delivered
from shared.usecases.delivery.stops import change_valve
from shared.usecases.delivery.sweep import Sweep

if TYPE_CHECKING:
    from shared.usecases.delivery.trial_round import Round

ANSWERED = "answered"
# The IIS answers that it has no connectivityTest, so it is reachable.
# A probe shows no certificate; an IIS that asks for one is there.
_REACHABLE = frozenset({"UNSUPPORTED-OPERATION", "TLS-CLIENT-CERTIFICATE", "TLS-REFUSED"})


@dataclass(frozen=True, slots=True)
class ValveCheckResult:
    """The result of a check.

    Attributes:
        valve: The valve after it.
        probe: The result of the probe: `ANSWERED`, a fault's code, or empty if none was due.
        delivered: The results of the messages that were sent on trial.
    """

    valve: Valve
    probe: str = ""
    delivered: tuple[Delivered, ...] = ()


class ValveCheck:
    """Checks the valve.

    Args:
        stops: Holds the valve.
        delivery: The switch of submit's queue.
        configurations: The clinics.toml in force.
        iis: Is probed.
        trial: Sends a round of so many messages, in the time that is left.
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
        trial: Callable[[int, Callable[[], float]], Round],
        clock: Clock,
        retry_scale: float = 1.0,
    ) -> None:
        self._stops = stops
        self._delivery = delivery
        self._configurations = configurations
        self._iis = iis
        self._trial = trial
        self._clock = clock
        self._retry_scale = retry_scale

    def __call__(self, seconds_left: Callable[[], float] = lambda: settings.VALVE.timeout) -> ValveCheckResult:
        """Check once.

        Args:
            seconds_left: The time until the process is stopped.
        """
        status = self._stops.current()
        try:
            iis = self._configurations.current().iis
        except LookupError:
            # Nothing can be delivered before the first `vaxline config push`.
            return ValveCheckResult(status.valve)
        checked = self._check(status, iis, self._clock.now())
        if checked.valve.on_trial:
            checked = self._send_round(checked, seconds_left)
        if self._delivery.is_on() != checked.valve.is_open:
            self._delivery.switch(on=checked.valve.is_open)
        return checked

    def _check(self, status: StopStatus, iis: IisSettings, now: datetime) -> ValveCheckResult:
        valve = status.valve
        if valve.closed_by is ClosedBy.PERSON:
            return ValveCheckResult(valve)
        window = maintenance.current(iis.maintenance, iis.time_zone, now)
        if window is not None:
            if valve.closed_by is ClosedBy.MAINTENANCE:
                return ValveCheckResult(valve)
            return self._change(valve, valves.closed(valve, ClosedBy.MAINTENANCE, window.text, now))
        if valve.is_open:
            return self._check_for_queries(status, iis)
        next_probe = now if valve.closed_by is ClosedBy.MAINTENANCE else valve.next_probe(self._retry_scale)
        if next_probe is None or now < next_probe:
            return ValveCheckResult(valve)
        failed = self._probe(iis)
        now = self._clock.now()
        if failed:
            return self._change(valve, valves.probe_failed(valve, failed, now), failed)
        return self._change(valve, valves.probe_answered(valve, now), ANSWERED)

    def _check_for_queries(self, status: StopStatus, iis: IisSettings) -> ValveCheckResult:
        """Probe for delivery if queries find the IIS out of reach, so that no message has to find out."""
        valve, gate = status.valve, status.query_gate
        found = faults.BY_CODE.get(gate.reason)
        if not gate.is_closed(self._clock.now()) or found is None or not found.is_unreachable:
            return ValveCheckResult(valve)
        code = self._probe(iis)
        if not code or not faults.BY_CODE[code].is_unreachable:
            return ValveCheckResult(valve, code or ANSWERED)
        return self._change(valve, valves.closed(valve, ClosedBy.FAULTS, code, self._clock.now()), code)

    def _send_round(self, checked: ValveCheckResult, seconds_left: Callable[[], float]) -> ValveCheckResult:
        """Send a round of the trial, unless another check is sending it."""
        valve, now = checked.valve, self._clock.now()
        if valve.busy_until is not None and now < valve.busy_until:
            return checked
        begun = valves.round_begun(valve, now + timedelta(seconds=seconds_left() * self._retry_scale))
        if not self._stops.save_valve(valve, begun):
            return replace(checked, valve=self._stops.current().valve)
        sent = self._trial(valve.round, seconds_left)
        ended = change_valve(self._stops, lambda valve: valves.round_ended(valve, sent.tally, self._clock.now()))
        return ValveCheckResult(ended, checked.probe, sent.results)

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
        kept = replace(after, version=before.version + 1)
        return ValveCheckResult(kept if saved else self._stops.current().valve, probe)


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
    return change_valve(stops, lambda valve: valves.opened(valve, clock.now())).is_open


def close_by_hand(stops: Stops, clock: Clock, reason: str) -> bool:
    """Close the valve until a person opens it. Return False if a person had closed it already."""
    if stops.current().valve.closed_by is ClosedBy.PERSON:
        return False
    after = change_valve(stops, lambda valve: valves.closed(valve, ClosedBy.PERSON, reason, clock.now()))
    return after.closed_by is ClosedBy.PERSON
