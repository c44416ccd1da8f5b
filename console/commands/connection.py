"""`vaxline test-connection`: call connectivityTest at the IIS, from where delivery calls it."""

from __future__ import annotations

from typing import Annotated

import typer

from console import terminal
from console.connect import open_stage
from console.options import Json, Stage
from shared.settings import LOCAL_STAGE
from shared.usecases.explain import explanation


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("test-connection")(connection)


def connection(
    clinic: Annotated[str, typer.Option(help="a clinic's key: show its client certificate")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Calls connectivityTest at the IIS from where delivery calls it. Example: vaxline test-connection --stage test

    On a deployed stage the function `query` calls, by the same way out as delivery. No user name or password is sent.
    """
    with open_stage(stage) as application:
        tested = application.test_connection(clinic)
    fault = tested.fault
    explained = explanation(fault) if fault else None
    text = f"{fault}: {explained.words} {explained.fix}" if explained else "the IIS answered"
    result = {
        "ok": not fault,
        "fault": fault,
        "endpoint": tested.endpoint,
        "seconds": round(tested.seconds, 3),
        "from": tested.spoken_from,
    }
    terminal.print_result(result, f"{text} (called from {tested.spoken_from})", as_json=json)
    if fault:
        raise typer.Exit(1)
