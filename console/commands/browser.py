"""`vaxline console` and `vaxline local`: serve the web console, for a stage or with a local run."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from console import terminal
from console.connect import open_running_stage
from console.options import Stage
from shared.bootstrap import Application
from shared.settings import LOCAL_STAGE


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("console")(console)
    app.command("local")(local)


def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="the port to listen on; 0 is any free port")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only print the address")] = False,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Serves the web console to this machine's browser until Ctrl-C. Example: vaxline console --stage test"""
    with open_running_stage(stage) as application:
        _serve(application, stage, port=port, no_browser=no_browser)


def local(
    drop: Annotated[Path, typer.Option(help="the folder to drop exports into")] = Path("build/drop"),
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="your own clinics.toml, put in force first")
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="faults of CT WiZ: typical-week, repeated-failures or regional-outage")
    ] = "",
    seed: Annotated[int, typer.Option(help="seed of the scenario; the same seed gives the same faults")] = 0,
    endpoint: Annotated[
        str,
        typer.Option(help="an IIS on this machine in CT WiZ's place; `simulated` for the simulator again"),
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="the console's port; 0 is any free port")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only print the console's address")] = False,
) -> None:
    """Runs drop folder, simulated CT WiZ and web console until Ctrl-C. Example: vaxline local

    It continues from what `make demo` or the last `vaxline local` left behind. Nothing leaves this machine.
    """
    from local.interactive import interactive_run

    with interactive_run(drop, config, scenario, seed, tell=_tell, endpoint=endpoint) as application:
        _serve(application, LOCAL_STAGE, port=port, no_browser=no_browser)


def _tell(text: str) -> None:
    terminal.out.print(text, highlight=False, markup=False, soft_wrap=True)


def _serve(application: Application, stage: str, *, port: int, no_browser: bool) -> None:
    """Serve the console of an application until Ctrl-C, and print its address."""
    from console.web import Console

    server = Console(application, stage, port=port)

    def ready() -> None:
        terminal.print_text(f"The console of stage {stage}, for this machine only, until Ctrl-C:")
        _tell(server.address)
        if not no_browser:
            webbrowser.open(server.address)

    # uvicorn shuts down on the signal and then raises it again.
    with suppress(KeyboardInterrupt):
        server.serve(ready=ready)
