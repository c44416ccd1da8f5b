"""backfill: once a minute, queues the next messages of each backfill lane."""

from __future__ import annotations

from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, int | bool]:
    """Queue the next messages of all backfill lanes. A log line is written only if any waited.

    Returns:
        How many messages were queued, and whether more could be queued next time.
    """
    if not _app.is_configured:
        return {"admitted": 0, "left": False}
    result = _app.backfill()
    if result.admitted or result.left:
        logs.line("backfill", queued=result.admitted)
    return {"admitted": result.admitted, "left": result.left}
