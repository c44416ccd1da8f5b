"""`vaxline explain`: say what a code means."""

from __future__ import annotations

from typing import Annotated

import typer

from console import terminal
from console.options import Json
from shared.usecases.explain import explanation


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("explain")(explain)


def explain(
    code: Annotated[str, typer.Argument(help="a code of a finding, a fault or an IIS, or a cause such as '103 PID-8'")],
    json: Json = False,
) -> None:
    """Says what a code means, how to fix it and who can. Example: vaxline explain LOT-MISSING"""
    code = code.upper()
    explained = explanation(code)
    if explained is None:
        terminal.print_error(f"{code} is neither a code of vaxline nor one that an IIS answers with")
        raise typer.Exit(1)
    terminal.print_result(
        {"code": code, "words": explained.words, "fix": explained.fix, "who": explained.who},
        f"{explained.words}\nFix: {explained.fix}\nWho: {explained.who}",
        as_json=json,
    )
