"""The options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from shared.domain.clinics import Configuration

Stage = Annotated[str, typer.Option(envvar="VAXLINE_CLI_STAGE", help="local, test or production")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
Clinic = Annotated[str, typer.Option(help="only this clinic")]


def known(clinic: str, configuration: Configuration) -> str:
    """The clinic that was named, or empty where none was.

    Raises:
        typer.BadParameter: clinics.toml has no such clinic.
    """
    if clinic and clinic not in configuration.clinics:
        names = ", ".join(configuration.clinics)
        raise typer.BadParameter(f"there is no clinic {clinic!r} in clinics.toml; it is one of {names}")
    return clinic
