"""backfill: once a minute, gives what waits in the ledger its turn at the outbox, from each clinic alike."""

from __future__ import annotations

from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, int | bool]:
    """Scheduled event → how many had their turn; a line in the log only where any waited."""
    if not _app.is_configured:
        return {"admitted": 0, "left": False}
    result = _app.backfill()
    if result.admitted or result.left:
        logs.line("backfill", queued=result.admitted)
    return {"admitted": result.admitted, "left": result.left}
