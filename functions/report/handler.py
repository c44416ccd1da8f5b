"""report: once a day, the reports of the day before, of four weeks, and readiness, into the bucket."""

from __future__ import annotations

from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


@logs.guarded
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Scheduled event → which day was reported, and how many messages it had."""
    written = _app.report()
    logs.line("reported", count=written.messages)
    return {"day": written.day.isoformat(), "messages": written.messages, "files": written.files}
