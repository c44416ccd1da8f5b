"""`vaxline config`: check a clinics.toml and put it in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console import audit_trail, terminal
from console.connect import open_stage
from console.options import Json, Stage
from shared.domain.clinics import Configuration
from shared.settings import LOCAL_STAGE

commands = typer.Typer(no_args_is_help=True, help="clinics.toml: who reports, for which clinics, from which feeds.")

ClinicsFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="the clinics.toml")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(commands, name="config")


@commands.command("check")
def config_check(file: ClinicsFile, json: Json = False) -> None:
    """Checks a clinics.toml and lists its errors. Example: vaxline config check clinics.toml"""
    _check(file, as_json=json)


@commands.command("push")
def config_push(file: ClinicsFile, stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Checks a clinics.toml and puts it in force. Example: vaxline config push clinics.toml --stage test"""
    configuration = _check(file, as_json=False)
    with open_stage(stage) as application:
        audit_trail.record(application, "config push", [configuration.version])
        application.configurations.push(file.read_text("utf-8"), configuration.version)
    terminal.print_result(
        {"version": configuration.version, "stage": stage},
        f"version {configuration.version} is in force",
        as_json=json,
    )


def _check(file: Path, *, as_json: bool) -> Configuration:
    """Read the file and print the result of the check; exit code 1 where it has errors."""
    from shared.adapters.configuration.reader import InvalidConfigurationError, read_configuration

    try:
        configuration = read_configuration(file.read_text("utf-8"), str(file))
    except InvalidConfigurationError as error:
        if as_json:
            terminal.print_json({"ok": False, "errors": error.errors})
        else:
            terminal.print_error(str(error))
        raise typer.Exit(1) from None
    terminal.print_result(
        {"ok": True, "version": configuration.version, "clinics": list(configuration.clinics)},
        f"{file}: {len(configuration.clinics)} clinics, {len(configuration.sources)} sources, no errors",
        as_json=as_json,
    )
    return configuration
