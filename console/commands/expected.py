"""`vaxline expected`: when each source's next file is due, and when credentials expire."""

from __future__ import annotations

import typer

from console import render
from console.connect import to_stage
from console.options import Clinic, Json, Stage, known
from shared.settings import LOCAL_STAGE
from shared.usecases.reporting.by_clinic import expected_of
from shared.usecases.reporting.expectations import Expected


def register(app: typer.Typer) -> None:
    """Adds the command to the `vaxline` command."""
    app.command("expected")(expected)


def expected(clinic: Clinic = "", stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Lists what is due and what expires when; exit code 1 if one is late. Example: vaxline expected --clinic elm

    Of one clinic: its own sources and those whose rows name their clinic.
    """
    with to_stage(stage) as application:
        found = application.expected()
        configuration = application.configurations.current()
        if known(clinic, configuration):
            found = expected_of(found, configuration, clinic)
    if json:
        render.as_json(found)
    else:
        _show(found)
    if any(source.late for source in found.sources) or any(one.days < 0 for one in found.credentials):
        raise typer.Exit(1)


def _show(found: Expected) -> None:
    if found.sources:
        rows = (
            (
                one.source,
                f"{one.quiet_since:%Y-%m-%d %H:%M}",
                f"{one.due:%Y-%m-%d %H:%M %Z}",
                "LATE" if one.late else "",
            )
            for one in found.sources
        )
        render.table("Files", ("source", "last file (UTC)", "next one due by", ""), rows)
    else:
        render.out.print("No such source of clinics.toml has expected_every.")
    if found.credentials:
        rows = ((one.facility, one.secret, f"{one.expire}", f"{one.days}") for one in found.credentials)
        render.table("Credentials", ("facility", "secret", "expire on", "days left"), rows)
