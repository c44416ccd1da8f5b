"""sweep: on a schedule, queues submissions again whose queue message was lost, and looks what should have come."""

from __future__ import annotations

from typing import Any

from functions import metrics
from functions.sweep import report
from shared.bootstrap import application

_app = application()


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Scheduled event → how many were queued."""
    swept = _app.sweep()
    expected = _app.expected(noting=True)
    report.log(swept, expected)
    metrics.put(report.measured(swept, expected))
    return {"queued": swept.queued, "stopped": swept.stopped}
