"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from shared.domain.clinics import Configuration

Stage = Annotated[str, typer.Option(envvar="VAXLINE_CLI_STAGE", help="local, test or production")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
Clinic = Annotated[str, typer.Option(help="only this clinic")]
Corrections = Annotated[
    list[str] | None, typer.Option("--set", help="column=value, with the column names of vaxline's CSV layout")
]


def require_known_clinic(clinic: str, configuration: Configuration) -> None:
    """Check the value of `--clinic`; empty means all clinics.

    Raises:
        typer.BadParameter: clinics.toml has no such clinic.
    """
    if clinic and clinic not in configuration.clinics:
        names = ", ".join(configuration.clinics)
        raise typer.BadParameter(f"there is no clinic {clinic!r} in clinics.toml; it is one of {names}")


def parse_corrections(corrections: Iterable[str] | None) -> dict[str, str]:
    """Parse the values of `--set` into column → new value.

    Raises:
        typer.BadParameter: a value has no equals sign.
    """
    changes = {}
    for correction in corrections or ():
        column, equals, value = correction.partition("=")
        if not equals:
            raise typer.BadParameter(f"{correction!r} is not column=value")
        changes[column.strip()] = value
    return changes
