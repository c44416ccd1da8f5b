"""`vaxline test-connection`: call connectivityTest at the IIS."""

from __future__ import annotations

import typer

from console import terminal
from console.connect import open_stage
from console.options import Json, Stage
from shared.settings import LOCAL_STAGE
from shared.usecases.explain import explanation


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("test-connection")(connection)


def connection(stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Calls connectivityTest at the IIS; needs no credentials. Example: vaxline test-connection --stage test"""
    with open_stage(stage) as application:
        answer = application.iis.test_connection(application.configurations.current().iis.endpoint, "vaxline")
    fault = getattr(answer, "code", "")
    explained = explanation(fault) if fault else None
    text = f"{fault}: {explained.words} {explained.fix}" if explained else "the IIS answered"
    terminal.print_result({"ok": not fault, "fault": fault}, text, as_json=json)
    if fault:
        raise typer.Exit(1)
