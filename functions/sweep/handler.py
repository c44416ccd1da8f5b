"""sweep: on a schedule, queues submissions again whose queue message was lost."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from shared.bootstrap import application
from shared.metrics import QUEUED_AGAIN, Measured

_app = application()


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Scheduled event → how many were queued."""
    swept = _app.sweep()
    logs.line("swept", queued=swept.queued, stopped=swept.stopped)
    metrics.put([Measured(QUEUED_AGAIN, swept.queued)])
    return {"queued": swept.queued, "stopped": swept.stopped}
