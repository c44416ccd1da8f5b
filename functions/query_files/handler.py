"""query_files: on a schedule, asks about the patients of the query files under `queries/` (docs/query.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from functions import logs
from shared.bootstrap import application
from shared.settings import QUERY_FILES_RESERVE

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Ask about the next rows of the query files, until shortly before the function's timeout.

    Returns:
        How many rows were done, how many queries were sent, and how many files are not done yet.
    """
    if not _app.is_configured:
        return {"rows": 0, "sent": 0, "waiting": 0}
    left = context.get_remaining_time_in_millis() / 1000 - QUERY_FILES_RESERVE
    run = _app.query_files(_app.clock.now() + timedelta(seconds=left))
    if run.rows or run.sent or run.waiting:
        logs.line("asked about files", rows=run.rows, count=run.sent, later=run.waiting)
    answer: dict[str, int] = msgspec.to_builtins(run)
    return answer
