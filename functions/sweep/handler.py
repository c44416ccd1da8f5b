"""sweep: on a schedule, queues again what lost its queue message, checks what is late or unread, sends notices."""

from __future__ import annotations

from typing import Any

from functions import logs, metrics
from functions.sweep import telemetry
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Sweep once.

    Returns:
        How many submissions were queued, and how many wait for a stopped facility.
    """
    if not _app.is_configured:
        return {"queued": 0, "stopped": 0}
    swept = _app.sweep()
    expected = _app.expected(noting=True)
    unread = _app.unread()
    telemetry.log(swept, expected, unread)
    metrics.put(telemetry.measured(swept, expected, unread))
    _app.notices.send()
    return {"queued": swept.queued, "stopped": swept.stopped}
