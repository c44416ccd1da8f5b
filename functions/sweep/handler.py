"""sweep: on a schedule, queues again what lost its queue message, looks what is late, and sends notices."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from functions.sweep import telemetry
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Scheduled event → how many were queued."""
    if not _app.is_configured:
        return {"queued": 0, "stopped": 0}
    swept = _app.sweep()
    expected = _app.expected(noting=True)
    telemetry.log(swept, expected)
    metrics.put(telemetry.measured(swept, expected))
    _app.notices.send()
    return {"queued": swept.queued, "stopped": swept.stopped}
