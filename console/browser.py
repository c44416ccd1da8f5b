"""`vaxline console`: the same in the browser, for people who would rather look."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from console import render
from console.connect import staying_at
from console.options import Stage
from shared.bootstrap import Application
from shared.settings import LOCAL_STAGE


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("console")(console)


def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="where it listens; 0 is any free port")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only print the address")] = False,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Serves the web console to this machine's browser until Ctrl-C. Example: vaxline console --stage test"""
    with staying_at(stage) as application:
        serve(application, stage, port=port, no_browser=no_browser)


def serve(application: Application, stage: str, *, port: int, no_browser: bool) -> None:
    """Serves the console of an application until Ctrl-C, and says where."""
    from console.web import Console  # noqa: PLC0415 - NiceGUI costs two seconds, which only this command pays

    served = Console(application, stage, port=port)

    def ready() -> None:
        render.out.print(f"The console of stage {stage}, for this machine only, until Ctrl-C:", highlight=False)
        render.out.print(served.address, soft_wrap=True, highlight=False, markup=False)
        if not no_browser:
            webbrowser.open(served.address)

    served.serve(ready=ready)
