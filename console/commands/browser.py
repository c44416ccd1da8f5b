"""`vaxline console`: the same in the browser; `vaxline local`: with a local run and a folder to drop files into."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from console import render
from console.connect import staying_at
from console.options import Stage
from shared.bootstrap import Application
from shared.settings import LOCAL_STAGE


def register(app: typer.Typer) -> None:
    """Adds the commands to the `vaxline` command."""
    app.command("console")(console)
    app.command("local")(local)


def console(
    port: Annotated[int, typer.Option(min=0, max=65535, help="where it listens; 0 is any free port")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only print the address")] = False,
    stage: Stage = LOCAL_STAGE,
) -> None:
    """Serves the web console to this machine's browser until Ctrl-C. Example: vaxline console --stage test"""
    with staying_at(stage) as application:
        serve(application, stage, port=port, no_browser=no_browser)


def local(
    drop: Annotated[Path, typer.Option(help="the folder to drop exports into")] = Path("build/drop"),
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="your own clinics.toml, put in force first")
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="what goes wrong at the simulated CT WiZ: typical-week, bad-day …")
    ] = "",
    seed: Annotated[int, typer.Option(help="of the scenario: the same seed, the same faults")] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="where the console listens; 0 is any free port")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only print the console's address")] = False,
) -> None:
    """Keeps a local run going until Ctrl-C: drop folder, simulated CT WiZ and web console. Example: vaxline local

    It goes on from what `make demo` or the last `vaxline local` left behind. Nothing leaves this machine.
    """
    from local.run import going  # noqa: PLC0415 - moto loads only for the local stage

    with going(drop, config, scenario, seed, tell=_tell) as application:
        serve(application, LOCAL_STAGE, port=port, no_browser=no_browser)


def _tell(words: str) -> None:
    render.out.print(words, highlight=False, markup=False, soft_wrap=True)


def serve(application: Application, stage: str, *, port: int, no_browser: bool) -> None:
    """Serves the console of an application until Ctrl-C, and says where."""
    from console.web import Console  # noqa: PLC0415 - NiceGUI costs two seconds, which only this command pays

    served = Console(application, stage, port=port)

    def ready() -> None:
        render.out.print(f"The console of stage {stage}, for this machine only, until Ctrl-C:", highlight=False)
        render.out.print(served.address, soft_wrap=True, highlight=False, markup=False)
        if not no_browser:
            webbrowser.open(served.address)

    # uvicorn ends at the signal in good order, and then passes it on.
    with suppress(KeyboardInterrupt):
        served.serve(ready=ready)
