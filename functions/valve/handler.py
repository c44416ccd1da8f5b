"""valve: once a minute, checks the valve: maintenance windows, probes, and the switch of delivery."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from shared.bootstrap import application
from shared.domain.valve import ClosedBy
from shared.metrics import VALVE_CLOSED, Measured

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Check the valve once. A log line is written if it is closed or the IIS was probed.

    Returns:
        `OPEN` or why the valve is closed, and the result of a probe.
    """
    checked = _app.valve()
    state = str(checked.valve.closed_by or "OPEN")
    if checked.probe or not checked.valve.is_open:
        logs.line("valve", state=state, fault=checked.valve.reason if checked.probe else "", outcome=checked.probe)
    # Maintenance is planned, so it raises no alarm.
    metrics.put([Measured(VALVE_CLOSED, checked.valve.closed_by in (ClosedBy.FAULTS, ClosedBy.PERSON))])
    return {"valve": state, "probe": checked.probe}
