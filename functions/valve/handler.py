"""valve: once a minute, closes or opens delivery to the IIS."""

from __future__ import annotations

from typing import Any

from functions import logs
from shared.bootstrap import application

_app = application()


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Scheduled event → where the valve stands; a line in the log only where something happened."""
    watched = _app.valve()
    state = str(watched.valve.closed_by or "OPEN")
    if watched.probe or not watched.valve.is_open:
        logs.line("valve", state=state, fault=watched.valve.reason if watched.probe else "", outcome=watched.probe)
    return {"valve": state, "probe": watched.probe}
