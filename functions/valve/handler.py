"""valve: once a minute, checks the valve: maintenance windows, probes, trials, and the switch of delivery."""

from __future__ import annotations

from typing import Any, Protocol

from functions import deliveries, logs, metrics
from shared.bootstrap import application
from shared.domain.valve import ClosedBy, Valve
from shared.metrics import VALVE_CLOSED, Measured

_app = application()


class LambdaContext(Protocol):
    """The part of Lambda's context object that is used here."""

    def get_remaining_time_in_millis(self) -> int: ...


@logs.guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Check the valve once. A log line is written if it is closed or the IIS was probed.

    Returns:
        `OPEN` or why the valve is closed, and the result of a probe.
    """
    checked = _app.valve(lambda: context.get_remaining_time_in_millis() / 1000)
    deliveries.log(checked.delivered)
    metrics.put(deliveries.measured(checked.delivered))
    state = str(checked.valve.closed_by or "OPEN")
    if checked.probe or not checked.valve.is_open:
        logs.line("valve", state=state, fault=checked.valve.reason if checked.probe else "", outcome=checked.probe)
    metrics.put([Measured(VALVE_CLOSED, _is_alarming(checked.valve))])
    return {"valve": state, "probe": checked.probe}


def _is_alarming(valve: Valve) -> bool:
    """Whether delivery has stopped: not in maintenance, which is planned, and not on a trial that goes well.

    While another check still sends a round, the outage counts as before.
    """
    return valve.closed_by in (ClosedBy.FAULTS, ClosedBy.PERSON) or valve.busy_until is not None
