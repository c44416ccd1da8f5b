"""report: once a day, writes the reports of the day before and of four weeks, and the readiness page, to the bucket."""

from __future__ import annotations

from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Write the reports.

    Returns:
        The day, and the numbers of its messages and of the files that were written.
    """
    written = _app.report()
    logs.line("reported", count=written.messages)
    return {"day": written.day.isoformat(), "messages": written.messages, "files": written.files}
