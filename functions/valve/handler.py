"""valve: once a minute, closes or opens delivery to the IIS."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from shared.bootstrap import application
from shared.domain.valve import ClosedBy
from shared.metrics import VALVE_CLOSED, Measured

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Scheduled event → where the valve stands; a line in the log only where something happened."""
    checked = _app.valve()
    state = str(checked.valve.closed_by or "OPEN")
    if checked.probe or not checked.valve.is_open:
        logs.line("valve", state=state, fault=checked.valve.reason if checked.probe else "", outcome=checked.probe)
    # A maintenance window is announced and nobody's alarm.
    metrics.put([Measured(VALVE_CLOSED, checked.valve.closed_by in (ClosedBy.FAULTS, ClosedBy.PERSON))])
    return {"valve": state, "probe": checked.probe}
