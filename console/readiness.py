"""`vaxline readiness`: the two clean weeks that CT WiZ asks for, day by day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from console import render
from console.connect import to_stage
from console.options import Json, Stage
from shared.settings import LOCAL_STAGE
from shared.usecases.readiness import WINDOW, Day, Readiness
from shared.usecases.readiness import readiness as of_ledger


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("readiness")(readiness)


def readiness(
    clinic: Annotated[str, typer.Option(help="only this clinic")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows the clean days towards CT WiZ's two weeks; exit code 1 until they are full. Example: vaxline readiness"""
    with to_stage(stage) as application:
        found = of_ledger(application.ledger, datetime.now(UTC).date(), clinic)
    if json:
        render.as_json(found)
    else:
        _show(found)
    if not found.is_ready:
        raise typer.Exit(1)


def _show(found: Readiness) -> None:
    render.table(
        f"Messages to the IIS{f' of {found.clinic}' if found.clinic else ''}, by day (UTC)",
        ("day", "messages", "warnings", "errors", "", "causes"),
        (
            (f"{day.date:%a %Y-%m-%d}", day.messages, day.warnings, day.errors, _word(day), ", ".join(day.causes))
            for day in found.days
        ),
    )
    if found.clean_since is None:
        render.out.print("No message has been sent yet.")
    elif found.is_ready:
        render.out.print(f"Without errors and warnings since {found.clean_since}: {WINDOW} days and more.")
    else:
        render.out.print(f"Without errors and warnings from {found.clean_since}; {WINDOW} days on {found.could_end}.")


def _word(day: Day) -> str:
    return "broken" if day.is_broken else "clean" if day.messages else "silent"
